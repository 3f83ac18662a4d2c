/* Compiles JSON Schemas: indexes the document, then makes nodes of its subschemas and of what they refer to, then
 * joins what only the whole can tell. Must not know what the schemas describe. */
#include "base/limits.h"
#include "codec/schema_compiler.h"

enum { SCRATCH_MAX = 64 * MIB };

const struct schema_node schema_open = {.types = SCHEMA_ANY, .is_open = true};
const struct schema_node schema_shut = {.types = 0};

const struct schema_type_name schema_type_names[] = {
    {"boolean", SCHEMA_BOOLEAN}, {"integer", SCHEMA_INTEGER}, {"number", SCHEMA_NUMBER}, {"string", SCHEMA_STRING},
    {"array", SCHEMA_ARRAY},     {"object", SCHEMA_OBJECT},   {"null", SCHEMA_NULL},     {NULL, 0},
};

static enum err_code node_make(struct schema_compiler *compiler, struct schema_spot *spot) {
  if (spot->node) return ERR_NONE;
  spot->node = arena_new(compiler->arena, struct schema_node);
  if (!spot->node) return err_no_memory(compiler->err);
  spot->node->types = SCHEMA_ANY;
  spot->node->resource = spot->resource->id;
  spot->next_pending = compiler->pending;
  compiler->pending = spot;
  return ERR_NONE;
}

enum err_code schema_node_of(struct schema_compiler *compiler, yyjson_val *value, const struct schema_node **ret_node) {
  if (yyjson_is_bool(value)) {
    *ret_node = yyjson_get_bool(value) ? &schema_open : &schema_shut;
    return ERR_NONE;
  }
  struct schema_spot *spot = schema_spot_find(compiler, value);
  if (!spot) return schema_refuse(compiler, value, "a schema must be an object, true or false");
  enum err_code code = node_make(compiler, spot);
  if (code == ERR_NONE) *ret_node = spot->node;
  return code;
}

enum err_code schema_edge_add(struct schema_compiler *compiler, struct schema_spot *from, yyjson_val *to) {
  struct schema_spot *spot = yyjson_is_bool(to) ? NULL : schema_spot_find(compiler, to);
  if (!spot) return ERR_NONE;
  struct schema_edge *edge = arena_new(&compiler->scratch, struct schema_edge);
  if (!edge) return err_no_memory(compiler->err);
  edge->to = spot;
  edge->next = from->edges;
  from->edges = edge;
  spot->n_into++;
  return ERR_NONE;
}

static enum err_code spot_compile(struct schema_compiler *compiler, struct schema_spot *spot) {
  const struct schema_dialect *dialect = &spot->resource->dialect;
  bool is_reference = dialect->draft & (D04 | D07) && json_get(spot->value, "$ref");
  size_t i, count;
  yyjson_val *key, *value;
  yyjson_obj_foreach(spot->value, i, count, key, value) {
    const struct schema_keyword *keyword = schema_keyword_find(json_str(key), dialect);
    if (!keyword || !keyword->compile || (is_reference && !str_eq(json_str(key), STR("$ref")))) continue;
    enum err_code code = keyword->compile(compiler, spot, keyword, value);
    if (code != ERR_NONE) return code;
  }
  struct schema_node *node = spot->node;
  node->is_open = node->types == SCHEMA_ANY && !node->choices && !node->constant && !node->numbers && !node->strings &&
                  !node->arrays && !node->objects && !node->logic;
  return ERR_NONE;
}

static enum err_code pending_compile(struct schema_compiler *compiler) {
  while (compiler->pending) {
    struct schema_spot *spot = compiler->pending;
    compiler->pending = spot->next_pending;
    enum err_code code = spot_compile(compiler, spot);
    if (code != ERR_NONE) return code;
  }
  return ERR_NONE;
}

/* The nodes of each name that a $dynamicRef may mean. Making them may bring further documents, and so further names:
 * this ends when nothing is added. */
