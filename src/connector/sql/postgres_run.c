/* The four operations on a session that is open. Each is one transaction of our own; what a query did in it is never
 * kept, whatever it was. Must not know pools or calls. */
#include "base/clock.h"
#include "codec/json.h"
#include "connector/sql/postgres.h"

/* Values are written as they are meant to be read here, whatever the role's settings are. SELECT 1 takes the
 * transaction's snapshot: after it nobody can make the transaction writable any more (SET TRANSACTION, set_config). */
#define FORMS                                                                                                \
  "SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'iso_8601'; SET LOCAL bytea_output = 'hex'; " \
  "SET LOCAL extra_float_digits = 1; SET LOCAL lock_timeout = 2000; "
#define BEGIN_READ "BEGIN READ ONLY; " FORMS
#define BEGIN_WRITE "BEGIN READ WRITE; SET LOCAL synchronous_commit = on; " FORMS

static enum err_code begin(struct postgres_session *session, bool may_write, struct err *err) {
  char words[768];
  int64_t left_ms = (session->job->deadline_us - clock_monotonic_us()) / 1000;
  if (atomic_load(&session->job->is_cancelled)) return err_set(err, ERR_CANCELLED, "the call was cancelled");
  if (left_ms <= 0) return err_set(err, ERR_TIMEOUT, "the time for this call was up before its turn came");
  snprintf(words, sizeof(words),
           "%sSET LOCAL statement_timeout = %lld; SET LOCAL idle_in_transaction_session_timeout = %lld; SELECT 1",
           may_write ? BEGIN_WRITE : BEGIN_READ, (long long)left_ms, (long long)left_ms + LIMIT_POSTGRES_STOP_MS);
  return postgres_session_run(session, words, err);
}

/* A statement that ended our transaction by itself would have left what follows to no transaction at all. */
static enum err_code check_inside(struct postgres_session *session, struct err *err) {
  if (session->pg && PQtransactionStatus(session->pg) == PQTRANS_INTRANS) return ERR_NONE;
  postgres_session_close(session);
  return err_set(err, ERR_INVALID, "a statement cannot begin or end a transaction here");
}

static enum err_code run_query(struct postgres_session *session, struct postgres_job *job) {
  enum err_code code = begin(session, false, &job->err);
  uint64_t ignored;
  buf_append_byte(&job->out, '{');
  if (code == ERR_NONE) code = postgres_session_send(session, job->sql.p, job->params, job->n_params, &job->err);
  if (code == ERR_NONE) code = postgres_rows_write(session, job, &job->out, &ignored, &job->err);
  buf_append_byte(&job->out, '}');
  if (code != ERR_NONE) return code;
  return buf_failed(&job->out) ? err_no_memory(&job->err) : ERR_NONE;
}

/* ---- execute ---- */

static enum err_code commit(struct postgres_session *session, struct postgres_job *job) {
  PGresult *result = NULL;
  struct err *err = &job->err;
  /* Nothing stops it any more: it is finished one way or the other. */
  enum err_code code = postgres_session_commit(session, &result, err);
  if (code != ERR_NONE) {
    job->is_unknown = true;
  } else if (PQresultStatus(result) != PGRES_COMMAND_OK) {
    /* A constraint that is looked at last is an ERROR. A server that ends says FATAL, and not what became of this. */
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    job->is_unknown = !severity || strcmp(severity, "ERROR") != 0;
    code = postgres_describe(session, result, err);
  } else if (strcmp(PQcmdStatus(result), "COMMIT") != 0) { /* one that had failed says ROLLBACK */
    code = err_set(err, ERR_UPSTREAM, "the database gave the transaction up");
  }
  PQclear(result);
  return code;
}

static enum err_code change(struct postgres_session *session, struct postgres_job *job) {
  struct buf rows;
  uint64_t changes = 0;
  buf_init(&rows, NULL, job->out.max);
  enum err_code code = postgres_session_send(session, job->sql.p, job->params, job->n_params, &job->err);
  if (code == ERR_NONE) code = postgres_rows_write(session, job, &rows, &changes, &job->err);
  buf_append_c(&job->out, "{\"changes\":");
  buf_append_u64(&job->out, changes);
  if (rows.n > 0) buf_append_byte(&job->out, ',');
  buf_append_str(&job->out, buf_str(&rows));
  buf_append_byte(&job->out, '}');
  buf_release(&rows);
  if (code == ERR_NONE && buf_failed(&job->out)) code = err_set(&job->err, ERR_TOO_LARGE, "the rows are too large");
  return code;
}

