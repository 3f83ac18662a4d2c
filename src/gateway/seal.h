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

/* The same for where a tool's pages go on, which is nobody's to read either: it may hold a service's own URL. Bound to
 * the tool too; base64url. */
struct str seal_page(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user,
                     struct str tool, struct str text);
bool unseal_page(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user, struct str tool,
                 struct str sealed, struct str *ret_text) MUST_CHECK;

/* What goes on with a request (requestState), and the ids of tasks: secret and authenticated too, bound to the user;
 * base64url. A state may be long: it holds an MCP server's own. */
struct str seal_state(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user,
                      struct str text);
bool unseal_state(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user,
                  struct str sealed, struct str *ret_text) MUST_CHECK;
struct str seal_task(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user,
                     struct str text);
bool unseal_task(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user,
                 struct str sealed, struct str *ret_text) MUST_CHECK;

#endif
