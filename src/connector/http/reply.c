/* An upstream's answer, read. It is not trusted: its JSON passes the strict reader, its text must be UTF-8, and should
 * it repeat the credential that it was called with, that is blotted out. */
#include "codec/blot.h"
#include "codec/utf8.h"
#include "connector/http/call.h"

static bool is_json_type(struct str type) {
  struct str essence = str_trim(str_cut(&type, ';'));
  return str_eq_fold(essence, STR("application/json")) || str_eq_fold(essence, STR("text/json")) ||
         (essence.n > 5 && str_eq_fold(str_make(essence.p + essence.n - 5, 5), STR("+json")));
}

static struct str blot_out_all(struct arena *arena, struct str text, const struct http_secret *secret) {
  for (size_t i = 0; i < secret->n_texts && text.p; i++)
    text = blot_out(arena, text, secret->texts[i]);
  return text;
}

/* Fields as well, where somebody will look at them. */
static enum err_code blot_out_fields(struct arena *arena, const struct http_secret *secret,
                                     const struct http_client_response *response,
                                     struct http_client_response *ret_response, struct err *err) {
  struct http_field *fields = arena_alloc(arena, response->n_fields * sizeof(*fields) + 1);
  if (!fields) return err_no_memory(err);
  for (size_t i = 0; i < response->n_fields; i++) {
    fields[i] = response->fields[i];
    fields[i].value = blot_out_all(arena, fields[i].value, secret);
    if (!fields[i].value.p && response->fields[i].value.n > 0) return err_no_memory(err);
  }
  *ret_response = *response;
  ret_response->fields = fields;
  return ERR_NONE;
}

static struct str trim_space(struct str text) {
  while (text.n > 0 && (unsigned char)text.p[0] <= ' ')
    text = str_make(text.p + 1, text.n - 1);
  while (text.n > 0 && (unsigned char)text.p[text.n - 1] <= ' ')
    text.n--;
  return text;
}

/* One line, no control characters. */
struct str http_clean_line(struct arena *arena, struct str text, size_t max) {
  text = utf8_cut(trim_space(text), max);
  if (text.n == 0 || !utf8_is_valid(text)) return STR_NONE;
  char *line = arena_memdup(arena, text.p, text.n);
  if (!line) return STR_NONE;
  for (size_t i = 0; i < text.n; i++)
    if ((unsigned char)line[i] < ' ' || line[i] == 0x7F) line[i] = ' ';
  return str_make(line, text.n);
}

static bool is_success(int status) {
  return status >= 200 && status < 300;
}

/* Errors' bodies are looked into whatever they say they are: a gateway's HTML is no JSON, and that is no news. */
static enum err_code read_json(struct connector_call *call, struct http_answer *reply, struct err *err) {
  struct str type = reply->response->content_type;
  const struct http_tool *tool = call->tool->state;
  bool is_json = is_json_type(type), is_file = tool->is_binary && (!is_json || tool->errors.n_ok == 0);
  if (reply->body.n == 0 || (is_success(reply->status) && (is_file || tool->is_text || (!is_json && type.n > 0))))
    return ERR_NONE;
  yyjson_doc *doc;
  enum err_code code = json_read_verbatim(call->arena, reply->body, &doc, err);
  if (code == ERR_NONE) reply->root = yyjson_doc_get_root(doc);
  if (code != ERR_INVALID || !is_success(reply->status) || !is_json) return code == ERR_INVALID ? ERR_NONE : code;
  err->code = ERR_UPSTREAM;
  err_prefix(err, "it answered what is not valid JSON");
  return ERR_UPSTREAM;
}

/* Go writes & as \u0026, others / as \/: what the bytes did not show, the document's strings do. */
static enum err_code blot_out_escaped(struct arena *arena, const struct http_secret *secret, struct http_answer *reply,
                                      struct err *err) {
  bool is_found = false;
  if (!reply->root || !memchr(reply->body.p, '\\', reply->body.n)) return ERR_NONE;
  for (size_t i = 0; i < secret->n_texts; i++)
    if (blot_value(reply->root, secret->texts[i])) is_found = true;
  if (!is_found) return ERR_NONE;
  struct buf out;
  buf_init(&out, arena, 6 * reply->body.n + 64);
  json_write_value(&out, reply->root);
  if (buf_failed(&out)) return err_no_memory(err);
  reply->body = buf_str(&out);
  return ERR_NONE;
}

