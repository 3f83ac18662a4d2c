/* A backup put into an empty database and judged there: what restore and migrate share. */
#ifndef CONNEK_CLI_FILLING_H
#define CONNEK_CLI_FILLING_H

#include "audit/audit.h"
#include "backup/backup.h"
#include "cli/cli.h"
#include "cli/open.h"

struct filling {
  const struct cli_args *args;
  struct arena *arena; /* stays until the connection's end */
  const struct vault *vault;
  const char *dir;
  int fd; /* the backup */
  struct backup_label label;
  struct backup_totals totals;
  struct audit_finding finding;
};

/* db_work of a db_fill; the context is a struct filling. All that is there afterwards holds: the master key is the
 * vault's, and every record of the audit trail stands in its chain. */
enum err_code filling_work(struct db_tx *tx, void *context, struct err *err) MUST_CHECK;
/* backup_progress, on standard error; the context is a struct cli_args. */
void filling_show(void *context, struct str table, int64_t rows, bool is_end);
/* "32 tables with 4711 rows" */
void filling_count(struct buf *out, const struct backup_totals *totals);
/* Of a vault, to be wiped. */
void filling_owner(const struct vault *vault, struct backup_owner *ret_owner);
/* Is the vault's key the one of the backup (ERR_UNAVAILABLE, saying what to do), and has nobody changed it? */
enum err_code filling_check_key(const struct vault *vault, const struct backup_label *label,
                                struct err *err) MUST_CHECK;

#endif
