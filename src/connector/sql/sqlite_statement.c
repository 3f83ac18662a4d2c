/* Compiles a caller's statement and binds its values. Values are only ever bound, never written into the text. */
#include "connector/sql/sqlite_statement.h"

#include "base/limits.h"

/* Only white space, comments and semicolons may follow. */
static bool is_nothing(struct sqlite_handle *handle, const char *tail, const char *end) {
  while (tail < end) {
    sqlite3_stmt *more = NULL;
    const char *next = tail;
    int result = sqlite3_prepare_v3(handle->db, tail, (int)(end - tail), 0, &more, &next);
    bool is_empty = result == SQLITE_OK && !more;
    sqlite3_finalize(more);
    if (!is_empty) return false;
    if (next <= tail) return true;
    tail = next;
  }
  return true;
}

enum err_code sqlite_statement_prepare(struct sqlite_handle *handle, struct str sql, sqlite3_stmt **ret_statement,
                                       struct err *err) {
  if (sql.n > LIMIT_SQL_TEXT)
    return err_set(err, ERR_TOO_LARGE, "the statement is longer than %d bytes", LIMIT_SQL_TEXT);
  sqlite3_stmt *statement = NULL;
  const char *tail = NULL, *end = sql.p + sql.n;
  int result = sqlite3_prepare_v3(handle->db, sql.p, (int)sql.n, 0, &statement, &tail);
  if (result != SQLITE_OK) return sqlite_handle_describe(handle, result, err);
  if (!statement) return err_set(err, ERR_INVALID, "there is no statement in the text");
  if (tail < end && !is_nothing(handle, tail, end)) {
    sqlite3_finalize(statement);
    return err_set(err, ERR_INVALID, "one statement a call: something follows the first");
  }
  *ret_statement = statement;
  return ERR_NONE;
}

static int bind_value(sqlite3_stmt *statement, int index, yyjson_val *value) {
  if (yyjson_is_str(value))
    return sqlite3_bind_text64(statement, index, yyjson_get_str(value), yyjson_get_len(value), SQLITE_STATIC,
                               SQLITE_UTF8);
  if (yyjson_is_null(value)) return sqlite3_bind_null(statement, index);
  if (yyjson_is_bool(value)) return sqlite3_bind_int(statement, index, yyjson_get_bool(value));
  if (yyjson_is_real(value)) return sqlite3_bind_double(statement, index, yyjson_get_real(value));
  if (yyjson_is_sint(value)) return sqlite3_bind_int64(statement, index, yyjson_get_sint(value));
  if (yyjson_is_uint(value) && yyjson_get_uint(value) <= INT64_MAX)
    return sqlite3_bind_int64(statement, index, (int64_t)yyjson_get_uint(value));
  return SQLITE_MISMATCH;
}

/* `name`: what to call it in an error. */
static enum err_code bind(struct sqlite_handle *handle, sqlite3_stmt *statement, int index, struct str name,
                          yyjson_val *value, struct err *err) {
  int result = bind_value(statement, index, value);
  if (result == SQLITE_OK) return ERR_NONE;
  int shown = (int)(name.n < 64 ? name.n : 64);
  if (result != SQLITE_MISMATCH) return sqlite_handle_describe(handle, result, err);
  if (yyjson_is_uint(value))
    return err_set(err, ERR_INVALID, "params: %.*s is too large: integers have 64 bits and a sign", shown, name.p);
  return err_set(err, ERR_INVALID, "params: %.*s must be text, a number, true, false or null", shown, name.p);
}

static enum err_code bind_list(struct sqlite_handle *handle, sqlite3_stmt *statement, yyjson_val *params, int wanted,
                               struct err *err) {
  size_t i, n = yyjson_arr_size(params);
  if (n != (size_t)wanted)
    return err_set(err, ERR_INVALID, "the statement has %d parameters, params has %zu values", wanted, n);
  yyjson_val *value;
  yyjson_arr_foreach(params, i, n, value) {
    char name[32];
    snprintf(name, sizeof(name), "value %zu", i + 1);
    enum err_code code = bind(handle, statement, (int)i + 1, str_of(name), value, err);
    if (code != ERR_NONE) return code;
  }
  return ERR_NONE;
}

/* ":name", "@name" and "$name" are all given as "name"; with its sign a name is taken as well. */
static yyjson_val *value_of(yyjson_val *params, const char *name) {
  yyjson_val *value = yyjson_obj_get(params, name + 1);
  return value ? value : yyjson_obj_get(params, name);
}

static bool is_parameter(sqlite3_stmt *statement, struct str name) {
  for (int i = 1; i <= sqlite3_bind_parameter_count(statement); i++) {
    const char *known = sqlite3_bind_parameter_name(statement, i);
    if (known && (str_eq_c(name, known) || str_eq_c(name, known + 1))) return true;
  }
  return false;
}

static enum err_code bind_object(struct sqlite_handle *handle, sqlite3_stmt *statement, yyjson_val *params, int wanted,
                                 struct err *err) {
  for (int i = 1; i <= wanted; i++) {
    const char *name = sqlite3_bind_parameter_name(statement, i);
    if (!name || name[0] == '?')
      return err_set(err, ERR_INVALID, "the statement has parameters without a name: give params as a list");
    yyjson_val *value = value_of(params, name);
    if (!value) return err_set(err, ERR_INVALID, "params has no value for %.64s", name);
    enum err_code code = bind(handle, statement, i, str_of(name), value, err);
    if (code != ERR_NONE) return code;
  }
  size_t i, n;
  yyjson_val *key, *value;
  yyjson_obj_foreach(params, i, n, key, value) {
    struct str name = json_str(key);
    if (!is_parameter(statement, name))
      return err_set(err, ERR_INVALID, "the statement has no parameter for \"%.*s\" of params",
                     (int)(name.n < 64 ? name.n : 64), name.p);
  }
  return ERR_NONE;
}

enum err_code sqlite_statement_bind(struct sqlite_handle *handle, sqlite3_stmt *statement, yyjson_val *params,
                                    struct err *err) {
  int wanted = sqlite3_bind_parameter_count(statement);
  if (yyjson_is_obj(params)) return bind_object(handle, statement, params, wanted, err);
  return bind_list(handle, statement, params, wanted, err); /* absent: none */
}
