/* An event loop with a mailbox. One loop a thread; the mailbox is the only way in from other threads. */
#ifndef CONNEK_NET_LOOP_H
#define CONNEK_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "base/err.h"

/* Embedded in whatever is posted. Belongs to the mailbox from loop_post until `run` is called; `run` may free it. */
struct loop_task {
  void (*run)(struct loop_task *task);
  struct loop_task *next;
};

struct loop {
  uv_loop_t uv;
  uv_async_t wake;
  _Atomic(struct loop_task *) mailbox; /* newest first; reversed when taken */
  int64_t now_us;                      /* monotonic, refreshed once a turn */
};

enum err_code loop_init(struct loop *loop, struct err *err) MUST_CHECK;
/* Runs until loop_stop and then until every handle has closed. On the loop's own thread. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop); /* own thread only; closes the mailbox: later posts are run by loop_release */
void loop_release(struct loop *loop);
/* From any thread; never fails, never blocks. Tasks run in the order in which one thread posted them. */
void loop_post(struct loop *loop, struct loop_task *task);
static inline int64_t loop_now_us(const struct loop *loop) {
  return loop->now_us;
}

#endif
