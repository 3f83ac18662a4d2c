/* Results and notifications of MCP servers, in the form of our client's era. Reads them once and writes them again with
 * what differs; where nothing can differ they are copied as they are. Must not know whose they are. */
#include "mcp/passed.h"

#include <string.h>

#include "base/limits.h"
#include "codec/json.h"
#include "mcp/result.h"

static bool begins(const char *at, size_t n, struct str name) {
  return n >= name.n && memcmp(at, name.p, name.n) == 0;
}

/* Names may be written with escapes; then the whole is read. */
static bool has_escaped_name(struct str text) {
  const char *at = text.p, *end = text.p + text.n;
  while (at < end && (at = memchr(at, '\\', (size_t)(end - at)))) {
    size_t n = (size_t)(end - at);
    if ((n > 1 && at[1] == 'u') || begins(at, n, STR("\\/serverInfo\""))) return true; /* as PHP writes it */
    at += n > 1 ? 2 : 1; /* over a second backslash, too */
  }
  return false;
}

/* Is there a name, behind its first quote, that `passing` has written otherwise? */
static bool is_changed(const char *name, size_t n, const struct mcp_passing *passing) {
  switch (n > 0 ? name[0] : '\0') {
    case 'r':
      return begins(name, n, STR("resultType\""));
    case 'c':
      return begins(name, n, STR("cacheScope\""));
    case 't':
      return begins(name, n, STR("ttlMs\"")) || (passing->public_task && begins(name, n, STR("taskId\"")));
    case 'u':
      return passing->public_uri && begins(name, n, STR("uri\""));
    case '_':
      return passing->era == MCP_MODERN && begins(name, n, STR("_meta\""));
    case 'i':
      return begins(name, n, STR(MCP_META_SERVER_INFO "\""));
    default:
      return false;
  }
}

/* From quote to quote: a result is mostly the text of its content, which memchr passes faster than any search. */
static bool may_copy(struct str whole, const struct mcp_passing *passing) {
  const char *at = whole.p, *end = whole.p + whole.n;
  while (at < end && (at = memchr(at, '"', (size_t)(end - at)))) {
    at++;
    if (is_changed(at, (size_t)(end - at), passing)) return false;
  }
  return !has_escaped_name(whole);
}

static void write_key(struct buf *out, struct str key) {
  mcp_result_comma(out);
  json_write_str(out, key);
  buf_append_byte(out, ':');
}

static void write_renamed(struct buf *out, yyjson_val *value, struct str (*rename)(void *, struct str), void *context) {
  if (!rename || !yyjson_is_str(value)) {
    json_write_value(out, value);
    return;
  }
  struct str renamed = rename(context, json_str(value));
  if (!renamed.p)
    out->has_failed = true;
  else
    json_write_str(out, renamed);
}

typedef void (*write_element)(struct buf *out, yyjson_val *element, const struct mcp_passing *passing);

/* An object as it is, but for one member. */
static void write_but(struct buf *out, yyjson_val *object, const char *member, write_element write,
                      const struct mcp_passing *passing) {
  size_t i, n;
  yyjson_val *key, *value;
  buf_append_byte(out, '{');
  yyjson_obj_foreach(object, i, n, key, value) {
    if (i) buf_append_byte(out, ',');
    json_write_value(out, key);
    buf_append_byte(out, ':');
    if (str_eq_c(json_str(key), member))
      write(out, value, passing);
    else
      json_write_value(out, value);
  }
  buf_append_byte(out, '}');
}

static void write_uri(struct buf *out, yyjson_val *uri, const struct mcp_passing *passing) {
  write_renamed(out, uri, passing->public_uri, passing->context);
}

static void write_task_id(struct buf *out, yyjson_val *id, const struct mcp_passing *passing) {
  write_renamed(out, id, passing->public_task, passing->context);
}

/* A resource: a link, or contents. */
static void write_named(struct buf *out, yyjson_val *resource, const struct mcp_passing *passing) {
  if (yyjson_is_obj(resource))
    write_but(out, resource, "uri", write_uri, passing);
  else
    json_write_value(out, resource);
}

/* A task: what a call begins (2025-11-25), or belongs to. */
static void write_task(struct buf *out, yyjson_val *task, const struct mcp_passing *passing) {
  write_but(out, task, "taskId", write_task_id, passing);
}

