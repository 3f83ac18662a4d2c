/* The protocol era's form of what there is to say. */
#include "gateway/action.h"
#include "gateway/pipeline.h"
#include "mcp/result.h"

static void write_failure(struct call *call) {
  const struct failure *failure = &call->failure;
  bool has_id = call->message.id != NULL || exchange_has_null_ids(call->exchange);
  jsonrpc_write_error(&call->reply, has_id, call->message.id, failure->code, failure->text, failure->data);
}

/* An MCP server's result, as it came but for what is ours. False: it is none that can be passed. */
static bool write_passed(struct call *call) {
  struct mcp_passing passing;
  struct err err;
  action_passing(call, &passing);
  if (mcp_write_passed(&call->result, call->invocation.result.whole, &passing, &err) == ERR_NONE) return true;
  if (!buf_failed(&call->result)) call_fail(call, 0, JSONRPC_INTERNAL_ERROR, "The MCP server's answer: %s", err.text);
  return false;
}

/* Straight into the reply, which is as large as the result and copied nowhere. */
static void write_tool_result(struct call *call) {
  const struct connector_result *result = &call->invocation.result;
  const struct mcp_tool_result tool_result = {
      .text = result->text, .content = result->content, .structured = result->structured, .is_error = result->is_error};
  (void)buf_reserve(&call->reply, result->text.n + result->content.n + result->structured.n);
  jsonrpc_open_result(&call->reply, call->message.id);
  mcp_write_tool_result(&call->reply, call->envelope.revision->era, &tool_result);
  jsonrpc_close_result(&call->reply);
}

bool call_wants_response(const struct call *call) {
  bool is_legacy = call->envelope.revision && call->envelope.revision->era == MCP_LEGACY;
  return call->message.kind == JSONRPC_REQUEST && !(call->is_cancelled && is_legacy);
}

enum stage_verdict stage_reply(struct call *call) {
  if (!call_wants_response(call)) return STAGE_DONE;
  if (call->failure.code) {
    write_failure(call);
    return STAGE_DONE;
  }
  if (call->has_answer && call->invocation.result.whole.n && !write_passed(call) && call->failure.code) {
    write_failure(call);
    return STAGE_DONE;
  }
  if (call->has_answer && !call->invocation.result.whole.n)
    write_tool_result(call);
  else
    jsonrpc_write_result(&call->reply, call->message.id, buf_str(&call->result));
  if (!buf_failed(&call->reply) && !buf_failed(&call->result)) return STAGE_DONE;
  buf_clear(&call->reply);
  call_fail(call, 503, 503, "Out of memory");
  write_failure(call);
  return STAGE_DONE;
}
