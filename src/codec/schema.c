/* Compiles JSON Schemas (2020-12, the subset of the header). Must not know what the schemas describe. */
#include "codec/schema.h"

#include <stdlib.h>

#include "base/limits.h"
#include "codec/schema_node.h"

const struct schema_type_name schema_type_names[] = {
    {"boolean", SCHEMA_BOOLEAN}, {"integer", SCHEMA_INTEGER}, {"number", SCHEMA_NUMBER}, {"string", SCHEMA_STRING},
    {"array", SCHEMA_ARRAY},     {"object", SCHEMA_OBJECT},   {"null", SCHEMA_NULL},     {NULL, 0},
};

static void pointer_write(const struct schema_path *path, struct buf *out) {
  if (!path->parent) return;
  pointer_write(path->parent, out);
  buf_append_byte(out, '/');
  if (!path->name.p) buf_append_u64(out, path->index);
  for (size_t i = 0; i < path->name.n; i++) {
    if (path->name.p[i] == '~') {
      buf_append_c(out, "~0");
    } else if (path->name.p[i] == '/') {
      buf_append_c(out, "~1");
    } else {
      buf_append_byte(out, path->name.p[i]);
    }
  }
}

void schema_place(const struct schema_path *path, struct err *err) {
  if (!err) return;
  struct buf pointer;
  buf_init(&pointer, NULL, 64 * KIB);
  pointer_write(path, &pointer);
  err_place(err, "%.*s", STR_ARG(buf_str(&pointer)));
  buf_release(&pointer);
}

int schema_property_order(const void *a, const void *b) {
  return str_cmp(((const struct schema_property *)a)->name, ((const struct schema_property *)b)->name);
}

struct compiler {
  struct arena *arena;
  struct err *err;
  unsigned depth;
};

static enum err_code compile(struct compiler *compiler, yyjson_val *value, const struct schema_path *path,
                             struct schema **ret_schema);

static enum err_code refuse(struct compiler *compiler, const struct schema_path *path, const char *text) {
  err_set(compiler->err, ERR_INVALID, "%s", text);
  schema_place(path, compiler->err);
  return ERR_INVALID;
}

static unsigned type_of_name(yyjson_val *name) {
  for (const struct schema_type_name *known = schema_type_names; known->name; known++) {
    if (yyjson_equals_str(name, known->name)) return known->type;
  }
  return 0;
}

static enum err_code compile_type(struct compiler *compiler, struct schema *schema, yyjson_val *value,
                                  const struct schema_path *path) {
  size_t i, count;
  yyjson_val *name;
  bool is_list = yyjson_is_arr(value) && yyjson_arr_size(value) > 0;
  schema->types = type_of_name(value);
  yyjson_arr_foreach(value, i, count, name) {
    unsigned type = type_of_name(name);
    if (type == 0) is_list = false;
    schema->types |= type;
  }
  if (!is_list && (yyjson_is_arr(value) || schema->types == 0))
    return refuse(compiler, path, "type must be one of JSON Schema's, or a list of them");
  return ERR_NONE;
}

static struct schema_property *property_of(struct schema *schema, struct str name) {
  for (size_t i = 0; i < schema->n_properties; i++) {
    if (str_eq(schema->properties[i].name, name)) return &schema->properties[i];
  }
  struct schema_property *added = &schema->properties[schema->n_properties++];
  added->name = name;
  return added;
}

static enum err_code compile_properties(struct compiler *compiler, struct schema *schema, yyjson_val *properties,
                                        const struct schema_path *path) {
  size_t i, count;
  yyjson_val *key, *value;
  yyjson_obj_foreach(properties, i, count, key, value) {
    /* Names are unique: json_read saw to it. */
    struct schema_property *property = &schema->properties[schema->n_properties++];
    property->name = json_str(key);
    struct schema_path step = {path, property->name, 0};
    enum err_code code = compile(compiler, value, &step, &property->schema);
    if (code != ERR_NONE) return code;
  }
  return ERR_NONE;
}

