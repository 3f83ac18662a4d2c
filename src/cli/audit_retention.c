/* connek audit retention: how long an organisation keeps its records. */
#include <inttypes.h>

#include "audit/retention.h"
#include "base/clock.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/open.h"
#include "codec/json.h"
#include "config/config.h"

struct retention_work {
  const struct cli_args *args;
  const struct cli_store *store;
  struct arena *arena;
  struct organisation_record organisation;
  int64_t days; /* -1: only to be shown */
  struct buf out;
};

/* As a file would say it: one way to change it, and one record. */
static enum err_code change(struct db_tx *tx, struct retention_work *work, struct err *err) {
  struct config *config = NULL;
  struct buf text, lines;
  size_t n = 0;
  buf_init(&text, work->arena, 64 * KIB);
  buf_init(&lines, work->arena, 64 * KIB);
  buf_append_c(&text, "{\"organisation\":");
  json_write_str(&text, work->organisation.name);
  buf_printf(&text, ",\"audit\":{\"retention_days\":%" PRId64 "}}", work->days);
  if (buf_failed(&text)) return err_no_memory(err);
  enum err_code code = config_read_edit(work->arena, buf_str(&text), &(struct config_edit){0}, &config, err);
  if (!code) code = config_apply(tx, work->store->vault, config, false, NULL, &lines, &n, err);
  config_release(config);
  if (code) err_place(err, "%s", "");
  return code;
}

static void show_left(struct buf *out, const struct retention_left *left) {
  char time[CLOCK_TEXT_SIZE];
  if (left->days)
    buf_printf(out, "records are kept for %" PRId64 " days\n", left->days);
  else
    buf_append_c(out, "records are kept for ever\n");
  if (left->n_removed) {
    clock_format(left->removed_at, time);
    buf_printf(out, "%" PRId64 " are removed, last at %.19sZ\n", left->n_removed, time);
  }
  if (!left->first_at) return;
  clock_format(left->first_at, time);
  buf_printf(out, "the oldest one is of %.19sZ\n", time);
  int64_t end = retention_end(clock_utc_us(), left->days);
  if (!left->days || left->first_at >= end) return;
  clock_format(end, time);
  buf_printf(out, "those from before %.10s are removed by the server, from an hour after the change on\n", time);
}

static enum err_code look_in(struct db_tx *tx, void *context, struct err *err) {
  struct retention_work *work = context;
  struct retention_left left;
  enum err_code code = config_find_organisation(tx, work->arena, str_of(cli_value(work->args, "organisation")),
                                                &work->organisation, err);
  if (!code && work->days >= 0) code = change(tx, work, err);
  if (!code) code = retention_look(tx, work->organisation.id, &left, err);
  if (!code) show_left(&work->out, &left);
  return code;
}

static int retention(const struct cli_args *args, struct arena *arena) {
  struct retention_work work = {.args = args, .arena = arena, .days = -1};
  struct cli_store store;
  struct err err = {0};
  const char *word = args->n_words ? args->words[0] : NULL;
  uint64_t days = 0;
  if (word && !str_eq_c(str_of(word), "forever")) {
    if (!str_to_u64(str_of(word), &days) || days < RETENTION_DAYS_MIN || days > RETENTION_DAYS_MAX)
      return cli_usage(args, "DAYS must be from %d to %d, or \"forever\"", RETENTION_DAYS_MIN, RETENTION_DAYS_MAX);
  }
  if (word) work.days = (int64_t)days;
  if (cli_open(args, word ? CLI_WRITE : CLI_READ, &store, &err)) return cli_fail(args, &err);
  work.store = &store;
  buf_init(&work.out, arena, 64 * KIB);
  enum err_code code = (word ? db_write : db_read)(store.conn, look_in, &work, &err);
  int exit_code = code ? cli_fail(args, &err) : cli_print_buf(args, &work.out);
  cli_close(&store);
  return exit_code;
}

static const struct cli_option options[] = {CLI_OPTION_DATA, CLI_OPTION_ORGANISATION};

const struct cli_command cli_audit_retention = {
    .name = "audit retention",
    .words = "[DAYS]",
    .max_words = 1,
    .summary = "shows, or sets, how long audit records are kept",
    .description =
        "Without DAYS it shows how long, and since when there are records. DAYS is from 30 to 36500, or forever,\n"
        "which is how it is until somebody sets it. Whole days of UTC are removed by a running server, from an\n"
        "hour after the change on: until then it can be taken back. A signed tombstone stands in their place, and\n"
        "each removal is on record itself. Also \"audit\": {\"retention_days\": DAYS} in a configuration file.\n",
    .example = "  connek audit retention 365 --data /var/lib/connek\n",
    CLI_OPTIONS(options),
    .run = retention,
};
