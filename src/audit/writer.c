/* The audit writer: one thread that takes what has been submitted, chains it, and makes it durable in one commit.
 *
 *   submit -> stack (lock-free, newest first) -> pending (oldest first) -> batch -> commit -> done, on each event's
 * loop
 *
 * Invariants
 *  1. An event is in exactly one of these places, and belongs to the writer until its `done` is posted.
 *  2. Chains in memory equal the database's as of the last commit; after a failed one they are forgotten and read
 * again.
 *  3. An event that fails alone takes no number; a failed commit fails every event of its batch.
 *  4. The thread waits for nothing but work, the database, and (while the last commit failed) a second's rest.
 *
 * In relaxed mode an event is copied when it is submitted, with a reference to its keys, and the copy goes this way;
 * nothing is posted for it. As nobody waits for such a commit, the thread lingers for a moment until more have come:
 * else it would be woken for every single call. (Strict mode does not linger: what comes while one batch is committed
 * makes the next one. Measured, a wait of 0.2 to 1.6 ms between two batches makes no call cheaper.) */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "audit/chain.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/map.h"

enum { PROBE_S = 1, LINGER_MS = 5, LOOPS_MAX = 64 };

struct writer_chain {
  struct audit_chain chain;
  const struct vault_keys *keys; /* of an event of this batch */
  struct writer_chain *next_touched;
  bool is_touched, is_broken;
};

struct batch {
  struct audit_event *events[LIMIT_AUDIT_BATCH];
  size_t n;
  struct writer_chain *touched;
};

struct audit_writer {
  char name[AUDIT_WRITER_MAX + 1];
  bool is_relaxed;
  struct db_conn *conn;
  pthread_t thread;

  _Atomic(struct audit_event *) submitted;
  atomic_size_t n_queued; /* submitted and not yet taken into a batch */
  pthread_mutex_t lock;   /* for `wake` alone */
  pthread_cond_t wake;
  bool is_stopping; /* under lock */

  atomic_bool is_healthy;
  atomic_uint_fast64_t n_records, n_commits, n_failures;

  /* the thread's own */
  struct audit_event *pending;
  struct batch batch;
  struct map chains; /* organisation's id -> struct writer_chain */
  struct audit_draft draft;
  struct arena arena; /* sealed content of one batch */
};

/* Relaxed mode's copy: the event, then its slices' bytes. */
struct relaxed_event {
  struct audit_event event;
  char bytes[];
};

/* Submitting */

/* Whoever changed what the thread waits for calls this afterwards. It signals when it has left the lock, or the thread
 * would wake up only to wait for that. */
static void wake(struct audit_writer *writer) {
  pthread_mutex_lock(&writer->lock);
  pthread_mutex_unlock(&writer->lock);
  pthread_cond_signal(&writer->wake);
}

/* Returns whether it is the first since the thread took all. */
static bool push(struct audit_writer *writer, struct audit_event *event) {
  struct audit_event *top = atomic_load_explicit(&writer->submitted, memory_order_relaxed);
  do
    event->next = top;
  while (!atomic_compare_exchange_weak_explicit(&writer->submitted, &top, event, memory_order_release,
                                                memory_order_relaxed));
  return !top;
}

static struct audit_event *event_copy(const struct audit_event *event) {
  struct relaxed_event *copy;
  const size_t slices[] = {offsetof(struct audit_event, user_email), offsetof(struct audit_event, client),
                           offsetof(struct audit_event, roles),      offsetof(struct audit_event, connector),
                           offsetof(struct audit_event, connection), offsetof(struct audit_event, tool),
                           offsetof(struct audit_event, does),       offsetof(struct audit_event, arguments),
                           offsetof(struct audit_event, reason),     offsetof(struct audit_event, error)};
  enum { N = sizeof slices / sizeof *slices };
  size_t size = sizeof *copy;
  for (int i = 0; i < N; i++)
    size += ((const struct str *)((const char *)event + slices[i]))->n;
  copy = malloc(size);
  if (!copy) return NULL;
  copy->event = *event;
  char *at = copy->bytes;
  for (int i = 0; i < N; i++) {
    struct str *slice = (struct str *)((char *)&copy->event + slices[i]);
    if (slice->n) memcpy(at, slice->p, slice->n);
    slice->p = at;
    at += slice->n;
  }
  if (copy->event.keys) copy->event.keys = vault_keys_ref(copy->event.keys);
  return &copy->event;
}

