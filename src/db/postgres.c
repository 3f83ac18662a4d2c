/* PostgreSQL behind db.h: opening, connections, transactions. Must not know what is stored.
 *
 * Writers wait for each other as they do in SQLite, on every server that uses the database: a lock of the transaction
 * (never of the session: PgBouncer may give each transaction another one). Under it READ COMMITTED sees all that was
 * committed before, and nothing changes beside it; so the same code is right on both databases. */
#include "db/postgres.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "db/audit_months_sql.h"
#include "db/migrate.h"
#include "db/migrations_sql.h"

enum { SERVER_VERSION_MIN = 130000 };

static void no_notice(void *context, const PGresult *result) {
  (void)context, (void)result;
}

/* Connections */

/* A pooler gives the number of its own session as the backend's. */
static enum err_code find_pooler(struct postgres_conn *conn, struct err *err) {
  PGresult *result = PQexec(conn->pg, "SELECT pg_backend_pid()");
  enum err_code code = ERR_NONE;
  if (PQresultStatus(result) != PGRES_TUPLES_OK)
    code = postgres_failed(conn, result, NULL, err);
  else
    conn->is_pooled = strtol(PQgetvalue(result, 0, 0), NULL, 10) != PQbackendPID(conn->pg);
  PQclear(result);
  return code;
}

static enum err_code dial_again(struct postgres_conn *conn, struct err *err) {
  postgres_forget_statements(conn);
  PQfinish(conn->pg);
  conn->is_pipelining = conn->is_listening = false;
  enum err_code code = postgres_dial((struct postgres_db *)(void *)conn->conn.db, &conn->pg, err);
  if (code != ERR_NONE) return code;
  PQsetNoticeReceiver(conn->pg, no_notice, NULL);
  if (PQserverVersion(conn->pg) < SERVER_VERSION_MIN)
    return err_set(err, ERR_UNAVAILABLE, "PostgreSQL %d is too old; Connek needs 13 or newer",
                   PQserverVersion(conn->pg) / 10000);
  return find_pooler(conn, err);
}

static void disconnect(struct db_conn *base) {
  struct postgres_conn *conn = postgres_conn_of(base);
  postgres_forget_statements(conn);
  PQfinish(conn->pg);
  free(conn);
}

static enum err_code connect_to(struct db *db, struct db_conn **ret_conn, struct err *err) {
  struct postgres_conn *conn = calloc(1, sizeof *conn);
  if (!conn) return err_no_memory(err);
  conn->conn.db = db;
  enum err_code code = dial_again(conn, err);
  if (code != ERR_NONE) {
    disconnect(&conn->conn);
    return code;
  }
  *ret_conn = &conn->conn;
  return ERR_NONE;
}

/* Transactions */

static enum err_code run_words(struct postgres_conn *conn, const char *words, struct err *err) {
  PGresult *result = PQexec(conn->pg, words);
  ExecStatusType status = PQresultStatus(result);
  enum err_code code = ERR_NONE;
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) code = postgres_failed(conn, result, words, err);
  PQclear(result);
  return code;
}

/* Everything that a transaction needs is set in it: a session behind a pooler is nobody's. A commit is durable when it
 * returns, whatever the server's default is. */
