/* The audit trail: what is kept of every call and of every admin's change.
 *
 * Invariants
 *  1. In strict mode a reply leaves only after its record is committed (fsynced). What cannot be recorded is refused.
 *  2. For write and destroy the intent is committed before the connector is called.
 *  3. One chain per organisation and writer: mac(n) = HMAC(key, mac(n-1) || canonical record n); seq counts from 1
 * without gaps.
 *  4. The record holds digests of personal content (e-mail, client's name, arguments); the content stands sealed beside
 * it, so that erasure breaks nothing.
 *  5. What retention removes is a chain's beginning, and a keyed tombstone stands in its place (retention.h).
 *  6. The head row is keyed: it cannot be set back to an earlier record without the key's owner noticing, given a
 * checkpoint. */
#ifndef CONNEK_AUDIT_AUDIT_H
#define CONNEK_AUDIT_AUDIT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/uuid.h"
#include "db/db.h"
#include "net/loop.h"
#include "vault/vault.h"

enum audit_kind {
  AUDIT_CALL,    /* a whole call in one record: reads, and whatever was denied */
  AUDIT_INTENT,  /* a write or destroy is about to be done */
  AUDIT_OUTCOME, /* how the intent with the same call id ended */
  AUDIT_CHANGE,  /* an admin's change */
};

enum audit_decision { AUDIT_ALLOWED, AUDIT_DENIED };
enum audit_outcome { AUDIT_OK, AUDIT_ERROR, AUDIT_CANCELLED, AUDIT_UNKNOWN, AUDIT_NONE };

/* What the writer is given. Every slice must stay valid until `done` has run: it lies in the call's arena. */
struct audit_event {
  enum audit_kind kind;
  struct uuid organisation_id;
  const struct vault_keys *keys; /* the organisation's; kept valid by the event's owner until `done` */
  int64_t time;                  /* UTC microseconds */
  struct uuid call_id;           /* the change's id for AUDIT_CHANGE */
  struct uuid user_id, token_id; /* nil where there is none: a command of the operator */
  struct str user_email;         /* personal */
  struct str client;             /* "name version" as the client says; personal */
  struct str roles;              /* JSON array of names */
  int64_t policy_version;
  struct str connector; /* id */
  int64_t connector_version;
  struct uuid connection_id;
  struct str connection;   /* its name */
  struct str tool;         /* as the client named it; for AUDIT_CHANGE what was done: "apply", "token.create" ... */
  struct str does;         /* read write destroy, or empty */
  struct str arguments;    /* canonical JSON (RFC 8785), or empty; personal: its keyed digest stands in the record */
  bool may_keep_arguments; /* sealed, when at most LIMIT_AUDIT_ARGUMENTS */
  enum audit_decision decision;
  struct str reason; /* short and stable: "rule 0192... of role finance", "no_rule", "unknown_tool", "rate" */
  enum audit_outcome outcome;
  struct str error; /* code word of a failed call, or empty */
  int64_t duration_us;
  char trace_id[33];

  /* the writer's */
  void (*done)(struct audit_event *event); /* on `loop`; `code` tells whether it is durable */
  struct loop *loop;
  enum err_code code;
  struct loop_task task;
  struct audit_event *next;
  bool is_copy; /* its call has been told already */
};

/* Who makes a change. */
struct audit_author {
  struct uuid user_id, token_id;
  struct str email, client;
  const char *reason; /* "admin" */
};
/* The change is theirs; NULL: the operator's, by a command. A token that the event is about already stays. */
void audit_event_by(struct audit_event *event, const struct audit_author *author);

struct audit_writer;

struct audit_writer_options {
  struct str writer; /* names its chains: "node1"; commands use AUDIT_COMMAND_WRITER */
  bool is_relaxed;   /* `done` is called before the commit, from within audit_submit; the commit begins within a few
                        milliseconds; what fails then is counted and turns readiness off. Where calls are far ahead of
                        their records (LIMIT_AUDIT_AHEAD), they wait as in strict mode */
};

