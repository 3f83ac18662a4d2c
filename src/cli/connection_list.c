/* connek connection list: the health of every connection. */
#include "base/limits.h"
#include "cli/connection.h"
#include "cli/listing.h"
#include "grant/health.h"

static void write_history(struct listing *listing, const struct grant_event_record *events, size_t n) {
  struct buf json;
  buf_init(&json, listing->arena, MIB);
  buf_append_byte(&json, '[');
  for (size_t i = 0; i < n; i++) {
    struct buf one;
    buf_init(&one, listing->arena, 64 * KIB);
    json_line_begin(&one);
    json_line_time(&one, "time", events[i].time);
    json_line_text(&one, "what", events[i].what);
    json_line_text(&one, "text", events[i].text);
    json_line_end(&one);
    if (i > 0) buf_append_byte(&json, ',');
    buf_append_str(&json, str_make(one.p, one.n - 1)); /* without its line end */
  }
  buf_append_byte(&json, ']');
  json_line_raw(&listing->out, "history", buf_str(&json));
}

static enum err_code write_json(struct listing *listing, struct db_tx *tx,
                                const struct organisation_record *organisation, const struct connection_facts *facts,
                                const struct connection_health *health, struct err *err) {
  const struct connection_record *connection = facts->connection;
  const struct connection_check_record *check = facts->check;
  const struct grant_event_record *events = NULL;
  size_t n = 0;
  enum err_code code =
      facts->grant ? store_grant_event_list(tx, listing->arena, connection->id, &events, &n, err) : ERR_NONE;
  if (code) return code;
  json_line_begin(&listing->out);
  json_line_text(&listing->out, "connection", connection->name);
  json_line_text(&listing->out, "connector", connection->connector_id);
  json_line_text(&listing->out, "status", health->status);
  json_line_text(&listing->out, "advice", health->advice);
  json_line_raw(&listing->out, "personal", uuid_is_nil(connection->owner_user_id) ? STR("false") : STR("true"));
  json_line_time(&listing->out, "last_success", health->last_success_at);
  json_line_time(&listing->out, "last_error_at", health->last_error_at);
  json_line_text(&listing->out, "last_error", health->last_error);
  json_line_time(&listing->out, "expires", health->expires_at);
  json_line_raw(&listing->out, "renews", health->renews ? STR("true") : STR("false"));
  json_line_text(&listing->out, "scopes", facts->grant ? facts->grant->scopes : STR(""));
  json_line_time(&listing->out, "credential_since", connection->credential_at);
  json_line_time(&listing->out, "checked", check ? check->checked_at : 0);
  json_line_text(&listing->out, "check", check ? check->text : STR(""));
  write_history(listing, events, n);
  json_line_text(&listing->out, "organisation", organisation->name);
  json_line_end(&listing->out);
  return ERR_NONE;
}

static void write_row(struct listing *listing, const struct organisation_record *organisation,
                      const struct connection_record *connection, const struct connection_health *health) {
  char times[2][CLOCK_TEXT_SIZE];
  listing_row(listing, (const struct str[]){
                           connection->name, connection->connector_id, health->status.n ? health->status : STR("-"),
                           listing_time(health->last_success_at, times[0]), listing_time(health->expires_at, times[1]),
                           health->last_error.n ? health->last_error : STR("-"), organisation->name});
  if (health->advice.n) buf_printf(&listing->notes, "%.*s: %.*s\n", STR_ARG(connection->name), STR_ARG(health->advice));
}

static enum err_code list_one(struct listing *listing, struct db_tx *tx, const struct organisation_record *organisation,
                              struct err *err) {
  struct connection_facts *list;
  struct connection_health health;
  size_t n;
  int64_t now = clock_utc_us();
  enum err_code code = connection_facts_list(tx, listing->arena, organisation->id, &list, &n, err);
  for (size_t i = 0; !code && i < n; i++) {
    connection_health_read(listing->arena, &list[i], now, &health);
    if (listing->is_json)
      code = write_json(listing, tx, organisation, &list[i], &health, err);
    else
      write_row(listing, organisation, list[i].connection, &health);
  }
  return code;
}

static int connection_list(const struct cli_args *args, struct arena *arena) {
  static const char *const heads[] = {"CONNECTION", "CONNECTOR",  "STATUS",       "LAST SUCCESS",
                                      "EXPIRES",    "LAST ERROR", "ORGANISATION", NULL};
  return listing_run(args, arena, heads, LISTING_ORGANISATIONS, list_one);
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
