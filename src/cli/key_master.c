/* connek key rotate --master: every data key goes under another master key.
 *
 * The new key is on disk before the one transaction that makes it the right one, and takes the old one's place behind
 * it. Killed before, the old one is right, and the next call takes the new one that lies there; killed behind, whoever
 * opens the folder next finds the new one and ends what is left (cli_open). */
#include "cli/cli.h"
#include "cli/connection.h"
#include "cli/key.h"
#include "cli/open.h"
#include "keyring/keyring.h"

struct master_work {
  const struct cli_args *args;
  const struct cli_store *store;
  struct arena *arena;
  struct vault *next;
  size_t n;
};

/* On record in every organisation: it is their keys that have moved. */
static enum err_code record_all(struct db_tx *tx, const struct master_work *work, struct err *err) {
  const struct organisation_record *list;
  size_t n;
  enum err_code code = store_organisation_list(tx, work->arena, &list, &n, err);
  for (size_t i = 0; !code && i < n; i++)
    code = connection_record_change(tx, work->arena, work->store->vault, &list[i], NULL, "key.rotate_master", STR("{}"),
                                    err);
  return code;
}

static enum err_code rewrap_work(struct db_tx *tx, void *context, struct err *err) {
  struct master_work *work = context;
  enum err_code code = record_all(tx, work, err);
  return code ? code : keyring_rewrap(tx, work->arena, work->store->vault, work->next, &work->n, err);
}

static enum err_code rotate(struct master_work *work, struct err *err) {
  const char *path = cli_value(work->args, "new-key");
  bool is_of_folder = vault_is_of_folder(work->store->vault);
  if (!path && !is_of_folder)
    return err_set(
        err, ERR_INVALID,
        "the master key comes from %s: put the new one (64 hex digits) into a file with mode 0400 and name it "
        "with --new-key; then change the source",
        vault_source(work->store->vault));
  if (path && is_of_folder)
    return err_set(err, ERR_INVALID, "the master key is %s/master.key, and a new one is made there: without --new-key",
                   work->store->dir);
  enum err_code code =
      path ? vault_open_file(path, &work->next, err) : vault_open_next(work->store->dir, &work->next, err);
  if (!code) code = db_write(work->store->conn, rewrap_work, work, err);
  if (!code && !path) code = vault_take_next(work->store->dir, err);
  return code;
}

int key_rotate_master(const struct cli_args *args, struct arena *arena) {
  struct master_work work = {.args = args, .arena = arena};
  struct cli_store store;
  struct err err = {0};
  if (cli_value(args, "organisation")) return cli_usage(args, "--master is about all organisations");
  if (cli_open(args, CLI_ALONE, &store, &err)) return cli_fail(args, &err);
  work.store = &store;
  enum err_code code = rotate(&work, &err);
  int exit_code = CLI_OK;
  if (code) {
    exit_code = cli_fail(args, &err);
  } else {
    struct buf out;
    buf_init(&out, arena, 1024);
    buf_printf(&out, "%zu rings of data keys are under the new master key; the old one opens nothing any more%s\n",
               work.n, cli_value(args, "new-key") ? ". Put the new one where the old one came from" : "");
    exit_code = cli_print_buf(args, &out);
  }
  vault_close(work.next);
  cli_close(&store);
  return exit_code;
}
