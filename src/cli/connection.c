/* Connections at the command line. */
#include "cli/connection.h"

#include "codec/url.h"
#include "config/config.h"

enum { STORE_THREADS = 2 };

enum err_code connection_find(struct db_tx *tx, struct arena *arena, const struct cli_args *args,
                              struct organisation_record *ret_organisation, struct connection_record *ret_connection,
                              struct err *err) {
  enum err_code code =
      config_find_organisation(tx, arena, str_of(cli_value(args, "organisation")), ret_organisation, err);
  if (code) return code;
  return store_connection_find(tx, arena, ret_organisation->id, str_of(cli_value(args, "connection")), ret_connection,
                               err);
}

enum err_code connection_record_change(struct db_tx *tx, struct arena *arena, const struct vault *vault,
                                       const struct organisation_record *organisation,
                                       const struct connection_record *connection, const char *word,
                                       struct str arguments, struct err *err) {
  struct config_about about = {0};
  if (connection) {
    about.connection_id = connection->id;
    about.connection = connection->name;
    about.connector = connection->connector_id;
  }
  return config_record(tx, vault, organisation, word, arguments, &about, NULL, err);
}

static int read_guard(const struct cli_args *args, struct arena *arena, struct address_guard *ret_guard) {
  struct cli_values values = cli_list(args, "allow-upstream");
  struct address_exception *exceptions = arena_new_n(arena, struct address_exception, values.n + 1);
  if (!exceptions) return CLI_FAILED;
  for (size_t i = 0; i < values.n; i++) {
    struct err err = {0};
    if (url_parse_authority(str_of(values.items[i]), &exceptions[i].host, &exceptions[i].port, &err))
      return cli_usage(args, "--allow-upstream %s: %s", values.items[i], err.text);
  }
  *ret_guard = (struct address_guard){exceptions, values.n};
  return CLI_OK;
}

int cli_keeper_start(const struct cli_args *args, struct arena *arena, const struct cli_store *store,
                     struct str public_url, struct cli_keeper *ret_keeper) {
  struct cli_keeper *keeper = ret_keeper;
  struct err err = {0};
  *keeper = (struct cli_keeper){0};
  int exit_code = read_guard(args, arena, &keeper->guard);
  if (exit_code) return exit_code;
  keeper->client = (struct http_client_options){
      .guard = &keeper->guard, .ca_file = cli_value(args, "ca"), .proxy = cli_value(args, "proxy")};
  if (loop_init(&keeper->loop, &err)) return cli_fail(args, &err);
  const struct grant_keeper_options options = {
      .db = store->db, .vault = store->vault, .client = &keeper->client, .public_url = public_url};
  enum err_code code = db_start_threads(store->db, STORE_THREADS, &err);
  if (!code) code = grant_keeper_start(&options, &keeper->keeper, &err);
  if (!code) return CLI_OK;
  loop_stop(&keeper->loop);
  loop_run(&keeper->loop);
  loop_release(&keeper->loop);
  return cli_fail(args, &err);
}

void cli_keeper_stop(struct cli_keeper *keeper) {
  grant_keeper_stop(keeper->keeper);
  loop_release(&keeper->loop);
}
