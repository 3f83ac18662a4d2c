/* Rows of a statement of SQLite's. */
#include "codec/base64.h"
#include "connector/sql/sqlite_statement.h"
#include "connector/sql/tool.h"

static enum err_code read_names(sqlite3_stmt *statement, struct arena *scratch, struct str **ret_names, size_t *ret_n,
                                struct err *err) {
  size_t n = (size_t)sqlite3_column_count(statement);
  struct str *names = arena_new_n(scratch, struct str, n + 1);
  if (!names) return err_no_memory(err);
  for (size_t i = 0; i < n; i++) {
    const char *name = sqlite3_column_name(statement, (int)i);
    if (!name) return err_no_memory(err);
    names[i] = arena_str(scratch, str_of(name));
    if (!names[i].p) return err_no_memory(err);
  }
  *ret_names = names;
  *ret_n = n;
  return ERR_NONE;
}

/* JSON has no infinity; SQLite has no NaN. */
static void write_real(struct buf *out, double value) {
  if (value - value != 0) {
    buf_append_c(out, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    return;
  }
  yyjson_val number = {0};
  yyjson_set_real(&number, value);
  json_write_value(out, &number);
}

static void write_value(struct buf *out, void *context, size_t at) {
  sqlite3_stmt *statement = context;
  int column = (int)at;
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      buf_append_i64(out, sqlite3_column_int64(statement, column));
      break;
    case SQLITE_FLOAT:
      write_real(out, sqlite3_column_double(statement, column));
      break;
    case SQLITE_TEXT: {
      const char *text = (const char *)sqlite3_column_text(statement, column);
      json_write_str(out, str_make(text ? text : "", text ? (size_t)sqlite3_column_bytes(statement, column) : 0));
      break;
    }
    case SQLITE_BLOB: {
      const void *bytes = sqlite3_column_blob(statement, column);
      buf_append_byte(out, '"');
      if (bytes) base64_write(out, str_make(bytes, (size_t)sqlite3_column_bytes(statement, column)));
      buf_append_byte(out, '"');
      break;
    }
    default:
      buf_append_c(out, "null");
  }
}

enum err_code sqlite_statement_rows(struct sqlite_handle *handle, sqlite3_stmt *statement, struct arena *scratch,
                                    struct buf *out, struct err *err) {
  struct str *names = NULL;
  size_t n = 0;
  struct sql_rows rows;
  /* Before the columns are looked at: it is here that SQLite finds out that the schema has changed, compiles the
   * statement anew, and "*" means other columns. */
  int result = sqlite3_step(statement);
  if (result != SQLITE_ROW && result != SQLITE_DONE) return sqlite_handle_describe(handle, result, err);
  enum err_code code = read_names(statement, scratch, &names, &n, err);
  if (code == ERR_NONE) code = sql_rows_begin(&rows, out, handle->limits.max_result, scratch, names, n, err);
  if (code != ERR_NONE) return code;
  while (result == SQLITE_ROW && sql_rows_add(&rows, write_value, statement))
    result = sqlite3_step(statement);
  if (result != SQLITE_ROW && result != SQLITE_DONE) return sqlite_handle_describe(handle, result, err);
  return sql_rows_end(&rows, err);
}
