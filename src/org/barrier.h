/* Waits until every worker has passed a quiet point: since then none can hold what was replaced before. For src/org
 * alone. */
#ifndef CONNEK_ORG_BARRIER_H
#define CONNEK_ORG_BARRIER_H

#include "net/loop.h"

struct barrier;

/* One wait at a time; used again and again. NULL: no memory. `loops` is copied. */
struct barrier *barrier_new(struct loop *home, struct loop *const *loops, size_t n_loops);
/* On the home loop: `passed` is called there once every loop has ended the turn it is in. */
void barrier_wait(struct barrier *barrier, void (*passed)(void *context), void *context);
/* Called on each loop, in a task of its own, when that loop has passed; before the first wait. */
void barrier_on_visit(struct barrier *barrier, void (*visited)(void *context, size_t loop), void *context);
/* On the home loop's thread: `passed` will not be called. Frees it now, or when the last task of a wait under way has
 * run (at the latest in loop_release of its loop). NULL is fine. */
void barrier_abandon(struct barrier *barrier);

#endif
