/* connek connector review: what MCP servers offer and nobody has decided on; and the decisions. */
#include "base/limits.h"
#include "cli/catalogue_line.h"
#include "cli/cli.h"
#include "cli/open.h"
#include "codec/json.h"
#include "codec/plain_text.h"
#include "config/config.h"
#include "org/catalogue.h"

struct review_work {
  const struct cli_args *args;
  const struct cli_store *store;
  struct arena *arena;
  struct buf out;
  bool is_json, wants_all;
  const char *connection;
  struct organisation_record organisation;
  const struct connection_record *connections;
  size_t n_connections;
  const struct catalogue_record *heads;
  size_t n_heads;
  struct catalogue_item_record **items; /* of each connection, by kind and name */
  size_t *n_items;
  struct vault_keys *keys;
  bool is_changed;
};

static bool is_waiting(const struct catalogue_item_record *item) {
  return item->gone_at == 0 && (str_eq_c(item->status, "pending") || str_eq_c(item->status, "quarantined"));
}

static bool is_shown(const struct review_work *work, const struct catalogue_item_record *item) {
  return work->wants_all || is_waiting(item) || (item->gone_at == 0 && str_eq_c(item->status, "refused"));
}

/* ---- reading ---- */

static enum err_code load_items(struct review_work *work, struct db_tx *tx, size_t i, struct err *err) {
  const struct catalogue_item_record *list;
  enum err_code code = store_catalogue_item_list(tx, work->arena, work->organisation.id, work->connections[i].id, &list,
                                                 &work->n_items[i], err);
  if (code || work->n_items[i] == 0) return code;
  work->items[i] = arena_memdup(work->arena, list, work->n_items[i] * sizeof(*list));
  return work->items[i] ? ERR_NONE : err_no_memory(err);
}

static enum err_code load(struct review_work *work, struct db_tx *tx, struct err *err) {
  const struct connection_record *all;
  size_t n;
  enum err_code code = config_find_organisation(tx, work->arena, str_of(cli_value(work->args, "organisation")),
                                                &work->organisation, err);
  if (!code) code = store_connection_list(tx, work->arena, work->organisation.id, &all, &n, err);
  if (!code) code = store_catalogue_list(tx, work->arena, work->organisation.id, &work->heads, &work->n_heads, err);
  if (code) return code;
  struct connection_record *chosen = arena_new_n(work->arena, struct connection_record, n + 1);
  work->items = arena_new_n(work->arena, struct catalogue_item_record *, n + 1);
  work->n_items = arena_new_n(work->arena, size_t, n + 1);
  if (!chosen || !work->items || !work->n_items) return err_no_memory(err);
  for (size_t i = 0; i < n; i++) {
    if (!work->connection || str_eq_c(all[i].name, work->connection)) chosen[work->n_connections++] = all[i];
  }
  work->connections = chosen;
  if (work->connection && work->n_connections == 0)
    return err_set(err, ERR_NOT_FOUND, "there is no connection \"%.200s\"", work->connection);
  for (size_t i = 0; i < work->n_connections && !code; i++)
    code = load_items(work, tx, i, err);
  return code;
}

static const struct catalogue_record *head_of(const struct review_work *work, struct uuid id) {
  for (size_t i = 0; i < work->n_heads; i++)
    if (uuid_eq(work->heads[i].connection_id, id)) return &work->heads[i];
  return NULL;
}

/* ---- showing ---- */

static enum err_code show(struct review_work *work, struct err *err) {
  size_t n_shown = 0;
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < work->n_connections && !code; i++) {
    const struct connection_record *connection = &work->connections[i];
    n_shown += catalogue_line_head(&work->out, connection, head_of(work, connection->id), work->is_json);
    for (size_t k = 0; k < work->n_items[i] && !code; k++) {
      if (!is_shown(work, &work->items[i][k])) continue;
      n_shown++;
      code = work->is_json ? catalogue_line_json(work->arena, &work->out, connection, &work->items[i][k], err)
                           : catalogue_line_text(work->arena, &work->out, connection, &work->items[i][k], err);
    }
  }
  if (!code && n_shown == 0 && !work->is_json) buf_append_c(&work->out, "nothing waits for a decision\n");
  return code;
}

