/* Legacy session ids without a session table: the id itself proves whose it is and says what its client can. A nonce,
 * the worker where the session is at home, the client's name and capabilities, sealed by a mac that is keyed by the
 * organisation and covers all of it and the user, so any worker (and any node) can check it, a restart ends none, and
 * another user's is as unknown as none. What a session has of state (subscriptions, streams) lives with its home; that
 * it has ended, and which log messages it wants, every worker is told (session_book.h). */
#ifndef CONNEK_GATEWAY_SESSION_H
#define CONNEK_GATEWAY_SESSION_H

#include <yyjson.h>

#include "base/arena.h"
#include "base/str.h"
#include "org/snapshot.h"

enum { SESSION_NONCE = 16 };

struct session {
  uint8_t nonce[SESSION_NONCE];
  uint32_t node;           /* the server where it is at home: node_id of its name */
  unsigned home;           /* a worker's index there; there may be fewer workers now */
  struct str client;       /* "name version" */
  struct str capabilities; /* a JSON object, or empty */
};

/* For a client that says it is `name` `version` and can `capabilities` (an object, or NULL), at home at a server's
 * worker. STR_NONE: no memory. */
struct str session_new(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user,
                       struct str name, struct str version, yyjson_val *capabilities, uint32_t node, unsigned home);
/* Is it one that we gave to this user? */
bool session_check(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user, struct str id,
                   struct session *ret_session) MUST_CHECK;

#endif