static void event_copy_free(struct audit_event *event) {
  vault_keys_unref(event->keys);
  free(event);
}

static void run_done(struct loop_task *task) {
  struct audit_event *event = (struct audit_event *)(void *)((char *)task - offsetof(struct audit_event, task));
  for (struct audit_event *next; event; event = next) {
    next = event->next;
    event->done(event); /* may free it */
  }
}

bool audit_submit(struct audit_writer *writer, struct audit_event *event) {
  size_t n_before = atomic_fetch_add_explicit(&writer->n_queued, 1, memory_order_relaxed);
  if (n_before >= LIMIT_AUDIT_QUEUE) goto refused;
  event->code = ERR_NONE;
  event->task.run = run_done;
  event->is_copy = false;
  if (!writer->is_relaxed || n_before >= LIMIT_AUDIT_AHEAD) {
    if (push(writer, event)) wake(writer);
    return true;
  }
  struct audit_event *copy = event_copy(event);
  if (!copy) goto refused;
  copy->is_copy = true;
  if (push(writer, copy) || n_before + 1 == LIMIT_AUDIT_BATCH) wake(writer);
  event->done(event); /* may free it */
  return true;
refused:
  atomic_fetch_sub_explicit(&writer->n_queued, 1, memory_order_relaxed);
  return false;
}

/* The batch: in the writer's thread */

static void forget_chains(struct audit_writer *writer) {
  struct str key;
  void *value;
  for (size_t i = 0; map_next(&writer->chains, &i, &key, &value);)
    free(value);
  map_release(&writer->chains);
  map_init(&writer->chains);
}

static enum err_code find_chain(struct audit_writer *writer, struct db_tx *tx, const struct audit_event *event,
                                struct writer_chain **ret_chain, struct err *err) {
  struct writer_chain *found = map_get(&writer->chains, uuid_bytes(&event->organisation_id));
  if (!found) {
    found = calloc(1, sizeof *found);
    if (!found) return err_no_memory(err);
    enum err_code code =
        audit_chain_load(tx, event->keys, event->organisation_id, str_of(writer->name), &found->chain, err);
    /* What is broken stays so until somebody has looked at it: remembered, to be refused without a query. */
    found->is_broken = code == ERR_CONFLICT;
    found->chain.organisation_id = event->organisation_id;
    if (code != ERR_NONE && !found->is_broken) {
      free(found);
      return code;
    }
    if (map_put(&writer->chains, uuid_bytes(&found->chain.organisation_id), found) != ERR_NONE) {
      free(found);
      return err_no_memory(err);
    }
  }
  *ret_chain = found;
  return ERR_NONE;
}

/* An error that concerns this event alone goes to event->code; the one returned fails the batch. */
static enum err_code write_event(struct audit_writer *writer, struct db_tx *tx, struct audit_event *event,
                                 struct err *err) {
  struct writer_chain *chain = NULL;
  struct audit_row row;
  if (!event->keys) {
    event->code = ERR_INTERNAL;
    return ERR_NONE;
  }
  enum err_code code = find_chain(writer, tx, event, &chain, err);
  if (code != ERR_NONE) return code;
  event->code = chain->is_broken ? ERR_UNAVAILABLE
                                 : audit_chain_row(&chain->chain, event, &writer->draft, &writer->arena, &row, err);
  if (event->code != ERR_NONE) return ERR_NONE;
  if ((code = store_audit_insert(tx, &row, err)) != ERR_NONE) return code;
  audit_chain_advance(&chain->chain, &row);
  chain->keys = event->keys;
  if (!chain->is_touched) {
    chain->is_touched = true;
    chain->next_touched = writer->batch.touched;
    writer->batch.touched = chain;
  }
  return ERR_NONE;
}

static enum err_code write_batch(struct db_tx *tx, void *context, struct err *err) {
  struct audit_writer *writer = context;
  struct batch *batch = &writer->batch;
  enum err_code code = ERR_NONE;
  for (size_t i = 0; code == ERR_NONE && i < batch->n; i++)
    code = write_event(writer, tx, batch->events[i], err);
  for (struct writer_chain *chain = batch->touched; code == ERR_NONE && chain; chain = chain->next_touched)
    code = audit_chain_put_head(tx, chain->keys, &chain->chain, err);
  return code;
}

