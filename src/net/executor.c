/* A pool of threads over one bounded queue. It knows nothing of what the jobs do; each one's end is told to the loop
 * that it names. */
#include "net/executor.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"

enum { THREAD_NAME_SIZE = 16 }; /* the kernel's, with the NUL */

struct executor_thread {
  struct executor *executor;
  unsigned index;
  pthread_t id;
};

struct executor {
  pthread_mutex_t lock; /* guards all that follows, up to is_stopping */
  pthread_cond_t work;
  struct executor_job *first;
  struct executor_job **last;
  size_t n_queued;
  unsigned n_waiting; /* threads asleep that nobody has woken yet */
  bool is_stopping;
  char name[THREAD_NAME_SIZE];
  unsigned n_threads;
  struct executor_thread threads[];
};

static void job_finish(struct loop_task *task) {
  struct executor_job *job = (struct executor_job *)((char *)task - offsetof(struct executor_job, task));
  job->done(job);
}

/* NULL: nothing more will come. */
static struct executor_job *job_take(struct executor *executor) {
  pthread_mutex_lock(&executor->lock);
  while (!executor->first && !executor->is_stopping) {
    executor->n_waiting++;
    pthread_cond_wait(&executor->work, &executor->lock);
    /* A wake-up that nobody sent leaves the count too high by one: it costs a needless signal, never a lost one. */
  }
  struct executor_job *job = executor->first;
  if (job) {
    executor->first = job->next;
    if (!executor->first) executor->last = &executor->first;
    executor->n_queued--;
  }
  pthread_mutex_unlock(&executor->lock);
  return job;
}

static void *thread_main(void *context) {
  struct executor_thread *thread = context;
  struct executor *executor = thread->executor;
  char name[THREAD_NAME_SIZE];
  snprintf(name, sizeof(name), "%.10s-%u", executor->name, thread->index % 1000);
  pthread_setname_np(pthread_self(), name);
  struct executor_job *job;
  while ((job = job_take(executor))) {
    job->run(job, thread->index);
    job->task.run = job_finish;
    loop_post(job->loop, &job->task);
  }
  return NULL;
}

static void threads_join(struct executor *executor, unsigned n) {
  pthread_mutex_lock(&executor->lock);
  executor->is_stopping = true;
  pthread_cond_broadcast(&executor->work);
  pthread_mutex_unlock(&executor->lock);
  for (unsigned i = 0; i < n; i++)
    pthread_join(executor->threads[i].id, NULL);
  pthread_cond_destroy(&executor->work);
  pthread_mutex_destroy(&executor->lock);
  free(executor);
}

/* Returns how many threads run. Signals are the main thread's affair: the threads inherit a mask that blocks them. */
static unsigned threads_start(struct executor *executor, int *ret_failure) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  unsigned i = 0;
  for (; i < executor->n_threads; i++) {
    struct executor_thread *thread = &executor->threads[i];
    thread->executor = executor;
    thread->index = i;
    *ret_failure = pthread_create(&thread->id, NULL, thread_main, thread);
    if (*ret_failure != 0) break;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return i;
}

enum err_code executor_start(const char *name, unsigned n_threads, struct executor **ret_executor, struct err *err) {
  if (n_threads == 0) return err_set(err, ERR_INTERNAL, "an executor needs a thread");
  struct executor *executor = calloc(1, sizeof(*executor) + n_threads * sizeof(executor->threads[0]));
  if (!executor) return err_no_memory(err);
  pthread_mutex_init(&executor->lock, NULL);
  pthread_cond_init(&executor->work, NULL);
  executor->last = &executor->first;
  executor->n_threads = n_threads;
  snprintf(executor->name, sizeof(executor->name), "%s", name);
  int failure = 0;
  unsigned n_started = threads_start(executor, &failure);
  if (n_started < n_threads) {
    threads_join(executor, n_started);
    return err_set(err, ERR_UNAVAILABLE, "cannot start a thread: %s", uv_strerror(-failure));
  }
  *ret_executor = executor;
  return ERR_NONE;
}

void executor_stop(struct executor *executor) {
  threads_join(executor, executor->n_threads);
}

bool executor_submit(struct executor *executor, struct executor_job *job) {
  bool must_wake = false;
  pthread_mutex_lock(&executor->lock);
  bool is_taken = executor->n_queued < LIMIT_EXECUTOR_QUEUE;
  if (is_taken) {
    job->next = NULL;
    *executor->last = job;
    executor->last = &job->next;
    executor->n_queued++;
    must_wake = executor->n_waiting > 0;
    if (must_wake) executor->n_waiting--;
  }
  pthread_mutex_unlock(&executor->lock);
  if (must_wake) pthread_cond_signal(&executor->work);
  return is_taken;
}

unsigned executor_threads(const struct executor *executor) {
  return executor->n_threads;
}
