/* Walks a document once and notes where its subschemas stand, and what identifies them: $id, $anchor, $dynamicAnchor
 * (2020-12 core, 8.2). Looks only where the dialect has subschemas: an $id in an example is no identifier. */
#include <stdio.h>

#include "base/limits.h"
#include "codec/schema_compiler.h"
#include "codec/schema_uri.h"

enum { POINTER_MAX = 64 * KIB };

static void pointer_push(struct buf *pointer, yyjson_val *key, size_t index) {
  struct str name = json_str(key);
  buf_append_byte(pointer, '/');
  if (!key) buf_append_u64(pointer, index);
  for (size_t i = 0; i < name.n; i++) {
    if (name.p[i] == '~' || name.p[i] == '/')
      buf_append_c(pointer, name.p[i] == '~' ? "~0" : "~1");
    else
      buf_append_byte(pointer, name.p[i]);
  }
}

/* Leaves the pointer to `wanted` where it is under `value`. Only for errors, so that nothing else must carry a path. */
static bool pointer_find(yyjson_val *value, yyjson_val *wanted, struct buf *pointer) {
  size_t i, count, n = pointer->n;
  yyjson_val *key, *child;
  if (value == wanted) return true;
  yyjson_obj_foreach(value, i, count, key, child) {
    pointer_push(pointer, key, 0);
    if (pointer_find(child, wanted, pointer)) return true;
    pointer->n = n;
  }
  yyjson_arr_foreach(value, i, count, child) {
    pointer_push(pointer, NULL, i);
    if (pointer_find(child, wanted, pointer)) return true;
    pointer->n = n;
  }
  return false;
}

enum err_code schema_refuse(struct schema_compiler *compiler, yyjson_val *value, const char *format, ...) {
  char text[ERR_TEXT_SIZE];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  err_set(compiler->err, ERR_INVALID, "%s", text);
  struct buf pointer;
  buf_init(&pointer, NULL, POINTER_MAX);
  for (const struct schema_root *root = compiler->roots; root; root = root->next) {
    buf_clear(&pointer);
    if (!pointer_find(root->value, value, &pointer)) continue;
    if (root->next) /* not in the schema itself */
      err_place(compiler->err, "%.*s#%.*s", STR_ARG(root->uri), STR_ARG(buf_str(&pointer)));
    else
      err_place(compiler->err, "%.*s", STR_ARG(buf_str(&pointer)));
    break;
  }
  buf_release(&pointer);
  return ERR_INVALID;
}

struct schema_spot *schema_spot_find(const struct schema_compiler *compiler, yyjson_val *value) {
  uintptr_t address = (uintptr_t)value;
  return map_get(&compiler->spots, str_make((const char *)&address, sizeof(address)));
}

static enum err_code spot_add(struct schema_compiler *compiler, yyjson_val *value, struct schema_resource *resource,
                              struct schema_spot **ret_spot) {
  if (compiler->n_spots == SCHEMA_MAX_SUBSCHEMAS)
    return schema_refuse(compiler, value, "more than %d subschemas", SCHEMA_MAX_SUBSCHEMAS);
  struct schema_spot *spot = arena_new(&compiler->scratch, struct schema_spot);
  if (!spot) return err_no_memory(compiler->err);
  spot->value = value;
  spot->address = (uintptr_t)value;
  spot->resource = resource;
  if (map_put(&compiler->spots, str_make((const char *)&spot->address, sizeof(spot->address)), spot) != ERR_NONE)
    return err_no_memory(compiler->err);
  spot->next = compiler->first_spot;
  compiler->first_spot = spot;
  compiler->n_spots++;
  *ret_spot = spot;
  return ERR_NONE;
}

static enum err_code resource_add(struct schema_compiler *compiler, struct str base, yyjson_val *root,
                                  const struct schema_dialect *inherited, struct schema_resource **ret_resource) {
  struct schema_resource *resource = arena_new(&compiler->scratch, struct schema_resource);
  if (!resource) return err_no_memory(compiler->err);
  resource->id = compiler->n_resources++;
  resource->base = base;
  resource->root = root;
  enum err_code code = schema_dialect_read(compiler, root, inherited, &resource->dialect);
  if (code != ERR_NONE) return code;
  /* The first of a name stays: generators repeat a definition, with its $id, wherever they use it. */
  if (!map_get(&compiler->resources, base) && map_put(&compiler->resources, base, resource) != ERR_NONE)
    return err_no_memory(compiler->err);
  *ret_resource = resource;
  return ERR_NONE;
}

