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

bool http_response_add_field(struct http_transfer *transfer, struct str name, struct str value) {
  transfer->field_bytes += name.n + value.n;
  if (transfer->field_bytes > LIMIT_UPSTREAM_HEADER_BYTES) return fail(transfer, ERR_TOO_LARGE);
  if (!fields_reserve(transfer)) return false;
  char *copy = arena_alloc(transfer->arena, name.n + value.n + 1);
  if (!copy) return fail(transfer, ERR_NO_MEMORY);
  if (name.n > 0) memcpy(copy, name.p, name.n);
  if (value.n > 0) memcpy(copy + name.n, value.p, value.n);
  transfer->fields[transfer->n_fields++] =
      (struct http_field){str_make(copy, name.n), str_make(copy + name.n, value.n)};
  return true;
}

struct str http_transfer_field(const struct http_transfer *transfer, const char *name) {
  for (size_t i = 0; i < transfer->n_fields; i++)
    if (str_eq_fold(transfer->fields[i].name, str_of(name))) return transfer->fields[i].value;
  return STR_NONE;
}

void http_response_restart(struct http_transfer *transfer) {
  transfer->n_fields = 0;
  transfer->has_head = false;
}

/* Room for the whole body at once where its length is known and means what will be written. */
void http_response_end_head(struct http_transfer *transfer) {
  uint64_t length;
  transfer->has_head = true;
  if (transfer->receiver || !str_to_u64(http_transfer_field(transfer, "content-length"), &length)) return;
  if (http_transfer_field(transfer, "content-encoding").n > 0 || length > transfer->body.max) return;
  (void)buf_reserve(&transfer->body, length < FIRST_BODY ? (size_t)length : FIRST_BODY);
}

size_t http_response_max_unpacked(const struct http_transfer *transfer, uint64_t packed) {
  uint64_t max = packed > SIZE_MAX / LIMIT_UPSTREAM_RATIO ? SIZE_MAX : packed * LIMIT_UPSTREAM_RATIO;
  if (max < LIMIT_UPSTREAM_UNPACKED) max = LIMIT_UPSTREAM_UNPACKED;
  return max < transfer->body.max ? (size_t)max : transfer->body.max;
}

bool http_response_add_body(struct http_transfer *transfer, const char *bytes, size_t n) {
  buf_append(&transfer->body, bytes, n);
  if (!buf_failed(&transfer->body)) return true;
  bool is_over = n > transfer->body.max || transfer->body.n > transfer->body.max - n;
  return fail(transfer, is_over ? ERR_TOO_LARGE : ERR_NO_MEMORY);
}
