/* What every worker must know of a session: that its client has ended it, and which log messages it wants. Bounded: the
 * oldest is forgotten, and with a restart all are (a session that its client has ended is then served again, to that
 * same user). */
#ifndef CONNEK_GATEWAY_SESSION_BOOK_H
#define CONNEK_GATEWAY_SESSION_BOOK_H

#include <stdbool.h>

#include "base/map.h"
#include "gateway/session.h"

struct worker;
struct session_note;

/* A worker's. */
struct session_book {
  struct map by_nonce;
  struct session_note *first, *last; /* oldest first */
  size_t n;
};

/* On the worker's loop. */
bool session_has_ended(const struct worker *worker, const struct session *session);
int session_log_level(const struct worker *worker, const struct session *session); /* -1: it has not said */

/* Tells every worker; `done` is called on this worker's loop when all know. False: no memory, and nobody was told. */
bool session_tell_ended(struct worker *worker, const struct session *session, void (*done)(void *context),
                        void *context) MUST_CHECK;
bool session_tell_log_level(struct worker *worker, const struct session *session, int level,
                            void (*done)(void *context), void *context) MUST_CHECK;

void session_book_free(struct worker *worker);

#endif