static struct str anchor_key(struct schema_compiler *compiler, const struct schema_resource *resource,
                             struct str name) {
  return arena_printf(&compiler->scratch, "%u#%.*s", resource->id, STR_ARG(name));
}

struct schema_anchor *schema_anchor_find(struct schema_compiler *compiler, const struct schema_resource *resource,
                                         struct str name) {
  struct str key = anchor_key(compiler, resource, name);
  return key.p ? map_get(&compiler->anchors, key) : NULL;
}

static enum err_code dynamic_name_add(struct schema_compiler *compiler, struct str name, struct schema_anchor *anchor) {
  struct schema_dynamic_name *known = map_get(&compiler->dynamic_names, name);
  if (!known) {
    known = arena_new(&compiler->scratch, struct schema_dynamic_name);
    if (!known || map_put(&compiler->dynamic_names, name, known) != ERR_NONE) return err_no_memory(compiler->err);
    known->next = compiler->first_dynamic_name;
    compiler->first_dynamic_name = known;
  }
  anchor->next = known->first;
  known->first = anchor;
  known->n++;
  return ERR_NONE;
}

static enum err_code anchor_add(struct schema_compiler *compiler, struct schema_spot *spot, struct str name,
                                bool is_dynamic) {
  struct str key = anchor_key(compiler, spot->resource, name);
  struct schema_anchor *anchor = arena_new(&compiler->scratch, struct schema_anchor);
  if (!key.p || !anchor) return err_no_memory(compiler->err);
  if (map_get(&compiler->anchors, key)) return ERR_NONE;
  anchor->spot = spot;
  anchor->is_dynamic = is_dynamic;
  if (map_put(&compiler->anchors, key, anchor) != ERR_NONE) return err_no_memory(compiler->err);
  return is_dynamic ? dynamic_name_add(compiler, name, anchor) : ERR_NONE;
}

/* $id, which may begin a resource; before 2019-09 its fragment is an anchor. */
static enum err_code id_read(struct schema_compiler *compiler, yyjson_val *object, struct schema_resource **resource,
                             struct str *ret_anchor) {
  yyjson_val *value = json_get(object, (*resource)->dialect.draft == D04 ? "id" : "$id");
  *ret_anchor = STR_NONE;
  if (!value) return ERR_NONE;
  if (!yyjson_is_str(value)) return schema_refuse(compiler, value, "$id must be a URI");
  struct str id = json_str(value);
  struct schema_uri uri;
  schema_uri_split(id, &uri);
  if ((*resource)->dialect.draft & (D04 | D07) && !str_starts(uri.fragment, STR("/"))) *ret_anchor = uri.fragment;
  if (id.n == 0 || id.p[0] == '#') return ERR_NONE;
  struct str base = schema_uri_resolve(&compiler->scratch, (*resource)->base, id);
  if (!base.p) return err_no_memory(compiler->err);
  return resource_add(compiler, base, object, &(*resource)->dialect, resource);
}

static enum err_code anchors_read(struct schema_compiler *compiler, struct schema_spot *spot, struct str legacy) {
  static const char *const names[] = {"$anchor", "$dynamicAnchor"};
  enum schema_draft_bit draft = spot->resource->dialect.draft;
  enum err_code code = legacy.n > 0 ? anchor_add(compiler, spot, legacy, false) : ERR_NONE;
  for (int i = 0; i < 2 && code == ERR_NONE && draft & (i == 0 ? D19 | D20 : D20); i++) {
    yyjson_val *value = json_get(spot->value, names[i]);
    if (!value) continue;
    if (!yyjson_is_str(value)) return schema_refuse(compiler, value, "%s must be a name", names[i]);
    code = anchor_add(compiler, spot, json_str(value), i == 1);
  }
  return code;
}

static enum err_code index_schema(struct schema_compiler *compiler, yyjson_val *value, struct schema_resource *resource,
                                  unsigned depth);

