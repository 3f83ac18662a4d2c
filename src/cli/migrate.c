/* connek migrate: an installation from its folder's own database to PostgreSQL, all or nothing: a backup that is put
 * where it is going at once, and lies in the folder meanwhile without a name. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/secret.h"
#include "cli/filling.h"

struct migrate_work {
  struct filling filling;
  const struct cli_store *from;
  struct backup_totals totals;
};

static enum err_code read_in(struct db_tx *tx, void *context, struct err *err) {
  struct migrate_work *work = context;
  struct backup_owner owner;
  filling_owner(work->from->vault, &owner);
  enum err_code code = backup_write(tx, work->filling.arena, work->filling.fd, &owner, NULL, NULL, &work->totals, err);
  secret_wipe(&owner, sizeof owner);
  return code;
}

static enum err_code put(struct migrate_work *work, const char *url, struct err *err) {
  struct db *db = NULL;
  struct db_conn *conn = NULL;
  enum err_code code = cli_open_empty_database(NULL, url, &db, err); /* before the work of reading it all */
  if (!code) code = db_connect(db, &conn, err);
  if (!code) code = db_read(work->from->conn, read_in, work, err);
  if (!code) code = backup_check(work->filling.fd, &work->filling.label, err);
  if (!code) code = db_fill(conn, filling_work, &work->filling, err);
  if (!code && (work->totals.rows != work->filling.totals.rows || work->totals.tables != work->filling.totals.tables))
    code = err_set(err, ERR_INTERNAL, "what arrived is not what was sent");
  if (conn) db_disconnect(conn);
  if (db) db_close(db);
  return code;
}

static int answer(const struct migrate_work *work) {
  struct buf out;
  const char *dir = work->from->dir;
  buf_init(&out, work->filling.arena, 16 * KIB);
  filling_count(&out, &work->filling.totals);
  buf_printf(&out,
             " have moved; %lld audit records in %lld chains hold\n"
             "From now on say --database (or CONNEK_DATABASE) beside --data %s, where the master key and other files "
             "stay.\n%s/connek.db is as it was and is used no more: keep it until you are sure, then remove it\n",
             (long long)work->filling.finding.records, (long long)work->filling.finding.chains, dir, dir);
  return cli_print_buf(work->filling.args, &out);
}

static int migrate(const struct cli_args *args, struct arena *arena) {
  struct err err = {0};
  struct cli_store from;
  const char *dir = cli_value(args, "from");
  if (cli_open_folder(dir, CLI_ALONE, &from, &err)) return cli_fail(args, &err);
  struct migrate_work work = {.filling = {.args = args, .arena = arena, .vault = from.vault, .dir = dir},
                              .from = &from};
  work.filling.fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  enum err_code code = ERR_NONE;
  if (work.filling.fd < 0) code = err_set(&err, ERR_UNAVAILABLE, "no file can be made in %s: %s", dir, strerror(errno));
  if (!code) code = put(&work, cli_value(args, "database"), &err);
  int exit_code = code ? cli_fail(args, &err) : answer(&work);
  if (code) cli_warn(args, "nothing has been moved");
  if (work.filling.fd >= 0) close(work.filling.fd);
  cli_close(&from);
  return exit_code;
}

static const struct cli_option options[] = {
    {"from", "DIR", NULL, NULL, "the data folder whose connek.db moves", true, false},
    {"database", "URL", CLI_DATABASE_VARIABLE, NULL, "the empty PostgreSQL database that it moves to", true, false},
};

const struct cli_command cli_migrate = {
    .name = "migrate",
    .words = "",
    .summary = "moves an installation from SQLite to PostgreSQL, all or nothing",
    .description =
        "Copies every row of DIR/connek.db into an empty PostgreSQL database in one transaction, reads it again\n"
        "there, counts, and verifies every chain of the audit trail; only then is any of it kept. Stop the\n"
        "server first: nothing may change meanwhile. Access tokens, signed-in people and assistants go on as\n"
        "before. DIR stays the data folder, with the master key; its connek.db is left as it is.\n",
    .example = "  connek migrate --from /var/lib/connek --database postgres://connek@db.example/connek\n",
    CLI_OPTIONS(options),
    .run = migrate,
};
