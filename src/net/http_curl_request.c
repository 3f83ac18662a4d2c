/* From a request to curl's options: URL, method, fields. What is secret is wiped where it was written, except for the
 * lines that curl reads while the transfer lasts.
 *
 * curl writes a request's head with a printf that goes byte by byte, and what it makes itself (User-Agent,
 * Accept-Encoding, the URL's path and query) it writes twice or three times. Handed over as ready lines and as a ready
 * target they are written once; that is a quarter of all instructions of a transfer. */
#include <string.h>

#include "base/limits.h"
#include "base/secret.h"
#include "net/http_curl.h"

enum { MORE_FIELDS = 6 }; /* lines of our own beside the caller's */

/* A list of lines as curl takes it, made in the arena: curl only reads it. */
struct line_list {
  struct arena *arena;
  struct curl_slist *nodes;
  size_t n;
  struct str last; /* the line itself, to be wiped where it is secret */
};

static enum err_code line_add(struct line_list *list, struct str name, struct str prefix, struct str value,
                              struct err *err) {
  enum err_code code = http_field_check(name, prefix, value, err);
  if (code != ERR_NONE) return code;
  bool is_empty = prefix.n + value.n == 0;
  char *line = arena_alloc(list->arena, name.n + prefix.n + value.n + 3);
  if (!line) return err_no_memory(err);
  char *p = line;
  memcpy(p, name.p, name.n);
  p += name.n;
  *p++ = is_empty ? ';' : ':'; /* curl's way to send a field without a value */
  if (!is_empty) *p++ = ' ';
  if (prefix.n > 0) memcpy(p, prefix.p, prefix.n);
  p += prefix.n;
  if (value.n > 0) memcpy(p, value.p, value.n);
  p += value.n;
  *p = '\0';
  list->last = str_make(line, (size_t)(p - line));
  list->nodes[list->n++].data = line;
  return ERR_NONE;
}

/* A line that need not be made. "Name:" takes a field of curl's own away. */
static void line_add_ready(struct line_list *list, const char *line) {
  list->nodes[list->n++].data = (char *)(uintptr_t)line;
}

static enum err_code fields_write(struct curl_transfer *transfer, const struct http_client_request *request,
                                  struct err *err) {
  struct line_list list = {.arena = transfer->base.arena};
  list.nodes = arena_alloc(list.arena, (request->n_fields + MORE_FIELDS) * sizeof(*list.nodes));
  if (!list.nodes) return err_no_memory(err);
  enum err_code code;
  if (!http_request_has_field(request, "user-agent")) line_add_ready(&list, "User-Agent: connek/" CONNEK_VERSION);
  if (!http_request_has_field(request, "accept-encoding")) line_add_ready(&list, transfer->curl->accept_encoding);
  for (size_t i = 0; i < request->n_fields; i++) {
    code = line_add(&list, request->fields[i].name, STR_NONE, request->fields[i].value, err);
    if (code != ERR_NONE) return code;
  }
  if (request->has_body) {
    line_add_ready(&list, "Expect:");
    if (!http_request_has_field(request, "content-type")) line_add_ready(&list, "Content-Type:");
  }
  if (request->secret_field.n > 0) {
    code = line_add(&list, request->secret_field, request->secret_prefix, request->secret_value, err);
    if (code != ERR_NONE) return code;
    transfer->secret_line = list.last;
  }
  for (size_t i = 0; i < list.n; i++)
    list.nodes[i].next = i + 1 < list.n ? &list.nodes[i + 1] : NULL;
  curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, list.n > 0 ? list.nodes : NULL);
  return ERR_NONE;
}

/* Every option that differs from a plain GET makes the transfer's end reset the handle. */
static enum err_code method_set(struct curl_transfer *transfer, const struct http_client_request *request,
                                struct err *err) {
  CURL *easy = transfer->easy;
  bool is_get = str_eq(request->method, STR("GET")), is_head = str_eq(request->method, STR("HEAD"));
  transfer->is_plain_get = is_get && !request->has_body && !request->stream; /* one that was paused may be so still */
  if (is_get && !request->has_body) return ERR_NONE;
  if (is_head) {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return ERR_NONE;
  }
  char method[32];
  if (request->method.n >= sizeof(method)) return err_set(err, ERR_INVALID, "not an HTTP method");
  memcpy(method, request->method.p, request->method.n);
  method[request->method.n] = '\0';
  if (http_request_wants_length(request)) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(request->has_body ? request->body.n : 0));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->has_body && request->body.n > 0 ? request->body.p : "");
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
  return ERR_NONE;
}

static void origin_write(struct buf *out, const struct url *url) {
  buf_append_str(out, url->scheme);
  buf_append_c(out, url->is_ipv6 ? "://[" : "://");
  buf_append_str(out, url->host);
  buf_append_c(out, url->is_ipv6 ? "]:" : ":");
  buf_append_u64(out, url->port);
}

/* To curl, which copies: where to connect, and apart from that what to ask for there. With a proxy the whole URL is the
 * target, and curl makes it. Where a secret is in it, this copy is wiped. */
static enum err_code url_set(struct curl_transfer *transfer, const struct http_client_request *request,
                             struct err *err) {
  struct url *url = &transfer->base.url;
  const char *proxy = transfer->curl->proxy;
  struct buf text;
  buf_init(&text, transfer->base.arena, 2 * LIMIT_HTTP_TARGET + LIMIT_HTTP_HEADER_BYTES);
  /* All at once: a buffer that grows would leave a copy behind. */
  (void)buf_reserve(&text, request->url.n + http_target_size(request) + 32);
  origin_write(&text, url);
  if (!proxy) buf_append_byte(&text, '\0');
  size_t target = text.n;
  http_target_write(&text, url, request);
  buf_append_byte(&text, '\0');
  bool is_set = !buf_failed(&text) && curl_easy_setopt(transfer->easy, CURLOPT_URL, text.p) == CURLE_OK;
  if (is_set && !proxy) is_set = curl_easy_setopt(transfer->easy, CURLOPT_REQUEST_TARGET, text.p + target) == CURLE_OK;
  if ((request->secret_parameter.n > 0 || request->has_secret_in_url) && text.p) secret_wipe(text.p, text.n);
  if (request->has_secret_in_url) http_target_wipe(url);
  return is_set ? ERR_NONE : err_no_memory(err);
}

/* A proxy resolves names where we cannot see it: what can be judged then is an address in the URL itself. */
static enum err_code judge_behind_proxy(const struct curl_transfer *transfer, struct err *err) {
  const struct url *url = &transfer->base.url;
  struct sockaddr_storage address;
  if (!transfer->curl->proxy || !http_transfer_literal(url, &address)) return ERR_NONE;
  const struct sockaddr *judged = (const struct sockaddr *)&address;
  if (address_guard_allows_for(transfer->curl->client->guard, transfer->base.organisation, url->host, url->port,
                               judged))
    return ERR_NONE;
  return http_transfer_refuse(url, address_classify(judged), err);
}

enum err_code http_curl_write(struct curl_transfer *transfer, const struct http_client_request *request,
                              struct err *err) {
  enum err_code code = url_set(transfer, request, err);
  if (code == ERR_NONE) code = judge_behind_proxy(transfer, err);
  if (code == ERR_NONE) code = method_set(transfer, request, err);
  if (code == ERR_NONE) code = fields_write(transfer, request, err);
  return code;
}
