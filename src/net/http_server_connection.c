/* A connection: its states (http_server_inner.h has them all), what is read, the requests in it one after the other.
 * Must not know what a reply looks like.
 *
 * Invariants
 * 1. At most one exchange a connection; what comes meanwhile is held, up to LIMIT_HTTP_PIPELINED, then not read.
 * 2. A callback of the handler (on_request, on_departed, on_drain) may give the reply and with it end the exchange:
 * after it neither the exchange nor the state may be assumed. The connection itself stays until its stream has closed,
 * which never happens within a call.
 * 3. Whatever ends an exchange goes through http_exchange_end. */
#include <stdlib.h>
#include <unistd.h>

#include "net/http_server_inner.h"

enum {
  US_PER_MS = 1000,
  HELD_FIRST = 1 * KIB,
  /* A reader has to take at least so much within LIMIT_HTTP_WRITE_MS, or all of it. */
  PROGRESS_MIN = 32 * KIB,
};

static const int64_t timeouts_us[HTTP_CONNECTION_STATE_COUNT] = {
    [HTTP_CONNECTION_IDLE] = LIMIT_HTTP_IDLE_MS * (int64_t)US_PER_MS,
    [HTTP_CONNECTION_HEAD] = LIMIT_HTTP_HEADER_MS * (int64_t)US_PER_MS,
    [HTTP_CONNECTION_BODY] = LIMIT_HTTP_BODY_MS * (int64_t)US_PER_MS,
    [HTTP_CONNECTION_HANDLING] = 0,
    [HTTP_CONNECTION_WRITING] = LIMIT_HTTP_WRITE_MS * (int64_t)US_PER_MS,
    [HTTP_CONNECTION_LINGERING] = LIMIT_HTTP_LINGER_MS * (int64_t)US_PER_MS,
    [HTTP_CONNECTION_CLOSING] = 0,
};

static struct http_connection *connection_of(struct stream *stream) {
  return (struct http_connection *)stream; /* the first member of its first member */
}

static void list_remove(struct http_connection_list *list, struct http_connection *connection) {
  *(connection->previous ? &connection->previous->next : &list->first) = connection->next;
  *(connection->next ? &connection->next->previous : &list->last) = connection->previous;
}

static void list_append(struct http_connection_list *list, struct http_connection *connection) {
  connection->previous = list->last;
  connection->next = NULL;
  *(list->last ? &list->last->next : &list->first) = connection;
  list->last = connection;
}

void http_connection_move(struct http_connection *connection, enum http_connection_state state) {
  struct http_server *server = connection->server;
  list_remove(&server->lists[connection->state], connection);
  connection->state = state;
  connection->deadline_us = timeouts_us[state] == 0 ? INT64_MAX : loop_now_us(server->loop) + timeouts_us[state];
  list_append(&server->lists[state], connection);
}

static void held_drop(struct http_connection *connection) {
  free(connection->held);
  connection->held = NULL;
  connection->held_at = connection->held_n = connection->held_capacity = 0;
}

static void connection_free(struct http_connection *connection) {
  list_remove(&connection->server->lists[connection->state], connection);
  held_drop(connection);
  free(connection);
}

static void connection_close(struct http_connection *connection) {
  if (connection->state == HTTP_CONNECTION_CLOSING) return;
  http_connection_move(connection, HTTP_CONNECTION_CLOSING);
  connection->writing = HTTP_WRITING_NOTHING; /* what was given to the stream is no longer looked at */
  held_drop(connection);
  http_connection_stream(connection)->methods->close(http_connection_stream(connection));
}

static void on_closed(struct stream *stream) {
  struct http_connection *connection = connection_of(stream);
  struct http_server *server = connection->server;
  connection->is_closed = true;
  if (connection->exchange)
    server->n_orphans++;
  else
    connection_free(connection);
  http_server_connection_closed(server);
}

/* Nothing more is wanted from this client, but it shall be able to read the reply: closing with bytes unread would
 * reset the connection and take the reply with it (RFC 9112 9.6). */
static void connection_finish(struct http_connection *connection) {
  struct stream *stream = http_connection_stream(connection);
  if (connection->has_ended) {
    connection_close(connection);
    return;
  }
  held_drop(connection);
  stream->methods->shutdown(stream);
  http_connection_move(connection, HTTP_CONNECTION_LINGERING);
}