static void commit_batch(struct audit_writer *writer) {
  struct batch *batch = &writer->batch;
  struct err err = {0};
  uint64_t n_failed = 0;
  enum err_code code = db_append(writer->conn, write_batch, writer, &err);
  for (size_t i = 0; i < batch->n; i++) {
    if (code != ERR_NONE) batch->events[i]->code = code;
    n_failed += batch->events[i]->code != ERR_NONE;
  }
  if (code != ERR_NONE)
    forget_chains(writer);
  else
    for (struct writer_chain *chain = batch->touched; chain; chain = chain->next_touched)
      chain->is_touched = false;
  batch->touched = NULL;
  arena_release(&writer->arena);
  atomic_fetch_add_explicit(&writer->n_records, batch->n - n_failed, memory_order_relaxed);
  atomic_fetch_add_explicit(&writer->n_failures, n_failed, memory_order_relaxed);
  if (code == ERR_NONE) atomic_fetch_add_explicit(&writer->n_commits, 1, memory_order_relaxed);
  /* In relaxed mode nobody hears of an event that failed alone: readiness tells. */
  atomic_store_explicit(&writer->is_healthy, code == ERR_NONE && !(writer->is_relaxed && n_failed),
                        memory_order_relaxed);
}

/* Ends */

struct loop_events {
  struct loop *loop;
  struct audit_event *first, **last;
};

/* One task a loop, however many events: each wakes a thread. Copies are the writer's own. */
static void end_events(struct batch *batch) {
  struct loop_events loops[LOOPS_MAX];
  size_t n = 0;
  for (size_t i = 0; i < batch->n; i++) {
    struct audit_event *event = batch->events[i];
    if (event->is_copy) {
      event_copy_free(event);
      continue;
    }
    size_t at = 0;
    while (at < n && loops[at].loop != event->loop)
      at++;
    event->next = NULL;
    if (at == LOOPS_MAX) {
      loop_post(event->loop, &event->task);
      continue;
    }
    if (at == n) loops[n++] = (struct loop_events){event->loop, NULL, &loops[at].first};
    *loops[at].last = event;
    loops[at].last = &event->next;
  }
  for (size_t at = 0; at < n; at++)
    loop_post(loops[at].loop, &loops[at].first->task);
  batch->n = 0;
}

/* The thread */

static enum err_code write_probe(struct db_tx *tx, void *context, struct err *err) {
  int64_t now = clock_utc_us();
  return store_installation_set(tx, "audit_probe", str_make((char *)&now, sizeof now), err);
}

/* So that readiness comes back without traffic. */
static void probe(struct audit_writer *writer) {
  struct err err;
  if (db_write(writer->conn, write_probe, NULL, &err) == ERR_NONE)
    atomic_store_explicit(&writer->is_healthy, true, memory_order_relaxed);
}

static struct audit_event *take_all(struct audit_writer *writer) {
  struct audit_event *newest = atomic_exchange_explicit(&writer->submitted, NULL, memory_order_acquire);
  struct audit_event *oldest = NULL;
  while (newest) {
    struct audit_event *next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  return oldest;
}

static struct timespec after_ms(int64_t ms) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  int64_t ns = until.tv_nsec + ms * 1000000;
  return (struct timespec){until.tv_sec + ns / 1000000000, ns % 1000000000};
}

/* Under the lock, in relaxed mode: until a batch is full, at most LINGER_MS. */
static void linger(struct audit_writer *writer) {
  const struct timespec until = after_ms(LINGER_MS);
  int waited = 0;
  while (atomic_load_explicit(&writer->n_queued, memory_order_relaxed) < LIMIT_AUDIT_BATCH && !writer->is_stopping &&
         waited == 0)
    waited = pthread_cond_timedwait(&writer->wake, &writer->lock, &until);
}

