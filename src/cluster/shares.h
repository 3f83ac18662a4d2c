/* Asks the database for what access tokens may call, where several servers share it: a thread with a connection of its
 * own, that takes all that was asked for meanwhile into one transaction. A transaction has no lock but on the rows that
 * it asks, and nothing belongs to a session.
 *
 * Whoever asks gets what there is, which may be less than was wanted: what calls may do with it is theirs to know
 * (limit/share.h). */
#ifndef CONNEK_CLUSTER_SHARES_H
#define CONNEK_CLUSTER_SHARES_H

#include "db/db.h"
#include "net/loop.h"
#include "store/limit_bucket.h"

struct shares;

/* Embedded in whoever asks; the shares' own from shares_ask until `done` runs. */
struct share_ask {
  struct bucket_ask bucket; /* what is wanted, and what was granted */
  enum err_code code;       /* other than ERR_NONE: nothing was granted */
  struct loop *loop;
  void (*done)(struct share_ask *ask); /* on `loop` */
  struct loop_task task;
  struct share_ask *next;
};

enum err_code shares_start(struct db *db, struct shares **ret_shares, struct err *err) MUST_CHECK;
/* Answers what was asked, and ends. Nobody may ask any more. NULL is fine. */
void shares_stop(struct shares *shares);
/* From any thread; never fails, never blocks for long. */
void shares_ask(struct shares *shares, struct share_ask *ask);

#endif
