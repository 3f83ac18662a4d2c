/* Short texts that a client keeps for us and brings back: readable by anyone, made by nobody but us, and good for one
 * user alone. */
#ifndef CONNEK_GATEWAY_SEAL_H
#define CONNEK_GATEWAY_SEAL_H

#include "base/arena.h"
#include "base/str.h"
#include "org/snapshot.h"

/* base64url(text) "." hex mac; `purpose` separates kinds ("cursor", "session"). STR_NONE: no memory. */
struct str seal_text(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user,
                     const char *purpose, struct str text);
/* False: not ours, not this user's, not of that purpose. */
bool unseal_text(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user,
                 const char *purpose, struct str sealed, struct str *ret_text) MUST_CHECK;

#endif
