/* SQLite behind db.h: opening, connections, transactions. Must not know what is stored.
 *
 * A file is ours when its application_id says "CNEK". WAL lets readers and one writer go on beside each other;
 * synchronous=FULL makes a commit durable before it returns. */
#include "db/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "db/migrate.h"
#include "db/migrations_sql.h"

#define APPLICATION_ID "1129203019" /* "CNEK" */

static const char settings[] =
    "PRAGMA synchronous = FULL;"
    "PRAGMA foreign_keys = ON;"
    "PRAGMA cell_size_check = ON;"
    "PRAGMA mmap_size = 0;" /* an I/O error must be an error, not a SIGBUS */
    "PRAGMA trusted_schema = OFF;"
    /* Every 32 MiB instead of every 4: a checkpoint writes each page once, however often the log holds it, and syncs
     * the database, while whoever commits waits. The log is read again only after a crash. */
    "PRAGMA wal_autocheckpoint = 8000;"
    "PRAGMA journal_size_limit = 67108864;";

static enum err_code run_script(struct sqlite_conn *conn, const char *sql, struct err *err) {
  int rc = sqlite3_exec(conn->handle, sql, NULL, NULL, NULL);
  return rc == SQLITE_OK ? ERR_NONE : sqlite_failed(conn->handle, rc, sql, err);
}

static enum err_code script(struct db_tx *tx, const char *sql, struct err *err) {
  return run_script(sqlite_conn_of(tx->conn), sql, err);
}

/* Connections */

static void disconnect(struct db_conn *base) {
  struct sqlite_conn *conn = sqlite_conn_of(base);
  statement_cache_release(&conn->cache, db_sqlite_statement_free);
  sqlite3_close_v2(conn->handle);
  free(conn);
}

