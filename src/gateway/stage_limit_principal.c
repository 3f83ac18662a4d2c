/* The access token's rate: every message counts, whatever it asks, and also where it cannot be understood. A call that
 * is refused for it is on record, but only the first in a minute: a flood is not to fill the disk. */
#include "base/clock.h"
#include "gateway/limit_met.h"
#include "gateway/limit_wait.h"
#include "gateway/pipeline.h"
#include "gateway/session.h"
#include "gateway/worker.h"

enum { MINUTE_US = 60 * 1000 * 1000 };

static struct limit_rate rate_of(const struct principal *principal) {
  const struct limit_rate *own = map_get(&principal->snapshot->token_rates, uuid_bytes(&principal->token_id));
  return own ? *own : principal->snapshot->token_rate;
}

/* What its record says of the client: `route` has not looked yet. */
static void read_client(struct call *call) {
  struct exchange *exchange = call->exchange;
  const struct principal *principal = &exchange->principal;
  struct mcp_refusal ignored;
  if (!mcp_envelope_read(exchange->arena, &call->message, &exchange->headers, &call->envelope, &ignored)) return;
  exchange->has_session =
      session_check(exchange->arena, principal->snapshot, principal->user, exchange->session, &exchange->held);
}

/* With its method known, call_dispose records it. */
static void account_for(struct call *call, const struct method *method, struct token_entry *token) {
  struct worker *worker = call->exchange->worker;
  const struct limit_rate one_a_minute = {1, MINUTE_US};
  int64_t retry_us;
  if (!token || limit_take(&token->refusals, one_a_minute, 1, loop_now_us(&worker->loop), &retry_us)) {
    call->method = method;
    call->reason = STR("rate");
    read_client(call);
    limit_met_tell(worker, &call->exchange->principal);
  } else {
    metrics_call(&worker->metrics, AUDIT_DENIED, AUDIT_NONE, clock_monotonic_us() - call->begun_us);
  }
}

enum stage_verdict limit_refuse(struct call *call, struct limit_rate rate, int64_t retry_us,
                                struct token_entry *token) {
  const struct method *method = method_find(call->message.method, call->message.kind, MCP_BOTH);
  if (method && method->set == FOR_ACTIONS) account_for(call, method, token);
  call_fail(call, 429, 429, "Over the rate of %lld calls in %lld s for this access token; try again in %lld s",
            (long long)rate.cap, (long long)(rate.window_us / 1000000), (long long)(retry_us / 1000000 + 1));
  call->failure.retry_after_s = retry_us / 1000000 + 1;
  return STAGE_FAIL;
}

enum stage_verdict stage_limit_principal(struct call *call) {
  struct exchange *exchange = call->exchange;
  struct principal *principal = &exchange->principal;
  struct limit_rate rate = rate_of(principal);
  enum stage_verdict verdict = STAGE_NEXT;
  int64_t retry_us;
  /* Calls of the dashboard have no token that others could count as well. */
  if (exchange->worker->server->shares && !uuid_is_nil(principal->token_id))
    verdict = limit_share_call(call, rate);
  else if (!limit_take(&principal->token->bucket, rate, 1, loop_now_us(&exchange->worker->loop), &retry_us))
    verdict = limit_refuse(call, rate, retry_us, principal->token);
  if (verdict != STAGE_NEXT) return verdict;
  return call->failure.code ? STAGE_FAIL : STAGE_NEXT; /* failed already: a message that could not be read */
}
