/* What a caller may ask: the kind of the one statement, and its parameters. The kind is its first word, found as
 * PostgreSQL's own scanner finds it; whatever stands there that is not known is refused. Must not know a session.
 *
 * That a query changes nothing is not decided here: its transaction is read-only and never committed. Refused are the
 * kinds that act beyond a transaction (COPY writes files and runs programs, LISTEN and PREPARE stay in the session) or
 * end it. */
#include "connector/sql/postgres.h"

static const char *const query_words[] = {"SELECT", "WITH", "VALUES", "TABLE", "EXPLAIN", "SHOW"};
static const char *const execute_words[] = {
    "SELECT",  "WITH",     "VALUES", "TABLE", "EXPLAIN", "SHOW",    "INSERT", "UPDATE",   "DELETE",
    "MERGE",   "TRUNCATE", "CREATE", "ALTER", "DROP",    "COMMENT", "GRANT",  "REVOKE",   "REFRESH",
    "ANALYZE", "REINDEX",  "CALL",   "DO",    "LOCK",    "CLUSTER", "IMPORT", "REASSIGN", "SECURITY",
};

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* Behind a comment that begins at `i`; `i` where none does. To the line's end (either of its characters: scan.l,
 * non_newline), or nested. */
static size_t skip_comment(struct str sql, size_t i) {
  if (i + 1 >= sql.n) return i;
  if (sql.p[i] == '-' && sql.p[i + 1] == '-') {
    while (i < sql.n && sql.p[i] != '\n' && sql.p[i] != '\r')
      i++;
    return i;
  }
  if (sql.p[i] != '/' || sql.p[i + 1] != '*') return i;
  size_t depth = 0;
  while (i + 1 < sql.n) {
    bool opens = sql.p[i] == '/' && sql.p[i + 1] == '*', closes = sql.p[i] == '*' && sql.p[i + 1] == '/';
    i += opens || closes ? 2 : 1;
    if (opens) depth++;
    if (closes && --depth == 0) return i;
  }
  return sql.n; /* it does not end: PostgreSQL will say so */
}

/* The first word, behind white space, comments and parentheses. */
static struct str first_word(struct str sql) {
  size_t i = 0, n = 0;
  while (i < sql.n) {
    size_t next = skip_comment(sql, i);
    if (next == i && (is_space(sql.p[i]) || sql.p[i] == '(')) next++;
    if (next == i) break;
    i = next;
  }
  while (i + n < sql.n &&
         ((sql.p[i + n] >= 'a' && sql.p[i + n] <= 'z') || (sql.p[i + n] >= 'A' && sql.p[i + n] <= 'Z')))
    n++;
  return str_make(sql.p + i, n);
}

enum err_code postgres_statement_check(enum sql_operation operation, struct str sql, struct err *err) {
  bool is_query = operation == SQL_QUERY;
  const char *const *words = is_query ? query_words : execute_words;
  size_t n = is_query ? sizeof(query_words) / sizeof(query_words[0]) : sizeof(execute_words) / sizeof(execute_words[0]);
  if (sql.n > LIMIT_SQL_TEXT)
    return err_set(err, ERR_TOO_LARGE, "the statement is longer than %d bytes", LIMIT_SQL_TEXT);
  if (memchr(sql.p, '\0', sql.n))
    return err_set(err, ERR_INVALID, "the statement has a character of code 0, which PostgreSQL does not take");
  struct str word = first_word(sql);
  for (size_t i = 0; i < n; i++)
    if (str_eq_fold(word, str_of(words[i]))) return ERR_NONE;
  if (word.n == 0) return err_set(err, ERR_INVALID, "there is no statement in the text");
  return err_set(err, ERR_INVALID, "%.*s is not allowed here%s", (int)(word.n < 32 ? word.n : 32), word.p,
                 is_query ? ", only reading is: SELECT, WITH, VALUES, TABLE, EXPLAIN or SHOW" : "");
}

/* ---- parameters ---- */

static enum err_code read_value(struct arena *arena, yyjson_val *value, size_t place, const char **ret_text,
                                struct err *err) {
  *ret_text = NULL;
  if (yyjson_is_null(value)) return ERR_NONE;
  struct buf text;
  buf_init(&text, arena, LIMIT_RESULT + 4 * MIB);
  if (yyjson_is_str(value)) {
    struct str own = json_str(value);
    if (memchr(own.p, '\0', own.n))
      return err_set(err, ERR_INVALID, "params: value %zu has a character of code 0, which PostgreSQL does not take",
                     place);
    buf_append_str(&text, own);
  } else {
    json_write_value(&text, value); /* true, 12.5; lists and objects are JSON for json and jsonb */
  }
  buf_append_byte(&text, '\0');
  if (buf_failed(&text)) return err_no_memory(err);
  *ret_text = text.p;
  return ERR_NONE;
}

enum err_code postgres_params_read(struct arena *arena, yyjson_val *params, const char ***ret_params, int *ret_n,
                                   struct err *err) {
  size_t i, n = yyjson_arr_size(params);
  yyjson_val *value;
  if (n > LIMIT_SQL_PARAMS) return err_set(err, ERR_INVALID, "params: at most %d values", LIMIT_SQL_PARAMS);
  const char **texts = arena_new_n(arena, const char *, n + 1);
  if (!texts) return err_no_memory(err);
  if (params) yyjson_arr_foreach(params, i, n, value) {
      enum err_code code = read_value(arena, value, i + 1, &texts[i], err);
      if (code != ERR_NONE) return code;
    }
  *ret_params = texts;
  *ret_n = (int)n;
  return ERR_NONE;
}