/* Reading goes on while a reply is owed, so that the client's leaving is seen; but only for so many bytes. */
static void reading_update(struct http_connection *connection) {
  struct stream *stream = http_connection_stream(connection);
  if (connection->state == HTTP_CONNECTION_CLOSING || connection->has_ended) return;
  bool is_busy = connection->state == HTTP_CONNECTION_HANDLING || connection->state == HTTP_CONNECTION_WRITING;
  size_t room = is_busy ? LIMIT_HTTP_PIPELINED - (connection->held_n - connection->held_at) : LIMIT_HTTP_READ;
  if (room == 0) {
    if (connection->is_reading) stream->methods->read_stop(stream);
    connection->is_reading = false;
    return;
  }
  stream->read_max = room < LIMIT_HTTP_READ ? room : LIMIT_HTTP_READ;
  if (!connection->is_reading) stream->methods->read_start(stream);
  connection->is_reading = true;
}

/* False: no memory. */
static bool held_add(struct http_connection *connection, const char *bytes, size_t n) {
  size_t kept = connection->held_n - connection->held_at;
  if (connection->held_n + n > connection->held_capacity) {
    size_t capacity = HELD_FIRST;
    while (capacity < kept + n)
      capacity *= 2;
    char *held = malloc(capacity);
    if (!held) return false;
    if (kept > 0) memcpy(held, connection->held + connection->held_at, kept);
    free(connection->held);
    connection->held = held;
    connection->held_at = 0;
    connection->held_n = (uint32_t)kept;
    connection->held_capacity = (uint32_t)capacity;
  }
  memcpy(connection->held + connection->held_n, bytes, n);
  connection->held_n += (uint32_t)n;
  return true;
}

static struct http_server_exchange *exchange_begin(struct http_connection *connection) {
  struct arena arena;
  arena_init(&arena, LIMIT_HTTP_REQUEST_ARENA);
  struct http_server_exchange *exchange = arena_new(&arena, struct http_server_exchange);
  if (!exchange) return NULL;
  exchange->exchange.arena = arena; /* which holds the exchange itself */
  exchange->exchange.loop = connection->server->loop;
  exchange->exchange.peer = &http_connection_stream(connection)->peer;
  exchange->connection = connection;
  exchange->keeps_alive = true;
  http_parse_init(&exchange->parse, &exchange->exchange.arena);
  connection->exchange = exchange;
  return exchange;
}

static void exchange_free(struct http_server_exchange *exchange) {
  exchange->connection->exchange = NULL;
  http_stream_release(exchange);
  if (exchange->release) exchange->release(exchange->release_context);
  struct arena arena = exchange->exchange.arena;
  arena_release(&arena);
}

/* The client has gone. A handler that has not answered yet is told, once; it may answer from within. */
static void exchange_depart(struct http_server_exchange *exchange) {
  if (exchange->exchange.has_departed) return;
  exchange->exchange.has_departed = true;
  if (exchange->exchange.on_departed) exchange->exchange.on_departed(&exchange->exchange);
}

static bool is_owed(const struct http_server_exchange *exchange) {
  if (!exchange->is_given) return false;
  if (exchange->reply == HTTP_REPLY_STREAM) return !exchange->has_stream_ended;
  return exchange->reply == HTTP_REPLY_NONE;
}

void http_connection_break(struct http_connection *connection) {
  struct http_server_exchange *exchange = connection->exchange;
  connection_close(connection);
  if (!exchange) return;
  if (is_owed(exchange))
    exchange_depart(exchange);
  else
    http_exchange_end(exchange);
}

static void fill_head(struct http_server_exchange *exchange) {
  const struct http_parse *parse = &exchange->parse;
  struct http_exchange *shown = &exchange->exchange;
  shown->method = parse->method;
  shown->target = parse->target;
  shown->path = parse->path;
  shown->query = parse->query;
  shown->fields = parse->fields;
  shown->n_fields = parse->n_fields;
  exchange->keeps_alive = parse->keeps_alive;
}

/* The handler may turn a request away by its head alone. False: it did. */
static bool head_passes(struct http_server_exchange *exchange) {
  const struct http_server_options *options = &exchange->connection->server->options;
  struct http_reply reply = {.content_type = STR("application/json"), .must_close = true};
  if (!options->on_head || options->on_head(&exchange->exchange, options->context, &reply)) return true;
  http_reply(&exchange->exchange, &reply);
  return false;
}

static void give(struct http_server_exchange *exchange) {
  struct http_connection *connection = exchange->connection;
  struct http_server *server = connection->server;
  exchange->exchange.body = exchange->parse.body;
  exchange->exchange.received_us = loop_now_us(server->loop);
  exchange->exchange.has_departed = connection->has_ended;
  exchange->is_given = true;
  http_connection_move(connection, HTTP_CONNECTION_HANDLING);
  http_count(&server->counts->requests, 1);
  server->options.on_request(&exchange->exchange, server->options.context);
}

