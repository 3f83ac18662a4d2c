/* HTTP/1.1 without TLS, as services inside of a company's network speak it: a request, its answer, the next. libcurl
 * needs about 90,000 instructions for one such transfer, most of them to write a head and to learn anew what did not
 * change; this needs a tenth. It promises what http_client.h promises and what curl does: the guard judges the very
 * address that is connected to; a request goes out once, and only what is safe a second time, where the connection it
 * was written to turns out to be dead.
 *
 * Must not know what is asked or why. Nothing is told from within begin: what fails there goes through `failed`. */
#include "net/http_plain.h"

#include <stdlib.h>

#include "base/secret.h"

/* ---- lists of transfers ---- */

void plain_list_add(struct plain_list *list, struct plain_transfer *transfer) {
  transfer->list = list;
  transfer->next = NULL;
  transfer->previous = list->last;
  if (list->last) list->last->next = transfer;
  if (!list->last) list->first = transfer;
  list->last = transfer;
}

void plain_list_remove(struct plain_transfer *transfer) {
  struct plain_list *list = transfer->list;
  if (!list) return;
  if (transfer->previous) transfer->previous->next = transfer->next;
  if (!transfer->previous) list->first = transfer->next;
  if (transfer->next) transfer->next->previous = transfer->previous;
  if (!transfer->next) list->last = transfer->previous;
  transfer->list = NULL;
}

/* ---- ends ---- */

/* One that is paused keeps it to itself. */
static struct plain_transfer *find_failed(const struct http_plain *plain) {
  struct plain_transfer *transfer = plain->failed.first;
  while (transfer && transfer->base.is_paused)
    transfer = transfer->next;
  return transfer;
}

static void on_soon(uv_timer_t *soon) {
  struct http_plain *plain = soon->data;
  struct plain_transfer *transfer;
  while ((transfer = plain->ready.first)) {
    plain_list_remove(transfer);
    plain_stream_go_on(transfer);
  }
  while ((transfer = find_failed(plain)))
    http_transfer_finish(&transfer->base, transfer->failed, transfer->detail);
}

void plain_tell_soon(struct http_plain *plain) {
  uv_timer_start(plain->soon, on_soon, 0, 0);
}

void plain_transfer_fail(struct plain_transfer *transfer, enum http_failure failure, const char *detail) {
  struct http_plain *plain = transfer->base.client->plain;
  transfer->failed = failure;
  transfer->detail = detail;
  plain_list_add(&plain->failed, transfer);
  plain_tell_soon(plain);
}

/* Out of its connection. */
static struct plain_connection *let_go(struct plain_transfer *transfer) {
  struct plain_connection *connection = transfer->connection;
  if (connection) connection->transfer = NULL;
  transfer->connection = NULL;
  return connection;
}

static void wipe(struct plain_transfer *transfer) {
  if (transfer->has_secret) secret_wipe((char *)(uintptr_t)transfer->head.p, transfer->head.n);
}

static void end(struct http_transfer *base) {
  struct plain_transfer *transfer = (struct plain_transfer *)base;
  struct plain_origin *origin = transfer->origin;
  struct plain_connection *connection = let_go(transfer);
  plain_list_remove(transfer);
  buf_release(&transfer->held);
  wipe(transfer);
  if (connection) plain_pool_close(connection); /* in the middle of something */
  plain_origin_leave(origin);
}

/* The connection has failed its transfer. What it was dead from the start for may go to another. */
static void broke(struct plain_connection *connection, enum http_failure failure, const char *detail) {
  struct plain_transfer *transfer = connection->transfer;
  if (!transfer) {
    plain_pool_close(connection);
    return;
  }
  bool was_up = connection->is_up, was_used = connection->is_used;
  (void)let_go(transfer);
  plain_pool_close(connection);
  if (was_used && !transfer->has_answer && !transfer->is_repeated && transfer->base.may_repeat) {
    transfer->is_repeated = true;
    plain_pool_place(transfer);
  } else {
    plain_transfer_fail(transfer, was_up ? failure : HTTP_FAILURE_CONNECT, detail);
  }
}

static void on_answered(struct plain_connection *connection, bool may_stay) {
  struct plain_transfer *transfer = connection->transfer;
  (void)let_go(transfer);
  /* First of all, so that what `done` sends next can have it. */
  if (may_stay && !connection->is_writing)
    plain_pool_release(connection);
  else
    plain_pool_close(connection);
  bool is_decoded = plain_response_decode(&transfer->base);
  http_transfer_finish(&transfer->base, is_decoded ? HTTP_FAILURE_NONE : HTTP_FAILURE_CODING, "content coding");
}

/* ---- what the stream tells ---- */

static struct plain_connection *connection_of(struct stream *stream) {
  return (struct plain_connection *)stream; /* its first member's first member */
}

