/* A write or destroy is recorded before it is done; what cannot be recorded is not done (audit.h, invariant 2). */
#include "gateway/pipeline.h"
#include "gateway/worker.h"

static void on_durable(struct audit_event *event) {
  struct call *call = (struct call *)((char *)event - offsetof(struct call, event));
  bool is_inside_stage = call->intent != INTENT_WAITING;
  call->intent = event->code == ERR_NONE ? INTENT_DURABLE : INTENT_FAILED;
  if (!is_inside_stage) call_run(call);
}

static enum stage_verdict refuse(struct call *call) {
  call->outcome = AUDIT_NONE;
  return call_fail(call, 503, 503,
                   "The call could not be recorded, so it was not made. Try again; if it persists, tell your admin");
}

enum stage_verdict call_record(struct call *call, enum audit_kind kind) {
  if (call->intent == INTENT_NONE) {
    call_fill_event(call, kind);
    call->event.done = on_durable;
    /* In relaxed mode `done` comes from within audit_submit: only then is the intent still INTENT_NONE. */
    if (!audit_submit(call->exchange->worker->server->audit, &call->event)) return refuse(call);
    if (call->intent == INTENT_NONE) {
      call->intent = INTENT_WAITING;
      return STAGE_WAIT;
    }
  }
  return call->intent == INTENT_FAILED ? refuse(call) : STAGE_NEXT;
}

enum stage_verdict stage_record_intent(struct call *call) {
  if (call->does == DOES_READ || !call->connector->kind->needs_rule) return STAGE_NEXT;
  enum stage_verdict verdict = call_record(call, AUDIT_INTENT);
  if (verdict != STAGE_NEXT) return verdict;
  if (call->is_cancelled) {
    call->outcome = AUDIT_CANCELLED;
    return call_fail(call, 0, JSONRPC_INTERNAL_ERROR, "Cancelled before it was made");
  }
  return STAGE_NEXT;
}
