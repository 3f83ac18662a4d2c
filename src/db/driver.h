/* What a database has to give to stand behind db.h, and what the files of this folder share of every one. Nobody else
 * includes it. */
#ifndef CONNEK_DB_DRIVER_H
#define CONNEK_DB_DRIVER_H

#include "db/contents.h"
#include "db/db.h"

/* The two of them put these structs at the beginning of their own. */
struct db {
  const struct db_driver *driver;
  char *name; /* for errors: "DIR/connek.db", "the database connek at HOST" */
  struct executor *executor;
  struct db_conn **conns; /* one a store thread */
  unsigned n_conns;
  bool is_above_scope; /* our role is one that policies do not hold for */
};

struct db_tx {
  struct db_conn *conn;
  bool is_write;
  bool is_failed; /* a statement has: nothing more is done, nothing will be stored */
  int64_t changes;
};

struct db_conn {
  struct db *db;
  struct db_tx tx; /* the one under way */
};

struct db_rows {
  const struct db_driver *driver;
};

/* What is going to be done decides how a transaction begins. */
enum db_intent {
  DB_READ,
  DB_WRITE,  /* alone: no other DB_WRITE goes on anywhere */
  DB_APPEND, /* rows that nobody else writes */
  DB_FILL,   /* alone, very many rows */
};

/* What is expected of the place. */
enum db_opening {
  DB_EXISTING,
  DB_MAY_CREATE,
  DB_EMPTY, /* and nothing is made there */
};

struct db_driver {
  /* Words of migrations: {{without_rowid}}, and what follows the type TEXT. */
  const char *without_rowid, *text_order;

  void (*close)(struct db *db); /* frees it */
  enum err_code (*connect)(struct db *db, struct db_conn **ret_conn, struct err *err);
  void (*disconnect)(struct db_conn *conn);

  enum err_code (*begin)(struct db_conn *conn, enum db_intent intent, struct err *err);
  enum err_code (*commit)(struct db_conn *conn, struct err *err);
  void (*rollback)(struct db_conn *conn); /* also after a commit that failed */
  /* Always after begin has succeeded, when the transaction is over. */
  void (*end)(struct db_conn *conn, enum db_intent intent);

  /* NULL where no other server uses it. */
  enum err_code (*notify)(struct db_tx *tx, struct err *err);
  void (*await_notice)(struct db_conn *conn, int wake_fd, int timeout_ms);

  /* NULL: everything is always everybody's. Told to the database with the next statement. */
  void (*scope)(struct db_conn *conn, struct uuid organisation_id);

  /* In a write transaction, before migrations: is it ours, or empty? Makes what they stand on. */
  enum err_code (*claim)(struct db_tx *tx, bool *ret_was_empty, struct err *err);
  /* After migrations; NULL: nothing is to be done. */
  enum err_code (*finish)(struct db_tx *tx, struct err *err);
  enum err_code (*tend)(struct db_tx *tx, struct err *err); /* db_tend */
  /* Queries: table, column, type's word, its place in the primary key or 0, by table and column; and table, table that
   * it refers to. */
  const char *columns_sql, *references_sql;
  const char *clock_sql; /* a query: the time, UTC microseconds */

  /* Several statements, without parameters: migrations. */
  enum err_code (*script)(struct db_tx *tx, const char *sql, struct err *err);
  enum err_code (*exec)(struct db_tx *tx, const char *sql, const struct db_value *params, size_t n, struct err *err);
  enum err_code (*query)(struct db_tx *tx, const char *sql, const struct db_value *params, size_t n, bool is_large,
                         struct db_rows **ret_rows, struct err *err);
  int (*next)(struct db_rows *rows, struct err *err);
  void (*rows_close)(struct db_rows *rows);
  bool (*is_null)(struct db_rows *rows, int column);
  int64_t (*int_at)(struct db_rows *rows, int column);
  struct str (*bytes_at)(struct db_rows *rows, int column, enum db_kind kind); /* DB_TEXT or DB_BLOB */
};

enum { DB_PARAMS_MAX = DB_COLUMNS_MAX, DB_BUSY_MS = 5000 };

/* sqlite.c, postgres.c */
enum err_code db_open_sqlite(const char *dir, enum db_opening how, struct db **ret_db, struct err *err) MUST_CHECK;
enum err_code db_open_postgres(const char *url, enum db_opening how, struct db **ret_db, struct err *err) MUST_CHECK;

/* db.c: what is to be said of a place that is not as expected; `is_empty`: nothing is in it. */
enum err_code db_check_opening(const struct db *db, enum db_opening how, bool is_empty, struct err *err) MUST_CHECK;
/* db.c: a number from a query of one row; 0 where there is none. */
enum err_code db_one_number(struct db_tx *tx, const char *sql, int64_t *ret_number, struct err *err) MUST_CHECK;

/* Prepared statements by the address of their text; grows, never shrinks: literals are few. A driver's own struct
 * begins with this. */
struct prepared {
  const char *sql; /* the literal's address: the key */
};
struct statement_cache {
  struct prepared **slots; /* open addressing */
  size_t capacity, count;
};
struct prepared *statement_cache_find(const struct statement_cache *cache, const char *sql);
/* ERR_NO_MEMORY: not taken. */
enum err_code statement_cache_add(struct statement_cache *cache, struct prepared *prepared, struct err *err) MUST_CHECK;
void statement_cache_release(struct statement_cache *cache, void (*free_one)(struct prepared *prepared));

#endif
