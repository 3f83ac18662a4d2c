/* What comes back: fields and body, collected in the request's arena under caps. */
#include "base/limits.h"
#include "net/http_transfer.h"

enum { FIRST_BODY = 64 * KIB }; /* what a Content-Length is believed up to, before the bytes come */

static bool fail(struct http_transfer *transfer, enum err_code code) {
  transfer->failure = code;
  return false;
}

static bool fields_reserve(struct http_transfer *transfer) {
  if (transfer->n_fields < transfer->n_fields_max) return true;
  size_t n = transfer->n_fields_max ? transfer->n_fields_max * 2 : 16;
  if (n > LIMIT_HTTP_HEADER_COUNT) n = LIMIT_HTTP_HEADER_COUNT;
  if (n == transfer->n_fields) return fail(transfer, ERR_TOO_LARGE);
  struct http_field *fields =
      arena_realloc(transfer->arena, transfer->fields, transfer->n_fields * sizeof(*fields), n * sizeof(*fields));
  if (!fields) return fail(transfer, ERR_NO_MEMORY);
  transfer->fields = fields;
  transfer->n_fields_max = n;
  return true;
}

static bool field_add(struct http_transfer *transfer, struct str line) {
  transfer->field_bytes += line.n;
  if (transfer->field_bytes > LIMIT_UPSTREAM_HEADER_BYTES) return fail(transfer, ERR_TOO_LARGE);
  const char *colon = memchr(line.p, ':', line.n);
  if (!colon) return true;
  if (!fields_reserve(transfer)) return false;
  struct str copy = arena_str(transfer->arena, line);
  if (!copy.p) return fail(transfer, ERR_NO_MEMORY);
  struct str name = str_cut(&copy, ':');
  transfer->fields[transfer->n_fields++] = (struct http_field){name, str_trim(copy)};
  return true;
}

struct str http_transfer_field(const struct http_transfer *transfer, const char *name) {
  for (size_t i = 0; i < transfer->n_fields; i++)
    if (str_eq_fold(transfer->fields[i].name, str_of(name))) return transfer->fields[i].value;
  return STR_NONE;
}

/* Room for the whole body at once where its length is known and means what will be written. */
static void body_prepare(struct http_transfer *transfer) {
  uint64_t length;
  if (!str_to_u64(http_transfer_field(transfer, "content-length"), &length)) return;
  if (http_transfer_field(transfer, "content-encoding").n > 0 || length > transfer->body.max) return;
  (void)buf_reserve(&transfer->body, length < FIRST_BODY ? (size_t)length : FIRST_BODY);
}

/* CURLOPT_HEADERFUNCTION: one line a call. Interim responses (1xx) come first, trailers after the body: neither is
 * kept. */
size_t http_transfer_on_header(char *bytes, size_t size, size_t n, void *context) {
  (void)size; /* always 1 */
  struct http_transfer *transfer = context;
  struct str line = str_make(bytes, n);
  while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
    line.n--;
  if (transfer->body.n > 0 || transfer->inflow.n_bytes > 0) return n;
  if (str_starts(line, STR("HTTP/"))) {
    transfer->n_fields = 0;
    transfer->has_head = false;
    return n;
  }
  if (transfer->has_head) return n;
  if (line.n == 0) {
    transfer->has_head = true;
    if (transfer->inflow.receiver)
      http_inflow_on_head(transfer);
    else
      body_prepare(transfer);
    return n;
  }
  return field_add(transfer, line) ? n : CURL_WRITEFUNC_ERROR;
}

size_t http_transfer_on_body(char *bytes, size_t size, size_t n, void *context) {
  (void)size;
  struct http_transfer *transfer = context;
  if (transfer->inflow.receiver) return http_inflow_on_body(transfer, bytes, n);
  buf_append(&transfer->body, bytes, n);
  if (!buf_failed(&transfer->body)) return n;
  bool is_over = n > transfer->body.max || transfer->body.n > transfer->body.max - n;
  transfer->failure = is_over ? ERR_TOO_LARGE : ERR_NO_MEMORY;
  return CURL_WRITEFUNC_ERROR;
}
