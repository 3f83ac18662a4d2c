/* list_tables and describe_table: fixed statements over SQLite's own description of the schema. */
#include "connector/sql/sqlite_statement.h"

static enum err_code prepare(struct sqlite_handle *handle, const char *sql, struct str name,
                             sqlite3_stmt **ret_statement, struct err *err) {
  handle->mode = SQLITE_MODE_OURS;
  int result = sqlite3_prepare_v3(handle->db, sql, -1, 0, ret_statement, NULL);
  if (result == SQLITE_OK && name.p)
    result = sqlite3_bind_text64(*ret_statement, 1, name.p, name.n, SQLITE_STATIC, SQLITE_UTF8);
  return result == SQLITE_OK ? ERR_NONE : sqlite_handle_describe(handle, result, err);
}

static struct str text_of(sqlite3_stmt *statement, int column) {
  const char *text = (const char *)sqlite3_column_text(statement, column);
  return str_make(text, text ? (size_t)sqlite3_column_bytes(statement, column) : 0);
}

static void write_text(struct buf *out, const char *key, struct str text) {
  buf_append_c(out, key);
  if (text.p) {
    json_write_str(out, text);
  } else {
    buf_append_c(out, "null");
  }
}

typedef void (*write_row)(struct buf *out, sqlite3_stmt *statement);

/* Each row through `write`, with commas between. */
static enum err_code write_rows(struct sqlite_handle *handle, const char *sql, struct str name, write_row write,
                                struct buf *out, size_t *ret_n, struct err *err) {
  sqlite3_stmt *statement = NULL;
  size_t n = 0;
  enum err_code code = prepare(handle, sql, name, &statement, err);
  if (code == ERR_NONE) {
    int result;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW && !buf_failed(out)) {
      if (n++ > 0) buf_append_byte(out, ',');
      write(out, statement);
    }
    if (buf_failed(out)) {
      code = err_set(err, ERR_TOO_LARGE, "the schema is too large to be shown");
    } else if (result != SQLITE_DONE) {
      code = sqlite_handle_describe(handle, result, err);
    }
  }
  sqlite3_finalize(statement);
  if (ret_n) *ret_n = n;
  return code;
}

static void write_table(struct buf *out, sqlite3_stmt *statement) {
  write_text(out, "{\"name\":", text_of(statement, 0));
  write_text(out, ",\"type\":", text_of(statement, 1));
  buf_append_c(out, ",\"columns\":");
  buf_append_i64(out, sqlite3_column_int64(statement, 2));
  buf_append_byte(out, '}');
}

enum err_code sqlite_list_tables(struct sqlite_handle *handle, struct buf *out, struct err *err) {
  buf_append_c(out, "{\"tables\":[");
  enum err_code code =
      write_rows(handle,
                 "SELECT name, CASE type WHEN 'view' THEN 'view' ELSE 'table' END, ncol "
                 "FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'view', 'virtual') "
                 "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
                 STR_NONE, write_table, out, NULL, err);
  buf_append_c(out, "]}");
  return code;
}

static void write_head(struct buf *out, sqlite3_stmt *statement) {
  write_text(out, "{\"table\":", text_of(statement, 0));
  write_text(out, ",\"type\":", text_of(statement, 1));
  write_text(out, ",\"sql\":", text_of(statement, 2));
}

static void write_column(struct buf *out, sqlite3_stmt *statement) {
  write_text(out, "{\"name\":", text_of(statement, 0));
  write_text(out, ",\"type\":", text_of(statement, 1));
  buf_append_c(out, sqlite3_column_int(statement, 2) ? ",\"not_null\":true" : ",\"not_null\":false");
  write_text(out, ",\"default\":", text_of(statement, 3));
  buf_append_c(out, sqlite3_column_int(statement, 4) ? ",\"primary_key\":true}" : ",\"primary_key\":false}");
}

static void write_foreign_key(struct buf *out, sqlite3_stmt *statement) {
  write_text(out, "{\"column\":", text_of(statement, 0));
  write_text(out, ",\"references_table\":", text_of(statement, 1));
  write_text(out, ",\"references_column\":", text_of(statement, 2));
  buf_append_byte(out, '}');
}

enum err_code sqlite_describe_table(struct sqlite_handle *handle, yyjson_val *arguments, struct buf *out,
                                    struct err *err) {
  struct str table = json_get_str(arguments, "table");
  size_t n_found = 0;
  enum err_code code = write_rows(handle,
                                  "SELECT name, type, sql FROM main.sqlite_schema WHERE type IN ('table', 'view') "
                                  "AND name = ?1 COLLATE NOCASE AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' LIMIT 1",
                                  table, write_head, out, &n_found, err);
  if (code == ERR_NONE && n_found == 0)
    return err_set(err, ERR_NOT_FOUND, "there is no table or view \"%.*s\"; list_tables tells which there are",
                   (int)(table.n < 100 ? table.n : 100), table.p);
  buf_append_c(out, ",\"columns\":[");
  if (code == ERR_NONE)
    code = write_rows(handle,
                      "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_xinfo(?1, 'main') "
                      "WHERE hidden <> 1 ORDER BY cid",
                      table, write_column, out, NULL, err);
  buf_append_c(out, "],\"foreign_keys\":[");
  if (code == ERR_NONE)
    code = write_rows(handle,
                      "SELECT \"from\", \"table\", \"to\" FROM pragma_foreign_key_list(?1, 'main') ORDER BY id, seq",
                      table, write_foreign_key, out, NULL, err);
  buf_append_c(out, "]}");
  return code;
}
