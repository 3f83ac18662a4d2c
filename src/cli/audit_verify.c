/* connek audit verify: does every record still hold? */
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/open.h"
#include "config/config.h"

struct verify_work {
  const struct cli_store *store;
  struct arena *arena;
  struct str since; /* a checkpoint's text, or empty */
  struct audit_finding finding;
};

static enum err_code verify_in(struct db_tx *tx, void *context, struct err *err) {
  struct verify_work *work = context;
  struct cli_organisations organisations;
  enum err_code code = cli_organisations_load(tx, work->arena, work->store->vault, &organisations, err);
  if (code) return code;
  code = audit_verify(tx, cli_keys_of, &organisations, work->since, &work->finding, err);
  cli_organisations_release(&organisations);
  return code;
}

static int answer(const struct cli_args *args, const struct audit_finding *finding) {
  char text[sizeof(finding->text) + 1];
  int n;
  if (finding->holds) {
    n = snprintf(text, sizeof(text), "%lld records in %lld chains hold\n", (long long)finding->records,
                 (long long)finding->chains);
    if (finding->removed)
      n += snprintf(text + n, sizeof(text) - (size_t)n,
                    "%lld before them were removed by retention, as their tombstones say\n",
                    (long long)finding->removed);
    if (finding->points_removed)
      n += snprintf(text + n, sizeof(text) - (size_t)n,
                    "%lld of the checkpoint's records are among those: nothing is left to compare with them\n",
                    (long long)finding->points_removed);
    return cli_print(args, str_make(text, (size_t)n));
  }
  n = snprintf(text, sizeof(text), "%s\n", finding->text);
  (void)cli_print(args, str_make(text, (size_t)n));
  cli_warn(args, "the audit trail does not hold: %s", finding->text);
  return CLI_FAILED;
}

static int verify(const struct cli_args *args, struct arena *arena) {
  struct err err = {0};
  struct verify_work work = {.arena = arena};
  const char *since = cli_value(args, "since");
  if (since) {
    struct buf text;
    buf_init(&text, arena, (size_t)64 * MIB + 64 * KIB);
    if (config_read_file(since, (size_t)64 * MIB, &text, &err)) {
      err_place(&err, "%s", since);
      return cli_fail(args, &err);
    }
    work.since = buf_str(&text);
    if (work.since.n == 0) return cli_usage(args, "%s is empty; connek audit checkpoint writes one", since);
  }
  struct cli_store store;
  if (cli_open(args, CLI_READ, &store, &err)) return cli_fail(args, &err);
  work.store = &store;
  int exit_code = db_read(store.conn, verify_in, &work, &err) ? cli_fail(args, &err) : answer(args, &work.finding);
  cli_close(&store);
  return exit_code;
}

static const struct cli_option options[] = {
    CLI_OPTION_DATA,
    {"since", "FILE", NULL, NULL, "a checkpoint kept elsewhere: shows also whether records at the end are missing",
     false, false},
};

const struct cli_command cli_audit_verify = {
    .name = "audit verify",
    .words = "",
    .summary = "checks that no audit record was changed, removed or moved",
    .description =
        "Recomputes every chain of the audit trail with the organisations' keys. Prints how many records hold\n"
        "and ends with 0; or names the first record that does not and ends with 1. Records cut off at the\n"
        "end together with their chain's head show only against a checkpoint that was kept elsewhere. Where\n"
        "retention has removed a chain's beginning, it begins with the tombstone, which is checked as well.\n",
    .example = "  connek audit verify --data /var/lib/connek --since /mnt/safe/checkpoint.json\n",
    CLI_OPTIONS(options),
    .run = verify,
};
