/* Values of fields that repeat a message, written as MCP's clients have to. Must know nothing of where they go. */
#include "cli/remote_field.h"

#include "base/limits.h"
#include "codec/base64.h"
#include "mcp/envelope.h"
#include "net/http_client.h"

enum { PARAMS_MAX = 32 };

static bool is_plain(struct str value) {
  if (value.n == 0 || str_trim(value).n != value.n) return false;
  if (str_starts(value, STR("=?base64?")) && str_ends(value, STR("?="))) return false;
  for (size_t i = 0; i < value.n; i++) {
    unsigned char c = (unsigned char)value.p[i];
    if ((c < 0x20 && c != '\t') || c > 0x7E) return false;
  }
  return true;
}

struct str remote_field_value(struct arena *arena, struct str value) {
  if (is_plain(value)) return value;
  struct buf out;
  buf_init(&out, arena, LIMIT_HTTP_HEADER_BYTES * 2);
  buf_append_c(&out, "=?base64?");
  base64_write(&out, value);
  buf_append_c(&out, "?=");
  return buf_failed(&out) ? STR_NONE : buf_str(&out);
}

struct str remote_field_name(const struct jsonrpc_message *message) {
  const char *member = mcp_named_member(message->method);
  return member ? json_get_str(message->params, member) : STR_NONE;
}

struct writer {
  struct arena *arena;
  struct http_field *fields;
  size_t n;
  bool has_failed;
};

/* STR_NONE: there is nothing that a field could say, or no memory. */
static struct str text_of(struct arena *arena, yyjson_val *value) {
  if (yyjson_is_str(value)) return json_str(value);
  if (yyjson_is_bool(value)) return yyjson_get_bool(value) ? STR("true") : STR("false");
  if (!yyjson_is_num(value)) return STR_NONE;
  struct buf out;
  buf_init(&out, arena, KIB);
  json_write_value(&out, value);
  return buf_failed(&out) ? STR_NONE : buf_str(&out);
}

static void walk(struct writer *writer, yyjson_val *schema, yyjson_val *arguments, unsigned depth) {
  size_t i, n;
  yyjson_val *key, *property;
  yyjson_val *properties = json_get(schema, "properties");
  if (depth > LIMIT_JSON_DEPTH || !properties) return;
  yyjson_obj_foreach(properties, i, n, key, property) {
    struct str header = json_get_str(property, "x-mcp-header");
    yyjson_val *value = yyjson_obj_getn(arguments, yyjson_get_str(key), yyjson_get_len(key));
    struct str text = value && http_client_is_token(header) ? text_of(writer->arena, value) : STR_NONE;
    if (text.p && writer->n < PARAMS_MAX) {
      struct http_field field = {arena_printf(writer->arena, "Mcp-Param-%.*s", STR_ARG(header)),
                                 remote_field_value(writer->arena, text)};
      writer->has_failed |= !field.name.p || !field.value.p;
      writer->fields[writer->n++] = field;
    }
    if (value) walk(writer, property, value, depth + 1);
  }
}

bool remote_param_fields(struct arena *arena, yyjson_val *input_schema, yyjson_val *arguments,
                         const struct http_field **ret_fields, size_t *ret_n) {
  struct writer writer = {.arena = arena, .fields = arena_new_n(arena, struct http_field, PARAMS_MAX)};
  if (!writer.fields) return false;
  walk(&writer, input_schema, arguments, 0);
  if (writer.has_failed) return false;
  *ret_fields = writer.fields;
  *ret_n = writer.n;
  return true;
}
