/* What the files of this folder share of the SQLite side. Nobody else includes it. */
#ifndef CONNEK_DB_SQLITE_H
#define CONNEK_DB_SQLITE_H

#include <pthread.h>

#include <sqlite3.h>

#include "db/driver.h"

struct sqlite_conn {
  struct db_conn conn; /* first */
  sqlite3 *handle;
  struct statement_cache cache;
};

struct statement {
  struct prepared prepared; /* first */
  sqlite3_stmt *stmt;
  struct sqlite_conn *conn;
  struct db_rows rows;
  size_t n_params;
  uint8_t index[DB_PARAMS_MAX]; /* SQLite's index of $1, $2 ...: it numbers them as they appear */
  bool is_busy;                 /* rows are open */
  bool is_cached;               /* false: freed with its rows */
};

struct sqlite_db {
  struct db db; /* first */
  char *dir, *path;
  /* Writers of this process wait for each other here: SQLite's own waiting sleeps up to 100 ms at a time. */
  pthread_mutex_t write_lock;
};

static inline struct sqlite_conn *sqlite_conn_of(struct db_conn *conn) {
  return (struct sqlite_conn *)(void *)conn;
}
static inline struct sqlite_db *sqlite_db_of(struct db *db) {
  return (struct sqlite_db *)(void *)db;
}

extern const struct db_driver db_sqlite_driver; /* sqlite.c */

/* sqlite_error.c: fills `err` from a result code of SQLite; `sql` (or NULL) goes to the detail. */
enum err_code sqlite_describe(sqlite3 *handle, int rc, const char *sql, struct err *err);
/* The same, for `return sqlite_failed(...)`: never ERR_NONE. */
static inline enum err_code sqlite_failed(sqlite3 *handle, int rc, const char *sql, struct err *err) {
  enum err_code code = sqlite_describe(handle, rc, sql, err);
  return code != ERR_NONE ? code : ERR_INTERNAL;
}

/* sqlite_statement.c: db_driver's, of statements */
enum err_code db_sqlite_exec(struct db_tx *tx, const char *sql, const struct db_value *params, size_t n,
                             struct err *err) MUST_CHECK;
enum err_code db_sqlite_query(struct db_tx *tx, const char *sql, const struct db_value *params, size_t n, bool is_large,
                              struct db_rows **ret_rows, struct err *err) MUST_CHECK;
int db_sqlite_next(struct db_rows *rows, struct err *err) MUST_CHECK;
void db_sqlite_rows_close(struct db_rows *rows);
bool db_sqlite_is_null(struct db_rows *rows, int column);
int64_t db_sqlite_int_at(struct db_rows *rows, int column);
struct str db_sqlite_bytes_at(struct db_rows *rows, int column, enum db_kind kind);
void db_sqlite_statement_free(struct prepared *prepared);

#endif
