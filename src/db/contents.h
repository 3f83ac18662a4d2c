/* All that a database holds, whatever the tables are: for backups and moves. Which tables there are is asked of the
 * database itself, so that no table can be forgotten. */
#ifndef CONNEK_DB_CONTENTS_H
#define CONNEK_DB_CONTENTS_H

#include "db/db.h"

enum { DB_HASH_SIZE = 32, DB_COLUMNS_MAX = 32 };

/* How many migrations this binary knows. */
int64_t db_schema_newest(void);
/* How many the database has. */
enum err_code db_schema_version(struct db_tx *tx, int64_t *ret_version, struct err *err) MUST_CHECK;
/* SHA-256 over the first `version` of them: two that have the same have the same tables. `version` is known. */
enum err_code db_schema_hash(int64_t version, uint8_t ret_hash[DB_HASH_SIZE], struct err *err) MUST_CHECK;
/* Makes the tables as they were at `version`, in the db_fill of a place that is empty (ERR_CONFLICT: it is not). */
enum err_code db_schema_make(struct db_tx *tx, int64_t version, struct err *err) MUST_CHECK;
/* The migrations that are missing then. */
enum err_code db_schema_finish(struct db_tx *tx, struct err *err) MUST_CHECK;

struct db_column {
  struct str name;
  enum db_kind kind; /* unless NULL */
};
struct db_table {
  struct str name;
  struct db_column *columns; /* by name */
  size_t n_columns;
  const char *select, *insert; /* for db_table_read and db_table_put */
  bool is_of_the_moment;       /* its rows say who works on this database just now: true of no other one */
};
/* All but the note of migrations, each behind those that it refers to. Lies in `arena`, which has to stay until
 * db_disconnect. */
enum err_code db_tables(struct db_tx *tx, struct arena *arena, struct db_table **ret_tables, size_t *ret_n,
                        struct err *err) MUST_CHECK;
/* Every row, by primary key: the same rows come in the same order from any database. */
enum err_code db_table_read(struct db_tx *tx, const struct db_table *table, struct db_rows **ret_rows,
                            struct err *err) MUST_CHECK;
/* One more row: its cells in the order of the columns. */
enum err_code db_table_put(struct db_tx *tx, const struct db_table *table, const struct db_value *cells,
                           struct err *err) MUST_CHECK;
/* A cell of a row that is being read, borrowed until db_next. */
struct db_value db_cell(struct db_rows *rows, const struct db_table *table, size_t column);

#endif
