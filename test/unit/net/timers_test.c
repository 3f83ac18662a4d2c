#include "net/timers.h"

#include "unit.h"

struct wait {
  struct timer timer;
  int n_runs;
  struct timers *timers;
  struct wait *other;
  int64_t again_us;
};

static struct loop loop;
static struct timers *timers;

static void on_run(struct timer *timer) {
  struct wait *wait = (struct wait *)(void *)timer;
  wait->n_runs++;
  if (wait->other) timers_cancel(timers, &wait->other->timer);
  if (wait->again_us) timers_set(timers, timer, loop_now_us(&loop) + wait->again_us);
}

static void set(struct wait *wait, int64_t in_us) {
  wait->timer.run = on_run;
  timers_set(timers, &wait->timer, loop_now_us(&loop) + in_us);
}

static void run_until(const int *count, int n) {
  while (*count < n)
    uv_run(&loop.uv, UV_RUN_ONCE);
}

static int set_up(void **state) {
  assert_ok(loop_init(&loop, &test_err));
  assert_non_null(timers = timers_new(&loop));
  return 0;
}

static int tear_down(void **state) {
  timers_free(timers);
  loop_stop(&loop);
  loop_run(&loop);
  loop_release(&loop);
  return 0;
}

static void each_runs_once_when_its_time_has_come(void **state) {
  struct wait soon = {0}, late = {0}, later = {0};
  set(&late, 3600 * INT64_C(1000000));
  set(&soon, 1000);
  set(&later, 7200 * INT64_C(1000000));
  run_until(&soon.n_runs, 1);
  assert_int_equal(late.n_runs, 0);
  loop_age(&loop, 3601 * INT64_C(1000000));
  run_until(&late.n_runs, 1);
  assert_int_equal(soon.n_runs, 1);
  assert_int_equal(later.n_runs, 0);
  assert_true(later.timer.is_set);
  assert_false(late.timer.is_set);
}

static void one_that_is_cancelled_does_not_run(void **state) {
  struct wait cancelled = {0}, kept = {0};
  set(&cancelled, 1000);
  set(&kept, 60 * INT64_C(1000000));
  timers_cancel(timers, &cancelled.timer);
  timers_cancel(timers, &cancelled.timer);
  loop_age(&loop, 61 * INT64_C(1000000));
  run_until(&kept.n_runs, 1);
  assert_int_equal(cancelled.n_runs, 0);
}

static void one_may_cancel_another_that_is_due(void **state) {
  struct wait a = {0}, b = {0}, end = {0};
  a.other = &b;
  b.other = &a;
  set(&a, 1000);
  set(&b, 1000);
  set(&end, 2000);
  loop_age(&loop, 5000);
  run_until(&end.n_runs, 1);
  assert_int_equal(a.n_runs + b.n_runs, 1);
}

static void one_may_be_set_again_from_within(void **state) {
  struct wait wait = {.again_us = 1000};
  set(&wait, 1000);
  run_until(&wait.n_runs, 3);
}

static void the_end_runs_nothing(void **state) {
  static struct wait wait;
  set(&wait, 0); /* tear_down frees: this must not be touched any more */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(each_runs_once_when_its_time_has_come, set_up, tear_down),
      cmocka_unit_test_setup_teardown(one_that_is_cancelled_does_not_run, set_up, tear_down),
      cmocka_unit_test_setup_teardown(one_may_cancel_another_that_is_due, set_up, tear_down),
      cmocka_unit_test_setup_teardown(one_may_be_set_again_from_within, set_up, tear_down),
      cmocka_unit_test_setup_teardown(the_end_runs_nothing, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
