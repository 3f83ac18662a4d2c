/* Runs a compiled schema. Recursion follows the schema, whose depth was bounded when it was compiled. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "codec/schema.h"
#include "codec/schema_node.h"
#include "codec/utf8.h"

enum { SHOWN_NAME = 100, SHOWN_VALUES = 160 };

/* "filter.ids[2]", or "arguments" for the root. */
static void name_write(const struct schema_path *path, struct buf *out) {
  if (!path->parent) return;
  name_write(path->parent, out);
  if (!path->name.p) {
    buf_append_byte(out, '[');
    buf_append_u64(out, path->index);
    buf_append_byte(out, ']');
    return;
  }
  if (path->parent->parent) buf_append_byte(out, '.');
  buf_append_str(out, path->name);
}

static enum err_code fail(const struct schema_path *path, struct err *err, const char *format, ...) PRINTF_LIKE(3, 4);
static enum err_code fail(const struct schema_path *path, struct err *err, const char *format, ...) {
  if (!err) return ERR_INVALID;
  char rule[SHOWN_VALUES + 64];
  va_list args;
  va_start(args, format);
  vsnprintf(rule, sizeof(rule), format, args);
  va_end(args);
  struct buf name;
  buf_init(&name, NULL, 64 * KIB);
  name_write(path, &name);
  struct str shown = path->parent ? utf8_cut(buf_str(&name), SHOWN_NAME) : STR("arguments");
  err_set(err, ERR_INVALID, "%.*s: %s", STR_ARG(shown), rule);
  schema_place(path, err);
  buf_release(&name);
  return ERR_INVALID;
}

/* The rule's values as JSON, for its text. */
static enum err_code fail_values(const struct schema_path *path, struct err *err, const char *rule, yyjson_val *values,
                                 bool is_choice_list) {
  if (!err) return ERR_INVALID;
  struct buf out;
  buf_init(&out, NULL, 64 * KIB);
  if (is_choice_list) {
    size_t i, count;
    yyjson_val *value;
    yyjson_arr_foreach(values, i, count, value) {
      if (i > 0) buf_append_c(&out, ", ");
      json_write_value(&out, value);
    }
  } else {
    json_write_value(&out, values);
  }
  struct str shown = utf8_cut(buf_str(&out), SHOWN_VALUES);
  enum err_code code = fail(path, err, "%s %.*s%s", rule, STR_ARG(shown), shown.n < out.n ? "…" : "");
  buf_release(&out);
  return code;
}

/* Holds every double and every integer of 64 bits exactly: it has 64 bits of mantissa or more on x86-64 and arm64. */
static long double number_of(yyjson_val *value) {
  if (yyjson_is_uint(value)) return (long double)yyjson_get_uint(value);
  if (yyjson_is_sint(value)) return (long double)yyjson_get_sint(value);
  return (long double)yyjson_get_real(value);
}
_Static_assert(__LDBL_MANT_DIG__ >= 64, "long double must hold 64-bit integers");

static unsigned types_of(yyjson_val *value) {
  switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_NULL:
      return SCHEMA_NULL;
    case YYJSON_TYPE_BOOL:
      return SCHEMA_BOOLEAN;
    case YYJSON_TYPE_STR:
      return SCHEMA_STRING;
    case YYJSON_TYPE_ARR:
      return SCHEMA_ARRAY;
    case YYJSON_TYPE_OBJ:
      return SCHEMA_OBJECT;
    case YYJSON_TYPE_NUM:
      /* 2020-12, 6.1.1: a number with a zero fraction is an integer, however it is written. */
      if (yyjson_is_int(value) || trunc(yyjson_get_real(value)) == yyjson_get_real(value))
        return SCHEMA_INTEGER | SCHEMA_NUMBER;
      return SCHEMA_NUMBER;
    default:
      return 0;
  }
}

static bool is_equal(yyjson_val *a, yyjson_val *b);

static bool is_equal_array(yyjson_val *a, yyjson_val *b) {
  if (yyjson_arr_size(a) != yyjson_arr_size(b)) return false;
  yyjson_arr_iter others = yyjson_arr_iter_with(b);
  size_t i, count;
  yyjson_val *value;
  yyjson_arr_foreach(a, i, count, value) {
    if (!is_equal(value, yyjson_arr_iter_next(&others))) return false;
  }
  return true;
}

static bool is_equal_object(yyjson_val *a, yyjson_val *b) {
  if (yyjson_obj_size(a) != yyjson_obj_size(b)) return false;
  size_t i, count;
  yyjson_val *key, *value;
  yyjson_obj_foreach(a, i, count, key, value) {
    yyjson_val *other = yyjson_obj_getn(b, yyjson_get_str(key), yyjson_get_len(key));
    if (!other || !is_equal(value, other)) return false;
  }
  return true;
}

/* As JSON Schema sees it: 1 and 1.0 are equal, the order of members does not matter. Bounded by json_read's depth. */
static bool is_equal(yyjson_val *a, yyjson_val *b) {
  if (yyjson_get_type(a) != yyjson_get_type(b)) return false;
  switch (yyjson_get_type(a)) {
    case YYJSON_TYPE_BOOL:
      return yyjson_get_bool(a) == yyjson_get_bool(b);
    case YYJSON_TYPE_NUM:
      return number_of(a) == number_of(b);
    case YYJSON_TYPE_STR:
      return str_eq(json_str(a), json_str(b));
    case YYJSON_TYPE_ARR:
      return is_equal_array(a, b);
    case YYJSON_TYPE_OBJ:
      return is_equal_object(a, b);
    default:
      return true;
  }
}

