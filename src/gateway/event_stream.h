/* A reply that comes as server-sent events (WHATWG HTML, 9.2): of a call that has something to say before its result,
 * of a legacy client's GET, of subscriptions/listen. Small: thousands of them say nothing. On one worker's loop.
 *
 * What a slow client does not take gathers up to a cap; from there on it gets nothing that may be left out. */
#ifndef CONNEK_GATEWAY_EVENT_STREAM_H
#define CONNEK_GATEWAY_EVENT_STREAM_H

#include "net/http_server.h"

struct worker;

struct event_stream {
  struct http_exchange *http; /* NULL: not begun, or ended */
  struct worker *worker;
  struct event_stream *previous, *next; /* the worker's, by when they were last written */
  int64_t written_us;
  bool is_to_shrink;
};

/* A worker's. Those that have been still for LIMIT_STREAM_STILL_MS get a comment, which keeps whatever stands between
 * from closing them. */
struct event_streams {
  struct event_stream *first, *last;
  size_t n;
  uv_timer_t beat;
  bool has_beat;
  struct loop_task shrink_task;
  bool will_shrink;
  /* Every few seconds while there is a stream, or as long as it says that there is more to look after. May be NULL. */
  bool (*on_beat)(struct worker *worker);
};

/* Answers 200 and begins. `fields`: further ones. */
void event_stream_begin(struct event_stream *stream, struct worker *worker, struct http_exchange *http,
                        const struct http_field *fields, size_t n_fields);
/* Is there room for what may be left out? */
bool event_stream_has_room(const struct event_stream *stream);
/* An event; `id` may be empty. */
void event_stream_send(struct event_stream *stream, struct str id, struct str data);
/* How long a client whose stream broke waits before it asks again. */
void event_stream_retry(struct event_stream *stream, int64_t ms);
/* The stream will outlive its request: of the request's memory nothing is needed once this turn is over. */
void event_stream_outlive(struct event_stream *stream);
/* After this call the HTTP exchange may be gone, with all that lives in its memory. */
void event_stream_end(struct event_stream *stream);
/* Lets the heart beat although there is no stream. */
void event_streams_wake(struct worker *worker);
/* Before the worker's loop ends. */
void event_streams_close(struct worker *worker);

#endif
