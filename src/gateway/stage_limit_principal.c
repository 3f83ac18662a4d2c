/* The access token's rate: every message counts, whatever it asks. */
#include "gateway/pipeline.h"
#include "gateway/worker.h"

static struct limit_rate rate_of(const struct principal *principal) {
  const struct limit_rate *own = map_get(&principal->snapshot->token_rates, uuid_bytes(&principal->token_id));
  return own ? *own : principal->snapshot->token_rate;
}

enum stage_verdict stage_limit_principal(struct call *call) {
  struct exchange *exchange = call->exchange;
  struct principal *principal = &exchange->principal;
  int64_t retry_us;
  if (call->failure.code) return STAGE_FAIL; /* a message that could not be read */
  struct limit_rate rate = rate_of(principal);
  if (limit_take(&principal->token->bucket, rate, 1, loop_now_us(&exchange->worker->loop), &retry_us))
    return STAGE_NEXT;
  call_fail(call, 429, 429, "Over the rate of %lld calls in %lld s for this access token; try again in %lld s",
            (long long)rate.cap, (long long)(rate.window_us / 1000000), (long long)(retry_us / 1000000 + 1));
  call->failure.retry_after_s = retry_us / 1000000 + 1;
  return STAGE_FAIL;
}
