/* PostgreSQL's statements: preparing, sending, rows. Values travel in binary form (text as it is, BIGINT as eight bytes
 * in network order). Must not know transactions' beginnings and ends.
 *
 * Behind a pooler nothing is prepared: the next transaction may run in another session. */
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "db/postgres.h"

/* Types, as the server's catalogue numbers them (pg_type.dat); they never change. */
enum {
  T_BOOL = 16,
  T_BYTEA = 17,
  T_NAME = 19,
  T_INT8 = 20,
  T_INT2 = 21,
  T_INT4 = 23,
  T_TEXT = 25,
  T_OID = 26,
  T_UNKNOWN = 705,
  T_VARCHAR = 1043,
  T_VOID = 2278
};

enum { FETCH_N = 2000, UNREAD_MAX = 2000 /* results that libpq keeps until somebody reads them */ };

struct statement {
  struct prepared prepared; /* first */
  char *text;               /* a copy: literals never change, other buffers do */
  char name[16];
  size_t n_params;
  Oid types[DB_PARAMS_MAX]; /* as the server takes them */
};

struct postgres_rows {
  struct db_rows rows; /* first */
  struct postgres_conn *conn;
  const char *sql;
  PGresult *result;
  int row, n;
  unsigned cursor; /* 0: all of them are in `result` */
};

static void statement_free(struct prepared *prepared) {
  struct statement *statement = (struct statement *)(void *)prepared;
  free(statement->text);
  free(statement);
}

void postgres_forget_statements(struct postgres_conn *conn) {
  statement_cache_release(&conn->cache, statement_free);
}

static enum err_code refused(const char *problem, const char *sql, struct err *err) {
  (void)err_set(err, ERR_INTERNAL, "the database refused a statement");
  err_detail(err, "%s: %.180s", problem, sql);
  return ERR_INTERNAL;
}

/* The pipeline */

/* What is left of a pipeline's results, behind its sync; the first error counts, what follows it was not done. */
static enum err_code end_pipeline(struct postgres_conn *conn, bool is_synced, struct err *err) {
  enum err_code code = ERR_NONE;
  conn->is_pipelining = false;
  conn->n_unread = 0;
  if (!is_synced) code = postgres_failed(conn, NULL, conn->unread_sql, err);
  for (size_t n_null = 0; is_synced && n_null < 2;) { /* a NULL ends each statement's results */
    PGresult *result = PQgetResult(conn->pg);
    ExecStatusType status = PQresultStatus(result);
    n_null = result ? 0 : n_null + 1;
    if (result && code == ERR_NONE && (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE))
      code = postgres_failed(conn, result, conn->unread_sql, err);
    PQclear(result);
    if (status == PGRES_PIPELINE_SYNC) break;
  }
  if (!PQexitPipelineMode(conn->pg) && code == ERR_NONE) code = postgres_failed(conn, NULL, conn->unread_sql, err);
  return code;
}

enum err_code postgres_settle(struct postgres_conn *conn, struct err *err) {
  return conn->is_pipelining ? end_pipeline(conn, PQpipelineSync(conn->pg) == 1, err) : ERR_NONE;
}

/* The scope goes in front of the statement that needs it: no round trip of its own. */
static enum err_code begin_pipeline(struct postgres_conn *conn, const char *sql, struct err *err) {
  const char *values[] = {conn->scope};
  if (!conn->is_pipelining && !PQenterPipelineMode(conn->pg)) return postgres_failed(conn, NULL, sql, err);
  conn->is_pipelining = true;
  if (!conn->scope[0]) return ERR_NONE;
  if (!PQsendQueryParams(conn->pg, "SELECT set_config('connek.organisation', $1, true)", 1, NULL, values, NULL, NULL,
                         0))
    return postgres_failed(conn, NULL, sql, err);
  conn->scope[0] = '\0';
  conn->n_unread++;
  return ERR_NONE;
}

/* For what goes by itself: nothing is under way then. */
enum err_code postgres_clear(struct postgres_conn *conn, struct err *err) {
  enum err_code code = conn->scope[0] ? begin_pipeline(conn, NULL, err) : ERR_NONE;
  return code == ERR_NONE ? postgres_settle(conn, err) : code;
}

/* Preparing */

static enum err_code read_types(struct postgres_conn *conn, struct statement *statement, struct err *err) {
  PGresult *result = PQdescribePrepared(conn->pg, statement->name);
  enum err_code code = ERR_NONE;
  if (PQresultStatus(result) != PGRES_COMMAND_OK)
    code = postgres_failed(conn, result, statement->prepared.sql, err);
  else if (PQnparams(result) > DB_PARAMS_MAX)
    code = refused("it takes too many parameters", statement->prepared.sql, err);
  else {
    statement->n_params = (size_t)PQnparams(result);
    for (size_t i = 0; i < statement->n_params; i++)
      statement->types[i] = PQparamtype(result, (int)i);
  }
  PQclear(result);
  return code;
}

