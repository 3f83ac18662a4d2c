/* Messages over HTTP+SSE, the transport of 2024-11-05: one stream for all that comes, a POST for each message that
 * goes. Must not know what a message is about. */
#include <stdio.h>
#include <stdlib.h>

#include "codec/url.h"
#include "connector/mcp/home.h"

struct mcp_stream {
  struct mcp_http http;
  struct mcp_upstream *upstream;
  struct loop_task release_task;
  struct timer patience; /* until it has named where to send */
  bool is_open, is_ended;
  char post_url[LIMIT_MCP_URL];
};

static struct mcp_stream *stream_of(struct mcp_http *http) {
  return (struct mcp_stream *)(void *)((char *)http - offsetof(struct mcp_stream, http));
}

static void on_release(struct loop_task *task) {
  struct mcp_stream *stream = (struct mcp_stream *)((char *)task - offsetof(struct mcp_stream, release_task));
  struct mcp_upstream *upstream = stream->upstream;
  mcp_http_release(&stream->http);
  free(stream);
  upstream->n_streams--;
  mcp_upstream_settle(upstream);
}

/* In a turn of its own: this may be within its events. */
static void stream_let_go(struct mcp_stream *stream) {
  struct mcp_upstream *upstream = stream->upstream;
  if (stream->is_ended) return;
  stream->is_ended = true;
  timers_cancel(upstream->home->host->timers, &stream->patience);
  mcp_http_stop(&stream->http);
  if (upstream->stream == stream) {
    upstream->stream = NULL;
    upstream->post_url = STR_NONE;
  }
  stream->release_task.run = on_release;
  loop_post(upstream->home->host->loop, &stream->release_task);
}

static void lose(struct mcp_stream *stream, const char *why) {
  struct mcp_upstream *upstream = stream->upstream;
  bool was_open = stream->is_open;
  char text[ERR_TEXT_SIZE];
  if (stream->is_ended) return;
  snprintf(text, sizeof(text), "%.*s %s", STR_ARG(mcp_upstream_name(upstream)), why);
  stream_let_go(stream);
  if (was_open)
    mcp_session_lost(upstream, ERR_UPSTREAM, text);
  else
    mcp_era_failed(upstream, ERR_UPSTREAM, text);
}

static void on_ended(struct mcp_http *http, const struct err *err) {
  int status = http->status;
  char why[64];
  snprintf(why, sizeof(why), "speaks no version of MCP that is known here (HTTP %d)", status);
  lose(stream_of(http), status >= 200 && status < 300 && http->is_sse ? "ended its stream" : why);
}

/* The address must be of the same origin: it gets the credential. */
static bool resolve(struct mcp_stream *stream, struct str reference) {
  struct mcp_upstream *upstream = stream->upstream;
  struct url base, url;
  struct str text = str_trim(reference);
  struct arena arena;
  arena_init(&arena, 0);
  bool is_path = text.n > 0 && text.p[0] == '/' && !str_starts(text, STR("//"));
  bool is_same = url_parse(&arena, upstream->target->url, &base, NULL) == ERR_NONE;
  if (is_same && is_path)
    text = arena_printf(&arena, base.is_ipv6 ? "%.*s://[%.*s]:%u%.*s" : "%.*s://%.*s:%u%.*s", STR_ARG(base.scheme),
                        STR_ARG(base.host), base.port, STR_ARG(text));
  is_same = is_same && text.n < sizeof(stream->post_url) && url_parse(&arena, text, &url, NULL) == ERR_NONE &&
            str_eq(url.scheme, base.scheme) && str_eq(url.host, base.host) && url.port == base.port;
  if (is_same) {
    snprintf(stream->post_url, sizeof(stream->post_url), "%.*s", STR_ARG(text));
    upstream->post_url = str_of(stream->post_url);
  }
  arena_release(&arena);
  return is_same;
}

static bool on_event(struct mcp_http *http, const struct sse_event *event) {
  struct mcp_stream *stream = stream_of(http);
  struct mcp_upstream *upstream = stream->upstream;
  struct err err;
  if (!stream->is_open && str_eq(event->type, STR("endpoint"))) {
    if (!resolve(stream, event->data)) {
      lose(stream, "names another server to send to");
      return false;
    }
    stream->is_open = true;
    timers_cancel(upstream->home->host->timers, &stream->patience);
    mcp_initialize(upstream);
  } else if (stream->is_open && event->data.n > 0 && str_eq(event->type, STR("message")) &&
             mcp_receive(upstream, NULL, event->data, &err) != ERR_NONE) {
    lose(stream, err.text);
  }
  return !stream->is_ended;
}

static void on_patience_ended(struct timer *timer) {
  lose((struct mcp_stream *)(void *)((char *)timer - offsetof(struct mcp_stream, patience)),
       "does not say where to send");
}

void mcp_sse_open(struct mcp_upstream *upstream) {
  struct mcp_stream *stream = calloc(1, sizeof(*stream));
  struct err err;
  upstream->wire = MCP_WIRE_SSE;
  if (!stream) {
    mcp_era_failed(upstream, ERR_NO_MEMORY, "out of memory");
    return;
  }
  stream->upstream = upstream;
  stream->http = (struct mcp_http){.ended = on_ended, .on_event = on_event};
  stream->patience.run = on_patience_ended;
  upstream->stream = stream;
  upstream->n_streams++;
  enum err_code code = mcp_http_get(&stream->http, upstream, NULL, &err);
  if (code != ERR_NONE) {
    stream_let_go(stream);
    mcp_era_failed(upstream, code, err.text);
    return;
  }
  timers_set(upstream->home->host->timers, &stream->patience,
             mcp_now_us(upstream) + LIMIT_MCP_HANDSHAKE_MS * INT64_C(1000));
}

void mcp_sse_close(struct mcp_upstream *upstream) {
  if (upstream->stream) stream_let_go(upstream->stream);
}

/* Its answer comes on the stream; the POST's own says only whether it was taken. */
static void on_posted(struct mcp_http *http, const struct err *err) {
  struct mcp_request *request = http->request;
  int status = http->status;
  struct str name = mcp_upstream_name(http->upstream);
  request->was_sent |= http->was_sent;
  if (err)
    mcp_request_fail(request, err->code, "%.*s: %s", STR_ARG(name), err->text);
  else if (status < 200 || status >= 300)
    mcp_request_fail(request, ERR_UPSTREAM, "%.*s failed (HTTP %d)", STR_ARG(name), status);
}

void mcp_sse_send(struct mcp_request *request) {
  request->http.ended = on_posted;
  mcp_http_send_to(request, request->upstream->post_url);
}