/* The request has not come whole: waits for more of it. */
static void await_more(struct http_server_exchange *exchange, bool is_head_new) {
  struct http_connection *connection = exchange->connection;
  bool is_in_body = exchange->parse.phase >= HTTP_PARSE_BODY_LENGTH;
  enum http_connection_state state = is_in_body ? HTTP_CONNECTION_BODY : HTTP_CONNECTION_HEAD;
  if (connection->state != state) http_connection_move(connection, state); /* else its deadline stands */
  if (is_head_new && exchange->parse.expects_continue &&
      !http_connection_write(connection, HTTP_WRITING_INTERIM, STR("HTTP/1.1 100 Continue\r\n\r\n"), STR_NONE))
    http_connection_break(connection);
}

/* Feeds one request. Returns how many bytes it took. */
static size_t request_feed(struct http_server_exchange *exchange, const char *bytes, size_t n) {
  size_t at = 0;
  size_t used;
  enum http_parse_event event = http_parse_feed(&exchange->parse, bytes, n, &used);
  at += used;
  bool is_head_new = false;
  if (event == HTTP_PARSE_EVENT_HEAD) {
    fill_head(exchange);
    if (!head_passes(exchange)) return at;
    is_head_new = at == n; /* a client that has begun its body does not wait for 100 (RFC 9110 10.1.1) */
    event = http_parse_feed(&exchange->parse, bytes + at, n - at, &used);
    at += used;
  }
  if (event == HTTP_PARSE_EVENT_DONE)
    give(exchange);
  else if (event == HTTP_PARSE_EVENT_REFUSED)
    http_reply_refusal(exchange, exchange->parse.refusal);
  else
    await_more(exchange, is_head_new);
  return at;
}

/* Feeds requests, as long as they are answered at once. Returns how many bytes were taken; what is left is to be held,
 * if the connection still wants it. */
static size_t connection_parse(struct http_connection *connection, const char *bytes, size_t n) {
  size_t at = 0;
  connection->is_parsing = true;
  while (at < n && connection->state <= HTTP_CONNECTION_BODY) {
    struct http_server_exchange *exchange = connection->exchange;
    if (!exchange) exchange = exchange_begin(connection);
    if (!exchange) {
      http_connection_break(connection);
      break;
    }
    at += request_feed(exchange, bytes + at, n - at);
  }
  connection->is_parsing = false;
  return at;
}

static bool may_hold(const struct http_connection *connection) {
  return connection->state == HTTP_CONNECTION_HANDLING || connection->state == HTTP_CONNECTION_WRITING;
}

/* The reply before has gone, later than the request was parsed: on with what was held. */
static void connection_resume(struct http_connection *connection) {
  if (connection->held) {
    char *held = connection->held;
    connection->held = NULL; /* ours, while it is parsed: closing must not free it */
    uint32_t held_n = connection->held_n, capacity = connection->held_capacity;
    size_t at = connection->held_at;
    held_drop(connection);
    at += connection_parse(connection, held + at, held_n - at);
    if (at < held_n && may_hold(connection)) {
      connection->held = held;
      connection->held_at = (uint32_t)at;
      connection->held_n = held_n;
      connection->held_capacity = capacity;
    } else {
      free(held);
    }
  }
  /* A request that its client has cut short will never be whole. */
  if (connection->has_ended && connection->state <= HTTP_CONNECTION_BODY) http_connection_break(connection);
  reading_update(connection);
}

void http_exchange_end(struct http_server_exchange *exchange) {
  struct http_connection *connection = exchange->connection;
  struct http_server *server = connection->server;
  bool keeps_alive = exchange->keeps_alive && !server->is_draining;
  exchange_free(exchange);
  if (connection->state == HTTP_CONNECTION_CLOSING) {
    if (!connection->is_closed) return;
    connection_free(connection);
    http_server_orphan_ended(server);
    return;
  }
  if (!keeps_alive) {
    connection_finish(connection);
    reading_update(connection);
    return;
  }
  http_connection_move(connection, HTTP_CONNECTION_IDLE);
  if (!connection->is_parsing) connection_resume(connection);
}

static void on_read(struct stream *stream, const char *bytes, size_t n) {
  struct http_connection *connection = connection_of(stream);
  if (n == 0) {
    connection->has_ended = true;
    connection->is_reading = false;
    if (!may_hold(connection))
      http_connection_break(connection);
    else if (is_owed(connection->exchange))
      exchange_depart(connection->exchange); /* who half-closes still gets the reply, if one is made */
    return;
  }
  if (connection->state == HTTP_CONNECTION_LINGERING) return;
  size_t used = may_hold(connection) ? 0 : connection_parse(connection, bytes, n);
  if (used < n && may_hold(connection) && !held_add(connection, bytes + used, n - used)) {
    http_connection_break(connection);
    return;
  }
  reading_update(connection);
}

