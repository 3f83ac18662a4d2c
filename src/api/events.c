/* What happens, as it happens: server-sent events (WHATWG HTML, 9.2). A stream looks for new facts every second, and
 * asks each time whether its listener may still listen; a session that has ended ends it. */
#include "api/answer.h"
#include "api/audit.h"
#include "api/handlers.h"
#include "audit/fact.h"
#include "base/clock.h"
#include "base/limits.h"
#include "store/grant.h"

enum { LOOK_MS = 1000, STREAMS_MAX = 256, EVENTS_A_LOOK = 50, PIECE_MAX = 4 * MIB };

struct api_stream {
  struct api_stream *next, *previous;
  struct api_request *request;
  struct timer timer;
  struct db_job db;
  struct arena arena; /* of one look */
  struct buf piece;
  int64_t seen_us; /* facts behind this are new */
  int64_t news_us; /* of connections */
  int64_t version; /* of the snapshot that was told of */
  int64_t told_us; /* monotonic: when something was last written */
  bool is_reading, has_left, is_over, is_behind;
};

enum err_code events_begin(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct vault_keys *keys;
  struct api_stream *stream = arena_new(&request->arena, struct api_stream);
  if (!stream) return err_no_memory(err);
  stream->request = request;
  stream->seen_us = stream->news_us = clock_utc_us();
  request->state = stream;
  return api_keys(request, &keys, err);
}

static void end(struct api_stream *stream) {
  struct api_request *request = stream->request;
  struct api_worker *worker = request->worker;
  if (stream->previous)
    stream->previous->next = stream->next;
  else
    worker->streams = stream->next;
  if (stream->next) stream->next->previous = stream->previous;
  worker->n_streams--;
  timers_cancel(worker->timers, &stream->timer);
  arena_release(&stream->arena);
  buf_release(&stream->piece);
  http_stream_end(request->http);
  api_end(request);
}

/* ---- a look ---- */

static enum err_code write_event(const struct audit_entry *entry, void *context, struct err *err) {
  struct api_stream *stream = context;
  struct buf one;
  buf_init(&one, &stream->arena, MIB);
  audit_write(&one, entry);
  if (buf_failed(&one)) return err_no_memory(err);
  buf_printf(&stream->piece, "event: %.*s\ndata: %.*s\n\n", STR_ARG(entry->kind), STR_ARG(buf_str(&one)));
  return ERR_NONE;
}

static enum err_code look_at_connections(struct api_stream *stream, struct db_tx *tx, struct err *err) {
  const struct connection_news *list = NULL;
  struct buf one;
  size_t n = 0;
  enum err_code code = store_connection_news_list(tx, &stream->arena, stream->request->organisation.id, stream->news_us,
                                                  EVENTS_A_LOOK, &list, &n, err);
  for (size_t i = 0; i < n && code == ERR_NONE; i++) {
    buf_init(&one, &stream->arena, 64 * KIB);
    answer_open(&one, '{');
    answer_uuid(&one, "connection", list[i].connection_id);
    answer_text(&one, "name", list[i].name);
    answer_text(&one, "what", list[i].what);
    answer_text(&one, "text", list[i].text);
    answer_time(&one, "time", list[i].time);
    answer_close(&one, '}');
    if (buf_failed(&one)) return err_no_memory(err);
    buf_printf(&stream->piece, "event: connection\ndata: %.*s\n\n", STR_ARG(buf_str(&one)));
    stream->news_us = list[i].time;
  }
  return code;
}

/* A listener is asked for anew each time: what they may may have changed. */
static enum err_code look(struct db_tx *tx, void *context, struct err *err) {
  struct api_stream *stream = context;
  struct api_request *request = stream->request;
  struct audit_place last = {0};
  size_t n = 0;
  enum err_code code = api_authenticate(request, tx, err);
  if (code == ERR_NONE) code = facts_are_behind(tx, request->organisation.id, &stream->is_behind, err);
  if (code != ERR_NONE || stream->is_behind) return code;
  struct call_fact_filter filter = {.organisation_id = request->organisation.id, .from = stream->seen_us + 1};
  if (!api_may(request, API_AUDIT_READ)) {
    filter.user_id = request->principal.user_id;
    filter.kind = STR("call");
  }
  int64_t now = clock_utc_us();
  if (api_may(request, API_CONNECTIONS_READ)) code = look_at_connections(stream, tx, err);
  if (code != ERR_NONE) return code;
  code =
      audit_page(tx, &stream->arena, request->keys, &filter, EVENTS_A_LOOK, false, write_event, stream, &last, &n, err);
  /* A record's time is when its call began; one that ends later is told of with those of the last seconds. */
  if (code == ERR_NONE && n > 0) stream->seen_us = now;
  return code;
}

