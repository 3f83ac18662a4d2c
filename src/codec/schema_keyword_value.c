/* Compiles keywords that judge a value by itself: its type, range, length, pattern. Each refuses what its keyword
 * cannot be (2020-12 validation, 6). */
#include "codec/schema_keyword.h"

void *schema_group_of(struct schema_compiler *compiler, struct schema_node *node, enum schema_group group) {
  switch (group) {
    case GROUP_NUMBERS:
      if (!node->numbers) node->numbers = arena_new(compiler->arena, struct schema_numbers);
      return node->numbers;
    case GROUP_STRINGS:
      if (!node->strings && (node->strings = arena_new(compiler->arena, struct schema_strings)))
        node->strings->max_length = UINT64_MAX;
      return node->strings;
    case GROUP_ARRAYS:
      if (!node->arrays && (node->arrays = arena_new(compiler->arena, struct schema_arrays))) {
        node->arrays->max_items = node->arrays->max_contains = UINT64_MAX;
        node->arrays->min_contains = 1;
      }
      return node->arrays;
    case GROUP_OBJECTS:
      if (!node->objects && (node->objects = arena_new(compiler->arena, struct schema_objects)))
        node->objects->max_members = UINT64_MAX;
      return node->objects;
    case GROUP_LOGIC:
      if (!node->logic) node->logic = arena_new(compiler->arena, struct schema_logic);
      return node->logic;
    default:
      return NULL;
  }
}

static unsigned char type_of_name(yyjson_val *name) {
  for (const struct schema_type_name *known = schema_type_names; known->name; known++) {
    if (yyjson_equals_str(name, known->name)) return (unsigned char)known->type;
  }
  return 0;
}

enum err_code schema_compile_type(struct schema_compiler *compiler, struct schema_spot *spot,
                                  const struct schema_keyword *keyword, yyjson_val *value) {
  size_t i, count;
  yyjson_val *name;
  unsigned char types = type_of_name(value);
  bool is_known = types != 0 || yyjson_arr_size(value) > 0;
  yyjson_arr_foreach(value, i, count, name) {
    unsigned char type = type_of_name(name);
    if (type == 0) is_known = false;
    types |= type;
  }
  if (!is_known) return schema_refuse(compiler, value, "type must be one of JSON Schema's, or a list of them");
  spot->node->types = types;
  return ERR_NONE;
}

enum err_code schema_compile_choices(struct schema_compiler *compiler, struct schema_spot *spot,
                                     const struct schema_keyword *keyword, yyjson_val *value) {
  if (yyjson_arr_size(value) == 0) return schema_refuse(compiler, value, "enum must be a list of values");
  spot->node->choices = value;
  return ERR_NONE;
}

enum err_code schema_compile_constant(struct schema_compiler *compiler, struct schema_spot *spot,
                                      const struct schema_keyword *keyword, yyjson_val *value) {
  spot->node->constant = value;
  return ERR_NONE;
}

enum err_code schema_compile_bound(struct schema_compiler *compiler, struct schema_spot *spot,
                                   const struct schema_keyword *keyword, yyjson_val *value) {
  if (!schema_is_number(value)) return schema_refuse(compiler, value, "%s must be a number", keyword->name);
  char *group = schema_group_of(compiler, spot->node, keyword->group);
  if (!group) return err_no_memory(compiler->err);
  *(yyjson_val **)(void *)(group + keyword->offset) = value;
  return ERR_NONE;
}

/* Draft 04, 5.1.2: true or false, and speaks of the bound beside it. */
enum err_code schema_compile_exclusive(struct schema_compiler *compiler, struct schema_spot *spot,
                                       const struct schema_keyword *keyword, yyjson_val *value) {
  if (!yyjson_is_bool(value)) return schema_refuse(compiler, value, "%s must be true or false", keyword->name);
  yyjson_val *bound = json_get(spot->value, str_eq_c(STR("exclusiveMinimum"), keyword->name) ? "minimum" : "maximum");
  if (!bound || !yyjson_get_bool(value)) return ERR_NONE;
  return schema_compile_bound(compiler, spot, keyword, bound);
}

enum err_code schema_compile_multiple(struct schema_compiler *compiler, struct schema_spot *spot,
                                      const struct schema_keyword *keyword, yyjson_val *value) {
  struct schema_divisor divisor;
  if (!schema_is_number(value) || !schema_divisor_read(value, &divisor))
    return schema_refuse(compiler, value, "multipleOf must be a number above 0, of at most 19 digits");
  struct schema_numbers *numbers = schema_group_of(compiler, spot->node, GROUP_NUMBERS);
  if (!numbers) return err_no_memory(compiler->err);
  numbers->multiple_of = value;
  numbers->divisor = divisor;
  return ERR_NONE;
}

/* Counts may be written as 2.0. */
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

enum err_code schema_compile_count(struct schema_compiler *compiler, struct schema_spot *spot,
                                   const struct schema_keyword *keyword, yyjson_val *value) {
  uint64_t n;
  if (!count_read(value, &n)) return schema_refuse(compiler, value, "%s must be a count, 0 or more", keyword->name);
  char *group = schema_group_of(compiler, spot->node, keyword->group);
  if (!group) return err_no_memory(compiler->err);
  *(uint64_t *)(void *)(group + keyword->offset) = n;
  return ERR_NONE;
}

enum err_code schema_compile_pattern(struct schema_compiler *compiler, struct schema_spot *spot,
                                     const struct schema_keyword *keyword, yyjson_val *value) {
  if (!yyjson_is_str(value)) return schema_refuse(compiler, value, "pattern must be a regular expression");
  struct schema_pattern *pattern = NULL;
  struct err err = {0};
  enum err_code code = schema_pattern_compile(compiler->arena, json_str(value), &pattern, &err);
  if (code == ERR_INVALID) return schema_refuse(compiler, value, "%s", err.text);
  struct schema_strings *strings = schema_group_of(compiler, spot->node, GROUP_STRINGS);
  if (code != ERR_NONE || !strings) return err_no_memory(compiler->err);
  strings->pattern = pattern;
  strings->pattern_text = json_str(value);
  return ERR_NONE;
}

enum err_code schema_compile_format(struct schema_compiler *compiler, struct schema_spot *spot,
                                    const struct schema_keyword *keyword, yyjson_val *value) {
  if (!yyjson_is_str(value)) return schema_refuse(compiler, value, "format must be a name");
  const struct schema_format *format = schema_format_find(json_str(value));
  if (!format || !spot->resource->dialect.asserts_format) return ERR_NONE;
  struct schema_strings *strings = schema_group_of(compiler, spot->node, GROUP_STRINGS);
  if (!strings) return err_no_memory(compiler->err);
  strings->format = format;
  return ERR_NONE;
}

enum err_code schema_compile_unique(struct schema_compiler *compiler, struct schema_spot *spot,
                                    const struct schema_keyword *keyword, yyjson_val *value) {
  if (!yyjson_is_bool(value)) return schema_refuse(compiler, value, "uniqueItems must be true or false");
  if (!yyjson_get_bool(value)) return ERR_NONE;
  struct schema_arrays *arrays = schema_group_of(compiler, spot->node, GROUP_ARRAYS);
  if (!arrays) return err_no_memory(compiler->err);
  arrays->is_unique = true;
  return ERR_NONE;
}
