/* Connections of plain HTTP: how many there are to each origin, which are idle, and who waits for one.
 *
 * Invariants
 *  1. Transfers wait only while their origin has as many connections as it may have, none of them idle.
 *  2. An idle connection is on its origin's list and on the list of all; every other one has a transfer or is closing.
 *  3. A connection that is closing belongs to its stream alone, which frees it. */
#include <stdlib.h>

#include "net/http_plain.h"

enum {
  IDLE_MAX = 1024,  /* of all origins together */
  IDLE_MAX_S = 118, /* libcurl's number: whoever stands between may have forgotten it by then, without a word */
  KEY_MAX = 64,     /* an address and a port */
};

/* ---- origins ---- */

static struct plain_origin *origin_new(struct http_plain *plain, struct str key, const struct url *url) {
  struct plain_origin *origin = calloc(1, sizeof(*origin) + key.n);
  if (!origin) return NULL;
  origin->plain = plain;
  origin->key_n = key.n;
  memcpy(origin->key, key.p, key.n);
  if (http_transfer_literal(url, &origin->address) &&
      map_put(&plain->origins, str_make(origin->key, key.n), origin) == ERR_NONE)
    return origin;
  free(origin);
  return NULL;
}

struct plain_origin *plain_origin_enter(struct http_plain *plain, const struct url *url) {
  char text[KEY_MAX];
  if (url->host.n > sizeof(text) - sizeof(url->port)) return NULL;
  memcpy(text, &url->port, sizeof(url->port));
  memcpy(text + sizeof(url->port), url->host.p, url->host.n);
  struct str key = str_make(text, sizeof(url->port) + url->host.n);
  struct plain_origin *origin = map_get(&plain->origins, key);
  if (!origin) origin = origin_new(plain, key, url);
  if (origin) origin->n_transfers++;
  return origin;
}

static void origin_settle(struct plain_origin *origin) {
  if (origin->n_transfers > 0 || origin->n_connections > 0) return;
  (void)map_remove(&origin->plain->origins, str_make(origin->key, origin->key_n));
  free(origin);
}

void plain_origin_leave(struct plain_origin *origin) {
  origin->n_transfers--;
  origin_settle(origin);
}

/* ---- the idle ---- */

static void idle_add(struct plain_connection *connection) {
  struct plain_origin *origin = connection->origin;
  struct http_plain *plain = origin->plain;
  connection->is_idle = true;
  connection->idle_since_us = loop_now_us(plain->client->loop);
  connection->previous = NULL;
  connection->next = origin->idle;
  if (origin->idle) origin->idle->previous = connection;
  origin->idle = connection;
  connection->newer = NULL;
  connection->older = plain->newest;
  if (plain->newest) plain->newest->newer = connection;
  if (!plain->newest) plain->oldest = connection;
  plain->newest = connection;
  plain->n_idle++;
}

static void idle_remove(struct plain_connection *connection) {
  struct plain_origin *origin = connection->origin;
  struct http_plain *plain = origin->plain;
  if (connection->next) connection->next->previous = connection->previous;
  if (connection->previous) connection->previous->next = connection->next;
  if (!connection->previous) origin->idle = connection->next;
  if (connection->newer) connection->newer->older = connection->older;
  if (!connection->newer) plain->newest = connection->older;
  if (connection->older) connection->older->newer = connection->newer;
  if (!connection->older) plain->oldest = connection->newer;
  connection->is_idle = false;
  plain->n_idle--;
}

static bool is_old(const struct plain_connection *connection) {
  int64_t now_us = loop_now_us(connection->plain->client->loop);
  return now_us - connection->idle_since_us > (int64_t)IDLE_MAX_S * 1000 * 1000;
}

/* ---- who gets what ---- */

static void give(struct plain_connection *connection, struct plain_transfer *transfer) {
  connection->transfer = transfer;
  transfer->connection = connection;
}

/* Its place is free then, and nobody has been given it. */
static void drop(struct plain_connection *connection) {
  if (connection->is_idle) idle_remove(connection);
  connection->stream.methods->close(&connection->stream);
  connection->origin->n_connections--;
}

