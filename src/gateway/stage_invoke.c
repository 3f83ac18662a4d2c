/* The method's own work: for an action, its connector does it; this stage waits for it. */
#include "base/limits.h"
#include "gateway/action.h"
#include "gateway/page_cursor.h"
#include "gateway/pipeline.h"
#include "gateway/request_state.h"
#include "gateway/worker.h"

enum stage_verdict stage_invoke(struct call *call) {
  return call->method->handle(call);
}

static void on_done(struct connector_call *invocation) {
  struct call *call = (struct call *)((char *)invocation - offsetof(struct call, invocation));
  call->invoke = INVOKE_ENDED;
  if (!call->is_inside_invoke) call_run(call);
}

static enum stage_verdict begin(struct call *call) {
  struct exchange *exchange = call->exchange;
  struct worker *worker = exchange->worker;
  const struct toolset *toolset = exchange_toolset(exchange);
  call->invocation = (struct connector_call){.host = &worker->host,
                                             .connection = call->connection,
                                             .verb = call_verb(call),
                                             .tool = call->tool ? call->tool->tool : NULL,
                                             .prompt = call->prompt,
                                             .uri = call->uri,
                                             .arguments = call->arguments,
                                             .credential = call->credential,
                                             .caller = &toolset->caller,
                                             .arena = exchange->arena,
                                             .deadline_us = loop_now_us(&worker->loop) + LIMIT_CALL_MS * INT64_C(1000),
                                             .traceparent = exchange->trace.traceparent,
                                             .params = call->message.params,
                                             .method = call->message.method,
                                             .input_responses = call->input_responses,
                                             .request_state = call->state,
                                             .page = call->page,
                                             .seal_page = call->page_arguments ? page_cursor_seal : NULL,
                                             .done = on_done};
  action_client(call, &call->invocation.client);
  call->invoke = INVOKE_RUNNING;
  call->is_inside_invoke = true;
  call->connector->kind->invoke(&call->invocation);
  call->is_inside_invoke = false;
  return call->invoke == INVOKE_RUNNING ? STAGE_WAIT : STAGE_NEXT;
}

static enum audit_outcome outcome_of(const struct call *call) {
  const struct connector_result *result = &call->invocation.result;
  if (result->is_unknown) return AUDIT_UNKNOWN;
  if (result->error == ERR_CANCELLED) return AUDIT_CANCELLED;
  return result->is_error || result->rpc_code ? AUDIT_ERROR : AUDIT_OK;
}

/* What the MCP server answered with goes to the client, in its era's numbers. Those that speak of the way between us
 * and the server say nothing to it. */
static enum stage_verdict pass_error(struct call *call) {
  const struct connector_result *result = &call->invocation.result;
  bool is_modern = call->envelope.revision->era == MCP_MODERN;
  int code = result->rpc_code, status = 0;
  if (code == MCP_HEADER_MISMATCH || code == MCP_UNSUPPORTED_VERSION) code = JSONRPC_INTERNAL_ERROR;
  if (is_modern && code == MCP_RESOURCE_NOT_FOUND) code = JSONRPC_INVALID_PARAMS;
  if (is_modern && code == MCP_MISSING_CLIENT_CAPABILITY) status = 400;
  if (is_modern && code == JSONRPC_METHOD_NOT_FOUND) status = 404;
  call->failure = (struct failure){.http_status = status,
                                   .code = code,
                                   .text = result->rpc_text.p ? result->rpc_text : STR(""),
                                   .data = result->rpc_data};
  return STAGE_FAIL;
}

/* An action that is no tool's has no result that could be an error. */
static enum stage_verdict fail_plainly(struct call *call) {
  const struct connector_result *result = &call->invocation.result;
  call->failure =
      (struct failure){.code = JSONRPC_INTERNAL_ERROR, .text = result->text.p ? result->text : STR("It failed")};
  return STAGE_FAIL;
}

enum stage_verdict method_act(struct call *call) {
  const struct connector_result *result = &call->invocation.result;
  if (call->invoke == INVOKE_NONE && begin(call) == STAGE_WAIT) return STAGE_WAIT;
  call->outcome = outcome_of(call);
  call->error = result->error;
  if (result->rpc_code) return pass_error(call);
  if (call_verb(call) != CONNECTOR_TOOL && !result->whole.n) return fail_plainly(call);
  call->has_answer = true;
  return STAGE_NEXT;
}
