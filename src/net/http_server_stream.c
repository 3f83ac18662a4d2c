/* Replies that come bit by bit: chunked (RFC 9112 7.1), or until the connection closes for HTTP/1.0. Pieces of one turn
 * leave together, once the turn is over; while the client does not take them they gather, up to a cap that the producer
 * is told of. Must not know what is streamed.
 *
 * A stream that waits for its next piece holds no buffer: thousands of idle ones are the common case. */
#include <assert.h>
#include <stdio.h>

#include "net/http_server_inner.h"

enum {
  UNSENT_MAX = 256 * KIB,     /* beyond: http_stream_write asks for patience */
  UNSENT_HARD_MAX = 32 * MIB, /* a producer that does not listen: the connection breaks */
};

static void dirty_add(struct http_server_exchange *exchange) {
  struct http_server *server = exchange->connection->server;
  if (exchange->dirty_before) return;
  exchange->dirty_next = server->dirty;
  exchange->dirty_before = &server->dirty;
  if (server->dirty) server->dirty->dirty_before = &exchange->dirty_next;
  server->dirty = exchange;
  http_server_start_flush(server);
}

static void dirty_remove(struct http_server_exchange *exchange) {
  if (!exchange->dirty_before) return;
  *exchange->dirty_before = exchange->dirty_next;
  if (exchange->dirty_next) exchange->dirty_next->dirty_before = exchange->dirty_before;
  exchange->dirty_before = NULL;
}

void http_stream_release(struct http_server_exchange *exchange) {
  dirty_remove(exchange);
  buf_release(&exchange->pending);
  buf_release(&exchange->flying);
}

void http_stream_flush_dirty(struct http_server *server) {
  /* Those that become dirty meanwhile, by on_drain, wait for the next turn: others want the loop too. */
  struct http_server_exchange *batch = server->dirty;
  server->dirty = NULL;
  if (batch) batch->dirty_before = &batch;
  while (batch) {
    struct http_server_exchange *exchange = batch;
    dirty_remove(exchange);
    http_stream_flush(exchange);
  }
}

static size_t unsent(const struct http_server_exchange *exchange) {
  const struct stream *stream = &exchange->connection->stream;
  return exchange->pending.n + stream->methods->unsent(stream);
}

/* Nothing more can be written now: ends what has ended, and asks for more where it was promised. Last thing to do. */
static void settle(struct http_server_exchange *exchange) {
  struct http_connection *connection = exchange->connection;
  bool is_idle = connection->writing == HTTP_WRITING_NOTHING && exchange->pending.n == 0;
  if (is_idle && exchange->has_stream_ended) {
    http_exchange_end(exchange);
    return;
  }
  if (is_idle && connection->state == HTTP_CONNECTION_WRITING)
    http_connection_move(connection, HTTP_CONNECTION_HANDLING);
  if (!exchange->is_full || exchange->has_stream_ended || unsent(exchange) > UNSENT_MAX / 2) return;
  exchange->is_full = false;
  if (exchange->on_drain) exchange->on_drain(&exchange->exchange);
}

void http_stream_flush(struct http_server_exchange *exchange) {
  struct http_connection *connection = exchange->connection;
  if (connection->writing != HTTP_WRITING_NOTHING) return;
  if (buf_failed(&exchange->pending)) { /* a part is missing: the client must not take the rest for the whole */
    http_connection_break(connection);
    return;
  }
  if (exchange->pending.n > 0) {
    exchange->flying = exchange->pending;
    buf_init(&exchange->pending, NULL, UNSENT_HARD_MAX);
    exchange->is_flushing = true;
    bool is_fine = http_connection_write(connection, HTTP_WRITING_STREAM, buf_str(&exchange->flying), STR_NONE);
    exchange->is_flushing = false;
    if (!is_fine) {
      http_connection_break(connection);
      return;
    }
  }
  settle(exchange);
}

void http_stream_written(struct http_server_exchange *exchange) {
  buf_release(&exchange->flying);
  if (!exchange->is_flushing) http_stream_flush(exchange);
}

void http_stream_begin(struct http_exchange *shown, const struct http_reply *head,
                       void (*on_drain)(struct http_exchange *exchange)) {
  struct http_server_exchange *exchange = http_server_exchange_of(shown);
  assert(exchange->reply == HTTP_REPLY_NONE);
  exchange->reply = HTTP_REPLY_STREAM;
  exchange->on_drain = on_drain;
  exchange->release = head->release;
  exchange->release_context = head->release_context;
  buf_init(&exchange->pending, NULL, UNSENT_HARD_MAX);
  buf_init(&exchange->flying, NULL, UNSENT_HARD_MAX);
  if (exchange->connection->state == HTTP_CONNECTION_CLOSING) return;
  struct str text = http_reply_head(exchange, head, true);
  if (!text.p) {
    text = HTTP_REPLY_LAST_RESORT;
    exchange->keeps_alive = false;
    exchange->is_bodiless = true;
  }
  buf_append_str(&exchange->pending, text);
  dirty_add(exchange);
}

bool http_stream_write(struct http_exchange *shown, struct str piece) {
  struct http_server_exchange *exchange = http_server_exchange_of(shown);
  assert(exchange->reply == HTTP_REPLY_STREAM && !exchange->has_stream_ended);
  if (exchange->connection->state == HTTP_CONNECTION_CLOSING || exchange->is_bodiless) return true;
  if (piece.n > 0) { /* an empty chunk would be the last one */
    char size[24];
    int size_n = snprintf(size, sizeof(size), "%zx\r\n", piece.n);
    if (exchange->is_chunked) buf_append(&exchange->pending, size, (size_t)size_n);
    buf_append_str(&exchange->pending, piece);
    if (exchange->is_chunked) buf_append_str(&exchange->pending, STR("\r\n"));
    dirty_add(exchange);
  }
  if (unsent(exchange) > UNSENT_MAX) exchange->is_full = true;
  return !exchange->is_full;
}

void http_stream_end(struct http_exchange *shown) {
  struct http_server_exchange *exchange = http_server_exchange_of(shown);
  assert(exchange->reply == HTTP_REPLY_STREAM && !exchange->has_stream_ended);
  exchange->has_stream_ended = true;
  if (exchange->connection->state == HTTP_CONNECTION_CLOSING) {
    http_exchange_end(exchange);
    return;
  }
  if (exchange->is_chunked && !exchange->is_bodiless) buf_append_str(&exchange->pending, STR("0\r\n\r\n"));
  dirty_add(exchange);
}

struct http_exchange *http_stream_compact(struct http_exchange *shown) {
  struct http_server_exchange *before = http_server_exchange_of(shown), *after;
  struct arena arena, old;
  assert(before->reply == HTTP_REPLY_STREAM && !before->has_stream_ended && !before->is_flushing);
  arena_init(&arena, LIMIT_HTTP_REQUEST_ARENA);
  if (!arena_reserve(&arena, sizeof(*after))) return shown;
  after = arena_new(&arena, struct http_server_exchange);
  if (!after) {
    arena_release(&arena);
    return shown;
  }
  bool is_dirty = before->dirty_before != NULL;
  dirty_remove(before);
  *after = *before;
  old = before->exchange.arena;
  after->parse = (struct http_parse){0};
  after->exchange.arena = arena;
  after->exchange.method = after->exchange.target = after->exchange.path = after->exchange.query = STR_NONE;
  after->exchange.body = STR_NONE;
  after->exchange.fields = NULL;
  after->exchange.n_fields = 0;
  after->connection->exchange = after;
  if (is_dirty) dirty_add(after);
  arena_release(&old);
  return &after->exchange;
}
