/* Brings a database to the version of this binary. */
#ifndef CONNEK_DB_MIGRATE_H
#define CONNEK_DB_MIGRATE_H

#include "db/db.h"

struct embedded_file; /* scripts/embed.py makes db/migrations_sql.h from migrations/ */

/* Versions are 1, 2 ... in the order of `files`. In a write transaction: applies those that are missing and notes each
 * in schema_migration. ERR_CONFLICT: the database is newer than `files`, or was made by other ones. */
enum err_code migrate_run(struct db_tx *tx, const struct embedded_file *files, size_t n, struct err *err) MUST_CHECK;

#endif
