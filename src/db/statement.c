/* Prepared statements: a cache by address, binding, stepping. Must not know transactions' beginnings and ends. */
#include <stdlib.h>

#include "db/sqlite.h"

static size_t slot_of(const struct statement_cache *cache, const char *sql) {
  size_t i = (size_t)(((uintptr_t)sql * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (cache->capacity - 1);
  while (cache->slots[i] && cache->slots[i]->sql != sql)
    i = (i + 1) & (cache->capacity - 1);
  return i;
}

static bool cache_grow(struct statement_cache *cache) {
  struct statement_cache grown = {NULL, cache->capacity ? 2 * cache->capacity : 32, cache->count};
  grown.slots = calloc(grown.capacity, sizeof *grown.slots);
  if (!grown.slots) return false;
  for (size_t i = 0; i < cache->capacity; i++)
    if (cache->slots[i]) grown.slots[slot_of(&grown, cache->slots[i]->sql)] = cache->slots[i];
  free(cache->slots);
  *cache = grown;
  return true;
}

static void statement_free(struct statement *statement) {
  sqlite3_finalize(statement->stmt);
  free(statement);
}

void statement_cache_release(struct statement_cache *cache) {
  for (size_t i = 0; i < cache->capacity; i++)
    if (cache->slots[i]) statement_free(cache->slots[i]);
  free(cache->slots);
  *cache = (struct statement_cache){0};
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

static enum err_code statement_new(struct db_conn *conn, const char *sql, struct statement **ret_statement,
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
  statement->sql = sql;
  statement->conn = conn;
  statement->rows.statement = statement;
  *ret_statement = statement;
  return ERR_NONE;
}

enum err_code statement_take(struct db_conn *conn, const char *sql, struct statement **ret_statement, struct err *err) {
  struct statement_cache *cache = &conn->cache;
  if (2 * cache->count >= cache->capacity && !cache_grow(cache)) return err_no_memory(err);
  size_t slot = slot_of(cache, sql);
  struct statement *statement = cache->slots[slot];
  if (statement && !statement->is_busy) {
    /* A buffer that was used again would silently run the old statement. */
    if (strcmp(sqlite3_sql(statement->stmt), sql) != 0)
      return err_set(err, ERR_INTERNAL, "the database was given a statement that is not a literal");
    *ret_statement = statement;
    return ERR_NONE;
  }
  bool may_cache = !statement; /* else its rows are being read: this one is for once */
  enum err_code code = statement_new(conn, sql, &statement, err);
  if (code != ERR_NONE) return code;
  if (may_cache) {
    statement->is_cached = true;
    cache->slots[slot] = statement;
    cache->count++;
  }
  *ret_statement = statement;
  return ERR_NONE;
}

void statement_give_back(struct statement *statement) {
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
  struct statement *statement;
  enum err_code code = statement_take(tx->conn, sql, &statement, err);
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
      code = sqlite_failed(tx->conn->handle, rc, sql, err);
      statement_give_back(statement);
      return code;
    }
  }
  *ret_statement = statement;
  return ERR_NONE;
}

enum err_code db_exec(struct db_tx *tx, const char *sql, const struct db_value *params, size_t n, struct err *err) {
  struct statement *statement;
  enum err_code code = begin(tx, sql, params, n, &statement, err);
  if (code != ERR_NONE) return code;
  int rc;
  while ((rc = sqlite3_step(statement->stmt)) == SQLITE_ROW) {
  }
  if (rc == SQLITE_DONE)
    tx->changes = sqlite3_changes64(tx->conn->handle);
  else
    code = sqlite_failed(tx->conn->handle, rc, sql, err);
  statement_give_back(statement);
  return code;
}

int64_t db_changes(const struct db_tx *tx) {
  return tx->changes;
}

enum err_code db_query(struct db_tx *tx, const char *sql, const struct db_value *params, size_t n,
                       struct db_rows **ret_rows, struct err *err) {
  struct statement *statement;
  enum err_code code = begin(tx, sql, params, n, &statement, err);
  if (code != ERR_NONE) return code;
  statement->is_busy = true;
  *ret_rows = &statement->rows;
  return ERR_NONE;
}

int db_next(struct db_rows *rows, struct err *err) {
  struct statement *statement = rows->statement;
  int rc = sqlite3_step(statement->stmt);
  if (rc == SQLITE_ROW) return 1;
  if (rc == SQLITE_DONE) return 0;
  (void)sqlite_failed(statement->conn->handle, rc, statement->sql, err);
  return -1;
}

void db_rows_close(struct db_rows *rows) {
  if (rows) statement_give_back(rows->statement);
}

bool db_is_null(struct db_rows *rows, int column) {
  return sqlite3_column_type(rows->statement->stmt, column) == SQLITE_NULL;
}

int64_t db_int(struct db_rows *rows, int column) {
  return sqlite3_column_int64(rows->statement->stmt, column);
}

struct str db_text(struct db_rows *rows, int column) {
  const unsigned char *text = sqlite3_column_text(rows->statement->stmt, column);
  return text ? str_make((const char *)text, (size_t)sqlite3_column_bytes(rows->statement->stmt, column)) : STR_NONE;
}

struct str db_blob(struct db_rows *rows, int column) {
  const void *bytes = sqlite3_column_blob(rows->statement->stmt, column);
  return bytes ? str_make(bytes, (size_t)sqlite3_column_bytes(rows->statement->stmt, column)) : STR_NONE;
}

struct uuid db_uuid(struct db_rows *rows, int column) {
  struct uuid id = {{0}};
  struct str bytes = db_blob(rows, column);
  if (bytes.n == sizeof id.b) memcpy(id.b, bytes.p, sizeof id.b);
  return id;
}
