/* SQLite's statements: preparing, binding, stepping. Must not know transactions' beginnings and ends. */
#include <stdlib.h>

#include "db/sqlite.h"

static void statement_free(struct statement *statement) {
  sqlite3_finalize(statement->stmt);
  free(statement);
}

void db_sqlite_statement_free(struct prepared *prepared) {
  statement_free((struct statement *)(void *)prepared);
}

/* Every one of $1 ... $n must be there: a gap would be a parameter that nobody binds. */
static bool find_params(struct statement *statement) {
  int count = sqlite3_bind_parameter_count(statement->stmt);
  if (count > DB_PARAMS_MAX) return false;
  for (int i = 0; i < count; i++) {
    char name[8];
    snprintf(name, sizeof name, "$%d", i + 1);
    int index = sqlite3_bind_parameter_index(statement->stmt, name);
    if (index == 0) return false;
    statement->index[i] = (uint8_t)index;
  }
  statement->n_params = (size_t)count;
  return true;
}

static enum err_code statement_new(struct sqlite_conn *conn, const char *sql, struct statement **ret_statement,
                                   struct err *err) {
  struct statement *statement = calloc(1, sizeof *statement);
  if (!statement) return err_no_memory(err);
  int rc = sqlite3_prepare_v3(conn->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement->stmt, NULL);
  if (rc != SQLITE_OK) {
    free(statement);
    return sqlite_failed(conn->handle, rc, sql, err);
  }
  if (!statement->stmt || !find_params(statement)) {
    statement_free(statement);
    err_set(err, ERR_INTERNAL, "the database refused a statement");
    err_detail(err, "parameters must be $1 to $n: %.200s", sql);
    return ERR_INTERNAL;
  }
  statement->prepared.sql = sql;
  statement->conn = conn;
  statement->rows.driver = &db_sqlite_driver;
  *ret_statement = statement;
  return ERR_NONE;
}

static enum err_code statement_take(struct sqlite_conn *conn, const char *sql, struct statement **ret_statement,
                                    struct err *err) {
  struct statement *statement = (struct statement *)(void *)statement_cache_find(&conn->cache, sql);
  if (statement && !statement->is_busy) {
    /* A buffer that was used again would silently run the old statement. */
    if (strcmp(sqlite3_sql(statement->stmt), sql) != 0)
      return err_set(err, ERR_INTERNAL, "the database was given a statement that is not a literal");
    *ret_statement = statement;
    return ERR_NONE;
  }
  bool may_cache = !statement; /* else its rows are being read: this one is for once */
  enum err_code code = statement_new(conn, sql, &statement, err);
  if (code == ERR_NONE && may_cache) {
    code = statement_cache_add(&conn->cache, &statement->prepared, err);
    if (code != ERR_NONE)
      statement_free(statement);
    else
      statement->is_cached = true;
  }
  if (code == ERR_NONE) *ret_statement = statement;
  return code;
}

static void statement_give_back(struct statement *statement) {
  sqlite3_reset(statement->stmt);
  statement->is_busy = false;
  if (!statement->is_cached) statement_free(statement);
}

static int bind_one(sqlite3_stmt *stmt, int index, const struct db_value *value) {
  /* NULL would bind NULL, not an empty value. */
  const char *bytes = value->bytes.p ? value->bytes.p : "";
  switch (value->kind) {
    case DB_NULL:
      return sqlite3_bind_null(stmt, index);
    case DB_INT:
      return sqlite3_bind_int64(stmt, index, value->number);
    case DB_TEXT:
      return sqlite3_bind_text64(stmt, index, bytes, value->bytes.n, SQLITE_STATIC, SQLITE_UTF8);
    case DB_BLOB:
      return sqlite3_bind_blob64(stmt, index, bytes, value->bytes.n, SQLITE_STATIC);
  }
  return SQLITE_MISUSE;
}