static enum err_code show_in(struct db_tx *tx, void *context, struct err *err) {
  struct review_work *work = context;
  enum err_code code = load(work, tx, err);
  return code ? code : show(work, err);
}

/* ---- deciding ---- */

struct verdict {
  bool is_accepted;
  struct str does;
};

/* "all", NAME, KIND:NAME, or the item's id. */
static bool is_meant(const struct catalogue_item_record *item, struct str word) {
  struct uuid id;
  if (uuid_parse(word, &id)) return uuid_eq(item->id, id);
  if (str_eq(item->name, word) && word.n > 0) return true;
  if (str_eq_c(word, "instructions")) return str_eq_c(item->kind, "instructions");
  return word.n > item->kind.n && str_starts(word, item->kind) && word.p[item->kind.n] == ':' &&
         str_eq(str_make(word.p + item->kind.n + 1, word.n - item->kind.n - 1), item->name);
}

static enum err_code decide(struct review_work *work, struct db_tx *tx, size_t connection,
                            struct catalogue_item_record *item, const struct verdict *verdict, struct err *err) {
  const struct catalogue_decision decision = {.organisation = &work->organisation,
                                              .connection = &work->connections[connection],
                                              .keys = work->keys,
                                              .is_accepted = verdict->is_accepted,
                                              .does = verdict->does};
  enum err_code code = catalogue_decide(tx, &decision, item, err);
  if (code) return code;
  work->is_changed = true;
  if (work->is_json) return catalogue_line_json(work->arena, &work->out, &work->connections[connection], item, err);
  catalogue_line_verdict(&work->out, &work->connections[connection], item);
  return ERR_NONE;
}

static enum err_code decide_all(struct review_work *work, struct db_tx *tx, const struct verdict *verdict,
                                struct err *err) {
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < work->n_connections; i++) {
    for (size_t k = 0; k < work->n_items[i] && !code; k++) {
      if (is_waiting(&work->items[i][k])) code = decide(work, tx, i, &work->items[i][k], verdict, err);
    }
  }
  return code;
}

static enum err_code decide_one(struct review_work *work, struct db_tx *tx, struct str word,
                                const struct verdict *verdict, struct err *err) {
  struct catalogue_item_record *found = NULL;
  size_t connection = 0, n = 0;
  for (size_t i = 0; i < work->n_connections; i++) {
    for (size_t k = 0; k < work->n_items[i]; k++) {
      if (work->items[i][k].gone_at || !is_meant(&work->items[i][k], word)) continue;
      found = &work->items[i][k];
      connection = i;
      n++;
    }
  }
  if (n > 1) {
    return err_set(err, ERR_INVALID, "%zu items are \"%.*s\": say which, with --connection NAME or as KIND:NAME", n,
                   STR_ARG(word));
  }
  if (!found) {
    return err_set(err, ERR_NOT_FOUND, "there is no item \"%.*s\"; connek connector review --all lists them",
                   STR_ARG(word));
  }
  return decide(work, tx, connection, found, verdict, err);
}

static enum err_code decide_list(struct review_work *work, struct db_tx *tx, const char *option,
                                 const struct verdict *verdict, struct err *err) {
  struct cli_values words = cli_list(work->args, option);
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < words.n && !code; i++) {
    code = strcmp(words.items[i], "all") == 0 ? decide_all(work, tx, verdict, err)
                                              : decide_one(work, tx, str_of(words.items[i]), verdict, err);
  }
  return code;
}

static enum err_code decide_in(struct db_tx *tx, void *context, struct err *err) {
  struct review_work *work = context;
  const struct verdict yes = {true, str_of(cli_value(work->args, "does"))}, no = {false, STR("")};
  enum err_code code = load(work, tx, err);
  if (!code) {
    code = vault_keys_open(work->store->vault, work->organisation.id, work->organisation.data_key, &work->keys, err);
  }
  if (!code) code = decide_list(work, tx, "reject", &no, err);
  if (!code) code = decide_list(work, tx, "accept", &yes, err);
  if (!code && work->is_changed)
    code = store_change_log(tx, work->organisation.id, CHANGE_ORGANISATION, work->organisation.id, err);
  if (!code && !work->is_changed && !work->is_json) buf_append_c(&work->out, "nothing waits for a decision\n");
  return code;
}

