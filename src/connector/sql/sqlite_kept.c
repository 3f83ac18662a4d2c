/* Compiled queries that a handle keeps, by their text. SQLite itself compiles one anew, and asks the authorizer again,
 * where the schema has changed. Must not know what they ask. */
#include "connector/sql/sqlite_statement.h"

enum { MEMORY_MAX = 32 * 1024 /* of one; more is compiled each time */ };

sqlite3_stmt *sqlite_kept_take(struct sqlite_handle *handle, struct str sql) {
  for (size_t i = 0; i < SQLITE_KEPT; i++) {
    struct sqlite_kept *kept = &handle->kept[i];
    if (!kept->statement || kept->n != sql.n || memcmp(sqlite3_sql(kept->statement), sql.p, sql.n) != 0) continue;
    sqlite3_stmt *statement = kept->statement;
    kept->statement = NULL;
    return statement;
  }
  return NULL;
}

/* SQLite keeps the text up to the statement's end: what follows it (a comment) would be missing in a comparison. */
static bool is_whole(sqlite3_stmt *statement, struct str sql) {
  const char *text = sqlite3_sql(statement);
  return text && strlen(text) == sql.n && memcmp(text, sql.p, sql.n) == 0;
}

static struct sqlite_kept *place_for(struct sqlite_handle *handle) {
  struct sqlite_kept *oldest = &handle->kept[0];
  for (size_t i = 0; i < SQLITE_KEPT; i++) {
    if (!handle->kept[i].statement) return &handle->kept[i];
    if (handle->kept[i].used < oldest->used) oldest = &handle->kept[i];
  }
  return oldest;
}

static bool may_be_kept(sqlite3_stmt *statement, struct str sql) {
  if (sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_REPREPARE, 0) > 0) return false; /* it may have grown */
  if (sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_RUN, 0) > 1) return true;        /* asked before */
  return is_whole(statement, sql) && sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_MEMUSED, 0) <= MEMORY_MAX;
}

void sqlite_kept_put(struct sqlite_handle *handle, struct str sql, sqlite3_stmt *statement, bool may_stay) {
  if (!may_stay || !may_be_kept(statement, sql)) {
    sqlite3_finalize(statement);
    return;
  }
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement); /* they point into the call's memory */
  struct sqlite_kept *place = place_for(handle);
  sqlite3_finalize(place->statement);
  *place = (struct sqlite_kept){statement, sql.n, ++handle->kept_clock};
}

void sqlite_kept_release(struct sqlite_handle *handle) {
  for (size_t i = 0; i < SQLITE_KEPT; i++)
    sqlite3_finalize(handle->kept[i].statement);
}
