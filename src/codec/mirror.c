/* What tools' schemas say of header fields. Must not know requests, nor whose the schema is. */
#include "codec/mirror.h"

#include "base/limits.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "codec/utf8.h"

enum { NAME_MAX_BYTES = 128 };

#define MARK "x-mcp-header"

static const struct str opening = {"=?base64?", 9}, closing = {"?=", 2};

/* ---- values ---- */

/* Visible ASCII, space and tab. */
static bool is_plain(struct str value) {
  for (size_t i = 0; i < value.n; i++) {
    unsigned char c = (unsigned char)value.p[i];
    if ((c < ' ' && c != '\t') || c > '~') return false;
  }
  return true;
}

static bool is_wrapped(struct str value) {
  return value.n >= opening.n + closing.n && str_starts(value, opening) && str_ends(value, closing);
}

struct str mirror_encode(struct arena *arena, struct str value) {
  if (value.n > 0 && is_plain(value) && str_trim(value).n == value.n && !is_wrapped(value)) return value;
  struct buf out;
  buf_init(&out, arena, LIMIT_HTTP_HEADER_BYTES * 2);
  buf_append_str(&out, opening);
  base64_write(&out, value);
  buf_append_str(&out, closing);
  return buf_failed(&out) ? STR_NONE : buf_str(&out);
}

bool mirror_decode(struct arena *arena, struct str value, struct str *ret_text) {
  struct str text = value;
  if (is_wrapped(value)) {
    struct str inner = str_make(value.p + opening.n, value.n - opening.n - closing.n);
    if (!base64_read(arena, inner, &text) || !utf8_is_valid(text)) return false;
  } else if (!is_plain(value)) {
    return false;
  }
  *ret_text = text;
  return true;
}

/* STR_NONE: there is nothing that a field could say. False: no memory. */
static bool text_of(struct arena *arena, yyjson_val *value, struct str *ret_text) {
  struct buf out;
  *ret_text = STR_NONE;
  if (yyjson_is_str(value)) *ret_text = json_str(value);
  if (yyjson_is_bool(value)) *ret_text = yyjson_get_bool(value) ? STR("true") : STR("false");
  if (yyjson_is_raw(value)) *ret_text = str_make(yyjson_get_raw(value), yyjson_get_len(value));
  if (!yyjson_is_num(value)) return true;
  buf_init(&out, arena, KIB);
  json_write_value(&out, value);
  if (!buf_failed(&out)) *ret_text = buf_str(&out);
  return !buf_failed(&out);
}

/* ---- arguments ---- */

static bool walk(yyjson_val *schema, yyjson_val *arguments,
                 bool (*each)(void *context, struct str header, yyjson_val *value), void *context, unsigned depth) {
  size_t i, n;
  yyjson_val *key, *property, *properties = json_get(schema, "properties");
  if (depth > LIMIT_JSON_DEPTH || !yyjson_is_obj(properties)) return true;
  yyjson_obj_foreach(properties, i, n, key, property) {
    struct str header = json_get_str(property, MARK);
    yyjson_val *value = yyjson_obj_getn(arguments, yyjson_get_str(key), yyjson_get_len(key));
    bool is_marked = header.n <= NAME_MAX_BYTES && str_is_token(header);
    if (is_marked && !each(context, header, value)) return false;
    if (!walk(property, value, each, context, depth + 1)) return false;
  }
  return true;
}

bool mirror_each(yyjson_val *input_schema, yyjson_val *arguments,
                 bool (*each)(void *context, struct str header, yyjson_val *value), void *context) {
  return walk(input_schema, arguments, each, context, 0);
}

struct writing {
  struct arena *arena;
  struct mirror_field *fields;
  size_t n;
  struct err *err;
};

static bool write_one(void *context, struct str header, yyjson_val *value) {
  struct writing *writing = context;
  struct str text;
  if (!text_of(writing->arena, value, &text)) {
    err_no_memory(writing->err);
    return false;
  }
  if (!text.p) return true;
  if (!writing->fields) writing->fields = arena_new_n(writing->arena, struct mirror_field, MIRROR_MAX);
  struct mirror_field field = {arena_printf(writing->arena, "Mcp-Param-%.*s", STR_ARG(header)),
                               mirror_encode(writing->arena, text)};
  if (writing->n == MIRROR_MAX || text.n > LIMIT_HTTP_HEADER_BYTES) {
    err_set(writing->err, ERR_TOO_LARGE, "the tool asks for more in header fields than a call may have there");
    return false;
  }
  if (!writing->fields || !field.name.p || !field.value.p) {
    err_no_memory(writing->err);
    return false;
  }
  writing->fields[writing->n++] = field;
  return true;
}

