/* What was accepted of MCP servers, as a snapshot has it: each connector's tools and prompts, a definition once however
 * many connections have it, and what each connection has of them. What cannot be read is left out, with a warning.
 *
 * Names. A connector's own prefix keeps them apart, unless its one connection wants them plain. Of several definitions
 * of one name, that of the oldest connection has the name, the others a hash behind it. A plain name that anybody else
 * has or wants is nobody's: so that no server can come and take another one's. */
#include <stdlib.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "org/snapshot_load.h"
#include "org/tool_json.h"

enum entry_kind { ENTRY_TOOL, ENTRY_PROMPT, ENTRY_KINDS };

/* A tool or prompt of a connector: one definition, pinned, and what it does. */
struct entry {
  enum entry_kind kind;
  struct str name, public_name; /* public_name.p NULL: none was free */
  uint32_t mark;                /* of definition and `does` */
  enum policy_does does;
  yyjson_val *shown;
  const struct schema *schema;
  bool is_second;    /* another definition has the name */
  const void *final; /* where it lies in the connector's array */
  struct entry *next;
};

struct connector_entries {
  struct entry *first[ENTRY_KINDS], **end[ENTRY_KINDS];
  size_t n[ENTRY_KINDS];
  struct map by_definition; /* kind, does, hash, name -> entry */
  struct map by_name;       /* kind, name -> entry: the first */
  size_t n_connections;
  bool is_plain;
};

/* What one connection has: as many as there are rows of it. */
struct connection_entries {
  struct entry **list;
  size_t n;
};

struct building {
  struct snapshot_load *load;
  struct connector_entries *connectors;   /* as snapshot->connectors */
  struct connection_entries *connections; /* as snapshot->connections */
  const struct catalogue_item_record *rows;
  size_t n_rows;
  struct map taken[ENTRY_KINDS];  /* public names */
  struct map wished[ENTRY_KINDS]; /* plain names -> how many want them */
  struct err *err;
};

static size_t connector_index(const struct building *building, const struct connector_connection *connection) {
  return (size_t)(connection->connector - building->load->snapshot->connectors);
}

/* ---- rows into entries ---- */

/* ERR_INVALID: the row cannot be read. */
static enum err_code read_entry(struct building *building, const struct catalogue_item_record *row, struct entry *entry,
                                struct err *err) {
  struct arena *arena = &building->load->snapshot->arena;
  yyjson_doc *doc;
  struct schema *schema = NULL;
  enum err_code code = json_read(arena, row->accepted_definition, &doc, err);
  if (code != ERR_NONE) return code;
  entry->shown = yyjson_doc_get_root(doc);
  entry->name = json_get_str(entry->shown, "name");
  if (!str_eq(entry->name, row->name)) return err_set(err, ERR_INVALID, "its definition has another name");
  if (entry->kind != ENTRY_TOOL) return ERR_NONE;
  if (!policy_does_parse(row->does, &entry->does)) return err_set(err, ERR_INVALID, "it does nothing known");
  if (!yyjson_is_obj(json_get(entry->shown, "inputSchema"))) return err_set(err, ERR_INVALID, "it has no inputSchema");
  code = schema_compile(arena, json_get(entry->shown, "inputSchema"), &schema, err);
  entry->schema = schema;
  return code;
}

static struct str definition_key(struct arena *arena, enum entry_kind kind, const struct catalogue_item_record *row) {
  char *key = arena_alloc(arena, 2 + sizeof(row->accepted_hash) + row->name.n);
  if (!key) return STR_NONE;
  key[0] = (char)('0' + kind);
  key[1] = row->does.n ? row->does.p[0] : '-';
  memcpy(key + 2, row->accepted_hash, sizeof(row->accepted_hash));
  memcpy(key + 2 + sizeof(row->accepted_hash), row->name.p, row->name.n);
  return str_make(key, 2 + sizeof(row->accepted_hash) + row->name.n);
}

