/* Legacy session ids without a session table: the id itself proves whose it is. Nonce and client name, sealed by a mac
 * that is keyed by the organisation and covers nonce, client and user, so any worker (and any node) can check it, a
 * restart ends none, and another user's is as unknown as none. What a session will one day hold lives with a home
 * worker; nothing needs one yet. DELETE is 405, as the specification allows. */
#ifndef CONNEK_GATEWAY_SESSION_H
#define CONNEK_GATEWAY_SESSION_H

#include "base/arena.h"
#include "base/str.h"
#include "org/snapshot.h"

/* For a client that says it is `name` `version`. STR_NONE: no memory. */
struct str session_new(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user,
                       struct str name, struct str version);
/* Is it one that we gave to this user? Tells the client's "name version". */
bool session_check(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user, struct str id,
                   struct str *ret_client) MUST_CHECK;

#endif
