/* The method's own work: for a tool, its connector makes the call; this stage waits for it. */
#include "base/limits.h"
#include "gateway/page_cursor.h"
#include "gateway/pipeline.h"
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
                                             .tool = call->tool->tool,
                                             .arguments = call->arguments,
                                             .credential = call->credential,
                                             .caller = &toolset->caller,
                                             .arena = exchange->arena,
                                             .deadline_us = loop_now_us(&worker->loop) + LIMIT_CALL_MS * INT64_C(1000),
                                             .traceparent = exchange->trace.traceparent,
                                             .page = call->page,
                                             .seal_page = call->page_arguments ? page_cursor_seal : NULL,
                                             .done = on_done};
  call->invoke = INVOKE_RUNNING;
  call->is_inside_invoke = true;
  call->tool->connector->kind->invoke(&call->invocation);
  call->is_inside_invoke = false;
  return call->invoke == INVOKE_RUNNING ? STAGE_WAIT : STAGE_NEXT;
}

static enum audit_outcome outcome_of(const struct call *call) {
  const struct connector_result *result = &call->invocation.result;
  if (result->is_unknown) return AUDIT_UNKNOWN;
  if (result->error == ERR_CANCELLED) return AUDIT_CANCELLED;
  return result->is_error ? AUDIT_ERROR : AUDIT_OK;
}

enum stage_verdict method_tools_call(struct call *call) {
  if (call->invoke == INVOKE_NONE && begin(call) == STAGE_WAIT) return STAGE_WAIT;
  call->has_answer = true;
  call->outcome = outcome_of(call);
  call->error = call->invocation.result.error;
  return STAGE_NEXT;
}
