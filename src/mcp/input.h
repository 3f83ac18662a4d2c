/* What an MCP server asks of a client (elicitation, sampling, roots): which capability it needs, and its form in the
 * legacy era. */
#ifndef CONNEK_MCP_INPUT_H
#define CONNEK_MCP_INPUT_H

#include <yyjson.h>

#include "base/buf.h"
#include "mcp/passed.h"

/* A request object of MCP's InputRequests. NULL: a client with these capabilities (an object, or NULL) can be asked;
 * else what it lacks, as a JSON object of capabilities, or "" where nobody can be asked this. Static. */
const char *mcp_input_lacks(yyjson_val *capabilities, yyjson_val *request);

/* Writes "method":...,"params":... as legacy clients have them; `id` serves a URL elicitation that has none. */
void mcp_write_legacy_input(struct buf *out, yyjson_val *request, const char *id, const struct mcp_passing *passing);

/* URLElicitationRequiredError's data (2025-11-25, -32042) as InputRequests: {"elicitation-1": {...}}. False: it holds
 * none. */
bool mcp_write_url_elicitations(struct buf *out, yyjson_val *data);

#endif
