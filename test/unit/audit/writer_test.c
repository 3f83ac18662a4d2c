#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#include "audit/fixture.h"
#include "base/limits.h"

static struct audit_writer *start(struct audit_test *t, bool is_relaxed) {
  struct audit_writer *writer = NULL;
  const struct audit_writer_options options = {STR("node1"), is_relaxed};
  assert_ok(audit_writer_start(t->db->db, &options, &writer, &test_err));
  return writer;
}

struct call {
  struct audit_event event;
  struct audit_test *t;
  pthread_t done_on;
  int order;
};

static void on_done(struct audit_event *event) {
  struct call *call = (struct call *)(void *)event;
  call->done_on = pthread_self();
  call->order = call->t->n_waiting--;
  if (call->t->n_waiting == 0) loop_stop(&call->t->loop);
}

static struct call *calls_new(struct audit_test *t, size_t n) {
  struct call *calls = arena_new_n(&t->arena, struct call, n);
  for (size_t i = 0; i < n; i++) {
    calls[i].t = t;
    calls[i].event = event_of(t, i % 3 ? &t->acme : &t->globex, (int64_t)i + 1);
    calls[i].event.loop = &t->loop;
    calls[i].event.done = on_done;
  }
  return calls;
}

/* Submits all at once and runs the loop until the last is done. */
static struct call *run_calls(struct audit_test *t, struct audit_writer *writer, size_t n) {
  struct call *calls = calls_new(t, n);
  assert_ok(loop_init(&t->loop, &test_err));
  t->n_waiting = (int)n;
  for (size_t i = 0; i < n; i++)
    assert_true(audit_submit(writer, &calls[i].event));
  loop_run(&t->loop);
  loop_release(&t->loop);
  assert_int_equal(t->n_waiting, 0);
  return calls;
}

static int64_t count_records(struct audit_test *t) {
  return raw(t->db, "SELECT count(*) FROM audit_record");
}

static void what_is_done_is_durable(void **state) {
  struct audit_test *t = *state;
  struct audit_writer *writer = start(t, false);
  for (int round = 1; round <= 3; round++) {
    struct call *calls = run_calls(t, writer, 20);
    for (int i = 0; i < 20; i++) {
      assert_int_equal(calls[i].event.code, ERR_NONE);
      assert_true(pthread_equal(calls[i].done_on, pthread_self()));
    }
    assert_int_equal(count_records(t), 20 * round); /* before the writer has ended */
    assert_holds(t, 20 * round, 2);
  }
  assert_true(audit_is_healthy(writer));
  struct audit_counts counts;
  audit_count(writer, &counts);
  assert_int_equal(counts.records, 60);
  assert_true(counts.commits >= 3 && counts.commits <= 60);
  assert_int_equal(counts.failures, 0);
  audit_writer_stop(writer);
}

static void records_stand_in_the_order_of_submission(void **state) {
  struct audit_test *t = *state;
  struct audit_writer *writer = start(t, false);
  struct call *calls = run_calls(t, writer, 2 * LIMIT_AUDIT_BATCH + 50);
  audit_writer_stop(writer);
  assert_holds(t, 2 * LIMIT_AUDIT_BATCH + 50, 2);
  for (int i = 1; i < 2 * LIMIT_AUDIT_BATCH + 50; i++)
    assert_true(calls[i].order < calls[i - 1].order);
  assert_int_equal(raw(t->db,
                       "SELECT count(*) FROM audit_record a JOIN audit_record b ON a.organisation_id = "
                       "b.organisation_id AND b.seq = a.seq + 1 WHERE b.time < a.time"),
                   0);
}

static void many_go_into_one_commit(void **state) {
  struct audit_test *t = *state;
  struct audit_writer *writer = start(t, false);
  run_calls(t, writer, 4 * LIMIT_AUDIT_BATCH);
  struct audit_counts counts;
  audit_count(writer, &counts);
  assert_true(counts.commits < 2 * LIMIT_AUDIT_BATCH);
  audit_writer_stop(writer);
}

static void a_chain_goes_on_after_a_restart(void **state) {
  struct audit_test *t = *state;
  for (int round = 1; round <= 3; round++) {
    struct audit_writer *writer = start(t, false);
    run_calls(t, writer, 5);
    audit_writer_stop(writer);
    assert_holds(t, 5 * round, 2);
  }
}

static void stopping_commits_what_was_submitted(void **state) {
  struct audit_test *t = *state;
  struct audit_writer *writer = start(t, false);
  struct call *calls = calls_new(t, 300);
  assert_ok(loop_init(&t->loop, &test_err));
  t->n_waiting = 300;
  for (int i = 0; i < 300; i++)
    assert_true(audit_submit(writer, &calls[i].event));
  audit_writer_stop(writer);
  assert_int_equal(count_records(t), 300);
  loop_run(&t->loop);
  loop_release(&t->loop);
  assert_int_equal(t->n_waiting, 0);
}

