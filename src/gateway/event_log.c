/* Kept events: bounded in number and bytes for each log, and in bytes for the worker. The oldest go first. */
#include "gateway/event_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/random.h"
#include "codec/base64.h"
#include "gateway/worker.h"

struct kept_event {
  struct kept_event *next;
  uint64_t number;
  size_t n;
  char data[];
};

struct event_log {
  struct worker *worker;
  uint64_t id;
  struct uuid user_id;
  uint8_t nonce[SESSION_NONCE];
  uint64_t next_number;
  struct kept_event *first, *last;
  size_t n_events, bytes;
  struct event_reader *reader;
  bool has_ended, is_idle;
  int64_t idle_since_us;
  struct event_log *previous_idle, *next_idle;
};

static struct str key_of(const struct event_log *log) {
  return str_make((const char *)&log->id, sizeof(log->id));
}

static void set_idle(struct event_log *log, bool is_idle) {
  struct event_logs *logs = &log->worker->logs;
  if (log->is_idle) {
    *(log->previous_idle ? &log->previous_idle->next_idle : &logs->first_idle) = log->next_idle;
    *(log->next_idle ? &log->next_idle->previous_idle : &logs->last_idle) = log->previous_idle;
  }
  log->is_idle = is_idle;
  if (!is_idle) return;
  log->idle_since_us = loop_now_us(&log->worker->loop);
  log->previous_idle = logs->last_idle;
  log->next_idle = NULL;
  *(logs->last_idle ? &logs->last_idle->next_idle : &logs->first_idle) = log;
  logs->last_idle = log;
}

static void drop_first(struct event_log *log) {
  struct kept_event *event = log->first;
  log->first = event->next;
  if (!log->first) log->last = NULL;
  log->n_events--;
  log->bytes -= event->n;
  log->worker->logs.bytes -= event->n;
  free(event);
}

static void log_free(struct event_log *log) {
  while (log->first)
    drop_first(log);
  set_idle(log, false);
  map_remove(&log->worker->logs.by_id, key_of(log));
  free(log);
}

struct event_log *event_log_new(struct worker *worker, struct uuid user_id, const struct session *session) {
  if (worker->logs.by_id.count >= LIMIT_EVENT_LOGS) return NULL;
  struct event_log *log = calloc(1, sizeof(*log));
  if (!log) return NULL;
  log->worker = worker;
  log->user_id = user_id;
  memcpy(log->nonce, session->nonce, sizeof(log->nonce));
  log->next_number = 1;
  random_bytes(&log->id, sizeof(log->id));
  if (map_put(&worker->logs.by_id, key_of(log), log) != ERR_NONE) {
    free(log);
    return NULL;
  }
  return log;
}

static struct str event_id(const struct event_log *log, uint64_t number, char ret_text[EVENT_ID_SIZE]) {
  int n = snprintf(ret_text, EVENT_ID_SIZE, "%x-%016" PRIx64 "-%" PRIu64, log->worker->index, log->id, number);
  return str_make(ret_text, (size_t)n);
}

bool event_id_read(struct str text, unsigned *ret_worker, uint64_t *ret_log, uint64_t *ret_number) {
  struct str rest = text;
  struct str worker = str_cut(&rest, '-'), log = str_cut(&rest, '-');
  uint8_t bytes[8];
  uint64_t id = 0;
  unsigned index = 0;
  if (text.n >= EVENT_ID_SIZE || worker.n == 0 || worker.n > 4 || log.n != 16) return false;
  for (size_t i = 0; i < worker.n; i++) {
    char c = worker.p[i];
    if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) return false;
    index = index * 16 + (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  if (!hex_parse(log, bytes, sizeof(bytes), false) || !str_to_u64(rest, ret_number)) return false;
  for (size_t i = 0; i < sizeof(bytes); i++)
    id = id << 8 | bytes[i];
  *ret_worker = index;
  *ret_log = id;
  return true;
}

/* Room for what comes: of this log's own, then of those that nobody reads. */
static void make_room(struct event_log *log, size_t n) {
  struct event_logs *logs = &log->worker->logs;
  while (log->first && (log->n_events >= LIMIT_EVENTS_KEPT || log->bytes + n > LIMIT_EVENTS_BYTES))
    drop_first(log);
  while (logs->bytes + n > LIMIT_EVENTS_WORKER_BYTES) {
    struct event_log *oldest = logs->first_idle;
    while (oldest && (oldest == log || !oldest->first))
      oldest = oldest->next_idle;
    if (!oldest) break;
    drop_first(oldest);
  }
}

void event_log_append(struct event_log *log, struct str data) {
  char text[EVENT_ID_SIZE];
  uint64_t number = log->next_number++;
  make_room(log, data.n);
  struct kept_event *event =
      log->worker->logs.bytes + data.n > LIMIT_EVENTS_WORKER_BYTES ? NULL : malloc(sizeof(*event) + data.n);
  if (event) {
    *event = (struct kept_event){.number = number, .n = data.n};
    if (data.n) memcpy(event->data, data.p, data.n);
    *(log->last ? &log->last->next : &log->first) = event;
    log->last = event;
    log->n_events++;
    log->bytes += data.n;
    log->worker->logs.bytes += data.n;
  }
  if (log->reader) log->reader->event(log->reader, event_id(log, number, text), data);
}

void event_log_prime(struct event_log *log) {
  char text[EVENT_ID_SIZE];
  if (log->reader) log->reader->event(log->reader, event_id(log, log->next_number - 1, text), STR(""));
}

void event_log_end(struct event_log *log) {
  struct event_reader *reader = log->reader;
  log->has_ended = true;
  log->reader = NULL;
  set_idle(log, true);
  if (reader) reader->end(reader, false);
}

void event_log_read(struct event_log *log, struct event_reader *reader, uint64_t after) {
  struct event_reader *before = log->reader;
  char text[EVENT_ID_SIZE];
  log->reader = reader;
  if (before) before->end(before, true); /* "one message is never sent on two streams" */
  for (const struct kept_event *event = log->first; event; event = event->next) {
    if (event->number > after)
      reader->event(reader, event_id(log, event->number, text), str_make(event->data, event->n));
  }
  if (log->has_ended) {
    log->reader = NULL;
    reader->end(reader, false);
  } else {
    set_idle(log, false);
  }
}

void event_log_leave(struct event_log *log, const struct event_reader *reader) {
  if (log->reader != reader) return;
  log->reader = NULL;
  if (!log->has_ended) set_idle(log, true);
}

struct event_log *event_log_find(struct worker *worker, uint64_t id, struct uuid user_id,
                                 const struct session *session) {
  struct event_log *log = map_get(&worker->logs.by_id, str_make((const char *)&id, sizeof(id)));
  if (!log || !uuid_eq(log->user_id, user_id) || memcmp(log->nonce, session->nonce, sizeof(log->nonce)) != 0)
    return NULL;
  return log;
}

void event_logs_sweep(struct worker *worker) {
  int64_t old_us = loop_now_us(&worker->loop) - LIMIT_EVENTS_MS * INT64_C(1000);
  struct event_log *next;
  for (struct event_log *log = worker->logs.first_idle; log && log->idle_since_us <= old_us; log = next) {
    next = log->next_idle;
    if (log->has_ended) log_free(log); /* one that has not is its stream's */
  }
}

void event_logs_free(struct worker *worker) {
  struct str key;
  void *value;
  for (size_t i = 0; map_next(&worker->logs.by_id, &i, &key, &value); i = 0)
    log_free(value);
  map_release(&worker->logs.by_id);
}
