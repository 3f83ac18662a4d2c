/* Connectors, their tools and connections of a snapshot. What does not compile is left out, with a warning; whatever
 * hangs on it (a connector's connections) is then left out too. Never does something broken make more visible. */
#include <stdlib.h>

#include "codec/json.h"
#include "org/snapshot_load.h"
#include "org/tool_json.h"

/* By id; an organisation's own before the installation's (nil). */
static int record_order(const void *a, const void *b) {
  const struct connector_record *left = *(const struct connector_record *const *)a;
  const struct connector_record *right = *(const struct connector_record *const *)b;
  int order = str_cmp(left->id, right->id);
  return order != 0 ? order : uuid_is_nil(left->organisation_id) - uuid_is_nil(right->organisation_id);
}

typedef enum err_code (*definition_read)(struct arena *arena, struct str text, yyjson_doc **ret_doc, struct err *err);

/* Compiles into its final place: a kind may point back at it. ERR_INVALID: it is broken. */
static enum err_code compile(struct org_snapshot *snapshot, const struct connector_record *record, definition_read read,
                             struct connector *connector, struct err *err) {
  yyjson_doc *doc;
  enum err_code code = read(&snapshot->arena, record->definition, &doc, err);
  if (code == ERR_NONE) code = connector_compile(&snapshot->arena, yyjson_doc_get_root(doc), connector, err);
  if (code != ERR_NONE) return code;
  if (!str_eq(connector->id, record->id)) return err_set(err, ERR_INVALID, "its definition has another id");
  if (!str_eq_c(record->kind, connector->kind->name)) {
    return err_set(err, ERR_INVALID, "its definition is of another kind");
  }
  if (!connector->kind->needs_rule && !uuid_is_nil(record->organisation_id)) {
    return err_set(err, ERR_DENIED, "tools that need no rule are the installation's alone");
  }
  connector->version = record->version;
  if (!record->environment.n) return ERR_NONE;
  connector->sealed_environment = arena_str(&snapshot->arena, record->environment);
  return connector->sealed_environment.p ? ERR_NONE : err_no_memory(err);
}

enum err_code snapshot_add_tools(struct snapshot_load *load, const struct connector *connector, struct err *err) {
  struct org_snapshot *snapshot = load->snapshot;
  for (size_t i = 0; i < connector->n_tools; i++) {
    const struct org_tool *known = map_get(&snapshot->tools_by_name, connector->tools[i].public_name);
    if (!known) continue;
    return err_set(err, ERR_CONFLICT, "its tool %.*s has the public name of one of connector %.*s",
                   STR_ARG(connector->tools[i].name), STR_ARG(known->connector->id));
  }
  struct org_tool *tools = arena_new_n(&snapshot->arena, struct org_tool, connector->n_tools);
  if (!tools && connector->n_tools > 0) return err_no_memory(err);
  struct buf out;
  buf_init(&out, NULL, LIMIT_JSON_FILE);
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < connector->n_tools && code == ERR_NONE; i++) {
    buf_clear(&out);
    tool_json_write(&out, connector, &connector->tools[i], NULL, NULL, 0);
    if (!buf_failed(&out)) tools[i].json = arena_str(&snapshot->arena, buf_str(&out));
    tools[i].mark = str_hash(tools[i].json);
    tools[i].connector = connector;
    tools[i].tool = &connector->tools[i];
    if (!tools[i].json.p || map_put(&snapshot->tools_by_name, connector->tools[i].public_name, &tools[i]) != ERR_NONE) {
      code = err_no_memory(err);
    }
  }
  buf_release(&out);
  return code;
}

/* A newer server beside this one has put its own definitions into the database; those of this binary it can read. */
static bool is_built_in(const struct connector_record *record, struct connector_record *ret_own) {
  const struct connector_builtin *builtin =
      uuid_is_nil(record->organisation_id) ? connector_builtin_find(record->id) : NULL;
  if (!builtin) return false;
  *ret_own = *record;
  ret_own->kind = str_of(builtin->kind);
  ret_own->definition = str_of(builtin->definition);
  return true;
}