static enum err_code new_entry(struct building *building, struct connector_entries *of, enum entry_kind kind,
                               const struct catalogue_item_record *row, struct str key, struct entry **ret_entry) {
  struct arena *scratch = &building->load->scratch;
  struct entry *entry = arena_new(scratch, struct entry);
  struct err why = {0};
  if (!entry) return err_no_memory(building->err);
  entry->kind = kind;
  entry->does = DOES_READ;
  enum err_code code = read_entry(building, row, entry, &why);
  if (code == ERR_NO_MEMORY) return err_no_memory(building->err);
  if (code != ERR_NONE) {
    snapshot_load_warning(building->load, "%.*s %.*s is hidden: %s", STR_ARG(row->kind), STR_ARG(row->name), why.text);
    *ret_entry = NULL;
    return ERR_NONE;
  }
  entry->mark = crc32_of(str_make(key.p, key.n));
  struct str name = arena_printf(scratch, "%d%.*s", kind, STR_ARG(row->name));
  if (!name.p) return err_no_memory(building->err);
  entry->is_second = map_get(&of->by_name, name);
  if (!entry->is_second && map_put(&of->by_name, name, entry) != ERR_NONE) return err_no_memory(building->err);
  if (map_put(&of->by_definition, key, entry) != ERR_NONE) return err_no_memory(building->err);
  if (!of->end[kind]) of->end[kind] = &of->first[kind];
  *of->end[kind] = entry;
  of->end[kind] = &entry->next;
  of->n[kind]++;
  *ret_entry = entry;
  return ERR_NONE;
}

static enum err_code add_row(struct building *building, size_t connection, enum entry_kind kind,
                             const struct catalogue_item_record *row) {
  const struct connector_connection *at = &building->load->snapshot->connections[connection];
  struct connector_entries *of = &building->connectors[connector_index(building, at)];
  struct str key = definition_key(&building->load->scratch, kind, row);
  if (!key.p) return err_no_memory(building->err);
  struct entry *entry = map_get(&of->by_definition, key);
  if (!entry) {
    enum err_code code = new_entry(building, of, kind, row, key, &entry);
    if (code != ERR_NONE || !entry) return code;
  }
  building->connections[connection].list[building->connections[connection].n++] = entry;
  return ERR_NONE;
}

/* The rows of one connection: they lie together. */
static const struct catalogue_item_record *rows_of(const struct building *building, struct uuid id, size_t *ret_n) {
  size_t first = 0, end;
  while (first < building->n_rows && !uuid_eq(building->rows[first].connection_id, id))
    first++;
  for (end = first; end < building->n_rows && uuid_eq(building->rows[end].connection_id, id);)
    end++;
  *ret_n = end - first;
  return end > first ? building->rows + first : NULL;
}

/* ---- what is a connection's alone ---- */

static enum err_code add_resource(struct building *building, const struct catalogue_item_record *row,
                                  struct connector_resource *list, size_t *n) {
  yyjson_doc *doc;
  struct arena *arena = &building->load->snapshot->arena;
  struct err why = {0};
  enum err_code code = json_read(arena, row->accepted_definition, &doc, &why);
  if (code == ERR_NO_MEMORY) return err_no_memory(building->err);
  const char *member = str_eq_c(row->kind, "template") ? "uriTemplate" : "uri";
  struct str uri = code == ERR_NONE ? json_get_str(yyjson_doc_get_root(doc), member) : STR_NONE;
  if (!uri.p || !str_eq(uri, row->name)) {
    snapshot_load_warning(building->load, "%.*s %.*s is hidden: its definition cannot be read", STR_ARG(row->kind),
                          STR_ARG(row->name));
    return ERR_NONE;
  }
  struct connector_resource *resource = &list[(*n)++];
  *resource = (struct connector_resource){.uri = uri, .shown = yyjson_doc_get_root(doc)};
  struct buf out;
  buf_init(&out, NULL, LIMIT_JSON_FILE);
  resource_json_write(&out, resource, uri);
  if (!buf_failed(&out)) resource->json = arena_str(arena, buf_str(&out));
  buf_release(&out);
  resource->mark = str_hash(resource->json);
  return resource->json.p ? ERR_NONE : err_no_memory(building->err);
}