/* "properties" and "required" make one table. */
static enum err_code compile_members(struct compiler *compiler, struct schema *schema, yyjson_val *object,
                                     const struct schema_path *path) {
  yyjson_val *properties = json_get(object, "properties");
  yyjson_val *required = json_get(object, "required");
  struct schema_path properties_path = {path, STR("properties"), 0};
  struct schema_path required_path = {path, STR("required"), 0};
  if (properties && !yyjson_is_obj(properties))
    return refuse(compiler, &properties_path, "properties must be an object");
  if (required && !yyjson_is_arr(required)) return refuse(compiler, &required_path, "required must be a list of names");
  size_t n = yyjson_obj_size(properties) + yyjson_arr_size(required);
  if (n == 0) return ERR_NONE;
  schema->properties = arena_new_n(compiler->arena, struct schema_property, n);
  if (!schema->properties) return err_no_memory(compiler->err);
  if (properties) {
    enum err_code code = compile_properties(compiler, schema, properties, &properties_path);
    if (code != ERR_NONE) return code;
  }
  size_t i, count;
  yyjson_val *value;
  yyjson_arr_foreach(required, i, count, value) {
    if (!yyjson_is_str(value)) return refuse(compiler, &required_path, "required must be a list of names");
    property_of(schema, json_str(value))->is_required = true;
  }
  qsort(schema->properties, schema->n_properties, sizeof(schema->properties[0]), schema_property_order);
  return ERR_NONE;
}

static bool count_read(yyjson_val *value, uint64_t *ret_count) {
  if (yyjson_is_uint(value)) {
    *ret_count = yyjson_get_uint(value);
    return true;
  }
  if (!yyjson_is_real(value)) return false;
  double real = yyjson_get_real(value);
  if (!(real >= 0 && real < 9007199254740992.0) || real != (double)(uint64_t)real) return false;
  *ret_count = (uint64_t)real;
  return true;
}

/* Each keyword but "properties" and "required", by name. */
static enum err_code compile_keyword(struct compiler *compiler, struct schema *schema, struct str name,
                                     yyjson_val *value, const struct schema_path *path) {
  struct {
    const char *name;
    uint64_t *count;
  } counts[] = {{"minItems", &schema->min_items},
                {"maxItems", &schema->max_items},
                {"minLength", &schema->min_length},
                {"maxLength", &schema->max_length}};
  for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
    if (!str_eq_c(name, counts[i].name)) continue;
    return count_read(value, counts[i].count) ? ERR_NONE : refuse(compiler, path, "must be a count, 0 or more");
  }
  if (str_eq(name, STR("type"))) return compile_type(compiler, schema, value, path);
  if (str_eq(name, STR("items"))) return compile(compiler, value, path, &schema->items);
  if (str_eq(name, STR("minimum")) || str_eq(name, STR("maximum"))) {
    if (!yyjson_is_num(value)) return refuse(compiler, path, "must be a number");
    *(name.p[1] == 'i' ? &schema->minimum : &schema->maximum) = value;
    return ERR_NONE;
  }
  if (str_eq(name, STR("additionalProperties"))) {
    if (!yyjson_is_bool(value)) return refuse(compiler, path, "additionalProperties must be true or false");
    schema->is_closed = !yyjson_get_bool(value);
    return ERR_NONE;
  }
  if (str_eq(name, STR("enum"))) {
    if (yyjson_arr_size(value) == 0) return refuse(compiler, path, "enum must be a list of values");
    schema->choices = value;
    return ERR_NONE;
  }
  if (str_eq(name, STR("const"))) {
    schema->constant = value;
    return ERR_NONE;
  }
  static const char *const ignored[] = {"title",   "description", "default", "examples",
                                        "$schema", "properties",  "required"};
  for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
    if (str_eq_c(name, ignored[i])) return ERR_NONE;
  }
  if (str_starts(name, STR("x-"))) return ERR_NONE;
  return refuse(compiler, path, "a keyword that is not supported");
}

static enum err_code compile(struct compiler *compiler, yyjson_val *value, const struct schema_path *path,
                             struct schema **ret_schema) {
  if (!yyjson_is_obj(value)) return refuse(compiler, path, "a schema must be an object");
  if (compiler->depth == LIMIT_JSON_DEPTH) return refuse(compiler, path, "nested too deep");
  struct schema *schema = arena_new(compiler->arena, struct schema);
  if (!schema) return err_no_memory(compiler->err);
  schema->max_items = UINT64_MAX;
  schema->max_length = UINT64_MAX;
  compiler->depth++;
  size_t i, count;
  yyjson_val *key, *member;
  yyjson_obj_foreach(value, i, count, key, member) {
    struct schema_path step = {path, json_str(key), 0};
    enum err_code code = compile_keyword(compiler, schema, step.name, member, &step);
    if (code != ERR_NONE) return code;
  }
  enum err_code code = compile_members(compiler, schema, value, path);
  if (code != ERR_NONE) return code;
  compiler->depth--;
  *ret_schema = schema;
  return ERR_NONE;
}

enum err_code schema_compile(struct arena *arena, yyjson_val *value, struct schema **ret_schema, struct err *err) {
  struct compiler compiler = {arena, err, 0};
  struct schema_path root = {0};
  return compile(&compiler, value, &root, ret_schema);
}
