/* Threads for what must not run on a loop: database work, SQLite connectors. */
#ifndef CONNEK_NET_EXECUTOR_H
#define CONNEK_NET_EXECUTOR_H

#include "base/err.h"
#include "net/loop.h"

/* Embedded in what is submitted; belongs to the executor until `done` runs. */
struct executor_job {
  void (*run)(struct executor_job *job, unsigned thread); /* on one of its threads, 0 <= thread < n */
  void (*done)(struct executor_job *job);                 /* on `loop`, in its own turn */
  struct loop *loop;
  struct executor_job *next;
  struct loop_task task;
};

struct executor;

/* The threads block all signals. `name` is what tools such as top show of them (its first 10 characters). */
enum err_code executor_start(const char *name, unsigned n_threads, struct executor **ret_executor,
                             struct err *err) MUST_CHECK;
/* Finishes what was submitted, then ends the threads and frees. Call only when nobody submits any more. */
void executor_stop(struct executor *executor);
/* From any thread. False: over LIMIT_EXECUTOR_QUEUE, nothing was taken. */
bool executor_submit(struct executor *executor, struct executor_job *job) MUST_CHECK;
unsigned executor_threads(const struct executor *executor);

#endif
