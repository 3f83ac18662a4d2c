/* A tool as tools/list shows it. Pure. For src/org alone. */
#ifndef CONNEK_ORG_TOOL_JSON_H
#define CONNEK_ORG_TOOL_JSON_H

#include "base/buf.h"
#include "connector/connector.h"

/* The name of the argument that says which connection is meant: one that the tool has no property of. NULL: all that we
 * could use are taken. */
const char *tool_json_account_argument(const struct connector_tool *tool);

/* {"name","title"?,"description","inputSchema","annotations"}; of an MCP server's tool its own definition, as it was
 * accepted, with our name. `account_argument` NULL: none is added; else it stands
 * first in the schema and is required, one of the names of `connections`. */
void tool_json_write(struct buf *out, const struct connector *connector, const struct connector_tool *tool,
                     const char *account_argument, const struct connector_connection *const *connections,
                     size_t n_connections);

/* A prompt as prompts/list shows it: the upstream's definition with our name; with `account_argument` one argument
 * more, required, first. */
const char *prompt_json_account_argument(const struct connector_prompt *prompt);
void prompt_json_write(struct buf *out, const struct connector *connector, const struct connector_prompt *prompt,
                       const char *account_argument, const struct connector_connection *const *connections,
                       size_t n_connections);
/* A resource, or a template, as its list shows it, under its public URI. */
void resource_json_write(struct buf *out, const struct connector_resource *resource, struct str public_uri);

#endif