static enum err_code open_stream(struct plain_connection *connection, struct sealed *sealed) {
  struct http_plain *plain = connection->plain;
  struct loop *loop = plain->client->loop;
  const struct sockaddr_storage *address = &connection->origin->address;
  char *buffer = plain->buffer;
  size_t n = sizeof(plain->buffer);
  return sealed ? stream_sealed_connect(&connection->sealed, sealed, loop, address, &plain_events, buffer, n, NULL)
                : stream_tcp_connect(&connection->tcp, loop, address, &plain_events, buffer, n, NULL);
}

static void connect_for(struct plain_transfer *transfer) {
  struct plain_origin *origin = transfer->origin;
  http_transfer_begin_connecting(&transfer->base);
  if (!http_transfer_may_connect(&transfer->base, (const struct sockaddr *)&origin->address)) {
    plain_transfer_fail(transfer, HTTP_FAILURE_CONNECT, "refused");
    return;
  }
  const uint8_t *key = origin->plain->client->channel_key;
  struct plain_connection *connection = calloc(1, sizeof(*connection));
  struct sealed *sealed = connection && key ? sealed_new(key) : NULL;
  if (!connection || (key && !sealed)) {
    free(connection);
    plain_transfer_fail(transfer, HTTP_FAILURE_MEMORY, "");
    return;
  }
  struct http_plain *plain = origin->plain;
  connection->plain = plain;
  connection->origin = origin;
  origin->n_connections++;
  enum err_code code = open_stream(connection, sealed);
  if (code == ERR_NONE) {
    give(connection, transfer);
    return;
  }
  drop(connection);
  plain_transfer_fail(transfer, HTTP_FAILURE_CONNECT, "no connection can be opened");
}

/* One that is idle, and as far as can be known alive: what must not be repeated must not be lost on it, and what the
 * other side has said meanwhile must not be taken for an answer. */
static struct plain_connection *take_idle(struct plain_transfer *transfer) {
  struct plain_connection *connection;
  while ((connection = transfer->origin->idle)) {
    struct stream *stream = &connection->stream;
    if (!is_old(connection) && stream->methods->is_quiet(stream)) {
      idle_remove(connection);
      connection->is_used = true;
      return connection;
    }
    drop(connection);
  }
  return NULL;
}

/* A connection was judged when it was made, and on behalf of whom that was does not matter as long as exceptions are
 * everybody's. */
static bool may_share(struct plain_transfer *transfer) {
  const struct address_guard *guard = transfer->base.client->guard;
  return !guard || !guard->has_organisations ||
         http_transfer_may_connect(&transfer->base, (const struct sockaddr *)&transfer->origin->address);
}

void plain_pool_place(struct plain_transfer *transfer) {
  struct plain_origin *origin = transfer->origin;
  if (!may_share(transfer)) {
    plain_transfer_fail(transfer, HTTP_FAILURE_CONNECT, "refused");
    return;
  }
  bool needs_new = transfer->is_repeated || transfer->base.needs_new_connection;
  struct plain_connection *connection = needs_new ? NULL : take_idle(transfer);
  if (connection) {
    give(connection, transfer);
    plain_transfer_send(transfer, connection);
  } else if (origin->n_connections < LIMIT_UPSTREAM_HOST_CONNECTIONS) {
    connect_for(transfer);
  } else {
    plain_list_add(&origin->waiting, transfer);
  }
}

void plain_pool_release(struct plain_connection *connection) {
  struct http_plain *plain = connection->plain;
  struct plain_transfer *transfer = connection->origin->waiting.first;
  if (transfer) {
    plain_list_remove(transfer);
    connection->is_used = true;
    give(connection, transfer);
    plain_transfer_send(transfer, connection);
    return;
  }
  idle_add(connection);
  while (plain->oldest && (plain->n_idle > IDLE_MAX || is_old(plain->oldest)))
    plain_pool_close(plain->oldest);
}

void plain_pool_close(struct plain_connection *connection) {
  struct plain_origin *origin = connection->origin;
  struct plain_transfer *transfer;
  drop(connection);
  while ((transfer = origin->waiting.first) && origin->n_connections < LIMIT_UPSTREAM_HOST_CONNECTIONS) {
    plain_list_remove(transfer);
    connect_for(transfer);
  }
  origin_settle(origin);
}

void plain_pool_free(struct http_plain *plain) {
  while (plain->newest)
    plain_pool_close(plain->newest);
  map_release(&plain->origins);
}
