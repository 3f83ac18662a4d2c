/* logging/setLevel (legacy): every worker is told, and then it is answered. Without a session there is nothing to
 * remember it by; each call then hears all. */
#include "gateway/pipeline.h"
#include "gateway/worker.h"
#include "mcp/log_level.h"

static void on_told(void *context) {
  struct call *call = context;
  call->is_told = true;
  call_run(call);
}

enum stage_verdict method_set_level(struct call *call) {
  struct exchange *exchange = call->exchange;
  int level = mcp_log_level(json_get_str(call->message.params, "level"));
  if (level < 0) return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: there is no such level");
  if (exchange->has_session && !call->is_told) {
    if (session_tell_log_level(exchange->worker, &exchange->held, level, on_told, call)) return STAGE_WAIT;
    return call_fail(call, 503, 503, "Out of memory");
  }
  buf_append_c(&call->result, "{}");
  return STAGE_NEXT;
}
