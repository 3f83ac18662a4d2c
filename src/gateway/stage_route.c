/* Which era, which method? Legacy requests without initialize or session are served; a session id that is not this
 * user's is 404. */
#include "gateway/capabilities.h"
#include "gateway/pipeline.h"
#include "gateway/question.h"
#include "gateway/session.h"
#include "gateway/worker.h"

static enum stage_verdict refuse_method(struct call *call) {
  bool is_modern = call->envelope.revision->era == MCP_MODERN;
  return call_fail(call, is_modern ? 404 : 0, JSONRPC_METHOD_NOT_FOUND, "Method not found: %.*s",
                   STR_ARG(call->message.method));
}

static bool holds_session(struct exchange *exchange) {
  const struct principal *principal = &exchange->principal;
  exchange->has_session =
      session_check(exchange->arena, principal->snapshot, principal->user, exchange->session, &exchange->held) &&
      !session_has_ended(exchange->worker, &exchange->held);
  return exchange->has_session;
}

enum stage_verdict stage_route(struct call *call) {
  struct exchange *exchange = call->exchange;
  const struct principal *principal = &exchange->principal;
  struct mcp_refusal refusal;
  if (call->message.kind == JSONRPC_RESPONSE) {
    if (exchange->named && exchange->named->era == MCP_MODERN) /* 2026-07-28, transports: clients send none */
      return call_fail(call, 400, JSONRPC_INVALID_REQUEST, "A response is no message that a client may send");
    if (principal->user) question_take_answer(exchange, &call->message);
    return STAGE_DONE;
  }
  if (!mcp_envelope_read(exchange->arena, &call->message, &exchange->headers, &call->envelope, &refusal)) {
    call->failure = (struct failure){
        .http_status = refusal.http_status, .code = refusal.code, .text = refusal.text, .data = refusal.data};
    return STAGE_FAIL;
  }
  if (call->envelope.revision->era == MCP_LEGACY && exchange->session.p &&
      !str_eq(call->message.method, STR("initialize")) && !holds_session(exchange))
    return call_fail(call, 404, 404, "No such session: begin again with initialize");
  if (call->envelope.traceparent.p && exchange->n_calls == 1)
    trace_begin(&exchange->trace, &exchange->worker->traces, call->envelope.traceparent);

  /* It may have left while its rate was asked for, when nobody knew yet that this cancels the call. */
  if (exchange->http->has_departed && call->envelope.revision->era == MCP_MODERN) call_cancel(call);
  call->method = method_find(call->message.method, call->message.kind, call->envelope.revision->era);
  if (call->method && capabilities_have(exchange, call->envelope.revision->era, call->message.method))
    return STAGE_NEXT;
  call->method = NULL;
  /* Nobody waits for an answer to a notification; one that we do not know is passed over (JSON-RPC 2.0, 4.1). */
  return call->message.kind == JSONRPC_NOTIFICATION ? STAGE_DONE : refuse_method(call);
}