static void read_capabilities(struct building *building, const struct catalogue_record *head,
                              struct connector_catalogue *catalogue) {
  yyjson_doc *doc;
  struct err err;
  if (json_read(&building->load->snapshot->arena, head->capabilities, &doc, &err) != ERR_NONE) return;
  yyjson_val *capabilities = yyjson_doc_get_root(doc);
  catalogue->has_completion = json_get(capabilities, "completions");
  catalogue->has_logging = json_get(capabilities, "logging");
  catalogue->has_subscriptions = yyjson_is_true(json_get(json_get(capabilities, "resources"), "subscribe"));
  yyjson_val *task_requests = json_get(json_get(capabilities, "tasks"), "requests");
  catalogue->has_tasks = json_get(json_get(task_requests, "tools"), "call");
  catalogue->extensions = json_get(capabilities, "extensions");
}

static enum err_code read_rows(struct building *building, size_t index, const struct catalogue_item_record *rows,
                               size_t n, struct connector_catalogue *catalogue) {
  struct arena *arena = &building->load->snapshot->arena;
  size_t n_resources = 0, n_templates = 0;
  for (size_t i = 0; i < n; i++) {
    n_resources += str_eq_c(rows[i].kind, "resource");
    n_templates += str_eq_c(rows[i].kind, "template");
  }
  struct connector_resource *resources = arena_new_n(arena, struct connector_resource, n_resources + 1);
  struct connector_resource *templates = arena_new_n(arena, struct connector_resource, n_templates + 1);
  building->connections[index].list = arena_new_n(&building->load->scratch, struct entry *, n + 1);
  if (!resources || !templates || !building->connections[index].list) return err_no_memory(building->err);
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < n && code == ERR_NONE; i++) {
    if (str_eq_c(rows[i].kind, "tool")) code = add_row(building, index, ENTRY_TOOL, &rows[i]);
    if (str_eq_c(rows[i].kind, "prompt")) code = add_row(building, index, ENTRY_PROMPT, &rows[i]);
    if (str_eq_c(rows[i].kind, "resource")) code = add_resource(building, &rows[i], resources, &catalogue->n_resources);
    if (str_eq_c(rows[i].kind, "template")) code = add_resource(building, &rows[i], templates, &catalogue->n_templates);
    if (str_eq_c(rows[i].kind, "instructions")) {
      yyjson_doc *doc;
      code = json_read(arena, rows[i].accepted_definition, &doc, building->err);
      if (code == ERR_NONE) catalogue->instructions = json_str(yyjson_doc_get_root(doc));
    }
  }
  catalogue->resources = resources;
  catalogue->templates = templates;
  return code;
}

/* ---- names ---- */

static bool is_taken(const struct building *building, enum entry_kind kind, struct str name) {
  const struct org_snapshot *snapshot = building->load->snapshot;
  return map_get(&building->taken[kind], name) ||
         (kind == ENTRY_TOOL && map_get(&snapshot->tools_by_name, name)); /* those of other kinds were there first */
}

static enum err_code take(struct building *building, struct entry *entry, struct str name) {
  if (!name.p || map_put(&building->taken[entry->kind], name, entry) != ERR_NONE) return err_no_memory(building->err);
  entry->public_name = name;
  return ERR_NONE;
}

static enum err_code take_prefixed(struct building *building, const struct connector *connector, struct entry *entry) {
  struct arena *arena = &building->load->snapshot->arena;
  struct str name = connector_public_name(arena, connector->id, entry->name);
  if (!name.p) return err_no_memory(building->err);
  if (entry->is_second || is_taken(building, entry->kind, name)) name = connector_hashed_name(arena, name, entry->mark);
  if (!name.p) return err_no_memory(building->err);
  if (!is_taken(building, entry->kind, name)) return take(building, entry, name);
  snapshot_load_warning(building->load, "tool %.*s of connector %.*s is hidden: its name is taken",
                        STR_ARG(entry->name), STR_ARG(connector->id));
  return ERR_NONE;
}

