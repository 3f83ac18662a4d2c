/* An event loop with a mailbox. One loop a thread; the mailbox is the only way in from other threads. */
#ifndef CONNEK_NET_LOOP_H
#define CONNEK_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "base/clock.h"
#include "base/err.h"

/* Embedded in whatever is posted. Belongs to the mailbox from loop_post until `run` is called; `run` may free it. */
struct loop_task {
  void (*run)(struct loop_task *task);
  struct loop_task *next;
};

struct loop {
  uv_loop_t uv;
  uv_async_t wake;
  uv_prepare_t before_poll;
  uv_check_t after_poll;
  _Atomic(struct loop_task *) mailbox; /* newest first; reversed when taken */
  int64_t turn_us;                     /* loop_now_us alone reads it; 0: nobody has asked since the loop last slept */
  int64_t aged_us;                     /* added to the clock: lets a test age what waits, without waiting */
};

/* Also ignores SIGPIPE, for the whole process: a client that leaves must not end it. */
enum err_code loop_init(struct loop *loop, struct err *err) MUST_CHECK;
/* Runs until loop_stop and then until every handle has closed. On the loop's own thread. */
void loop_run(struct loop *loop);
/* Own thread only: loop_run returns once every handle is closed. Tasks posted from now on are run as long as it has not
 * returned, the rest by loop_release. */
void loop_stop(struct loop *loop);
/* Runs what is left in the mailbox, on the caller's thread. Nobody may post any more. */
void loop_release(struct loop *loop);
/* From any thread; never fails, never blocks. Tasks run in the order in which one thread posted them. */
void loop_post(struct loop *loop, struct loop_task *task);
/* Monotonic; the clock is asked once a turn, and anew after the loop has slept. Own thread only. */
static inline int64_t loop_now_us(struct loop *loop) {
  if (loop->turn_us == 0) loop->turn_us = clock_monotonic_us() + loop->aged_us;
  return loop->turn_us;
}
/* For tests: makes everything on this loop older. */
static inline void loop_age(struct loop *loop, int64_t us) {
  loop->aged_us += us;
  loop->turn_us = 0;
}

#endif
