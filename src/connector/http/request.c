/* The request of a call: written from the compiled tool, the arguments, the connection's settings and its credential.
 * Must not know when or how often it is sent. */
#include "base/clock.h"
#include "base/limits.h"
#include "connector/http/body.h"

enum { MORE_FIELDS = 3, HEADERS_MAX = LIMIT_HTTP_HEADER_BYTES };

/* What names stand for, and where the page's numbers live meanwhile. */
struct request_scope {
  struct template_scope names;
  yyjson_val cursor, size;
};

static yyjson_val *number(yyjson_val *memory, uint64_t value) {
  *memory = (yyjson_val){.tag = YYJSON_TYPE_NUM | YYJSON_SUBTYPE_UINT, .uni.u64 = value};
  return memory;
}

static void set_page(struct request_scope *scope, const struct http_page *page, const struct http_turn *turn) {
  if (page->by == HTTP_PAGE_NONE) return;
  uint64_t size = turn->size > 0 ? turn->size : page->default_size;
  if (size > 0) scope->names.size = number(&scope->size, size);
  scope->names.cursor = turn->cursor;
  if (turn->cursor) return;
  if (page->by == HTTP_PAGE_NUMBER) scope->names.cursor = number(&scope->cursor, page->first);
  if (page->by == HTTP_PAGE_OFFSET) scope->names.cursor = number(&scope->cursor, 0);
}

/* ---- fields ---- */

static enum err_code write_headers(const struct connector_call *call, const struct http_tool *tool,
                                   const struct template_scope *scope, struct http_field *fields, size_t *n,
                                   struct err *err) {
  for (size_t i = 0; i < tool->n_headers; i++) {
    struct buf value;
    buf_init(&value, call->arena, HEADERS_MAX);
    bool is_absent;
    enum err_code code = template_write(&value, &tool->headers[i].value, TEMPLATE_IN_HEADER, scope, &is_absent, err);
    if (code != ERR_NONE) return code;
    if (buf_failed(&value))
      return err_set(err, ERR_TOO_LARGE, "the header %.*s gets too long", STR_ARG(tool->headers[i].name));
    if (!is_absent) fields[(*n)++] = (struct http_field){tool->headers[i].name, buf_str(&value)};
  }
  return ERR_NONE;
}

static enum err_code write_fields(struct connector_call *call, const struct http_turn *turn,
                                  const struct template_scope *scope, const char *boundary,
                                  struct http_client_request *request, struct err *err) {
  const struct http_tool *tool = call->tool->state;
  size_t count = tool->n_fields + tool->n_headers + MORE_FIELDS, n = tool->n_fields;
  struct http_field *fields = arena_alloc(call->arena, count * sizeof(*fields));
  if (!fields) return err_no_memory(err);
  memcpy(fields, tool->fields, n * sizeof(*fields));
  if (tool->n_headers > 0) {
    enum err_code code = write_headers(call, tool, scope, fields, &n, err);
    if (code != ERR_NONE) return code;
  }
  if (call->traceparent) fields[n++] = (struct http_field){STR("traceparent"), str_of(call->traceparent)};
  if (tool->idempotency.n > 0 && turn->idempotency_key.n > 0)
    fields[n++] = (struct http_field){tool->idempotency, turn->idempotency_key};
  if (tool->as == HTTP_BODY_MULTIPART) {
    struct str type = arena_printf(call->arena, "multipart/form-data; boundary=%s", boundary);
    if (!type.p) return err_no_memory(err);
    fields[n++] = (struct http_field){STR("Content-Type"), type};
  }
  request->fields = fields;
  request->n_fields = n;
  return ERR_NONE;
}

/* ---- the body ---- */

/* A tree that is all absent is still a body: services want their {}. One {x} that is absent is none. */
static enum err_code write_json(struct buf *out, const struct http_node *body, const struct template_scope *scope,
                                bool *ret_has_body, struct err *err) {
  bool is_absent;
  enum err_code code = http_node_write_json(out, body, scope, &is_absent, err);
  *ret_has_body = !is_absent || body->kind == HTTP_NODE_OBJECT || body->kind == HTTP_NODE_LIST;
  return code;
}

