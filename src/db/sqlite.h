/* What the files of this folder share of the SQLite side. Nobody else includes it. */
#ifndef CONNEK_DB_SQLITE_H
#define CONNEK_DB_SQLITE_H

#include <pthread.h>

#include <sqlite3.h>

#include "db/db.h"

enum { DB_PARAMS_MAX = 32, DB_BUSY_MS = 5000 };

struct db_rows {
  struct statement *statement;
};

struct statement {
  const char *sql; /* the literal's address: the key */
  sqlite3_stmt *stmt;
  struct db_conn *conn;
  struct db_rows rows;
  size_t n_params;
  uint8_t index[DB_PARAMS_MAX]; /* SQLite's index of $1, $2 ...: it numbers them as they appear */
  bool is_busy;                 /* rows are open */
  bool is_cached;               /* false: freed with its rows */
};

/* Prepared statements by address; grows, never shrinks: literals are few. */
struct statement_cache {
  struct statement **slots; /* open addressing */
  size_t capacity, count;
};

struct db_tx {
  struct db_conn *conn;
  bool is_write;
  int64_t changes;
};

struct db_conn {
  struct db *db;
  sqlite3 *handle;
  struct statement_cache cache;
  struct db_tx tx; /* the one under way */
};

struct db {
  char *dir, *path;
  /* Writers of this process wait for each other here: SQLite's own waiting sleeps up to 100 ms at a time. */
  pthread_mutex_t write_lock;
  struct executor *executor;
  struct db_conn **conns; /* one a store thread */
  unsigned n_conns;
};

/* error.c: fills `err` from a result code of SQLite; `sql` (or NULL) goes to the detail. */
enum err_code sqlite_describe(sqlite3 *handle, int rc, const char *sql, struct err *err);
/* The same, for `return sqlite_failed(...)`: never ERR_NONE. */
static inline enum err_code sqlite_failed(sqlite3 *handle, int rc, const char *sql, struct err *err) {
  enum err_code code = sqlite_describe(handle, rc, sql, err);
  return code != ERR_NONE ? code : ERR_INTERNAL;
}

/* statement.c */
enum err_code statement_take(struct db_conn *conn, const char *sql, struct statement **ret_statement,
                             struct err *err) MUST_CHECK;
void statement_give_back(struct statement *statement);
void statement_cache_release(struct statement_cache *cache);

/* sqlite.c: several statements, for migrations and settings. */
enum err_code sqlite_script(struct db_conn *conn, const char *sql, struct err *err) MUST_CHECK;

#endif
