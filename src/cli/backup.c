/* connek backup: the whole installation as one file, while it runs. */
#include "cli/filling.h"

#include "base/limits.h"
#include "base/secret.h"

struct backup_work {
  const struct cli_args *args;
  const struct cli_store *store;
  struct arena *arena;
  int fd;
  struct backup_totals totals;
};

static enum err_code backup_in(struct db_tx *tx, void *context, struct err *err) {
  struct backup_work *work = context;
  struct backup_owner owner;
  filling_owner(work->store->vault, &owner);
  enum err_code code =
      backup_write(tx, work->arena, work->fd, &owner, filling_show, (void *)work->args, &work->totals, err);
  secret_wipe(&owner, sizeof owner);
  return code;
}

static int answer(const struct cli_args *args, struct arena *arena, const struct cli_store *store,
                  const struct backup_totals *totals) {
  struct buf out;
  buf_init(&out, arena, 16 * KIB);
  buf_printf(&out, "%s holds ", args->words[0]);
  filling_count(&out, totals);
  buf_printf(
      &out,
      "\nThe master key is not in it, and without that key nothing that is sealed in it can be opened: keep %s%s "
      "in another place\n",
      vault_is_of_folder(store->vault) ? store->dir : vault_source(store->vault),
      vault_is_of_folder(store->vault) ? "/master.key" : "");
  return cli_print_buf(args, &out);
}

static int backup(const struct cli_args *args, struct arena *arena) {
  struct err err = {0};
  struct cli_store store;
  struct backup_file file = {.fd = -1};
  if (cli_open(args, CLI_READ, &store, &err)) return cli_fail(args, &err);
  enum err_code code = backup_file_begin(args->words[0], &file, &err);
  struct backup_work work = {.args = args, .store = &store, .arena = arena, .fd = file.fd};
  if (code) {
    err_place(&err, "%s", args->words[0]);
  } else {
    code = db_read(store.conn, backup_in, &work, &err);
    if (!code) code = backup_file_take(&file, &err);
  }
  int exit_code = code ? cli_fail(args, &err) : answer(args, arena, &store, &work.totals);
  backup_file_release(&file);
  cli_close(&store);
  return exit_code;
}

static const struct cli_option options[] = {CLI_OPTION_DATA};

const struct cli_command cli_backup = {
    .name = "backup",
    .words = "FILE",
    .min_words = 1,
    .max_words = 1,
    .summary = "writes the whole installation into one file, while it is served",
    .description =
        "Writes every table of the database as it is at one moment, also while a server works on it, into FILE\n"
        "(0600), which takes the place of an older one only when it is whole and on disk. From SQLite and\n"
        "PostgreSQL comes the same file, and restore puts it into either. What is sealed stays sealed: the\n"
        "master key is not in it, and has to be kept elsewhere. Files that connections name are not in it.\n",
    .example = "  connek backup /mnt/safe/connek.backup --data /var/lib/connek\n",
    CLI_OPTIONS(options),
    .run = backup,
};