static enum err_code connect_to(struct db *db, struct db_conn **ret_conn, struct err *err) {
  struct sqlite_conn *conn = calloc(1, sizeof *conn);
  if (!conn) return err_no_memory(err);
  conn->conn.db = db;
  /* No SQLITE_OPEN_CREATE: the file is made by db_open alone, with its mode. NOMUTEX: one thread at a time, by
   * contract. */
  int rc = sqlite3_open_v2(sqlite_db_of(db)->path, &conn->handle,
                           SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
  enum err_code code = ERR_NONE;
  if (rc != SQLITE_OK)
    code = sqlite_failed(conn->handle, rc, NULL, err);
  else {
    sqlite3_busy_timeout(conn->handle, DB_BUSY_MS);
    sqlite3_db_config(conn->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(conn->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(conn->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    code = run_script(conn, settings, err);
  }
  if (code != ERR_NONE) {
    disconnect(&conn->conn);
    return code;
  }
  *ret_conn = &conn->conn;
  return ERR_NONE;
}

/* Transactions */

static enum err_code run_word(struct db_conn *conn, const char *word, struct err *err) {
  conn->tx.is_write = true; /* BEGIN IMMEDIATE counts as a write */
  return db_sqlite_exec(&conn->tx, word, DB_NO_PARAMS, err);
}

/* There is one writer at a time, whatever is written: DB_APPEND is DB_WRITE. */
static enum err_code begin(struct db_conn *conn, enum db_intent intent, struct err *err) {
  struct sqlite_db *db = sqlite_db_of(conn->db);
  if (intent == DB_READ) {
    enum err_code code = run_word(conn, "BEGIN", err);
    conn->tx.is_write = false;
    return code;
  }
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += DB_BUSY_MS / 1000;
  if (pthread_mutex_clocklock(&db->write_lock, CLOCK_MONOTONIC, &until) != 0)
    return err_set(err, ERR_UNAVAILABLE, "the database is busy");
  enum err_code code = run_word(conn, "BEGIN IMMEDIATE", err);
  if (code != ERR_NONE) pthread_mutex_unlock(&db->write_lock);
  return code;
}

static enum err_code commit(struct db_conn *conn, struct err *err) {
  /* After some errors (full disk, I/O) SQLite has rolled back by itself. */
  if (sqlite3_get_autocommit(sqlite_conn_of(conn)->handle))
    return err_set(err, ERR_UNAVAILABLE, "the database gave the transaction up");
  return run_word(conn, "COMMIT", err);
}

static void rollback(struct db_conn *conn) {
  struct err ignored; /* nothing can be done about it, and the first error says more */
  if (sqlite3_get_autocommit(sqlite_conn_of(conn)->handle)) return;
  if (run_word(conn, "ROLLBACK", &ignored) != ERR_NONE) return;
}

static void end(struct db_conn *conn, enum db_intent intent) {
  if (intent != DB_READ) pthread_mutex_unlock(&sqlite_db_of(conn->db)->write_lock);
}

/* Opening */

static enum err_code open_failed(const struct sqlite_db *db, int error, struct err *err) {
  const char *reason = strerrordesc_np(error);
  if (error == ENOENT) return err_set(err, ERR_NOT_FOUND, "%.160s has no Connek database (connek.db)", db->dir);
  return err_set(err, ERR_UNAVAILABLE, "%.160s/connek.db cannot be opened: %s", db->dir,
                 reason ? reason : "unknown error");
}

/* Existence, kind and permissions, for errors that say more than SQLite's. The file is never opened here once it
 * exists: closing it would drop the locks that SQLite holds on it in this process (fcntl's rule). */
static enum err_code check_file(const struct sqlite_db *db, bool may_create, struct err *err) {
  if (may_create) {
    int fd = open(db->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0)
      close(fd);
    else if (errno != EEXIST)
      return open_failed(db, errno, err);
  }
  struct stat st;
  if (stat(db->path, &st) != 0) return open_failed(db, errno, err);
  if (!S_ISREG(st.st_mode)) return err_set(err, ERR_UNAVAILABLE, "%.160s/connek.db is not a regular file", db->dir);
  if (faccessat(AT_FDCWD, db->path, R_OK | W_OK, AT_EACCESS) != 0 ||
      faccessat(AT_FDCWD, db->dir, W_OK | X_OK, AT_EACCESS) != 0)
    return open_failed(db, errno, err);
  return ERR_NONE;
}

struct opening {
  struct sqlite_db *db;
  bool is_empty; /* a database without anything in it */
};

/* Before anything is written: somebody else's database must stay as it is. */
static enum err_code check_owner(struct db_tx *tx, void *context, struct err *err) {
  struct opening *opening = context;
  int64_t application_id = 0, n_objects = 0;
  enum err_code code = db_one_number(tx, "PRAGMA application_id", &application_id, err);
  if (code == ERR_NONE) code = db_one_number(tx, "SELECT count(*) FROM sqlite_schema", &n_objects, err);
  if (code != ERR_NONE) return code;
  opening->is_empty = application_id == 0 && n_objects == 0;
  if (!opening->is_empty && application_id != strtoll(APPLICATION_ID, NULL, 10))
    return err_set(err, ERR_CONFLICT, "%.160s/connek.db is not a Connek database", opening->db->dir);
  return ERR_NONE;
}

static enum err_code claim(struct db_tx *tx, bool *ret_was_empty, struct err *err) {
  struct opening opening = {sqlite_db_of(tx->conn->db), false};
  enum err_code code = check_owner(tx, &opening, err);
  if (code == ERR_NONE && opening.is_empty) code = script(tx, "PRAGMA application_id = " APPLICATION_ID, err);
  if (code == ERR_NONE) *ret_was_empty = opening.is_empty;
  return code;
}

static enum err_code migrate(struct db_tx *tx, void *context, struct err *err) {
  bool was_empty;
  /* Again, under the lock: another process may have been first. */
  enum err_code code = claim(tx, &was_empty, err);
  return code == ERR_NONE ? migrate_run(tx, migrations, migrations_n, err) : code;
}

/* Changing to WAL needs the file for a moment alone, and SQLite does not wait for that. */
static enum err_code use_wal(struct sqlite_conn *conn, struct err *err) {
  for (int attempt = 0;; attempt++) {
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(conn->handle, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
      const char *mode = (const char *)sqlite3_column_text(stmt, 0);
      bool is_wal = mode && strcmp(mode, "wal") == 0;
      sqlite3_finalize(stmt);
      if (is_wal) return ERR_NONE;
      return err_set(err, ERR_UNAVAILABLE, "%.160s is on a file system where SQLite cannot use its write-ahead log",
                     sqlite_db_of(conn->conn.db)->dir);
    }
    enum err_code code = sqlite_failed(conn->handle, rc, "PRAGMA journal_mode", err);
    sqlite3_finalize(stmt);
    if ((rc & 0xff) != SQLITE_BUSY || attempt == DB_BUSY_MS / 20) return code;
    nanosleep(&(struct timespec){0, 20 * 1000 * 1000}, NULL);
  }
}

static enum err_code prepare(struct sqlite_db *db, enum db_opening how, struct err *err) {
  struct db_conn *conn = NULL;
  struct opening opening = {db, false};
  enum err_code code = check_file(db, how != DB_EXISTING, err);
  if (code == ERR_NONE) code = db_connect(&db->db, &conn, err);
  if (code == ERR_NONE) code = db_read(conn, check_owner, &opening, err);
  if (code == ERR_NONE) code = db_check_opening(&db->db, how, opening.is_empty, err);
  /* Of a new file, before anything is in it; SQLite's own choice, held fast. A commit of one record writes and sums up
   * three or four pages: with pages of 8 KiB it takes 140,000 instructions instead of 122,000, and a strict call at 64
   * connections 43 microseconds instead of 38. Only the large batches of relaxed mode would like them as well. */
  if (code == ERR_NONE && opening.is_empty) code = run_script(sqlite_conn_of(conn), "PRAGMA page_size = 4096", err);
  if (code == ERR_NONE) code = use_wal(sqlite_conn_of(conn), err);
  if (code == ERR_NONE && how != DB_EMPTY) code = db_write(conn, migrate, NULL, err);
  db_disconnect(conn);
  return code;
}

/* For the whole process, before SQLite is used first: its own count of what it allocates is not asked for, and keeping
 * it takes a lock of the process twice an allocation. */
static pthread_once_t sqlite_once = PTHREAD_ONCE_INIT;
static void sqlite_set_up(void) {
  (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static void close_all(struct db *base) {
  struct sqlite_db *db = sqlite_db_of(base);
  pthread_mutex_destroy(&db->write_lock);
  free(db->path);
  free(db->dir);
  free(db);
}

const struct db_driver db_sqlite_driver = {
    .without_rowid = "WITHOUT ROWID",
    .text_order = "", /* bytes are compared */
    .close = close_all,
    .connect = connect_to,
    .disconnect = disconnect,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .end = end,
    .claim = claim,
    .columns_sql =
        "SELECT m.name, c.name, c.type, c.pk FROM sqlite_schema m JOIN pragma_table_info(m.name) c "
        "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, c.name",
    .references_sql =
        "SELECT m.name, f.\"table\" FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f "
        "WHERE m.type = 'table'",
    .clock_sql = "SELECT CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
    .script = script,
    .exec = db_sqlite_exec,
    .query = db_sqlite_query,
    .next = db_sqlite_next,
    .rows_close = db_sqlite_rows_close,
    .is_null = db_sqlite_is_null,
    .int_at = db_sqlite_int_at,
    .bytes_at = db_sqlite_bytes_at,
};

enum err_code db_open_sqlite(const char *dir, enum db_opening how, struct db **ret_db, struct err *err) {
  pthread_once(&sqlite_once, sqlite_set_up);
  struct sqlite_db *db = calloc(1, sizeof *db);
  if (!db) return err_no_memory(err);
  db->db.driver = &db_sqlite_driver;
  pthread_mutex_init(&db->write_lock, NULL);
  size_t n = strlen(dir) + sizeof "/connek.db";
  db->dir = strdup(dir);
  db->path = malloc(n);
  db->db.name = malloc(n);
  enum err_code code = ERR_NONE;
  if (!db->dir || !db->path || !db->db.name)
    code = err_no_memory(err);
  else {
    snprintf(db->path, n, "%s/connek.db", dir);
    memcpy(db->db.name, db->path, n);
    code = prepare(db, how, err);
    /* SQLite's own words do not say which database; whoever opens one is an operator and named it. */
    if (code != ERR_NONE && err && !strstr(err->text, "connek.db")) err_prefix(err, "%.160s/connek.db", dir);
  }
  if (code != ERR_NONE) {
    db_close(&db->db);
    return code;
  }
  *ret_db = &db->db;
  return ERR_NONE;
}
