/* connek apply: makes an organisation equal to a file. */
#include "cli/cli.h"
#include "cli/open.h"
#include "config/config.h"

struct apply_work {
  const struct cli_args *args;
  const struct cli_store *store;
  const struct config *config;
  size_t n_changes;
  int exit_code; /* of writing the list */
};

/* The list is out before the transaction is committed: nothing is removed unlisted. */
static enum err_code apply_in(struct db_tx *tx, void *context, struct err *err) {
  struct apply_work *work = context;
  struct buf out;
  buf_init(&out, NULL, (size_t)256 * 1024 * 1024);
  enum err_code code =
      config_apply(tx, work->store->vault, work->config, cli_has(work->args, "prune"), &out, &work->n_changes, err);
  if (!code) {
    if (work->n_changes == 0) buf_append_c(&out, "nothing to change\n");
    if (cli_print_buf(work->args, &out)) code = err_set(err, ERR_UNAVAILABLE, "the changes could not be listed");
  }
  buf_release(&out);
  return code;
}

static int apply(const struct cli_args *args, struct arena *arena) {
  const char *dir = cli_value(args, "data");
  struct err err = {0};
  struct config *config = NULL;
  if (config_read(arena, args->words[0], dir, &config, &err)) return cli_fail(args, &err);
  struct cli_store store;
  enum err_code code = cli_open(dir, CLI_CREATE, &store, &err);
  if (code) {
    config_release(config);
    return cli_fail(args, &err);
  }
  struct apply_work work = {.args = args, .store = &store, .config = config};
  int exit_code = CLI_OK;
  if (db_write(store.conn, apply_in, &work, &err)) {
    exit_code = cli_fail(args, &err);
    cli_warn(args, "nothing has been changed");
  } else if (cli_confirm(&store, &err)) { /* also where nothing changed: an earlier apply may not have been confirmed */
    cli_warn(args,
             "the changes are saved, but the server running on %s has not confirmed them (%s). It looks for changes "
             "by itself every two seconds; /readyz tells whether it is well. Restart it to be sure",
             dir, err.text);
    exit_code = CLI_FAILED;
  }
  config_release(config);
  cli_close(&store);
  return exit_code;
}

static const struct cli_option options[] = {
    CLI_OPTION_DATA,
    {"prune", NULL, NULL, NULL, "also remove what the file does not name (without it, it is listed and kept)", false,
     false},
};

const struct cli_command cli_apply = {
    .name = "apply",
    .words = "FILE",
    .min_words = 1,
    .max_words = 1,
    .summary = "makes an organisation equal to a file",
    .description =
        "Reads FILE (JSON; docs/configuration.md describes it), checks all of it, and changes the database so\n"
        "that it says the same: one line a change, all or nothing. Applying it again changes nothing. What\n"
        "the file does not name is listed and kept, unless --prune. A server running on the folder has taken\n"
        "the change when the command returns. Paths in the file are relative to the file; {\"env\": NAME} and\n"
        "{\"file\": PATH} stand for secrets that should not be in it.\n",
    .example = "  ORDERS_KEY=... connek apply acme.json --data /var/lib/connek\n",
    CLI_OPTIONS(options),
    .run = apply,
};
