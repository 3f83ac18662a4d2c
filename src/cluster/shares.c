/* The thread that asks for shares. Several asks for one token (of several workers) are one to the database: what it
 * grants goes to the first of them first. Must not know what a rate is, beyond what its bucket is asked. */
#include "cluster/shares.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

enum { BATCH = 64, SWEEP_MS = 10 * 1000, IDLE_MS = 60 * 1000 };

struct shares {
  struct db_conn *conn;
  pthread_t thread;
  pthread_mutex_t lock; /* of the queue and is_stopping */
  pthread_cond_t changed;
  struct share_ask *first, **end;
  bool is_stopping;
};

/* Of one token. */
struct together {
  struct bucket_ask bucket;
  struct share_ask *first, **end; /* in the order in which they came */
};

struct batch {
  struct together items[BATCH];
  struct bucket_ask *asks[BATCH];
  size_t n;
};

/* ---- a batch ---- */

static struct together *find(struct batch *batch, struct uuid token_id) {
  for (size_t i = 0; i < batch->n; i++)
    if (uuid_eq(batch->items[i].bucket.token_id, token_id)) return &batch->items[i];
  return NULL;
}

/* False: it is full. */
static bool add(struct batch *batch, struct share_ask *ask) {
  struct together *together = find(batch, ask->bucket.token_id);
  if (!together) {
    if (batch->n == BATCH) return false;
    together = &batch->items[batch->n];
    *together = (struct together){.bucket = ask->bucket, .end = &together->first};
    together->bucket.wanted = 0;
    batch->asks[batch->n++] = &together->bucket;
  }
  together->bucket.wanted += ask->bucket.wanted;
  ask->next = NULL;
  *together->end = ask;
  together->end = &ask->next;
  return true;
}

static int by_token(const void *a, const void *b) {
  const struct bucket_ask *const *one = a, *const *other = b;
  return memcmp((*one)->token_id.b, (*other)->token_id.b, sizeof(*one)->token_id.b);
}

static void on_posted(struct loop_task *task) {
  struct share_ask *ask = (struct share_ask *)((char *)task - offsetof(struct share_ask, task));
  ask->done(ask);
}

static void answer(struct together *together, enum err_code code) {
  int64_t left = code == ERR_NONE ? together->bucket.granted : 0;
  for (struct share_ask *ask = together->first, *next; ask; ask = next) {
    next = ask->next;
    ask->code = code;
    ask->bucket.granted = ask->bucket.wanted < left ? ask->bucket.wanted : left;
    ask->bucket.retry_us = code == ERR_NONE ? together->bucket.retry_us : 0;
    left -= ask->bucket.granted;
    ask->task.run = on_posted;
    loop_post(ask->loop, &ask->task); /* it is theirs again */
  }
}

static enum err_code work(struct db_tx *tx, void *context, struct err *err) {
  struct batch *batch = context;
  return store_limit_bucket_take(tx, batch->asks, batch->n, err);
}

static void run_batch(struct shares *shares, struct batch *batch) {
  struct err err;
  qsort(batch->asks, batch->n, sizeof *batch->asks, by_token);
  enum err_code code = db_append(shares->conn, work, batch, &err);
  for (size_t i = 0; i < batch->n; i++)
    answer(&batch->items[i], code);
}

/* ---- the thread ---- */

static enum err_code sweep_work(struct db_tx *tx, void *context, struct err *err) {
  return store_limit_bucket_sweep(tx, context, IDLE_MS * INT64_C(1000), err);
}

/* What fails now is done the next time. */
static void sweep(struct shares *shares) {
  struct arena arena;
  struct err err;
  arena_init(&arena, 0);
  (void)!db_append(shares->conn, sweep_work, &arena, &err);
  arena_release(&arena);
}

/* What has been asked for so far; NULL: nothing for a while. */
static struct share_ask *take_all(struct shares *shares, bool *ret_is_stopping) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += SWEEP_MS / 1000;
  pthread_mutex_lock(&shares->lock);
  for (int ended = 0; !shares->first && !shares->is_stopping && ended == 0;)
    ended = pthread_cond_timedwait(&shares->changed, &shares->lock, &until);
  struct share_ask *first = shares->first;
  shares->first = NULL;
  shares->end = &shares->first;
  *ret_is_stopping = shares->is_stopping;
  pthread_mutex_unlock(&shares->lock);
  return first;
}

static void *run(void *argument) {
  struct shares *shares = argument;
  struct batch batch;
  int64_t swept_us = clock_monotonic_us();
  bool is_stopping = false;
  pthread_setname_np(pthread_self(), "shares");
  for (;;) {
    struct share_ask *ask = take_all(shares, &is_stopping);
    if (!ask && is_stopping) return NULL;
    while (ask) {
      batch.n = 0;
      for (struct share_ask *next; ask; ask = next) {
        next = ask->next;
        if (!add(&batch, ask)) break;
      }
      run_batch(shares, &batch);
    }
    if (is_stopping || clock_monotonic_us() - swept_us < SWEEP_MS * INT64_C(1000)) continue;
    sweep(shares);
    swept_us = clock_monotonic_us();
  }
}

void shares_ask(struct shares *shares, struct share_ask *ask) {
  ask->next = NULL;
  pthread_mutex_lock(&shares->lock);
  bool was_empty = !shares->first;
  *shares->end = ask;
  shares->end = &ask->next;
  if (was_empty) pthread_cond_signal(&shares->changed);
  pthread_mutex_unlock(&shares->lock);
}

/* ---- beginning and end ---- */

static void shares_free(struct shares *shares) {
  if (shares->conn) db_disconnect(shares->conn);
  pthread_cond_destroy(&shares->changed);
  pthread_mutex_destroy(&shares->lock);
  free(shares);
}

enum err_code shares_start(struct db *db, struct shares **ret_shares, struct err *err) {
  pthread_condattr_t monotonic;
  struct shares *shares = calloc(1, sizeof *shares);
  if (!shares) return err_no_memory(err);
  shares->end = &shares->first;
  pthread_mutex_init(&shares->lock, NULL);
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&shares->changed, &monotonic);
  pthread_condattr_destroy(&monotonic);
  enum err_code code = db_connect(db, &shares->conn, err);
  if (code == ERR_NONE && pthread_create(&shares->thread, NULL, run, shares) != 0)
    code = err_set(err, ERR_UNAVAILABLE, "no thread can be started for the servers' shares");
  if (code != ERR_NONE) {
    shares_free(shares);
    return code;
  }
  *ret_shares = shares;
  return ERR_NONE;
}

void shares_stop(struct shares *shares) {
  if (!shares) return;
  pthread_mutex_lock(&shares->lock);
  shares->is_stopping = true;
  pthread_cond_signal(&shares->changed);
  pthread_mutex_unlock(&shares->lock);
  pthread_join(shares->thread, NULL);
  shares_free(shares);
}
