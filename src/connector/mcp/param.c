/* What of a message stands in HTTP fields as well (2026-07-28, basic/transports/streamable-http: request metadata). */
#include "codec/base64.h"
#include "codec/utf8.h"
#include "connector/mcp/home.h"

enum { PARAMS_MAX = 32, DEPTH_MAX = 16 };

static bool is_plain(struct str value) {
  bool is_edged = value.n > 0 && (value.p[0] == ' ' || value.p[0] == '\t' || value.p[value.n - 1] == ' ' ||
                                  value.p[value.n - 1] == '\t');
  if (is_edged || (str_starts(value, STR("=?base64?")) && str_ends(value, STR("?=")))) return false;
  for (size_t i = 0; i < value.n; i++) {
    unsigned char c = (unsigned char)value.p[i];
    if ((c < 0x20 && c != '\t') || c >= 0x7f) return false;
  }
  return true;
}

struct str mcp_field_value(struct arena *arena, struct str value) {
  if (is_plain(value)) return value.n > 0 ? value : STR("");
  struct buf out;
  buf_init(&out, arena, LIMIT_HTTP_HEADER_BYTES);
  buf_append_c(&out, "=?base64?");
  base64_write(&out, value);
  buf_append_c(&out, "?=");
  return buf_failed(&out) ? STR_NONE : buf_str(&out);
}

/* Of an argument that is there; STR_NONE where it has no form in a field. */
static struct str text_of(struct arena *arena, yyjson_val *value) {
  if (yyjson_is_str(value)) return json_str(value);
  if (yyjson_is_bool(value)) return yyjson_get_bool(value) ? STR("true") : STR("false");
  if (yyjson_is_sint(value)) return arena_printf(arena, "%lld", (long long)yyjson_get_sint(value));
  if (yyjson_is_uint(value)) return arena_printf(arena, "%llu", (unsigned long long)yyjson_get_uint(value));
  if (!yyjson_is_raw(value)) return STR_NONE;
  return str_make(yyjson_get_raw(value), yyjson_get_len(value));
}

struct writer {
  struct arena *arena;
  struct http_field *fields;
  size_t n;
  bool has_failed;
};

static void param_write(struct writer *writer, struct str name, yyjson_val *value) {
  struct str text = text_of(writer->arena, value);
  if (!value || yyjson_is_null(value) || !text.p || !http_client_is_token(name)) return;
  if (!writer->fields) writer->fields = arena_new_n(writer->arena, struct http_field, PARAMS_MAX);
  struct str field_name = arena_printf(writer->arena, "Mcp-Param-%.*s", STR_ARG(name));
  struct str field_value = mcp_field_value(writer->arena, text);
  writer->has_failed |= !writer->fields || !field_name.p || !field_value.p || writer->n >= PARAMS_MAX;
  if (!writer->has_failed) writer->fields[writer->n++] = (struct http_field){field_name, field_value};
}

static void walk(struct writer *writer, yyjson_val *schema, yyjson_val *arguments, int depth) {
  size_t i, n;
  yyjson_val *key, *property;
  yyjson_val *properties = json_get(schema, "properties");
  if (depth > DEPTH_MAX || !yyjson_is_obj(arguments) || !yyjson_is_obj(properties)) return;
  yyjson_obj_foreach(properties, i, n, key, property) {
    struct str name = json_get_str(property, "x-mcp-header");
    yyjson_val *value = yyjson_obj_getn(arguments, yyjson_get_str(key), yyjson_get_len(key));
    if (name.n > 0) param_write(writer, name, value);
    if (value && json_get(property, "properties")) walk(writer, property, value, depth + 1);
  }
}

enum err_code mcp_params_write(struct arena *arena, yyjson_val *input_schema, yyjson_val *arguments,
                               const struct http_field **ret_fields, size_t *ret_n, struct err *err) {
  struct writer writer = {.arena = arena};
  walk(&writer, input_schema, arguments, 0);
  if (writer.has_failed)
    return err_set(err, ERR_TOO_LARGE, "the tool asks for more header fields than a call may have");
  *ret_fields = writer.fields;
  *ret_n = writer.n;
  return ERR_NONE;
}
