/* connek audit checkpoint: where every chain stands now, to be kept elsewhere. */
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/open.h"

struct checkpoint_work {
  const struct cli_store *store;
  struct arena *arena;
  struct buf out;
};

static enum err_code checkpoint_in(struct db_tx *tx, void *context, struct err *err) {
  struct checkpoint_work *work = context;
  struct cli_organisations organisations;
  enum err_code code = cli_organisations_load(tx, work->arena, work->store->vault, &organisations, err);
  if (code) return code;
  code = audit_checkpoint(tx, cli_keys_of, &organisations, &work->out, err);
  cli_organisations_release(&organisations);
  return code;
}

static int checkpoint(const struct cli_args *args, struct arena *arena) {
  struct err err = {0};
  struct cli_store store;
  if (cli_open(args, CLI_READ, &store, &err)) return cli_fail(args, &err);
  struct checkpoint_work work = {.store = &store, .arena = arena};
  buf_init(&work.out, arena, (size_t)64 * MIB);
  int exit_code;
  if (db_read(store.conn, checkpoint_in, &work, &err)) {
    exit_code = cli_fail(args, &err);
  } else {
    if (work.out.n && work.out.p[work.out.n - 1] != '\n') buf_append_byte(&work.out, '\n');
    exit_code = cli_print_buf(args, &work.out);
  }
  cli_close(&store);
  return exit_code;
}

static const struct cli_option options[] = {CLI_OPTION_DATA};

const struct cli_command cli_audit_checkpoint = {
    .name = "audit checkpoint",
    .words = "",
    .summary = "prints where every chain of the audit trail stands",
    .description =
        "Prints JSON: every chain's head, keyed. Keep it on another machine: connek audit verify --since FILE\n"
        "then finds out whether records at the end were removed since.\n",
    .example = "  connek audit checkpoint --data /var/lib/connek > /mnt/safe/checkpoint.json\n",
    CLI_OPTIONS(options),
    .run = checkpoint,
};
