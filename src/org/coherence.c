/* The log and the barrier: turns committed changes into what workers see. All state is the main loop's; only the
 * reading (change_batch.c) happens on a store thread. Must not know commands, nor what a call does with what it sees.
 *
 *      idle --sync or poll--> reading --nothing new--> idle
 *                              |  ^
 *                              |  '-- the log goes on
 *                              '--published--> waiting for the barrier --> idle
 *
 * Invariants:
 *  1. One run at a time. A request that comes during a run waits for the next one: its change may be younger than what
 *     the run has read.
 *  2. Nothing is published between barrier_wait and its end, so what the barrier has proved holds for all that waits to
 *     be freed.
 *  3. `version` only moves past a change that has been published. */
#include "org/coherence.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "org/barrier.h"
#include "org/control_socket.h"
#include "org/published.h"

enum { POLL_MS = 2000 };

/* One run, from the first read to the answers. */
struct run {
  struct db_job job; /* first: a job's address is its run's */
  struct coherence *coherence;
  struct change_batch *batches; /* newest first: the one being read, then those that wait for the barrier */
  bool is_reading;
  bool has_published;
  enum err_code code;
  struct err err;
};

struct coherence {
  struct coherence_options options;
  char *dir;
  struct published published;
  atomic_bool is_current;
  atomic_int_fast64_t version;
  struct barrier *barrier;
  struct control_socket *control;
  uv_timer_t poll;
  bool is_started, is_stopping;
  bool is_wanted;                                        /* another run, though nobody waits for it */
  struct run *run;                                       /* NULL: idle */
  struct control_request *answered;                      /* by the run under way */
  struct control_request *pending;                       /* by the next one */
  struct coherence_wait *waits_answered, *waits_pending; /* the same, for those within */
  struct unconfirmed *unconfirmed, **unconfirmed_end;    /* what other servers have to take as well, oldest first */
  struct err last_problem;                               /* already told of; "" after a success */
};

/* Taken here, not yet everywhere. */
struct unconfirmed {
  struct unconfirmed *next;
  int64_t version;
  uint64_t ticket;
  struct control_request *requests;
  struct coherence_wait *waits;
};

static void run_begin(struct coherence *coherence);

static void tell(void *context, const struct err *err) {
  struct coherence *coherence = context;
  if (coherence->options.on_problem) coherence->options.on_problem(coherence->options.context, err);
}

/* A failure that stays is told of once. */
static void tell_of_failure(struct coherence *coherence, const struct err *err) {
  if (strcmp(coherence->last_problem.text, err->text) == 0) return;
  coherence->last_problem = *err;
  tell(coherence, err);
}

static void answer_all(struct coherence *coherence, struct control_request **list, const struct err *err) {
  while (*list) {
    struct control_request *request = *list;
    *list = request->next;
    control_answer(request, coherence_version(coherence), err);
  }
}

static void on_wait_answered(struct loop_task *task) {
  struct coherence_wait *wait = (struct coherence_wait *)((char *)task - offsetof(struct coherence_wait, task));
  wait->done(wait);
}

static void answer_waits(struct coherence_wait **list, enum err_code code) {
  while (*list) {
    struct coherence_wait *wait = *list;
    *list = wait->next;
    wait->code = code;
    wait->task.run = on_wait_answered;
    loop_post(wait->loop, &wait->task);
  }
}

static void batches_free(struct change_batch *batch) {
  for (struct change_batch *next; batch; batch = next) {
    next = batch->next;
    change_batch_free(batch);
  }
}

static void run_free(struct run *run) {
  if (!run) return;
  batches_free(run->batches);
  free(run);
}

static void unconfirmed_end_first(struct coherence *coherence, enum err_code code, const struct err *err) {
  struct unconfirmed *first = coherence->unconfirmed;
  coherence->unconfirmed = first->next;
  if (!coherence->unconfirmed) coherence->unconfirmed_end = &coherence->unconfirmed;
  answer_all(coherence, &first->requests, err);
  answer_waits(&first->waits, code);
  free(first);
}