static enum err_code catch_up(struct db_tx *tx, void *context, struct err *err) {
  const struct api_stream *stream = context;
  bool are_behind;
  db_scope(tx, stream->request->organisation.id);
  return facts_catch_up(tx, stream->request->organisation.id, &are_behind, err);
}

static void on_looked(struct db_job *job);

static void submit(struct api_stream *stream, bool is_write, db_work work) {
  stream->db = (struct db_job){
      .db = stream->request->api->options.db, .work = work, .context = stream, .is_write = is_write, .done = on_looked};
  stream->is_reading = db_submit(stream->db.db, stream->request->worker->loop, &stream->db);
}

static void wait(struct api_stream *stream) {
  timers_set(stream->request->worker->timers, &stream->timer,
             loop_now_us(stream->request->worker->loop) + LOOK_MS * INT64_C(1000));
}

/* Something of the organisation is another one: whoever shows it reads it again. */
static void tell_of_version(struct api_stream *stream) {
  struct org_slot *slot = coherence_find(stream->request->api->coherence, stream->request->organisation.id);
  struct org_snapshot *snapshot = slot ? org_slot_take(slot) : NULL;
  int64_t version = snapshot ? snapshot->version : 0;
  org_snapshot_unref(snapshot);
  if (version == stream->version) return;
  stream->version = version;
  buf_printf(&stream->piece, "event: organisation\ndata: {\"version\":%lld}\n\n", (long long)version);
}

static void write_out(struct api_stream *stream) {
  int64_t now = loop_now_us(stream->request->worker->loop);
  if (stream->piece.n == 0 && now - stream->told_us > LIMIT_STREAM_STILL_MS * INT64_C(1000))
    buf_append_c(&stream->piece, ":\n\n");
  if (stream->piece.n > 0 && !buf_failed(&stream->piece)) {
    (void)http_stream_write(stream->request->http, buf_str(&stream->piece));
    stream->told_us = now;
  }
  buf_clear(&stream->piece);
}

static void on_looked(struct db_job *job) {
  struct api_stream *stream = job->context;
  stream->is_reading = false;
  if (stream->has_left || stream->is_over || (job->code != ERR_NONE && job->code != ERR_UNAVAILABLE)) {
    end(stream);
    return;
  }
  if (stream->is_behind && job->code == ERR_NONE) {
    stream->is_behind = false;
    submit(stream, true, catch_up);
    if (stream->is_reading) return;
  } else {
    tell_of_version(stream);
    write_out(stream);
  }
  arena_release(&stream->arena);
  wait(stream);
}

static void on_time(struct timer *timer) {
  struct api_stream *stream = (struct api_stream *)((char *)timer - offsetof(struct api_stream, timer));
  submit(stream, false, look);
  if (!stream->is_reading) wait(stream);
}

static void on_departed(struct http_exchange *http) {
  struct api_stream *stream = http->context;
  stream->has_left = true;
  if (!stream->is_reading) end(stream);
}

/* A reader that is too slow misses what comes meanwhile: it reads the list again. */
static void on_drain(struct http_exchange *http) {}

void events_then(struct api_request *request) {
  static const struct http_field fields[] = {{STR("Cache-Control"), STR("no-store")},
                                             {STR("X-Content-Type-Options"), STR("nosniff")},
                                             {STR("X-Accel-Buffering"), STR("no")}};
  struct api_stream *stream = request->state;
  struct api_worker *worker = request->worker;
  if (worker->n_streams >= STREAMS_MAX || worker->is_ending) {
    request->code = err_set(&request->err, ERR_UNAVAILABLE, "too many listen already: try again in a moment");
    api_reply(request);
    return;
  }
  arena_init(&stream->arena, 64 * MIB);
  buf_init(&stream->piece, NULL, PIECE_MAX);
  stream->timer.run = on_time;
  stream->version = request->snapshot ? request->snapshot->version : 0;
  stream->told_us = loop_now_us(worker->loop);
  stream->next = worker->streams;
  if (worker->streams) worker->streams->previous = stream;
  worker->streams = stream;
  worker->n_streams++;
  request->http->context = stream;
  request->http->on_departed = on_departed;
  org_snapshot_unref(request->snapshot);
  request->snapshot = NULL;
  http_stream_begin(request->http,
                    &(struct http_reply){.status = 200,
                                         .content_type = STR("text/event-stream"),
                                         .fields = fields,
                                         .n_fields = sizeof(fields) / sizeof(fields[0])},
                    on_drain);
  (void)http_stream_write(request->http, STR("retry: 2000\n\n"));
  wait(stream);
}

void api_worker_end(struct api_worker *worker) {
  struct api_stream *next;
  worker->is_ending = true;
  for (struct api_stream *stream = worker->streams; stream; stream = next) {
    next = stream->next;
    stream->is_over = true;
    if (!stream->is_reading) end(stream);
  }
}
