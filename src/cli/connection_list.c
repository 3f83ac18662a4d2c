/* connek connection list: the health of every connection. */
#include "base/clock.h"
#include "base/limits.h"
#include "base/map.h"
#include "cli/connection.h"
#include "cli/json_line.h"
#include "cli/table.h"

struct list_work {
  const struct cli_args *args;
  struct arena *arena;
  bool is_json;
  struct buf out;
  struct table table;
  int64_t now;
};

static const int64_t day_us = INT64_C(86400) * 1000000;

/* active, expiring, reconnect, error, disconnected; "" for a connection that has a credential of its own. */
static struct str status_of(const struct grant_record *grant, int64_t now) {
  if (!grant) return STR("");
  bool will_end = grant->expires_at && !grant->has_refresh && str_eq(grant->status, STR("active"));
  if (will_end && now >= grant->expires_at) return STR("reconnect");
  int64_t life = grant->expires_at - grant->obtained_at, ahead = life / 4 < 7 * day_us ? life / 4 : 7 * day_us;
  if (will_end && now >= grant->expires_at - ahead) return STR("expiring");
  return grant->status;
}

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
                                const struct organisation_record *organisation,
                                const struct connection_record *connection, const struct grant_record *grant,
                                struct err *err) {
  static const struct grant_record none = {0};
  const struct grant_record *known = grant ? grant : &none;
  const struct grant_event_record *events = NULL;
  size_t n = 0;
  enum err_code code = grant ? store_grant_event_list(tx, work->arena, connection->id, &events, &n, err) : ERR_NONE;
  if (code) return code;
  json_line_begin(&work->out);
  json_line_text(&work->out, "connection", connection->name);
  json_line_text(&work->out, "connector", connection->connector_id);
  json_line_text(&work->out, "status", status_of(grant, work->now));
  json_line_raw(&work->out, "personal", uuid_is_nil(connection->owner_user_id) ? STR("false") : STR("true"));
  json_line_time(&work->out, "last_success", known->last_success_at);
  json_line_time(&work->out, "last_error_at", known->last_error_at);
  json_line_text(&work->out, "last_error", known->last_error);
  json_line_time(&work->out, "expires", known->expires_at);
  json_line_raw(&work->out, "renews", known->has_refresh ? STR("true") : STR("false"));
  json_line_text(&work->out, "scopes", known->scopes);
  json_line_time(&work->out, "credential_since", connection->credential.n ? connection->updated_at : 0);
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
                      const struct connection_record *connection, const struct grant_record *grant) {
  char times[2][CLOCK_TEXT_SIZE];
  struct str status = status_of(grant, work->now);
  const struct str cells[] = {connection->name,
                              connection->connector_id,
                              status.n                   ? status
                              : connection->credential.n ? STR("own credential")
                                                         : STR("-"),
                              time_of(grant ? grant->last_success_at : 0, times[0]),
                              time_of(grant ? grant->expires_at : 0, times[1]),
                              grant && grant->last_error.n ? grant->last_error : STR("-"),
                              organisation->name};
  if (table_add(&work->table, cells)) table_write(&work->table, &work->out);
}

static enum err_code list_one(struct list_work *work, struct db_tx *tx, const struct organisation_record *organisation,
                              struct err *err) {
  const struct connection_record *connections;
  const struct grant_record *grants;
  size_t n_connections, n_grants;
  struct map by_id;
  map_init(&by_id);
  enum err_code code = store_connection_list(tx, work->arena, organisation->id, &connections, &n_connections, err);
  if (!code) code = store_grant_list(tx, work->arena, organisation->id, &grants, &n_grants, err);
  for (size_t i = 0; !code && i < n_grants; i++) {
    if (map_put(&by_id, uuid_bytes(&grants[i].connection_id), (void *)(uintptr_t)&grants[i])) code = err_no_memory(err);
  }
  for (size_t i = 0; !code && i < n_connections; i++) {
    const struct grant_record *grant = map_get(&by_id, uuid_bytes(&connections[i].id));
    if (work->is_json)
      code = write_json(work, tx, organisation, &connections[i], grant, err);
    else
      write_row(work, organisation, &connections[i], grant);
  }
  map_release(&by_id);
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
  if (cli_open(cli_value(args, "data"), CLI_READ, &store, &err)) return cli_fail(args, &err);
  buf_init(&work.out, arena, (size_t)256 * MIB);
  table_init(&work.table, heads);
  int exit_code = CLI_OK;
  if (db_read(store.conn, list_in, &work, &err)) {
    exit_code = cli_fail(args, &err);
  } else {
    if (!work.is_json) table_write(&work.table, &work.out);
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
        "Status: active; expiring: its access ends soon, and only a person can renew it; reconnect: a person has\n"
        "to connect it again; error: the last renewal failed, and is tried again; disconnected. With --json also\n"
        "the history of renewals.\n",
    .example = "  connek connection list --data /var/lib/connek\n",
    CLI_OPTIONS(options),
    .run = connection_list,
};