static enum err_code run_execute(struct postgres_session *session, struct postgres_job *job) {
  enum err_code code = begin(session, true, &job->err);
  if (code == ERR_NONE) code = change(session, job);
  if (code == ERR_NONE) code = check_inside(session, &job->err);
  if (code == ERR_NONE && atomic_load(&job->is_cancelled))
    code = err_set(&job->err, ERR_CANCELLED, "the call was cancelled");
  return code == ERR_NONE ? commit(session, job) : code;
}

/* ---- the schema ---- */

static const char list_tables[] =
    "SELECT pg_catalog.json_build_object('name', CASE WHEN pg_catalog.pg_table_is_visible(c.oid) THEN c.relname::text "
    "ELSE n.nspname || '.' || c.relname END, 'type', CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END, "
    "'columns', (SELECT count(*) FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT "
    "a.attisdropped)) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition "
    "AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%' "
    "AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND (pg_catalog.has_table_privilege(c.oid, 'SELECT, INSERT, "
    "UPDATE, DELETE') OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE')) "
    "ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\" LIMIT 10000";

/* By its own name or with its schema's, as list_tables gives it; exactly, else whatever the case. */
static const char describe_table[] =
    "WITH found AS (SELECT c.oid, c.relname, c.relkind, n.nspname FROM pg_catalog.pg_class c "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') "
    "AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%' "
    "AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') "
    "AND ((lower(c.relname) = lower($1) AND pg_catalog.pg_table_is_visible(c.oid)) OR "
    "lower(n.nspname || '.' || c.relname) = lower($1)) "
    "ORDER BY c.relname = $1 DESC, n.nspname || '.' || c.relname = $1 DESC, n.nspname COLLATE \"C\" LIMIT 1) "
    "SELECT pg_catalog.json_build_object('table', CASE WHEN pg_catalog.pg_table_is_visible(f.oid) THEN f.relname::text "
    "ELSE f.nspname || '.' || f.relname END, 'type', CASE WHEN f.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END, "
    "'sql', CASE WHEN f.relkind IN ('v', 'm') THEN pg_catalog.pg_get_viewdef(f.oid) END, "
    "'columns', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', a.attname, 'type', "
    "pg_catalog.format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull, 'default', "
    "pg_catalog.pg_get_expr(d.adbin, d.adrelid), 'primary_key', coalesce(a.attnum = ANY (k.conkey), false)) ORDER BY "
    "a.attnum), '[]') FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND "
    "d.adnum = a.attnum LEFT JOIN pg_catalog.pg_constraint k ON k.conrelid = f.oid AND k.contype = 'p' "
    "WHERE a.attrelid = f.oid AND a.attnum > 0 AND NOT a.attisdropped), "
    "'foreign_keys', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('column', a.attname, "
    "'references_table', k.confrelid::pg_catalog.regclass::text, 'references_column', b.attname) ORDER BY k.conname, "
    "p.i), '[]') FROM pg_catalog.pg_constraint k CROSS JOIN LATERAL pg_catalog.generate_subscripts(k.conkey, 1) p(i) "
    "JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[p.i] "
    "JOIN pg_catalog.pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[p.i] "
    "WHERE k.conrelid = f.oid AND k.contype = 'f')) FROM found f";

/* The first column of each row, JSON by the server, with commas between. */
static enum err_code write_json_rows(struct postgres_session *session, struct postgres_job *job, const char *sql,
                                     const char *const *params, int n, size_t *ret_n) {
  struct buf *out = &job->out;
  struct err *err = &job->err;
  bool has_all = false;
  enum err_code code = postgres_session_send(session, sql, params, n, err);
  while (code == ERR_NONE && !has_all) {
    PGresult *result = NULL;
    code = postgres_session_next(session, &result, err);
    has_all = !result;
    ExecStatusType status = PQresultStatus(result);
    if (code == ERR_NONE && result && status == PGRES_SINGLE_TUPLE) {
      if ((*ret_n)++ > 0) buf_append_byte(out, ',');
      buf_append(out, PQgetvalue(result, 0, 0), (size_t)PQgetlength(result, 0, 0));
      if (buf_failed(out)) code = err_set(err, ERR_TOO_LARGE, "the schema is too large to be shown");
    } else if (code == ERR_NONE && result && status != PGRES_TUPLES_OK) {
      code = postgres_describe(session, result, err);
    }
    PQclear(result);
  }
  if (!has_all) postgres_session_cut(session);
  return code;
}

