/* An answer as a tool's result: small, whole items, and a cursor for the rest. Values leave as they came: numbers keep
 * their digits. */
#include "base/limits.h"
#include "codec/base64.h"
#include "codec/json_path.h"
#include "codec/mask.h"
#include "codec/url.h"
#include "codec/utf8.h"
#include "connector/http/call.h"

enum { SLACK = 64 * KIB /* over max_result, for what is cut away again, and for the cursor */ };

static const struct http_tool *tool_of(const struct connector_call *call) {
  return call->tool->state;
}

/* What the tool gives, or less where the caller's roles say so. */
static size_t max_of(const struct connector_call *call) {
  size_t max = tool_of(call)->max_result;
  return call->max_result > 0 && call->max_result < max ? call->max_result : max;
}

/* ---- text ---- */

static struct str cut(struct connector_call *call, struct str text) {
  size_t max = max_of(call), mark = 128;
  if (text.n <= max) return text;
  struct str kept = utf8_cut(text, max > 2 * mark ? max - mark : max);
  return arena_printf(call->arena, "%.*s\n[cut here: the answer has %zu bytes, of which the first %zu are shown]",
                      STR_ARG(kept), text.n, kept.n);
}

static bool is_text(struct str body) {
  return utf8_is_valid(body) && !(body.n > 0 && memchr(body.p, '\0', body.n));
}

static void write_text(struct connector_call *call, const struct http_answer *reply) {
  struct str type = http_clean_line(call->arena, reply->response->content_type, 100);
  if (reply->body.n == 0) {
    call->result.text = arena_printf(call->arena, "Done: %d, without content.", reply->status);
  } else if (is_text(reply->body)) {
    call->result.text = cut(call, reply->body);
  } else {
    connector_fail(call, ERR_UPSTREAM, "%.*s answered %zu bytes of %.*s, which cannot be shown as text",
                   STR_ARG(call->connection->policy.name), reply->body.n,
                   STR_ARG(type.n > 0 ? type : STR("an unnamed type")));
  }
}

/* ---- files ---- */

/* "type/subtype", lower case; application/octet-stream where it is none. */
static struct str essence_of(struct arena *arena, struct str content_type) {
  struct str essence = str_trim(str_cut(&content_type, ';')), rest = essence, type = str_cut(&rest, '/');
  char *lower = arena_memdup(arena, essence.p ? essence.p : "", essence.n);
  if (!lower || !str_is_token(type) || !str_is_token(rest)) return STR("application/octet-stream");
  for (size_t i = 0; i < essence.n; i++)
    if (lower[i] >= 'A' && lower[i] <= 'Z') lower[i] = (char)(lower[i] - 'A' + 'a');
  return str_make(lower, essence.n);
}

/* Models take these as they are. Others (SVG is text that draws) are resources. */
static bool is_media(struct str type) {
  return str_eq(type, STR("image/png")) || str_eq(type, STR("image/jpeg")) || str_eq(type, STR("image/gif")) ||
         str_eq(type, STR("image/webp")) || str_starts(type, STR("audio/"));
}

static void write_base64(struct buf *out, struct str bytes) {
  buf_append_byte(out, '"');
  base64_write(out, bytes);
  buf_append_byte(out, '"');
}

static void write_resource(struct buf *out, struct connector_call *call, struct str type, struct str body) {
  buf_append_c(out, "[{\"type\":\"resource\",\"resource\":{\"uri\":\"connek://");
  url_write_encoded(out, call->connection->policy.name);
  buf_append_byte(out, '/');
  url_write_encoded(out, call->tool->name);
  buf_append_c(out, "\",\"mimeType\":");
  json_write_str(out, type);
  if (is_text(body)) {
    buf_append_c(out, ",\"text\":");
    json_write_str(out, body);
  } else {
    buf_append_c(out, ",\"blob\":");
    write_base64(out, body);
  }
  buf_append_c(out, "}}]");
}

static void write_file(struct connector_call *call, const struct http_answer *reply) {
  struct str type = essence_of(call->arena, reply->response->content_type);
  size_t max = max_of(call);
  struct buf out;
  buf_init(&out, call->arena, max + KIB);
  if (is_media(type)) {
    buf_append_c(&out, str_starts(type, STR("audio/")) ? "[{\"type\":\"audio\",\"mimeType\":"
                                                       : "[{\"type\":\"image\",\"mimeType\":");
    json_write_str(&out, type);
    buf_append_c(&out, ",\"data\":");
    write_base64(&out, reply->body);
    buf_append_c(&out, "}]");
  } else {
    write_resource(&out, call, type, reply->body);
  }
  if (buf_failed(&out)) {
    connector_fail(call, ERR_TOO_LARGE, "%.*s answered a file of %zu bytes, which is more than a result may have",
                   STR_ARG(call->connection->policy.name), reply->body.n);
    return;
  }
  call->result.content = buf_str(&out);
  call->result.text = arena_printf(call->arena, "%.*s, %zu bytes", STR_ARG(type), reply->body.n);
}

/* ---- JSON ---- */

/* ,"truncated":true,"next_cursor":"..." and the end of the object. `next` NULL: there is none. */
static void write_end(struct buf *out, struct connector_call *call, bool is_cut, const struct http_page_state *next) {
  struct str cursor = next ? http_page_seal(call, next) : STR_NONE;
  if (is_cut || (next && !cursor.p)) buf_append_c(out, ",\"truncated\":true");
  if (cursor.p) {
    buf_append_c(out, ",\"next_cursor\":");
    json_write_str(out, cursor);
  }
  buf_append_byte(out, '}');
}

