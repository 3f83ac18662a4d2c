/* db.h for every database: what a transaction is, and the way to the driver. Must not know which database it is. */
#include <poll.h>
#include <stdlib.h>

#include "db/driver.h"

enum err_code db_open(const char *dir, bool may_create, struct db **ret_db, struct err *err) {
  return db_open_sqlite(dir, may_create ? DB_MAY_CREATE : DB_EXISTING, ret_db, err);
}

enum err_code db_open_server(const char *url, bool may_create, struct db **ret_db, struct err *err) {
  return db_open_postgres(url, may_create ? DB_MAY_CREATE : DB_EXISTING, ret_db, err);
}

enum err_code db_open_empty(const char *dir, const char *url, struct db **ret_db, struct err *err) {
  return url ? db_open_postgres(url, DB_EMPTY, ret_db, err) : db_open_sqlite(dir, DB_EMPTY, ret_db, err);
}

enum err_code db_check_opening(const struct db *db, enum db_opening how, bool is_empty, struct err *err) {
  if (is_empty && how == DB_EXISTING)
    return err_set(err, ERR_NOT_FOUND, "%.160s is empty: it has no Connek data", db->name);
  if (!is_empty && how == DB_EMPTY)
    return err_set(err, ERR_CONFLICT, "%.160s holds data already; what is put there has to find it empty", db->name);
  return ERR_NONE;
}

void db_close(struct db *db) {
  if (!db) return;
  if (db->executor) executor_stop(db->executor);
  for (unsigned i = 0; i < db->n_conns; i++)
    db_disconnect(db->conns[i]);
  free(db->conns);
  free(db->name);
  db->driver->close(db);
}

const char *db_name(const struct db *db) {
  return db->name;
}

enum err_code db_connect(struct db *db, struct db_conn **ret_conn, struct err *err) {
  return db->driver->connect(db, ret_conn, err);
}

void db_disconnect(struct db_conn *conn) {
  if (conn) conn->db->driver->disconnect(conn);
}

/* Transactions */

static enum err_code gave_up(struct err *err) {
  return err_set(err, ERR_UNAVAILABLE, "the database gave the transaction up");
}

static enum err_code run(struct db_conn *conn, enum db_intent intent, db_work work, void *context, struct err *err) {
  const struct db_driver *driver = conn->db->driver;
  conn->tx = (struct db_tx){.conn = conn, .is_write = intent != DB_READ};
  enum err_code code = driver->begin(conn, intent, err);
  if (code != ERR_NONE) return code;
  code = work(&conn->tx, context, err);
  /* Work that took a statement's error for harmless must not be told that it is stored. */
  if (code == ERR_NONE && conn->tx.is_failed) code = gave_up(err);
  if (code == ERR_NONE) code = driver->commit(conn, err);
  if (code != ERR_NONE) driver->rollback(conn);
  driver->end(conn, intent);
  return code;
}

enum err_code db_write(struct db_conn *conn, db_work work, void *context, struct err *err) {
  return run(conn, DB_WRITE, work, context, err);
}

enum err_code db_append(struct db_conn *conn, db_work work, void *context, struct err *err) {
  return run(conn, DB_APPEND, work, context, err);
}

enum err_code db_fill(struct db_conn *conn, db_work work, void *context, struct err *err) {
  return run(conn, DB_FILL, work, context, err);
}

enum err_code db_read(struct db_conn *conn, db_work work, void *context, struct err *err) {
  return run(conn, DB_READ, work, context, err);
}

void db_scope(struct db_tx *tx, struct uuid organisation_id) {
  const struct db_driver *driver = tx->conn->db->driver;
  if (driver->scope) driver->scope(tx->conn, organisation_id);
}

bool db_keeps_scope(const struct db *db) {
  return !db->is_above_scope;
}

/* Notices */

bool db_is_shared(const struct db *db) {
  return db->driver->notify != NULL;
}

enum err_code db_notify(struct db_tx *tx, struct err *err) {
  return tx->conn->db->driver->notify ? tx->conn->db->driver->notify(tx, err) : ERR_NONE;
}

void db_await_notice(struct db_conn *conn, int wake_fd, int timeout_ms) {
  if (conn->db->driver->await_notice) {
    conn->db->driver->await_notice(conn, wake_fd, timeout_ms);
    return;
  }
  struct pollfd wake = {.fd = wake_fd, .events = POLLIN};
  (void)poll(&wake, 1, timeout_ms);
}

/* Statements */

enum err_code db_exec(struct db_tx *tx, const char *sql, const struct db_value *params, size_t n, struct err *err) {
  if (tx->is_failed) return gave_up(err);
  enum err_code code = tx->conn->db->driver->exec(tx, sql, params, n, err);
  if (code != ERR_NONE) tx->is_failed = true;
  return code;
}

int64_t db_changes(const struct db_tx *tx) {
  return tx->changes;
}

static enum err_code query(struct db_tx *tx, const char *sql, const struct db_value *params, size_t n, bool is_large,
                           struct db_rows **ret_rows, struct err *err) {
  if (tx->is_failed) return gave_up(err);
  enum err_code code = tx->conn->db->driver->query(tx, sql, params, n, is_large, ret_rows, err);
  if (code != ERR_NONE) tx->is_failed = true;
  return code;
}

enum err_code db_query(struct db_tx *tx, const char *sql, const struct db_value *params, size_t n,
                       struct db_rows **ret_rows, struct err *err) {
  return query(tx, sql, params, n, false, ret_rows, err);
}

enum err_code db_query_large(struct db_tx *tx, const char *sql, const struct db_value *params, size_t n,
                             struct db_rows **ret_rows, struct err *err) {
  return query(tx, sql, params, n, true, ret_rows, err);
}

int db_next(struct db_rows *rows, struct err *err) {
  return rows->driver->next(rows, err);
}

void db_rows_close(struct db_rows *rows) {
  if (rows) rows->driver->rows_close(rows);
}

bool db_is_null(struct db_rows *rows, int column) {
  return rows->driver->is_null(rows, column);
}

int64_t db_int(struct db_rows *rows, int column) {
  return rows->driver->int_at(rows, column);
}

struct str db_text(struct db_rows *rows, int column) {
  return rows->driver->bytes_at(rows, column, DB_TEXT);
}

struct str db_blob(struct db_rows *rows, int column) {
  return rows->driver->bytes_at(rows, column, DB_BLOB);
}

struct uuid db_uuid(struct db_rows *rows, int column) {
  struct uuid id = {{0}};
  struct str bytes = db_blob(rows, column);
  if (bytes.n == sizeof id.b) memcpy(id.b, bytes.p, sizeof id.b);
  return id;
}

enum err_code db_one_number(struct db_tx *tx, const char *sql, int64_t *ret_number, struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code = db_query(tx, sql, DB_NO_PARAMS, &rows, err);
  if (code != ERR_NONE) return code;
  int got = db_next(rows, err);
  if (got < 0)
    code = err ? err->code : ERR_UNAVAILABLE;
  else
    *ret_number = got ? db_int(rows, 0) : 0;
  db_rows_close(rows);
  return code;
}

enum err_code db_clock(struct db_tx *tx, int64_t *ret_now_us, struct err *err) {
  return db_one_number(tx, tx->conn->db->driver->clock_sql, ret_now_us, err);
}

enum err_code db_tend(struct db_tx *tx, struct err *err) {
  const struct db_driver *driver = tx->conn->db->driver;
  return driver->tend ? driver->tend(tx, err) : ERR_NONE;
}