static void on_error(struct stream *stream, int uv_error) {
  http_connection_break(connection_of(stream));
}

static void on_written(struct stream *stream, int status) {
  struct http_connection *connection = connection_of(stream);
  struct http_server_exchange *exchange = connection->exchange;
  enum http_writing writing = connection->writing;
  connection->writing = HTTP_WRITING_NOTHING;
  if (status < 0) {
    http_connection_break(connection);
    return;
  }
  if (writing == HTTP_WRITING_REPLY)
    http_exchange_end(exchange);
  else if (writing == HTTP_WRITING_STREAM)
    http_stream_written(exchange);
  else if (exchange->reply == HTTP_REPLY_WHOLE)
    http_reply_send(exchange);
  else if (exchange->reply == HTTP_REPLY_STREAM)
    http_stream_flush(exchange);
}

void http_connection_await_written(struct http_connection *connection) {
  struct stream *stream = http_connection_stream(connection);
  connection->unsent_before = stream->methods->unsent(stream);
  http_connection_move(connection, HTTP_CONNECTION_WRITING);
}

bool http_connection_write(struct http_connection *connection, enum http_writing writing, struct str head,
                           struct str body) {
  struct stream *stream = http_connection_stream(connection);
  connection->writing = writing;
  if (stream->methods->write(stream, head.p, head.n, body.p, body.n) != ERR_NONE) {
    connection->writing = HTTP_WRITING_NOTHING;
    return false;
  }
  if (connection->writing > HTTP_WRITING_INTERIM && connection->state < HTTP_CONNECTION_LINGERING)
    http_connection_await_written(connection);
  return true;
}

static const struct stream_events events = {
    .on_read = on_read, .on_error = on_error, .on_written = on_written, .on_closed = on_closed};

static enum err_code open_stream(struct http_connection *connection, struct http_server *server, struct sealed *sealed,
                                 int fd, const struct sockaddr_storage *peer) {
  char *buffer = server->buffer;
  size_t n = sizeof(server->buffer);
  return sealed ? stream_sealed_open(&connection->sealed, sealed, server->loop, fd, peer, &events, buffer, n, NULL)
                : stream_tcp_open(&connection->tcp, server->loop, fd, peer, &events, buffer, n, NULL);
}

void http_connection_accept(struct http_server *server, int fd, const struct sockaddr_storage *peer) {
  const uint8_t *key = server->options.channel_key;
  struct http_connection *connection = calloc(1, sizeof(*connection));
  struct sealed *sealed = connection && key ? sealed_new(key) : NULL;
  if (!connection || (key && !sealed)) {
    free(connection);
    close(fd);
    return;
  }
  enum err_code code = open_stream(connection, server, sealed, fd, peer);
  connection->server = server;
  list_append(&server->lists[connection->state], connection);
  http_connection_move(connection, HTTP_CONNECTION_IDLE);
  http_count(&server->counts->connections, 1);
  if (code != ERR_NONE)
    connection_close(connection);
  else
    reading_update(connection);
}

static void writing_expire(struct http_connection *connection) {
  size_t unsent = http_connection_stream(connection)->methods->unsent(http_connection_stream(connection));
  if (unsent + PROGRESS_MIN > connection->unsent_before) {
    http_connection_break(connection);
    return;
  }
  connection->unsent_before = unsent;
  http_connection_move(connection, HTTP_CONNECTION_WRITING);
}

void http_connection_expire(struct http_connection *connection) {
  switch ((enum http_connection_state)connection->state) {
    case HTTP_CONNECTION_HEAD:
      if (connection->exchange->parse.phase == HTTP_PARSE_BLANK)
        http_connection_break(connection);
      else
        http_reply_refusal(connection->exchange, &http_refusal_slow);
      return;
    case HTTP_CONNECTION_BODY:
      http_reply_refusal(connection->exchange, &http_refusal_slow);
      return;
    case HTTP_CONNECTION_WRITING:
      writing_expire(connection);
      return;
    case HTTP_CONNECTION_IDLE:
    case HTTP_CONNECTION_LINGERING:
      http_connection_break(connection);
      return;
    case HTTP_CONNECTION_HANDLING:
    case HTTP_CONNECTION_CLOSING:
    case HTTP_CONNECTION_STATE_COUNT:
      return;
  }
}
