/* Rows as JSON: objects by column name. Caps on rows and bytes cut between two rows, and say so. Must not know which
 * database they come from. */
#include "base/limits.h"
#include "codec/json.h"
#include "connector/sql/tool.h"

enum { HEAD_ROOM = 4 * KIB /* for what follows the rows */ };

static bool is_taken(const struct sql_rows *rows, size_t n, struct str name) {
  for (size_t i = 0; i < n; i++)
    if (str_eq(rows->names[i], name)) return true;
  return false;
}

static struct str unique_name(struct arena *scratch, const struct sql_rows *rows, size_t n, struct str name) {
  struct str candidate = name;
  for (int k = 2; candidate.p && is_taken(rows, n, candidate); k++)
    candidate = arena_printf(scratch, "%.*s_%d", STR_ARG(name), k);
  return candidate;
}

static enum err_code read_columns(struct sql_rows *rows, struct arena *scratch, const struct str *names,
                                  struct err *err) {
  rows->names = arena_new_n(scratch, struct str, rows->n_columns + 1);
  rows->keys = arena_new_n(scratch, struct str, rows->n_columns + 1);
  if (!rows->names || !rows->keys) return err_no_memory(err);
  for (size_t i = 0; i < rows->n_columns; i++) {
    rows->names[i] = unique_name(scratch, rows, i, names[i]);
    struct buf key;
    buf_init(&key, scratch, MIB);
    json_write_str(&key, rows->names[i]);
    buf_append_byte(&key, ':');
    if (!rows->names[i].p || buf_failed(&key)) return err_no_memory(err);
    rows->keys[i] = buf_str(&key);
  }
  return ERR_NONE;
}

enum err_code sql_rows_begin(struct sql_rows *rows, struct buf *out, size_t max_result, struct arena *scratch,
                             const struct str *names, size_t n, struct err *err) {
  *rows = (struct sql_rows){.out = out, .limit = out->max - HEAD_ROOM, .own = max_result, .n_columns = n};
  if (max_result > 0 && max_result < rows->limit) rows->limit = max_result;
  enum err_code code = read_columns(rows, scratch, names, err);
  if (code != ERR_NONE) return code;
  buf_append_c(out, "\"columns\":[");
  for (size_t i = 0; i < n; i++) {
    if (i > 0) buf_append_byte(out, ',');
    buf_append(out, rows->keys[i].p, rows->keys[i].n - 1);
  }
  buf_append_c(out, "],\"rows\":[");
  return ERR_NONE;
}

static void write_row(struct sql_rows *rows, void (*write)(struct buf *out, void *context, size_t column),
                      void *context) {
  struct buf *out = rows->out;
  if (rows->n > 0) buf_append_byte(out, ',');
  buf_append_byte(out, '{');
  for (size_t i = 0; i < rows->n_columns; i++) {
    if (i > 0) buf_append_byte(out, ',');
    buf_append_str(out, rows->keys[i]);
    write(out, context, i);
  }
  buf_append_byte(out, '}');
}

bool sql_rows_add(struct sql_rows *rows, void (*write)(struct buf *out, void *context, size_t column), void *context) {
  struct buf *out = rows->out;
  size_t before = out->n, max = out->max;
  if (rows->n == LIMIT_SQL_ROWS) {
    rows->is_over_rows = true;
    return false;
  }
  out->max = rows->limit;
  write_row(rows, write, context);
  out->max = max;
  if (buf_failed(out)) {
    out->has_failed = false;
    out->n = before;
    rows->is_over_bytes = true;
    return false;
  }
  rows->n++;
  return true;
}

enum err_code sql_rows_end(struct sql_rows *rows, struct err *err) {
  struct buf *out = rows->out;
  size_t most = rows->own > 0 && rows->own < LIMIT_SQL_BYTES ? rows->own : LIMIT_SQL_BYTES;
  buf_append_c(out, "],\"row_count\":");
  buf_append_u64(out, rows->n);
  buf_append_c(
      out, rows->is_over_rows || rows->is_over_bytes ? ",\"truncated\":true,\"notice\":\"" : ",\"truncated\":false");
  if (rows->is_over_rows) {
    buf_printf(out, "There are more rows than the %d shown: add LIMIT and OFFSET, a WHERE, or let SQL sum.\"",
               LIMIT_SQL_ROWS);
  } else if (rows->is_over_bytes) {
    buf_printf(out, "%s did not fit into %zu KiB: ask for fewer rows, fewer columns, or substr() of long texts.\"",
               rows->n == 0 ? "Even the first row" : "There are more rows: the next one", most / KIB);
  }
  return buf_failed(out) ? err_no_memory(err) : ERR_NONE;
}
