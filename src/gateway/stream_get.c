/* A GET's connection is where it arrived; what it reads is a log elsewhere: at the session's home, or, with
 * Last-Event-ID, where the stream that broke was begun. Events travel through mailboxes, also where both are one
 * worker: one way for all.
 *
 *   here (pipe)                         there (reader of a log)
 *   open: session, watcher, last id ->  finds the log, reads it
 *                                   <-  event: id, data
 *                                   <-  end, or unknown: then the session's own stream is opened instead
 *   leave                           ->  lets go of the log                                                      */
#include "gateway/stream_get.h"

#include <stdlib.h>

#include "base/limits.h"
#include "gateway/exchange_stream.h"
#include "gateway/pipeline.h"
#include "gateway/session_home.h"
#include "gateway/worker.h"

struct pipe {
  uint64_t id;
  struct worker *worker;
  struct event_stream stream;
  struct worker *there;
  struct session session; /* nonce and home alone */
  struct watcher watcher;
};

/* What a pipe asks of the worker where the log is. */
struct pipe_order {
  struct loop_task task;
  struct worker *there, *here;
  uint64_t pipe;
  struct session session;
  struct watcher watcher;
  bool is_leave, is_resumption;
  uint64_t log, after;
};

/* What comes back. */
struct pipe_news {
  struct loop_task task;
  struct worker *here;
  uint64_t pipe;
  bool is_end, is_unknown;
  size_t id_n, n;
  char text[];
};

/* At the log's worker. */
struct pipe_reader {
  struct event_reader reader;
  uint64_t key[2]; /* pipe and worker */
  struct worker *there, *here;
  struct session session;
  struct event_log *log; /* NULL: the session's own */
};

static struct str id_key(const uint64_t *id) {
  return str_make((const char *)id, sizeof(*id));
}

static struct str reader_key(const uint64_t key[2]) {
  return str_make((const char *)key, 2 * sizeof(key[0]));
}

/* ---- here ---- */

static void order(const struct pipe *pipe, struct worker *there, const struct pipe_order *what) {
  struct pipe_order *order = malloc(sizeof(*order));
  if (!order) return; /* an open that is lost leaves a stream that is silent: its client asks again when it ends */
  *order = *what;
  order->there = there;
  order->here = pipe->worker;
  order->pipe = pipe->id;
  order->session = pipe->session;
  order->watcher = pipe->watcher;
  loop_post(&there->loop, &order->task);
}

static void pipe_free(struct pipe *pipe) {
  map_remove(&pipe->worker->pipes.by_id, id_key(&pipe->id));
  event_stream_end(&pipe->stream);
  free(pipe);
}

static void on_order(struct loop_task *task);

static void leave(struct pipe *pipe) {
  order(pipe, pipe->there, &(struct pipe_order){.task = {.run = on_order}, .is_leave = true});
  pipe_free(pipe);
}

static void on_departed(struct http_exchange *http) {
  leave(http->context);
}

static void open_own(struct pipe *pipe) {
  pipe->there = session_home_worker(pipe->worker, &pipe->session);
  order(pipe, pipe->there, &(struct pipe_order){.task = {.run = on_order}});
}

static void on_news(struct loop_task *task) {
  struct pipe_news *news = (struct pipe_news *)task;
  struct pipe *pipe = map_get(&news->here->pipes.by_id, id_key(&news->pipe));
  if (pipe && news->is_unknown) {
    open_own(pipe);
  } else if (pipe && news->is_end) {
    pipe_free(pipe);
  } else if (pipe) {
    event_stream_send(&pipe->stream, str_make(news->text, news->id_n), str_make(news->text + news->id_n, news->n));
    if (!event_stream_has_room(&pipe->stream)) leave(pipe); /* it can read on, with its last event's id */
  }
  free(news);
}

/* ---- there ---- */

static void report(struct worker *here, uint64_t pipe, struct str id, struct str data, bool is_end, bool is_unknown) {
  struct pipe_news *news = malloc(sizeof(*news) + id.n + data.n);
  if (!news) return;
  *news = (struct pipe_news){.task = {.run = on_news},
                             .here = here,
                             .pipe = pipe,
                             .is_end = is_end,
                             .is_unknown = is_unknown,
                             .id_n = id.n,
                             .n = data.n};
  if (id.n) memcpy(news->text, id.p, id.n);
  if (data.n) memcpy(news->text + id.n, data.p, data.n);
  loop_post(&here->loop, &news->task);
}

static void on_event(struct event_reader *reader, struct str id, struct str data) {
  struct pipe_reader *mine = (struct pipe_reader *)reader;
  report(mine->here, mine->key[0], id, data, false, false);
}

static void reader_free(struct pipe_reader *reader) {
  map_remove(&reader->there->pipes.readers, reader_key(reader->key));
  free(reader);
}

static void on_end(struct event_reader *reader, bool is_replaced) {
  struct pipe_reader *mine = (struct pipe_reader *)reader;
  report(mine->here, mine->key[0], STR_NONE, STR_NONE, true, false);
  reader_free(mine);
}

static struct pipe_reader *reader_new(const struct pipe_order *order) {
  struct pipe_reader *reader = calloc(1, sizeof(*reader));
  if (!reader) return NULL;
  *reader = (struct pipe_reader){.reader = {on_event, on_end},
                                 .key = {order->pipe, order->here->index},
                                 .there = order->there,
                                 .here = order->here,
                                 .session = order->session};
  if (map_put(&order->there->pipes.readers, reader_key(reader->key), reader) == ERR_NONE) return reader;
  free(reader);
  return NULL;
}