/* Whoever waits, waits on for the other servers. False: there are none, or no memory. */
static bool wait_for_peers(struct coherence *coherence) {
  if (!coherence->options.ask_peers || !(coherence->answered || coherence->waits_answered)) return false;
  struct unconfirmed *last = calloc(1, sizeof(*last));
  if (!last) return false;
  *last = (struct unconfirmed){.version = coherence_version(coherence),
                               .ticket = coherence->options.ask_peers(coherence->options.peers_context),
                               .requests = coherence->answered,
                               .waits = coherence->waits_answered};
  coherence->answered = NULL;
  coherence->waits_answered = NULL;
  *coherence->unconfirmed_end = last;
  coherence->unconfirmed_end = &last->next;
  return true;
}

void coherence_confirmed(struct coherence *coherence, uint64_t ticket, int64_t applied) {
  struct err err;
  (void)err_set(&err, ERR_UNAVAILABLE,
                "the change is stored, but not every server could be asked whether it has taken it");
  while (coherence->unconfirmed && coherence->unconfirmed->ticket <= ticket) {
    if (applied < 0)
      unconfirmed_end_first(coherence, err.code, &err);
    else if (coherence->unconfirmed->version <= applied)
      unconfirmed_end_first(coherence, ERR_NONE, NULL);
    else
      return;
  }
}

/* How a run went, for everybody who wants to know. */
static void settle(struct coherence *coherence, enum err_code code, const struct err *err) {
  struct err broken;
  if (code == ERR_NONE && coherence->published.n_broken > 0) {
    code = err_set(&broken, ERR_UNAVAILABLE, "an organisation cannot be loaded; the server's log says why");
    err = &broken;
  } else if (code != ERR_NONE) {
    tell_of_failure(coherence, err);
  }
  if (code == ERR_NONE) coherence->last_problem.text[0] = '\0';
  atomic_store(&coherence->is_current, code == ERR_NONE);
  if (code == ERR_NONE && wait_for_peers(coherence)) return;
  if (code == ERR_NONE && coherence->options.ask_peers && (coherence->answered || coherence->waits_answered)) {
    code = err_no_memory(&broken);
    err = &broken;
  }
  answer_all(coherence, &coherence->answered, code == ERR_NONE ? NULL : err);
  answer_waits(&coherence->waits_answered, code);
}

static void run_end(struct run *run) {
  struct coherence *coherence = run->coherence;
  if (coherence->options.on_applied)
    coherence->options.on_applied(coherence->options.peers_context, coherence_version(coherence));
  settle(coherence, run->code, &run->err);
  coherence->run = NULL;
  run_free(run);
  if (coherence->pending || coherence->waits_pending || coherence->is_wanted) run_begin(coherence);
}

static void on_barrier_passed(void *context) {
  struct run *run = context;
  token_index_reclaim(run->coherence->published.tokens);
  run_end(run);
}

/* The next stretch of the log; organisations that are broken are tried again once a run. NULL: no memory. */
static struct change_batch *run_next_batch(struct run *run, struct err *err) {
  struct coherence *coherence = run->coherence;
  struct change_batch *batch = change_batch_new(coherence->options.vault, coherence_version(coherence));
  if (!batch || (!run->batches && published_ask_for_broken(&coherence->published, batch, err) != ERR_NONE)) {
    change_batch_free(batch);
    (void)err_no_memory(err);
    return NULL;
  }
  batch->next = run->batches;
  run->batches = batch;
  return batch;
}

static void tell_of_published(struct coherence *coherence, const struct change_batch *batch) {
  if (!coherence->options.on_published) return;
  for (size_t i = 0; i < batch->n_organisations; i++) {
    struct org_slot *slot = published_find(&coherence->published, batch->organisations[i].id);
    if (slot) coherence->options.on_published(coherence->options.context, slot);
  }
}

void coherence_sync(struct coherence *coherence) {
  if (coherence->is_stopping) return;
  coherence->is_wanted = true;
  if (!coherence->run) run_begin(coherence);
}

static enum err_code batch_publish(struct run *run, struct change_batch *batch, struct err *err) {
  struct coherence *coherence = run->coherence;
  if (batch->n_organisations + batch->n_tokens > 0) run->has_published = true;
  enum err_code code = published_apply(&coherence->published, batch, clock_utc_us(), tell, coherence, err);
  if (code == ERR_NONE) atomic_store(&coherence->version, batch->last_seq);
  tell_of_published(coherence, batch);
  return code;
}

/* What is published may still be seen as it was before: the answers wait for the barrier. Where nothing was, the run
 * before has waited for its own. */
