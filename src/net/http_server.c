/* One worker's HTTP server as a whole: its listener, the deadlines of all its connections, its graceful end. Must not
 * know what is served, nor how a connection goes about it (http_server_connection.c).
 *
 * Drain: no more is accepted, idle connections close, each reply is the last of its connection. When no stream is open
 * and the listener has closed, the two handles close, then `drained` is called. Only a handler that still owes a reply
 * then keeps the server's memory, until it gives it. */
#include <stdlib.h>
#include <unistd.h>

#include "net/http_server_inner.h"

enum { SWEEP_MS = 250 };

static struct http_server *server_of(struct listener_tcp *listener) {
  return (struct http_server *)((char *)listener - offsetof(struct http_server, listener));
}

static uint64_t connections(const struct http_server *server) {
  return atomic_load_explicit(&server->counts->connections, memory_order_relaxed);
}

static void on_sweep(uv_timer_t *timer) {
  http_server_sweep(timer->data);
}

static void on_accepted(struct listener_tcp *listener, int fd, const struct sockaddr_storage *peer) {
  struct http_server *server = server_of(listener);
  http_count(&server->counts->accepted, 1);
  if (connections(server) >= server->options.max_connections) {
    close(fd);
    return;
  }
  http_connection_accept(server, fd, peer);
  if (connections(server) > 0 && !uv_is_active((uv_handle_t *)&server->sweep))
    uv_timer_start(&server->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

static void on_flush(uv_idle_t *idle) {
  struct http_server *server = idle->data;
  http_stream_flush_dirty(server);
  if (!server->dirty) uv_idle_stop(idle);
}

enum err_code http_server_start(struct loop *loop, struct str host, uint16_t port, bool reuse_port,
                                const struct http_server_options *options, struct http_server **ret_server,
                                struct err *err) {
  struct http_server *server = calloc(1, sizeof(*server));
  if (!server) return err_no_memory(err);
  server->loop = loop;
  server->options = *options;
  server->counts = options->counts ? options->counts : &server->own_counts;
  if (server->options.max_connections == 0) server->options.max_connections = LIMIT_HTTP_CONNECTIONS;
  enum err_code code = listener_tcp_open(&server->listener, loop, host, port, reuse_port, on_accepted, err);
  if (code != ERR_NONE) {
    free(server);
    return code;
  }
  uv_timer_init(&loop->uv, &server->sweep);
  uv_idle_init(&loop->uv, &server->flush);
  server->sweep.data = server;
  server->flush.data = server;
  *ret_server = server;
  return ERR_NONE;
}

uint16_t http_server_port(const struct http_server *server) {
  return server->listener.port;
}

void http_server_count(const struct http_server *server, struct http_server_counts *ret_counts) {
  atomic_init(&ret_counts->connections, connections(server));
  atomic_init(&ret_counts->accepted, atomic_load_explicit(&server->counts->accepted, memory_order_relaxed));
  atomic_init(&ret_counts->requests, atomic_load_explicit(&server->counts->requests, memory_order_relaxed));
  atomic_init(&ret_counts->refused, atomic_load_explicit(&server->counts->refused, memory_order_relaxed));
}

static void connections_break(struct http_server *server, enum http_connection_state state) {
  while (server->lists[state].first)
    http_connection_break(server->lists[state].first);
}

void http_server_sweep(struct http_server *server) {
  int64_t now_us = loop_now_us(server->loop);
  for (int state = 0; state < HTTP_CONNECTION_STATE_COUNT; state++) {
    struct http_connection *first;
    while ((first = server->lists[state].first) && first->deadline_us <= now_us)
      http_connection_expire(first);
  }
  if (!server->is_draining || now_us < server->drain_deadline_us) return;
  for (int state = 0; state < HTTP_CONNECTION_CLOSING; state++)
    connections_break(server, (enum http_connection_state)state);
}

static void server_free_when_done(struct http_server *server) {
  if (server->has_drained && server->n_orphans == 0) free(server);
}

static void on_handle_closed(uv_handle_t *handle) {
  struct http_server *server = handle->data;
  if (--server->n_handles > 0) return;
  server->drained(server->drained_context);
  server->has_drained = true;
  server_free_when_done(server);
}

static void server_end_when_drained(struct http_server *server) {
  if (!server->is_draining || server->is_ending || !server->is_listener_closed || connections(server) > 0) return;
  server->is_ending = true;
  server->n_handles = 2;
  uv_close((uv_handle_t *)&server->sweep, on_handle_closed);
  uv_close((uv_handle_t *)&server->flush, on_handle_closed);
}

void http_server_connection_closed(struct http_server *server) {
  http_count(&server->counts->connections, -1);
  if (connections(server) == 0) uv_timer_stop(&server->sweep);
  server_end_when_drained(server);
}

void http_server_orphan_ended(struct http_server *server) {
  server->n_orphans--;
  server_free_when_done(server);
}

static void on_listener_closed(struct listener_tcp *listener) {
  struct http_server *server = server_of(listener);
  server->is_listener_closed = true;
  server_end_when_drained(server);
}

void http_server_drain(struct http_server *server, void (*drained)(void *context), void *context) {
  server->is_draining = true;
  server->drained = drained;
  server->drained_context = context;
  server->drain_deadline_us = loop_now_us(server->loop) + LIMIT_HTTP_DRAIN_MS * (int64_t)1000;
  listener_tcp_close(&server->listener, on_listener_closed);
  connections_break(server, HTTP_CONNECTION_IDLE);
}

void http_server_start_flush(struct http_server *server) {
  if (!uv_is_active((uv_handle_t *)&server->flush)) uv_idle_start(&server->flush, on_flush);
}
