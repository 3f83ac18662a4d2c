/* One statement of a caller's: compiled, bound, run to JSON. Internal to connector/sql/. */
#ifndef CONNEK_CONNECTOR_SQL_SQLITE_STATEMENT_H
#define CONNEK_CONNECTOR_SQL_SQLITE_STATEMENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "codec/json.h"
#include "connector/sql/sqlite_handle.h"

/* Exactly one statement; `ret_statement` is for sqlite3_finalize. */
enum err_code sqlite_statement_prepare(struct sqlite_handle *handle, struct str sql, sqlite3_stmt **ret_statement,
                                       struct err *err) MUST_CHECK;
/* sqlite_kept.c: compiling costs three times what a small query does, so a handle keeps those that were asked last.
 * Only for mode READ: who may run one was decided when it was compiled, and that is the same for all who use the
 * handle. */
/* The one with this very text, taken out; NULL where there is none. */
sqlite3_stmt *sqlite_kept_take(struct sqlite_handle *handle, struct str sql);
/* Ends the use of a statement; keeps it where it `may_stay`. */
void sqlite_kept_put(struct sqlite_handle *handle, struct str sql, sqlite3_stmt *statement, bool may_stay);
/* Before the database is closed. */
void sqlite_kept_release(struct sqlite_handle *handle);
/* `params`: an array, an object, or NULL. Every parameter gets a value, every value has its parameter. The values must
 * outlive the statement. */
enum err_code sqlite_statement_bind(struct sqlite_handle *handle, sqlite3_stmt *statement, yyjson_val *params,
                                    struct err *err) MUST_CHECK;
/* Steps to the end or to a cap, and appends members, without braces:
 * "columns":[...],"rows":[{...}],"row_count":n,"truncated":false. `scratch` is for what is needed meanwhile. */
enum err_code sqlite_statement_rows(struct sqlite_handle *handle, sqlite3_stmt *statement, struct arena *scratch,
                                    struct buf *out, struct err *err) MUST_CHECK;

/* What callers ask for. Each appends one JSON object. */
enum err_code sqlite_query(struct sqlite_handle *handle, yyjson_val *arguments, struct arena *scratch, struct buf *out,
                           struct err *err) MUST_CHECK;
/* In a transaction of its own. `ret_is_unknown`: it failed in a way that leaves open whether it happened. */
enum err_code sqlite_execute(struct sqlite_handle *handle, yyjson_val *arguments, struct arena *scratch,
                             struct buf *out, bool *ret_is_unknown, struct err *err) MUST_CHECK;
enum err_code sqlite_list_tables(struct sqlite_handle *handle, struct buf *out, struct err *err) MUST_CHECK;
enum err_code sqlite_describe_table(struct sqlite_handle *handle, yyjson_val *arguments, struct buf *out,
                                    struct err *err) MUST_CHECK;

#endif