typedef enum err_code (*entry_visit)(struct building *building, const struct connector *connector, struct entry *entry);

static enum err_code each_entry(struct building *building, bool is_plain, entry_visit visit) {
  const struct org_snapshot *snapshot = building->load->snapshot;
  for (size_t i = 0; i < snapshot->n_connectors; i++) {
    const struct connector_entries *of = &building->connectors[i];
    if (of->is_plain != is_plain) continue;
    for (int kind = 0; kind < ENTRY_KINDS; kind++) {
      for (struct entry *entry = of->first[kind]; entry; entry = entry->next) {
        enum err_code code = visit(building, &snapshot->connectors[i], entry);
        if (code != ERR_NONE) return code;
      }
    }
  }
  return ERR_NONE;
}

static enum err_code wish(struct building *building, const struct connector *connector, struct entry *entry) {
  struct str name = connector_plain_name(&building->load->snapshot->arena, entry->name);
  if (!name.p) return err_no_memory(building->err);
  entry->public_name = name; /* for now */
  uintptr_t n = (uintptr_t)map_get(&building->wished[entry->kind], name);
  if (map_put(&building->wished[entry->kind], name, (void *)(n + 1)) != ERR_NONE) return err_no_memory(building->err);
  return ERR_NONE;
}

static enum err_code grant(struct building *building, const struct connector *connector, struct entry *entry) {
  struct str name = entry->public_name;
  entry->public_name = STR_NONE;
  if ((uintptr_t)map_get(&building->wished[entry->kind], name) > 1) return ERR_NONE;
  return is_taken(building, entry->kind, name) ? ERR_NONE : take(building, entry, name);
}

static enum err_code take_if_none(struct building *building, const struct connector *connector, struct entry *entry) {
  return entry->public_name.p ? ERR_NONE : take_prefixed(building, connector, entry);
}

static enum err_code name_all(struct building *building) {
  enum err_code code = each_entry(building, false, take_prefixed);
  if (code == ERR_NONE) code = each_entry(building, true, wish);
  if (code == ERR_NONE) code = each_entry(building, true, grant);
  if (code == ERR_NONE) code = each_entry(building, true, take_if_none);
  return code;
}

/* ---- into the snapshot ---- */

static int entry_order(const void *a, const void *b) {
  const struct entry *left = *(const struct entry *const *)a, *right = *(const struct entry *const *)b;
  int order = str_cmp(left->name, right->name);
  return order != 0 ? order : str_cmp(left->public_name, right->public_name);
}

/* Those that have a name, in order. NULL: no memory. */
static struct entry **sorted(struct building *building, const struct connector_entries *of, enum entry_kind kind,
                             size_t *ret_n) {
  struct entry **list = arena_new_n(&building->load->scratch, struct entry *, of->n[kind] + 1);
  size_t n = 0;
  for (struct entry *entry = of->first[kind]; list && entry; entry = entry->next)
    if (entry->public_name.p) list[n++] = entry;
  if (list) qsort(list, n, sizeof(list[0]), entry_order);
  *ret_n = n;
  return list;
}

static struct str text_of(yyjson_val *shown, const char *member) {
  struct str text = json_get_str(shown, member);
  return text.p ? text : STR("");
}

