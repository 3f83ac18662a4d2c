/* What of the answer goes out: today its size alone, by what everyone may get and by the caller's roles; masks by role
 * come here (policy_obligations.result_mask). */
#include "base/limits.h"
#include "gateway/pipeline.h"
#include "gateway/tool_answer.h"

static enum stage_verdict refuse(struct call *call, const char *text) {
  if (call_verb(call) != CONNECTOR_TOOL) return call_fail(call, 0, JSONRPC_INTERNAL_ERROR, "%s", text);
  tool_answer_error(call, text);
  return STAGE_NEXT;
}

enum stage_verdict stage_filter_result(struct call *call) {
  const struct connector_result *result = &call->invocation.result;
  size_t size = result->text.n + result->content.n + result->structured.n + result->whole.n;
  /* Text and structured content say the same; a cursor may come on top. */
  size_t most = call->max_result > 0 ? 2 * call->max_result + 16 * KIB : 2 * (size_t)LIMIT_RESULT + 64 * KIB;
  if (size <= most) return STAGE_NEXT;
  if (call->does != DOES_READ && call->outcome == AUDIT_OK) /* what was done stays done: so the record says */
    return refuse(call, "It was done, but its result is too large to hand on. Do not repeat it.");
  call->error = ERR_TOO_LARGE;
  call->outcome = AUDIT_ERROR;
  return refuse(call, "The result is too large to hand on. Ask for less: fewer rows, fewer fields, a narrower filter.");
}
