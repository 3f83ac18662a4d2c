/* Shares of a bucket: one word, changed by compare-and-swap. Must not know who asks whom, nor read a clock.
 *
 * What is left of a grant when the next one comes is at most half of it, and is used first: so all that the word holds
 * has come with one of the last two grants. */
#include "limit/share.h"

#define SECOND_US INT64_C(1000000)

enum {
  CELLS_BITS = 12, /* LIMIT_SHARE_MAX */
  MS_BITS = 37,    /* four years of a machine's life */
  FAST_MS = 100,   /* a share that is half used sooner than this was too small */
  DRY_MS = 100,    /* an empty bucket is asked for a share again after this: then it has one to give */
  LOST_MS = 5000,  /* an ask that has not ended for so long is nobody's */
};

struct share {
  int64_t cells; /* left; of a closed one: which rate it is closed for */
  int64_t size;  /* how many were asked for ahead the last time */
  int64_t ms;    /* when the cells were asked for; closed: until when */
  bool is_asking, is_dry, is_closed;
};

static int64_t bits(int64_t word, int from, int n) {
  return (word >> from) & ((INT64_C(1) << n) - 1);
}

static struct share unpack(int64_t word) {
  return (struct share){.cells = bits(word, 0, CELLS_BITS),
                        .size = bits(word, CELLS_BITS, CELLS_BITS),
                        .is_asking = bits(word, 24, 1),
                        .is_dry = bits(word, 25, 1),
                        .is_closed = bits(word, 26, 1),
                        .ms = bits(word, 26 + 1, MS_BITS - 1)};
}

static int64_t pack(const struct share *share) {
  int64_t ms = share->ms & ((INT64_C(1) << (MS_BITS - 1)) - 1);
  return share->cells | share->size << CELLS_BITS | (int64_t)share->is_asking << 24 | (int64_t)share->is_dry << 25 |
         (int64_t)share->is_closed << 26 | ms << 27;
}

/* A second's worth; 0: a rate that is asked for each call. */
static int64_t most(struct limit_rate rate) {
  int64_t each_us = limit_cost_us(rate);
  int64_t n = SECOND_US / each_us;
  if (each_us * LIMIT_SHARE_EXACT >= SECOND_US) return 0;
  return n < LIMIT_SHARE_MAX ? n : LIMIT_SHARE_MAX;
}

/* So that a rate that has changed is not kept closed by what was said of the old one. */
static int64_t mark_of(struct limit_rate rate) {
  uint64_t mixed = ((uint64_t)rate.cap * UINT64_C(0x9e3779b97f4a7c15)) ^ (uint64_t)rate.window_us;
  return (int64_t)((mixed * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - CELLS_BITS));
}

static bool is_good(const struct share *share, int64_t now_ms) {
  return !share->is_closed && share->cells > 0 && now_ms < share->ms + LIMIT_SHARE_MS;
}

static bool is_asking(const struct share *share, int64_t now_ms) {
  return share->is_asking && now_ms < share->ms + LOST_MS;
}

/* As many as are used in about FAST_MS to LIMIT_SHARE_MS. Who calls once in a while is not given what nobody uses. */
static int64_t ahead_of(const struct share *share, struct limit_rate rate, int64_t now_ms) {
  int64_t max = most(rate), age_ms = now_ms - share->ms, n = share->size;
  if (max == 0 || age_ms >= 2 * LIMIT_SHARE_MS) return 0;
  if (n == 0) return age_ms < LIMIT_SHARE_MS ? 1 : 0;
  if (!share->is_dry && age_ms >= LIMIT_SHARE_MS)
    n = n > share->cells ? n - share->cells : 1;
  else if (!share->is_dry && age_ms < FAST_MS)
    n = 2 * n;
  return n < max ? n : max;
}

enum limit_share_answer limit_share_take(struct limit_bucket *bucket, struct limit_rate rate, int64_t now_us,
                                         int64_t *ret_ahead, int64_t *ret_retry_us) {
  int64_t word = atomic_load_explicit(&bucket->full_at_us, memory_order_relaxed), now_ms = now_us / 1000;
  enum limit_share_answer answer;
  struct share next;
  *ret_ahead = 0;
  if (rate.cap <= 0) {
    *ret_retry_us = rate.window_us;
    return LIMIT_SHARE_REFUSED;
  }
  /* Relaxed: the word guards nothing but itself. */
  do {
    struct share share = next = unpack(word);
    *ret_ahead = 0;
    if (share.is_closed && now_ms < share.ms && share.cells == mark_of(rate)) {
      *ret_retry_us = share.ms * 1000 - now_us;
      return LIMIT_SHARE_REFUSED;
    }
    bool is_admitted = is_good(&share, now_ms);
    answer = is_admitted ? LIMIT_SHARE_ADMITTED : LIMIT_SHARE_UNKNOWN;
    if (is_admitted) next.cells--;
    bool wants_more = !is_admitted || (!share.is_dry && next.cells * 2 <= share.size);
    if (wants_more && !is_asking(&share, now_ms)) *ret_ahead = ahead_of(&share, rate, now_ms);
    if (*ret_ahead > 0) next.is_asking = true;
    if (*ret_ahead > 0 && !is_admitted) {
      next.cells = 0;
      next.ms = now_ms;
      next.is_closed = false;
    }
    if (!is_admitted && *ret_ahead == 0) return answer;
  } while (!atomic_compare_exchange_weak_explicit(&bucket->full_at_us, &word, pack(&next), memory_order_relaxed,
                                                  memory_order_relaxed));
  return answer;
}

static struct share ended(const struct share *share, struct limit_rate rate, const struct limit_share_grant *grant,
                          int64_t now_ms) {
  struct share next = *share;
  next.is_asking = is_asking(share, now_ms);
  int64_t asked_ms = grant->asked_us / 1000;
  bool has_some = is_good(share, now_ms);
  if (grant->ahead > 0) {
    int64_t cells = (has_some ? share->cells : 0) + grant->granted;
    next = (struct share){.cells = cells < LIMIT_SHARE_MAX ? cells : LIMIT_SHARE_MAX,
                          .size = grant->ahead,
                          .ms = grant->granted == 0 && has_some ? share->ms : asked_ms,
                          .is_dry = grant->is_dry};
  } else if (!has_some && !next.is_asking) {
    next.cells = 0;
    next.is_closed = next.is_dry = false;
    next.ms = asked_ms; /* somebody has called */
  }
  if (!grant->is_dry || is_good(&next, now_ms)) return next;
  int64_t wait_ms = (grant->retry_us + 999) / 1000;
  if (most(rate) > 0 && wait_ms < DRY_MS) wait_ms = DRY_MS;
  next.cells = mark_of(rate);
  next.is_closed = next.is_dry = true;
  next.ms = asked_ms + wait_ms;
  return next;
}

void limit_share_end(struct limit_bucket *bucket, struct limit_rate rate, const struct limit_share_grant *grant,
                     int64_t now_us) {
  int64_t word = atomic_load_explicit(&bucket->full_at_us, memory_order_relaxed), now_ms = now_us / 1000;
  struct share next;
  do {
    struct share share = unpack(word);
    next = ended(&share, rate, grant, now_ms);
  } while (!atomic_compare_exchange_weak_explicit(&bucket->full_at_us, &word, pack(&next), memory_order_relaxed,
                                                  memory_order_relaxed));
}
