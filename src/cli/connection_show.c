/* connek connection show: all that is known of how a connection is, and what happened to its access. */
#include "base/clock.h"
#include "base/limits.h"
#include "cli/connection.h"
#include "grant/health.h"

struct show_work {
  const struct cli_args *args;
  struct arena *arena;
  struct buf out;
};

/* What services said is text, whatever it holds. */
static void write_text(struct buf *out, const char *name, struct str text) {
  if (text.n == 0) return;
  buf_printf(out, "%-14s ", name);
  for (size_t i = 0; i < text.n; i++) {
    unsigned char c = (unsigned char)text.p[i];
    buf_append_byte(out, c < 0x20 || c == 0x7F ? '?' : (char)c);
  }
  buf_append_byte(out, '\n');
}

static void write_time(struct buf *out, const char *name, int64_t utc_us) {
  char text[CLOCK_TEXT_SIZE];
  if (!utc_us) return;
  clock_format(utc_us, text);
  write_text(out, name, str_make(text, 19));
}

static void write_facts(struct show_work *work, const struct connection_facts *facts) {
  struct buf *out = &work->out;
  struct connection_health health;
  connection_health_read(work->arena, facts, clock_utc_us(), &health);
  write_text(out, "connection", facts->connection->name);
  write_text(out, "connector", facts->connection->connector_id);
  write_text(out, "status", health.status.n ? health.status : STR("nothing is known yet"));
  write_text(out, "to do", health.advice);
  write_time(out, "last success", health.last_success_at);
  write_time(out, "last error at", health.last_error_at);
  write_text(out, "last error", health.last_error);
  write_time(out, "expires", health.expires_at);
  if (facts->grant) write_text(out, "renewed", health.renews ? STR("by Connek") : STR("by a person"));
  if (facts->grant) write_text(out, "scopes", facts->grant->scopes);
  write_time(out, "own key since", facts->connection->credential_at);
  write_time(out, "checked", facts->check ? facts->check->checked_at : 0);
  write_text(out, "check", facts->check ? facts->check->text : STR(""));
}

static enum err_code write_history(struct show_work *work, struct db_tx *tx, const struct connection_facts *facts,
                                   struct err *err) {
  const struct grant_event_record *events;
  size_t n;
  enum err_code code = store_grant_event_list(tx, work->arena, facts->connection->id, &events, &n, err);
  for (size_t i = 0; !code && i < n; i++) {
    char time[CLOCK_TEXT_SIZE];
    struct str text = events[i].text;
    if (i == 0) buf_append_c(&work->out, "\nhistory, the newest first\n");
    clock_format(events[i].time, time);
    time[19] = '\0';
    struct str line =
        arena_printf(work->arena, "%.*s%s%.*s", STR_ARG(events[i].what), text.n ? ": " : "", STR_ARG(text));
    write_text(&work->out, time, line);
  }
  return code;
}

static enum err_code show_in(struct db_tx *tx, void *context, struct err *err) {
  struct show_work *work = context;
  struct organisation_record organisation;
  struct connection_record connection;
  struct connection_facts *list;
  size_t n;
  enum err_code code = connection_find(tx, work->arena, work->args, &organisation, &connection, err);
  if (!code) code = connection_facts_list(tx, work->arena, organisation.id, &list, &n, err);
  for (size_t i = 0; !code && i < n; i++) {
    if (!uuid_eq(list[i].connection->id, connection.id)) continue;
    write_facts(work, &list[i]);
    code = write_history(work, tx, &list[i], err);
  }
  return code;
}

static int connection_show(const struct cli_args *args, struct arena *arena) {
  struct show_work work = {.args = args, .arena = arena};
  struct err err = {0};
  struct cli_store store;
  if (cli_open(args, CLI_READ, &store, &err)) return cli_fail(args, &err);
  buf_init(&work.out, arena, 16 * MIB);
  int exit_code = db_read(store.conn, show_in, &work, &err) ? cli_fail(args, &err) : cli_print_buf(args, &work.out);
  cli_close(&store);
  return exit_code;
}

static const struct cli_option options[] = {CLI_OPTION_DATA, CLI_OPTION_CONNECTION, CLI_OPTION_ORGANISATION};

const struct cli_command cli_connection_show = {
    .name = "connection show",
    .words = "",
    .summary = "shows how a connection is, and the history of its access",
    .description =
        "Status, last success and last error, when its access ends and who renews it, the last check, and what\n"
        "happened to its access. What each status means stands in connek connection list --help.\n",
    .example = "  connek connection show --data /var/lib/connek --connection books\n",
    CLI_OPTIONS(options),
    .run = connection_show,
};
