/* A tool as tools/list shows it. Pure. For src/org alone. */
#ifndef CONNEK_ORG_TOOL_JSON_H
#define CONNEK_ORG_TOOL_JSON_H

#include "base/buf.h"
#include "connector/connector.h"

/* The name of the argument that says which connection is meant: one that the tool has no property of. NULL: all that we
 * could use are taken. */
const char *tool_json_account_argument(const struct connector_tool *tool);

/* {"name","title"?,"description","inputSchema","annotations"}. `account_argument` NULL: none is added; else it stands
 * first in the schema and is required, one of the names of `connections`. */
void tool_json_write(struct buf *out, const struct connector *connector, const struct connector_tool *tool,
                     const char *account_argument, const struct connector_connection *const *connections,
                     size_t n_connections);

#endif
