/* Aligned columns for people. Rows are gathered and written in batches; a column never gets narrower. */
#ifndef CONNEK_CLI_TABLE_H
#define CONNEK_CLI_TABLE_H

#include "base/arena.h"
#include "base/buf.h"

enum { TABLE_COLUMNS = 10, TABLE_BATCH = 200 };

struct table {
  size_t n_columns, n_rows;
  size_t widths[TABLE_COLUMNS];
  const char *heads[TABLE_COLUMNS]; /* until they are written */
  bool is_begun;
  struct arena arena; /* the cells of the batch */
  struct str (*rows)[TABLE_COLUMNS];
  bool has_failed; /* no memory: table_write says so */
};

/* `heads` end with NULL and are borrowed. */
void table_init(struct table *table, const char *const *heads);
void table_release(struct table *table);
/* Copies the cells (n_columns of them). Control characters become "?": what strangers named is shown as text. True:
 * the batch is full, table_write it. */
bool table_add(struct table *table, const struct str *cells);
/* Appends what was gathered. */
void table_write(struct table *table, struct buf *out);

#endif
