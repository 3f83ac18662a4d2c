/* PostgreSQL's LISTEN and NOTIFY: that something has been committed, and nothing of what. Each schema has a channel of
 * its own, as channels are the whole database's. */
#include <poll.h>

#include "db/postgres.h"

enum err_code postgres_notify(struct db_tx *tx, struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code =
      db_query(tx, "SELECT pg_notify('connek_' || hashtext(current_schema()), '')", DB_NO_PARAMS, &rows, err);
  if (code == ERR_NONE && db_next(rows, err) < 0) code = err ? err->code : ERR_UNAVAILABLE;
  db_rows_close(rows);
  return code;
}

static bool run(struct postgres_conn *conn, const char *words, ExecStatusType expected, PGresult **ret_result) {
  PGresult *result = PQexec(conn->pg, words);
  if (PQresultStatus(result) == expected) {
    *ret_result = result;
    return true;
  }
  PQclear(result);
  return false;
}

/* A session that cannot be listened in is polled: the caller looks for itself each time. */
static void listen_once(struct postgres_conn *conn) {
  PGresult *result;
  if (conn->is_listening || conn->is_pooled || PQstatus(conn->pg) != CONNECTION_OK) return;
  if (!run(conn, "SELECT quote_ident('connek_' || hashtext(current_schema()))", PGRES_TUPLES_OK, &result)) return;
  char words[96];
  (void)snprintf(words, sizeof words, "LISTEN %.64s", PQgetvalue(result, 0, 0));
  PQclear(result);
  if (!run(conn, words, PGRES_COMMAND_OK, &result)) return;
  PQclear(result);
  conn->is_listening = true;
}

static bool take_notices(struct postgres_conn *conn) {
  PGnotify *notice;
  bool has_one = false;
  if (!PQconsumeInput(conn->pg)) return true; /* it broke: the next transaction says so */
  while ((notice = PQnotifies(conn->pg))) {
    has_one = true;
    PQfreemem(notice);
  }
  return has_one;
}

void postgres_await_notice(struct db_conn *base, int wake_fd, int timeout_ms) {
  struct postgres_conn *conn = postgres_conn_of(base);
  listen_once(conn);
  struct pollfd watched[2] = {{.fd = wake_fd, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
  if (conn->is_listening && PQstatus(conn->pg) == CONNECTION_OK) {
    if (take_notices(conn)) return;
    watched[1].fd = PQsocket(conn->pg);
  }
  if (poll(watched, 2, timeout_ms) > 0 && watched[1].revents) (void)take_notices(conn);
}
