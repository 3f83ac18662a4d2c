/* What a legacy session has of state, at its home worker: the stream that its client opened by GET, and the resources
 * it subscribed to. Others post to it. Made when there is something to keep, gone when the client ends the session, or
 * when nobody has listened for LIMIT_SESSION_IDLE_MS. */
#ifndef CONNEK_GATEWAY_SESSION_HOME_H
#define CONNEK_GATEWAY_SESSION_HOME_H

#include "gateway/event_log.h"
#include "gateway/watch.h"

struct session_home;

/* A worker's. */
struct session_homes {
  struct map by_nonce;
};

/* On the home's loop. NULL: no memory, too many, or its user may not. */
struct session_home *session_home_of(struct worker *worker, const struct session *session,
                                     const struct watcher *watcher);
/* The stream that a GET reads. Nothing that was said before is said again. */
void session_home_read(struct session_home *home, struct event_reader *reader);
void session_home_leave(struct worker *worker, const uint8_t *nonce, const struct event_reader *reader);
void session_home_end(struct worker *worker, const uint8_t *nonce);
void session_homes_sweep(struct worker *worker);
void session_homes_free(struct worker *worker);

/* From any worker's loop, of a request in its turn: posted to the home. `uri` is taken. False: no memory. */
bool session_home_subscribe(struct exchange *exchange, struct watched *uri) MUST_CHECK;
bool session_home_unsubscribe(struct exchange *exchange, struct str public_uri) MUST_CHECK;
/* The worker where a session is at home. */
struct worker *session_home_worker(const struct worker *worker, const struct session *session);

#endif