static int decide_and_confirm(struct review_work *work) {
  struct err err = {0};
  if (db_write(work->store->conn, decide_in, work, &err)) {
    int exit_code = cli_fail(work->args, &err);
    cli_warn(work->args, "nothing has been changed");
    return exit_code;
  }
  if (!cli_confirm(work->store, &err)) return CLI_OK;
  cli_warn(work->args,
           "the decision is saved, but the server running on %s has not confirmed it (%s). It looks for changes by "
           "itself every two seconds; /readyz tells whether it is well",
           work->store->dir, err.text);
  return CLI_FAILED;
}

/* What is shown to a terminal came from strangers. */
static int print(struct review_work *work) {
  if (work->is_json) return cli_print_buf(work->args, &work->out);
  struct buf clean;
  buf_init(&clean, work->arena, (size_t)256 * MIB);
  if (work->out.n > 0) (void)plain_text_write(&clean, buf_str(&work->out));
  return cli_print_buf(work->args, &clean);
}

static int review(const struct cli_args *args, struct arena *arena) {
  struct cli_store store;
  struct err err = {0};
  struct review_work work = {.args = args,
                             .store = &store,
                             .arena = arena,
                             .is_json = cli_has(args, "json"),
                             .wants_all = cli_has(args, "all"),
                             .connection = cli_value(args, "connection")};
  bool decides = cli_has(args, "accept") || cli_has(args, "reject");
  if (cli_has(args, "does") && !cli_has(args, "accept")) return cli_usage(args, "--does goes with --accept");
  if (cli_open(args, decides ? CLI_WRITE : CLI_READ, &store, &err)) return cli_fail(args, &err);
  buf_init(&work.out, arena, (size_t)256 * MIB);
  int exit_code = CLI_OK;
  if (decides) {
    exit_code = decide_and_confirm(&work);
  } else if (db_read(store.conn, show_in, &work, &err)) {
    exit_code = cli_fail(args, &err);
  }
  if (!exit_code) exit_code = print(&work);
  vault_keys_free(work.keys);
  cli_close(&store);
  return exit_code;
}

static const struct cli_option options[] = {
    CLI_OPTION_DATA,
    CLI_OPTION_ORGANISATION,
    {"connection", "NAME", NULL, NULL, "of this connection alone", false, false},
    {"all", NULL, NULL, NULL, "also what was decided, and what the servers no longer offer", false, false},
    {"accept", "ITEM", NULL, NULL, "accepts it as it is now: NAME, KIND:NAME, its id, or all that waits (all)", false,
     true},
    {"does", "WORD", NULL, NULL,
     "what the accepted tools do: read, write or destroy; hints: what their server says. Without it as it was, first "
     "destroy",
     false, false},
    {"reject", "ITEM", NULL, NULL, "hides it until it is another one and accepted", false, true},
    CLI_OPTION_JSON,
};

const struct cli_command cli_connector_review = {
    .name = "connector review",
    .words = "",
    .summary = "shows what MCP servers offer and nobody has decided on; accepts or rejects it",
    .description =
        "Nothing that an MCP server offers can be seen or used before it was accepted. What is new waits as\n"
        "\"pending\"; what was accepted and has changed is \"quarantined\", with the difference field by field;\n"
        "what cannot be used is \"refused\", with the reason. A server running on the folder has taken a decision\n"
        "when the command returns. Decisions are recorded in the audit trail.\n",
    .example =
        "  connek connector review --data /var/lib/connek\n"
        "  connek connector review --data /var/lib/connek --connection crm --accept search --does read\n"
        "  connek connector review --data /var/lib/connek --accept all --does hints\n",
    CLI_OPTIONS(options),
    .run = review,
};
