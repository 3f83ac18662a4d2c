/* The four tools of a database: which there are, and what each does. Must not know how a kind serves them. */
#include "connector/sql/tool.h"

static const struct {
  const char *name;
  enum sql_operation operation;
  enum policy_does does;
} operations[] = {
    {"list_tables", SQL_LIST_TABLES, DOES_READ},
    {"describe_table", SQL_DESCRIBE_TABLE, DOES_READ},
    {"query", SQL_QUERY, DOES_READ},
    {"execute", SQL_EXECUTE, DOES_DESTROY},
};

static enum err_code read_operation(const struct connector_tool *tool, const char *kind, const char *place,
                                    struct sql_tool *state, struct err *err) {
  for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
    if (!str_eq_c(tool->name, operations[i].name)) continue;
    /* What it does is a fact of this file: a definition that says less would open it to the wrong people. */
    if (tool->does != operations[i].does)
      return definition_fail(err, place, "does", "%s does \"%s\"", operations[i].name,
                             policy_does_name(operations[i].does));
    state->operation = operations[i].operation;
    return ERR_NONE;
  }
  return definition_fail(err, place, "name", "no tool of the kind \"%s\"", kind);
}

enum err_code sql_compile(struct arena *arena, yyjson_val *definition, const char *kind,
                          const struct definition_members *own, struct connector *ret_connector, struct err *err) {
  struct connector connector;
  enum err_code code = definition_check_members(definition, &definition_shared, own, "", err);
  if (code == ERR_NONE) code = connector_definition_read(arena, definition, &connector, err);
  if (code != ERR_NONE) return code;
  struct connector_tool *tools = arena_memdup(arena, connector.tools, connector.n_tools * sizeof(*tools));
  struct sql_tool *states = arena_new_n(arena, struct sql_tool, connector.n_tools);
  if (!tools || !states) return err_no_memory(err);
  size_t i, n;
  yyjson_val *value;
  yyjson_arr_foreach(json_get(definition, "tools"), i, n, value) {
    char place[32];
    snprintf(place, sizeof(place), "/tools/%zu", i);
    size_t at = definition_tool_index(&connector, value);
    code = definition_check_members(value, &definition_tool_shared, NULL, place, err);
    if (code == ERR_NONE) code = read_operation(&tools[at], kind, place, &states[at], err);
    if (code != ERR_NONE) return code;
    tools[at].state = &states[at];
  }
  connector.tools = tools;
  *ret_connector = connector;
  return ERR_NONE;
}