enum err_code mirror_write(struct arena *arena, yyjson_val *input_schema, yyjson_val *arguments,
                           const struct mirror_field **ret_fields, size_t *ret_n, struct err *err) {
  struct err own;
  struct writing writing = {.arena = arena, .err = err ? err : &own};
  if (!mirror_each(input_schema, arguments, write_one, &writing)) return writing.err->code;
  *ret_fields = writing.fields;
  *ret_n = writing.n;
  return ERR_NONE;
}

/* ---- schemas ---- */

struct check {
  struct str names[MIRROR_MAX];
  size_t n;
  struct err *err;
};

static enum err_code check_schema(struct check *check, yyjson_val *schema, struct str argument, bool is_reachable,
                                  unsigned depth);

static enum err_code fail(struct check *check, struct str argument, const char *what) {
  struct str cut = utf8_cut(argument, 64);
  return err_set(check->err, ERR_INVALID, "the " MARK " of \"%.*s\" %s", STR_ARG(cut), what);
}

static enum err_code check_mark(struct check *check, yyjson_val *schema, struct str argument, bool is_reachable) {
  yyjson_val *mark = json_get(schema, MARK);
  struct str name = json_str(mark), type = json_get_str(schema, "type");
  if (!mark) return ERR_NONE;
  if (!is_reachable) return fail(check, argument, "stands where no argument is found by properties alone");
  if (name.n == 0) return fail(check, argument, "is not a text, or empty");
  if (name.n > NAME_MAX_BYTES || !str_is_token(name)) return fail(check, argument, "is no name of a header field");
  if (!str_eq_c(type, "string") && !str_eq_c(type, "integer") && !str_eq_c(type, "boolean"))
    return fail(check, argument, "is on what is neither a string nor an integer nor a boolean");
  for (size_t i = 0; i < check->n; i++)
    if (str_eq_fold(check->names[i], name)) return fail(check, argument, "is another argument's already");
  if (check->n == MIRROR_MAX) return fail(check, argument, "is one more than a call has room for");
  check->names[check->n++] = name;
  return ERR_NONE;
}

/* Where a schema holds others (JSON Schema 2020-12, and what was before it). */
static const struct {
  const char *keyword;
  enum { ONE_OR_LIST, BY_NAME, PROPERTIES } form;
} places[] = {{"properties", PROPERTIES},
              {"patternProperties", BY_NAME},
              {"dependentSchemas", BY_NAME},
              {"$defs", BY_NAME},
              {"definitions", BY_NAME},
              {"items", ONE_OR_LIST},
              {"prefixItems", ONE_OR_LIST},
              {"additionalItems", ONE_OR_LIST},
              {"contains", ONE_OR_LIST},
              {"additionalProperties", ONE_OR_LIST},
              {"unevaluatedItems", ONE_OR_LIST},
              {"unevaluatedProperties", ONE_OR_LIST},
              {"propertyNames", ONE_OR_LIST},
              {"allOf", ONE_OR_LIST},
              {"anyOf", ONE_OR_LIST},
              {"oneOf", ONE_OR_LIST},
              {"not", ONE_OR_LIST},
              {"if", ONE_OR_LIST},
              {"then", ONE_OR_LIST},
              {"else", ONE_OR_LIST}};

static enum err_code check_place(struct check *check, yyjson_val *value, size_t place, struct str argument,
                                 bool is_reachable, unsigned depth) {
  enum err_code code = ERR_NONE;
  size_t i, n;
  yyjson_val *key, *item;
  bool is_named = places[place].form != ONE_OR_LIST, leads_on = is_reachable && places[place].form == PROPERTIES;
  if (is_named && yyjson_is_obj(value)) {
    yyjson_obj_foreach(value, i, n, key, item) {
      if (code == ERR_NONE) code = check_schema(check, item, json_str(key), leads_on, depth);
    }
  } else if (!is_named && yyjson_is_arr(value)) {
    yyjson_arr_foreach(value, i, n, item) {
      if (code == ERR_NONE) code = check_schema(check, item, argument, false, depth);
    }
  } else if (!is_named) {
    code = check_schema(check, value, argument, false, depth);
  }
  return code;
}

static enum err_code check_schema(struct check *check, yyjson_val *schema, struct str argument, bool is_reachable,
                                  unsigned depth) {
  if (!yyjson_is_obj(schema) || depth > LIMIT_JSON_DEPTH) return ERR_NONE;
  enum err_code code = check_mark(check, schema, argument, is_reachable && depth > 0);
  for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && code == ERR_NONE; i++) {
    yyjson_val *value = json_get(schema, places[i].keyword);
    if (value) code = check_place(check, value, i, argument, is_reachable, depth + 1);
  }
  return code;
}

enum err_code mirror_check(yyjson_val *input_schema, struct err *err) {
  struct err own;
  struct check check = {.err = err ? err : &own};
  return check_schema(&check, input_schema, STR("inputSchema"), true, 0);
}