/* Submitters, each with a loop of its own. */

enum { N_THREADS = 4, PER_THREAD = 250 };

struct submitter {
  struct audit_test *t;
  struct audit_writer *writer;
  struct loop loop;
  struct loop_task first;
  int n_submitted, n_done, n_failed;
  bool is_submitting;
  pthread_t thread;
};

struct submission {
  struct audit_event event;
  struct submitter *submitter;
};

static void submit_some(struct submitter *s);

static void on_submission_done(struct audit_event *event) {
  struct submission *submission = (struct submission *)(void *)event;
  struct submitter *s = submission->submitter;
  if (event->code != ERR_NONE || !pthread_equal(pthread_self(), s->thread)) s->n_failed++;
  free(submission); /* as a call may do */
  if (++s->n_done == PER_THREAD)
    loop_stop(&s->loop);
  else if (!s->is_submitting)
    submit_some(s);
}

/* Ten under way. */
static void submit_some(struct submitter *s) {
  s->is_submitting = true;
  while (s->n_submitted < PER_THREAD && s->n_submitted - s->n_done < 10) {
    struct submission *submission = calloc(1, sizeof *submission);
    submission->submitter = s;
    submission->event = event_of(s->t, s->n_submitted % 2 ? &s->t->acme : &s->t->globex, s->n_submitted + 1);
    submission->event.loop = &s->loop;
    submission->event.done = on_submission_done;
    s->n_submitted++;
    if (!audit_submit(s->writer, &submission->event))
      _exit(EXIT_FAILURE); /* not a crash: cmocka's own words are for its thread */
  }
  s->is_submitting = false;
}

static void on_first(struct loop_task *task) {
  submit_some((struct submitter *)(void *)((char *)task - offsetof(struct submitter, first)));
}

static void *submitter_main(void *context) {
  struct submitter *s = context;
  s->thread = pthread_self();
  s->first.run = on_first;
  loop_post(&s->loop, &s->first);
  loop_run(&s->loop);
  return NULL;
}

static void run_submitters(struct audit_test *t, bool is_relaxed) {
  struct submitter submitters[N_THREADS];
  pthread_t threads[N_THREADS];
  struct audit_writer *writer = start(t, is_relaxed);
  for (int i = 0; i < N_THREADS; i++) {
    submitters[i] = (struct submitter){.t = t, .writer = writer};
    assert_ok(loop_init(&submitters[i].loop, &test_err));
    assert_int_equal(pthread_create(&threads[i], NULL, submitter_main, &submitters[i]), 0);
  }
  for (int i = 0; i < N_THREADS; i++)
    pthread_join(threads[i], NULL);
  audit_writer_stop(writer);
  for (int i = 0; i < N_THREADS; i++) {
    assert_int_equal(submitters[i].n_done, PER_THREAD);
    assert_int_equal(submitters[i].n_failed, 0);
    loop_release(&submitters[i].loop);
  }
  assert_holds(t, N_THREADS * PER_THREAD, 2);
}

static void many_threads_keep_gapless_chains(void **state) {
  run_submitters(*state, false);
}

static void many_threads_keep_gapless_chains_in_relaxed_mode(void **state) {
  run_submitters(*state, true);
}

/* Failures. The disk is made to fail by the limit on a file's size, for the whole process. */

static struct rlimit unlimited;

static void disk_fills_up(void) {
  struct rlimit small;
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
  small = unlimited;
  small.rlim_cur = 1;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
}

static void disk_has_room(void) {
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
}

static void a_failing_disk_fails_calls_and_health_and_passes(void **state) {
  ONLY_SQLITE;
  struct audit_test *t = *state;
  struct audit_writer *writer = start(t, false);
  run_calls(t, writer, 10);
  for (int round = 0; round < 2; round++) {
    disk_fills_up();
    struct call *calls = run_calls(t, writer, 10);
    bool is_healthy = audit_is_healthy(writer);
    disk_has_room();
    for (int i = 0; i < 10; i++)
      assert_int_equal(calls[i].event.code, ERR_UNAVAILABLE);
    assert_false(is_healthy);
    calls = run_calls(t, writer, 10);
    for (int i = 0; i < 10; i++)
      assert_int_equal(calls[i].event.code, ERR_NONE);
    assert_true(audit_is_healthy(writer));
  }
  struct audit_counts counts;
  audit_count(writer, &counts);
  assert_int_equal(counts.failures, 20);
  audit_writer_stop(writer);
  assert_holds(t, 30, 2);
}