static enum err_code add_connector(struct snapshot_load *load, const struct connector_record *record, struct err *err) {
  struct org_snapshot *snapshot = load->snapshot;
  struct connector *connector = &snapshot->connectors[snapshot->n_connectors];
  struct err why = {0};
  *connector = (struct connector){0}; /* a broken one may have been here */
  enum err_code code = compile(snapshot, record, json_read, connector, &why);
  struct connector_record own;
  if (code == ERR_INVALID && is_built_in(record, &own)) {
    *connector = (struct connector){0};
    code = compile(snapshot, &own, json_read_file_text, connector, &why);
  }
  if (code == ERR_NONE) code = snapshot_add_tools(load, connector, &why);
  if (code == ERR_NO_MEMORY) return err_no_memory(err);
  if (code == ERR_NONE) {
    snapshot->n_connectors++;
  } else {
    snapshot_load_warning(load, "connector %.*s is hidden: %s%s%s", STR_ARG(record->id), why.text,
                          why.place[0] ? " at " : "", why.place);
  }
  return ERR_NONE;
}

enum err_code snapshot_load_connectors(struct snapshot_load *load, struct err *err) {
  struct org_snapshot *snapshot = load->snapshot;
  const struct connector_record *list;
  size_t n;
  enum err_code code = store_connector_list_used(load->tx, &load->scratch, snapshot->id, &list, &n, err);
  if (code != ERR_NONE || n == 0) return code;
  const struct connector_record **sorted = arena_new_n(&load->scratch, const struct connector_record *, n);
  snapshot->connectors = arena_new_n(&snapshot->arena, struct connector, n);
  if (!sorted || !snapshot->connectors) return err_no_memory(err);
  for (size_t i = 0; i < n; i++)
    sorted[i] = &list[i];
  qsort(sorted, n, sizeof(sorted[0]), record_order);
  for (size_t i = 0; i < n && code == ERR_NONE; i++) {
    if (i > 0 && str_eq(sorted[i]->id, sorted[i - 1]->id)) { /* from before it was built in */
      snapshot_load_warning(load, "connector %.*s is the organisation's own; the built-in one of that name is not used",
                            STR_ARG(sorted[i]->id));
      continue;
    }
    if (str_eq_c(sorted[i]->status, "coming_soon")) continue; /* an announcement, nothing to call */
    code = add_connector(load, sorted[i], err);
  }
  return code;
}

static const struct connector *connector_find(const struct org_snapshot *snapshot, struct str id) {
  size_t low = 0, high = snapshot->n_connectors;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = str_cmp(snapshot->connectors[middle].id, id);
    if (order == 0) return &snapshot->connectors[middle];
    if (order < 0) low = middle + 1;
    if (order > 0) high = middle;
  }
  return NULL;
}

static enum err_code read_object(struct arena *arena, struct str text, const char *what, yyjson_val **ret_object,
                                 struct err *err) {
  yyjson_doc *doc;
  enum err_code code = json_read(arena, text, &doc, err);
  if (code != ERR_NONE) {
    err_prefix(err, "%s", what);
    return code;
  }
  if (!yyjson_is_obj(yyjson_doc_get_root(doc))) return err_set(err, ERR_INVALID, "%s: not an object", what);
  *ret_object = yyjson_doc_get_root(doc);
  return ERR_NONE;
}