static void run_publish_end(struct run *run) {
  if (run->has_published) {
    barrier_wait(run->coherence->barrier, on_barrier_passed, run);
  } else {
    run_end(run);
  }
}

static void on_read(struct db_job *job);

static void run_read(struct run *run) {
  struct coherence *coherence = run->coherence;
  struct change_batch *batch = run_next_batch(run, &run->err);
  run->job.db = coherence->options.db;
  run->job.work = change_batch_read;
  run->job.context = batch;
  run->job.done = on_read;
  if (!batch) {
    run->code = ERR_NO_MEMORY;
  } else if (!db_submit(coherence->options.db, coherence->options.loop, &run->job)) {
    run->code = err_set(&run->err, ERR_UNAVAILABLE, "the database has too much to do");
  } else {
    run->is_reading = true;
    return;
  }
  run_publish_end(run);
}

static void on_read(struct db_job *job) {
  struct run *run = (struct run *)job;
  struct coherence *coherence = run->coherence;
  struct change_batch *batch = run->batches;
  run->is_reading = false;
  if (coherence->is_stopping) {
    coherence->run = NULL;
    run_free(run);
    uv_close((uv_handle_t *)&coherence->poll, NULL);
    return;
  }
  run->code = job->code;
  run->err = job->err;
  if (run->code == ERR_NONE) run->code = batch_publish(run, batch, &run->err);
  if (run->code == ERR_NONE && batch->has_more) {
    run_read(run);
  } else {
    run_publish_end(run);
  }
}

static struct run *run_new(struct coherence *coherence) {
  struct run *run = calloc(1, sizeof(*run));
  if (run) run->coherence = coherence;
  return run;
}

static void run_begin(struct coherence *coherence) {
  struct err err;
  coherence->is_wanted = false;
  coherence->answered = coherence->pending;
  coherence->pending = NULL;
  coherence->waits_answered = coherence->waits_pending;
  coherence->waits_pending = NULL;
  coherence->run = run_new(coherence);
  if (coherence->run) {
    run_read(coherence->run);
  } else {
    settle(coherence, err_no_memory(&err), &err);
  }
}

static void on_request(void *context, struct control_request *request, struct str op) {
  struct coherence *coherence = context;
  if (!str_eq_c(op, "sync")) {
    struct err err;
    (void)err_set(&err, ERR_INVALID, "unknown op");
    control_answer(request, 0, &err);
    return;
  }
  request->next = coherence->pending;
  coherence->pending = request;
  if (!coherence->run) run_begin(coherence);
}

static void on_wait(struct loop_task *task) {
  struct coherence_wait *wait = (struct coherence_wait *)((char *)task - offsetof(struct coherence_wait, task));
  struct coherence *coherence = wait->coherence;
  wait->next = coherence->waits_pending;
  coherence->waits_pending = wait;
  if (coherence->is_stopping) {
    answer_waits(&coherence->waits_pending, ERR_UNAVAILABLE);
  } else if (!coherence->run) {
    run_begin(coherence);
  }
}

void coherence_await(struct coherence *coherence, struct coherence_wait *wait) {
  wait->coherence = coherence;
  wait->task.run = on_wait;
  loop_post(coherence->options.loop, &wait->task);
}

static void on_poll(uv_timer_t *timer) {
  struct coherence *coherence = timer->data;
  if (!coherence->run && !coherence->is_stopping) run_begin(coherence);
}

static enum err_code visit_token(const struct access_token_record *record, void *context, struct err *err) {
  return published_add_token(context, record, err);
}

static enum err_code load_all(struct db_tx *tx, void *context, struct err *err) {
  struct coherence *coherence = context;
  struct change_batch *batch = change_batch_new(coherence->options.vault, 0);
  if (!batch) return err_no_memory(err);
  int64_t now = clock_utc_us();
  enum err_code code = change_batch_read_all(tx, batch, err);
  if (code == ERR_NONE) code = published_apply(&coherence->published, batch, now, tell, coherence, err);
  if (code == ERR_NONE) code = store_access_token_each(tx, now, visit_token, &coherence->published, err);
  if (code == ERR_NONE) atomic_store(&coherence->version, batch->last_seq);
  if (code == ERR_NONE) tell_of_published(coherence, batch);
  change_batch_free(batch);
  return code;
}

