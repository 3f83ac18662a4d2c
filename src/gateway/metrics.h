/* Counters of one worker, written by it alone and read by the main thread. The stage's name is its metric's label. */
#ifndef CONNEK_GATEWAY_METRICS_H
#define CONNEK_GATEWAY_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/buf.h"
#include "gateway/call.h"

enum { METRIC_STAGES = 16, METRIC_BUCKETS = 12, METRIC_OUTCOMES = 5 };

struct metrics {
  _Atomic(uint64_t) exchange_stages[METRIC_STAGES][STAGE_VERDICTS];
  _Atomic(uint64_t) call_stages[METRIC_STAGES][STAGE_VERDICTS];
  _Atomic(uint64_t) calls[2][METRIC_OUTCOMES]; /* tools/call, by decision and outcome */
  _Atomic(uint64_t) duration_buckets[METRIC_BUCKETS + 1];
  _Atomic(uint64_t) duration_us;
  struct http_server_counts http; /* of its listener, which goes before the worker does */
};

/* One writer: no read-modify-write instruction is needed. */
static inline void metric_add(_Atomic(uint64_t) *counter, uint64_t n) {
  atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

void metrics_call(struct metrics *metrics, enum audit_decision decision, enum audit_outcome outcome,
                  int64_t duration_us);

struct server;
/* Everything in Prometheus' text format (version 0.0.4). On the main thread. */
void metrics_write(struct buf *out, const struct server *server);

#endif
