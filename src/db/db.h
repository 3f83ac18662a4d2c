/* The database, whichever it is. SQL is written once, with $1-style parameters, RETURNING and ON CONFLICT, in what
 * SQLite and PostgreSQL share. Functions that take a db_tx run on a store thread (or in a command), never on a loop: a
 * whole transaction is one job, written as plain sequential code. */
#ifndef CONNEK_DB_DB_H
#define CONNEK_DB_DB_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/uuid.h"
#include "net/executor.h"

struct db;      /* a database: opened once a process */
struct db_conn; /* one connection to it: used by one thread at a time */
struct db_tx;   /* a transaction under way on a connection */
struct db_rows; /* a result being read */

enum db_kind { DB_NULL, DB_INT, DB_TEXT, DB_BLOB };

struct db_value {
  enum db_kind kind;
  int64_t number;
  struct str bytes; /* borrowed until the statement is done */
};

#define DB_V_NULL ((struct db_value){DB_NULL, 0, STR_NONE})
#define DB_V_INT(n) ((struct db_value){DB_INT, (n), STR_NONE})
#define DB_V_TEXT(s) ((struct db_value){DB_TEXT, 0, (s)})
#define DB_V_BLOB(s) ((struct db_value){DB_BLOB, 0, (s)})
/* `id` must be an lvalue that outlives the statement. */
#define DB_V_UUID(id) ((struct db_value){DB_BLOB, 0, uuid_bytes(&(id))})
#define DB_PARAMS(...) \
  (const struct db_value[]){__VA_ARGS__}, sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value)
#define DB_NO_PARAMS NULL, 0

/* Opens DIR/connek.db (made, 0600, where `may_create`), checks that it is ours and of a version we know, and migrates
 * it. ERR_CONFLICT: a database from the future, or somebody else's. WAL, synchronous=FULL, foreign keys on. */
enum err_code db_open(const char *dir, bool may_create, struct db **ret_db, struct err *err) MUST_CHECK;
/* The same at a PostgreSQL server (13 or newer): `url` is a postgres:// address or libpq's key=value words; what it
 * does not say, libpq takes from its own variables and files. Its tables stand in the connection's current schema. */
enum err_code db_open_server(const char *url, bool may_create, struct db **ret_db, struct err *err) MUST_CHECK;
/* Does the address itself hold one? */
bool db_url_has_password(const char *url);
/* A place that is to be filled by somebody who makes the tables himself (db/contents.h): ERR_CONFLICT where there is
 * anything. Nothing is made in it but, without a `url`, an empty DIR/connek.db. */
enum err_code db_open_empty(const char *dir, const char *url, struct db **ret_db, struct err *err) MUST_CHECK;
void db_close(struct db *db);
/* For people: "DIR/connek.db", "the database connek at HOST". Without a password. */
const char *db_name(const struct db *db);
/* Starts `n` store threads, each with a connection of its own. */
enum err_code db_start_threads(struct db *db, unsigned n, struct err *err) MUST_CHECK;

/* Connections for whoever owns a thread: the audit writer, a command. */
enum err_code db_connect(struct db *db, struct db_conn **ret_conn, struct err *err) MUST_CHECK;
void db_disconnect(struct db_conn *conn);

/* Runs `work` in a transaction on this thread: committed where it returns ERR_NONE, else rolled back. When one of its
 * statements has failed, nothing else works and nothing is stored. A write transaction has the database's one lock for
 * writers from its start, whatever server or process they belong to: what it has read stays true until it ends, and it
 * never fails half-way for lack of the lock. */
typedef enum err_code (*db_work)(struct db_tx *tx, void *context, struct err *err);
enum err_code db_write(struct db_conn *conn, db_work work, void *context, struct err *err) MUST_CHECK;
/* The same without the lock where the database can do it: for rows that nobody else writes. What db_exec does is told
 * by the next db_query, or by the commit; db_changes is not known. */
