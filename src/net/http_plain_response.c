/* Answers of plain HTTP: llhttp takes them apart, http_client_response.c keeps what counts. A line may end with a bare
 * LF, as RFC 9112, 2.2 allows whoever reads; all else is as strict as llhttp is. Nothing behind an answer is ever taken
 * for another: a connection on which something follows is closed. */
#include "codec/inflate.h"
#include "net/http_plain.h"

enum {
  HEADS_MAX = 2 * LIMIT_UPSTREAM_HEADER_BYTES /* of all heads of one answer, interim ones and padding included */
};

static struct plain_connection *connection_of(llhttp_t *llhttp) {
  return llhttp->data;
}

static struct plain_transfer *transfer_of(llhttp_t *llhttp) {
  return connection_of(llhttp)->transfer;
}

static int fail(struct plain_transfer *transfer, enum err_code code) {
  transfer->base.failure = code;
  return HPE_USER;
}

/* A stream's receiver wants no more: for now, or at all. */
static int stop(const struct plain_connection *connection) {
  return connection->transfer && connection->transfer->base.is_paused ? HPE_PAUSED : HPE_USER;
}

static bool is_interim(const llhttp_t *llhttp) {
  return llhttp->status_code >= 100 && llhttp->status_code < 200;
}

static int on_message_begin(llhttp_t *llhttp) {
  http_response_restart(&transfer_of(llhttp)->base);
  return 0;
}

/* Of a name, then of its value: they may come in pieces. Trailers are not kept. */
static int on_piece(llhttp_t *llhttp, const char *at, size_t n) {
  struct plain_transfer *transfer = transfer_of(llhttp);
  if (transfer->base.has_head) return 0;
  buf_append(&transfer->field, at, n);
  return buf_failed(&transfer->field) ? fail(transfer, ERR_TOO_LARGE) : 0;
}

static int on_name_complete(llhttp_t *llhttp) {
  struct plain_transfer *transfer = transfer_of(llhttp);
  transfer->name_n = transfer->field.n;
  return 0;
}

static int on_value_complete(llhttp_t *llhttp) {
  struct plain_transfer *transfer = transfer_of(llhttp);
  if (transfer->base.has_head) return 0;
  struct str name = str_make(transfer->field.p, transfer->name_n);
  struct str value = str_make(transfer->field.p + name.n, transfer->field.n - name.n);
  bool is_added = http_response_add_field(&transfer->base, name, str_trim(value));
  buf_clear(&transfer->field);
  return is_added ? 0 : HPE_USER;
}

static int on_headers_complete(llhttp_t *llhttp) {
  struct plain_connection *connection = connection_of(llhttp);
  struct plain_transfer *transfer = connection->transfer;
  if (is_interim(llhttp)) return 0;
  struct str coding = http_transfer_field(&transfer->base, "transfer-encoding");
  if (coding.p && !str_eq_fold(coding, STR("chunked"))) return HPE_USER;
  transfer->base.status = llhttp->status_code;
  http_response_end_head(&transfer->base);
  int has_no_body = transfer->is_head_request ? 1 : 0;
  if (!transfer->base.receiver) return has_no_body;
  http_transfer_begin_idle(&transfer->base);
  if (plain_stream_on_head(connection) || (connection->transfer && has_no_body)) return has_no_body;
  return stop(connection);
}

static int on_body(llhttp_t *llhttp, const char *at, size_t n) {
  struct plain_connection *connection = connection_of(llhttp);
  struct http_transfer *transfer = &connection->transfer->base;
  if (!transfer->receiver) return http_response_add_body(transfer, at, n) ? 0 : HPE_USER;
  return plain_stream_on_piece(connection, at, n) ? 0 : stop(connection);
}

static int on_message_complete(llhttp_t *llhttp) {
  struct plain_connection *connection = connection_of(llhttp);
  if (is_interim(llhttp)) return 0;
  connection->is_complete = true;
  connection->keeps_alive = llhttp_should_keep_alive(llhttp);
  return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_message_begin,
    .on_header_field = on_piece,
    .on_header_field_complete = on_name_complete,
    .on_header_value = on_piece,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void plain_response_init(struct plain_connection *connection) {
  llhttp_init(&connection->llhttp, HTTP_RESPONSE, &settings);
  llhttp_set_lenient_optional_cr_before_lf(&connection->llhttp, 1);
  connection->llhttp.data = connection;
  connection->is_complete = false;
}

static enum plain_event hold(struct plain_connection *connection, const char *end) {
  const char *rest = llhttp_get_error_pos(&connection->llhttp);
  if (!connection->is_complete) llhttp_resume(&connection->llhttp);
  return plain_stream_hold(connection, rest, (size_t)(end - rest)) ? PLAIN_MORE : PLAIN_BROKEN;
}

/* No more than the head of an answer may be padded. */
static bool is_padded(struct plain_transfer *transfer, size_t n) {
  if (!transfer->base.has_head) transfer->read_n += n;
  if (transfer->read_n <= HEADS_MAX) return false;
  (void)fail(transfer, ERR_TOO_LARGE);
  return true;
}

enum plain_event plain_response_feed(struct plain_connection *connection, const char *bytes, size_t n,
                                     bool *ret_may_stay) {
  struct plain_transfer *transfer = connection->transfer;
  llhttp_t *llhttp = &connection->llhttp;
  const char *end = bytes;
  transfer->has_answer = true;
  if (!connection->is_complete) { /* or it was held */
    llhttp_errno_t stopped = llhttp_execute(llhttp, bytes, n);
    if (!connection->transfer) return PLAIN_GONE;
    if (is_padded(transfer, n)) return PLAIN_BROKEN;
    if (stopped == HPE_OK) return PLAIN_MORE;
    if (stopped == HPE_PAUSED && transfer->base.is_paused) return hold(connection, bytes + n);
    if (!connection->is_complete) return transfer->is_coded_stream ? PLAIN_CODED : PLAIN_BROKEN;
    end = llhttp_get_error_pos(llhttp);
  }
  *ret_may_stay = connection->keeps_alive && end == bytes + n;
  return PLAIN_DONE;
}

/* Of an answer that does not say how long it is, or of the connection alone. */
enum plain_event plain_response_end(struct plain_connection *connection) {
  (void)llhttp_finish(&connection->llhttp);
  return connection->is_complete ? PLAIN_DONE : PLAIN_BROKEN;
}

/* ---- content coding (RFC 9110, 8.4.1) ---- */

bool plain_response_decode(struct http_transfer *transfer) {
  struct str coding = http_transfer_field(transfer, "content-encoding");
  bool is_gzip = str_eq_fold(coding, STR("gzip")) || str_eq_fold(coding, STR("x-gzip"));
  if (coding.n == 0 || transfer->body.n == 0 || str_eq_fold(coding, STR("identity"))) return true;
  if (!is_gzip && !str_eq_fold(coding, STR("deflate"))) return false;
  struct buf plain;
  struct err err;
  struct str coded = buf_str(&transfer->body);
  buf_init(&plain, transfer->arena, http_response_max_unpacked(transfer, coded.n));
  enum err_code code = is_gzip ? inflate_gzip(coded, &plain, &err) : inflate_zlib(coded, &plain, &err);
  if (code == ERR_TOO_LARGE || code == ERR_NO_MEMORY) transfer->failure = code;
  if (code == ERR_NONE) transfer->body = plain;
  return code == ERR_NONE;
}
