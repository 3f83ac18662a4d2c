/* Columns on a terminal. What is in them may have been written by strangers: no control character gets through. */
#include "cli/table.h"

#include "codec/utf8.h"

void table_init(struct table *table, const char *const *heads) {
  *table = (struct table){0};
  arena_init(&table->arena, 0);
  for (; heads[table->n_columns] && table->n_columns < TABLE_COLUMNS; table->n_columns++) {
    table->heads[table->n_columns] = heads[table->n_columns];
    table->widths[table->n_columns] = strlen(heads[table->n_columns]);
  }
}

void table_release(struct table *table) {
  arena_release(&table->arena);
}

static bool is_control(uint32_t c) {
  bool is_direction = (c >= 0x200e && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029 || c == UINT32_MAX || is_direction;
}

static struct str clean(struct table *table, struct str cell, size_t *ret_width) {
  struct buf text;
  buf_init(&text, &table->arena, cell.n + 16);
  *ret_width = 0;
  for (size_t i = 0; i < cell.n;) {
    size_t start = i;
    uint32_t c = utf8_next(cell, &i);
    if (is_control(c)) {
      buf_append_byte(&text, '?');
    } else {
      buf_append(&text, cell.p + start, i - start);
    }
    ++*ret_width;
  }
  if (buf_failed(&text)) table->has_failed = true;
  return buf_str(&text);
}

bool table_add(struct table *table, const struct str *cells) {
  if (!table->rows) {
    table->rows = arena_zalloc_n(&table->arena, TABLE_BATCH, sizeof(*table->rows));
    if (!table->rows) {
      table->has_failed = true;
      return true;
    }
  }
  for (size_t i = 0; i < table->n_columns; i++) {
    size_t width;
    table->rows[table->n_rows][i] = clean(table, cells[i], &width);
    if (width > table->widths[i]) table->widths[i] = width;
  }
  return ++table->n_rows == TABLE_BATCH;
}

static void write_row(const struct table *table, const struct str *cells, struct buf *out) {
  for (size_t i = 0; i < table->n_columns; i++) {
    buf_append_str(out, cells[i]);
    if (i + 1 == table->n_columns) break;
    size_t width = 0;
    for (size_t k = 0; k < cells[i].n; width++)
      (void)utf8_next(cells[i], &k);
    for (; width < table->widths[i] + 2; width++)
      buf_append_byte(out, ' ');
  }
  while (out->n && out->p[out->n - 1] == ' ')
    out->n--;
  buf_append_byte(out, '\n');
}

void table_write(struct table *table, struct buf *out) {
  if (table->has_failed) {
    out->has_failed = true;
    return;
  }
  if (!table->is_begun) {
    struct str heads[TABLE_COLUMNS];
    for (size_t i = 0; i < table->n_columns; i++)
      heads[i] = str_of(table->heads[i]);
    write_row(table, heads, out);
    table->is_begun = true;
  }
  for (size_t i = 0; i < table->n_rows; i++)
    write_row(table, table->rows[i], out);
  table->n_rows = 0;
  table->rows = NULL;
  arena_release(&table->arena);
}