#define WAITS "SET LOCAL lock_timeout = 5000; SET LOCAL idle_in_transaction_session_timeout = 60000; "
#define ALL "; SET LOCAL connek.organisation = '*'"
#define BEGIN_WRITE "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE" ALL "; SET LOCAL synchronous_commit = on; " WAITS
#define TAKE_LOCK "SELECT pg_advisory_xact_lock(1129203019, hashtext(current_schema()))"
static const char begin_read[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" ALL;
static const char begin_write[] = BEGIN_WRITE TAKE_LOCK;
static const char begin_append[] = BEGIN_WRITE;
static const char *const begin_words[] = {
    [DB_READ] = begin_read, [DB_WRITE] = begin_write, [DB_APPEND] = begin_append, [DB_FILL] = begin_write};

static void rollback(struct db_conn *base) {
  struct postgres_conn *conn = postgres_conn_of(base);
  struct err ignored; /* nothing can be done about it, and the first error says more */
  if (conn->is_pipelining && postgres_settle(conn, &ignored) != ERR_NONE && conn->is_pipelining) return;
  if (PQtransactionStatus(conn->pg) == PQTRANS_IDLE || PQstatus(conn->pg) != CONNECTION_OK) return;
  if (run_words(conn, "ROLLBACK", &ignored) != ERR_NONE) return;
}

static enum err_code begin(struct db_conn *base, enum db_intent intent, struct err *err) {
  struct postgres_conn *conn = postgres_conn_of(base);
  conn->scope[0] = '\0';
  bool was_kept = PQstatus(conn->pg) == CONNECTION_OK;
  enum err_code code = was_kept ? run_words(conn, begin_words[intent], err) : dial_again(conn, err);
  /* A server that was restarted is noticed only now: nothing was done yet, so once more. */
  if (was_kept && code != ERR_NONE && PQstatus(conn->pg) != CONNECTION_OK) {
    was_kept = false;
    code = dial_again(conn, err);
  }
  if (!was_kept && code == ERR_NONE) code = run_words(conn, begin_words[intent], err);
  if (code != ERR_NONE) rollback(base); /* a BEGIN may have gone well, and what follows it not */
  conn->may_pipeline = intent == DB_APPEND || intent == DB_FILL;
  return code;
}

static enum err_code commit(struct db_conn *base, struct err *err) {
  struct postgres_conn *conn = postgres_conn_of(base);
  enum err_code code = postgres_settle(conn, err);
  if (code != ERR_NONE) return code;
  PGresult *result = PQexec(conn->pg, "COMMIT");
  if (PQresultStatus(result) != PGRES_COMMAND_OK)
    code = postgres_failed(conn, result, "COMMIT", err);
  else if (strcmp(PQcmdStatus(result), "COMMIT") != 0) /* a transaction that had failed says ROLLBACK */
    code = err_set(err, ERR_UNAVAILABLE, "the database gave the transaction up");
  PQclear(result);
  return code;
}

static void end(struct db_conn *conn, enum db_intent intent) {
  (void)conn, (void)intent;
}

static enum err_code script(struct db_tx *tx, const char *sql, struct err *err) {
  struct postgres_conn *conn = postgres_conn_of(tx->conn);
  enum err_code code = postgres_clear(conn, err);
  return code == ERR_NONE ? run_words(conn, sql, err) : code;
}

static void scope(struct db_conn *base, struct uuid organisation_id) {
  char *words = postgres_conn_of(base)->scope;
  bool is_all = uuid_is_nil(organisation_id);
  words[0] = '*', words[1] = '\0';
  for (size_t i = 0; i < sizeof organisation_id.b && !is_all; i++)
    snprintf(words + 2 * i, 3, "%02x", organisation_id.b[i]);
}

/* Opening */

/* Before anything is written: somebody else's tables must stay as they are. `context`: is the schema empty? */
static enum err_code check_owner(struct db_tx *tx, void *context, struct err *err) {
  bool *ret_is_empty = context;
  const char *name = tx->conn->db->name;
  int64_t n_tables = 0, n_ours = 0;
  enum err_code code = db_one_number(tx,
                                     "SELECT count(*) FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace "
                                     "WHERE nspname = current_schema())",
                                     &n_tables, err);
  if (code == ERR_NONE)
    code = db_one_number(
        tx,
        "SELECT count(*) FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = "
        "current_schema()) AND relkind = 'r' AND relname IN ('schema_migration', 'installation', 'organisation', "
        "'audit_head')",
        &n_ours, err);
  if (code != ERR_NONE) return code;
  *ret_is_empty = n_tables == 0;
  if (n_tables && n_ours != 4)
    return err_set(err, ERR_CONFLICT, "%.160s holds tables that are not Connek's: give it a database of its own", name);
  return ERR_NONE;
}

/* What statements use and PostgreSQL calls something else. */
static const char prelude[] =
    "CREATE OR REPLACE FUNCTION instr(text, text) RETURNS integer LANGUAGE sql IMMUTABLE "
    "STRICT PARALLEL SAFE AS 'SELECT strpos($1, $2)'";

/* What PostgreSQL has beyond the migrations: partitions, and row-level security. audit_months.sql says more. */
static enum err_code tend(struct db_tx *tx, struct err *err) {
  struct db_rows *rows = NULL;
  const struct db_value now = DB_V_INT(clock_utc_us());
  enum err_code code = db_query(tx, "SELECT connek_tend($1)", &now, 1, &rows, err);
  if (code == ERR_NONE && db_next(rows, err) < 0) code = err ? err->code : ERR_UNAVAILABLE;
  db_rows_close(rows);
  return code;
}

static enum err_code finish(struct db_tx *tx, struct err *err) {
  struct db_rows *rows = NULL;
  const struct db_value now = DB_V_INT(clock_utc_us());
  int64_t n_records = 0;
  enum err_code code = script(tx, postgres_audit_months, err);
  /* A database that stops being migrated half-way, for a test or a backup's version, may have no trail yet. */
  if (code == ERR_NONE)
    code = db_one_number(
        tx,
        "SELECT count(*) FROM pg_class WHERE relname = 'audit_record' AND relnamespace = (SELECT oid FROM "
        "pg_namespace WHERE nspname = current_schema())",
        &n_records, err);
  if (code != ERR_NONE) return code;
  if (!n_records) return script(tx, "SELECT connek_protect()", err);
  code = db_query(tx, "SELECT connek_make_partitions($1)", &now, 1, &rows, err);
  if (code == ERR_NONE && db_next(rows, err) < 0) code = err ? err->code : ERR_UNAVAILABLE;
  db_rows_close(rows);
  return code == ERR_NONE ? tend(tx, err) : code;
}

static enum err_code claim(struct db_tx *tx, bool *ret_was_empty, struct err *err) {
  enum err_code code = check_owner(tx, ret_was_empty, err);
  return code == ERR_NONE ? script(tx, prelude, err) : code;
}

/* A statement that waits for a table has everybody wait who comes to it later, the servers that work on it too. Sooner
 * than any of them gives up, and than PostgreSQL looks for a deadlock (a second), the migration does, and begins anew.
 */
static const char soon[] = "SET LOCAL lock_timeout = 500";
enum { MIGRATE_MS = 120 * 1000, MIGRATE_PAUSE_MS = 250 };

/* The servers of the version before hear at once that there is a newer one. */
static enum err_code migrate(struct db_tx *tx, void *context, struct err *err) {
  bool was_empty;
  int64_t before = 0, after = 0;
  enum err_code code = claim(tx, &was_empty, err); /* again, under the lock: another process may have been first */
  if (code == ERR_NONE) code = script(tx, soon, err);
  if (code == ERR_NONE && !was_empty) code = db_schema_version(tx, &before, err);
  if (code == ERR_NONE) code = migrate_run(tx, migrations, migrations_n, err);
  if (code == ERR_NONE) code = db_schema_version(tx, &after, err);
  return code == ERR_NONE && after > before ? postgres_notify(tx, err) : code;
}

/* Until those that hold the tables, or migrate themselves, are done with them. */
static enum err_code migrate_when_free(struct db_conn *conn, struct err *err) {
  int64_t until_us = clock_monotonic_us() + MIGRATE_MS * INT64_C(1000);
  enum err_code code;
  while ((code = db_write(conn, migrate, NULL, err)) != ERR_NONE && postgres_is_in_the_way(err)) {
    if (clock_monotonic_us() >= until_us)
      return err_set(err, ERR_UNAVAILABLE,
                     "somebody has held its tables for %d s, and it cannot be brought to this "
                     "version: look at pg_stat_activity for old transactions",
                     MIGRATE_MS / 1000);
    usleep(MIGRATE_PAUSE_MS * 1000);
  }
  return code;
}

/* Who opens a database is an operator and named it: they may hear what the log alone hears later on. */
static enum err_code tell_operator(enum err_code code, struct err *err) {
  char said[ERR_DETAIL_SIZE], text[ERR_TEXT_SIZE];
  if (!err || !err->detail[0]) return code;
  memcpy(said, err->detail, sizeof said);
  memcpy(text, err->text, sizeof text);
  return err_set(err, code, "%.200s (%s)", text, said);
}

static enum err_code check_encoding(struct postgres_conn *conn, struct err *err) {
  const char *encoding = PQparameterStatus(conn->pg, "server_encoding");
  if (encoding && strcmp(encoding, "UTF8") == 0) return ERR_NONE;
  return err_set(err, ERR_CONFLICT, "%.160s is not in UTF-8: create it with ENCODING 'UTF8'", conn->conn.db->name);
}

static enum err_code look_at_role(struct db_tx *tx, void *context, struct err *err) {
  int64_t n = 0;
  enum err_code code = db_one_number(
      tx, "SELECT count(*) FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)", &n, err);
  *(bool *)context = n > 0;
  return code;
}

static enum err_code prepare(struct postgres_db *db, enum db_opening how, struct err *err) {
  struct db_conn *conn = NULL;
  bool is_empty = false;
  enum err_code code = connect_to(&db->db, &conn, err);
  if (code != ERR_NONE) return tell_operator(code, err);
  code = check_encoding(postgres_conn_of(conn), err);
  if (code == ERR_NONE) code = db_read(conn, check_owner, &is_empty, err);
  if (code == ERR_NONE) code = db_check_opening(&db->db, how, is_empty, err);
  if (code == ERR_NONE) code = db_read(conn, look_at_role, &db->db.is_above_scope, err);
  if (code == ERR_NONE && how != DB_EMPTY) code = migrate_when_free(conn, err);
  db_disconnect(conn);
  return code;
}

static void close_all(struct db *base) {
  struct postgres_db *db = (struct postgres_db *)(void *)base;
  free(db->url);
  free(db);
}

static const struct db_driver driver = {
    .without_rowid = "",
    .text_order = " COLLATE \"C\"", /* bytes are compared */
    .close = close_all,
    .connect = connect_to,
    .disconnect = disconnect,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .end = end,
    .notify = postgres_notify,
    .await_notice = postgres_await_notice,
    .scope = scope,
    .claim = claim,
    .finish = finish,
    .tend = tend,
    .columns_sql =
        "SELECT c.relname, a.attname, CASE a.atttypid WHEN 20 THEN 'BIGINT' WHEN 25 THEN 'TEXT' WHEN 17 THEN 'BYTEA' "
        "ELSE 'other' END, coalesce(array_position(CAST(i.indkey AS smallint[]), a.attnum) + 1, 0) FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND "
        "NOT a.attisdropped LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary "
        "WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
        "ORDER BY c.relname, a.attname",
    .references_sql =
        "SELECT c.relname, p.relname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON "
        "p.oid = k.confrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE k.contype = 'f' AND n.nspname = "
        "current_schema() AND NOT c.relispartition",
    /* Not now(), which is when the transaction began. */
    .clock_sql = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)",
    .script = script,
    .exec = postgres_exec,
    .query = postgres_query,
    .next = postgres_next,
    .rows_close = postgres_rows_close,
    .is_null = postgres_is_null,
    .int_at = postgres_int_at,
    .bytes_at = postgres_bytes_at,
};

