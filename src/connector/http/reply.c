/* An upstream's reply as a tool's result. The upstream is not trusted: its JSON passes json_read, its text must be
 * UTF-8, all of it has a cap, and should it repeat the credential it was called with, that is blotted out. */
#include "base/limits.h"
#include "codec/utf8.h"
#include "connector/http/http.h"

enum { MESSAGE_MAX = 500, SHORTEST_KEY = 8 /* a shorter one may be any word */ };

static bool is_json_type(struct str type) {
  struct str essence = str_trim(str_cut(&type, ';'));
  return str_eq_fold(essence, STR("application/json")) || str_eq_fold(essence, STR("text/json")) ||
         (essence.n > 5 && str_eq_fold(str_make(essence.p + essence.n - 5, 5), STR("+json")));
}

/* The text with every `key` in it replaced; itself where there is none. NULL slice: no memory. */
static struct str blot_out(struct arena *arena, struct str text, struct str key) {
  static const char blot[] = "[credential removed]";
  if (key.n < SHORTEST_KEY || text.n == 0 || !memmem(text.p, text.n, key.p, key.n)) return text;
  struct buf out;
  buf_init(&out, arena, text.n * sizeof(blot));
  while (text.n > 0) {
    const char *found = memmem(text.p, text.n, key.p, key.n);
    size_t before = found ? (size_t)(found - text.p) : text.n;
    buf_append(&out, text.p, before);
    if (!found) break;
    buf_append_c(&out, blot);
    text = str_make(found + key.n, text.n - before - key.n);
  }
  return buf_failed(&out) ? STR_NONE : buf_str(&out);
}

static struct str trim_space(struct str text) {
  while (text.n > 0 && (unsigned char)text.p[0] <= ' ')
    text = str_make(text.p + 1, text.n - 1);
  while (text.n > 0 && (unsigned char)text.p[text.n - 1] <= ' ')
    text.n--;
  return text;
}

/* ---- errors ---- */

/* Where services put what went wrong, the most telling first. */
static struct str message_in(yyjson_val *value, unsigned depth) {
  static const char *const names[] = {"message", "error_description", "detail", "title",  "Message",
                                      "Detail",  "error_message",     "msg",    "reason", "description"};
  static const char *const inner[] = {"error", "errors", "Error", "fault"};
  if (yyjson_is_str(value)) return json_str(value);
  if (depth == 0) return STR_NONE;
  if (yyjson_is_arr(value)) return message_in(yyjson_arr_get_first(value), depth - 1);
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    struct str text = json_get_str(value, names[i]);
    if (text.n > 0) return text;
  }
  for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++) {
    struct str text = message_in(json_get(value, inner[i]), depth - 1);
    if (text.n > 0) return text;
  }
  return STR_NONE;
}

/* One line, no control characters, at most MESSAGE_MAX bytes. */
static struct str clean_line(struct arena *arena, struct str text) {
  text = utf8_cut(trim_space(text), MESSAGE_MAX);
  char *line = arena_memdup(arena, text.p ? text.p : "", text.n);
  if (!line || !utf8_is_valid(text)) return STR_NONE;
  for (size_t i = 0; i < text.n; i++)
    if ((unsigned char)line[i] < ' ' || line[i] == 0x7F) line[i] = ' ';
  return str_make(line, text.n);
}

static struct str error_message(struct connector_call *call, const struct http_client_response *response,
                                struct str body) {
  yyjson_doc *doc;
  struct err err;
  if (json_read(call->arena, body, &doc, &err) == ERR_NONE)
    return clean_line(call->arena, message_in(yyjson_doc_get_root(doc), 3));
  struct str type = response->content_type;
  bool is_plain = str_eq_fold(str_trim(str_cut(&type, ';')), STR("text/plain"));
  return is_plain ? clean_line(call->arena, body) : STR_NONE; /* an HTML page tells a model nothing */
}

