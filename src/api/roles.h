/* Roles, for the files that speak of drafts of them. */
#ifndef CONNEK_API_ROLES_H
#define CONNEK_API_ROLES_H

#include "api/request.h"

/* "roles":[...] of a file: a RoleDraft of a request, under this name. */
void roles_write_draft(struct buf *out, struct str name, yyjson_val *draft);

#endif