static enum err_code write_body(struct connector_call *call, const struct template_scope *scope, const char *boundary,
                                struct http_client_request *request, struct err *err) {
  const struct http_tool *tool = call->tool->state;
  struct buf out;
  buf_init(&out, call->arena, HTTP_BODY_MAX);
  enum err_code code = ERR_NONE;
  struct http_form form;
  bool is_base64;
  request->has_body = true;
  switch (tool->as) {
    case HTTP_BODY_NONE:
      request->has_body = false;
      return ERR_NONE;
    case HTTP_BODY_JSON:
      code = write_json(&out, &tool->body, scope, &request->has_body, err);
      break;
    case HTTP_BODY_FORM:
      http_form_begin(&form, &out, call->arena, tool->lists, scope, 0);
      code = http_form_write(&form, &tool->body, err);
      request->has_body = out.n > 0;
      break;
    case HTTP_BODY_MULTIPART:
      code = http_multipart_write(&out, &tool->body, scope, boundary, err);
      break;
    case HTTP_BODY_RAW:
      code = http_file_bytes(call->arena, &tool->body, scope, &request->body, &is_base64, err);
      request->has_body = request->body.p != NULL;
      return code;
  }
  if (code != ERR_NONE) return code;
  if (buf_failed(&out)) return err_set(err, ERR_TOO_LARGE, "the arguments make a body that is too large");
  request->body = out.n > 0 ? buf_str(&out) : STR("");
  return ERR_NONE;
}

/* ---- the whole ---- */

/* Over all that is sent: the last thing to be written (RFC 5849, 3). */
static enum err_code sign(struct connector_call *call, struct http_client_request *request, struct http_secret *secret,
                          struct err *err) {
  const struct http_tool *tool = call->tool->state;
  char nonce[OAUTH1_NONCE_SIZE];
  oauth1_nonce(nonce);
  request->secret_field = STR("Authorization");
  request->secret_prefix = STR("OAuth ");
  request->secret_value = secret->value; /* shown, not sent */
  if (!secret->credential) return ERR_NONE;
  const struct oauth1_request signing = {.signature = secret->auth->signature,
                                         .method = request->method,
                                         .url = request->url,
                                         .form = tool->as == HTTP_BODY_FORM ? request->body : STR_NONE,
                                         .realm = secret->auth->realm,
                                         .consumer_key = json_get_str(secret->credential, "consumer_key"),
                                         .consumer_secret = json_get_str(secret->credential, "consumer_secret"),
                                         .token = json_get_str(secret->credential, "token"),
                                         .token_secret = json_get_str(secret->credential, "token_secret"),
                                         .nonce = str_of(nonce),
                                         .time_s = clock_utc_us() / 1000000};
  enum err_code code = oauth1_write(call->arena, &signing, &secret->signed_value, err);
  if (code == ERR_NONE) request->secret_value = buf_str(&secret->signed_value);
  return code;
}

static void put_secret(struct http_client_request *request, const struct http_secret *secret) {
  if (!secret->auth || secret->auth->type == HTTP_AUTH_KEY_PATH) return;
  request->secret_value = secret->value;
  request->secret_prefix = secret->auth->prefix;
  if (secret->auth->type == HTTP_AUTH_KEY_QUERY) {
    request->secret_parameter = secret->auth->name;
  } else if (secret->auth->type == HTTP_AUTH_OAUTH2 || secret->auth->type == HTTP_AUTH_JWT) {
    request->secret_field = STR("Authorization");
    request->secret_prefix = STR("Bearer ");
  } else if (secret->auth->type == HTTP_AUTH_BASIC) {
    request->secret_field = STR("Authorization");
    request->secret_prefix = STR("Basic ");
  } else {
    request->secret_field = secret->auth->name;
  }
}

static enum err_code write_url(struct connector_call *call, const struct http_turn *turn,
                               const struct template_scope *scope, const struct http_secret *secret,
                               struct http_client_request *request, struct err *err) {
  if (turn->url.n > 0) {
    request->url = turn->url;
    return ERR_NONE;
  }
  struct buf url;
  buf_init(&url, call->arena, LIMIT_HTTP_TARGET);
  request->has_secret_in_url = secret->auth && secret->auth->type == HTTP_AUTH_KEY_PATH;
  /* All at once: a buffer that grows would leave copies behind. */
  if (request->has_secret_in_url) (void)buf_reserve(&url, LIMIT_HTTP_TARGET);
  enum err_code code = http_url_write(&url, call, scope, secret, err);
  request->url = buf_str(&url);
  return code;
}

