/* connek connection check: one harmless real call of each connection that is meant: what its connector's definition
 * names, and of an MCP server the list of what it offers. How it went is kept, for connection list. Must not know how a
 * kind speaks to its service, nor how a grant is renewed. */
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "cli/connection.h"
#include "cli/json_line.h"
#include "config/config.h"
#include "connector/mcp/upstream.h"
#include "connector/oauth.h"
#include "grant/exchange.h"
#include "net/executor.h"
#include "net/timers.h"
#include "org/snapshot.h"

enum { SAID_MAX = 240, PROBE_MS = 60 * 1000 };

struct check_work {
  const struct cli_args *args;
  const struct cli_store *store;
  struct arena *arena;
  struct organisation_record organisation;
  struct org_snapshot *snapshot;
  bool is_json, has_failed, has_all_ended;
  struct buf out;
  int exit_code;

  struct cli_keeper keeper;
  struct connector_host host;
  struct loop_task turn;

  /* the one under way */
  size_t i; /* of the snapshot's connections */
  const struct connector_connection *connection;
  struct arena call_arena; /* of one check: what services said may hold secrets */
  struct grant_request request;
  struct secret *credential;
  int64_t grant_version;
  bool has_renewed;
  struct connector_call call;
  struct connection_check_record record;
};

static void next(struct check_work *work);

/* ---- the end of one ---- */

/* With what is one person's own nobody else makes a call. */
static bool is_wanted(const struct check_work *work, const struct connector_connection *connection) {
  const char *name = cli_value(work->args, "connection");
  return uuid_is_nil(connection->policy.owner_user_id) && (!name || str_eq_c(connection->policy.name, name));
}

static void write_line(struct check_work *work, bool is_ok, struct str text) {
  struct str name = work->connection->policy.name;
  if (!work->is_json) {
    buf_printf(&work->out, "%.*s: %s: %.*s\n", STR_ARG(name), is_ok ? "ok" : "failed", STR_ARG(text));
    return;
  }
  json_line_begin(&work->out);
  json_line_text(&work->out, "connection", name);
  json_line_raw(&work->out, "ok", is_ok ? STR("true") : STR("false"));
  json_line_text(&work->out, "text", text);
  json_line_text(&work->out, "organisation", work->organisation.name);
  json_line_end(&work->out);
}

static enum err_code store_in(struct db_tx *tx, void *context, struct err *err) {
  struct check_work *work = context;
  const struct policy_connection *policy = &work->connection->policy;
  const struct connection_record connection = {
      .id = policy->id, .name = policy->name, .connector_id = policy->connector};
  enum err_code code = store_connection_check_put(tx, &work->record, err);
  if (code) return code;
  return connection_record_change(tx, &work->call_arena, work->store->vault, &work->organisation, &connection,
                                  "connection.check", work->record.is_ok ? STR("{\"ok\":true}") : STR("{\"ok\":false}"),
                                  err);
}

static void on_turn(struct loop_task *task) {
  struct check_work *work = (struct check_work *)(void *)((char *)task - offsetof(struct check_work, turn));
  secret_free(work->credential);
  work->credential = NULL;
  arena_wipe(&work->call_arena);
  work->i++;
  next(work);
}

static void finish(struct check_work *work, bool is_ok, struct str said) {
  struct err err = {0};
  struct str text = grant_clean(work->arena, said, SAID_MAX);
  work->record = (struct connection_check_record){.connection_id = work->connection->policy.id,
                                                  .organisation_id = work->organisation.id,
                                                  .checked_at = clock_utc_us(),
                                                  .is_ok = is_ok,
                                                  .text = text.n > 0 ? text : STR("it failed, and nobody said why")};
  if (db_write(work->store->conn, store_in, work, &err))
    cli_warn(work->args, "how %.*s was found could not be kept: %s", STR_ARG(work->connection->policy.name), err.text);
  write_line(work, is_ok, work->record.text);
  work->has_failed |= !is_ok;
  work->turn.run = on_turn; /* whoever calls back is still at work in there */
  loop_post(&work->keeper.loop, &work->turn);
}

static void fail(struct check_work *work, const struct err *err) {
  finish(work, false, str_of(err->text));
}

/* ---- asking ---- */

static void lease(struct check_work *work, int64_t refused_version);

static size_t count(struct arena *arena, struct str list) {
  yyjson_doc *doc;
  bool is_list = list.n > 0 && json_read_verbatim(arena, list, &doc, NULL) == ERR_NONE;
  return is_list ? yyjson_arr_size(yyjson_doc_get_root(doc)) : 0;
}