static enum err_code place_tools(struct building *building, struct connector *connector,
                                 const struct connector_entries *of) {
  size_t n;
  struct entry **list = sorted(building, of, ENTRY_TOOL, &n);
  struct connector_tool *tools = arena_new_n(&building->load->snapshot->arena, struct connector_tool, n + 1);
  if (!list || !tools) return err_no_memory(building->err);
  for (size_t i = 0; i < n; i++) {
    struct str title = text_of(list[i]->shown, "title");
    tools[i] = (struct connector_tool){
        .name = list[i]->name,
        .public_name = list[i]->public_name,
        .title = title.n ? title : text_of(json_get(list[i]->shown, "annotations"), "title"),
        .description = text_of(list[i]->shown, "description"),
        .does = list[i]->does,
        .input_schema = json_get(list[i]->shown, "inputSchema"),
        .schema = list[i]->schema,
        .shown = list[i]->shown,
    };
    list[i]->final = &tools[i];
  }
  connector->tools = tools;
  connector->n_tools = n;
  return snapshot_add_tools(building->load, connector, building->err);
}

static enum err_code place_prompts(struct building *building, struct connector *connector,
                                   const struct connector_entries *of) {
  struct org_snapshot *snapshot = building->load->snapshot;
  size_t n;
  struct entry **list = sorted(building, of, ENTRY_PROMPT, &n);
  struct connector_prompt *prompts = arena_new_n(&snapshot->arena, struct connector_prompt, n + 1);
  struct org_prompt *listed = arena_new_n(&snapshot->arena, struct org_prompt, n + 1);
  if (!list || !prompts || !listed) return err_no_memory(building->err);
  struct buf out;
  buf_init(&out, NULL, LIMIT_JSON_FILE);
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < n && code == ERR_NONE; i++) {
    prompts[i] = (struct connector_prompt){.name = list[i]->name,
                                           .public_name = list[i]->public_name,
                                           .description = text_of(list[i]->shown, "description"),
                                           .shown = list[i]->shown};
    list[i]->final = &prompts[i];
    buf_clear(&out);
    prompt_json_write(&out, connector, &prompts[i], NULL, NULL, 0);
    listed[i] = (struct org_prompt){.connector = connector, .prompt = &prompts[i]};
    if (!buf_failed(&out)) listed[i].json = arena_str(&snapshot->arena, buf_str(&out));
    listed[i].mark = str_hash(listed[i].json);
    if (!listed[i].json.p || map_put(&snapshot->prompts_by_name, prompts[i].public_name, &listed[i]) != ERR_NONE)
      code = err_no_memory(building->err);
  }
  buf_release(&out);
  connector->prompts = prompts;
  connector->n_prompts = n;
  return code;
}

static int address_order(const void *a, const void *b) {
  uintptr_t left = *(const uintptr_t *)a, right = *(const uintptr_t *)b;
  return left < right ? -1 : left > right;
}

/* What the connection has, by address: as its connector's arrays lie. NULL: no memory. */
static const void **finals(struct building *building, const struct connection_entries *of, enum entry_kind kind,
                           size_t *ret_n) {
  const void **list = arena_new_n(&building->load->snapshot->arena, const void *, of->n + 1);
  size_t n = 0;
  for (size_t i = 0; list && i < of->n; i++)
    if (of->list[i]->kind == kind && of->list[i]->final) list[n++] = of->list[i]->final;
  if (list) qsort(list, n, sizeof(list[0]), address_order);
  *ret_n = n;
  return list;
}

static enum err_code place_all(struct building *building) {
  struct org_snapshot *snapshot = building->load->snapshot;
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < snapshot->n_connectors && code == ERR_NONE; i++) {
    if (!snapshot->connectors[i].kind->has_catalogue) continue;
    code = place_tools(building, &snapshot->connectors[i], &building->connectors[i]);
    if (code == ERR_NONE) code = place_prompts(building, &snapshot->connectors[i], &building->connectors[i]);
  }
  for (size_t i = 0; i < snapshot->n_connections && code == ERR_NONE; i++) {
    struct connector_catalogue *catalogue = (struct connector_catalogue *)(uintptr_t)snapshot->connections[i].catalogue;
    if (!catalogue) continue;
    const struct connection_entries *of = &building->connections[i];
    catalogue->tools = (const struct connector_tool *const *)finals(building, of, ENTRY_TOOL, &catalogue->n_tools);
    catalogue->prompts =
        (const struct connector_prompt *const *)finals(building, of, ENTRY_PROMPT, &catalogue->n_prompts);
    if (!catalogue->tools || !catalogue->prompts) code = err_no_memory(building->err);
  }
  return code;
}