static void on_connected(struct stream *stream, int status) {
  struct plain_connection *connection = connection_of(stream);
  if (status < 0) {
    broke(connection, HTTP_FAILURE_CONNECT, uv_strerror(status));
    return;
  }
  connection->is_up = true;
  stream->methods->read_start(stream);
  plain_transfer_send(connection->transfer, connection);
}

static void act(struct plain_connection *connection, enum plain_event event, bool may_stay) {
  switch (event) {
    case PLAIN_MORE:
    case PLAIN_GONE:
      break;
    case PLAIN_DONE:
      on_answered(connection, may_stay);
      break;
    case PLAIN_BROKEN:
      broke(connection, HTTP_FAILURE_BROKEN, "the answer is malformed or cut off");
      break;
    case PLAIN_CODED:
      broke(connection, HTTP_FAILURE_CODED, "a content coding in a stream");
      break;
  }
}

void plain_connection_take(struct plain_connection *connection, const char *bytes, size_t n) {
  bool may_stay = false;
  enum plain_event event = plain_response_feed(connection, bytes, n, &may_stay);
  act(connection, event, may_stay);
}

static void on_read(struct stream *stream, const char *bytes, size_t n) {
  struct plain_connection *connection = connection_of(stream);
  if (!connection->transfer) /* idle: it hangs up, or speaks without being asked */
    plain_pool_close(connection);
  else if (n == 0)
    act(connection, plain_response_end(connection), false);
  else
    plain_connection_take(connection, bytes, n);
}

static void on_error(struct stream *stream, int uv_error) {
  broke(connection_of(stream), HTTP_FAILURE_BROKEN, uv_strerror(uv_error));
}

static void on_written(struct stream *stream, int status) {
  struct plain_connection *connection = connection_of(stream);
  connection->is_writing = false;
  /* One that failed tells the reading side as well, behind an answer that may have come before. */
}

static void on_closed(struct stream *stream) {
  free(connection_of(stream));
}

const struct stream_events plain_events = {
    .on_connected = on_connected,
    .on_read = on_read,
    .on_error = on_error,
    .on_written = on_written,
    .on_closed = on_closed,
};

/* ---- a transfer ---- */

void plain_transfer_send(struct plain_transfer *transfer, struct plain_connection *connection) {
  struct stream *stream = &connection->stream;
  plain_response_init(connection);
  connection->is_writing = true;
  bool may_send = http_transfer_begin_sending(&transfer->base);
  if (!may_send || stream->methods->write(stream, transfer->head.p, transfer->head.n, transfer->body.p,
                                          transfer->body.n) != ERR_NONE)
    broke(connection, HTTP_FAILURE_BROKEN, "it could not be written to");
}

static enum err_code begin(const struct http_transfer *plan, const struct http_client_request *request,
                           struct http_transfer **ret_transfer, struct err *err) {
  struct plain_transfer *transfer = arena_alloc(plan->arena, sizeof(*transfer));
  if (!transfer) return err_no_memory(err);
  *transfer = (struct plain_transfer){.base = *plan, .is_head_request = str_eq(request->method, STR("HEAD"))};
  if (request->has_body) transfer->body = request->body;
  buf_init(&transfer->field, plan->arena, LIMIT_UPSTREAM_HEADER_BYTES);
  buf_init(&transfer->held, NULL, LIMIT_HTTP_READ);
  enum err_code code = plain_head_write(transfer, request, err);
  if (code == ERR_NONE) transfer->origin = plain_origin_enter(plan->client->plain, &plan->url);
  if (code == ERR_NONE && !transfer->origin) code = err_no_memory(err);
  if (code != ERR_NONE) {
    wipe(transfer);
    return code;
  }
  plain_pool_place(transfer);
  *ret_transfer = &transfer->base;
  return ERR_NONE;
}

const struct http_transport http_plain_transport = {
    .begin = begin, .end = end, .pause = plain_stream_pause, .resume = plain_stream_resume};

/* Names are libcurl's: it resolves them without stopping the loop. */
bool http_plain_takes(const struct url *url) {
  struct sockaddr_storage address;
  return str_eq(url->scheme, STR("http")) && http_transfer_literal(url, &address);
}

/* ---- all of them ---- */

enum err_code http_plain_new(struct http_client *client, struct http_plain **ret_plain, struct err *err) {
  struct http_plain *plain = calloc(1, sizeof(*plain));
  uv_timer_t *soon = calloc(1, sizeof(*soon));
  if (!plain || !soon) {
    free(plain);
    free(soon);
    return err_no_memory(err);
  }
  plain->client = client;
  plain->soon = soon;
  map_init(&plain->origins);
  uv_timer_init(&client->loop->uv, soon);
  soon->data = plain;
  *ret_plain = plain;
  return ERR_NONE;
}

static void on_soon_closed(uv_handle_t *handle) {
  free(handle);
}

void http_plain_free(struct http_plain *plain) {
  if (!plain) return;
  plain_pool_free(plain);
  uv_close((uv_handle_t *)plain->soon, on_soon_closed);
  free(plain);
}
