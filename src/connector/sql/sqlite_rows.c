/* Rows as JSON: objects by column name. Caps on rows and bytes cut between two rows, and say so. */
#include "base/limits.h"
#include "codec/base64.h"
#include "connector/sql/sqlite_statement.h"

enum { HEAD_ROOM = 4 * KIB /* for what follows the rows */ };

struct columns {
  int n;
  struct str *names; /* no two the same */
  struct str *keys;  /* as JSON, with the colon */
};

static bool is_taken(const struct columns *columns, int n, struct str name) {
  for (int i = 0; i < n; i++)
    if (str_eq(columns->names[i], name)) return true;
  return false;
}

/* "id" beside another "id" is "id_2". */
static struct str unique_name(struct arena *scratch, const struct columns *columns, int n, struct str name) {
  struct str candidate = name;
  for (int k = 2; candidate.p && is_taken(columns, n, candidate); k++)
    candidate = arena_printf(scratch, "%.*s_%d", STR_ARG(name), k);
  return candidate;
}

static enum err_code read_columns(sqlite3_stmt *statement, struct arena *scratch, struct columns *ret_columns,
                                  struct err *err) {
  struct columns columns = {.n = sqlite3_column_count(statement)};
  columns.names = arena_new_n(scratch, struct str, (size_t)columns.n + 1);
  columns.keys = arena_new_n(scratch, struct str, (size_t)columns.n + 1);
  if (!columns.names || !columns.keys) return err_no_memory(err);
  for (int i = 0; i < columns.n; i++) {
    const char *name = sqlite3_column_name(statement, i);
    if (!name) return err_no_memory(err);
    columns.names[i] = unique_name(scratch, &columns, i, str_of(name));
    struct buf key;
    buf_init(&key, scratch, MIB);
    json_write_str(&key, columns.names[i]);
    buf_append_byte(&key, ':');
    if (!columns.names[i].p || buf_failed(&key)) return err_no_memory(err);
    columns.keys[i] = buf_str(&key);
  }
  *ret_columns = columns;
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

static void write_value(struct buf *out, sqlite3_stmt *statement, int column) {
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

static void write_row(struct buf *out, sqlite3_stmt *statement, const struct columns *columns, bool is_first) {
  if (!is_first) buf_append_byte(out, ',');
  buf_append_byte(out, '{');
  for (int i = 0; i < columns->n; i++) {
    if (i > 0) buf_append_byte(out, ',');
    buf_append_str(out, columns->keys[i]);
    write_value(out, statement, i);
  }
  buf_append_byte(out, '}');
}

static void write_names(struct buf *out, const struct columns *columns) {
  buf_append_c(out, "\"columns\":[");
  for (int i = 0; i < columns->n; i++) {
    if (i > 0) buf_append_byte(out, ',');
    buf_append(out, columns->keys[i].p, columns->keys[i].n - 1);
  }
  buf_append_c(out, "],\"rows\":[");
}

static void write_end(struct buf *out, uint64_t n, bool is_over_rows, bool is_over_bytes, size_t max) {
  buf_append_c(out, "],\"row_count\":");
  buf_append_u64(out, n);
  buf_append_c(out, is_over_rows || is_over_bytes ? ",\"truncated\":true,\"notice\":\"" : ",\"truncated\":false");
  if (is_over_rows) {
    buf_printf(out, "There are more rows than the %d shown: add LIMIT and OFFSET, a WHERE, or let SQL sum.\"",
               LIMIT_SQL_ROWS);
  } else if (is_over_bytes) {
    buf_printf(out, "%s did not fit into %zu KiB: ask for fewer rows, fewer columns, or substr() of long texts.\"",
               n == 0 ? "Even the first row" : "There are more rows: the next one", max / KIB);
  }
}

enum err_code sqlite_statement_rows(struct sqlite_handle *handle, sqlite3_stmt *statement, struct arena *scratch,
                                    struct buf *out, struct err *err) {
  struct columns columns = {0};
  /* Before the columns are looked at: it is here that SQLite finds out that the schema has changed, compiles the
   * statement anew, and "*" means other columns. */
  int result = sqlite3_step(statement);
  if (result != SQLITE_ROW && result != SQLITE_DONE) return sqlite_handle_describe(handle, result, err);
  enum err_code code = read_columns(statement, scratch, &columns, err);
  if (code != ERR_NONE) return code;
  write_names(out, &columns);
  size_t max = out->max, limit = max - HEAD_ROOM, own = handle->limits.max_result;
  if (own > 0 && own < limit) limit = own;
  uint64_t n = 0;
  bool is_over_bytes = false, is_over_rows = false;
  for (; result == SQLITE_ROW; result = sqlite3_step(statement)) {
    if (n == LIMIT_SQL_ROWS) {
      is_over_rows = true;
      break;
    }
    size_t before = out->n;
    out->max = limit;
    write_row(out, statement, &columns, n == 0);
    out->max = max;
    if (buf_failed(out)) {
      out->has_failed = false;
      out->n = before;
      is_over_bytes = true;
      break;
    }
    n++;
  }
  if (result != SQLITE_ROW && result != SQLITE_DONE) return sqlite_handle_describe(handle, result, err);
  write_end(out, n, is_over_rows, is_over_bytes, own > 0 && own < LIMIT_SQL_BYTES ? own : LIMIT_SQL_BYTES);
  return buf_failed(out) ? err_no_memory(err) : ERR_NONE;
}