static enum err_code index_members(struct schema_compiler *compiler, yyjson_val *map, struct schema_resource *resource,
                                   unsigned depth, bool may_be_names) {
  size_t i, count;
  yyjson_val *key, *value;
  yyjson_obj_foreach(map, i, count, key, value) {
    if (may_be_names && yyjson_is_arr(value)) continue;
    enum err_code code = index_schema(compiler, value, resource, depth);
    if (code != ERR_NONE) return code;
  }
  return ERR_NONE;
}

static enum err_code index_items(struct schema_compiler *compiler, yyjson_val *list, struct schema_resource *resource,
                                 unsigned depth) {
  size_t i, count;
  yyjson_val *value;
  yyjson_arr_foreach(list, i, count, value) {
    enum err_code code = index_schema(compiler, value, resource, depth);
    if (code != ERR_NONE) return code;
  }
  return ERR_NONE;
}

/* A value of the wrong type is refused by the keyword itself, when it is compiled. */
static enum err_code index_keyword(struct schema_compiler *compiler, const struct schema_keyword *keyword,
                                   yyjson_val *value, struct schema_resource *resource, unsigned depth) {
  switch (keyword->position) {
    case POSITION_ONE:
      return index_schema(compiler, value, resource, depth);
    case POSITION_ONE_OR_LIST:
      if (!yyjson_is_arr(value)) return index_schema(compiler, value, resource, depth);
      return index_items(compiler, value, resource, depth);
    case POSITION_LIST:
      return index_items(compiler, value, resource, depth);
    case POSITION_MAP:
    case POSITION_MAP_OR_NAMES:
      return index_members(compiler, value, resource, depth, keyword->position == POSITION_MAP_OR_NAMES);
    default:
      return ERR_NONE;
  }
}

static enum err_code index_schema(struct schema_compiler *compiler, yyjson_val *value, struct schema_resource *resource,
                                  unsigned depth) {
  if (yyjson_is_bool(value)) return ERR_NONE;
  if (!yyjson_is_obj(value)) return schema_refuse(compiler, value, "a schema must be an object, true or false");
  if (depth == LIMIT_JSON_DEPTH) return schema_refuse(compiler, value, "nested too deep");
  if (schema_spot_find(compiler, value)) return ERR_NONE;
  /* Draft 07, 8.3: beside $ref nothing counts, not even $id. */
  bool is_reference = resource->dialect.draft & (D04 | D07) && json_get(value, "$ref");
  struct str anchor = STR_NONE;
  enum err_code code = is_reference ? ERR_NONE : id_read(compiler, value, &resource, &anchor);
  struct schema_spot *spot = NULL;
  if (code == ERR_NONE) code = spot_add(compiler, value, resource, &spot);
  if (code == ERR_NONE && !is_reference) code = anchors_read(compiler, spot, anchor);
  size_t i, count;
  yyjson_val *key, *member;
  yyjson_obj_foreach(value, i, count, key, member) {
    if (code != ERR_NONE) return code;
    const struct schema_keyword *keyword = schema_keyword_find(json_str(key), &resource->dialect);
    if (!keyword || (is_reference && !str_eq(json_str(key), STR("definitions")))) continue;
    code = index_keyword(compiler, keyword, member, resource, depth + 1);
  }
  return code;
}

enum err_code schema_index_value(struct schema_compiler *compiler, yyjson_val *value,
                                 struct schema_resource *resource) {
  return index_schema(compiler, value, resource, 0);
}

enum err_code schema_index_document(struct schema_compiler *compiler, struct str uri, yyjson_val *root,
                                    struct schema_resource **ret_resource) {
  struct schema_root *entry = arena_new(&compiler->scratch, struct schema_root);
  if (!entry) return err_no_memory(compiler->err);
  *entry = (struct schema_root){uri, root, compiler->roots};
  compiler->roots = entry;
  struct schema_dialect dialect = schema_dialect_of(compiler->options->draft, compiler->options->asserts_format);
  struct schema_resource *resource = NULL;
  enum err_code code = resource_add(compiler, uri, root, &dialect, &resource);
  if (code == ERR_NONE) code = schema_index_value(compiler, root, resource);
  if (code == ERR_NONE) *ret_resource = resource;
  return code;
}