static enum err_code dynamic_compile(struct schema_compiler *compiler, bool *ret_is_new) {
  *ret_is_new = false;
  for (struct schema_dynamic_name *name = compiler->first_dynamic_name; name; name = name->next) {
    if (!name->dynamic || name->dynamic->n == name->n) continue;
    struct schema_dynamic *dynamic = name->dynamic;
    *ret_is_new = true;
    dynamic->n = 0;
    dynamic->targets = arena_new_n(compiler->arena, struct schema_dynamic_target, name->n);
    if (!dynamic->targets) return err_no_memory(compiler->err);
    for (struct schema_anchor *anchor = name->first; anchor; anchor = anchor->next) {
      enum err_code code = node_make(compiler, anchor->spot);
      if (code != ERR_NONE) return code;
      dynamic->targets[dynamic->n++] = (struct schema_dynamic_target){anchor->spot->resource->id, anchor->spot->node};
    }
  }
  return ERR_NONE;
}

/* What is left when all that nothing leads into has been taken away, again and again, goes in circles: a value would
 * be checked by the same subschema for ever. */
static enum err_code circles_refuse(struct schema_compiler *compiler) {
  struct schema_spot *ready = NULL;
  for (struct schema_spot *spot = compiler->first_spot; spot; spot = spot->next) {
    if (spot->n_into > 0) continue;
    spot->next_pending = ready;
    ready = spot;
  }
  while (ready) {
    struct schema_spot *spot = ready;
    ready = spot->next_pending;
    for (struct schema_edge *edge = spot->edges; edge; edge = edge->next) {
      if (--edge->to->n_into > 0) continue;
      edge->to->next_pending = ready;
      ready = edge->to;
    }
  }
  const struct schema_spot *outermost = NULL; /* the one that was indexed first, which comes last */
  for (struct schema_spot *spot = compiler->first_spot; spot; spot = spot->next)
    if (spot->n_into > 0) outermost = spot;
  return outermost ? schema_refuse(compiler, outermost->value, "refers to itself without an end") : ERR_NONE;
}

static bool has_dynamic(const struct schema_compiler *compiler) {
  for (const struct schema_dynamic_name *name = compiler->first_dynamic_name; name; name = name->next) {
    if (name->dynamic && name->n > 1) return true;
  }
  return false;
}

static enum err_code compile_all(struct schema_compiler *compiler, yyjson_val *value, struct schema *schema) {
  struct schema_resource *resource;
  enum err_code code = schema_index_document(compiler, STR(""), value, &resource);
  /* All of the document, so that a mistake in what nothing refers to yet is found. */
  for (struct schema_spot *spot = compiler->first_spot; spot && code == ERR_NONE; spot = spot->next)
    code = node_make(compiler, spot);
  if (code == ERR_NONE) code = schema_node_of(compiler, value, &schema->root);
  for (bool is_new = true; is_new && code == ERR_NONE;) {
    code = pending_compile(compiler);
    if (code == ERR_NONE) code = dynamic_compile(compiler, &is_new);
  }
  if (code == ERR_NONE) code = circles_refuse(compiler);
  if (code != ERR_NONE) return code;
  schema->has_dynamic = has_dynamic(compiler);
  schema->max_work = compiler->options->max_work ? compiler->options->max_work : SCHEMA_MAX_WORK;
  return ERR_NONE;
}

enum err_code schema_compile_with(struct arena *arena, yyjson_val *value, const struct schema_options *options,
                                  struct schema **ret_schema, struct err *err) {
  struct schema_compiler compiler = {.arena = arena, .options = options, .err = err};
  arena_init(&compiler.scratch, SCRATCH_MAX);
  map_init(&compiler.resources);
  map_init(&compiler.spots);
  map_init(&compiler.anchors);
  map_init(&compiler.dynamic_names);
  struct schema *schema = arena_new(arena, struct schema);
  enum err_code code = schema ? compile_all(&compiler, value, schema) : err_no_memory(err);
  if (code == ERR_NONE) *ret_schema = schema;
  map_release(&compiler.resources);
  map_release(&compiler.spots);
  map_release(&compiler.anchors);
  map_release(&compiler.dynamic_names);
  arena_release(&compiler.scratch);
  return code;
}

enum err_code schema_compile(struct arena *arena, yyjson_val *value, struct schema **ret_schema, struct err *err) {
  return schema_compile_with(arena, value, &(struct schema_options){0}, ret_schema, err);
}
