/* The keeper: one thread that gets and renews what services grant to connections. Workers ask it for a credential when
 * they have none opened; whatever has to be renewed is renewed by one exchange, however many ask meanwhile.
 *
 * All functions but start and stop may be called from any thread that has a loop; answers come to that loop. */
#ifndef CONNEK_GRANT_KEEPER_H
#define CONNEK_GRANT_KEEPER_H

#include "db/db.h"
#include "net/http_client.h"
#include "store/grant.h"
#include "vault/vault.h"

struct grant_keeper;

/* What happened, for the log. Called on the keeper's thread; texts name no secret. */
struct grant_note {
  const char *event;     /* "grant_refreshed", "grant_failed", "grant_dead", "grant_connected", "grant_expiring",
                            "audit_removed", "audit_kept" */
  struct str connection; /* its name */
  struct uuid organisation_id;
  struct str text; /* or empty */
};

struct grant_keeper_options {
  struct db *db; /* its store threads are running */
  const struct vault *vault;
  const struct http_client_options *client; /* borrowed */
  struct str public_url;                    /* borrowed; no '/' at its end */
  struct str node; /* owns the leases: no two servers of a database have the same; empty: this run's alone */
  bool does_jobs;  /* also what is due without anybody asking */
  void (*note)(void *context, const struct grant_note *note); /* NULL: nobody listens */
  /* Something that snapshots hold has changed and is committed: on the keeper's thread. NULL: nobody holds any. */
  void (*changed)(void *context);
  void *context;
};

enum err_code grant_keeper_start(const struct grant_keeper_options *options, struct grant_keeper **ret_keeper,
                                 struct err *err) MUST_CHECK;
/* Waits for exchanges that are under way, so that no refresh token is lost on its way home. Every request is answered
 * (to its loop's mailbox). NULL is fine. */
void grant_keeper_stop(struct grant_keeper *keeper);

/* One connection's credential. The caller's own struct, which belongs to the keeper until `done` runs on `loop`. */
struct grant_request {
  /* in */
  struct uuid organisation_id, connection_id;
  int64_t refused_version; /* of the grant whose token the service has just refused; 0: none was */
  bool wants_link;         /* where a person has to connect it again: a link to do so */
  bool wants_scope;        /* it wants more than that token is good for: a link to grant it, or a token granted since */
  struct loop *loop;
  void (*done)(struct grant_request *request);
  /* out */
  enum err_code code; /* ERR_UNAVAILABLE: `err` says why, for any caller */
  struct err err;
  struct secret *credential; /* a JSON object for the connector, the caller's to free; NULL: it needs none */
  int64_t valid_us;          /* how long it may be kept */
  int64_t grant_version;     /* 0: it is no service's grant */
  char link[512];            /* or "" */

  struct grant_keeper *keeper;
  struct grant_request *next;
  struct loop_task task;
};
void grant_lease(struct grant_keeper *keeper, struct grant_request *request);

/* A server that says itself who grants access has refused what was sent to it (401, or 403 with insufficient_scope):
 * the connection says so from now on, or its token is renewed. Copied; from any thread. Nothing comes back. */
struct grant_challenge {
  struct uuid organisation_id, connection_id;
  int64_t grant_version;               /* of the token that was sent; 0: none was */
  bool wants_scope;                    /* insufficient_scope */
  struct str resource_metadata, scope; /* as it said (codec/auth_challenge.h), or empty */
};
void grant_challenged(struct grant_keeper *keeper, const struct grant_challenge *challenge);

/* How a service took what a call was sent with (refused.c). From any thread; nothing comes back. */
struct grant_use {
  struct uuid organisation_id, connection_id;
  int64_t version, grant_version; /* of the connection, and of the grant that the token is of; or 0 */
  struct str tool;                /* or whatever it was; need not outlive this */
};
/* With 401, and there is no other token to try. */
void grant_was_refused(struct grant_keeper *keeper, const struct grant_use *use);
void grant_was_accepted(struct grant_keeper *keeper, const struct grant_use *use);

/* ---- connecting (consent.c) ---- */

enum { GRANT_TOKEN_SIZE = 65, GRANT_LINK_S = 15 * 60, GRANT_STATE_S = 10 * 60 };

/* A step of a person's way through a link. Belongs to the keeper until `done` runs on `loop`; texts that come back live
 * in `arena`, which the caller makes and ends, with arena_wipe. */
struct grant_consent {
  enum { GRANT_CONSENT_BEGIN, GRANT_CONSENT_CALLBACK, GRANT_CONSENT_CHOICES, GRANT_CONSENT_CHOOSE } step;
  struct arena arena;
  struct str link;    /* what the link holds; CALLBACK: none */
  struct str browser; /* the cookie's value; empty: none came */
  /* BEGIN: who is signed in at that browser? For what a user made for themselves; in the transaction; a nil id: nobody.
   */
  struct str session;
  enum err_code (*find_login)(struct db_tx *tx, struct arena *arena, struct str session, struct uuid *ret_login_id,
                              struct err *err);
  struct str query;  /* CALLBACK: as it came */
  struct str choice; /* CHOOSE: a number in the list, as text */
  struct loop *loop;
  void (*done)(struct grant_consent *consent);
  /* out */
  bool has_failed;
  struct err err;                            /* for the person at the browser */
  struct str location;                       /* where to send the browser; or empty */
  struct str connection, organisation;       /* names */
  struct str return_path;                    /* of a link that has one */
  const struct str *choices, *choice_values; /* which account is meant? */
  size_t n_choices;
  struct str choice_link; /* what the link to the choice holds */

  void *state;
  struct loop_task task;
};
void grant_consent_run(struct grant_keeper *keeper, struct grant_consent *consent);

/* Ends a grant. The caller's own, the keeper's until `done` runs on `loop`. */
struct grant_disconnect {
  struct uuid organisation_id, connection_id;
  const struct audit_author *author; /* NULL: the operator */
  struct loop *loop;
  void (*done)(struct grant_disconnect *order);
  /* out */
  enum err_code code;
  struct err err;
  bool is_revoked;   /* the service knows as well */
  struct err remark; /* why it does not; "": it takes no revocations */
  void *state;
  struct loop_task task;
};
void grant_disconnect_run(struct grant_keeper *keeper, struct grant_disconnect *order);

/* A new link for a connection, in the caller's write transaction. `ret_token` is what the URL holds. */
enum err_code grant_link_new(struct db_tx *tx, struct uuid organisation_id, struct uuid connection_id,
                             struct str return_path, int64_t expires_at, char ret_token[GRANT_TOKEN_SIZE],
                             struct err *err) MUST_CHECK;
/* "/path": may a browser be sent there afterwards? Relative, of this server, no other host in disguise. */
bool grant_is_return_path(struct str path);

#endif
