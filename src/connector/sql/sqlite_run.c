/* query and execute. */
#include "connector/sql/sqlite_statement.h"

/* What was refused may have been asked by a virtual table that was being connected, not by the caller: then it is
 * connected by us, and the statement tried again. */
static enum err_code prepare_query(struct sqlite_handle *handle, struct str sql, sqlite3_stmt **ret_statement,
                                   struct err *err) {
  handle->mode = SQLITE_MODE_READ;
  enum err_code code = sqlite_statement_prepare(handle, sql, ret_statement, err);
  if (code == ERR_NONE || !handle->refused[0]) return code;
  sqlite_guard_connect_tables(handle);
  handle->refused[0] = '\0';
  return sqlite_statement_prepare(handle, sql, ret_statement, err);
}

static enum err_code run_query(struct sqlite_handle *handle, sqlite3_stmt *statement, yyjson_val *params,
                               struct arena *scratch, struct buf *out, struct err *err) {
  if (!sqlite3_stmt_readonly(statement)) return err_set(err, ERR_INVALID, "only reading is allowed here");
  enum err_code code = sqlite_statement_bind(handle, statement, params, err);
  if (code != ERR_NONE) return code;
  buf_append_byte(out, '{');
  code = sqlite_statement_rows(handle, statement, scratch, out, err);
  buf_append_byte(out, '}');
  return code;
}

enum err_code sqlite_query(struct sqlite_handle *handle, yyjson_val *arguments, struct arena *scratch, struct buf *out,
                           struct err *err) {
  struct str sql = json_get_str(arguments, "sql");
  yyjson_val *params = json_get(arguments, "params");
  size_t before = out->n;
  handle->mode = SQLITE_MODE_READ;
  sqlite3_stmt *statement = sqlite_kept_take(handle, sql);
  enum err_code code = statement ? run_query(handle, statement, params, scratch, out, err) : ERR_NONE;
  /* One that was kept may have been compiled anew because the schema has changed, and a virtual table have asked for
   * what is refused: prepare_query knows what to do. */
  bool is_first = !statement || (code != ERR_NONE && handle->refused[0]);
  if (is_first) {
    sqlite3_finalize(statement);
    statement = NULL;
    out->n = before;
    handle->refused[0] = '\0';
    code = prepare_query(handle, sql, &statement, err);
    if (code == ERR_NONE) code = run_query(handle, statement, params, scratch, out, err);
  }
  if (statement) sqlite_kept_put(handle, sql, statement, code == ERR_NONE);
  handle->mode = SQLITE_MODE_OURS;
  return code;
}

/* Runs the statement within the transaction that is open, and tells what it changed. */
static enum err_code run_change(struct sqlite_handle *handle, sqlite3_stmt *statement, struct arena *scratch,
                                struct buf *out, struct err *err) {
  sqlite3_int64 before = sqlite3_total_changes64(handle->db);
  bool has_rows = sqlite3_column_count(statement) > 0;
  struct buf rows;
  buf_init(&rows, NULL, out->max);
  enum err_code code = ERR_NONE;
  if (has_rows) {
    code = sqlite_statement_rows(handle, statement, scratch, &rows, err);
  } else {
    int result = sqlite3_step(statement);
    if (result != SQLITE_DONE) code = sqlite_handle_describe(handle, result, err);
  }
  /* sqlite3_changes() keeps the count of an earlier statement where this one is no INSERT, UPDATE or DELETE. */
  bool has_changed = sqlite3_total_changes64(handle->db) > before;
  buf_append_c(out, "{\"changes\":");
  buf_append_i64(out, has_changed ? sqlite3_changes64(handle->db) : 0);
  if (has_rows) buf_append_byte(out, ',');
  buf_append_str(out, buf_str(&rows));
  buf_append_byte(out, '}');
  buf_release(&rows);
  if (code == ERR_NONE && buf_failed(out)) code = err_set(err, ERR_TOO_LARGE, "the rows are too large");
  return code;
}

/* Nothing stops it any more: cancelled or late, it is finished one way or the other. */
static enum err_code end_transaction(struct sqlite_handle *handle, enum err_code code, bool *ret_is_unknown,
                                     struct err *err) {
  handle->may_stop = false;
  if (code == ERR_NONE) {
    int result = sqlite_handle_run(handle, "COMMIT");
    if (result == SQLITE_OK) return ERR_NONE;
    code = sqlite_handle_describe(handle, result, err);
    /* SQLite gave up by itself in the middle of writing: a journal may or may not take it back. */
    *ret_is_unknown = (result & 0xFF) == SQLITE_IOERR && sqlite3_get_autocommit(handle->db);
  }
  if (!sqlite3_get_autocommit(handle->db)) (void)sqlite_handle_run(handle, "ROLLBACK");
  return code;
}

enum err_code sqlite_execute(struct sqlite_handle *handle, yyjson_val *arguments, struct arena *scratch,
                             struct buf *out, bool *ret_is_unknown, struct err *err) {
  sqlite3_stmt *statement = NULL;
  *ret_is_unknown = false;
  handle->mode = SQLITE_MODE_WRITE;
  enum err_code code = sqlite_statement_prepare(handle, json_get_str(arguments, "sql"), &statement, err);
  if (code == ERR_NONE) code = sqlite_statement_bind(handle, statement, json_get(arguments, "params"), err);
  if (code == ERR_NONE) {
    int result = sqlite_handle_run(handle, "BEGIN IMMEDIATE");
    if (result != SQLITE_OK) code = sqlite_handle_describe(handle, result, err);
  }
  if (code == ERR_NONE) {
    code = run_change(handle, statement, scratch, out, err);
    sqlite3_finalize(statement); /* a statement that is under way would keep the transaction open */
    statement = NULL;
    if (code == ERR_NONE && atomic_load(handle->limits.is_cancelled))
      code = err_set(err, ERR_CANCELLED, "the call was cancelled");
    code = end_transaction(handle, code, ret_is_unknown, err);
  }
  sqlite3_finalize(statement);
  handle->mode = SQLITE_MODE_OURS;
  return code;
}