enum err_code coherence_new(const struct coherence_options *options, struct db_conn *conn,
                            struct coherence **ret_coherence, struct err *err) {
  struct coherence *coherence = calloc(1, sizeof(*coherence));
  if (!coherence) return err_no_memory(err);
  coherence->options = *options;
  coherence->unconfirmed_end = &coherence->unconfirmed;
  coherence->options.dir = coherence->dir = strdup(options->dir);
  coherence->barrier = barrier_new(options->loop, options->workers, options->n_workers);
  if (coherence->barrier) barrier_on_visit(coherence->barrier, options->on_change, options->change_context);
  enum err_code code = published_init(&coherence->published, err);
  coherence->published.is_own_audience = options->is_own_audience;
  coherence->published.audience_context = options->audience_context;
  if (code == ERR_NONE && (!coherence->dir || !coherence->barrier)) code = err_no_memory(err);
  if (code == ERR_NONE) code = db_read(conn, load_all, coherence, err);
  if (code != ERR_NONE) {
    coherence_free(coherence);
    return code;
  }
  token_index_reclaim(coherence->published.tokens); /* nobody has read yet */
  atomic_store(&coherence->is_current, coherence->published.n_broken == 0);
  *ret_coherence = coherence;
  return ERR_NONE;
}

/* What was committed since coherence_new, by commands that found no server to tell. */
static enum err_code catch_up(struct coherence *coherence, struct err *err) {
  struct db_conn *conn;
  enum err_code code = db_connect(coherence->options.db, &conn, err);
  if (code != ERR_NONE) return code;
  struct run *run = coherence->run = run_new(coherence);
  bool has_more = run != NULL;
  if (!run) code = err_no_memory(err);
  while (has_more) {
    struct change_batch *batch = run_next_batch(run, err);
    code = batch ? db_read(conn, change_batch_read, batch, err) : ERR_NO_MEMORY;
    if (code == ERR_NONE) code = batch_publish(run, batch, err);
    has_more = code == ERR_NONE && batch->has_more;
  }
  db_disconnect(conn);
  if (run && code == ERR_NONE) run_publish_end(run);
  return code;
}

enum err_code coherence_start(struct coherence *coherence, struct err *err) {
  struct loop *loop = coherence->options.loop;
  enum err_code code = control_socket_open(loop, coherence->dir, on_request, coherence, &coherence->control, err);
  if (code != ERR_NONE) return code;
  (void)uv_timer_init(&loop->uv, &coherence->poll);
  coherence->poll.data = coherence;
  coherence->is_started = true;
  code = catch_up(coherence, err);
  if (code == ERR_NONE) (void)uv_timer_start(&coherence->poll, on_poll, POLL_MS, POLL_MS);
  if (code != ERR_NONE) coherence_stop(coherence);
  return code;
}

void coherence_stop(struct coherence *coherence) {
  if (!coherence || !coherence->is_started || coherence->is_stopping) return;
  struct err err;
  (void)err_set(&err, ERR_UNAVAILABLE, "the server is stopping");
  coherence->is_stopping = true;
  while (coherence->unconfirmed)
    unconfirmed_end_first(coherence, err.code, &err);
  answer_all(coherence, &coherence->answered, &err);
  answer_all(coherence, &coherence->pending, &err);
  answer_waits(&coherence->waits_answered, err.code);
  answer_waits(&coherence->waits_pending, err.code);
  control_socket_close(coherence->control);
  barrier_abandon(coherence->barrier);
  coherence->barrier = NULL;
  /* The timer's handle keeps the loop alive for what a store thread has still to bring back. */
  if (!coherence->run || !coherence->run->is_reading) uv_close((uv_handle_t *)&coherence->poll, NULL);
}

void coherence_free(struct coherence *coherence) {
  if (!coherence) return;
  barrier_abandon(coherence->barrier);
  run_free(coherence->run);
  published_release(&coherence->published);
  free(coherence->dir);
  free(coherence);
}

struct token_index *coherence_tokens(struct coherence *coherence) {
  return coherence->published.tokens;
}

bool coherence_is_current(const struct coherence *coherence) {
  return atomic_load(&coherence->is_current);
}

int64_t coherence_version(const struct coherence *coherence) {
  return atomic_load(&coherence->version);
}

struct org_slot *coherence_find(const struct coherence *coherence, struct uuid organisation_id) {
  return published_look(&coherence->published, organisation_id);
}