static void on_listed(void *context, struct mcp_listing *listing, const struct err *err) {
  struct check_work *work = context;
  if (!listing) {
    fail(work, err);
    return;
  }
  struct str text = arena_printf(work->arena, "it offers %zu tools, %zu prompts and %zu resources",
                                 count(&listing->arena, listing->tools), count(&listing->arena, listing->prompts),
                                 count(&listing->arena, listing->resources));
  mcp_listing_free(listing);
  finish(work, true, text);
}

static void on_called(struct connector_call *call) {
  struct check_work *work = (struct check_work *)(void *)((char *)call - offsetof(struct check_work, call));
  const struct connector_result *result = &call->result;
  if (result->is_refused && work->grant_version && !work->has_renewed) {
    work->has_renewed = true;
    secret_free(work->credential);
    work->credential = NULL;
    lease(work, work->grant_version);
    return;
  }
  struct str text = result->text;
  if (!result->is_error)
    text = arena_printf(work->arena, "%.*s was answered%s%.*s", STR_ARG(call->tool->name), result->notice.n ? "; " : "",
                        STR_ARG(result->notice));
  finish(work, !result->is_error, text);
}

static void call_probe(struct check_work *work) {
  const struct connector_connection *connection = work->connection;
  yyjson_val *arguments;
  const struct connector_tool *tool = connector_probe(work->arena, connection->connector, &arguments);
  if (!tool) {
    finish(work, false,
           STR("its connector has no call that changes nothing and needs no arguments: name one in its manifest's "
               "\"check\""));
    return;
  }
  work->call = (struct connector_call){.host = &work->host,
                                       .connection = connection,
                                       .verb = CONNECTOR_TOOL,
                                       .tool = tool,
                                       .arguments = arguments,
                                       .credential = work->credential,
                                       .arena = &work->call_arena,
                                       .deadline_us = loop_now_us(&work->keeper.loop) + PROBE_MS * INT64_C(1000),
                                       .done = on_called};
  connection->connector->kind->invoke(&work->call);
}

static void ask(struct check_work *work) {
  const struct connector_connection *connection = work->connection;
  struct err err = {0};
  if (!connection->connector->kind->has_catalogue)
    call_probe(work);
  else if (mcp_list(work->host.upstreams, mcp_target_of(connection), work->credential, on_listed, work, &err))
    fail(work, &err);
}

/* ---- its credential ---- */

static void on_leased(struct grant_request *request) {
  struct check_work *work = (struct check_work *)(void *)((char *)request - offsetof(struct check_work, request));
  work->credential = request->credential;
  work->grant_version = request->grant_version;
  if (request->code)
    fail(work, &request->err);
  else
    ask(work);
}

static void lease(struct check_work *work, int64_t refused_version) {
  struct err err = {0};
  if (connector_is_granted(work->connection)) {
    work->request = (struct grant_request){.organisation_id = work->organisation.id,
                                           .connection_id = work->connection->policy.id,
                                           .refused_version = refused_version,
                                           .loop = &work->keeper.loop,
                                           .done = on_leased};
    grant_lease(work->keeper.keeper, &work->request);
  } else if (org_lease_credential(work->snapshot, work->connection, &work->credential, &err)) {
    fail(work, &err);
  } else {
    ask(work);
  }
}

/* ---- all of them ---- */

static void on_upstreams_left(void *context) {
  struct check_work *work = context;
  http_client_free(work->host.http);
  timers_free(work->host.timers);
  loop_stop(&work->keeper.loop);
}

static void next(struct check_work *work) {
  const struct org_snapshot *snapshot = work->snapshot;
  while (work->i < snapshot->n_connections && !is_wanted(work, &snapshot->connections[work->i]))
    work->i++;
  if (work->i == snapshot->n_connections) {
    mcp_upstreams_leave(work->host.upstreams, 0, on_upstreams_left, work);
    return;
  }
  work->connection = &snapshot->connections[work->i];
  work->has_renewed = false;
  work->grant_version = 0;
  arena_init(&work->call_arena, 0);
  lease(work, 0);
}

static void on_begin(struct loop_task *task) {
  next((struct check_work *)(void *)((char *)task - offsetof(struct check_work, turn)));
}

static void on_notice(void *context, const struct mcp_notice *notice) {}

static void on_line(void *context, struct uuid connection_id, const char *line) {}

static enum err_code open_host(struct check_work *work, struct err *err) {
  const struct mcp_upstreams_options options = {
      .n_workers = 1, .on_notice = on_notice, .on_line = on_line, .context = work, .data_dir = work->store->dir};
  struct connector_host *host = &work->host;
  host->loop = &work->keeper.loop;
  host->timers = timers_new(host->loop);
  host->upstreams = mcp_upstreams_new(&options);
  if (!host->timers || !host->upstreams) return err_no_memory(err);
  enum err_code code = http_client_new(host->loop, &work->keeper.client, &host->http, err);
  host->postgres = postgres_pools_new(&work->keeper.client);
  if (!code && !host->postgres) code = err_no_memory(err);
  if (!code) code = executor_start("sql", 1, &host->sql, err);
  if (!code) code = mcp_upstreams_join(host->upstreams, host, err);
  return code;
}

