/* A server's share of a bucket that several servers have in common: calls that it may let in without asking. Where the
 * bucket is and how it is asked is somebody else's (cluster/shares.h).
 *
 * A rate of no more than LIMIT_SHARE_EXACT a second has no share: every call waits for an ask of its own, or for one
 * that asks for all who wait. Above that, who asks for a call asks for some more, as many as were used lately, a
 * second's worth at most; and asks again when half of them are used. What was granted ahead is good for
 * LIMIT_SHARE_MS from before it was asked for, and what is then left for as long again at most, once something was
 * added to it. So in any time a rate lets in what it would let in by itself in that time and a second.
 *
 * The word of a struct limit_bucket is used for it; all zero: nothing is known. Everything is thread-safe. */
#ifndef CONNEK_LIMIT_SHARE_H
#define CONNEK_LIMIT_SHARE_H

#include "limit/limit.h"

enum { LIMIT_SHARE_EXACT = 10, LIMIT_SHARE_MS = 500, LIMIT_SHARE_MAX = 4095 };

enum limit_share_answer {
  LIMIT_SHARE_ADMITTED,
  LIMIT_SHARE_REFUSED, /* the bucket has said when there is another one: ret_retry_us */
  LIMIT_SHARE_UNKNOWN, /* ask */
};

/* *ret_ahead more than 0, whatever the answer: ask for so many in addition, and call limit_share_end with the same
 * number when that has ended, however it did; until then nobody else asks ahead. */
enum limit_share_answer limit_share_take(struct limit_bucket *bucket, struct limit_rate rate, int64_t now_us,
                                         int64_t *ret_ahead, int64_t *ret_retry_us);

/* What an ask has come to. */
struct limit_share_grant {
  int64_t ahead;    /* as limit_share_take said; 0: it was for calls alone */
  int64_t granted;  /* of those */
  bool is_dry;      /* the bucket did not have all that was asked for: */
  int64_t retry_us; /* it has one more after this, from when it was asked */
  int64_t asked_us; /* before it was sent */
};
void limit_share_end(struct limit_bucket *bucket, struct limit_rate rate, const struct limit_share_grant *grant,
                     int64_t now_us);

#endif
