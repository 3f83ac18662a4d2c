/* Results and notifications of MCP servers, in the form of our client's era. Reads them once and writes them again with
 * what differs; where nothing can differ they are copied as they are. Must not know whose they are. */
#include "mcp/passed.h"

#include <string.h>

#include "base/limits.h"
#include "codec/json.h"
#include "codec/json_span.h"
#include "mcp/result.h"

static bool begins(const char *at, size_t n, struct str name) {
  return n >= name.n && memcmp(at, name.p, name.n) == 0;
}

/* Names may be written with escapes; then the whole is read. */
static bool has_escape(struct str text) {
  const char *at = text.p, *end = text.p + text.n;
  while (at < end && (at = memchr(at, '\\', (size_t)(end - at)))) {
    size_t n = (size_t)(end - at);
    if (n > 1 && at[1] == 'u') return true;
    at += n > 1 ? 2 : 1; /* over a second backslash, too */
  }
  return false;
}

/* Is there a name, behind its first quote, of what our client knows by another one? */
static bool is_renamed(const char *name, size_t n, const struct mcp_passing *passing) {
  return (passing->public_uri && begins(name, n, STR("uri\""))) ||
         (passing->public_task && begins(name, n, STR("taskId\"")));
}

/* From quote to quote: a result is mostly the text of its content, which memchr passes faster than any search. */
static bool may_copy(struct str value, const struct mcp_passing *passing) {
  const char *at = value.p, *end = value.p + value.n;
  if (!passing->public_uri && !passing->public_task) return true;
  while (at < end && (at = memchr(at, '"', (size_t)(end - at)))) {
    at++;
    if (is_renamed(at, (size_t)(end - at), passing)) return false;
  }
  return !has_escape(value);
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

static void write_ttl(struct buf *out, yyjson_val *ttl) {
  write_key(out, STR("ttlMs"));
  if (ttl)
    json_write_value(out, ttl);
  else
    buf_append_byte(out, '0');
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
  yyjson_val *ttl = json_get(root, "ttlMs");
  if (is_modern && (passing->is_cacheable || ttl)) write_ttl(out, ttl);
  if (is_modern && passing->is_cacheable)
    buf_append_c(out, ",\"cacheScope\":\"private\""); /* what one may read, another may not */
  yyjson_obj_foreach(root, i, n, key, value) {
    struct str name = json_str(key);
    if (str_eq(name, STR("_meta")) || str_eq(name, STR("resultType")) || str_eq(name, STR("cacheScope")) ||
        str_eq(name, STR("ttlMs")))
      continue;
    write_key(out, name);
    write_member(out, name, value, passing);
  }
  buf_append_byte(out, '}');
}

/* ---- the same without reading it: members are copied as they stand in the text ---- */

enum { MEMBERS_MAX = 16 };

/* What stands at the top of a result: what is ours to say, and the rest. */
struct outline {
  struct str type, meta, ttl, scope;
  struct {
    struct str name, value;
  } rest[MEMBERS_MAX];
  size_t n_rest;
};

/* Where a member of this name belongs that is ours; NULL: among the rest. */
static struct str *place_of(struct outline *outline, struct str name) {
  if (str_eq(name, STR("resultType"))) return &outline->type;
  if (str_eq(name, STR("_meta"))) return &outline->meta;
  if (str_eq(name, STR("ttlMs"))) return &outline->ttl;
  return str_eq(name, STR("cacheScope")) ? &outline->scope : NULL;
}

/* False: it has to be read. */
static bool sketch(struct str whole, const struct mcp_passing *passing, struct outline *outline) {
  struct json_span span;
  struct str name, value;
  if (!json_span_open(whole, &span)) return false;
  while (json_span_next(&span, &name, &value)) {
    struct str *place = place_of(outline, name);
    bool is_named =
        (passing->public_uri && str_eq(name, STR("uri"))) || (passing->public_task && str_eq(name, STR("taskId")));
    if (is_named || !may_copy(value, passing) || memchr(name.p, '\\', name.n)) return false;
    if (place) {
      *place = value;
    } else if (outline->n_rest == MEMBERS_MAX) {
      return false;
    } else {
      outline->rest[outline->n_rest].name = name;
      outline->rest[outline->n_rest++].value = value;
    }
  }
  if (outline->meta.p && !json_span_open(outline->meta, &span)) return false;
  return !outline->type.p || outline->type.p[0] == '"';
}

static void copy_member(struct buf *out, struct str name, struct str value) {
  mcp_result_comma(out);
  buf_append_byte(out, '"');
  buf_append_str(out, name);
  buf_append_c(out, "\":");
  buf_append_str(out, value);
}

/* False: one of its names is written with escapes, and may be any. */
static bool copy_meta(struct buf *out, struct str meta, enum mcp_era era) {
  struct json_span span;
  struct str name, value;
  size_t start = out->n;
  mcp_result_comma(out);
  buf_append_c(out, "\"_meta\":{");
  size_t empty = out->n;
  if (era == MCP_MODERN) mcp_write_server_info(out);
  for (bool is_open = meta.p && json_span_open(meta, &span); is_open && json_span_next(&span, &name, &value);) {
    if (memchr(name.p, '\\', name.n)) return false;
    if (!str_eq(name, STR(MCP_META_SERVER_INFO))) copy_member(out, name, value);
  }
  if (out->n == empty)
    out->n = start;
  else
    buf_append_byte(out, '}');
  return true;
}

/* Of either era: not a byte has to change. */
static bool is_alike(const struct outline *outline) {
  if (outline->type.p || outline->ttl.p || outline->scope.p) return false;
  if (!outline->meta.p) return true;
  return !memchr(outline->meta.p, '\\', outline->meta.n) && !json_span_get(outline->meta, STR(MCP_META_SERVER_INFO)).p;
}

/* As write_read. False: it has to be read; nothing was written. */
static bool write_copied(struct buf *out, struct str whole, const struct mcp_passing *passing) {
  struct outline outline;
  bool is_modern = passing->era == MCP_MODERN;
  size_t start = out->n;
  outline.type = outline.meta = outline.ttl = outline.scope = STR_NONE;
  outline.n_rest = 0;
  if (!sketch(whole, passing, &outline)) return false;
  if (!is_modern && is_alike(&outline)) {
    buf_append_str(out, whole);
    return true;
  }
  (void)buf_reserve(out, whole.n + 256);
  buf_append_byte(out, '{');
  if (is_modern) copy_member(out, STR("resultType"), outline.type.n > 2 ? outline.type : STR("\"complete\""));
  if (!copy_meta(out, outline.meta, passing->era)) {
    out->n = start;
    return false;
  }
  bool has_ttl = is_modern && (passing->is_cacheable || outline.ttl.p);
  if (has_ttl) copy_member(out, STR("ttlMs"), outline.ttl.p ? outline.ttl : STR("0"));
  if (is_modern && passing->is_cacheable) copy_member(out, STR("cacheScope"), STR("\"private\""));
  for (size_t i = 0; i < outline.n_rest; i++)
    copy_member(out, outline.rest[i].name, outline.rest[i].value);
  buf_append_byte(out, '}');
  return true;
}

enum err_code mcp_write_passed(struct buf *out, struct str whole, const struct mcp_passing *passing, struct err *err) {
  yyjson_doc *doc;
  if (write_copied(out, whole, passing)) return buf_failed(out) ? err_no_memory(err) : ERR_NONE;
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
