/* Reads the request's fields for mcp/parameter.c, which has the rules. */
#include "gateway/parameter_headers.h"

#include "mcp/parameter.h"

static bool field(void *context, const char *name, struct str *ret_value) {
  return http_field_once(context, name, ret_value);
}

bool parameter_headers_match(const struct call *call, struct err *err) {
  const struct connector_tool *tool = call->tool->tool;
  struct exchange *exchange = call->exchange;
  bool is_modern = call->envelope.revision && call->envelope.revision->era == MCP_MODERN;
  if (!is_modern || !tool->shown) return true; /* none but MCP servers have such tools */
  const struct mcp_fields fields = {field, exchange->http};
  return mcp_parameters_match(exchange->arena, tool->input_schema, call->arguments, &fields, err);
}
