/* Metrics: counters of the workers, added up when they are asked for. */
#include "gateway/metrics.h"

#include <unistd.h>

#include "gateway/pipeline.h"
#include "gateway/worker.h"

static const int64_t bucket_us[METRIC_BUCKETS] = {250,   500,    1000,   2500,    5000,     10000,
                                                  50000, 100000, 500000, 1000000, 10000000, 60000000};
static const char *const verdict_names[STAGE_VERDICTS] = {"next", "done", "wait", "fail"};
static const char *const decision_names[2] = {"allowed", "denied"};
static const char *const outcome_names[METRIC_OUTCOMES] = {"ok", "error", "cancelled", "unknown", "none"};

void metrics_call(struct metrics *metrics, enum audit_decision decision, enum audit_outcome outcome,
                  int64_t duration_us) {
  size_t bucket = 0;
  while (bucket < METRIC_BUCKETS && duration_us > bucket_us[bucket])
    bucket++;
  metric_add(&metrics->calls[decision][outcome], 1);
  metric_add(&metrics->duration_buckets[bucket], 1);
  metric_add(&metrics->duration_us, (uint64_t)duration_us);
}

/* The sum over all workers of the counter at `offset` in struct metrics. */
static uint64_t sum(const struct server *server, size_t offset) {
  uint64_t total = 0;
  for (unsigned i = 0; i < server->n_workers; i++)
    total += atomic_load_explicit(
        (const _Atomic(uint64_t) *)(const void *)((const char *)&server->workers[i].metrics + offset),
        memory_order_relaxed);
  return total;
}

static void write_head(struct buf *out, const char *name, const char *type, const char *help) {
  buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_one(struct buf *out, const char *name, const char *type, const char *help, uint64_t value) {
  write_head(out, name, type, help);
  buf_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

static void write_stage(struct buf *out, const struct server *server, const char *stage, size_t offset) {
  for (size_t verdict = 0; verdict < STAGE_VERDICTS; verdict++)
    buf_printf(out, "connek_stage_total{stage=\"%s\",verdict=\"%s\"} %llu\n", stage, verdict_names[verdict],
               (unsigned long long)sum(server, offset + verdict * sizeof(uint64_t)));
}

static void write_stages(struct buf *out, const struct server *server) {
  size_t n_exchange, n_call;
  const struct exchange_stage *of_exchange = exchange_stages(&n_exchange);
  const struct call_stage *of_call = call_stages(&n_call);
  write_head(out, "connek_stage_total", "counter", "How often each stage of the pipeline ended in which way.");
  for (size_t i = 0; i < n_exchange; i++)
    write_stage(out, server, of_exchange[i].name,
                offsetof(struct metrics, exchange_stages) + i * STAGE_VERDICTS * sizeof(uint64_t));
  for (size_t i = 0; i < n_call; i++)
    write_stage(out, server, of_call[i].name,
                offsetof(struct metrics, call_stages) + i * STAGE_VERDICTS * sizeof(uint64_t));
}

static void write_calls(struct buf *out, const struct server *server) {
  uint64_t count = 0;
  write_head(out, "connek_calls_total", "counter", "Tool calls by decision and outcome.");
  for (size_t decision = 0; decision < 2; decision++) {
    for (size_t outcome = 0; outcome < METRIC_OUTCOMES; outcome++)
      buf_printf(out, "connek_calls_total{decision=\"%s\",outcome=\"%s\"} %llu\n", decision_names[decision],
                 outcome_names[outcome],
                 (unsigned long long)sum(server, offsetof(struct metrics, calls) +
                                                     (decision * METRIC_OUTCOMES + outcome) * sizeof(uint64_t)));
  }
  write_head(out, "connek_call_duration_seconds", "histogram", "From a call's last byte read to its outcome.");
  for (size_t i = 0; i <= METRIC_BUCKETS; i++) {
    count += sum(server, offsetof(struct metrics, duration_buckets) + i * sizeof(uint64_t));
    if (i < METRIC_BUCKETS)
      buf_printf(out, "connek_call_duration_seconds_bucket{le=\"%g\"} %llu\n", (double)bucket_us[i] / 1e6,
                 (unsigned long long)count);
  }
  buf_printf(out, "connek_call_duration_seconds_bucket{le=\"+Inf\"} %llu\n", (unsigned long long)count);
  buf_printf(out, "connek_call_duration_seconds_sum %.6f\n",
             (double)sum(server, offsetof(struct metrics, duration_us)) / 1e6);
  buf_printf(out, "connek_call_duration_seconds_count %llu\n", (unsigned long long)count);
}

static uint64_t resident_bytes(void) {
  char text[128] = "";
  FILE *file = fopen("/proc/self/statm", "re");
  if (!file) return 0;
  size_t n = fread(text, 1, sizeof(text) - 1, file);
  fclose(file);
  struct str rest = str_make(text, n);
  uint64_t pages = 0;
  str_cut(&rest, ' ');
  return str_to_u64(str_cut(&rest, ' '), &pages) ? pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static void write_connections(struct buf *out, const struct server *server) {
  const size_t counts = offsetof(struct metrics, http);
  write_one(out, "connek_http_connections", "gauge", "Connections open now.",
            sum(server, counts + offsetof(struct http_server_counts, connections)));
  write_one(out, "connek_http_accepted_total", "counter", "Connections accepted.",
            sum(server, counts + offsetof(struct http_server_counts, accepted)));
  write_one(out, "connek_http_requests_total", "counter", "Whole requests read.",
            sum(server, counts + offsetof(struct http_server_counts, requests)));
  write_one(out, "connek_http_refused_total", "counter", "Requests refused as malformed, too large or too slow.",
            sum(server, counts + offsetof(struct http_server_counts, refused)));
}

void metrics_write(struct buf *out, const struct server *server) {
  struct audit_counts audit = {0};
  char text[ERR_TEXT_SIZE];
  audit_count(server->audit, &audit);
  write_stages(out, server);
  write_calls(out, server);
  write_connections(out, server);
  write_one(out, "connek_audit_records_total", "counter", "Audit records committed.", audit.records);
  write_one(out, "connek_audit_commits_total", "counter", "Commits they took.", audit.commits);
  write_one(out, "connek_audit_failures_total", "counter", "Commits that failed.", audit.failures);
  write_one(out, "connek_access_tokens", "gauge", "Live access tokens.", token_index_count(server->tokens));
  write_one(out, "connek_ready", "gauge", "1 where /readyz says ready.", server_not_ready(server, text) ? 0 : 1);
  write_one(out, "process_resident_memory_bytes", "gauge", "Resident memory.", resident_bytes());
}