void mcp_write_meta_value(struct buf *out, struct str name, yyjson_val *value, const struct mcp_passing *passing) {
  if (passing->public_task && yyjson_is_obj(value) && str_eq(name, STR(MCP_META_RELATED_TASK)))
    write_task(out, value, passing);
  else
    json_write_value(out, value);
}

/* A block of content: {"type":"resource_link","uri"}, {"type":"resource","resource":{"uri"}}, or any other. */
static void write_block(struct buf *out, yyjson_val *block, const struct mcp_passing *passing) {
  struct str type = json_get_str(block, "type");
  if (str_eq(type, STR("resource_link")))
    write_named(out, block, passing);
  else if (str_eq(type, STR("resource")))
    write_but(out, block, "resource", write_named, passing);
  else
    json_write_value(out, block);
}

/* An array of such things, or one of them. */
static void write_all(struct buf *out, yyjson_val *value, const struct mcp_passing *passing, write_element write) {
  size_t i, n;
  yyjson_val *element;
  if (yyjson_is_obj(value)) {
    write(out, value, passing);
    return;
  }
  if (!yyjson_is_arr(value)) {
    json_write_value(out, value);
    return;
  }
  buf_append_byte(out, '[');
  yyjson_arr_foreach(value, i, n, element) {
    if (i) buf_append_byte(out, ',');
    if (yyjson_is_obj(element))
      write(out, element, passing);
    else
      json_write_value(out, element);
  }
  buf_append_byte(out, ']');
}

static void write_content(struct buf *out, yyjson_val *content, const struct mcp_passing *passing) {
  write_all(out, content, passing, write_block);
}

/* A message of a prompt, or the result that a task ended with. */
static void write_message(struct buf *out, yyjson_val *message, const struct mcp_passing *passing) {
  write_but(out, message, "content", write_content, passing);
}

static void write_member(struct buf *out, struct str name, yyjson_val *value, const struct mcp_passing *passing) {
  if (str_eq(name, STR("content")))
    write_content(out, value, passing);
  else if (str_eq(name, STR("contents")))
    write_all(out, value, passing, write_named);
  else if (str_eq(name, STR("messages")))
    write_all(out, value, passing, write_message);
  else if (str_eq(name, STR("result")) && yyjson_is_obj(value))
    write_message(out, value, passing);
  else if (str_eq(name, STR("task")) && passing->public_task && yyjson_is_obj(value))
    write_task(out, value, passing);
  else if (str_eq(name, STR("taskId")))
    write_task_id(out, value, passing);
  else if (str_eq(name, STR("uri")))
    write_uri(out, value, passing);
  else
    json_write_value(out, value);
}

/* yyjson's own loop counts on from a NULL, which no pointer may. */
static yyjson_val *object_or_empty(yyjson_val *object) {
  static yyjson_val empty[2] = {{.tag = YYJSON_TYPE_OBJ}};
  return object ? object : empty;
}

/* What the server says of itself is for us; who reads this knows us. */
static void write_meta(struct buf *out, yyjson_val *meta, const struct mcp_passing *passing) {
  size_t i, n, n_kept = 0;
  yyjson_val *key, *value;
  yyjson_obj_foreach(meta, i, n, key, value) n_kept += !str_eq(json_str(key), STR(MCP_META_SERVER_INFO));
  if (passing->era == MCP_LEGACY && !n_kept) return;
  write_key(out, STR("_meta"));
  buf_append_byte(out, '{');
  if (passing->era == MCP_MODERN) mcp_write_server_info(out);
  yyjson_obj_foreach(meta, i, n, key, value) {
    if (str_eq(json_str(key), STR(MCP_META_SERVER_INFO))) continue;
    write_key(out, json_str(key));
    mcp_write_meta_value(out, json_str(key), value, passing);
  }
  buf_append_byte(out, '}');
}

static void write_cache_hints(struct buf *out, yyjson_val *ttl) {
  write_key(out, STR("ttlMs"));
  if (ttl)
    json_write_value(out, ttl);
  else
    buf_append_byte(out, '0');
  buf_append_c(out, ",\"cacheScope\":\"private\""); /* what one may read, another may not */
}

