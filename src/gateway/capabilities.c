/* Capabilities are the union of what the MCP servers can whose things this user may have. */
#include "gateway/capabilities.h"

#include "base/limits.h"
#include "gateway/task_id.h"

enum { EXTENSIONS_MAX = 32 };

struct gathering {
  struct mcp_capabilities *capabilities;
  enum mcp_era era;
  yyjson_val *names[EXTENSIONS_MAX], *values[EXTENSIONS_MAX];
  size_t n_extensions;
};

/* The Tasks extension is of the modern era: its results mean nothing to older clients. */
static void add_extension(struct gathering *gathering, yyjson_val *name, yyjson_val *value) {
  bool is_tasks = str_eq(json_str(name), STR(TASKS_EXTENSION));
  if (is_tasks && gathering->era == MCP_LEGACY) return;
  gathering->capabilities->has_tasks |= is_tasks;
  for (size_t i = 0; i < gathering->n_extensions; i++) {
    if (str_eq(json_str(gathering->names[i]), json_str(name))) return;
  }
  if (gathering->n_extensions == EXTENSIONS_MAX) return;
  gathering->names[gathering->n_extensions] = name;
  gathering->values[gathering->n_extensions++] = value;
}

static void add(struct gathering *gathering, const struct connector_connection *connection) {
  const struct connector_catalogue *catalogue = connection->catalogue;
  size_t i, n;
  yyjson_val *name, *value;
  if (!catalogue) return;
  gathering->capabilities->has_completions |= catalogue->has_completion;
  gathering->capabilities->has_subscriptions |= catalogue->has_subscriptions;
  gathering->capabilities->has_logging |= catalogue->has_logging;
  gathering->capabilities->has_tasks |= gathering->era == MCP_LEGACY && catalogue->has_tasks;
  if (!catalogue->extensions) return;
  yyjson_obj_foreach(catalogue->extensions, i, n, name, value) add_extension(gathering, name, value);
}

static bool write_extensions(struct arena *arena, const struct gathering *gathering) {
  struct buf out;
  if (gathering->n_extensions == 0) return true;
  buf_init(&out, arena, 64 * KIB);
  buf_append_byte(&out, '{');
  for (size_t i = 0; i < gathering->n_extensions; i++) {
    if (i) buf_append_byte(&out, ',');
    json_write_value(&out, gathering->names[i]);
    buf_append_byte(&out, ':');
    json_write_value(&out, gathering->values[i]);
  }
  buf_append_byte(&out, '}');
  gathering->capabilities->extensions = buf_str(&out);
  return !buf_failed(&out);
}

bool capabilities_of(struct exchange *exchange, enum mcp_era era, struct mcp_capabilities *ret_capabilities) {
  const struct toolset *set = exchange_toolset(exchange);
  struct mcp_capabilities capabilities = {0};
  struct gathering gathering = {.capabilities = &capabilities, .era = era};
  if (!set) return false;
  capabilities.has_prompts = set->n_prompts > 0;
  capabilities.has_resources = set->n_resources + set->n_templates > 0;
  for (size_t i = 0; i < set->n_tools; i++) {
    for (size_t j = 0; j < set->tools[i].n_connections; j++)
      add(&gathering, set->tools[i].connections[j]);
  }
  for (size_t i = 0; i < set->n_prompts; i++) {
    for (size_t j = 0; j < set->prompts[i].n_connections; j++)
      add(&gathering, set->prompts[i].connections[j]);
  }
  for (size_t i = 0; i < set->n_resources; i++)
    add(&gathering, set->resources[i].connection);
  for (size_t i = 0; i < set->n_templates; i++)
    add(&gathering, set->templates[i].connection);
  capabilities.has_completions &= capabilities.has_prompts || capabilities.has_resources;
  capabilities.has_subscriptions &= capabilities.has_resources;
  if (!write_extensions(exchange->arena, &gathering)) return false;
  *ret_capabilities = capabilities;
  return true;
}

bool capabilities_have(struct exchange *exchange, enum mcp_era era, struct str method) {
  struct mcp_capabilities capabilities;
  struct str rest = method, family = str_cut(&rest, '/');
  bool is_prompts = str_eq(family, STR("prompts")), is_resources = str_eq(family, STR("resources"));
  bool is_task = str_eq(family, STR("tasks"));
  bool is_completion = str_eq(family, STR("completion")), is_logging = str_eq(family, STR("logging"));
  if (!is_prompts && !is_resources && !is_completion && !is_logging && !is_task) return true;
  if (!capabilities_of(exchange, era, &capabilities)) return false;
  if (is_prompts) return capabilities.has_prompts;
  if (is_task) return capabilities.has_tasks;
  if (is_completion) return capabilities.has_completions;
  if (is_logging) return capabilities.has_logging;
  return capabilities.has_resources;
}