static enum err_code prepare(struct postgres_conn *conn, const char *sql, struct statement **ret_statement,
                             struct err *err) {
  struct statement *statement = calloc(1, sizeof *statement);
  if (!statement) return err_no_memory(err);
  statement->prepared.sql = sql;
  statement->text = strdup(sql);
  if (!conn->is_pooled) snprintf(statement->name, sizeof statement->name, "s%u", ++conn->n_prepared);
  enum err_code code = statement->text ? ERR_NONE : err_no_memory(err);
  if (code == ERR_NONE && !*sql) code = refused("it is empty", sql, err);
  if (code == ERR_NONE) {
    PGresult *result = PQprepare(conn->pg, statement->name, sql, 0, NULL);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) code = postgres_failed(conn, result, sql, err);
    PQclear(result);
  }
  if (code == ERR_NONE) code = read_types(conn, statement, err);
  if (code == ERR_NONE) code = statement_cache_add(&conn->cache, &statement->prepared, err);
  if (code != ERR_NONE) {
    statement_free(&statement->prepared);
    return code;
  }
  *ret_statement = statement;
  return ERR_NONE;
}

static enum err_code statement_take(struct postgres_conn *conn, const char *sql, size_t n,
                                    struct statement **ret_statement, struct err *err) {
  struct statement *statement = (struct statement *)(void *)statement_cache_find(&conn->cache, sql);
  if (!statement) {
    /* Preparing asks and waits: what the pipeline holds is read first. */
    enum err_code code = postgres_settle(conn, err);
    if (code == ERR_NONE) code = prepare(conn, sql, &statement, err);
    if (code != ERR_NONE) return code;
  }
  if (strcmp(statement->text, sql) != 0)
    return err_set(err, ERR_INTERNAL, "the database was given a statement that is not a literal");
  if (statement->n_params != n) return refused("it takes another number of parameters", sql, err);
  *ret_statement = statement;
  return ERR_NONE;
}

/* Sending */

struct binding {
  const char *values[DB_PARAMS_MAX];
  int lengths[DB_PARAMS_MAX], formats[DB_PARAMS_MAX];
  union {
    uint64_t big;
    uint32_t middle;
    uint16_t small;
    char flag;
    char digits[24];
  } room[DB_PARAMS_MAX];
};

static bool bind_number(struct binding *binding, size_t i, Oid type, int64_t number) {
  binding->values[i] = (const char *)&binding->room[i];
  switch (type) {
    case T_INT8:
      binding->room[i].big = htobe64((uint64_t)number);
      binding->lengths[i] = 8;
      return true;
    case T_INT4:
      binding->room[i].middle = htobe32((uint32_t)number);
      binding->lengths[i] = 4;
      return number >= INT32_MIN && number <= INT32_MAX;
    case T_INT2:
      binding->room[i].small = htobe16((uint16_t)number);
      binding->lengths[i] = 2;
      return number >= INT16_MIN && number <= INT16_MAX;
    case T_BOOL:
      binding->room[i].flag = number != 0;
      binding->lengths[i] = 1;
      return true;
    default: /* text, where the statement says nothing of it */
      binding->lengths[i] = snprintf(binding->room[i].digits, sizeof binding->room[i].digits, "%" PRId64, number);
      return type == T_TEXT || type == T_VARCHAR;
  }
}

static enum err_code bind_all(struct binding *binding, const struct statement *statement, const struct db_value *params,
                              struct err *err) {
  for (size_t i = 0; i < statement->n_params; i++) {
    const struct db_value *value = &params[i];
    binding->formats[i] = 1;
    binding->lengths[i] = 0;
    if (value->kind == DB_NULL) {
      binding->values[i] = NULL;
    } else if (value->kind == DB_INT) {
      if (!bind_number(binding, i, statement->types[i], value->number))
        return refused("a number stands where none is taken", statement->text, err);
    } else {
      if (value->bytes.n > INT32_MAX) return err_set(err, ERR_TOO_LARGE, "the value is too large for the database");
      binding->values[i] = value->bytes.p ? value->bytes.p : "";
      binding->lengths[i] = (int)value->bytes.n;
    }
  }
  return ERR_NONE;
}

static bool send_statement(struct postgres_conn *conn, const struct statement *statement,
                           const struct binding *binding) {
  int n = (int)statement->n_params;
  if (conn->is_pooled)
    return PQsendQueryParams(conn->pg, statement->text, n, statement->types, binding->values, binding->lengths,
                             binding->formats, 1);
  return PQsendQueryPrepared(conn->pg, statement->name, n, binding->values, binding->lengths, binding->formats, 1);
}

