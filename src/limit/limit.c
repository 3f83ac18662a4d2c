/* Rates as GCRA (ITU-T I.371, annex A, as a virtual schedule): a bucket is the time at which it would be full again.
 * Must not know whose rate it is, nor read a clock. */
#include "limit/limit.h"

int64_t limit_cost_us(struct limit_rate rate) {
  int64_t cost = rate.window_us / rate.cap + (rate.window_us % rate.cap != 0);
  return cost > 0 ? cost : 1;
}

/* Whether a bucket that is full at `full_at` admits `n`; what it is full at afterwards, or how long to wait. */
static bool admits(int64_t full_at, struct limit_rate rate, int64_t n, int64_t now_us, int64_t *ret_full_at,
                   int64_t *ret_retry_us) {
  if (n <= 0) {
    *ret_full_at = full_at;
    return true;
  }
  if (n > rate.cap || rate.cap <= 0) {
    *ret_retry_us = rate.window_us; /* never, but an honest client needs some number */
    return false;
  }
  int64_t cost = limit_cost_us(rate);
  int64_t debt = full_at > now_us ? full_at - now_us : 0;
  /* Only a rate that was lowered leaves a debt of more than a whole bucket: that is forgiven. */
  if (debt > cost * rate.cap) debt = cost * rate.cap;
  int64_t wait = debt + cost * n - cost * rate.cap;
  if (wait > 0) {
    *ret_retry_us = wait;
    return false;
  }
  *ret_full_at = now_us + debt + cost * n;
  return true;
}

bool limit_take(struct limit_bucket *bucket, struct limit_rate rate, int64_t n, int64_t now_us, int64_t *ret_retry_us) {
  int64_t full_at = atomic_load_explicit(&bucket->full_at_us, memory_order_relaxed);
  int64_t next;
  /* Relaxed: the word guards nothing but itself. */
  do {
    if (!admits(full_at, rate, n, now_us, &next, ret_retry_us)) return false;
  } while (!atomic_compare_exchange_weak_explicit(&bucket->full_at_us, &full_at, next, memory_order_relaxed,
                                                  memory_order_relaxed));
  return true;
}

bool limit_peek(struct limit_bucket *bucket, struct limit_rate rate, int64_t now_us, int64_t *ret_retry_us) {
  int64_t next;
  return admits(atomic_load_explicit(&bucket->full_at_us, memory_order_relaxed), rate, 1, now_us, &next, ret_retry_us);
}
