/* What a request may say, whichever transport writes it. */
#include "base/secret.h"
#include "net/http_transfer.h"

bool http_client_is_value(struct str value) {
  for (size_t i = 0; i < value.n; i++) {
    unsigned char c = (unsigned char)value.p[i];
    if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
  }
  return true;
}

enum err_code http_field_check(struct str name, struct str prefix, struct str value, struct err *err) {
  bool is_token = str_is_token(name);
  if (is_token && http_client_is_value(prefix) && http_client_is_value(value)) return ERR_NONE;
  return err_set(err, ERR_INVALID, "the HTTP field \"%.*s\" has characters that no field may have",
                 is_token ? (int)name.n : 0, name.p);
}

bool http_request_has_field(const struct http_client_request *request, const char *name) {
  for (size_t i = 0; i < request->n_fields; i++)
    if (str_eq_fold(request->fields[i].name, str_of(name))) return true;
  return false;
}

bool http_request_wants_length(const struct http_client_request *request) {
  return request->has_body || str_eq(request->method, STR("POST")) || str_eq(request->method, STR("PUT")) ||
         str_eq(request->method, STR("PATCH"));
}

void http_target_write(struct buf *out, const struct url *url, const struct http_client_request *request) {
  buf_append_str(out, url->path);
  if (url->query.n > 0) buf_append_byte(out, '?');
  buf_append_str(out, url->query);
  if (request->secret_parameter.n == 0) return;
  buf_append_byte(out, url->query.n > 0 ? '&' : '?');
  url_write_encoded(out, request->secret_parameter);
  buf_append_byte(out, '=');
  url_write_encoded(out, request->secret_prefix);
  url_write_encoded(out, request->secret_value);
}

void http_target_wipe(struct url *url) {
  if (url->path.n > 1) secret_wipe((char *)(uintptr_t)url->path.p, url->path.n);
  if (url->query.n > 0) secret_wipe((char *)(uintptr_t)url->query.p, url->query.n);
  url->path = url->query = STR("");
}

size_t http_target_size(const struct http_client_request *request) {
  size_t n = request->url.n + sizeof("/?&=");
  if (request->secret_parameter.n > 0)
    n += 3 * (request->secret_parameter.n + request->secret_prefix.n + request->secret_value.n);
  return n;
}
