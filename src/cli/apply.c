/* connek apply: makes an organisation equal to a file. */
#include "cli/cli.h"
#include "cli/open.h"
#include "config/config.h"

enum { LIST_MAX = 256 * 1024 * 1024 };

struct apply_work {
  const struct cli_args *args;
  const struct cli_store *store;
  const struct config *config;
  bool is_rehearsal, has_rehearsed, is_committed;
  struct buf rehearsed, out;
  size_t n_changes;
};

static enum err_code apply_in(struct db_tx *tx, void *context, struct err *err) {
  struct apply_work *work = context;
  struct buf *out = work->is_rehearsal ? &work->rehearsed : &work->out;
  enum err_code code = config_apply(tx, work->store->vault, work->config, cli_has(work->args, "prune"), NULL, out,
                                    &work->n_changes, err);
  if (code) return code;
  if (work->is_rehearsal) return err_set(err, ERR_CANCELLED, "a rehearsal");
  if (work->has_rehearsed && !str_eq(buf_str(&work->rehearsed), buf_str(out))) {
    return err_set(err, ERR_CONFLICT, "somebody else has changed the organisation meanwhile; apply again");
  }
  return ERR_NONE;
}

/* Nothing is removed unlisted, and nothing is written to a pipe that may be full while the database is locked: what
 * --prune would do is tried, rolled back, listed, and then done. */
static int rehearse(struct apply_work *work, struct err *err) {
  work->is_rehearsal = true;
  enum err_code code = db_write(work->store->conn, apply_in, work, err);
  work->is_rehearsal = false;
  work->has_rehearsed = true;
  if (code != ERR_CANCELLED) return cli_fail(work->args, err);
  return cli_print_buf(work->args, &work->rehearsed);
}

static int apply_and_list(struct apply_work *work, struct err *err) {
  bool may_prune = cli_has(work->args, "prune");
  int exit_code = may_prune ? rehearse(work, err) : CLI_OK;
  if (exit_code) return exit_code;
  if (db_write(work->store->conn, apply_in, work, err)) {
    exit_code = cli_fail(work->args, err);
    cli_warn(work->args, "nothing has been changed");
    return exit_code;
  }
  work->is_committed = true;
  if (work->n_changes == 0) buf_append_c(&work->out, "nothing to change\n");
  if (may_prune && work->n_changes) return CLI_OK; /* listed already */
  return cli_print_buf(work->args, &work->out);
}

/* Also where nothing changed: an earlier apply may not have been confirmed. */
static int confirm(const struct cli_args *args, const struct cli_store *store, struct err *err) {
  if (!cli_confirm(store, err)) return CLI_OK;
  cli_warn(args,
           "the changes are saved, but the server running on %s has not confirmed them (%s). It looks for changes "
           "by itself every two seconds; /readyz tells whether it is well. Restart it to be sure",
           store->dir, err->text);
  return CLI_FAILED;
}

static int apply(const struct cli_args *args, struct arena *arena) {
  const char *dir = cli_value(args, "data");
  struct err err = {0};
  struct config *config = NULL;
  if (config_read(arena, args->words[0], dir, &config, &err)) return cli_fail(args, &err);
  struct cli_store store;
  enum err_code code = cli_open(args, CLI_CREATE, &store, &err);
  if (code) {
    config_release(config);
    return cli_fail(args, &err);
  }
  struct apply_work work = {.args = args, .store = &store, .config = config};
  buf_init(&work.rehearsed, arena, LIST_MAX);
  buf_init(&work.out, arena, LIST_MAX);
  int exit_code = apply_and_list(&work, &err);
  if (work.is_committed && confirm(args, &store, &err)) exit_code = CLI_FAILED;
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