/* The one result of what has been sent last. In a pipeline all before it has to have gone well. */
static enum err_code one_result(struct postgres_conn *conn, const char *sql, PGresult **ret_result, struct err *err) {
  PGresult *result = PQgetResult(conn->pg), *more;
  while ((more = PQgetResult(conn->pg))) {
    PQclear(result);
    result = more;
  }
  ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    enum err_code code = postgres_failed(conn, result, sql, err);
    PQclear(result);
    return code;
  }
  *ret_result = result;
  return ERR_NONE;
}

static enum err_code send_bound(struct postgres_conn *conn, const char *sql, const struct db_value *params, size_t n,
                                bool in_pipeline, struct err *err) {
  struct statement *statement = NULL;
  struct binding binding;
  enum err_code code = statement_take(conn, sql, n, &statement, err);
  if (code != ERR_NONE || !statement) return code;
  code = bind_all(&binding, statement, params, err);
  if (code == ERR_NONE && in_pipeline) code = begin_pipeline(conn, sql, err);
  if (code == ERR_NONE && !send_statement(conn, statement, &binding)) code = postgres_failed(conn, NULL, sql, err);
  return code;
}

static enum err_code run(struct postgres_conn *conn, const char *sql, const struct db_value *params, size_t n,
                         PGresult **ret_result, struct err *err) {
  bool has_scope = conn->scope[0] != '\0';
  enum err_code code = send_bound(conn, sql, params, n, has_scope, err);
  if (code != ERR_NONE) return code;
  if (!has_scope) return one_result(conn, sql, ret_result, err);
  PGresult *result = NULL;
  struct err ended;
  if (PQpipelineSync(conn->pg) != 1) return end_pipeline(conn, false, err);
  PQclear(PQgetResult(conn->pg)); /* the scope's; where it failed, the statement was not done */
  PQclear(PQgetResult(conn->pg));
  code = one_result(conn, sql, &result, err);
  enum err_code end = end_pipeline(conn, true, &ended);
  if (code == ERR_NONE && end != ERR_NONE) {
    PQclear(result);
    if (err) *err = ended;
    return end;
  }
  if (code == ERR_NONE) *ret_result = result;
  return code;
}

enum err_code postgres_exec(struct db_tx *tx, const char *sql, const struct db_value *params, size_t n,
                            struct err *err) {
  struct postgres_conn *conn = postgres_conn_of(tx->conn);
  if (conn->may_pipeline) {
    enum err_code code = conn->n_unread >= UNREAD_MAX ? postgres_settle(conn, err) : ERR_NONE;
    conn->unread_sql = sql;
    conn->n_unread++;
    return code == ERR_NONE ? send_bound(conn, sql, params, n, true, err) : code;
  }
  PGresult *result = NULL;
  enum err_code code = run(conn, sql, params, n, &result, err);
  if (code != ERR_NONE) return code;
  tx->changes = strtoll(PQcmdTuples(result), NULL, 10);
  PQclear(result);
  return ERR_NONE;
}

/* Rows */

static bool is_readable(Oid type) {
  static const Oid types[] = {T_BOOL, T_BYTEA, T_NAME,    T_INT8,    T_INT2, T_INT4,
                              T_TEXT, T_OID,   T_UNKNOWN, T_VARCHAR, T_VOID};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (types[i] == type) return true;
  return false;
}

/* sum() of BIGINT is NUMERIC, for example: it has to be cast in the statement. */
static enum err_code check_columns(const PGresult *result, const char *sql, struct err *err) {
  for (int i = 0; i < PQnfields(result); i++)
    if (!is_readable(PQftype(result, i))) return refused("a column has a type that is not read here", sql, err);
  return ERR_NONE;
}

static enum err_code declare(struct postgres_conn *conn, const char *sql, const struct db_value *params, size_t n,
                             unsigned *ret_cursor, struct err *err) {
  struct statement *statement = NULL;
  struct binding binding;
  enum err_code code = statement_take(conn, sql, n, &statement, err); /* for its types */
  if (code == ERR_NONE) code = postgres_clear(conn, err);
  if (code != ERR_NONE || !statement) return code;
  if ((code = bind_all(&binding, statement, params, err)) != ERR_NONE) return code;
  unsigned cursor = ++conn->n_cursors;
  size_t size = strlen(sql) + 64;
  char *words = malloc(size);
  if (!words) return err_no_memory(err);
  snprintf(words, size, "DECLARE c%u NO SCROLL CURSOR FOR %s", cursor, sql);
  PGresult *result =
      PQexecParams(conn->pg, words, (int)n, statement->types, binding.values, binding.lengths, binding.formats, 1);
  free(words);
  if (PQresultStatus(result) != PGRES_COMMAND_OK)
    code = postgres_failed(conn, result, sql, err);
  else
    *ret_cursor = cursor;
  PQclear(result);
  return code;
}