static enum err_code run_list(struct postgres_session *session, struct postgres_job *job) {
  size_t n = 0;
  enum err_code code = begin(session, false, &job->err);
  buf_append_c(&job->out, "{\"tables\":[");
  if (code == ERR_NONE) code = write_json_rows(session, job, list_tables, NULL, 0, &n);
  buf_append_c(&job->out, "]}");
  return code;
}

static enum err_code run_describe(struct postgres_session *session, struct postgres_job *job) {
  const char *params[1] = {job->table.p};
  size_t n = 0;
  enum err_code code = begin(session, false, &job->err);
  if (code == ERR_NONE) code = write_json_rows(session, job, describe_table, params, 1, &n);
  if (code == ERR_NONE && n == 0)
    return err_set(&job->err, ERR_NOT_FOUND, "there is no table or view \"%.*s\"; list_tables tells which there are",
                   (int)(job->table.n < 100 ? job->table.n : 100), job->table.p);
  return code;
}

/* ---- */

void postgres_run(struct postgres_session *session, struct postgres_job *job) {
  switch (job->operation) {
    case SQL_LIST_TABLES:
      job->code = run_list(session, job);
      break;
    case SQL_DESCRIBE_TABLE:
      job->code = run_describe(session, job);
      break;
    case SQL_QUERY:
      job->code = run_query(session, job);
      break;
    case SQL_EXECUTE:
      job->code = run_execute(session, job);
      break;
    case SQL_NONE:
      job->code = err_set(&job->err, ERR_INTERNAL, "no such operation");
  }
}

static const char look_at_role[] =
    "SELECT r.rolsuper, pg_catalog.pg_has_role(r.oid, 'pg_execute_server_program', 'USAGE') OR "
    "pg_catalog.pg_has_role(r.oid, 'pg_write_server_files', 'USAGE') OR pg_catalog.pg_has_role(r.oid, "
    "'pg_read_server_files', 'USAGE'), EXISTS (SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON "
    "n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', "
    "'information_schema') AND n.nspname NOT LIKE 'pg\\_%' AND pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, "
    "DELETE, TRUNCATE')) FROM pg_catalog.pg_roles r WHERE r.rolname = current_user";

static const char *notice_of(const PGresult *result, bool may_write) {
  bool is_super = strcmp(PQgetvalue(result, 0, 0), "t") == 0, has_files = strcmp(PQgetvalue(result, 0, 1), "t") == 0;
  bool writes = strcmp(PQgetvalue(result, 0, 2), "t") == 0;
  if (is_super)
    return "its role is a superuser, which a read-only transaction does not hold back from the server's files and "
           "programs: give it a role of its own";
  if (has_files) return "its role may use files or programs of the database's server: give it one that may not";
  if (writes && !may_write)
    return "its role may write, though the connection is for reading: give it one that may only SELECT";
  return "";
}

void postgres_look_at_role(struct postgres_session *session, bool may_write, char ret_notice[ERR_TEXT_SIZE]) {
  struct err ignored;
  ret_notice[0] = '\0';
  enum err_code code = postgres_session_run(
      session, "BEGIN READ ONLY; SET LOCAL statement_timeout = 2000; SET LOCAL lock_timeout = 1000", &ignored);
  if (code == ERR_NONE) code = postgres_session_send(session, look_at_role, NULL, 0, &ignored);
  while (code == ERR_NONE) {
    PGresult *result = NULL;
    code = postgres_session_next(session, &result, &ignored);
    if (code != ERR_NONE || !result) break;
    if (PQntuples(result) == 1) snprintf(ret_notice, ERR_TEXT_SIZE, "%s", notice_of(result, may_write));
    PQclear(result);
  }
  if (session->pg) (void)!postgres_session_run(session, "ROLLBACK", &ignored);
}