static void health_comes_back_without_traffic(void **state) {
  ONLY_SQLITE;
  struct audit_test *t = *state;
  struct audit_writer *writer = start(t, false);
  disk_fills_up();
  run_calls(t, writer, 1);
  bool is_healthy = audit_is_healthy(writer);
  disk_has_room();
  assert_false(is_healthy);
  for (int i = 0; i < 1000 && !audit_is_healthy(writer); i++)
    usleep(20 * 1000);
  assert_true(audit_is_healthy(writer));
  audit_writer_stop(writer);
  assert_holds(t, 0, 0);
}

static void a_call_that_cannot_be_written_fails_alone(void **state) {
  struct audit_test *t = *state;
  struct audit_writer *writer = start(t, false);
  struct call *calls = calls_new(t, 5);
  static char endless[300 * 1024];
  memset(endless, 'x', sizeof endless);
  calls[1].event.roles = str_make(endless, sizeof endless);
  calls[3].event.keys = NULL;
  assert_ok(loop_init(&t->loop, &test_err));
  t->n_waiting = 5;
  for (int i = 0; i < 5; i++)
    assert_true(audit_submit(writer, &calls[i].event));
  loop_run(&t->loop);
  loop_release(&t->loop);
  for (int i = 0; i < 5; i++)
    assert_int_equal(calls[i].event.code != ERR_NONE, i % 2);
  assert_true(audit_is_healthy(writer));
  audit_writer_stop(writer);
  assert_holds(t, 3, 2);
}

/* One organisation's broken chain stops that organisation alone. */
static void nothing_is_put_after_a_chain_that_was_changed(void **state) {
  struct audit_test *t = *state;
  static const char *const changes[] = {
      "UPDATE audit_head SET seq = seq - 1 WHERE seq = 7",
      "DELETE FROM audit_record WHERE seq = 7",
      "DELETE FROM audit_head WHERE seq = 7",
      "UPDATE audit_record SET mac = zeroblob(32) WHERE seq = 7",
      "UPDATE audit_head SET head_mac = zeroblob(32) WHERE seq = 7",
  };
  struct audit_writer *writer = start(t, false);
  run_calls(t, writer, 10); /* 6 of acme, 4 of globex */
  run_calls(t, writer, 1);
  run_calls(t, writer, 2); /* 7 of acme, 6 of globex */
  audit_writer_stop(writer);
  raw(t->db,
      "CREATE TABLE saved_record AS SELECT * FROM audit_record; CREATE TABLE saved_head AS SELECT * FROM audit_head");
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
    raw(t->db, changes[i]);
    int64_t before = count_records(t);
    writer = start(t, false);
    struct call *calls = run_calls(t, writer, 6);
    audit_writer_stop(writer);
    for (int j = 0; j < 6; j++)
      assert_int_equal(calls[j].event.code, j % 3 ? ERR_UNAVAILABLE : ERR_NONE);
    assert_int_equal(count_records(t), before + 2);
    raw(t->db,
        "DELETE FROM audit_record; INSERT INTO audit_record SELECT * FROM saved_record;"
        "DELETE FROM audit_head; INSERT INTO audit_head SELECT * FROM saved_head");
  }
}

/* The writer waits for this lock while its queue fills. */
static sqlite3 *hold_database(struct audit_test *t) {
  sqlite3 *other;
  assert_int_equal(sqlite3_open(t->db->path, &other), SQLITE_OK);
  assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  return other;
}

static void let_go(sqlite3 *other) {
  sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
  sqlite3_close(other);
}

/* How many of them the writer has taken. */
static int submit_many(struct audit_test *t, struct audit_writer *writer, struct call *calls, int n) {
  const struct audit_event event = {
      .organisation_id = t->acme, .keys = t->acme_keys, .loop = &t->loop, .done = on_done};
  int n_taken = 0;
  t->n_waiting = n;
  for (int i = 0; i < n; i++) {
    calls[i].t = t;
    calls[i].event = event;
    n_taken += audit_submit(writer, &calls[i].event);
  }
  return n_taken;
}

/* Else what they are ahead of would end in refusals: whoever waits asks less. */
static void relaxed_calls_far_ahead_of_their_records_wait_for_them(void **state) {
  ONLY_SQLITE;
  struct audit_test *t = *state;
  enum { MANY = LIMIT_AUDIT_AHEAD + LIMIT_AUDIT_BATCH + 100 };
  struct audit_writer *writer = start(t, true);
  sqlite3 *other = hold_database(t);
  struct call *calls = calloc(MANY, sizeof *calls);
  assert_ok(loop_init(&t->loop, &test_err));
  assert_int_equal(submit_many(t, writer, calls, MANY), MANY);
  int n_waiting = t->n_waiting;
  let_go(other);
  assert_true(n_waiting >= 100 && n_waiting <= LIMIT_AUDIT_BATCH + 100);
  loop_run(&t->loop);
  loop_release(&t->loop);
  assert_int_equal(t->n_waiting, 0);
  audit_writer_stop(writer);
  assert_int_equal(count_records(t), MANY);
  free(calls);
}

