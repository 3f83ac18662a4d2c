/* The job that removes audit records that an organisation no longer keeps: a step after the other, each a transaction
 * of its own, with rests between them, since calls write their records by the same lock. Must not know what is too old.
 *
 * Killed anywhere, or run twice at once, it leaves nothing half: a step reads where the last one ended. */
#include <stdlib.h>

#include "audit/retention.h"
#include "base/clock.h"
#include "grant/inner.h"
#include "keyring/keyring.h"

/* A round of jobs waits for all of its runs: this one must not keep a grant from being renewed. */
enum { RUN_MS = 1000, REST_MS = 20, AGAIN_S = 60 * 60, FAILED_S = 10 * 60 };
static const int64_t second_us = 1000000;

struct retention_run {
  struct db_job db_job; /* first */
  struct timer timer;
  struct grant_keeper *keeper;
  struct uuid organisation_id;
  struct job_run *run;
  void (*ended)(struct job_run *run, bool is_done);
  struct retention_step step;
  int64_t begun_us, n_removed;
  bool is_gone; /* the organisation is */
};

static enum err_code step_work(struct db_tx *tx, void *context, struct err *err) {
  struct retention_run *run = context;
  struct vault_keys *keys = NULL;
  struct arena arena;
  arena_init(&arena, 0);
  enum err_code code =
      keyring_open(tx, &arena, run->keeper->options.vault, STORE_RING_ORGANISATION, run->organisation_id, &keys, err);
  run->is_gone = code == ERR_NOT_FOUND;
  if (code == ERR_NONE) {
    db_scope(tx, run->organisation_id);
    code = retention_step(tx, keys, run->organisation_id, clock_utc_us(), &run->step, err);
  }
  vault_keys_free(keys);
  arena_release(&arena);
  return code;
}

static void tell(const struct retention_run *run, const char *event, struct str text) {
  const struct grant_subject subject = {.record = {.organisation_id = run->organisation_id, .name = STR("")}};
  keeper_note(run->keeper, event, &subject, text);
}

static void run_end(struct retention_run *run, int64_t wait_us) {
  struct job_run *job = run->run;
  void (*ended)(struct job_run *run, bool is_done) = run->ended;
  if (run->n_removed) {
    char text[64];
    int n = snprintf(text, sizeof text, "%lld records were removed", (long long)run->n_removed);
    tell(run, "audit_removed", str_make(text, (size_t)n));
  }
  if (wait_us >= 0) job_again_at(job, clock_utc_us() + wait_us);
  free(run);
  ended(job, true);
}

static void submit(struct retention_run *run);

static void on_rest(struct timer *timer) {
  submit((struct retention_run *)(void *)((char *)timer - offsetof(struct retention_run, timer)));
}

static void on_step(struct db_job *db_job) {
  struct retention_run *run = (struct retention_run *)(void *)db_job;
  if (run->is_gone) {
    run_end(run, -1);
    return;
  }
  if (db_job->code != ERR_NONE) {
    tell(run, "audit_kept", str_of(db_job->err.text));
    run_end(run, FAILED_S * second_us);
    return;
  }
  run->n_removed += run->step.n_removed;
  int64_t now = loop_now_us(&run->keeper->loop);
  bool is_late = now - run->begun_us >= RUN_MS * (second_us / 1000);
  if (!run->step.has_more || is_late || run->keeper->is_stopping) {
    run_end(run, run->step.has_more ? 0 : AGAIN_S * second_us);
    return;
  }
  run->timer.run = on_rest;
  timers_set(run->keeper->timers, &run->timer, now + REST_MS * (second_us / 1000));
}

static void submit(struct retention_run *run) {
  run->step = (struct retention_step){0};
  run->db_job = (struct db_job){.work = step_work, .context = run, .is_write = true, .done = on_step};
  if (!db_submit(run->keeper->options.db, &run->keeper->loop, &run->db_job)) run_end(run, FAILED_S * second_us);
}

void retention_for_job(struct grant_keeper *keeper, struct uuid organisation_id, struct job_run *job,
                       void (*ended)(struct job_run *run, bool is_done)) {
  struct retention_run *run = calloc(1, sizeof *run);
  if (!run) {
    job_again_at(job, clock_utc_us() + FAILED_S * second_us);
    ended(job, true);
    return;
  }
  run->keeper = keeper;
  run->organisation_id = organisation_id;
  run->run = job;
  run->ended = ended;
  run->begun_us = loop_now_us(&keeper->loop);
  submit(run);
}
