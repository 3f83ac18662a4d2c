/* The loop and its mailbox: libuv plus a lock-free list that any thread may push to. It knows nothing of what the tasks
 * do. */
#include "net/loop.h"

#include <signal.h>
#include <stdatomic.h>

/* Newest first, as pushed; what one thread posted has to run in its order. */
static struct loop_task *tasks_reverse(struct loop_task *task) {
  struct loop_task *oldest_first = NULL;
  while (task) {
    struct loop_task *next = task->next;
    task->next = oldest_first;
    oldest_first = task;
    task = next;
  }
  return oldest_first;
}

static bool mailbox_run(struct loop *loop) {
  struct loop_task *task = tasks_reverse(atomic_exchange_explicit(&loop->mailbox, NULL, memory_order_acquire));
  bool had_any = task != NULL;
  while (task) {
    struct loop_task *next = task->next; /* run may free it */
    task->run(task);
    task = next;
  }
  return had_any;
}

static void on_wake(uv_async_t *wake) {
  mailbox_run(wake->data);
}

/* libuv runs the callbacks of I/O inside its poll, before any check handle: forgetting the time on both sides of the
 * poll is what makes it fresh for those callbacks and for the timers that come after. */
static void on_before_poll(uv_prepare_t *prepare) {
  ((struct loop *)prepare->data)->turn_us = 0;
}

static void on_after_poll(uv_check_t *check) {
  ((struct loop *)check->data)->turn_us = 0;
}

enum err_code loop_init(struct loop *loop, struct err *err) {
  *loop = (struct loop){0};
  signal(SIGPIPE, SIG_IGN);
  int failure = uv_loop_init(&loop->uv);
  if (failure < 0) return err_set(err, ERR_UNAVAILABLE, "cannot make an event loop: %s", uv_strerror(failure));
  failure = uv_async_init(&loop->uv, &loop->wake, on_wake);
  if (failure < 0) {
    uv_loop_close(&loop->uv);
    return err_set(err, ERR_UNAVAILABLE, "cannot make an event loop's mailbox: %s", uv_strerror(failure));
  }
  loop->wake.data = loop;
  uv_prepare_init(&loop->uv, &loop->before_poll);
  uv_check_init(&loop->uv, &loop->after_poll);
  loop->before_poll.data = loop;
  loop->after_poll.data = loop;
  uv_prepare_start(&loop->before_poll, on_before_poll);
  uv_check_start(&loop->after_poll, on_after_poll);
  uv_unref((uv_handle_t *)&loop->before_poll);
  uv_unref((uv_handle_t *)&loop->after_poll);
  return ERR_NONE;
}

void loop_run(struct loop *loop) {
  uv_run(&loop->uv, UV_RUN_DEFAULT);
}

/* The mailbox's handle is only let go of, not closed: another thread may be between its push and its wake-up. */
void loop_stop(struct loop *loop) {
  uv_unref((uv_handle_t *)&loop->wake);
}

void loop_release(struct loop *loop) {
  while (mailbox_run(loop)) {
  }
  uv_close((uv_handle_t *)&loop->wake, NULL);
  uv_close((uv_handle_t *)&loop->before_poll, NULL);
  uv_close((uv_handle_t *)&loop->after_poll, NULL);
  uv_run(&loop->uv, UV_RUN_DEFAULT);
  uv_loop_close(&loop->uv);
}

void loop_post(struct loop *loop, struct loop_task *task) {
  struct loop_task *newest = atomic_load_explicit(&loop->mailbox, memory_order_relaxed);
  do {
    task->next = newest;
  } while (!atomic_compare_exchange_weak_explicit(&loop->mailbox, &newest, task, memory_order_release,
                                                  memory_order_relaxed));
  /* Whoever made the list non-empty has woken the loop already, or is about to. */
  if (!newest) uv_async_send(&loop->wake);
}
