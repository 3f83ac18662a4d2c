/* Webhooks: what happens is told to whoever an admin named, signed as Standard Webhooks has it
 * (https://www.standardwebhooks.com). What is to be told is a row, written in the transaction in which it happened; the
 * courier sends it later, from a thread where nobody waits for it. */
#ifndef CONNEK_WEBHOOK_WEBHOOK_H
#define CONNEK_WEBHOOK_WEBHOOK_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "db/db.h"
#include "net/http_client.h"
#include "net/timers.h"
#include "store/webhook.h"
#include "vault/vault.h"

enum {
  WEBHOOK_WAITING_MAX = 1000, /* of one webhook; beyond, events are dropped and counted */
  WEBHOOK_BODY_MAX = 16 * 1024,
  WEBHOOK_SECRET_BYTES = 32,
};

/* ---- event.c ---- */

/* The events there are, by number: "user.joined"; NULL behind the last. */
const char *webhook_event_at(size_t i);
bool webhook_is_event(struct str word);

/* A change of the trail (its word, as audit_event has it), or what is none. */
struct webhook_happening {
  struct uuid organisation_id, id; /* id: of the change's record */
  int64_t time;
  struct uuid user_id;       /* who did it; nil: the operator, or Connek itself */
  struct str user_email;     /* or empty */
  struct str word;           /* "user.accept" */
  struct str connector;      /* id, or empty */
  struct uuid connection_id; /* nil: none */
  struct str connection;     /* its name, or empty */
  struct str arguments;      /* a JSON object, or empty: its plain members are told */
};
/* In the transaction in which it happens. ERR_NONE also where it is no event, or nobody wants to hear of it. */
enum err_code webhook_tell(struct db_tx *tx, const struct webhook_happening *happening, struct err *err) MUST_CHECK;
/* One of an admin's own making, to that webhook alone, whatever it listens to. */
enum err_code webhook_ping(struct db_tx *tx, const struct webhook_record *webhook, struct uuid *ret_delivery_id,
                           struct err *err) MUST_CHECK;

/* ---- sign.c ---- */

/* A new secret, as its receiver gets it, in an arena that is wiped. STR_NONE: no memory. */
struct str webhook_secret_new(struct arena *arena) MUST_CHECK;
/* "v1,..." over "ID.TIME.BODY". Adds to `out`, behind a space where something is there. ERR_INVALID: no secret of ours.
 */
enum err_code webhook_sign(struct str secret, struct str id, int64_t time_s, struct str body, struct buf *out,
                           struct err *err) MUST_CHECK;

/* ---- address.c ---- */

/* ERR_INVALID: no address, or http to another machine. This machine (127.0.0.1) may be named by http; whether anything
 * is sent there says the operator (--allow-upstream). */
enum err_code webhook_check_address(struct arena *arena, struct str address, struct err *err) MUST_CHECK;

/* ---- courier.c ---- */

struct courier;
struct courier_options {
  struct db *db;
  const struct vault *vault;
  struct loop *loop; /* everything below is on its thread */
  struct timers *timers;
  struct http_client *http;
  struct uuid owner;              /* of leases */
  void (*is_idle)(void *context); /* after courier_stop, when nothing is under way any more */
  void *context;
};
/* NULL: no memory. Begins to look for what is to be sent. */
struct courier *courier_start(const struct courier_options *options);
/* Cancels what is under way: it is sent again by whoever starts next. */
void courier_stop(struct courier *courier);
bool courier_is_idle(const struct courier *courier);
void courier_free(struct courier *courier); /* idle; NULL is fine */

#endif
