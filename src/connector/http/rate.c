/* What one connection may do: how many calls at once and in which time, and what its service says is left. Lasts as
 * long as the process, over all workers and whatever changes in the organisation; the one lock of the registry is taken
 * at a connection's first call after a change. Must not know what is called. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/map.h"
#include "codec/retry_after.h"
#include "connector/http/call.h"

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
/* A service's clock may be wrong, and what it said may not hold any more: after so long one call goes and sees. */
#define BLOCK_MAX_US (15 * MINUTE_US)

struct http_rate {
  struct uuid connection_id;
  struct http_rate *next;
  /* GCRA's theoretical arrival times: when the next request of an even flow is due. */
  _Atomic(int64_t) minute_at_us, second_at_us;
  _Atomic(int64_t) not_before_us; /* the service said that nothing is left until then */
  _Atomic(uint64_t) n_running, n_waiting;
  pthread_mutex_t lock; /* of the queue, which is only looked at while there is one */
  struct http_slot *first, *last;
};

struct http_rates {
  pthread_mutex_t lock;
  struct map by_connection;
  struct http_rate *first;
};

/* ---- the registry ---- */

struct http_rates *http_rates_new(void) {
  struct http_rates *rates = calloc(1, sizeof(*rates));
  if (!rates) return NULL;
  pthread_mutex_init(&rates->lock, NULL);
  map_init(&rates->by_connection);
  return rates;
}

void http_rates_free(struct http_rates *rates) {
  if (!rates) return;
  while (rates->first) {
    struct http_rate *rate = rates->first;
    rates->first = rate->next;
    pthread_mutex_destroy(&rate->lock);
    free(rate);
  }
  map_release(&rates->by_connection);
  pthread_mutex_destroy(&rates->lock);
  free(rates);
}

/* Under the registry's lock. */
static struct http_rate *add(struct http_rates *rates, const struct uuid *connection_id) {
  struct http_rate *rate = calloc(1, sizeof(*rate));
  if (!rate) return NULL;
  rate->connection_id = *connection_id;
  if (map_put(&rates->by_connection, uuid_bytes(&rate->connection_id), rate) != ERR_NONE) {
    free(rate);
    return NULL;
  }
  pthread_mutex_init(&rate->lock, NULL);
  rate->next = rates->first;
  rates->first = rate;
  return rate;
}

static bool has_limits(const struct http_limits *limits) {
  return limits->concurrent > 0 || limits->per_minute > 0 || limits->per_second > 0 || limits->remaining_header.n > 0;
}

struct http_rate *http_rate_find(const struct connector_call *call) {
  const struct http_definition *http = call->connection->connector->state;
  struct http_connection *connection = (struct http_connection *)(uintptr_t)call->connection->state;
  struct http_rates *rates = call->host->rates;
  if (!rates || !has_limits(&http->limits)) return NULL;
  struct http_rate *rate = atomic_load_explicit(&connection->rate, memory_order_acquire);
  if (rate) return rate;
  pthread_mutex_lock(&rates->lock);
  const struct uuid *id = &call->connection->policy.id;
  rate = map_get(&rates->by_connection, uuid_bytes(id));
  if (!rate) rate = add(rates, id);
  pthread_mutex_unlock(&rates->lock);
  if (rate) atomic_store_explicit(&connection->rate, rate, memory_order_release);
  return rate;
}

/* ---- rates ---- */

/* GCRA whose burst and flow together stay within the limit in every window, as the services count: `burst` at once,
 * then one every `interval`. A quarter may come at once, so that a conversation does not crawl; the rest flows. */
struct flow {
  int64_t burst, interval_us;
};

static struct flow flow_of(uint64_t limit, int64_t window_us) {
  if (limit == 0) return (struct flow){0};
  int64_t cap = limit < INT32_MAX ? (int64_t)limit : INT32_MAX;
  int64_t burst = cap / 4 > 0 ? cap / 4 : 1;
  int64_t n = cap - burst + 1;
  return (struct flow){burst, (window_us + n - 1) / n};
}

/* Takes the next time at or after `from_us`: it is returned. */
static int64_t take(_Atomic(int64_t) *arrival_us, struct flow flow, int64_t from_us) {
  int64_t known = atomic_load_explicit(arrival_us, memory_order_relaxed);
  int64_t at, next;
  do {
    int64_t due = known > from_us ? known : from_us;
    at = due - (flow.burst - 1) * flow.interval_us;
    if (at < from_us) at = from_us;
    next = due + flow.interval_us;
  } while (
      !atomic_compare_exchange_weak_explicit(arrival_us, &known, next, memory_order_relaxed, memory_order_relaxed));
  return at;
}

static void give_back(_Atomic(int64_t) *arrival_us, struct flow flow) {
  atomic_fetch_sub_explicit(arrival_us, flow.interval_us, memory_order_relaxed);
}

