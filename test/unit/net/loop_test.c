/* The mailbox under several threads, and the loop's clock. */
#include <pthread.h>
#include <stdatomic.h>

#include "net/loop.h"
#include "unit.h"

enum { POSTERS = 4, POSTS = 20000 };

struct post {
  struct loop_task task;
  unsigned poster;
  unsigned number;
};

static struct {
  struct loop loop;
  unsigned seen[POSTERS]; /* the number awaited next */
  unsigned n_run;
  bool is_out_of_order;
} mail;

static void on_post(struct loop_task *task) {
  struct post *post = (struct post *)task;
  if (post->number != mail.seen[post->poster]) mail.is_out_of_order = true;
  mail.seen[post->poster] = post->number + 1;
  free(post);
  if (++mail.n_run == POSTERS * POSTS) loop_stop(&mail.loop);
}

static void *poster_main(void *context) {
  unsigned poster = (unsigned)(uintptr_t)context;
  for (unsigned i = 0; i < POSTS; i++) {
    struct post *post = malloc(sizeof(*post));
    *post = (struct post){.task = {.run = on_post}, .poster = poster, .number = i};
    loop_post(&mail.loop, &post->task);
  }
  return NULL;
}

static void what_one_thread_posts_runs_once_and_in_its_order(void **state) {
  memset(&mail, 0, sizeof(mail));
  assert_ok(loop_init(&mail.loop, &test_err));
  pthread_t threads[POSTERS];
  for (uintptr_t i = 0; i < POSTERS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, poster_main, (void *)i), 0);
  loop_run(&mail.loop);
  for (unsigned i = 0; i < POSTERS; i++)
    pthread_join(threads[i], NULL);
  loop_release(&mail.loop);
  assert_int_equal(mail.n_run, POSTERS * POSTS);
  assert_false(mail.is_out_of_order);
}

struct counted {
  struct loop_task task;
  struct loop *loop;
  int *n_run;
  struct counted *then; /* posted by this one's run */
};

static void on_counted(struct loop_task *task) {
  struct counted *counted = (struct counted *)task;
  (*counted->n_run)++;
  if (counted->then) loop_post(counted->loop, &counted->then->task);
}

static void what_is_posted_after_the_loop_has_ended_is_run_by_release(void **state) {
  struct loop loop;
  int n_run = 0;
  assert_ok(loop_init(&loop, &test_err));
  loop_stop(&loop);
  loop_run(&loop);
  struct counted second = {.task = {.run = on_counted}, .loop = &loop, .n_run = &n_run};
  struct counted first = {.task = {.run = on_counted}, .loop = &loop, .n_run = &n_run, .then = &second};
  loop_post(&loop, &first.task);
  assert_int_equal(n_run, 0);
  loop_release(&loop);
  assert_int_equal(n_run, 2);
}

static void on_stop(struct loop_task *task) {
  loop_stop(((struct counted *)task)->loop);
}

static void on_late(uv_timer_t *timer) {
  *(bool *)timer->data = true;
  uv_close((uv_handle_t *)timer, NULL);
}

static void a_stopped_loop_runs_on_until_its_handles_are_closed(void **state) {
  struct loop loop;
  bool has_run = false;
  assert_ok(loop_init(&loop, &test_err));
  uv_timer_t timer;
  uv_timer_init(&loop.uv, &timer);
  timer.data = &has_run;
  uv_timer_start(&timer, on_late, 20, 0);
  struct counted stop = {.task = {.run = on_stop}, .loop = &loop};
  loop_post(&loop, &stop.task);
  loop_run(&loop);
  assert_true(has_run);
  loop_release(&loop);
}

struct ping {
  struct loop_task task;
  struct loop *loop;
  unsigned left;
};

static void on_ping(struct loop_task *task) {
  struct ping *ping = (struct ping *)task;
  if (ping->left-- == 0)
    loop_stop(ping->loop);
  else
    loop_post(ping->loop, &ping->task);
}

static void a_task_may_post_itself_again(void **state) {
  struct loop loop;
  assert_ok(loop_init(&loop, &test_err));
  struct ping ping = {.task = {.run = on_ping}, .loop = &loop, .left = 1000};
  loop_post(&loop, &ping.task);
  loop_run(&loop);
  loop_release(&loop);
}

static void time_stands_still_within_a_turn_and_moves_over_the_poll(void **state) {
  struct loop loop;
  assert_ok(loop_init(&loop, &test_err));
  int64_t before = loop_now_us(&loop);
  while (clock_monotonic_us() == before) {
  }
  assert_int_equal(loop_now_us(&loop), before);
  uv_run(&loop.uv, UV_RUN_NOWAIT);
  assert_true(loop_now_us(&loop) > before);
  int64_t young = loop_now_us(&loop);
  loop_age(&loop, 1000000);
  assert_true(loop_now_us(&loop) >= young + 1000000);
  loop_release(&loop);
}

static int64_t seen_us;
static void on_look(struct loop_task *task) {
  seen_us = loop_now_us(((struct counted *)task)->loop);
  loop_stop(((struct counted *)task)->loop);
}

static struct counted look;
static void *late_poster(void *context) {
  struct timespec pause = {.tv_nsec = 30 * 1000 * 1000};
  nanosleep(&pause, NULL);
  loop_post(look.loop, &look.task);
  return NULL;
}

/* libuv's own order would show the time from before the sleep. */
static void a_callback_sees_the_time_after_the_loop_has_slept(void **state) {
  struct loop loop;
  assert_ok(loop_init(&loop, &test_err));
  int64_t before = loop_now_us(&loop);
  look = (struct counted){.task = {.run = on_look}, .loop = &loop};
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, late_poster, NULL), 0);
  loop_run(&loop);
  pthread_join(thread, NULL);
  assert_true(seen_us >= before + 30 * 1000);
  loop_release(&loop);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_one_thread_posts_runs_once_and_in_its_order),
      cmocka_unit_test(what_is_posted_after_the_loop_has_ended_is_run_by_release),
      cmocka_unit_test(a_stopped_loop_runs_on_until_its_handles_are_closed),
      cmocka_unit_test(a_task_may_post_itself_again),
      cmocka_unit_test(time_stands_still_within_a_turn_and_moves_over_the_poll),
      cmocka_unit_test(a_callback_sees_the_time_after_the_loop_has_slept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
