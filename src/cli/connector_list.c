/* connek connector list: the definitions that connections can use. */
#include "base/limits.h"
#include "base/map.h"
#include "cli/listing.h"
#include "codec/json.h"
#include "config/config.h"
#include "connector/connector.h"

struct list_work {
  const struct cli_args *args;
  struct arena *arena;
  bool is_json;
  struct buf out;
  struct table table;
};

/* How many tools the definition has; -1: it does not compile in this version. */
static int64_t count_tools(struct str definition) {
  struct arena arena;
  arena_init(&arena, 0);
  yyjson_doc *doc = NULL;
  struct err err;
  struct connector connector = {0};
  bool is_compiled = !json_read_file_text(&arena, definition, &doc, &err) &&
                     !connector_compile(&arena, yyjson_doc_get_root(doc), &connector, &err);
  int64_t n = is_compiled ? (int64_t)connector.n_tools : -1;
  arena_release(&arena);
  return n;
}

/* What the MCP servers of an organisation offer. */
struct served {
  const struct connection_record *connections;
  size_t n_connections;
  const struct catalogue_record *heads;
  size_t n_heads;
  const struct catalogue_item_record *items; /* accepted, by connection, kind and name */
  size_t n_items;
};

static enum err_code load_served(struct list_work *work, struct db_tx *tx, struct uuid id, struct served *served,
                                 struct err *err) {
  enum err_code code = store_connection_list(tx, work->arena, id, &served->connections, &served->n_connections, err);
  if (!code) code = store_catalogue_list(tx, work->arena, id, &served->heads, &served->n_heads, err);
  if (!code) code = store_catalogue_item_list_accepted(tx, work->arena, id, &served->items, &served->n_items, err);
  return code;
}

static const struct connection_record *connection_of(const struct served *served, struct uuid id) {
  for (size_t i = 0; i < served->n_connections; i++)
    if (uuid_eq(served->connections[i].id, id)) return &served->connections[i];
  return NULL;
}

/* Of a connector's connections, each name once. -1: no memory. */
static int64_t count_served(const struct served *served, struct str connector) {
  struct map names;
  map_init(&names);
  int64_t n = 0;
  for (size_t i = 0; i < served->n_items && n >= 0; i++) {
    const struct connection_record *connection = connection_of(served, served->items[i].connection_id);
    if (!str_eq_c(served->items[i].kind, "tool") || !connection) continue;
    if (!str_eq(connection->connector_id, connector) || map_get(&names, served->items[i].name)) continue;
    n = map_put(&names, served->items[i].name, &names) ? -1 : n + 1;
  }
  map_release(&names);
  return n;
}

/* {"CONNECTION": "why its server could not be asked"}, or nothing. */
static struct str write_errors(struct list_work *work, const struct served *served, struct str connector) {
  struct buf out;
  buf_init(&out, work->arena, MIB);
  for (size_t i = 0; i < served->n_heads; i++) {
    const struct connection_record *connection = connection_of(served, served->heads[i].connection_id);
    if (!served->heads[i].error.n || !connection || !str_eq(connection->connector_id, connector)) continue;
    buf_append_byte(&out, out.n ? ',' : '{');
    json_write_str(&out, connection->name);
    buf_append_byte(&out, ':');
    json_write_str(&out, served->heads[i].error);
  }
  if (!out.n) return STR_NONE;
  buf_append_byte(&out, '}');
  return buf_failed(&out) ? STR_NONE : buf_str(&out);
}

/* `served` NULL: nobody's. */
static void write_one(struct list_work *work, const struct connector_record *record, struct str organisation,
                      const struct served *served) {
  bool is_served = served && str_eq_c(record->kind, "mcp");
  int64_t n_tools = is_served ? count_served(served, record->id) : count_tools(record->definition);
  if (work->is_json) {
    json_line_begin(&work->out);
    json_line_text(&work->out, "id", record->id);
    json_line_int(&work->out, "version", record->version);
    json_line_text(&work->out, "kind", record->kind);
    json_line_text(&work->out, "source", record->source);
    json_line_text(&work->out, "status", record->status);
    if (n_tools < 0) {
      json_line_raw(&work->out, "tools", STR_NONE);
    } else {
      json_line_int(&work->out, "tools", n_tools);
    }
    json_line_text(&work->out, "organisation", organisation);
    if (is_served) json_line_raw(&work->out, "errors", write_errors(work, served, record->id));
    json_line_end(&work->out);
    return;
  }
  struct str version = arena_printf(&work->table.arena, "%lld", (long long)record->version);
  struct str tools = n_tools < 0 ? STR("broken") : arena_printf(&work->table.arena, "%lld", (long long)n_tools);
  const struct str cells[] = {record->id,
                              version,
                              record->kind,
                              record->source,
                              record->status,
                              tools,
                              organisation.n ? organisation : STR("-")};
  if (table_add(&work->table, cells)) table_write(&work->table, &work->out);
}