static enum err_code fetch(struct postgres_rows *rows, struct err *err) {
  char words[48];
  snprintf(words, sizeof words, "FETCH %d FROM c%u", FETCH_N, rows->cursor);
  PQclear(rows->result);
  rows->result = NULL;
  enum err_code code = postgres_clear(rows->conn, err);
  if (code != ERR_NONE) return code;
  rows->result = PQexecParams(rows->conn->pg, words, 0, NULL, NULL, NULL, NULL, 1);
  if (PQresultStatus(rows->result) != PGRES_TUPLES_OK) return postgres_failed(rows->conn, rows->result, rows->sql, err);
  rows->n = PQntuples(rows->result);
  rows->row = -1;
  return check_columns(rows->result, rows->sql, err);
}

static void rows_free(struct postgres_rows *rows) {
  PQclear(rows->result);
  free(rows);
}

enum err_code postgres_query(struct db_tx *tx, const char *sql, const struct db_value *params, size_t n, bool is_large,
                             struct db_rows **ret_rows, struct err *err) {
  struct postgres_conn *conn = postgres_conn_of(tx->conn);
  struct postgres_rows *rows = calloc(1, sizeof *rows);
  if (!rows) return err_no_memory(err);
  *rows = (struct postgres_rows){.rows.driver = tx->conn->db->driver, .conn = conn, .sql = sql, .row = -1};
  enum err_code code = postgres_settle(conn, err);
  if (code == ERR_NONE && is_large) {
    code = declare(conn, sql, params, n, &rows->cursor, err);
    if (code == ERR_NONE) code = fetch(rows, err);
  } else if (code == ERR_NONE) {
    code = run(conn, sql, params, n, &rows->result, err);
    if (code == ERR_NONE) code = check_columns(rows->result, sql, err);
    if (code == ERR_NONE) rows->n = PQntuples(rows->result);
  }
  if (code != ERR_NONE) {
    rows_free(rows);
    return code;
  }
  *ret_rows = &rows->rows;
  return ERR_NONE;
}

int postgres_next(struct db_rows *base, struct err *err) {
  struct postgres_rows *rows = (struct postgres_rows *)(void *)base;
  if (rows->row + 1 >= rows->n && rows->cursor && rows->n == FETCH_N && fetch(rows, err) != ERR_NONE) {
    rows->conn->conn.tx.is_failed = true;
    rows->n = 0;
    return -1;
  }
  if (rows->row + 1 >= rows->n) return 0;
  rows->row++;
  return 1;
}

/* A cursor ends with its transaction at the latest. */
void postgres_rows_close(struct db_rows *base) {
  struct postgres_rows *rows = (struct postgres_rows *)(void *)base;
  if (rows->cursor && !rows->conn->conn.tx.is_failed && PQtransactionStatus(rows->conn->pg) == PQTRANS_INTRANS) {
    char words[32];
    struct err ignored; /* whoever asks next is told */
    snprintf(words, sizeof words, "CLOSE c%u", rows->cursor);
    if (postgres_settle(rows->conn, &ignored) != ERR_NONE)
      rows->conn->conn.tx.is_failed = true;
    else
      PQclear(PQexec(rows->conn->pg, words));
  }
  rows_free(rows);
}

bool postgres_is_null(struct db_rows *base, int column) {
  const struct postgres_rows *rows = (const struct postgres_rows *)(const void *)base;
  return PQgetisnull(rows->result, rows->row, column);
}

int64_t postgres_int_at(struct db_rows *base, int column) {
  const struct postgres_rows *rows = (const struct postgres_rows *)(const void *)base;
  const char *bytes = PQgetvalue(rows->result, rows->row, column);
  union {
    uint64_t big;
    uint32_t middle;
    uint16_t small;
  } value;
  if (PQgetisnull(rows->result, rows->row, column)) return 0;
  switch (PQgetlength(rows->result, rows->row, column)) {
    case 8:
      memcpy(&value.big, bytes, 8);
      return (int64_t)be64toh(value.big);
    case 4:
      memcpy(&value.middle, bytes, 4);
      return (int32_t)be32toh(value.middle);
    case 2:
      memcpy(&value.small, bytes, 2);
      return (int16_t)be16toh(value.small);
    case 1:
      return *bytes;
    default:
      return 0;
  }
}

struct str postgres_bytes_at(struct db_rows *base, int column, enum db_kind kind) {
  const struct postgres_rows *rows = (const struct postgres_rows *)(const void *)base;
  (void)kind;
  if (PQgetisnull(rows->result, rows->row, column)) return STR_NONE;
  return str_make(PQgetvalue(rows->result, rows->row, column), (size_t)PQgetlength(rows->result, rows->row, column));
}