enum err_code db_append(struct db_conn *conn, db_work work, void *context, struct err *err) MUST_CHECK;
/* With the lock, and otherwise as db_append: for very many rows. */
enum err_code db_fill(struct db_conn *conn, db_work work, void *context, struct err *err) MUST_CHECK;
enum err_code db_read(struct db_conn *conn, db_work work, void *context, struct err *err) MUST_CHECK;

/* From now on the transaction is one organisation's (nil: again the installation's, as each is at its beginning): where
 * the database can see to it (PostgreSQL), no row of another one is shown or written, whatever a statement forgets.
 * What belongs to nobody (nil) is shown. */
void db_scope(struct db_tx *tx, struct uuid organisation_id);
/* False where PostgreSQL asks nothing of our role (a superuser's, or one with BYPASSRLS): db_scope is then in vain. */
bool db_keeps_scope(const struct db *db);

/* The same on a store thread; then `done` on `loop`. The job is embedded in the caller's own struct. */
struct db_job {
  struct executor_job job;
  struct db *db;
  db_work work;
  void *context;
  bool is_write;
  struct uuid scope;                /* db_scope from its beginning; nil: the installation's */
  void (*done)(struct db_job *job); /* `code` and `err` tell how it went */
  enum err_code code;
  struct err err;
};
/* False: the queue is full; nothing was taken. */
bool db_submit(struct db *db, struct loop *loop, struct db_job *job) MUST_CHECK;

/* What the database needs done every hour, in a write transaction: partitions for the months to come. */
enum err_code db_tend(struct db_tx *tx, struct err *err) MUST_CHECK;
/* ERR_CONFLICT: a newer server has changed it, by more than one version (that one is needed here as well), or somebody
 * has put an older one in its place. */
enum err_code db_check_version(struct db_tx *tx, struct err *err) MUST_CHECK;
/* The time as the database has it, UTC microseconds: the same for all servers that use it. */
enum err_code db_clock(struct db_tx *tx, int64_t *ret_now_us, struct err *err) MUST_CHECK;
/* Can several servers use it at once? */
bool db_is_shared(const struct db *db);
/* Whoever waits in db_await_notice is woken when this transaction has been committed; nobody where it is not shared. */
enum err_code db_notify(struct db_tx *tx, struct err *err) MUST_CHECK;
/* Waits until somebody has notified, `wake_fd` can be read, or the time is up; sooner at times, for no reason. Behind a
 * pooler, and where it is not shared, nobody's notice comes. Not within a transaction. */
void db_await_notice(struct db_conn *conn, int wake_fd, int timeout_ms);

/* Statements. `sql` must be a string literal (prepared statements are kept by its address), or stay where it is until
 * db_disconnect. */
enum err_code db_exec(struct db_tx *tx, const char *sql, const struct db_value *params, size_t n,
                      struct err *err) MUST_CHECK;
/* Rows changed by the last db_exec. */
int64_t db_changes(const struct db_tx *tx);
enum err_code db_query(struct db_tx *tx, const char *sql, const struct db_value *params, size_t n,
                       struct db_rows **ret_rows, struct err *err) MUST_CHECK;
/* The same where there may be more rows than memory. */
enum err_code db_query_large(struct db_tx *tx, const char *sql, const struct db_value *params, size_t n,
                             struct db_rows **ret_rows, struct err *err) MUST_CHECK;
/* 1: a row is there; 0: the end; -1: failed, `err` filled. */
int db_next(struct db_rows *rows, struct err *err) MUST_CHECK;
void db_rows_close(struct db_rows *rows); /* always, also after failure; NULL is fine */
bool db_is_null(struct db_rows *rows, int column);
int64_t db_int(struct db_rows *rows, int column);
struct str db_text(struct db_rows *rows, int column); /* valid until db_next; copy what must live */
struct str db_blob(struct db_rows *rows, int column);
struct uuid db_uuid(struct db_rows *rows, int column); /* nil where NULL or not 16 bytes */

#endif
