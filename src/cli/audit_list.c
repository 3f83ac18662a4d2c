/* connek audit list: the trail as lines, for people or for programs. */
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "cli/audit_line.h"
#include "cli/cli.h"
#include "cli/open.h"
#include "cli/table.h"
#include "config/config.h"
#include "config/words.h"

struct list_work {
  const struct cli_args *args;
  struct arena *arena;
  const struct cli_store *store;
  struct cli_organisations organisations;
  struct str email, tool; /* empty: all */
  int64_t since;
  bool is_json;
  struct buf out;
  struct table table;
};

static bool write_row(struct list_work *work, const struct audit_entry *entry) {
  char time[CLOCK_TEXT_SIZE];
  clock_format(entry->time, time);
  struct str duration = arena_printf(&work->table.arena, "%.3f", (double)entry->duration_us / 1000);
  struct str connection = entry->connection.n ? entry->connection : STR("-");
  struct str error = entry->error.n ? entry->error : entry->reason;
  const struct str cells[] = {str_make(time, 23), entry->user,    entry->tool, connection,
                              entry->decision,    entry->outcome, duration,    error};
  return table_add(&work->table, cells);
}

static enum err_code visit(const struct audit_entry *entry, void *context, struct err *err) {
  struct list_work *work = context;
  if (entry->time < work->since) return ERR_NONE;
  if (work->email.n && !str_eq(entry->user, work->email)) return ERR_NONE;
  if (work->tool.n && !str_eq(entry->tool, work->tool)) return ERR_NONE;
  if (work->is_json) {
    audit_line_json(&work->out, entry, cli_organisation_name(&work->organisations, entry->organisation),
                    cli_has(work->args, "arguments"));
  } else if (write_row(work, entry)) {
    table_write(&work->table, &work->out);
  }
  if (work->out.n < 256 * KIB && !buf_failed(&work->out)) return ERR_NONE;
  if (cli_print_buf(work->args, &work->out)) return err_set(err, ERR_UNAVAILABLE, "the list is not complete");
  buf_clear(&work->out);
  return ERR_NONE;
}

static enum err_code list_in(struct db_tx *tx, void *context, struct err *err) {
  struct list_work *work = context;
  struct uuid id = {{0}};
  const char *name = cli_value(work->args, "organisation");
  enum err_code code = cli_organisations_load(tx, work->arena, work->store->vault, &work->organisations, err);
  if (code) return code;
  if (name) {
    struct organisation_record organisation;
    code = store_organisation_find(tx, work->arena, str_of(name), &organisation, err);
    if (!code) id = organisation.id;
  }
  if (!code) {
    code = audit_list(tx, id, cli_keys_of, &work->organisations, cli_has(work->args, "arguments"), visit, work, err);
  }
  return code;
}

static int read_options(const struct cli_args *args, struct arena *arena, struct list_work *work) {
  const char *user = cli_value(args, "user"), *since = cli_value(args, "since");
  struct err err = {0};
  /* "operator" is who commands are recorded as. */
  if (user && strcmp(user, "operator") == 0) {
    work->email = STR("operator");
  } else if (user && config_email_read(arena, str_of(user), &work->email, &err)) {
    return cli_usage(args, "--user: %s", err.text);
  }
  work->tool = str_of(cli_value(args, "tool"));
  int64_t ago;
  if (since && clock_parse_duration(str_of(since), &ago)) {
    work->since = clock_utc_us() - ago;
  } else if (since && !clock_parse(str_of(since), &work->since)) {
    return cli_usage(args, "--since must be a duration (24h) or a time (2026-11-20T10:00:00Z)");
  }
  return CLI_OK;
}

static int list(const struct cli_args *args, struct arena *arena) {
  static const char *const heads[] = {"TIME (UTC)", "USER",        "TOOL",   "CONNECTION", "DECISION",
                                      "OUTCOME",    "DURATION_MS", "REASON", NULL};
  struct list_work work = {.args = args, .arena = arena, .is_json = cli_has(args, "json")};
  int exit_code = read_options(args, arena, &work);
  if (exit_code) return exit_code;
  struct err err = {0};
  struct cli_store store;
  if (cli_open(args, CLI_READ, &store, &err)) return cli_fail(args, &err);
  work.store = &store;
  buf_init(&work.out, NULL, (size_t)64 * MIB);
  table_init(&work.table, heads);
  if (db_read(store.conn, list_in, &work, &err)) {
    exit_code = cli_fail(args, &err);
  } else {
    if (!work.is_json) table_write(&work.table, &work.out);
    exit_code = cli_print_buf(args, &work.out);
  }
  table_release(&work.table);
  buf_release(&work.out);
  cli_organisations_release(&work.organisations);
  cli_close(&store);
  return exit_code;
}

static const struct cli_option options[] = {
    CLI_OPTION_DATA,
    CLI_OPTION_ORGANISATION,
    {"user", "EMAIL", NULL, NULL, "of this user alone; \"operator\" for what commands changed", false, false},
    {"tool", "NAME", NULL, NULL, "of this tool or change alone: sqlite_query, token.create", false, false},
    {"since", "WHEN", NULL, NULL, "from then on: 24h, 30d, or 2026-11-20T10:00:00Z", false, false},
    {"arguments", NULL, NULL, NULL, "with --json: also the arguments, where they were kept", false, false},
    CLI_OPTION_JSON,
};

const struct cli_command cli_audit_list = {
    .name = "audit list",
    .words = "",
    .summary = "lists calls and changes, by time",
    .description =
        "One line a call or change: when, who, what, on which connection, whether it was allowed, how it\n"
        "ended. With --json every field, one object a line: time, user, tool, connection, decision (allowed,\n"
        "denied), outcome (ok, error, cancelled, unknown, none), duration_ms, reason, does, error, client,\n"
        "roles, token, connector, connector_version, policy_version, trace_id, call_id, kind (call, change),\n"
        "organisation, writer, seq. What is not known is null.\n",
    .example =
        "  connek audit list --data /var/lib/connek --since 24h\n"
        "  connek audit list --data /var/lib/connek --json | jq 'select(.decision == \"denied\")'\n",
    CLI_OPTIONS(options),
    .run = list,
};
