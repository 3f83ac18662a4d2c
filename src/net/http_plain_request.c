/* The head of a request, as it goes over the wire (RFC 9112). */
#include <string.h>

#include "net/http_plain.h"

enum { MORE_BYTES = 256 /* what is written beside fields and target, but for the host, twice */ };

#define USER_AGENT "User-Agent: connek/" CONNEK_VERSION "\r\n"
/* What http_plain_response.c undoes: of a body that is whole. */
#define ACCEPT_ENCODING "Accept-Encoding: gzip, deflate\r\n"
#define ACCEPT_NO_ENCODING "Accept-Encoding: identity\r\n"

static size_t size_of(const struct http_client_request *request, const struct url *url) {
  size_t n = MORE_BYTES + request->method.n + http_target_size(request) + url->host.n;
  for (size_t i = 0; i < request->n_fields; i++)
    n += request->fields[i].name.n + request->fields[i].value.n + sizeof(": \r\n");
  return n + request->secret_field.n + request->secret_prefix.n + request->secret_value.n + sizeof(": \r\n");
}

static enum err_code field_write(struct buf *out, struct str name, struct str prefix, struct str value,
                                 struct err *err) {
  enum err_code code = http_field_check(name, prefix, value, err);
  if (code != ERR_NONE) return code;
  buf_append_str(out, name);
  buf_append(out, ": ", prefix.n + value.n > 0 ? 2 : 1);
  buf_append_str(out, prefix);
  buf_append_str(out, value);
  buf_append(out, "\r\n", 2);
  return ERR_NONE;
}

static void host_write(struct buf *out, const struct url *url) {
  buf_append_c(out, url->is_ipv6 ? "Host: [" : "Host: ");
  buf_append_str(out, url->host);
  if (url->is_ipv6) buf_append_byte(out, ']');
  if (url->port != 80) {
    buf_append_byte(out, ':');
    buf_append_u64(out, url->port);
  }
  buf_append(out, "\r\n", 2);
}

static enum err_code fields_write(struct buf *out, const struct url *url, const struct http_client_request *request,
                                  struct err *err) {
  enum err_code code = ERR_NONE;
  if (!http_request_has_field(request, "host")) host_write(out, url);
  if (!http_request_has_field(request, "user-agent")) buf_append_str(out, STR(USER_AGENT));
  if (!http_request_has_field(request, "accept")) buf_append_str(out, STR("Accept: */*\r\n"));
  if (!http_request_has_field(request, "accept-encoding"))
    buf_append_str(out, request->stream ? STR(ACCEPT_NO_ENCODING) : STR(ACCEPT_ENCODING));
  for (size_t i = 0; i < request->n_fields && code == ERR_NONE; i++)
    code = field_write(out, request->fields[i].name, STR_NONE, request->fields[i].value, err);
  if (request->secret_field.n > 0 && code == ERR_NONE)
    code = field_write(out, request->secret_field, request->secret_prefix, request->secret_value, err);
  if (!http_request_wants_length(request)) return code;
  buf_append_str(out, STR("Content-Length: "));
  buf_append_u64(out, request->has_body ? request->body.n : 0);
  buf_append(out, "\r\n", 2);
  return code;
}

enum err_code plain_head_write(struct plain_transfer *transfer, const struct http_client_request *request,
                               struct err *err) {
  struct url *url = &transfer->base.url;
  struct buf out;
  size_t size = size_of(request, url);
  buf_init(&out, transfer->base.arena, size);
  (void)buf_reserve(&out, size); /* all at once: a buffer that grows would leave a copy of the secret behind */
  buf_append_str(&out, request->method);
  buf_append_byte(&out, ' ');
  http_target_write(&out, url, request);
  buf_append_str(&out, STR(" HTTP/1.1\r\n"));
  enum err_code code = fields_write(&out, url, request, err);
  buf_append(&out, "\r\n", 2);
  if (code == ERR_NONE && buf_failed(&out)) code = err_no_memory(err);
  transfer->head = buf_str(&out);
  transfer->has_secret = (request->secret_value.n > 0 || request->has_secret_in_url) && out.p;
  if (request->has_secret_in_url) http_target_wipe(url);
  return code;
}
