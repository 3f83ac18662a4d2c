/* A call's arguments as later stages see them. */
#ifndef CONNEK_GATEWAY_ARGUMENTS_H
#define CONNEK_GATEWAY_ARGUMENTS_H

#include "base/arena.h"
#include "codec/json.h"

/* A copy of the object without the member, in the arena; strings are shared. NULL: no memory. */
yyjson_val *arguments_without(struct arena *arena, yyjson_val *arguments, const char *member);
/* A copy without the members that are null; what is inside of others stays as it is. NULL: no memory. */
yyjson_val *arguments_without_nulls(struct arena *arena, yyjson_val *arguments);

#endif
