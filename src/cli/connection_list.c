/* connek connection list: the health of every connection. */
#include "base/clock.h"
#include "base/limits.h"
#include "cli/connection.h"
#include "cli/json_line.h"
#include "cli/table.h"
#include "grant/health.h"

struct list_work {
  const struct cli_args *args;
  struct arena *arena;
  bool is_json;
  struct buf out, advice;
  struct table table;
  int64_t now;
};

static void write_history(struct list_work *work, const struct grant_event_record *events, size_t n) {
  struct buf json;
  buf_init(&json, work->arena, MIB);
  buf_append_byte(&json, '[');
  for (size_t i = 0; i < n; i++) {
    struct buf one;
    buf_init(&one, work->arena, 64 * KIB);
    json_line_begin(&one);
    json_line_time(&one, "time", events[i].time);
    json_line_text(&one, "what", events[i].what);
    json_line_text(&one, "text", events[i].text);
    json_line_end(&one);
    if (i > 0) buf_append_byte(&json, ',');
    buf_append_str(&json, str_make(one.p, one.n - 1)); /* without its line end */
  }
  buf_append_byte(&json, ']');
  json_line_raw(&work->out, "history", buf_str(&json));
}

static enum err_code write_json(struct list_work *work, struct db_tx *tx,
                                const struct organisation_record *organisation, const struct connection_facts *facts,
                                const struct connection_health *health, struct err *err) {
  const struct connection_record *connection = facts->connection;
  const struct connection_check_record *check = facts->check;
  const struct grant_event_record *events = NULL;
  size_t n = 0;
  enum err_code code =
      facts->grant ? store_grant_event_list(tx, work->arena, connection->id, &events, &n, err) : ERR_NONE;
  if (code) return code;
  json_line_begin(&work->out);
  json_line_text(&work->out, "connection", connection->name);
  json_line_text(&work->out, "connector", connection->connector_id);
  json_line_text(&work->out, "status", health->status);
  json_line_text(&work->out, "advice", health->advice);
  json_line_raw(&work->out, "personal", uuid_is_nil(connection->owner_user_id) ? STR("false") : STR("true"));
  json_line_time(&work->out, "last_success", health->last_success_at);
  json_line_time(&work->out, "last_error_at", health->last_error_at);
  json_line_text(&work->out, "last_error", health->last_error);
  json_line_time(&work->out, "expires", health->expires_at);
  json_line_raw(&work->out, "renews", health->renews ? STR("true") : STR("false"));
  json_line_text(&work->out, "scopes", facts->grant ? facts->grant->scopes : STR(""));
  json_line_time(&work->out, "credential_since", connection->credential_at);
  json_line_time(&work->out, "checked", check ? check->checked_at : 0);
  json_line_text(&work->out, "check", check ? check->text : STR(""));
  write_history(work, events, n);
  json_line_text(&work->out, "organisation", organisation->name);
  json_line_end(&work->out);
  return ERR_NONE;
}

static struct str time_of(int64_t utc_us, char *text) {
  if (!utc_us) return STR("-");
  clock_format(utc_us, text);
  return str_make(text, 19); /* to the second */
}

static void write_row(struct list_work *work, const struct organisation_record *organisation,
                      const struct connection_record *connection, const struct connection_health *health) {
  char times[2][CLOCK_TEXT_SIZE];
  const struct str cells[] = {connection->name,
                              connection->connector_id,
                              health->status.n ? health->status : STR("-"),
                              time_of(health->last_success_at, times[0]),
                              time_of(health->expires_at, times[1]),
                              health->last_error.n ? health->last_error : STR("-"),
                              organisation->name};
  if (table_add(&work->table, cells)) table_write(&work->table, &work->out);
  if (health->advice.n) buf_printf(&work->advice, "%.*s: %.*s\n", STR_ARG(connection->name), STR_ARG(health->advice));
}

static enum err_code list_one(struct list_work *work, struct db_tx *tx, const struct organisation_record *organisation,
                              struct err *err) {
  struct connection_facts *list;
  struct connection_health health;
  size_t n;
  enum err_code code = connection_facts_list(tx, work->arena, organisation->id, &list, &n, err);
  for (size_t i = 0; !code && i < n; i++) {
    connection_health_read(work->arena, &list[i], work->now, &health);
    if (work->is_json)
      code = write_json(work, tx, organisation, &list[i], &health, err);
    else
      write_row(work, organisation, list[i].connection, &health);
  }
  return code;
}

static enum err_code list_in(struct db_tx *tx, void *context, struct err *err) {
  struct list_work *work = context;
  const char *name = cli_value(work->args, "organisation");
  const struct organisation_record *all;
  size_t n;
  if (name) {
    struct organisation_record one;
    enum err_code code = store_organisation_find(tx, work->arena, str_of(name), &one, err);
    return code ? code : list_one(work, tx, &one, err);
  }
  enum err_code code = store_organisation_list(tx, work->arena, &all, &n, err);
  for (size_t i = 0; !code && i < n; i++)
    code = list_one(work, tx, &all[i], err);
  return code;
}

static int connection_list(const struct cli_args *args, struct arena *arena) {
  static const char *const heads[] = {"CONNECTION", "CONNECTOR",  "STATUS",       "LAST SUCCESS",
                                      "EXPIRES",    "LAST ERROR", "ORGANISATION", NULL};
  struct list_work work = {.args = args, .arena = arena, .is_json = cli_has(args, "json"), .now = clock_utc_us()};
  struct err err = {0};
  struct cli_store store;
  if (cli_open(args, CLI_READ, &store, &err)) return cli_fail(args, &err);
  buf_init(&work.out, arena, (size_t)256 * MIB);
  buf_init(&work.advice, arena, 16 * MIB);
  table_init(&work.table, heads);
  int exit_code = CLI_OK;
  if (db_read(store.conn, list_in, &work, &err)) {
    exit_code = cli_fail(args, &err);
  } else {
    if (!work.is_json) table_write(&work.table, &work.out);
    if (work.advice.n) buf_append_byte(&work.out, '\n');
    buf_append_str(&work.out, buf_str(&work.advice));
    exit_code = cli_print_buf(args, &work.out);
  }
  table_release(&work.table);
  cli_close(&store);
  return exit_code;
}

static const struct cli_option options[] = {CLI_OPTION_DATA, CLI_OPTION_ORGANISATION, CLI_OPTION_JSON};

const struct cli_command cli_connection_list = {
    .name = "connection list",
    .words = "",
    .summary = "lists connections and how they are",
    .description =
        "Status: active; expiring: its access ends soon and only a person can renew it, or its key is old;\n"
        "reconnect: a person has to connect it again; error: the last renewal or check failed, and the next one\n"
        "may not; disconnected. Below the table stands what somebody should do. With --json also the history of\n"
        "renewals.\n",
    .example = "  connek connection list --data /var/lib/connek\n",
    CLI_OPTIONS(options),
    .run = connection_list,
};
