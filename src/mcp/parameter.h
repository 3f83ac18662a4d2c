/* Which arguments of a tool stand in headers as well (x-mcp-header), and whether these say the same. 2026-07-28,
 * transports, Custom Headers from Tool Parameters. */
#ifndef CONNEK_MCP_PARAMETER_H
#define CONNEK_MCP_PARAMETER_H

#include <yyjson.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* The request's fields. False: it appears more than once. STR_NONE: absent. */
struct mcp_fields {
  bool (*get)(void *context, const char *name, struct str *ret_value);
  void *context;
};

/* False: a field is missing, malformed, or differs from the argument; `err` names it. */
bool mcp_parameters_match(struct arena *arena, yyjson_val *input_schema, yyjson_val *arguments,
                          const struct mcp_fields *fields, struct err *err) MUST_CHECK;

#endif
