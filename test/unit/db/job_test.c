#include <pthread.h>

#include "db/fixture.h"

enum { N_JOBS = 40 };

struct work {
  struct db_job job;
  pthread_t ran_on;
  int64_t seen;
  int *n_left;
  struct loop *loop;
  pthread_t done_on;
};

static enum err_code count_logins(struct db_tx *tx, void *context, struct err *err) {
  struct work *work = context;
  work->ran_on = pthread_self();
  if (work->job.is_write) {
    struct uuid id = uuid_new();
    char email[UUID_TEXT_SIZE];
    uuid_format(id, email);
    enum err_code code = db_exec(tx, "INSERT INTO login (id, email, created_at) VALUES ($1, $2, 0)",
                                 DB_PARAMS(DB_V_UUID(id), DB_V_TEXT(str_of(email))), err);
    if (code != ERR_NONE) return code;
  }
  struct db_rows *rows;
  enum err_code code = db_query(tx, "SELECT count(*) FROM login", DB_NO_PARAMS, &rows, err);
  if (code != ERR_NONE) return code;
  if (db_next(rows, err) == 1) work->seen = db_int(rows, 0);
  db_rows_close(rows);
  return ERR_NONE;
}

static enum err_code refuse(struct db_tx *tx, void *context, struct err *err) {
  return err_set(err, ERR_DENIED, "no");
}

static void on_done(struct db_job *job) {
  struct work *work = job->context;
  work->done_on = pthread_self();
  if (--*work->n_left == 0) loop_stop(work->loop);
}

static void jobs_run_on_store_threads_and_end_on_the_loop(void **state) {
  struct fixture *f = *state;
  struct loop loop;
  struct work works[N_JOBS];
  int n_left = N_JOBS;
  assert_ok(loop_init(&loop, &test_err));
  assert_ok(db_start_threads(f->db, 3, &test_err));
  for (int i = 0; i < N_JOBS; i++) {
    works[i] = (struct work){.n_left = &n_left, .loop = &loop};
    works[i].job = (struct db_job){.work = count_logins, .context = &works[i], .is_write = i % 2, .done = on_done};
    assert_true(db_submit(f->db, &loop, &works[i].job));
  }
  loop_run(&loop);
  for (int i = 0; i < N_JOBS; i++) {
    assert_int_equal(works[i].job.code, ERR_NONE);
    assert_true(pthread_equal(works[i].done_on, pthread_self()));
    assert_false(pthread_equal(works[i].ran_on, pthread_self()));
  }
  loop_release(&loop);
  assert_int_equal(raw(f, "SELECT count(*) FROM login"), N_JOBS / 2);
}

static void a_failed_job_says_how(void **state) {
  struct fixture *f = *state;
  struct loop loop;
  int n_left = 1;
  struct work work = {.n_left = &n_left, .loop = &loop};
  work.job = (struct db_job){.work = refuse, .context = &work, .is_write = true, .done = on_done};
  assert_ok(loop_init(&loop, &test_err));
  assert_ok(db_start_threads(f->db, 1, &test_err));
  assert_true(db_submit(f->db, &loop, &work.job));
  loop_run(&loop);
  loop_release(&loop);
  assert_int_equal(work.job.code, ERR_DENIED);
  assert_string_equal(work.job.err.text, "no");
}

static void closing_finishes_what_was_submitted(void **state) {
  struct fixture *f = *state;
  struct loop loop;
  struct work works[N_JOBS];
  int n_left = N_JOBS;
  assert_ok(loop_init(&loop, &test_err));
  assert_ok(db_start_threads(f->db, 2, &test_err));
  for (int i = 0; i < N_JOBS; i++) {
    works[i] = (struct work){.n_left = &n_left, .loop = &loop};
    works[i].job = (struct db_job){.work = count_logins, .context = &works[i], .is_write = true, .done = on_done};
    assert_true(db_submit(f->db, &loop, &works[i].job));
  }
  db_disconnect(f->conn), f->conn = NULL;
  db_close(f->db), f->db = NULL;
  loop_run(&loop);
  loop_release(&loop);
  assert_int_equal(n_left, 0);
  assert_int_equal(raw(f, "SELECT count(*) FROM login"), N_JOBS);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(jobs_run_on_store_threads_and_end_on_the_loop, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_failed_job_says_how, set_up, tear_down),
      cmocka_unit_test_setup_teardown(closing_finishes_what_was_submitted, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