static bool is_choice(yyjson_val *choices, yyjson_val *value) {
  size_t i, count;
  yyjson_val *choice;
  yyjson_arr_foreach(choices, i, count, choice) {
    if (is_equal(choice, value)) return true;
  }
  return false;
}

static enum err_code check_value(const struct schema *schema, yyjson_val *value, const struct schema_path *path,
                                 struct err *err);

static enum err_code fail_type(const struct schema *schema, const struct schema_path *path, struct err *err) {
  struct buf names;
  buf_init(&names, NULL, 256);
  for (const struct schema_type_name *known = schema_type_names; known->name; known++) {
    if (!(schema->types & known->type)) continue;
    if (names.n > 0) buf_append_c(&names, " or ");
    buf_append_c(&names, known->name);
  }
  struct str shown = buf_str(&names);
  const char *article = shown.n > 0 && memchr("aio", shown.p[0], 3) ? "an " : "a ";
  if (str_eq(shown, STR("null"))) article = "";
  enum err_code code = fail(path, err, "must be %s%.*s", article, STR_ARG(shown));
  buf_release(&names);
  return code;
}

static enum err_code check_string(const struct schema *schema, yyjson_val *value, const struct schema_path *path,
                                  struct err *err) {
  if (schema->min_length == 0 && schema->max_length == UINT64_MAX) return ERR_NONE;
  struct str text = json_str(value);
  uint64_t n = 0;
  for (size_t i = 0; i < text.n; n++)
    utf8_next(text, &i);
  if (n < schema->min_length)
    return fail(path, err, "must have at least %llu characters", (unsigned long long)schema->min_length);
  if (n > schema->max_length)
    return fail(path, err, "must have at most %llu characters", (unsigned long long)schema->max_length);
  return ERR_NONE;
}

static enum err_code check_number(const struct schema *schema, yyjson_val *value, const struct schema_path *path,
                                  struct err *err) {
  if (schema->minimum && number_of(value) < number_of(schema->minimum))
    return fail_values(path, err, "must be at least", schema->minimum, false);
  if (schema->maximum && number_of(value) > number_of(schema->maximum))
    return fail_values(path, err, "must be at most", schema->maximum, false);
  return ERR_NONE;
}

static enum err_code check_array(const struct schema *schema, yyjson_val *array, const struct schema_path *path,
                                 struct err *err) {
  size_t n = yyjson_arr_size(array);
  if (n < schema->min_items)
    return fail(path, err, "must have at least %llu items", (unsigned long long)schema->min_items);
  if (n > schema->max_items)
    return fail(path, err, "must have at most %llu items", (unsigned long long)schema->max_items);
  if (!schema->items) return ERR_NONE;
  size_t i, count;
  yyjson_val *value;
  yyjson_arr_foreach(array, i, count, value) {
    struct schema_path step = {path, STR_NONE, i};
    enum err_code code = check_value(schema->items, value, &step, err);
    if (code != ERR_NONE) return code;
  }
  return ERR_NONE;
}

static enum err_code check_object(const struct schema *schema, yyjson_val *object, const struct schema_path *path,
                                  struct err *err) {
  for (size_t i = 0; i < schema->n_properties; i++) {
    const struct schema_property *property = &schema->properties[i];
    if (!property->is_required || yyjson_obj_getn(object, property->name.p, property->name.n)) continue;
    struct schema_path step = {path, property->name, 0};
    return fail(&step, err, "is required");
  }
  if (schema->n_properties == 0 && !schema->is_closed) return ERR_NONE;
  size_t i, count;
  yyjson_val *key, *value;
  yyjson_obj_foreach(object, i, count, key, value) {
    struct schema_property wanted = {.name = json_str(key)};
    struct schema_path step = {path, wanted.name, 0};
    const struct schema_property *property = schema->n_properties == 0
                                                 ? NULL
                                                 : bsearch(&wanted, schema->properties, schema->n_properties,
                                                           sizeof(schema->properties[0]), schema_property_order);
    if ((!property || !property->schema) && schema->is_closed) return fail(&step, err, "is not known");
    if (!property || !property->schema) continue;
    enum err_code code = check_value(property->schema, value, &step, err);
    if (code != ERR_NONE) return code;
  }
  return ERR_NONE;
}

static enum err_code check_value(const struct schema *schema, yyjson_val *value, const struct schema_path *path,
                                 struct err *err) {
  if (schema->types && !(schema->types & types_of(value))) return fail_type(schema, path, err);
  if (schema->choices && !is_choice(schema->choices, value))
    return fail_values(path, err, "must be one of", schema->choices, true);
  if (schema->constant && !is_equal(schema->constant, value))
    return fail_values(path, err, "must be", schema->constant, false);
  switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_STR:
      return check_string(schema, value, path, err);
    case YYJSON_TYPE_NUM:
      return check_number(schema, value, path, err);
    case YYJSON_TYPE_ARR:
      return check_array(schema, value, path, err);
    case YYJSON_TYPE_OBJ:
      return check_object(schema, value, path, err);
    default:
      return ERR_NONE;
  }
}

enum err_code schema_check(const struct schema *schema, yyjson_val *value, struct err *err) {
  struct schema_path root = {0};
  return check_value(schema, value, &root, err);
}
