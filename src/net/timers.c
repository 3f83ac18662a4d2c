/* Waits on a loop. Must not know what is waited for. */
#include "net/timers.h"

#include <stdlib.h>

enum { TICK_MS = 20 };

struct timers {
  struct loop *loop;
  uv_timer_t tick;
  bool is_ticking;
  struct timer *first; /* in no order */
};

static struct timer *find_due(const struct timers *timers, int64_t now_us) {
  struct timer *timer = timers->first;
  while (timer && timer->at_us > now_us)
    timer = timer->next;
  return timer;
}

static void on_tick(uv_timer_t *tick) {
  struct timers *timers = tick->data;
  int64_t now_us = loop_now_us(timers->loop);
  struct timer *due;
  while ((due = find_due(timers, now_us))) { /* what it calls may change the list */
    timers_cancel(timers, due);
    due->run(due);
  }
  if (timers->first) return;
  uv_timer_stop(tick);
  timers->is_ticking = false;
}

struct timers *timers_new(struct loop *loop) {
  struct timers *timers = calloc(1, sizeof(*timers));
  if (!timers) return NULL;
  timers->loop = loop;
  uv_timer_init(&loop->uv, &timers->tick);
  timers->tick.data = timers;
  return timers;
}

static void on_closed(uv_handle_t *handle) {
  free(handle->data);
}

void timers_free(struct timers *timers) {
  if (!timers) return;
  timers->first = NULL;
  uv_close((uv_handle_t *)&timers->tick, on_closed);
}

void timers_cancel(struct timers *timers, struct timer *timer) {
  if (!timer->is_set) return;
  if (timer->previous) timer->previous->next = timer->next;
  if (!timer->previous) timers->first = timer->next;
  if (timer->next) timer->next->previous = timer->previous;
  timer->is_set = false;
}

void timers_set(struct timers *timers, struct timer *timer, int64_t at_us) {
  timers_cancel(timers, timer);
  timer->at_us = at_us;
  timer->previous = NULL;
  timer->next = timers->first;
  if (timers->first) timers->first->previous = timer;
  timers->first = timer;
  timer->is_set = true;
  if (timers->is_ticking) return;
  uv_timer_start(&timers->tick, on_tick, TICK_MS, TICK_MS);
  timers->is_ticking = true;
}
