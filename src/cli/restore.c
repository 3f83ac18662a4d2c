/* connek restore: a backup into an empty place, all or nothing. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "cli/filling.h"

/* Nothing was committed: the file was made for this alone. */
static void take_away(const char *dir) {
  static const char *const ends[] = {"", "-wal", "-shm"};
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/connek.db%s", dir, ends[i]);
    if (n > 0 && (size_t)n < sizeof path) (void)unlink(path);
  }
}

static enum err_code fill(struct filling *filling, struct err *err) {
  const char *dir = cli_value(filling->args, "data"), *url = cli_value(filling->args, "database");
  bool had_file = cli_has_data(dir);
  struct cli_store store;
  enum err_code code = cli_open_empty(filling->args, &store, err);
  if (code) return code;
  filling->vault = store.vault;
  filling->dir = dir;
  code = filling_check_key(store.vault, &filling->label, err);
  if (!code) code = cli_open_empty_database(dir, url, &store.db, err);
  bool is_empty = !code;
  if (!code) code = db_connect(store.db, &store.conn, err);
  if (!code) code = db_fill(store.conn, filling_work, filling, err);
  cli_close(&store);
  if (code && is_empty && !url && !had_file) take_away(dir);
  return code;
}

static int answer(const struct filling *filling) {
  struct buf out;
  char time[CLOCK_TEXT_SIZE];
  clock_format(filling->label.time, time);
  buf_init(&out, filling->arena, 16 * KIB);
  filling_count(&out, &filling->totals);
  buf_printf(&out, " are back as they were at %s; %lld audit records in %lld chains hold\n", time,
             (long long)filling->finding.records, (long long)filling->finding.chains);
  return cli_print_buf(filling->args, &out);
}

static int restore(const struct cli_args *args, struct arena *arena) {
  struct err err = {0};
  struct filling filling = {.args = args, .arena = arena, .fd = open(args->words[0], O_RDONLY | O_CLOEXEC)};
  if (filling.fd < 0) {
    err_set(&err, ERR_NOT_FOUND, "cannot be opened: %s", strerror(errno));
    err_place(&err, "%s", args->words[0]);
    return cli_fail(args, &err);
  }
  enum err_code code = backup_check(filling.fd, &filling.label, &err);
  if (code)
    err_place(&err, "%s", args->words[0]);
  else
    code = fill(&filling, &err);
  int exit_code = code ? cli_fail(args, &err) : answer(&filling);
  if (code) cli_warn(args, "nothing has been restored");
  close(filling.fd);
  return exit_code;
}

static const struct cli_option options[] = {CLI_OPTION_DATA};

const struct cli_command cli_restore = {
    .name = "restore",
    .words = "FILE",
    .min_words = 1,
    .max_words = 1,
    .summary = "puts a backup into an empty place, all or nothing",
    .description =
        "Fills an empty data folder, or an empty PostgreSQL database, from a file of connek backup: first the\n"
        "file is held against its digest, then every row is put in and read again, and every chain of the audit\n"
        "trail is verified; only then is any of it kept. The installation's master key has to be there first\n"
        "(DIR/master.key, or where it came from). A backup of an older version is brought to this one's; a newer\n"
        "one is refused, and so are one that was cut off or damaged, and one of another master key.\n",
    .example =
        "  install -m 0400 /mnt/key/master.key /var/lib/connek/\n"
        "  connek restore /mnt/safe/connek.backup --data /var/lib/connek\n",
    CLI_OPTIONS(options),
    .run = restore,
};
