/* The tools of the kind "self". Internal to connector/self/. */
#ifndef CONNEK_CONNECTOR_SELF_SELF_H
#define CONNEK_CONNECTOR_SELF_SELF_H

#include "connector/connector.h"

/* Appends one JSON object. `arguments` fit the tool's schema. */
typedef void (*self_write)(struct buf *out, const struct connector_caller *caller, yyjson_val *arguments);

void self_whoami(struct buf *out, const struct connector_caller *caller, yyjson_val *arguments);
void self_list_connections(struct buf *out, const struct connector_caller *caller, yyjson_val *arguments);
void self_search_tools(struct buf *out, const struct connector_caller *caller, yyjson_val *arguments);

#endif