static void take_leave(const struct pipe_order *order) {
  const uint64_t key[2] = {order->pipe, order->here->index};
  struct pipe_reader *reader = map_get(&order->there->pipes.readers, reader_key(key));
  if (!reader) return;
  if (reader->log)
    event_log_leave(reader->log, &reader->reader);
  else
    session_home_leave(reader->there, reader->session.nonce, &reader->reader);
  reader_free(reader);
}

static void read_log(const struct pipe_order *order) {
  struct event_log *log = event_log_find(order->there, order->log, order->watcher.user_id, &order->session);
  struct pipe_reader *reader = log ? reader_new(order) : NULL;
  if (!reader) {
    report(order->here, order->pipe, STR_NONE, STR_NONE, log != NULL, log == NULL);
    return;
  }
  reader->log = log;
  event_log_read(log, &reader->reader, order->after);
}

static void read_own(const struct pipe_order *order) {
  struct session_home *home = session_home_of(order->there, &order->session, &order->watcher);
  struct pipe_reader *reader = home ? reader_new(order) : NULL;
  if (reader)
    session_home_read(home, &reader->reader);
  else
    report(order->here, order->pipe, STR_NONE, STR_NONE, true, false);
}

static void on_order(struct loop_task *task) {
  struct pipe_order *order = (struct pipe_order *)task;
  if (order->is_leave)
    take_leave(order);
  else if (order->is_resumption)
    read_log(order);
  else
    read_own(order);
  free(order);
}

/* ---- the request ---- */

static bool accepts_stream(const struct exchange *exchange) {
  struct str accept;
  return http_field_once(exchange->http, "Accept", &accept) && exchange_accepts_stream(accept);
}

/* Modern clients and those without a session have neither streams to open nor sessions to end. */
static bool is_for_sessions(const struct exchange *exchange) {
  bool is_modern = exchange->named && exchange->named->era == MCP_MODERN;
  return exchange->session.p && !is_modern;
}

static bool is_known_revision(const struct exchange *exchange) {
  return !exchange->headers.protocol_version.p || exchange->named;
}

static enum stage_verdict refuse(struct exchange *exchange, int status, const char *text) {
  exchange_refuse(exchange, status, status, "%s", text);
  return STAGE_FAIL;
}

static enum stage_verdict open_pipe(struct exchange *exchange) {
  struct worker *worker = exchange->worker;
  struct pipe *pipe = calloc(1, sizeof(*pipe));
  struct str last;
  unsigned index;
  uint64_t log, after;
  if (!pipe) return refuse(exchange, 503, "Out of memory");
  pipe->id = ++worker->n_pipes;
  pipe->worker = worker;
  memcpy(pipe->session.nonce, exchange->held.nonce, sizeof(pipe->session.nonce));
  pipe->session.home = exchange->held.home;
  watcher_of(exchange, &pipe->watcher);
  if (worker->streams.n >= LIMIT_STREAMS || map_put(&worker->pipes.by_id, id_key(&pipe->id), pipe) != ERR_NONE) {
    free(pipe);
    return refuse(exchange, 503, "Too many streams are open; try again later");
  }
  if (!exchange_stream_give(exchange, &pipe->stream)) {
    map_remove(&worker->pipes.by_id, id_key(&pipe->id));
    free(pipe);
    return refuse(exchange, 503, "Out of memory");
  }
  exchange->http->context = pipe;
  exchange->http->on_departed = on_departed;
  bool is_resumption = http_field_once(exchange->http, "Last-Event-ID", &last) && last.p &&
                       event_id_read(last, &index, &log, &after) && index < worker->server->n_workers;
  if (!is_resumption) {
    open_own(pipe);
    return STAGE_DONE;
  }
  pipe->there = &worker->server->workers[index];
  order(pipe, pipe->there,
        &(struct pipe_order){.task = {.run = on_order}, .is_resumption = true, .log = log, .after = after});
  return STAGE_DONE;
}

static void on_ended(void *context) {
  exchange_reply_empty(context, 200);
}

static enum stage_verdict end_session(struct exchange *exchange) {
  if (!session_tell_ended(exchange->worker, &exchange->held, on_ended, exchange))
    return refuse(exchange, 503, "Out of memory");
  return STAGE_WAIT;
}

enum stage_verdict stage_take_stream(struct exchange *exchange) {
  const struct principal *principal = &exchange->principal;
  bool is_get = str_eq(exchange->http->method, STR("GET"));
  if (!is_get && !str_eq(exchange->http->method, STR("DELETE"))) return STAGE_NEXT;
  if (!is_for_sessions(exchange)) return STAGE_NEXT;
  if (!is_known_revision(exchange)) return refuse(exchange, 400, "Unsupported protocol version");
  exchange->has_session =
      session_check(exchange->arena, principal->snapshot, principal->user, exchange->session, &exchange->held) &&
      !session_has_ended(exchange->worker, &exchange->held);
  if (!exchange->has_session) return refuse(exchange, 404, "No such session: begin again with initialize");
  if (!is_get) return end_session(exchange);
  if (!accepts_stream(exchange))
    return refuse(exchange, 406, "The answer is a stream: let Accept list text/event-stream");
  if (atomic_load_explicit(&exchange->worker->server->is_draining, memory_order_relaxed))
    return refuse(exchange, 503, "The server is stopping; try again");
  return open_pipe(exchange);
}

void stream_pipes_end(struct worker *worker) {
  struct str key;
  void *value;
  for (size_t i = 0; map_next(&worker->pipes.by_id, &i, &key, &value); i = 0)
    leave(value);
}

void stream_pipes_free(struct worker *worker) {
  struct str key;
  void *value;
  for (size_t i = 0; map_next(&worker->pipes.readers, &i, &key, &value); i = 0)
    reader_free(value);
  map_release(&worker->pipes.readers);
  map_release(&worker->pipes.by_id);
}