static void read_error(struct connector_call *call, struct http_answer *reply) {
  const struct http_tool *tool = call->tool->state;
  struct str type = reply->response->content_type;
  reply->code = http_errors_code(call->arena, &tool->errors, reply->root);
  reply->message = http_errors_message(call->arena, &tool->errors, reply->root);
  /* An HTML page tells a model nothing. */
  if (!reply->root && str_eq_fold(str_trim(str_cut(&type, ';')), STR("text/plain")))
    reply->message = http_clean_line(call->arena, reply->body, 500);
}

enum err_code http_reply_read(struct connector_call *call, const struct http_client_response *response,
                              const struct http_secret *secret, struct http_answer *ret_reply, struct err *err) {
  const struct http_tool *tool = call->tool->state;
  struct http_answer reply = {.status = response->status, .response = response, .body = response->body};
  enum err_code code;
  reply.body = blot_out_all(call->arena, reply.body, secret);
  if (!reply.body.p && response->body.n > 0) return err_no_memory(err);
  if (call->watch || tool->page.by == HTTP_PAGE_LINK) {
    struct http_client_response *blotted = arena_new(call->arena, struct http_client_response);
    code = blotted ? blot_out_fields(call->arena, secret, response, blotted, err) : err_no_memory(err);
    if (code != ERR_NONE) return code;
    reply.response = blotted;
  }
  bool is_verbatim = (tool->is_binary || tool->is_text) && is_success(reply.status);
  if (!is_verbatim) reply.body = trim_space(reply.body);
  code = read_json(call, &reply, err);
  if (code == ERR_NONE) code = blot_out_escaped(call->arena, secret, &reply, err);
  if (call->watch && code != ERR_NO_MEMORY) call->watch->response(call->watch->context, reply.response, reply.body);
  if (code != ERR_NONE) return code;
  /* Nothing (204) passes every test. */
  bool has_passed = reply.body.n == 0 || http_errors_passed(&tool->errors, reply.root);
  reply.is_error = !is_success(reply.status) || !has_passed;
  if (reply.is_error) read_error(call, &reply);
  *ret_reply = reply;
  return ERR_NONE;
}

static const char *hint_of(int status) {
  if (status == 401 || status == 403) return " (the connection's credential does not allow it)";
  return status >= 300 && status < 400 ? " (redirects are not followed)" : "";
}

void http_reply_fail(struct connector_call *call, const struct http_answer *reply, struct str after) {
  struct str name = call->connection->policy.name, message = reply->message, code = reply->code;
  const char *reason = http_status_reason(reply->status);
  enum err_code error = reply->status == 429 || after.n > 0 ? ERR_LIMITED : ERR_UPSTREAM;
  struct buf out;
  buf_init(&out, call->arena, 4096);
  if (is_success(reply->status)) {
    buf_printf(&out, "%.*s refused it", STR_ARG(name));
  } else {
    buf_printf(&out, "%.*s answered %d%s%s%s", STR_ARG(name), reply->status, reason[0] ? " " : "", reason,
               hint_of(reply->status));
  }
  if (message.n > 0) buf_printf(&out, ": %.*s", STR_ARG(message));
  if (code.n > 0 && !str_eq(code, message)) buf_printf(&out, " (%.*s)", STR_ARG(code));
  if (after.n > 0) buf_printf(&out, "%s %.*s", str_ends(buf_str(&out), STR(".")) ? "" : ".", STR_ARG(after));
  if (buf_failed(&out)) {
    connector_fail(call, ERR_NO_MEMORY, "Out of memory.");
  } else {
    call->result = (struct connector_result){.is_error = true, .text = buf_str(&out), .error = error};
    call->result.is_refused = reply->status == 401;
  }
}