/* False: nothing is left and the writer stops. True with nothing pending: time for a probe. */
static bool wait_for_work(struct audit_writer *writer) {
  if (writer->pending) return true;
  if (!writer->is_relaxed && (writer->pending = take_all(writer))) return true;
  bool is_healthy = atomic_load_explicit(&writer->is_healthy, memory_order_relaxed);
  const struct timespec until = after_ms(PROBE_S * 1000);
  int waited = 0;
  pthread_mutex_lock(&writer->lock);
  while (!atomic_load_explicit(&writer->submitted, memory_order_relaxed) && !writer->is_stopping && waited == 0) {
    if (is_healthy)
      pthread_cond_wait(&writer->wake, &writer->lock);
    else
      waited = pthread_cond_timedwait(&writer->wake, &writer->lock, &until);
  }
  if (writer->is_relaxed && atomic_load_explicit(&writer->submitted, memory_order_relaxed)) linger(writer);
  bool is_stopping = writer->is_stopping;
  pthread_mutex_unlock(&writer->lock);
  writer->pending = take_all(writer);
  return writer->pending || !is_stopping;
}

static void take_batch(struct audit_writer *writer) {
  struct batch *batch = &writer->batch;
  while (writer->pending && batch->n < LIMIT_AUDIT_BATCH) {
    batch->events[batch->n++] = writer->pending;
    writer->pending = writer->pending->next;
  }
  atomic_fetch_sub_explicit(&writer->n_queued, batch->n, memory_order_relaxed);
}

static void *writer_main(void *context) {
  struct audit_writer *writer = context;
  pthread_setname_np(pthread_self(), "audit");
  while (wait_for_work(writer)) {
    if (!writer->pending) {
      probe(writer);
      continue;
    }
    take_batch(writer);
    commit_batch(writer);
    end_events(&writer->batch);
  }
  return NULL;
}

/* Start and stop */

static void writer_free(struct audit_writer *writer) {
  db_disconnect(writer->conn);
  forget_chains(writer);
  audit_draft_release(&writer->draft);
  arena_release(&writer->arena);
  pthread_cond_destroy(&writer->wake);
  pthread_mutex_destroy(&writer->lock);
  free(writer);
}

static struct audit_writer *writer_new(const struct audit_writer_options *options) {
  struct audit_writer *writer = calloc(1, sizeof *writer);
  if (!writer) return NULL;
  memcpy(writer->name, options->writer.p, options->writer.n);
  writer->is_relaxed = options->is_relaxed;
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&writer->wake, &monotonic);
  pthread_condattr_destroy(&monotonic);
  pthread_mutex_init(&writer->lock, NULL);
  atomic_init(&writer->is_healthy, true);
  map_init(&writer->chains);
  audit_draft_init(&writer->draft);
  arena_init(&writer->arena, 0);
  return writer;
}

enum err_code audit_writer_start(struct db *db, const struct audit_writer_options *options,
                                 struct audit_writer **ret_writer, struct err *err) {
  if (options->writer.n == 0 || options->writer.n > AUDIT_WRITER_MAX || str_eq_c(options->writer, AUDIT_COMMAND_WRITER))
    return err_set(err, ERR_INVALID, "an audit writer's name has 1 to %d bytes and is not \"%s\"", AUDIT_WRITER_MAX,
                   AUDIT_COMMAND_WRITER);
  struct audit_writer *writer = writer_new(options);
  if (!writer) return err_no_memory(err);
  enum err_code code = db_connect(db, &writer->conn, err);
  if (code == ERR_NONE) {
    sigset_t all, before; /* signals are the main thread's */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&writer->thread, NULL, writer_main, writer) != 0)
      code = err_set(err, ERR_UNAVAILABLE, "the audit writer's thread cannot be started");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
  }
  if (code != ERR_NONE) {
    writer_free(writer);
    return code;
  }
  *ret_writer = writer;
  return ERR_NONE;
}

void audit_writer_stop(struct audit_writer *writer) {
  if (!writer) return;
  pthread_mutex_lock(&writer->lock);
  writer->is_stopping = true;
  pthread_cond_signal(&writer->wake);
  pthread_mutex_unlock(&writer->lock);
  pthread_join(writer->thread, NULL);
  writer_free(writer);
}

bool audit_is_healthy(const struct audit_writer *writer) {
  return atomic_load_explicit(&writer->is_healthy, memory_order_relaxed);
}

void audit_count(const struct audit_writer *writer, struct audit_counts *ret_counts) {
  ret_counts->records = atomic_load_explicit(&writer->n_records, memory_order_relaxed);
  ret_counts->commits = atomic_load_explicit(&writer->n_commits, memory_order_relaxed);
  ret_counts->failures = atomic_load_explicit(&writer->n_failures, memory_order_relaxed);
}