/* What a table has no room for. */
static void write_problems(struct list_work *work, const struct served *served) {
  for (size_t i = 0; i < served->n_heads && !work->is_json; i++) {
    const struct connection_record *connection = connection_of(served, served->heads[i].connection_id);
    if (!served->heads[i].error.n || !connection) continue;
    cli_warn(work->args, "the MCP server of connection %.*s could not be asked: %.*s", STR_ARG(connection->name),
             STR_ARG(served->heads[i].error));
  }
}

static enum err_code list_of(struct list_work *work, struct db_tx *tx, struct uuid organisation_id, struct str name,
                             struct err *err) {
  const struct connector_record *records;
  size_t n;
  struct served served = {0};
  enum err_code code = store_connector_list(tx, work->arena, organisation_id, &records, &n, err);
  if (!code) code = load_served(work, tx, organisation_id, &served, err);
  for (size_t i = 0; !code && i < n; i++) {
    /* The installation's come with every organisation's list; they are shown once. */
    if (uuid_eq(records[i].organisation_id, organisation_id)) write_one(work, &records[i], name, &served);
  }
  if (!code) write_problems(work, &served);
  return code;
}

static enum err_code list_one(void *context, struct db_tx *tx, const struct organisation_record *organisation,
                              struct err *err) {
  return list_of(context, tx, organisation->id, organisation->name, err);
}

static enum err_code list_in(struct db_tx *tx, void *context, struct err *err) {
  struct list_work *work = context;
  struct uuid installation = {{0}};
  enum err_code code = list_of(work, tx, installation, STR_NONE, err);
  return code ? code : organisations_visit(work->args, work->arena, tx, list_one, work, err);
}

/* Before there is any data: what this binary brings. */
static void list_builtins(struct list_work *work) {
  size_t n;
  const struct connector_builtin *builtins = connector_builtins(&n);
  for (size_t i = 0; i < n; i++) {
    struct connector_record record = {.id = str_of(builtins[i].id),
                                      .version = 1,
                                      .status = STR("available"),
                                      .kind = str_of(builtins[i].kind),
                                      .source = STR("builtin"),
                                      .definition = str_of(builtins[i].definition)};
    write_one(work, &record, STR_NONE, NULL);
  }
}

static int list(const struct cli_args *args, struct arena *arena) {
  static const char *const heads[] = {"ID", "VERSION", "KIND", "SOURCE", "STATUS", "TOOLS", "ORGANISATION", NULL};
  struct list_work work = {.args = args, .arena = arena, .is_json = cli_has(args, "json")};
  struct err err = {0};
  const char *dir = cli_value(args, "data");
  buf_init(&work.out, arena, (size_t)64 * MIB);
  table_init(&work.table, heads);
  int exit_code = CLI_OK;
  if (!cli_has(args, "data") && !cli_has(args, "database") && !cli_has_data(dir)) {
    list_builtins(&work);
  } else {
    struct cli_store store;
    enum err_code code = cli_open(args, CLI_READ, &store, &err);
    if (!code) {
      code = db_read(store.conn, list_in, &work, &err);
      cli_close(&store);
    }
    if (code) exit_code = cli_fail(args, &err);
  }
  if (!exit_code) {
    if (!work.is_json) table_write(&work.table, &work.out);
    exit_code = cli_print_buf(args, &work.out);
  }
  table_release(&work.table);
  return exit_code;
}

static const struct cli_option options[] = {CLI_OPTION_DATA, CLI_OPTION_ORGANISATION, CLI_OPTION_JSON};

const struct cli_command cli_connector_list = {
    .name = "connector list",
    .words = "",
    .summary = "lists connectors: built-in ones, and organisations' own",
    .description =
        "Lists the newest version of every connector in the data folder. Where there is no data folder yet and\n"
        "--data was not given, the connectors that this program brings. Of an MCP server the tools are those\n"
        "that were accepted; what keeps one from being asked is said on standard error.\n",
    .example = "  connek connector list --data /var/lib/connek\n",
    CLI_OPTIONS(options),
    .run = list,
};