static void abandon_host(struct check_work *work) {
  http_client_free(work->host.http);
  timers_free(work->host.timers);
  loop_stop(&work->keeper.loop);
}

static int check_all(struct check_work *work) {
  struct err err = {0};
  int exit_code = cli_keeper_start(work->args, work->arena, work->store, STR_NONE, &work->keeper);
  if (exit_code) return exit_code;
  if (open_host(work, &err)) {
    exit_code = cli_fail(work->args, &err);
    abandon_host(work);
  } else {
    work->turn.run = on_begin;
    loop_post(&work->keeper.loop, &work->turn);
  }
  loop_run(&work->keeper.loop);
  if (work->host.sql) executor_stop(work->host.sql);
  work->has_all_ended = postgres_pools_free(work->host.postgres);
  cli_keeper_stop(&work->keeper);
  mcp_upstreams_free(work->host.upstreams);
  return exit_code;
}

static enum err_code load_one(struct db_tx *tx, struct check_work *work, struct err *err) {
  struct connection_record connection;
  enum err_code code = connection_find(tx, work->arena, work->args, &work->organisation, &connection, err);
  if (code || uuid_is_nil(connection.owner_user_id)) return code;
  return err_set(err, ERR_CONFLICT, "%.*s is a user's own: they alone check it, on their page",
                 STR_ARG(connection.name));
}

static enum err_code load_in(struct db_tx *tx, void *context, struct err *err) {
  struct check_work *work = context;
  enum err_code code = cli_value(work->args, "connection")
                           ? load_one(tx, work, err)
                           : config_find_organisation(tx, work->arena, str_of(cli_value(work->args, "organisation")),
                                                      &work->organisation, err);
  if (!code) code = org_snapshot_load(tx, work->store->vault, work->organisation.id, &work->snapshot, err);
  return code;
}

/* What the snapshot hides is broken, and it knows why. */
static int report_hidden(struct check_work *work) {
  const char *name = cli_value(work->args, "connection");
  bool is_there = false;
  for (size_t i = 0; i < work->snapshot->n_connections; i++)
    is_there |= is_wanted(work, &work->snapshot->connections[i]);
  struct err err = {0};
  if (is_there || !name) return CLI_OK;
  (void)err_set(&err, ERR_INVALID, "the connection cannot be used: %s",
                work->snapshot->warnings ? work->snapshot->warnings : "its connector or a setting is broken");
  return cli_fail(work->args, &err);
}

static int connection_check(const struct cli_args *args, struct arena *arena) {
  struct check_work work = {.args = args, .arena = arena, .is_json = cli_has(args, "json"), .has_all_ended = true};
  struct err err = {0};
  struct cli_store store;
  if (cli_open(args, CLI_WRITE, &store, &err)) return cli_fail(args, &err);
  work.store = &store;
  buf_init(&work.out, arena, 64 * MIB);
  int exit_code = db_read(store.conn, load_in, &work, &err) ? cli_fail(args, &err) : report_hidden(&work);
  if (!exit_code) exit_code = check_all(&work);
  if (!exit_code) exit_code = cli_print_buf(args, &work.out);
  org_snapshot_unref(work.snapshot);
  cli_close(&store);
  if (!exit_code && work.has_failed) exit_code = CLI_FAILED;
  if (!work.has_all_ended) _exit(exit_code);
  return exit_code;
}

static const struct cli_option options[] = {
    CLI_OPTION_DATA,
    {"connection", "NAME", NULL, NULL, "which connection; without it all of them, one after the other", false, false},
    CLI_OPTION_ORGANISATION,
    CLI_OPTION_JSON,
    CLI_OPTIONS_UPSTREAM,
};

const struct cli_command cli_connection_check = {
    .name = "connection check",
    .words = "",
    .summary = "makes one harmless call of a connection, to see whether it works",
    .description =
        "Calls what the connector's manifest names for it (\"check\"), or the first of its tools that reads and\n"
        "needs no arguments; asks an MCP server what it offers; asks a database SELECT 1. The connection's own\n"
        "access is used, and renewed where that is due. What is a user's own is left out. connek connection list shows "
        "afterwards how it went.\n"
        "Ends with 1 where a connection does not work.\n",
    .example = "  connek connection check --data /var/lib/connek --connection books\n",
    CLI_OPTIONS(options),
    .run = connection_check,
};
