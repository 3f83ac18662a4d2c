/* Compiles keywords that lead to other subschemas: references, logic, items, members. */
#include <stdlib.h>

#include "codec/schema_keyword.h"

enum err_code schema_compile_reference(struct schema_compiler *compiler, struct schema_spot *spot,
                                       const struct schema_keyword *keyword, yyjson_val *value) {
  yyjson_val *target = NULL;
  enum err_code code = schema_reference_follow(compiler, spot, value, &target, NULL);
  if (code != ERR_NONE) return code;
  struct schema_logic *logic = schema_group_of(compiler, spot->node, GROUP_LOGIC);
  if (!logic) return err_no_memory(compiler->err);
  code = schema_edge_add(compiler, spot, target);
  return code == ERR_NONE ? schema_node_of(compiler, target, &logic->reference) : code;
}

/* 2020-12 core, 8.2.3.2: a $ref, but where it leads to a $dynamicAnchor, the outermost of its name counts. */
enum err_code schema_compile_dynamic(struct schema_compiler *compiler, struct schema_spot *spot,
                                     const struct schema_keyword *keyword, yyjson_val *value) {
  yyjson_val *target = NULL;
  struct schema_anchor *anchor = NULL;
  enum err_code code = schema_reference_follow(compiler, spot, value, &target, &anchor);
  if (code != ERR_NONE) return code;
  struct schema_logic *logic = schema_group_of(compiler, spot->node, GROUP_LOGIC);
  if (!logic) return err_no_memory(compiler->err);
  if (anchor && anchor->is_dynamic) {
    struct str text = json_str(value);
    const char *hash = memchr(text.p, '#', text.n);
    struct str name = str_make(hash + 1, text.n - (size_t)(hash + 1 - text.p));
    struct schema_dynamic_name *known = map_get(&compiler->dynamic_names, name);
    if (known && !known->dynamic) known->dynamic = arena_new(compiler->arena, struct schema_dynamic);
    if (known && !known->dynamic) return err_no_memory(compiler->err);
    logic->dynamic = known ? known->dynamic : NULL;
  }
  return schema_node_of(compiler, target, &logic->initial);
}

enum err_code schema_compile_definitions(struct schema_compiler *compiler, struct schema_spot *spot,
                                         const struct schema_keyword *keyword, yyjson_val *value) {
  if (!yyjson_is_obj(value)) return schema_refuse(compiler, value, "%s must be an object", keyword->name);
  return ERR_NONE;
}

enum err_code schema_compile_one(struct schema_compiler *compiler, struct schema_spot *spot,
                                 const struct schema_keyword *keyword, yyjson_val *value) {
  char *group = schema_group_of(compiler, spot->node, keyword->group);
  if (!group) return err_no_memory(compiler->err);
  return schema_node_of(compiler, value, (const struct schema_node **)(void *)(group + keyword->offset));
}

static enum err_code list_read(struct schema_compiler *compiler, yyjson_val *value, struct schema_list *ret_list) {
  struct schema_list list = {arena_new_n(compiler->arena, const struct schema_node *, yyjson_arr_size(value)), 0};
  if (!list.p) return err_no_memory(compiler->err);
  size_t i, count;
  yyjson_val *item;
  yyjson_arr_foreach(value, i, count, item) {
    enum err_code code = schema_node_of(compiler, item, &list.p[list.n++]);
    if (code != ERR_NONE) return code;
  }
  *ret_list = list;
  return ERR_NONE;
}

enum err_code schema_compile_list(struct schema_compiler *compiler, struct schema_spot *spot,
                                  const struct schema_keyword *keyword, yyjson_val *value) {
  if (yyjson_arr_size(value) == 0) return schema_refuse(compiler, value, "%s must be a list of schemas", keyword->name);
  char *group = schema_group_of(compiler, spot->node, keyword->group);
  if (!group) return err_no_memory(compiler->err);
  struct schema_list *list = (struct schema_list *)(void *)(group + keyword->offset);
  enum err_code code = list_read(compiler, value, list);
  if (code != ERR_NONE || !spot->node->logic || list != &spot->node->logic->all_of) return code;
  size_t i, count;
  yyjson_val *item;
  yyjson_arr_foreach(value, i, count, item) {
    code = schema_edge_add(compiler, spot, item);
    if (code != ERR_NONE) return code;
  }
  return ERR_NONE;
}