static void read_error(struct connector_call *call, const struct http_client_response *response, struct str body) {
  struct str name = call->connection->policy.name, message = error_message(call, response, body);
  const char *reason = http_status_reason(response->status);
  enum err_code code = response->status == 429 ? ERR_LIMITED : ERR_UPSTREAM;
  const char *hint = "";
  if (response->status == 401 || response->status == 403)
    hint = " (the connection's credential does not allow it)";
  else if (response->status >= 300 && response->status < 400)
    hint = " (redirects are not followed)";
  connector_fail(call, code, "%.*s answered %d%s%s%s%s%.*s", STR_ARG(name), response->status, reason[0] ? " " : "",
                 reason, hint, message.n > 0 ? ": " : "", STR_ARG(message));
}

/* ---- results ---- */

static struct str cut(struct arena *arena, struct str text) {
  if (text.n <= LIMIT_RESULT) return text;
  struct str kept = utf8_cut(text, LIMIT_RESULT - 128);
  return arena_printf(arena, "%.*s\n[cut here: the answer has %zu bytes, of which the first %zu are shown]",
                      STR_ARG(kept), text.n, kept.n);
}

/* An object stands as it came, unless it has line ends, which a stream of events could not carry. */
static struct str structure(struct arena *arena, yyjson_val *root, struct str body) {
  if (yyjson_is_obj(root) && !memchr(body.p, '\n', body.n) && !memchr(body.p, '\r', body.n)) return body;
  struct buf out;
  buf_init(&out, arena, LIMIT_RESULT + 16);
  if (!yyjson_is_obj(root)) buf_append_c(&out, "{\"result\":");
  json_write_value(&out, root);
  if (!yyjson_is_obj(root)) buf_append_byte(&out, '}');
  return buf_failed(&out) ? STR_NONE : buf_str(&out);
}

static void read_json(struct connector_call *call, yyjson_val *root, struct str body) {
  call->result.text = cut(call->arena, body);
  if (body.n <= LIMIT_RESULT) call->result.structured = structure(call->arena, root, body);
}

static void read_success(struct connector_call *call, const struct http_client_response *response, struct str body) {
  struct str name = call->connection->policy.name;
  struct err err;
  yyjson_doc *doc;
  body = trim_space(body);
  if (body.n == 0) {
    call->result.text = arena_printf(call->arena, "Done: %d, without content.", response->status);
    return;
  }
  bool is_json = is_json_type(response->content_type);
  enum err_code code =
      is_json || response->content_type.n == 0 ? json_read(call->arena, body, &doc, &err) : ERR_INVALID;
  if (code == ERR_NONE) {
    read_json(call, yyjson_doc_get_root(doc), body);
  } else if (is_json) {
    connector_fail(call, ERR_UPSTREAM, "%.*s answered what is not valid JSON: %s", STR_ARG(name), err.text);
  } else if (utf8_is_valid(body) && !memchr(body.p, '\0', body.n)) {
    call->result.text = cut(call->arena, body);
  } else {
    struct str type = clean_line(call->arena, response->content_type);
    connector_fail(call, ERR_UPSTREAM, "%.*s answered %zu bytes of %.*s, which cannot be shown as text", STR_ARG(name),
                   body.n, STR_ARG(type.n > 0 ? type : STR("an unnamed type")));
  }
}

void http_reply_read(struct connector_call *call, const struct http_client_response *response, struct str key) {
  call->result = (struct connector_result){0};
  struct str body = blot_out(call->arena, response->body, key);
  if (!body.p && response->body.n > 0) {
    connector_fail(call, ERR_NO_MEMORY, "Out of memory.");
  } else if (response->status >= 200 && response->status < 300) {
    read_success(call, response, body);
  } else {
    read_error(call, response, body);
  }
  if (!call->result.text.p && !call->result.is_error) connector_fail(call, ERR_NO_MEMORY, "Out of memory.");
}
