/* Rates: token buckets as GCRA (the generic cell rate algorithm), each one atomic word: exact, no lock, no home thread,
 * no hop. (architecture.md gives a bucket a home worker; one compare-and-swap does the same with less.) */
#ifndef CONNEK_LIMIT_LIMIT_H
#define CONNEK_LIMIT_LIMIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct limit_rate {
  int64_t cap; /* how many at once, and how many per window */
  int64_t window_us;
};

struct limit_bucket {
  /* monotonic: when it would be full again; 0: is full. Where the bucket is in a database that several servers use, a
   * share of it (limit/share.h). */
  _Atomic(int64_t) full_at_us;
};

/* What one costs, in time. Rounded up, so that refilling never gives more than the rate; being full is then `cap` times
 * this, so that a full bucket holds exactly `cap`. For a cap of 1 or more. */
int64_t limit_cost_us(struct limit_rate rate);
/* Takes `n`. False: not now; `ret_retry_us` says when it would work. A cap of 0 never admits. Thread-safe. */
bool limit_take(struct limit_bucket *bucket, struct limit_rate rate, int64_t n, int64_t now_us, int64_t *ret_retry_us);
/* Whether it would admit one, without taking. */
bool limit_peek(struct limit_bucket *bucket, struct limit_rate rate, int64_t now_us, int64_t *ret_retry_us);

/* Buckets by address, for what happens before anybody is known: a fixed table; addresses that collide share one bucket.
 */
struct limit_peers;
struct limit_peers *limit_peers_new(void); /* NULL: no memory */
void limit_peers_free(struct limit_peers *peers);
struct limit_bucket *limit_peers_bucket(struct limit_peers *peers, struct str address);

#endif