/* ---- the whole ---- */

/* Ids are in the order in which connections were made (UUIDv7). */
static int by_id(const void *a, const void *b) {
  const struct connector_connection *left = *(const struct connector_connection *const *)a;
  const struct connector_connection *right = *(const struct connector_connection *const *)b;
  return memcmp(left->policy.id.b, right->policy.id.b, sizeof(left->policy.id.b));
}

static enum err_code load_connection(struct building *building, struct connector_connection *connection,
                                     const struct catalogue_record *heads, size_t n_heads) {
  struct org_snapshot *snapshot = building->load->snapshot;
  size_t index = (size_t)(connection - snapshot->connections), n;
  struct connector_catalogue *catalogue = arena_new(&snapshot->arena, struct connector_catalogue);
  if (!catalogue) return err_no_memory(building->err);
  connection->catalogue = catalogue;
  for (size_t i = 0; i < n_heads; i++)
    if (uuid_eq(heads[i].connection_id, connection->policy.id)) read_capabilities(building, &heads[i], catalogue);
  const struct catalogue_item_record *rows = rows_of(building, connection->policy.id, &n);
  return read_rows(building, index, rows, n, catalogue);
}

static enum err_code load_rows(struct building *building) {
  struct org_snapshot *snapshot = building->load->snapshot;
  struct arena *scratch = &building->load->scratch;
  const struct catalogue_record *heads;
  size_t n_heads, n = 0;
  struct connector_connection **order = arena_new_n(scratch, struct connector_connection *, snapshot->n_connections);
  if (!order) return err_no_memory(building->err);
  for (size_t i = 0; i < snapshot->n_connections; i++) {
    struct connector_connection *connection = &snapshot->connections[i];
    if (!connection->connector->kind->has_catalogue) continue;
    struct connector_entries *of = &building->connectors[connector_index(building, connection)];
    of->is_plain = ++of->n_connections == 1 && str_eq_c(building->load->records[i].names, "plain");
    order[n++] = connection;
  }
  qsort(order, n, sizeof(order[0]), by_id);
  enum err_code code = store_catalogue_list(building->load->tx, scratch, snapshot->id, &heads, &n_heads, building->err);
  if (code == ERR_NONE) {
    code = store_catalogue_item_list_accepted(building->load->tx, scratch, snapshot->id, &building->rows,
                                              &building->n_rows, building->err);
  }
  for (size_t i = 0; i < n && code == ERR_NONE; i++)
    code = load_connection(building, order[i], heads, n_heads);
  return code;
}

static bool has_servers(const struct org_snapshot *snapshot) {
  for (size_t i = 0; i < snapshot->n_connections; i++)
    if (snapshot->connections[i].connector->kind->has_catalogue) return true;
  return false;
}

enum err_code snapshot_load_catalogues(struct snapshot_load *load, struct err *err) {
  struct org_snapshot *snapshot = load->snapshot;
  if (!has_servers(snapshot)) return ERR_NONE;
  struct building building = {.load = load, .err = err};
  building.connectors = arena_new_n(&load->scratch, struct connector_entries, snapshot->n_connectors);
  building.connections = arena_new_n(&load->scratch, struct connection_entries, snapshot->n_connections);
  if (!building.connectors || !building.connections) return err_no_memory(err);
  enum err_code code = load_rows(&building);
  if (code == ERR_NONE) code = name_all(&building);
  if (code == ERR_NONE) code = place_all(&building);
  for (size_t i = 0; i < snapshot->n_connectors; i++) {
    map_release(&building.connectors[i].by_definition);
    map_release(&building.connectors[i].by_name);
  }
  for (int kind = 0; kind < ENTRY_KINDS; kind++) {
    map_release(&building.taken[kind]);
    map_release(&building.wished[kind]);
  }
  return code;
}
