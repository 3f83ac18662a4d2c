/* How a client and we get to know each other: initialize and ping (legacy), server/discover (modern). */
#include "gateway/capabilities.h"
#include "gateway/instructions.h"
#include "gateway/pipeline.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "mcp/result.h"

enum stage_verdict method_initialize(struct call *call) {
  struct exchange *exchange = call->exchange;
  const struct principal *principal = &exchange->principal;
  const struct mcp_envelope *envelope = &call->envelope;
  struct mcp_capabilities capabilities;
  if (!json_get_str(call->message.params, "protocolVersion").n)
    return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: protocolVersion is missing");
  exchange->new_session = session_new(exchange->arena, principal->snapshot, principal->user, envelope->client_name,
                                      envelope->client_version, envelope->client_capabilities,
                                      exchange->worker->server->node_id, exchange->worker->index);
  if (!capabilities_of(exchange, MCP_LEGACY, &capabilities)) return call_fail(call, 503, 503, "Out of memory");
  capabilities.instructions = instructions_of(exchange);
  mcp_write_initialize(&call->result, envelope->revision, &capabilities);
  return STAGE_NEXT;
}

enum stage_verdict method_ping(struct call *call) {
  buf_append_c(&call->result, "{}");
  return STAGE_NEXT;
}

enum stage_verdict method_discover(struct call *call) {
  struct mcp_capabilities capabilities;
  if (!capabilities_of(call->exchange, MCP_MODERN, &capabilities)) return call_fail(call, 503, 503, "Out of memory");
  capabilities.instructions = instructions_of(call->exchange);
  mcp_write_discover(&call->result, &capabilities);
  return STAGE_NEXT;
}

enum stage_verdict method_nothing(struct call *call) {
  return STAGE_NEXT;
}
