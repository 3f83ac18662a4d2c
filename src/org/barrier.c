/* A task is posted to every loop; the last to run posts back. Each runs twice: the first comes somewhere within a turn
 * of its loop, the second in a later turn, so whatever a callback of the first turn held has been let go of. */
#include "org/barrier.h"

#include <stdatomic.h>
#include <stdlib.h>

struct barrier_visit {
  struct loop_task task; /* first: the task's address is the visit's */
  struct barrier *barrier;
  struct loop *loop;
  bool is_second;
};

struct barrier {
  struct loop_task back; /* first, likewise */
  struct loop *home;
  atomic_size_t n_left;
  atomic_bool is_abandoned;
  bool is_under_way; /* the home loop's */
  void (*passed)(void *context);
  void *context;
  void (*visited)(void *context, size_t loop);
  void *visited_context;
  size_t n_loops;
  struct barrier_visit visits[];
};

struct barrier *barrier_new(struct loop *home, struct loop *const *loops, size_t n_loops) {
  struct barrier *barrier = calloc(1, sizeof(*barrier) + n_loops * sizeof(barrier->visits[0]));
  if (!barrier) return NULL;
  barrier->home = home;
  barrier->n_loops = n_loops;
  for (size_t i = 0; i < n_loops; i++) {
    barrier->visits[i].barrier = barrier;
    barrier->visits[i].loop = loops[i];
  }
  return barrier;
}

static void on_all_passed(struct loop_task *task) {
  struct barrier *barrier = (struct barrier *)task;
  barrier->is_under_way = false;
  if (atomic_load(&barrier->is_abandoned)) {
    free(barrier);
  } else {
    barrier->passed(barrier->context);
  }
}

static void on_visit(struct loop_task *task) {
  struct barrier_visit *visit = (struct barrier_visit *)task;
  struct barrier *barrier = visit->barrier;
  if (!visit->is_second && !atomic_load(&barrier->is_abandoned)) {
    visit->is_second = true;
    loop_post(visit->loop, &visit->task);
    return;
  }
  if (barrier->visited && !atomic_load(&barrier->is_abandoned))
    barrier->visited(barrier->visited_context, (size_t)(visit - barrier->visits));
  if (atomic_fetch_sub(&barrier->n_left, 1) != 1) return;
  /* Once abandoned, the home loop may be gone. */
  if (atomic_load(&barrier->is_abandoned)) {
    free(barrier);
  } else {
    loop_post(barrier->home, &barrier->back);
  }
}

void barrier_on_visit(struct barrier *barrier, void (*visited)(void *context, size_t loop), void *context) {
  barrier->visited = visited;
  barrier->visited_context = context;
}

void barrier_wait(struct barrier *barrier, void (*passed)(void *context), void *context) {
  barrier->passed = passed;
  barrier->context = context;
  barrier->is_under_way = true;
  barrier->back.run = on_all_passed;
  atomic_store(&barrier->n_left, barrier->n_loops);
  for (size_t i = 0; i < barrier->n_loops; i++) {
    barrier->visits[i].is_second = false;
    barrier->visits[i].task.run = on_visit;
    loop_post(barrier->visits[i].loop, &barrier->visits[i].task);
  }
  if (barrier->n_loops == 0) loop_post(barrier->home, &barrier->back);
}

void barrier_abandon(struct barrier *barrier) {
  if (!barrier) return;
  if (!barrier->is_under_way) {
    free(barrier);
  } else {
    atomic_store(&barrier->is_abandoned, true);
  }
}
