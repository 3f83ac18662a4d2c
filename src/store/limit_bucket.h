/* Buckets of rates that several servers share (limit_bucket.c): one for each access token that was used lately. */
#ifndef CONNEK_STORE_LIMIT_BUCKET_H
#define CONNEK_STORE_LIMIT_BUCKET_H

#include "store/store.h"

struct bucket_ask {
  struct uuid token_id, organisation_id;
  int64_t cap, cost_us; /* how many at once, and what one costs (limit_cost_us); 1 or more */
  int64_t wanted;       /* 1 or more */
  int64_t granted;      /* answered: so many of them */
  int64_t retry_us;     /* and when there is one more: 0 where there is one now */
};

/* A step of GCRA for each of the `n` asks, all of different tokens and sorted by their ids: who asks for several has
 * their rows' locks in the same order as everybody else. */
enum err_code store_limit_bucket_take(struct db_tx *tx, struct bucket_ask *const *asks, size_t n,
                                      struct err *err) MUST_CHECK;
/* Takes some of the rows away whose bucket was full for `idle_us`. */
enum err_code store_limit_bucket_sweep(struct db_tx *tx, struct arena *arena, int64_t idle_us,
                                       struct err *err) MUST_CHECK;

#endif
