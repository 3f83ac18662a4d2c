/* Events as bytes, and the heartbeat of streams that are still. Must not know what the events say. */
#include "gateway/event_stream.h"

#include "base/buf.h"
#include "base/limits.h"
#include "gateway/worker.h"

enum { BEAT_MS = 5 * 1000, OTHERS_MAX = 64 };

static void list_append(struct event_streams *streams, struct event_stream *stream) {
  stream->previous = streams->last;
  stream->next = NULL;
  if (streams->last)
    streams->last->next = stream;
  else
    streams->first = stream;
  streams->last = stream;
}

static void list_remove(struct event_streams *streams, struct event_stream *stream) {
  if (stream->previous)
    stream->previous->next = stream->next;
  else
    streams->first = stream->next;
  if (stream->next)
    stream->next->previous = stream->previous;
  else
    streams->last = stream->previous;
}

static void put(struct event_stream *stream, struct str bytes) {
  struct event_streams *streams = &stream->worker->streams;
  http_stream_write(stream->http, bytes);
  stream->written_us = loop_now_us(&stream->worker->loop);
  list_remove(streams, stream);
  list_append(streams, stream);
}

static void on_beat(uv_timer_t *timer) {
  struct worker *worker = timer->data;
  struct event_streams *streams = &worker->streams;
  int64_t still_since_us = loop_now_us(&worker->loop) - LIMIT_STREAM_STILL_MS * INT64_C(1000);
  while (streams->first && streams->first->written_us <= still_since_us)
    put(streams->first, STR(":\n\n"));
  bool has_more = streams->on_beat && streams->on_beat(worker);
  if (streams->n == 0 && !has_more) uv_timer_stop(timer);
}

void event_streams_wake(struct worker *worker) {
  struct event_streams *streams = &worker->streams;
  if (!streams->has_beat) {
    uv_timer_init(&worker->loop.uv, &streams->beat);
    streams->beat.data = worker;
    streams->has_beat = true;
  }
  if (!uv_is_active((uv_handle_t *)&streams->beat)) uv_timer_start(&streams->beat, on_beat, BEAT_MS, BEAT_MS);
}

void event_stream_begin(struct event_stream *stream, struct worker *worker, struct http_exchange *http,
                        const struct http_field *fields, size_t n_fields) {
  const struct http_reply head = {
      .status = 200, .content_type = STR("text/event-stream"), .fields = fields, .n_fields = n_fields};
  *stream = (struct event_stream){.http = http, .worker = worker, .written_us = loop_now_us(&worker->loop)};
  http_stream_begin(http, &head, NULL);
  list_append(&worker->streams, stream);
  if (worker->streams.n++ == 0) event_streams_wake(worker);
}

bool event_stream_has_room(const struct event_stream *stream) {
  return stream->http && http_stream_write(stream->http, STR(""));
}

/* JSON may hold line ends between its parts, and nowhere else: a line each. */
static void append_lines(struct buf *out, struct str data) {
  size_t at = 0;
  for (size_t i = 0; i <= data.n; i++) {
    if (i < data.n && data.p[i] != '\n' && data.p[i] != '\r') continue;
    buf_append_c(out, "data: ");
    buf_append(out, data.p + at, i - at);
    buf_append_byte(out, '\n');
    at = i + 1;
  }
}

void event_stream_send(struct event_stream *stream, struct str id, struct str data) {
  struct buf out;
  if (!stream->http) return;
  buf_init(&out, NULL, LIMIT_HTTP_REQUEST_ARENA);
  if (id.n) buf_printf(&out, "id: %.*s\n", STR_ARG(id));
  append_lines(&out, data);
  buf_append_byte(&out, '\n');
  if (!buf_failed(&out)) put(stream, buf_str(&out));
  buf_release(&out);
}

void event_stream_retry(struct event_stream *stream, int64_t ms) {
  char text[48];
  if (!stream->http) return;
  int n = snprintf(text, sizeof(text), "retry: %lld\n\n", (long long)ms);
  put(stream, str_make(text, (size_t)n));
}

/* The newest stand at the end, among few others. */
static void shrink(struct loop_task *task) {
  struct event_streams *streams = (struct event_streams *)((char *)task - offsetof(struct event_streams, shrink_task));
  unsigned n_others = 0;
  streams->will_shrink = false;
  for (struct event_stream *stream = streams->last; stream && n_others < OTHERS_MAX; stream = stream->previous) {
    if (!stream->is_to_shrink) {
      n_others++;
      continue;
    }
    stream->is_to_shrink = false;
    stream->http = http_stream_compact(stream->http);
  }
}

void event_stream_outlive(struct event_stream *stream) {
  struct event_streams *streams = &stream->worker->streams;
  stream->is_to_shrink = true;
  if (streams->will_shrink) return;
  streams->will_shrink = true;
  streams->shrink_task.run = shrink;
  loop_post(&stream->worker->loop, &streams->shrink_task);
}

void event_stream_end(struct event_stream *stream) {
  struct worker *worker = stream->worker;
  struct http_exchange *http = stream->http;
  if (!http) return;
  stream->http = NULL;
  list_remove(&worker->streams, stream);
  worker->streams.n--;
  http_stream_end(http);
}

void event_streams_close(struct worker *worker) {
  if (worker->streams.has_beat) uv_close((uv_handle_t *)&worker->streams.beat, NULL);
  worker->streams.has_beat = false;
}
