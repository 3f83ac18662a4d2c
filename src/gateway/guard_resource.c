/* May this principal read this resource, and complete the variables of this template? */
#include "base/limits.h"
#include "codec/utf8.h"
#include "gateway/guard.h"

enum { URI_SHOWN = 200 };

/* "Resource not found": -32002 until 2025-11-25, invalid params since. */
static enum stage_verdict refuse_unknown(struct call *call, struct str uri) {
  struct exchange *exchange = call->exchange;
  bool is_modern = call->envelope.revision && call->envelope.revision->era == MCP_MODERN;
  struct buf data;
  call->reason = STR("unknown_resource");
  call_fail(call, 0, is_modern ? JSONRPC_INVALID_PARAMS : MCP_RESOURCE_NOT_FOUND, "Resource not found: %.*s",
            STR_ARG(utf8_cut(uri, URI_SHOWN)));
  buf_init(&data, exchange->arena, LIMIT_HTTP_BODY);
  buf_append_c(&data, "{\"uri\":");
  json_write_str(&data, uri);
  buf_append_byte(&data, '}');
  if (!buf_failed(&data)) call->failure.data = buf_str(&data);
  return STAGE_FAIL;
}

static enum stage_verdict refuse_absent(struct call *call, struct str uri) {
  struct guard_absence absence;
  if (guard_resource_is_denied(call, uri, &absence))
    return guard_deny_by_policy(call, utf8_cut(uri, URI_SHOWN), absence.connection, &absence.decision);
  return refuse_unknown(call, uri);
}

static enum stage_verdict decide(struct call *call, const struct connector_connection *connection, struct str shown) {
  call->connection = connection;
  call->connector = connection->connector;
  return guard_decide(call, POLICY_RESOURCE, call->uri, utf8_cut(shown, URI_SHOWN));
}

enum stage_verdict guard_resource(struct call *call) {
  const struct toolset *toolset = exchange_toolset(call->exchange);
  const struct connector_connection *connection;
  struct str uri = json_get_str(call->message.params, "uri");
  call->does = DOES_READ;
  if (!uri.n) return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: uri is missing");
  if (!toolset) return call_fail(call, 503, 503, "Out of memory");
  if (!toolset_find_resource(toolset, call->exchange->arena, uri, &connection, &call->uri))
    return refuse_absent(call, uri);
  return decide(call, connection, uri);
}

enum stage_verdict guard_template_completion(struct call *call, struct str uri) {
  const struct toolset *toolset = exchange_toolset(call->exchange);
  const struct connector_connection *connection;
  if (!toolset) return call_fail(call, 503, 503, "Out of memory");
  const struct toolset_resource *template = toolset_find_template(toolset, uri);
  if (template) {
    call->uri = template->resource->uri;
    return decide(call, template->connection, uri);
  }
  if (!toolset_find_resource(toolset, call->exchange->arena, uri, &connection, &call->uri))
    return refuse_absent(call, uri);
  return decide(call, connection, uri);
}
