/* The one place that knows all kinds of connectors, and the definitions that ship in the binary. */
#include "connector/definition.h"
#include "connector/kinds.h"
#include "connector_builtin.h"

static const struct connector_kind *const kinds[] = {&connector_http, &connector_mcp, &connector_postgres,
                                                     &connector_self, &connector_sqlite};

static const struct connector_builtin builtins[] = {
    {"connek", "self", connector_builtin_connek},         {"github", "http", connector_builtin_github},
    {"linear", "http", connector_builtin_linear},         {"notion", "http", connector_builtin_notion},
    {"postgres", "postgres", connector_builtin_postgres}, {"slack", "http", connector_builtin_slack},
    {"sqlite", "sqlite", connector_builtin_sqlite},       {"stripe", "http", connector_builtin_stripe},
    {"telegram", "http", connector_builtin_telegram},     {"xero", "http", connector_builtin_xero},
};

const struct connector_kind *connector_kind_find(struct str name) {
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
    if (str_eq_c(name, kinds[i]->name)) return kinds[i];
  return NULL;
}

const struct connector_builtin *connector_builtin_find(struct str id) {
  for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++)
    if (str_eq_c(id, builtins[i].id)) return &builtins[i];
  return NULL;
}

const struct connector_builtin *connector_builtins(size_t *ret_n) {
  *ret_n = sizeof(builtins) / sizeof(builtins[0]);
  return builtins;
}

enum err_code connector_compile(struct arena *arena, yyjson_val *definition, struct connector *ret_connector,
                                struct err *err) {
  yyjson_val *name = json_get(definition, "kind");
  const struct connector_kind *kind = name ? connector_kind_find(json_str(name)) : &connector_http;
  if (!kind)
    return definition_fail(err, "", "kind", "kind must be \"http\", \"mcp\", \"postgres\", \"sqlite\" or \"self\"");
  struct connector connector;
  enum err_code code = kind->compile(arena, definition, &connector, err);
  if (code != ERR_NONE) return code;
  connector.kind = kind;
  *ret_connector = connector;
  return ERR_NONE;
}

void connector_check(struct arena *arena, yyjson_val *definition, struct connector *ret_connector,
                     struct connector_findings *findings) {
  yyjson_val *name = json_get(definition, "kind");
  const struct connector_kind *kind = name ? connector_kind_find(json_str(name)) : &connector_http;
  struct err err = {0};
  *ret_connector = (struct connector){.kind = kind};
  if (kind && kind->check) {
    kind->check(arena, definition, ret_connector, findings);
  } else if (connector_compile(arena, definition, ret_connector, &err) != ERR_NONE) {
    definition_found(findings, NULL, &err);
  }
  ret_connector->kind = kind;
}
