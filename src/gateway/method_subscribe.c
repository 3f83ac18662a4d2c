/* resources/subscribe and resources/unsubscribe (legacy): kept at the session's home, told on its stream. */
#include "gateway/pipeline.h"
#include "gateway/session_home.h"
#include "gateway/worker.h"

static enum stage_verdict refuse_unknown(struct call *call, struct str uri) {
  return call_fail(call, 0, MCP_RESOURCE_NOT_FOUND, "Resource not found: %.*s", STR_ARG(uri));
}

static enum stage_verdict need_session(struct call *call) {
  return call_fail(call, 0, JSONRPC_INVALID_REQUEST, "There is no session to subscribe for: begin with initialize");
}

enum stage_verdict method_subscribe(struct call *call) {
  struct exchange *exchange = call->exchange;
  struct str uri = json_get_str(call->message.params, "uri");
  if (!uri.n) return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: uri is missing");
  if (!exchange->has_session) return need_session(call);
  struct watched *watched = watched_resource_new(exchange, uri);
  if (!watched) return refuse_unknown(call, uri);
  if (!session_home_subscribe(exchange, watched)) {
    watched_free(exchange->worker, watched);
    return call_fail(call, 503, 503, "Out of memory");
  }
  buf_append_c(&call->result, "{}");
  return STAGE_NEXT;
}

enum stage_verdict method_unsubscribe(struct call *call) {
  struct exchange *exchange = call->exchange;
  struct str uri = json_get_str(call->message.params, "uri");
  if (!uri.n) return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: uri is missing");
  if (!exchange->has_session) return need_session(call);
  if (!session_home_unsubscribe(exchange, uri)) return call_fail(call, 503, 503, "Out of memory");
  buf_append_c(&call->result, "{}");
  return STAGE_NEXT;
}
