/* Bodies over plain HTTP that are passed on as they come: straight out of the buffer that was read into, from within
 * llhttp. A receiver that pauses stops the reading of its connection, and what had been read by then is held, unparsed,
 * until it resumes: at most one read. Must not know what the bytes mean.
 *
 * A receiver may cancel its transfer, which is why every call of one is followed by a look at whether the connection
 * still has it. The connection itself lives until its stream has closed, in a later turn. */
#include "net/http_plain.h"

static bool may_go_on(const struct plain_connection *connection) {
  return connection->transfer && !connection->transfer->base.is_paused;
}

bool plain_stream_on_head(struct plain_connection *connection) {
  struct http_transfer *transfer = &connection->transfer->base;
  if (transfer->is_paused) return false;
  http_transfer_tell_head(transfer);
  return may_go_on(connection);
}

static bool is_coded(const struct http_transfer *transfer) {
  struct str coding = http_transfer_field(transfer, "content-encoding");
  return coding.n > 0 && !str_eq_fold(coding, STR("identity"));
}

bool plain_stream_on_piece(struct plain_connection *connection, const char *bytes, size_t n) {
  struct plain_transfer *transfer = connection->transfer;
  struct http_transfer *base = &transfer->base;
  if (n == 0) return true; /* llhttp, where it goes on with nothing */
  transfer->is_coded_stream = base->n_streamed == 0 && is_coded(base);
  if (transfer->is_coded_stream || !http_transfer_add_streamed(base, n)) return false;
  base->receiver->on_piece(base->context, str_make(bytes, n));
  return may_go_on(connection);
}

bool plain_stream_hold(struct plain_connection *connection, const char *bytes, size_t n) {
  struct stream *stream = &connection->stream;
  struct plain_transfer *transfer = connection->transfer;
  stream->methods->read_stop(stream);
  transfer->is_held = true;
  buf_append(&transfer->held, bytes, n);
  if (!buf_failed(&transfer->held)) return true;
  transfer->base.failure = ERR_NO_MEMORY;
  return false;
}

void plain_stream_go_on(struct plain_transfer *transfer) {
  struct plain_connection *connection = transfer->connection;
  struct stream *stream = &connection->stream;
  if (!transfer->base.is_head_told && !plain_stream_on_head(connection)) return;
  struct buf held = transfer->held;
  buf_init(&transfer->held, NULL, LIMIT_HTTP_READ);
  transfer->is_held = false;
  plain_list_remove(transfer); /* resumed by its on_head as well */
  stream->methods->read_start(stream);
  plain_connection_take(connection, held.p ? held.p : "", held.n);
  buf_release(&held);
}

void plain_stream_pause(struct http_transfer *base) {
  struct plain_transfer *transfer = (struct plain_transfer *)base;
  if (transfer->list == &base->client->plain->ready) plain_list_remove(transfer);
  /* Up to the head it is read on: that it came in time has to be seen. */
  if (transfer->connection && base->has_head)
    transfer->connection->stream.methods->read_stop(&transfer->connection->stream);
}

void plain_stream_resume(struct http_transfer *base) {
  struct plain_transfer *transfer = (struct plain_transfer *)base;
  struct http_plain *plain = base->client->plain;
  if (transfer->is_held && !transfer->list) plain_list_add(&plain->ready, transfer);
  if (transfer->is_held || transfer->list == &plain->failed)
    plain_tell_soon(plain);
  else if (transfer->connection && base->has_head)
    transfer->connection->stream.methods->read_start(&transfer->connection->stream);
}
