/* What databases of all kinds share: their four tools, and rows as JSON. Internal to connector/sql/. */
#ifndef CONNEK_CONNECTOR_SQL_TOOL_H
#define CONNEK_CONNECTOR_SQL_TOOL_H

#include "base/arena.h"
#include "base/buf.h"
#include "connector/definition.h"

/* tool.c */

enum sql_operation { SQL_NONE, SQL_LIST_TABLES, SQL_DESCRIBE_TABLE, SQL_QUERY, SQL_EXECUTE };

struct sql_tool { /* connector_tool.state */
  enum sql_operation operation;
};

/* connector_kind.compile, for the kind called `kind`; `own`: members that its definitions have beside the shared ones,
 * or NULL. */
enum err_code sql_compile(struct arena *arena, yyjson_val *definition, const char *kind,
                          const struct definition_members *own, struct connector *ret_connector,
                          struct err *err) MUST_CHECK;

/* rows.c */

/* Rows that are being written: objects by column name, cut between two of them at LIMIT_SQL_ROWS or at a number of
 * bytes. */
struct sql_rows {
  struct buf *out;
  size_t limit, own; /* bytes: where rows end, and what the caller may have (0: as much as anybody) */
  size_t n_columns;
  struct str *names; /* no two the same */
  struct str *keys;  /* as JSON, with the colon */
  uint64_t n;
  bool is_over_rows, is_over_bytes;
};

/* Writes "columns":[...],"rows":[ without braces. `names` are made unique: "id" beside another "id" is "id_2". */
enum err_code sql_rows_begin(struct sql_rows *rows, struct buf *out, size_t max_result, struct arena *scratch,
                             const struct str *names, size_t n, struct err *err) MUST_CHECK;
/* `write` writes the value of each column. False: it is cut here, and there are no more. */
bool sql_rows_add(struct sql_rows *rows, void (*write)(struct buf *out, void *context, size_t column), void *context);
/* Writes ],"row_count":n,"truncated":... and what to do about it. */
enum err_code sql_rows_end(struct sql_rows *rows, struct err *err) MUST_CHECK;

#endif