bool http_rate_reserve(struct http_rate *rate, const struct http_limits *limits, int64_t now_us, int64_t max_wait_us,
                       int64_t *ret_wait_us) {
  int64_t at_us = atomic_load_explicit(&rate->not_before_us, memory_order_relaxed), last_us = now_us + max_wait_us;
  if (at_us < now_us) at_us = now_us;
  struct flow minute = flow_of(limits->per_minute, MINUTE_US), second = flow_of(limits->per_second, SECOND_US);
  bool has_minute = limits->per_minute > 0 && at_us <= last_us;
  if (has_minute) at_us = take(&rate->minute_at_us, minute, at_us);
  bool has_second = limits->per_second > 0 && at_us <= last_us;
  if (has_second) at_us = take(&rate->second_at_us, second, at_us);
  *ret_wait_us = at_us - now_us;
  if (at_us <= last_us) return true;
  if (has_minute) give_back(&rate->minute_at_us, minute);
  if (has_second) give_back(&rate->second_at_us, second);
  return false;
}

static struct str field_of(const struct http_client_response *response, struct str name) {
  for (size_t i = 0; i < response->n_fields; i++)
    if (str_eq_fold(response->fields[i].name, name)) return response->fields[i].value;
  return STR_NONE;
}

void http_rate_learn(struct http_rate *rate, const struct http_limits *limits,
                     const struct http_client_response *response, int64_t now_us, int64_t now_utc_us) {
  if (limits->remaining_header.n == 0) return;
  struct str remaining = field_of(response, limits->remaining_header);
  uint64_t left;
  if (!str_to_u64(str_trim(remaining), &left) || left > 0) return;
  enum retry_unit unit = limits->reset_is == HTTP_AFTER_EPOCH      ? RETRY_EPOCH
                         : limits->reset_is == HTTP_AFTER_EPOCH_MS ? RETRY_EPOCH_MS
                                                                   : RETRY_SECONDS;
  int64_t wait_us;
  if (!retry_number_read(field_of(response, limits->reset_header), unit, now_utc_us, &wait_us)) return;
  int64_t until_us = now_us + (wait_us < BLOCK_MAX_US ? wait_us : BLOCK_MAX_US);
  int64_t known = atomic_load_explicit(&rate->not_before_us, memory_order_relaxed);
  while (known < until_us && !atomic_compare_exchange_weak_explicit(&rate->not_before_us, &known, until_us,
                                                                    memory_order_relaxed, memory_order_relaxed)) {
  }
}

/* ---- how many at once ---- */

static bool try_run(struct http_rate *rate, uint64_t concurrent) {
  uint64_t n = atomic_load(&rate->n_running);
  while (concurrent == 0 || n < concurrent)
    if (atomic_compare_exchange_weak(&rate->n_running, &n, n + 1)) return true;
  return false;
}

static void queue_append(struct http_rate *rate, struct http_slot *slot) {
  slot->state = HTTP_SLOT_QUEUED;
  slot->previous = rate->last;
  slot->next = NULL;
  if (rate->last) rate->last->next = slot;
  if (!rate->last) rate->first = slot;
  rate->last = slot;
}

static void queue_remove(struct http_rate *rate, struct http_slot *slot) {
  if (slot->previous) slot->previous->next = slot->next;
  if (!slot->previous) rate->first = slot->next;
  if (slot->next) slot->next->previous = slot->previous;
  if (!slot->next) rate->last = slot->previous;
  atomic_fetch_sub(&rate->n_waiting, 1);
}

/* Counting oneself as waiting before the last look, and looking for who waits after letting go (both sequentially
 * consistent): at least one of the two sides sees the other. */
bool http_slot_take(struct http_rate *rate, uint64_t concurrent, struct http_slot *slot) {
  slot->rate = rate;
  slot->concurrent = concurrent;
  bool is_held = atomic_load(&rate->n_waiting) == 0 && try_run(rate, concurrent);
  if (!is_held) {
    pthread_mutex_lock(&rate->lock);
    atomic_fetch_add(&rate->n_waiting, 1);
    is_held = !rate->first && try_run(rate, concurrent);
    if (is_held) {
      atomic_fetch_sub(&rate->n_waiting, 1);
    } else {
      queue_append(rate, slot);
    }
    pthread_mutex_unlock(&rate->lock);
  }
  slot->is_held = is_held;
  return is_held;
}

void http_slot_hold(struct http_slot *slot) {
  slot->state = HTTP_SLOT_NONE; /* nobody else looks at it any more */
  slot->is_held = true;
}

static void release(struct http_rate *rate) {
  atomic_fetch_sub(&rate->n_running, 1);
  if (atomic_load(&rate->n_waiting) == 0) return;
  pthread_mutex_lock(&rate->lock);
  while (rate->first && try_run(rate, rate->first->concurrent)) {
    struct http_slot *slot = rate->first;
    queue_remove(rate, slot);
    slot->state = HTTP_SLOT_GRANTED;
    loop_post(slot->loop, &slot->granted);
  }
  pthread_mutex_unlock(&rate->lock);
}

bool http_slot_leave(struct http_slot *slot) {
  struct http_rate *rate = slot->rate;
  if (!rate) return true;
  if (slot->is_held) {
    slot->is_held = false;
    release(rate);
    return true;
  }
  pthread_mutex_lock(&rate->lock);
  bool is_coming = slot->state == HTTP_SLOT_GRANTED;
  if (slot->state == HTTP_SLOT_QUEUED) queue_remove(rate, slot);
  if (!is_coming) slot->state = HTTP_SLOT_NONE;
  pthread_mutex_unlock(&rate->lock);
  return !is_coming;
}