/* 2019-09 and before: one schema for all items, or a list for the first ones. */
enum err_code schema_compile_items(struct schema_compiler *compiler, struct schema_spot *spot,
                                   const struct schema_keyword *keyword, yyjson_val *value) {
  struct schema_arrays *arrays = schema_group_of(compiler, spot->node, GROUP_ARRAYS);
  if (!arrays) return err_no_memory(compiler->err);
  if (!yyjson_is_arr(value)) return schema_node_of(compiler, value, &arrays->rest);
  return yyjson_arr_size(value) > 0 ? list_read(compiler, value, &arrays->first) : ERR_NONE;
}

enum err_code schema_compile_additional_items(struct schema_compiler *compiler, struct schema_spot *spot,
                                              const struct schema_keyword *keyword, yyjson_val *value) {
  struct schema_arrays *arrays = schema_group_of(compiler, spot->node, GROUP_ARRAYS);
  if (!arrays) return err_no_memory(compiler->err);
  return yyjson_is_arr(json_get(spot->value, "items")) ? schema_node_of(compiler, value, &arrays->rest) : ERR_NONE;
}

enum err_code schema_compile_contains(struct schema_compiler *compiler, struct schema_spot *spot,
                                      const struct schema_keyword *keyword, yyjson_val *value) {
  struct schema_arrays *arrays = schema_group_of(compiler, spot->node, GROUP_ARRAYS);
  if (!arrays) return err_no_memory(compiler->err);
  arrays->contains_evaluates = spot->resource->dialect.draft == D20;
  return schema_node_of(compiler, value, &arrays->contains);
}

static int property_order(const void *a, const void *b) {
  return schema_name_order(((const struct schema_property *)a)->name, ((const struct schema_property *)b)->name);
}

static enum err_code properties_read(struct schema_compiler *compiler, struct schema_objects *objects,
                                     yyjson_val *properties) {
  size_t i, count;
  yyjson_val *key, *value;
  if (!properties) return ERR_NONE;
  yyjson_obj_foreach(properties, i, count, key, value) {
    struct schema_property *property = &objects->properties[objects->n_properties++];
    property->name = json_str(key);
    enum err_code code = schema_node_of(compiler, value, &property->node);
    if (code != ERR_NONE) return code;
  }
  qsort(objects->properties, objects->n_properties, sizeof(objects->properties[0]), property_order);
  return ERR_NONE;
}

static enum err_code required_read(struct schema_compiler *compiler, struct schema_objects *objects,
                                   yyjson_val *required) {
  size_t i, count, n_named = objects->n_properties;
  unsigned bit = 0;
  yyjson_val *value;
  yyjson_arr_foreach(required, i, count, value) {
    struct schema_property wanted = {.name = json_str(value)}, *property = NULL;
    if (!yyjson_is_str(value)) return schema_refuse(compiler, required, "required must be a list of names");
    if (n_named > 0) property = bsearch(&wanted, objects->properties, n_named, sizeof(wanted), property_order);
    if (!property) {
      property = &objects->properties[objects->n_properties++];
      *property = wanted;
    }
    if (property->is_required) continue;
    property->is_required = true;
    property->bit = bit < SCHEMA_REQUIRED_MASKED ? bit++ : SCHEMA_REQUIRED_MASKED;
    if (property->bit < SCHEMA_REQUIRED_MASKED)
      objects->required |= 1ULL << property->bit;
    else
      objects->has_more_required = true;
  }
  qsort(objects->properties, objects->n_properties, sizeof(objects->properties[0]), property_order);
  return ERR_NONE;
}