/* "the database connek at db.example", from what libpq makes of the address. Its text may hold a password: what is
 * wrong with it is told without it. */
static enum err_code name_of(const char *url, char **ret_name, struct err *err) {
  char *problem = NULL;
  PQconninfoOption *options = PQconninfoParse(url, &problem);
  if (!options) {
    PQfreemem(problem);
    return err_set(err, ERR_INVALID,
                   "this is not the address of a PostgreSQL database; it looks like "
                   "postgres://USER@HOST:5432/NAME");
  }
  const char *database = "", *host = "";
  for (PQconninfoOption *option = options; option->keyword; option++) {
    if (!option->val) continue;
    if (strcmp(option->keyword, "dbname") == 0) database = option->val;
    if (strcmp(option->keyword, "host") == 0) host = option->val;
  }
  size_t n = strlen(database) + strlen(host) + 32;
  char *name = malloc(n);
  if (name) snprintf(name, n, "the database%s%s%s%s", *database ? " " : "", database, *host ? " at " : "", host);
  PQconninfoFree(options);
  if (!name) return err_no_memory(err);
  *ret_name = name;
  return ERR_NONE;
}

bool db_url_has_password(const char *url) {
  PQconninfoOption *options = PQconninfoParse(url, NULL);
  bool has_one = false;
  for (PQconninfoOption *option = options; option && option->keyword; option++)
    if (option->val && (strcmp(option->keyword, "password") == 0 || strcmp(option->keyword, "sslpassword") == 0))
      has_one = true;
  PQconninfoFree(options);
  return has_one;
}

enum err_code db_open_postgres(const char *url, enum db_opening how, struct db **ret_db, struct err *err) {
  struct postgres_db *db = calloc(1, sizeof *db);
  if (!db) return err_no_memory(err);
  db->db.driver = &driver;
  db->url = strdup(url);
  enum err_code code = db->url ? name_of(url, &db->db.name, err) : err_no_memory(err);
  if (code == ERR_NONE) {
    code = prepare(db, how, err);
    if (code != ERR_NONE && err && !strstr(err->text, db->db.name)) err_prefix(err, "%.160s", db->db.name);
  }
  if (code != ERR_NONE) {
    db_close(&db->db);
    return code;
  }
  *ret_db = &db->db;
  return ERR_NONE;
}