static void write_read(struct buf *out, yyjson_val *root, const struct mcp_passing *passing) {
  bool is_modern = passing->era == MCP_MODERN;
  struct str type = json_get_str(root, "resultType");
  size_t i, n;
  yyjson_val *key, *value;
  buf_append_byte(out, '{');
  if (is_modern) {
    write_key(out, STR("resultType"));
    json_write_str(out, type.n ? type : STR("complete"));
  }
  write_meta(out, object_or_empty(json_get(root, "_meta")), passing);
  if (is_modern && passing->is_cacheable) write_cache_hints(out, json_get(root, "ttlMs"));
  yyjson_obj_foreach(root, i, n, key, value) {
    struct str name = json_str(key);
    if (str_eq(name, STR("_meta")) || str_eq(name, STR("resultType")) || str_eq(name, STR("cacheScope"))) continue;
    if (str_eq(name, STR("ttlMs")) && !(is_modern && !passing->is_cacheable)) continue;
    write_key(out, name);
    write_member(out, name, value, passing);
  }
  buf_append_byte(out, '}');
}

enum err_code mcp_write_passed(struct buf *out, struct str whole, const struct mcp_passing *passing, struct err *err) {
  yyjson_doc *doc;
  if (whole.n >= 2 && whole.p[0] == '{' && may_copy(whole, passing)) {
    if (passing->era == MCP_LEGACY) {
      buf_append_str(out, whole);
      return buf_failed(out) ? err_no_memory(err) : ERR_NONE;
    }
    mcp_result_open(out, MCP_MODERN);
    if (passing->is_cacheable) write_cache_hints(out, NULL);
    struct str rest = str_make(whole.p + 1, whole.n - 1);
    if (!str_eq(rest, STR("}"))) buf_append_byte(out, ',');
    buf_append_str(out, rest);
    return buf_failed(out) ? err_no_memory(err) : ERR_NONE;
  }
  enum err_code code = json_read_verbatim(passing->arena, whole, &doc, err);
  if (code != ERR_NONE) return code;
  yyjson_val *root = yyjson_doc_get_root(doc);
  if (!yyjson_is_obj(root)) return err_set(err, ERR_UPSTREAM, "The result is no object");
  write_read(out, root, passing);
  return buf_failed(out) ? err_no_memory(err) : ERR_NONE;
}

static void write_tagged_meta(struct buf *out, yyjson_val *meta, const struct mcp_notification *notification) {
  struct str subscription = notification->subscription;
  size_t i, n, n_written = 0;
  yyjson_val *key, *value;
  if (!meta && !subscription.n) return;
  write_key(out, STR("_meta"));
  buf_append_byte(out, '{');
  if (subscription.n) {
    buf_append_c(out, "\"" MCP_META_SUBSCRIPTION "\":");
    buf_append_str(out, subscription);
    n_written++;
  }
  yyjson_obj_foreach(object_or_empty(meta), i, n, key, value) {
    if (str_eq(json_str(key), STR(MCP_META_SUBSCRIPTION))) continue;
    if (n_written++) buf_append_byte(out, ',');
    json_write_value(out, key);
    buf_append_byte(out, ':');
    mcp_write_meta_value(out, json_str(key), value, notification->passing);
  }
  buf_append_byte(out, '}');
}

enum err_code mcp_write_notification(struct buf *out, struct str params, const struct mcp_notification *notification,
                                     struct err *err) {
  yyjson_doc *doc;
  size_t i, n;
  yyjson_val *key, *value;
  enum err_code code = json_read_verbatim(notification->passing->arena, params.n ? params : STR("{}"), &doc, err);
  if (code != ERR_NONE) return code;
  yyjson_val *root = yyjson_doc_get_root(doc);
  if (!yyjson_is_obj(root)) return err_set(err, ERR_UPSTREAM, "A notification's params are no object");
  buf_append_c(out, "{\"jsonrpc\":\"2.0\",\"method\":");
  json_write_str(out, notification->method);
  buf_append_c(out, ",\"params\":{");
  write_tagged_meta(out, json_get(root, "_meta"), notification);
  yyjson_obj_foreach(root, i, n, key, value) {
    struct str name = json_str(key);
    if (str_eq(name, STR("_meta"))) continue;
    if (str_eq(name, STR("progressToken")) && notification->progress_token.n) continue;
    write_key(out, name);
    write_member(out, name, value, notification->passing);
  }
  if (notification->progress_token.n) {
    write_key(out, STR("progressToken"));
    buf_append_str(out, notification->progress_token);
  }
  buf_append_c(out, "}}");
  return buf_failed(out) ? err_no_memory(err) : ERR_NONE;
}
