/* Does what is due: takes some rows of the job table, hands each to its kind, and says how it went. A row that its
 * taker never came back for is somebody's again when its lease ends. */
#include <stdlib.h>

#include "audit/retention.h"
#include "base/clock.h"
#include "grant/inner.h"
#include "store/retention.h"
#include "store/webhook.h"

static const int64_t tend_us = INT64_C(3600) * 1000000;
enum { ROUND_US = 2 * 1000 * 1000, TAKEN_MAX = 16, LEASE_S = 120, ATTEMPTS_MAX = 20 };
static const int64_t second_us = 1000000;

struct job_run {
  struct job_round *round;
  struct job_record record;
  struct uuid subject;
  bool is_done;
  int64_t again_at; /* 0: it is over when it is done */
};

struct job_round {
  struct db_job db_job; /* first */
  struct grant_keeper *keeper;
  struct arena arena;
  struct job_run runs[TAKEN_MAX];
  size_t n, n_open;
};

typedef void (*job_kind_run)(struct job_run *run, void (*ended)(struct job_run *run, bool is_done));

static void run_refresh(struct job_run *run, void (*ended)(struct job_run *run, bool is_done)) {
  flight_for_job(run->round->keeper, run->record.organisation_id, run->subject, run, ended);
}

/* The log's reader is told; `connection list` shows it as well. */
static void run_expiring(struct job_run *run, void (*ended)(struct job_run *run, bool is_done)) {
  struct grant_subject subject = {.record = {.organisation_id = run->record.organisation_id, .id = run->subject}};
  char id[UUID_TEXT_SIZE];
  uuid_format(run->subject, id);
  subject.record.name = str_of(id);
  keeper_note(run->round->keeper, "grant_expiring", &subject,
              STR("its access ends soon, and only a person can renew it"));
  ended(run, true);
}

static void run_retention(struct job_run *run, void (*ended)(struct job_run *run, bool is_done)) {
  retention_for_job(run->round->keeper, run->subject, run, ended);
}

void job_again_at(struct job_run *run, int64_t at) {
  run->again_at = at;
}

/* Every kind there is. */
static const struct {
  const char *name;
  job_kind_run run;
} kinds[] = {{"refresh", run_refresh}, {"expiring", run_expiring}, {RETENTION_JOB, run_retention}};

static enum err_code claim_work(struct db_tx *tx, void *context, struct err *err) {
  struct job_round *round = context;
  const struct job_record *list;
  size_t n;
  int64_t now = clock_utc_us();
  /* Webhooks are the courier's: one that hangs must not keep a grant from being renewed. */
  const struct job_claim claim = {.kind = STR(WEBHOOK_JOB),
                                  .is_other = true,
                                  .owner = round->keeper->id,
                                  .now = now,
                                  .until = now + LEASE_S * second_us,
                                  .max = TAKEN_MAX};
  enum err_code code = round->keeper->has_begun ? ERR_NONE : store_grant_free_leases(tx, round->keeper->id, err);
  /* Rows that a restored backup, or a node of another version, has left nobody to look after. */
  if (code == ERR_NONE && !round->keeper->has_begun)
    code = store_audit_retention_plan(tx, STR(RETENTION_JOB), now, err);
  if (code == ERR_NONE) code = store_job_claim(tx, &round->arena, &claim, &list, &n, err);
  if (code == ERR_NONE) code = store_consent_sweep(tx, now - INT64_C(3600) * second_us, err);
  for (size_t i = 0; code == ERR_NONE && i < n && i < TAKEN_MAX; i++) {
    round->runs[i] = (struct job_run){.round = round, .record = list[i]};
    if (list[i].subject.n == 16) memcpy(round->runs[i].subject.b, list[i].subject.p, 16);
    round->n = i + 1;
  }
  return code;
}

static enum err_code end_work(struct db_tx *tx, void *context, struct err *err) {
  struct job_round *round = context;
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < round->n && code == ERR_NONE; i++) {
    const struct job_run *run = &round->runs[i];
    bool is_over = run->is_done || run->record.attempts >= ATTEMPTS_MAX;
    int64_t wait = 30 * second_us << (run->record.attempts < 10 ? run->record.attempts : 10);
    int64_t due_at = run->again_at ? run->again_at : is_over ? 0 : clock_utc_us() + wait;
    code = store_job_end(tx, &run->record, due_at, err);
  }
  return code;
}

static void plan(struct grant_keeper *keeper);

static void round_free(struct job_round *round) {
  struct grant_keeper *keeper = round->keeper;
  keeper->jobs = NULL;
  arena_release(&round->arena);
  free(round);
  plan(keeper);
  keeper_end_when_idle(keeper);
}

static void on_ended(struct db_job *job) {
  round_free((struct job_round *)(void *)job);
}

static void round_end(struct job_round *round) {
  round->db_job = (struct db_job){.work = end_work, .context = round, .is_write = true, .done = on_ended};
  if (round->n == 0 || !db_submit(round->keeper->options.db, &round->keeper->loop, &round->db_job)) round_free(round);
}

static void on_run_ended(struct job_run *run, bool is_done) {
  run->is_done = is_done;
  if (--run->round->n_open == 0) round_end(run->round);
}

static void run_one(struct job_run *run) {
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    if (!str_eq_c(run->record.kind, kinds[i].name)) continue;
    kinds[i].run(run, on_run_ended);
    return;
  }
  on_run_ended(run, false); /* of a newer program's */
}

static void on_claimed(struct db_job *job) {
  struct job_round *round = (struct job_round *)(void *)job;
  if (job->code != ERR_NONE) round->n = 0;
  if (job->code == ERR_NONE) round->keeper->has_begun = true;
  round->n_open = round->n + 1; /* one more, so that it outlives this loop */
  for (size_t i = 0; i < round->n; i++)
    run_one(&round->runs[i]);
  if (--round->n_open == 0) round_end(round);
}

/* A round of its own: whatever comes of it, jobs are done. */
static enum err_code tend_work(struct db_tx *tx, void *context, struct err *err) {
  (void)context;
  return db_tend(tx, err);
}

static void on_time(struct timer *timer) {
  struct grant_keeper *keeper =
      (struct grant_keeper *)(void *)((char *)timer - offsetof(struct grant_keeper, job_timer));
  struct job_round *round = calloc(1, sizeof(*round));
  if (!round) {
    plan(keeper);
    return;
  }
  round->keeper = keeper;
  arena_init(&round->arena, 0);
  keeper->jobs = round;
  int64_t now = loop_now_us(&keeper->loop);
  bool is_tending = keeper->has_begun && now >= keeper->tend_at;
  if (is_tending) keeper->tend_at = now + tend_us;
  round->db_job = (struct db_job){.work = is_tending ? tend_work : claim_work,
                                  .context = round,
                                  .is_write = true,
                                  .done = is_tending ? on_ended : on_claimed};
  if (!db_submit(keeper->options.db, &keeper->loop, &round->db_job)) round_free(round);
}

static void plan(struct grant_keeper *keeper) {
  if (keeper->is_stopping || !keeper->options.does_jobs) return;
  keeper->job_timer.run = on_time;
  timers_set(keeper->timers, &keeper->job_timer, loop_now_us(&keeper->loop) + (keeper->has_begun ? ROUND_US : 0));
}

void jobs_begin(struct grant_keeper *keeper) {
  plan(keeper);
}

void jobs_stop(struct grant_keeper *keeper) {
  timers_cancel(keeper->timers, &keeper->job_timer);
}