static void finish(struct connector_call *call, const struct buf *out) {
  if (buf_failed(out)) {
    connector_fail(call, ERR_NO_MEMORY, "Out of memory.");
    return;
  }
  call->result.text = call->result.structured = buf_str(out);
}

/* More than a result may have, from `from` on? */
static bool is_over(const struct connector_call *call, const struct buf *out, size_t from) {
  return buf_failed(out) || out->n - from > max_of(call);
}

/* Back to where an item began. */
static void back_to(struct buf *out, size_t border) {
  out->n = border;
  out->has_failed = false;
}

/* Writes items from `from` on, as many as fit; returns the index of the first that did not. One that fits no result is
 * told instead of shown, or nothing behind it could ever be reached. */
static size_t write_items(struct buf *out, const struct connector_call *call, yyjson_val *list, size_t from) {
  size_t i, n, first = out->n;
  yyjson_val *item;
  yyjson_arr_foreach(list, i, n, item) {
    if (i < from) continue;
    size_t border = out->n;
    if (border > first) buf_append_byte(out, ',');
    mask_write(out, tool_of(call)->keep, item);
    if (is_over(call, out, border)) {
      back_to(out, border);
      buf_append_c(out, border > first ? ",{\"truncated\":true}" : "{\"truncated\":true}");
    }
    if (!is_over(call, out, first)) continue;
    back_to(out, border);
    return i;
  }
  return n;
}

/* `rest` is what comes after the page; NULL: nothing. */
static void write_list(struct connector_call *call, const struct http_page_state *page, yyjson_val *list,
                       const struct http_page_state *rest) {
  struct buf out;
  buf_init(&out, call->arena, max_of(call) + SLACK);
  buf_append_c(&out, "{\"items\":[");
  size_t n = yyjson_arr_size(list);
  size_t from = page->skip < n ? (size_t)page->skip : n;
  size_t end = write_items(&out, call, list, from);
  buf_append_byte(&out, ']');
  struct http_page_state inside;
  if (end < n) http_page_rest(call, page, list, end, &inside);
  bool may_go_on = call->tool->has_pages && end < n;
  write_end(&out, call, end < n, may_go_on ? &inside : end < n ? NULL : rest);
  finish(call, &out);
}

static void write_value(struct connector_call *call, yyjson_val *value, const struct http_page_state *rest) {
  bool is_plain = yyjson_is_obj(value) && !call->tool->has_pages;
  struct buf out;
  buf_init(&out, call->arena, LIMIT_UPSTREAM_BODY + SLACK);
  if (!is_plain) buf_append_c(&out, "{\"result\":");
  size_t from = out.n;
  mask_write(&out, tool_of(call)->keep, value);
  size_t end = out.n;
  if (!is_plain) write_end(&out, call, false, rest);
  finish(call, &out);
  if (call->result.is_error || end - from <= max_of(call)) return;
  call->result.text = cut(call, str_make(out.p + from, end - from)); /* half an object is no structure */
  call->result.structured = STR_NONE;
}

/* Nothing of it is changed, and it is one line: a stream of events could not carry more. */
static bool is_verbatim(const struct connector_call *call, const struct http_answer *reply) {
  const struct http_tool *tool = tool_of(call);
  struct str body = reply->body;
  return yyjson_is_obj(reply->root) && !tool->keep && !tool->items && !tool->result && !call->tool->has_pages &&
         body.n <= max_of(call) && !memchr(body.p, '\n', body.n) && !memchr(body.p, '\r', body.n);
}

static void write_json(struct connector_call *call, const struct http_page_state *page,
                       const struct http_answer *reply) {
  const struct http_tool *tool = tool_of(call);
  if (is_verbatim(call, reply)) {
    call->result.text = call->result.structured = reply->body;
    return;
  }
  yyjson_val *items = tool->items ? json_path_get(tool->items, reply->root) : reply->root;
  yyjson_val *value = tool->result ? json_path_get(tool->result, reply->root) : items;
  struct http_page_state next;
  bool has_next = call->tool->has_pages && http_page_next(call, page, reply, items, &next);
  /* Services leave empty lists out, or say null. */
  bool is_list = yyjson_is_arr(value) || (tool->items && !tool->result && (!value || yyjson_is_null(value)));
  if (is_list) {
    write_list(call, page, value, has_next ? &next : NULL);
  } else if (value) {
    write_value(call, value, has_next ? &next : NULL);
  } else {
    connector_fail(call, ERR_UPSTREAM, "%.*s answered without what the manifest calls the result",
                   STR_ARG(call->connection->policy.name));
  }
}

void http_result_write(struct connector_call *call, const struct http_page_state *page,
                       const struct http_answer *reply) {
  call->result = (struct connector_result){0};
  if (tool_of(call)->is_binary && reply->body.n > 0) {
    write_file(call, reply);
  } else if (reply->root) {
    write_json(call, page, reply);
  } else {
    write_text(call, reply);
  }
  if (!call->result.text.p && !call->result.is_error) connector_fail(call, ERR_NO_MEMORY, "Out of memory.");
}