static void a_full_queue_takes_nothing(void **state) {
  ONLY_SQLITE;
  struct audit_test *t = *state;
  enum { MANY = LIMIT_AUDIT_QUEUE + LIMIT_AUDIT_BATCH + 1 };
  struct audit_writer *writer = start(t, false);
  sqlite3 *other = hold_database(t);
  struct call *calls = calloc(MANY, sizeof *calls);
  assert_ok(loop_init(&t->loop, &test_err));
  int n_taken = submit_many(t, writer, calls, MANY);
  let_go(other);
  assert_true(n_taken >= LIMIT_AUDIT_QUEUE && n_taken < MANY);
  t->n_waiting = n_taken;
  loop_run(&t->loop);
  loop_release(&t->loop);
  assert_int_equal(t->n_waiting, 0);
  audit_writer_stop(writer);
  assert_int_equal(count_records(t), n_taken);
  free(calls);
}

/* Relaxed mode: nothing of the call's is touched once it is done. */
static void relaxed_calls_may_vanish_at_once(void **state) {
  struct audit_test *t = *state;
  struct audit_writer *writer = start(t, true);
  enum { MANY = 50 };
  assert_ok(loop_init(&t->loop, &test_err));
  t->n_waiting = MANY;
  struct call *calls = calls_new(t, MANY);
  char email[] = "ann@acme.example";
  for (int i = 0; i < MANY; i++) {
    calls[i].event.user_email = str_of(email);
    assert_true(audit_submit(writer, &calls[i].event));
  }
  loop_run(&t->loop);
  loop_release(&t->loop);
  memset(email, '?', sizeof email);
  struct vault_keys *mine = t->acme_keys;
  const struct vault_keys *kept = vault_keys_ref(mine);
  vault_keys_free(mine);
  memset(calls, 0xee, MANY * sizeof *calls);
  audit_writer_stop(writer);
  t->acme_keys = (struct vault_keys *)kept;
  assert_holds(t, MANY, 2); /* with the digest of the address as it was */
}

static void a_relaxed_failure_is_counted_and_seen(void **state) {
  ONLY_SQLITE;
  struct audit_test *t = *state;
  struct audit_writer *writer = start(t, true);
  struct audit_counts counts;
  disk_fills_up();
  struct call *calls = run_calls(t, writer, 10);
  for (int i = 0; i < 1000 && audit_is_healthy(writer); i++)
    usleep(10 * 1000);
  bool is_healthy = audit_is_healthy(writer);
  disk_has_room();
  assert_false(is_healthy);
  for (int i = 0; i < 10; i++)
    assert_int_equal(calls[i].event.code, ERR_NONE);
  audit_writer_stop(writer);
  writer = start(t, true);
  run_calls(t, writer, 3);
  audit_count(writer, &counts);
  audit_writer_stop(writer);
  assert_int_equal(counts.failures, 0);
}

static void a_writer_has_a_name_of_its_own(void **state) {
  struct audit_test *t = *state;
  struct audit_writer *writer = NULL;
  char endless[65];
  memset(endless, 'x', sizeof endless);
  const struct str names[] = {STR(""), STR("command"), str_make(endless, sizeof endless)};
  for (size_t i = 0; i < 3; i++) {
    const struct audit_writer_options options = {names[i], false};
    assert_int_equal(audit_writer_start(t->db->db, &options, &writer, &test_err), ERR_INVALID);
  }
  assert_null(writer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      AUDIT_UNIT(what_is_done_is_durable),
      AUDIT_UNIT(records_stand_in_the_order_of_submission),
      AUDIT_UNIT(many_go_into_one_commit),
      AUDIT_UNIT(a_chain_goes_on_after_a_restart),
      AUDIT_UNIT(stopping_commits_what_was_submitted),
      AUDIT_UNIT(many_threads_keep_gapless_chains),
      AUDIT_UNIT(many_threads_keep_gapless_chains_in_relaxed_mode),
      AUDIT_UNIT(a_failing_disk_fails_calls_and_health_and_passes),
      AUDIT_UNIT(health_comes_back_without_traffic),
      AUDIT_UNIT(a_call_that_cannot_be_written_fails_alone),
      AUDIT_UNIT(nothing_is_put_after_a_chain_that_was_changed),
      AUDIT_UNIT(a_full_queue_takes_nothing),
      AUDIT_UNIT(relaxed_calls_may_vanish_at_once),
      AUDIT_UNIT(relaxed_calls_far_ahead_of_their_records_wait_for_them),
      AUDIT_UNIT(a_relaxed_failure_is_counted_and_seen),
      AUDIT_UNIT(a_writer_has_a_name_of_its_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
