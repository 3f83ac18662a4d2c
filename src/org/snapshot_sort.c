/* The last step of a load: what all connectors have, in order of public names; and who has what of it. */
#include <stdlib.h>

#include "org/snapshot_load.h"

static int tool_order(const void *a, const void *b) {
  const struct org_tool *left = *(const struct org_tool *const *)a;
  const struct org_tool *right = *(const struct org_tool *const *)b;
  return str_cmp(left->tool->public_name, right->tool->public_name);
}

static int prompt_order(const void *a, const void *b) {
  const struct org_prompt *left = *(const struct org_prompt *const *)a;
  const struct org_prompt *right = *(const struct org_prompt *const *)b;
  return str_cmp(left->prompt->public_name, right->prompt->public_name);
}

/* The values of a map, in order. NULL: no memory. */
static void **sorted_values(struct arena *arena, const struct map *map, int (*order)(const void *a, const void *b)) {
  void **list = arena_new_n(arena, void *, map->count);
  struct str key;
  void *value;
  size_t n = 0;
  if (!list) return NULL;
  for (size_t i = 0; map_next(map, &i, &key, &value);)
    list[n++] = value;
  qsort(list, n, sizeof(list[0]), order);
  return list;
}

enum err_code snapshot_sort(struct snapshot_load *load, struct err *err) {
  struct org_snapshot *snapshot = load->snapshot;
  struct arena *arena = &snapshot->arena;
  if (snapshot->tools_by_name.count > 0) {
    snapshot->tools = (const struct org_tool *const *)sorted_values(arena, &snapshot->tools_by_name, tool_order);
    if (!snapshot->tools) return err_no_memory(err);
    snapshot->n_tools = snapshot->tools_by_name.count;
  }
  if (snapshot->prompts_by_name.count > 0) {
    snapshot->prompts =
        (const struct org_prompt *const *)sorted_values(arena, &snapshot->prompts_by_name, prompt_order);
    if (!snapshot->prompts) return err_no_memory(err);
    snapshot->n_prompts = snapshot->prompts_by_name.count;
  }
  return ERR_NONE;
}

/* A connection's lists hold addresses within its connector's array, in that order. */
static int address_order(const void *a, const void *b) {
  uintptr_t left = *(const uintptr_t *)a, right = *(const uintptr_t *)b;
  return left < right ? -1 : left > right;
}

static bool has(const void *list, size_t n, const void *wanted) {
  return n > 0 && bsearch(&wanted, list, n, sizeof(void *), address_order);
}

bool org_has_tool(const struct connector_connection *connection, const struct connector_tool *tool) {
  const struct connector_catalogue *catalogue = connection->catalogue;
  return !catalogue || has(catalogue->tools, catalogue->n_tools, tool);
}

bool org_has_prompt(const struct connector_connection *connection, const struct connector_prompt *prompt) {
  const struct connector_catalogue *catalogue = connection->catalogue;
  return catalogue && has(catalogue->prompts, catalogue->n_prompts, prompt);
}
