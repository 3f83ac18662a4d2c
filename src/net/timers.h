/* Waits on a loop, as many as there are calls: looked at together every few milliseconds, which is all that waiting for
 * a service needs, and with the loop's own clock. Own thread only. */
#ifndef CONNEK_NET_TIMERS_H
#define CONNEK_NET_TIMERS_H

#include "net/loop.h"

struct timers;

/* Embedded in whatever waits. All zero: not set. */
struct timer {
  int64_t at_us; /* of loop_now_us */
  void (*run)(struct timer *timer);
  struct timer *previous, *next;
  bool is_set;
};

/* NULL: no memory. */
struct timers *timers_new(struct loop *loop);
/* Ends what is waited for without calling. Before loop_stop. */
void timers_free(struct timers *timers);
/* Calls timer->run once, not before `at_us`, never from within. A timer that is set is moved. */
void timers_set(struct timers *timers, struct timer *timer, int64_t at_us);
void timers_cancel(struct timers *timers, struct timer *timer); /* one that is not set stays so */

#endif