/* Takes a statement and binds all of its parameters, so that nothing of an earlier run remains. */
static enum err_code begin(struct db_tx *tx, const char *sql, const struct db_value *params, size_t n,
                           struct statement **ret_statement, struct err *err) {
  struct statement *statement = NULL;
  struct sqlite_conn *conn = sqlite_conn_of(tx->conn);
  enum err_code code = statement_take(conn, sql, &statement, err);
  if (code != ERR_NONE) return code;
  const char *problem = statement->n_params != n ? "it takes another number of parameters" : NULL;
  if (!tx->is_write && !sqlite3_stmt_readonly(statement->stmt)) problem = "it writes in a read transaction";
  if (problem) {
    statement_give_back(statement);
    err_set(err, ERR_INTERNAL, "the database refused a statement");
    err_detail(err, "%s: %.180s", problem, sql);
    return ERR_INTERNAL;
  }
  for (size_t i = 0; i < n; i++) {
    int rc = bind_one(statement->stmt, statement->index[i], &params[i]);
    if (rc != SQLITE_OK) {
      code = sqlite_failed(conn->handle, rc, sql, err);
      statement_give_back(statement);
      return code;
    }
  }
  *ret_statement = statement;
  return ERR_NONE;
}

enum err_code db_sqlite_exec(struct db_tx *tx, const char *sql, const struct db_value *params, size_t n,
                             struct err *err) {
  struct statement *statement = NULL;
  enum err_code code = begin(tx, sql, params, n, &statement, err);
  if (code != ERR_NONE) return code;
  int rc;
  while ((rc = sqlite3_step(statement->stmt)) == SQLITE_ROW) {
  }
  if (rc == SQLITE_DONE)
    tx->changes = sqlite3_changes64(statement->conn->handle);
  else
    code = sqlite_failed(statement->conn->handle, rc, sql, err);
  statement_give_back(statement);
  return code;
}

/* Rows come one by one from the database's own pages: however many they are, nothing is kept. */
enum err_code db_sqlite_query(struct db_tx *tx, const char *sql, const struct db_value *params, size_t n, bool is_large,
                              struct db_rows **ret_rows, struct err *err) {
  (void)is_large;
  struct statement *statement = NULL;
  enum err_code code = begin(tx, sql, params, n, &statement, err);
  if (code != ERR_NONE) return code;
  statement->is_busy = true;
  *ret_rows = &statement->rows;
  return ERR_NONE;
}

static struct statement *statement_of(struct db_rows *rows) {
  return (struct statement *)(void *)((char *)rows - offsetof(struct statement, rows));
}

int db_sqlite_next(struct db_rows *rows, struct err *err) {
  struct statement *statement = statement_of(rows);
  int rc = sqlite3_step(statement->stmt);
  if (rc == SQLITE_ROW) return 1;
  if (rc == SQLITE_DONE) return 0;
  (void)sqlite_failed(statement->conn->handle, rc, statement->prepared.sql, err);
  statement->conn->conn.tx.is_failed = true;
  return -1;
}

void db_sqlite_rows_close(struct db_rows *rows) {
  statement_give_back(statement_of(rows));
}

bool db_sqlite_is_null(struct db_rows *rows, int column) {
  return sqlite3_column_type(statement_of(rows)->stmt, column) == SQLITE_NULL;
}

int64_t db_sqlite_int_at(struct db_rows *rows, int column) {
  return sqlite3_column_int64(statement_of(rows)->stmt, column);
}

struct str db_sqlite_bytes_at(struct db_rows *rows, int column, enum db_kind kind) {
  sqlite3_stmt *stmt = statement_of(rows)->stmt;
  const void *bytes =
      kind == DB_TEXT ? (const void *)sqlite3_column_text(stmt, column) : sqlite3_column_blob(stmt, column);
  return bytes ? str_make(bytes, (size_t)sqlite3_column_bytes(stmt, column)) : STR_NONE;
}
