/* Jobs run off the loop and end on it, each once; the queue is bounded. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/limits.h"
#include "net/executor.h"
#include "unit.h"

enum { JOBS = 5000, THREADS = 3 };

struct counted_job {
  struct executor_job job;
  unsigned number;
  bool has_run, is_done;
};

static struct {
  struct loop loop;
  pthread_t loop_thread;
  struct executor *executor;
  unsigned n_done, n_wanted;
  unsigned last_number;
  bool has_wrong_thread, is_out_of_order;
  _Atomic unsigned n_run;
  /* for jobs that wait */
  pthread_mutex_t lock;
  pthread_cond_t open;
  bool is_open;
} bench;

static void counted_run(struct executor_job *job, unsigned thread) {
  struct counted_job *counted = (struct counted_job *)job;
  if (thread >= executor_threads(bench.executor) || pthread_equal(pthread_self(), bench.loop_thread))
    bench.has_wrong_thread = true;
  counted->has_run = true;
  atomic_fetch_add(&bench.n_run, 1);
}

static void counted_done(struct executor_job *job) {
  struct counted_job *counted = (struct counted_job *)job;
  if (!pthread_equal(pthread_self(), bench.loop_thread)) bench.has_wrong_thread = true;
  if (counted->number < bench.last_number) bench.is_out_of_order = true;
  bench.last_number = counted->number;
  counted->is_done = true;
  if (++bench.n_done == bench.n_wanted) loop_stop(&bench.loop);
}

static void waiting_run(struct executor_job *job, unsigned thread) {
  pthread_mutex_lock(&bench.lock);
  while (!bench.is_open)
    pthread_cond_wait(&bench.open, &bench.lock);
  pthread_mutex_unlock(&bench.lock);
  counted_run(job, thread);
}

static void gate_open(void) {
  pthread_mutex_lock(&bench.lock);
  bench.is_open = true;
  pthread_cond_broadcast(&bench.open);
  pthread_mutex_unlock(&bench.lock);
}

static void bench_begin(unsigned n_threads, unsigned n_wanted) {
  memset(&bench, 0, sizeof(bench));
  pthread_mutex_init(&bench.lock, NULL);
  pthread_cond_init(&bench.open, NULL);
  bench.loop_thread = pthread_self();
  bench.n_wanted = n_wanted;
  assert_ok(loop_init(&bench.loop, &test_err));
  assert_ok(executor_start("test", n_threads, &bench.executor, &test_err));
  assert_int_equal(executor_threads(bench.executor), n_threads);
}

static void bench_end(void) {
  loop_release(&bench.loop);
  pthread_cond_destroy(&bench.open);
  pthread_mutex_destroy(&bench.lock);
  assert_false(bench.has_wrong_thread);
}

static struct counted_job *jobs_new(unsigned n, void (*run)(struct executor_job *, unsigned)) {
  struct counted_job *jobs = calloc(n, sizeof(*jobs));
  for (unsigned i = 0; i < n; i++)
    jobs[i] = (struct counted_job){.job = {.run = run, .done = counted_done, .loop = &bench.loop}, .number = i};
  return jobs;
}

static void each_job_runs_once_and_ends_on_its_loop(void **state) {
  bench_begin(THREADS, JOBS);
  struct counted_job *jobs = jobs_new(JOBS, counted_run);
  for (unsigned i = 0; i < JOBS; i++)
    assert_true(executor_submit(bench.executor, &jobs[i].job));
  loop_run(&bench.loop);
  executor_stop(bench.executor);
  assert_int_equal(bench.n_run, JOBS);
  for (unsigned i = 0; i < JOBS; i++)
    assert_true(jobs[i].has_run && jobs[i].is_done);
  free(jobs);
  bench_end();
}

static void one_thread_keeps_the_order(void **state) {
  bench_begin(1, JOBS);
  struct counted_job *jobs = jobs_new(JOBS, counted_run);
  for (unsigned i = 0; i < JOBS; i++)
    assert_true(executor_submit(bench.executor, &jobs[i].job));
  loop_run(&bench.loop);
  executor_stop(bench.executor);
  assert_false(bench.is_out_of_order);
  free(jobs);
  bench_end();
}

static void a_full_queue_refuses_and_takes_nothing(void **state) {
  unsigned n = LIMIT_EXECUTOR_QUEUE + 8;
  bench_begin(1, 0);
  struct counted_job *jobs = jobs_new(n, waiting_run);
  unsigned n_taken = 0;
  for (unsigned i = 0; i < n; i++)
    n_taken += executor_submit(bench.executor, &jobs[i].job);
  /* the thread may have taken one out of the queue by now */
  assert_in_range(n_taken, LIMIT_EXECUTOR_QUEUE, LIMIT_EXECUTOR_QUEUE + 1);
  bench.n_wanted = n_taken;
  gate_open();
  loop_run(&bench.loop);
  executor_stop(bench.executor);
  assert_int_equal(bench.n_run, n_taken);
  free(jobs);
  bench_end();
}

static void stopping_finishes_what_was_submitted(void **state) {
  bench_begin(2, 0);
  struct counted_job *jobs = jobs_new(100, counted_run);
  for (unsigned i = 0; i < 100; i++)
    assert_true(executor_submit(bench.executor, &jobs[i].job));
  executor_stop(bench.executor);
  assert_int_equal(bench.n_run, 100);
  assert_int_equal(bench.n_done, 0);
  loop_release(&bench.loop); /* the ends were posted: released on this thread */
  assert_int_equal(bench.n_done, 100);
  assert_false(bench.has_wrong_thread);
  free(jobs);
}

static void idle_threads_are_woken_again_and_again(void **state) {
  bench_begin(THREADS, 1);
  struct counted_job *jobs = jobs_new(1, counted_run);
  for (unsigned i = 0; i < 300; i++) {
    bench.n_wanted = i + 1;
    uv_ref((uv_handle_t *)&bench.loop.wake); /* as before loop_stop */
    assert_true(executor_submit(bench.executor, &jobs[0].job));
    loop_run(&bench.loop);
    assert_int_equal(bench.n_done, i + 1);
  }
  executor_stop(bench.executor);
  free(jobs);
  bench_end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_job_runs_once_and_ends_on_its_loop), cmocka_unit_test(one_thread_keeps_the_order),
      cmocka_unit_test(a_full_queue_refuses_and_takes_nothing),  cmocka_unit_test(stopping_finishes_what_was_submitted),
      cmocka_unit_test(idle_threads_are_woken_again_and_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