/* "properties" and "required" make one table, whichever comes first. */
enum err_code schema_compile_members(struct schema_compiler *compiler, struct schema_spot *spot,
                                     const struct schema_keyword *keyword, yyjson_val *value) {
  struct schema_objects *objects = schema_group_of(compiler, spot->node, GROUP_OBJECTS);
  if (!objects) return err_no_memory(compiler->err);
  if (objects->properties) return ERR_NONE;
  const struct schema_dialect *dialect = &spot->resource->dialect;
  yyjson_val *properties = json_get(spot->value, "properties"), *required = json_get(spot->value, "required");
  if (!(dialect->vocabularies & VOCABULARY_APPLICATOR)) properties = NULL;
  if (!(dialect->vocabularies & VOCABULARY_VALIDATION)) required = NULL;
  if (properties && !yyjson_is_obj(properties))
    return schema_refuse(compiler, properties, "properties must be an object");
  if (required && !yyjson_is_arr(required))
    return schema_refuse(compiler, required, "required must be a list of names");
  size_t n = yyjson_obj_size(properties) + yyjson_arr_size(required);
  if (n == 0) return ERR_NONE;
  objects->properties = arena_new_n(compiler->arena, struct schema_property, n);
  if (!objects->properties) return err_no_memory(compiler->err);
  enum err_code code = properties_read(compiler, objects, properties);
  return code == ERR_NONE ? required_read(compiler, objects, required) : code;
}

enum err_code schema_compile_patterns(struct schema_compiler *compiler, struct schema_spot *spot,
                                      const struct schema_keyword *keyword, yyjson_val *value) {
  if (!yyjson_is_obj(value)) return schema_refuse(compiler, value, "patternProperties must be an object");
  struct schema_objects *objects = schema_group_of(compiler, spot->node, GROUP_OBJECTS);
  if (objects) objects->patterns = arena_new_n(compiler->arena, struct schema_pattern_property, yyjson_obj_size(value));
  if (!objects || !objects->patterns) return err_no_memory(compiler->err);
  size_t i, count;
  yyjson_val *key, *member;
  yyjson_obj_foreach(value, i, count, key, member) {
    struct schema_pattern_property *property = &objects->patterns[objects->n_patterns++];
    struct schema_pattern *pattern = NULL;
    struct err err = {0};
    enum err_code code = schema_pattern_compile(compiler->arena, json_str(key), &pattern, &err);
    if (code == ERR_INVALID) return schema_refuse(compiler, member, "%s", err.text);
    if (code != ERR_NONE) return err_no_memory(compiler->err);
    property->pattern = pattern;
    code = schema_node_of(compiler, member, &property->node);
    if (code != ERR_NONE) return code;
  }
  return ERR_NONE;
}

static enum err_code names_read(struct schema_compiler *compiler, yyjson_val *value,
                                struct schema_dependent *dependent) {
  dependent->required = arena_new_n(compiler->arena, struct str, yyjson_arr_size(value) + 1);
  if (!dependent->required) return err_no_memory(compiler->err);
  size_t i, count;
  yyjson_val *name;
  yyjson_arr_foreach(value, i, count, name) {
    if (!yyjson_is_str(name)) return schema_refuse(compiler, value, "must be a list of names");
    dependent->required[dependent->n_required++] = json_str(name);
  }
  return ERR_NONE;
}

/* dependentRequired has lists of names, dependentSchemas schemas, dependencies both: they share a table. */
enum err_code schema_compile_dependents(struct schema_compiler *compiler, struct schema_spot *spot,
                                        const struct schema_keyword *keyword, yyjson_val *value) {
  if (!yyjson_is_obj(value)) return schema_refuse(compiler, value, "%s must be an object", keyword->name);
  struct schema_objects *objects = schema_group_of(compiler, spot->node, GROUP_OBJECTS);
  if (!objects) return err_no_memory(compiler->err);
  size_t n = objects->n_dependents + yyjson_obj_size(value);
  struct schema_dependent *dependents = arena_new_n(compiler->arena, struct schema_dependent, n + 1);
  if (!dependents) return err_no_memory(compiler->err);
  if (objects->n_dependents > 0) memcpy(dependents, objects->dependents, objects->n_dependents * sizeof(*dependents));
  objects->dependents = dependents;
  size_t i, count;
  yyjson_val *key, *member;
  yyjson_obj_foreach(value, i, count, key, member) {
    struct schema_dependent *dependent = &objects->dependents[objects->n_dependents++];
    dependent->name = json_str(key);
    bool is_list = yyjson_is_arr(member);
    if (is_list ? keyword->position == POSITION_MAP : keyword->position == POSITION_NONE)
      return schema_refuse(compiler, member, is_list ? "must be a schema" : "must be a list of names");
    enum err_code code =
        is_list ? names_read(compiler, member, dependent) : schema_node_of(compiler, member, &dependent->node);
    if (code != ERR_NONE) return code;
  }
  return ERR_NONE;
}