enum err_code http_request_build(struct connector_call *call, const struct http_turn *turn, struct http_secret *secret,
                                 struct http_client_request *ret_request, struct err *err) {
  const struct http_tool *tool = call->tool->state;
  const struct http_connection *connection = call->connection->state;
  struct request_scope scope = {.names = {.arguments = call->arguments, .settings = connection->settings}};
  set_page(&scope, &tool->page, turn);
  struct http_client_request request = {.method = tool->method,
                                        .organisation = call->caller ? call->caller->organisation : STR_NONE};
  char boundary[HTTP_BOUNDARY_SIZE];
  if (tool->as == HTTP_BODY_MULTIPART) http_multipart_boundary(boundary);
  enum err_code code = write_url(call, turn, &scope.names, secret, &request, err);
  if (code == ERR_NONE) code = write_fields(call, turn, &scope.names, boundary, &request, err);
  if (code == ERR_NONE) code = write_body(call, &scope.names, boundary, &request, err);
  if (code != ERR_NONE) {
    if (request.has_secret_in_url) secret_wipe((char *)(uintptr_t)request.url.p, request.url.n);
    return code;
  }
  put_secret(&request, secret);
  if (secret->auth && secret->auth->type == HTTP_AUTH_OAUTH1) code = sign(call, &request, secret, err);
  if (code == ERR_NONE) *ret_request = request;
  return code;
}

/* ---- for a person ---- */

static void show_body(struct buf *out, struct str body) {
  bool is_text = true;
  for (size_t i = 0; i < body.n && is_text; i++)
    is_text = (unsigned char)body.p[i] >= 0x20 ? body.p[i] != 0x7F
                                               : body.p[i] == '\n' || body.p[i] == '\r' || body.p[i] == '\t';
  if (is_text) {
    buf_append_str(out, body);
    buf_append_byte(out, '\n');
  } else {
    buf_printf(out, "[%zu bytes that are no text]\n", body.n);
  }
}

enum err_code http_show(struct connector_call *call, struct buf *out, struct err *err) {
  const struct http_definition *http = call->connection->connector->state;
  const struct http_tool *tool = call->tool->state;
  struct http_secret mask = {.value = STR("***")};
  if (http->n_auths > 0) mask.auth = &http->auths[0];
  if (call->credential) { /* the way that its members choose */
    struct http_secret opened;
    if (http_secret_open(&opened, call, err) == ERR_NONE) mask.auth = opened.auth;
    http_secret_close(&opened);
  }
  struct http_turn turn = {.idempotency_key = tool->idempotency.n > 0 ? STR("(a new key for each call)") : STR_NONE};
  yyjson_val *size = json_get(call->arguments, "page_size");
  if (tool->page.has_size && yyjson_is_uint(size)) turn.size = yyjson_get_uint(size);
  struct http_client_request request;
  enum err_code code = http_request_build(call, &turn, &mask, &request, err);
  if (code != ERR_NONE) return code;
  buf_printf(out, "%.*s %.*s", STR_ARG(request.method), STR_ARG(request.url));
  if (request.secret_parameter.n > 0)
    buf_printf(out, "%s%.*s=%.*s***", memchr(request.url.p, '?', request.url.n) ? "&" : "?",
               STR_ARG(request.secret_parameter), STR_ARG(request.secret_prefix));
  buf_append_byte(out, '\n');
  for (size_t i = 0; i < request.n_fields; i++)
    buf_printf(out, "%.*s: %.*s\n", STR_ARG(request.fields[i].name), STR_ARG(request.fields[i].value));
  if (request.secret_field.n > 0)
    buf_printf(out, "%.*s: %.*s***\n", STR_ARG(request.secret_field), STR_ARG(request.secret_prefix));
  if (request.has_body) {
    buf_append_byte(out, '\n');
    show_body(out, request.body);
  }
  return buf_failed(out) ? err_no_memory(err) : ERR_NONE;
}
