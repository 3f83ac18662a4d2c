/* Rows and tables as bytes. Must not know files. */
#include "backup/stream.h"

void backup_put_number(struct buf *out, uint64_t number, int n_bytes) {
  for (int i = n_bytes - 1; i >= 0; i--)
    buf_append_byte(out, (char)(number >> (8 * i)));
}

uint64_t backup_get_number(struct str *rest, int n_bytes) {
  uint64_t number = 0;
  for (int i = 0; i < n_bytes; i++)
    number = number << 8 | (uint8_t)rest->p[i];
  *rest = str_make(rest->p + n_bytes, rest->n - (size_t)n_bytes);
  return number;
}

static void put_name(struct buf *out, struct str name) {
  backup_put_number(out, name.n, 1);
  buf_append_str(out, name);
}

void backup_table_write(struct buf *out, const struct db_table *table) {
  buf_append_byte(out, 'T');
  put_name(out, table->name);
  backup_put_number(out, table->n_columns, 1);
  for (size_t i = 0; i < table->n_columns; i++) {
    backup_put_number(out, table->columns[i].kind, 1);
    put_name(out, table->columns[i].name);
  }
}

static void put_cell(struct buf *out, const struct db_value *cell) {
  backup_put_number(out, cell->kind, 1);
  if (cell->kind == DB_NULL) return;
  if (cell->kind == DB_INT) {
    backup_put_number(out, (uint64_t)cell->number, 8);
    return;
  }
  backup_put_number(out, cell->bytes.n, 4);
  buf_append_str(out, cell->bytes);
}

void backup_row_write(struct buf *out, struct db_rows *rows, const struct db_table *table) {
  size_t start = out->n;
  backup_put_number(out, 0, 4);
  for (size_t i = 0; i < table->n_columns; i++) {
    struct db_value cell = db_cell(rows, table, i);
    put_cell(out, &cell);
  }
  if (buf_failed(out)) return;
  size_t size = out->n - start - 4;
  for (int i = 0; i < 4; i++)
    out->p[start + (size_t)i] = (char)(size >> (8 * (3 - i)));
}

bool backup_row_read(struct str row, const struct db_table *table, struct db_value *ret_cells) {
  for (size_t i = 0; i < table->n_columns; i++) {
    if (row.n < 1) return false;
    uint64_t kind = backup_get_number(&row, 1);
    if (kind == DB_NULL) {
      ret_cells[i] = DB_V_NULL;
      continue;
    }
    if (kind != table->columns[i].kind || row.n < (kind == DB_INT ? 8 : 4)) return false;
    if (kind == DB_INT) {
      ret_cells[i] = DB_V_INT((int64_t)backup_get_number(&row, 8));
      continue;
    }
    uint64_t n = backup_get_number(&row, 4);
    if (n > row.n) return false;
    ret_cells[i] = (struct db_value){(enum db_kind)kind, 0, str_make(row.p, (size_t)n)};
    row = str_make(row.p + n, row.n - (size_t)n);
  }
  return row.n == 0;
}
