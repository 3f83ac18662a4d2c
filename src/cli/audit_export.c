/* connek audit export: every record of the trail, for programs that keep or search it. */
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "cli/audit_line.h"
#include "cli/cli.h"
#include "cli/open.h"

static const struct {
  const char *name;
  void (*write)(struct buf *out, const struct audit_entry *entry, struct str organisation, bool with_arguments);
} formats[] = {{"jsonl", audit_line_json_record}, {"syslog", audit_line_syslog}, {"cef", audit_line_cef}};

struct export_work {
  const struct cli_args *args;
  struct arena *arena;
  const struct cli_store *store;
  struct cli_organisations organisations;
  size_t format;
  int64_t since, until; /* 0: no end */
  struct buf out;
};

static enum err_code visit(const struct audit_entry *entry, void *context, struct err *err) {
  struct export_work *work = context;
  if (entry->time < work->since || (work->until && entry->time >= work->until)) return ERR_NONE;
  formats[work->format].write(&work->out, entry, cli_organisation_name(&work->organisations, entry->organisation),
                              cli_has(work->args, "arguments"));
  if (work->out.n < 256 * KIB && !buf_failed(&work->out)) return ERR_NONE;
  if (cli_print_buf(work->args, &work->out)) return err_set(err, ERR_UNAVAILABLE, "the export is not complete");
  buf_clear(&work->out);
  return ERR_NONE;
}

static enum err_code export_in(struct db_tx *tx, void *context, struct err *err) {
  struct export_work *work = context;
  struct organisation_record organisation = {.id = {{0}}};
  const char *name = cli_value(work->args, "organisation");
  enum err_code code = cli_organisations_load(tx, work->arena, work->store->vault, &work->organisations, err);
  if (!code && name) code = store_organisation_find(tx, work->arena, str_of(name), &organisation, err);
  if (code) return code;
  return audit_records(tx, organisation.id, cli_keys_of, &work->organisations, cli_has(work->args, "arguments"), visit,
                       work, err);
}

static int read_time(const struct cli_args *args, const char *name, int64_t *ret_time) {
  const char *text = cli_value(args, name);
  int64_t ago;
  if (!text) return CLI_OK;
  if (clock_parse_duration(str_of(text), &ago)) {
    *ret_time = clock_utc_us() - ago;
    return CLI_OK;
  }
  if (clock_parse(str_of(text), ret_time)) return CLI_OK;
  return cli_usage(args, "--%s must be a duration (24h) or a time (2026-11-20T10:00:00Z)", name);
}

static int read_options(const struct cli_args *args, struct export_work *work) {
  enum { N_FORMATS = sizeof formats / sizeof *formats };
  const char *format = cli_value(args, "format");
  while (work->format < N_FORMATS && strcmp(formats[work->format].name, format) != 0)
    work->format++;
  if (work->format == N_FORMATS) return cli_usage(args, "--format must be jsonl, syslog or cef");
  int exit_code = read_time(args, "since", &work->since);
  return exit_code ? exit_code : read_time(args, "until", &work->until);
}

static int export(const struct cli_args *args, struct arena *arena) {
  struct export_work work = {.args = args, .arena = arena};
  struct err err = {0};
  struct cli_store store;
  int exit_code = read_options(args, &work);
  if (exit_code) return exit_code;
  if (cli_open(args, CLI_READ, &store, &err)) return cli_fail(args, &err);
  work.store = &store;
  buf_init(&work.out, NULL, (size_t)64 * MIB);
  exit_code = db_read(store.conn, export_in, &work, &err) ? cli_fail(args, &err) : cli_print_buf(args, &work.out);
  buf_release(&work.out);
  cli_organisations_release(&work.organisations);
  cli_close(&store);
  return exit_code;
}

static const struct cli_option options[] = {
    CLI_OPTION_DATA,
    {"format", "FORMAT", NULL, "jsonl", "jsonl, syslog (RFC 5424) or cef", false, false},
    CLI_OPTION_ORGANISATION,
    {"since", "WHEN", NULL, NULL, "only what happened since: 24h, 7d, or 2026-11-20T10:00:00Z", false, false},
    {"until", "WHEN", NULL, NULL, "only what happened before: the same", false, false},
    {"arguments", NULL, NULL, NULL, "also the calls' arguments, where they were kept", false, false},
};

const struct cli_command cli_audit_export = {
    .name = "audit export",
    .words = "",
    .summary = "prints every audit record, for programs that keep or search them",
    .description =
        "One line a record, chain by chain in the order in which they were written, however many there are: a\n"
        "call, an intent and later its outcome, a change. jsonl has the members of audit list --json and the\n"
        "record's mac; syslog is RFC 5424 with everything as structured data; cef is ArcSight's format. An\n"
        "outcome is joined to its intent by call_id (audit list joins them itself). Organisation, writer and seq\n"
        "name a record for ever: whoever has exported up to one need not have it again.\n",
    .example = "  connek audit export --data /var/lib/connek --format syslog --since 24h | nc -q1 siem.example 601\n",
    CLI_OPTIONS(options),
    .run = export,
};
