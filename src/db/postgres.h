/* What the files of this folder share of the PostgreSQL side. Nobody else includes it. */
#ifndef CONNEK_DB_POSTGRES_H
#define CONNEK_DB_POSTGRES_H

#include <libpq-fe.h>

#include "db/driver.h"

struct postgres_db {
  struct db db; /* first */
  char *url;
};

struct postgres_conn {
  struct db_conn conn; /* first */
  PGconn *pg;
  struct statement_cache cache;
  unsigned n_prepared, n_cursors;
  char scope[2 * 16 + 1]; /* whose rows are to be shown from the next statement on; "": nothing new */
  bool is_pooled;         /* another session may carry the next transaction: nothing is kept in this one */
  bool is_listening;      /* for notices */
  bool may_pipeline;      /* what db_exec is given may be sent, and its result read when it is needed */
  bool is_pipelining;     /* some has been sent so */
  unsigned n_unread;      /* how many statements */
  const char *unread_sql; /* the last */
};

static inline struct postgres_conn *postgres_conn_of(struct db_conn *conn) {
  return (struct postgres_conn *)(void *)conn;
}

/* postgres_error.c: fills `err` from a result (NULL: there is none), never ERR_NONE; `sql` (or NULL) goes to the
 * detail. */
enum err_code postgres_failed(const struct postgres_conn *conn, const PGresult *result, const char *sql,
                              struct err *err);
/* Did postgres_failed fill it because others hold what was asked for? The same may succeed later. */
bool postgres_is_in_the_way(const struct err *err);

/* postgres_statement.c: db_driver's, of statements */
enum err_code postgres_exec(struct db_tx *tx, const char *sql, const struct db_value *params, size_t n,
                            struct err *err) MUST_CHECK;
enum err_code postgres_query(struct db_tx *tx, const char *sql, const struct db_value *params, size_t n, bool is_large,
                             struct db_rows **ret_rows, struct err *err) MUST_CHECK;
int postgres_next(struct db_rows *rows, struct err *err) MUST_CHECK;
void postgres_rows_close(struct db_rows *rows);
bool postgres_is_null(struct db_rows *rows, int column);
int64_t postgres_int_at(struct db_rows *rows, int column);
struct str postgres_bytes_at(struct db_rows *rows, int column, enum db_kind kind);
/* What the pipeline has not told yet, where there is one; ends it. */
enum err_code postgres_settle(struct postgres_conn *conn, struct err *err) MUST_CHECK;
/* The same, and the scope is taken: for words that go by themselves. */
enum err_code postgres_clear(struct postgres_conn *conn, struct err *err) MUST_CHECK;
void postgres_forget_statements(struct postgres_conn *conn);

/* postgres_dial.c: *ret_pg is set whatever comes of it, and may be NULL. The text names no host and no role: anybody
 * may read it. */
enum err_code postgres_dial(const struct postgres_db *db, PGconn **ret_pg, struct err *err) MUST_CHECK;

/* postgres_notice.c: db_driver's, of notices */
enum err_code postgres_notify(struct db_tx *tx, struct err *err) MUST_CHECK;
void postgres_await_notice(struct db_conn *conn, int wake_fd, int timeout_ms);

#endif
