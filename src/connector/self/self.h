/* The tools of the kind "self". Internal to connector/self/. */
#ifndef CONNEK_CONNECTOR_SELF_SELF_H
#define CONNEK_CONNECTOR_SELF_SELF_H

#include "connector/connector.h"

/* Appends one JSON object. `arguments` fit the tool's schema. */
typedef void (*self_write)(struct buf *out, const struct connector_caller *caller, yyjson_val *arguments);

/* An operation of the REST API, and for whom: kinds of users, as the operation's permission has them. Called as the
 * caller, whose permission is looked at anew there. */
struct self_operation {
  const char *name, *method, *path, *kinds;
};
/* By the tool's name; NULL: it is none. */
const struct self_operation *self_operation_find(struct str name);
const struct self_operation *self_operation_at(size_t i); /* NULL behind the last */
void self_operate(struct connector_call *call, const struct self_operation *operation);

void self_whoami(struct buf *out, const struct connector_caller *caller, yyjson_val *arguments);
void self_list_connections(struct buf *out, const struct connector_caller *caller, yyjson_val *arguments);
void self_search_tools(struct buf *out, const struct connector_caller *caller, yyjson_val *arguments);

#endif