static enum err_code read_labels(struct arena *arena, struct str text, struct policy_connection *policy,
                                 struct err *err) {
  yyjson_val *object;
  enum err_code code = read_object(arena, text, "labels", &object, err);
  if (code != ERR_NONE || yyjson_obj_size(object) == 0) return code;
  struct policy_label *labels = arena_new_n(arena, struct policy_label, yyjson_obj_size(object));
  if (!labels) return err_no_memory(err);
  size_t n = 0;
  yyjson_obj_iter iter = yyjson_obj_iter_with(object);
  for (yyjson_val *key; (key = yyjson_obj_iter_next(&iter)); n++) {
    yyjson_val *value = yyjson_obj_iter_get_val(key);
    if (!yyjson_is_str(value)) return err_set(err, ERR_INVALID, "labels: a value is not a string");
    labels[n] = (struct policy_label){json_str(key), json_str(value)};
  }
  policy->labels = labels;
  policy->n_labels = n;
  return ERR_NONE;
}

/* An admin's, and over them what the service gave when it was connected. */
static enum err_code read_settings(struct arena *arena, const struct connection_record *record,
                                   yyjson_val **ret_settings, struct err *err) {
  yyjson_val *settings, *captured = NULL;
  enum err_code code = read_object(arena, record->settings, "settings", &settings, err);
  if (code == ERR_NONE && record->captured.n > 0)
    code = read_object(arena, record->captured, "captured settings", &captured, err);
  if (code != ERR_NONE) return code;
  *ret_settings = connector_settings_with(arena, settings, captured);
  return *ret_settings ? ERR_NONE : err_no_memory(err);
}

/* Anything but ERR_NONE and ERR_NO_MEMORY: the connection is broken. */
static enum err_code read_connection(struct org_snapshot *snapshot, const struct connection_record *record,
                                     struct connector_connection *connection, struct err *err) {
  struct arena *arena = &snapshot->arena;
  const struct connector *connector = connector_find(snapshot, record->connector_id);
  if (!connector) return err_set(err, ERR_NOT_FOUND, "no connector %.*s", STR_ARG(record->connector_id));
  if (!connector->kind->needs_rule)
    return err_set(err, ERR_INVALID, "connector %.*s takes no connections", STR_ARG(connector->id));
  connection->policy.id = record->id;
  connection->policy.name = record->name;
  connection->policy.connector = connector->id;
  connection->policy.owner_user_id = record->owner_user_id;
  connection->connector = connector;
  connection->sealed_credential = record->credential;
  connection->version = record->version;
  connection->has_grant = record->captured.n > 0;
  enum err_code code = read_labels(arena, record->labels, &connection->policy, err);
  if (code == ERR_NONE) code = read_settings(arena, record, &connection->settings, err);
  if (code == ERR_NONE && connector->kind->connect) {
    code = connector->kind->connect(arena, connector, connection->settings, &connection->state, err);
  }
  if (code == ERR_NONE && connector->kind->open)
    code = connector->kind->open(arena, snapshot->id, snapshot->name, connection, err);
  return code;
}

enum err_code snapshot_load_connections(struct snapshot_load *load, struct err *err) {
  struct org_snapshot *snapshot = load->snapshot;
  const struct connection_record *list;
  size_t n;
  enum err_code code = store_connection_list(load->tx, &snapshot->arena, snapshot->id, &list, &n, err);
  if (code != ERR_NONE || n == 0) return code;
  snapshot->connections = arena_new_n(&snapshot->arena, struct connector_connection, n);
  struct connection_record *records = arena_new_n(&load->scratch, struct connection_record, n);
  if (!snapshot->connections || !records) return err_no_memory(err);
  load->records = records;
  for (size_t i = 0; i < n; i++) {
    struct connector_connection connection = {0};
    struct err why = {0};
    code = read_connection(snapshot, &list[i], &connection, &why);
    if (code == ERR_NO_MEMORY) return err_no_memory(err);
    if (code == ERR_NONE) {
      records[snapshot->n_connections] = list[i];
      snapshot->connections[snapshot->n_connections++] = connection;
    } else {
      snapshot_load_warning(load, "connection %.*s is hidden: %s%s%s", STR_ARG(list[i].name), why.text,
                            why.place[0] ? " at " : "", why.place);
    }
  }
  return ERR_NONE;
}