#define AUDIT_COMMAND_WRITER "command"

/* Starts the one writer thread, which has a connection of its own and groups what arrives into one commit. */
enum err_code audit_writer_start(struct db *db, const struct audit_writer_options *options,
                                 struct audit_writer **ret_writer, struct err *err) MUST_CHECK;
/* Commits what was submitted, then ends. */
void audit_writer_stop(struct audit_writer *writer);
/* From any thread (in relaxed mode: on the event's loop). Never blocks. `done` is called exactly once, unless this
 * returns false: queue full, nothing taken. */
bool audit_submit(struct audit_writer *writer, struct audit_event *event) MUST_CHECK;
/* False from a failed commit until one succeeds again: /readyz says so. From any thread. */
bool audit_is_healthy(const struct audit_writer *writer);

struct audit_counts {
  uint64_t records, commits, failures;
};
void audit_count(const struct audit_writer *writer, struct audit_counts *ret_counts);

/* Writes one record inside a command's or an API's own transaction, on the chain AUDIT_COMMAND_WRITER: it stands or
 * falls with the change. Webhooks hear of it. */
enum err_code audit_record_in(struct db_tx *tx, const struct audit_event *event, struct err *err) MUST_CHECK;

/* verify.c. Opens keys through `keys_of` (once an organisation). */
typedef const struct vault_keys *(*audit_keys_of)(struct uuid organisation_id, void *context);
struct audit_finding {
  bool holds;
  int64_t records, chains;
  int64_t removed;        /* by retention, before the records that are there */
  int64_t points_removed; /* of the checkpoints' records: theirs can no longer be compared */
  char text[256]; /* names the first record that does not hold: organisation, writer, seq, time, and what is wrong */
};
/* `since`: a checkpoint's text (or several, one a line), or empty. ERR_NONE also where the trail does not hold:
 * `ret_finding` tells. */
enum err_code audit_verify(struct db_tx *tx, audit_keys_of keys_of, void *context, struct str since,
                           struct audit_finding *ret_finding, struct err *err) MUST_CHECK;
/* JSON: every chain's head, each with its keyed mac. Kept elsewhere, it shows a truncated tail. */
enum err_code audit_checkpoint(struct db_tx *tx, audit_keys_of keys_of, void *context, struct buf *out,
                               struct err *err) MUST_CHECK;

/* list.c: one line a call: intent and outcome are joined; an intent without outcome has outcome "unknown". By time. */
struct audit_entry {
  int64_t time;
  struct str kind;         /* "call" or "change" */
  struct str organisation; /* id as text */
  struct str user_id;      /* or empty */
  struct str user;         /* e-mail where it is not erased, else the user's id; "operator" for commands */
  struct str token, client, roles, tool, does, connector, connection, decision, reason, outcome, error, trace_id,
      call_id;
  struct str arguments; /* JSON where kept and `with_arguments` */
  int64_t duration_us, policy_version, connector_version, seq;
  struct str writer;
  uint8_t mac[32]; /* audit_page and audit_records alone fill it */
};
typedef enum err_code (*audit_visit)(const struct audit_entry *entry, void *context, struct err *err);
enum err_code audit_list(struct db_tx *tx, struct uuid organisation_id /* nil: all */, audit_keys_of keys_of,
                         void *keys_context, bool with_arguments, audit_visit visit, void *context,
                         struct err *err) MUST_CHECK;

/* export.c: one entry a record, as the chains have them, however many there are: `kind` is the record's own (call,
 * intent, outcome, change), and an outcome's entry holds only what the outcome says. The entry lives during the visit.
 */
enum err_code audit_records(struct db_tx *tx, struct uuid organisation_id /* nil: all */, audit_keys_of keys_of,
                            void *keys_context, bool with_arguments, audit_visit visit, void *context,
                            struct err *err) MUST_CHECK;

#endif
