/* What the files of the kind "postgres" share. Internal to connector/sql/.
 *
 * A session with a server is a thread of its own that owns its PGconn: libpq may then take the time that it takes (a
 * hostile server can have it compute for minutes before anybody is let in), and nobody but the calls of that connection
 * waits for it. Workers never touch a session. */
#ifndef CONNEK_CONNECTOR_SQL_POSTGRES_H
#define CONNEK_CONNECTOR_SQL_POSTGRES_H

#include <libpq-fe.h>
#include <stdatomic.h>

#include "base/limits.h"
#include "base/secret.h"
#include "connector/sql/tool.h"

/* ---- a connection's settings (postgres.c reads them) ---- */

enum postgres_tls {
  POSTGRES_TLS_DEFAULT,  /* VERIFIED; on this machine: where the server has it */
  POSTGRES_TLS_VERIFIED, /* the certificate is good and its name the host's */
  POSTGRES_TLS_REQUIRED, /* encrypted, with whom is not known */
  POSTGRES_TLS_NONE,
};

struct postgres_target { /* connector_connection.state */
  struct str host, database, user;
  uint16_t port;
  enum postgres_tls tls;
  struct str ca; /* PEM: what is trusted instead of the operator's or the system's; or empty */
  bool may_write;
  unsigned n_sessions; /* at most */
  int64_t timeout_us;  /* of a call, whatever else it may take */
};

/* ---- a call on its way (postgres.c makes it, a pool's thread serves it) ---- */

struct postgres_pool;

enum postgres_state { POSTGRES_WAITS, POSTGRES_RUNS, POSTGRES_ENDED };

struct postgres_job {
  struct loop_task task; /* back to its worker's loop, which frees it */
  struct loop *loop;
  struct postgres_job *next;

  /* the worker's own */
  struct connector_call *call; /* NULL: it was answered already, and nobody waits */
  struct timer patience;

  /* under the pools' lock */
  enum postgres_state state;
  struct postgres_pool *pool;
  struct postgres_session *session; /* while it runs */

  /* read-only from the beginning */
  struct arena arena; /* of what the thread needs: the call's own memory may be gone before */
  enum sql_operation operation;
  struct str sql, table; /* NUL-terminated */
  const char **params;   /* as texts; NULL: null */
  int n_params;
  int64_t deadline_us; /* monotonic */
  size_t max_result;
  atomic_bool is_cancelled;

  /* the thread fills it */
  struct buf out; /* on the heap */
  struct err err;
  enum err_code code;
  bool is_unknown;
  bool is_refused;            /* the password is not the user's */
  char notice[ERR_TEXT_SIZE]; /* what the connection's admin should know; empty: nothing */
};

/* ---- postgres_reach.c: where a connection leads, and how it is secured ---- */

struct postgres_reach {
  const struct postgres_target *target;
  struct str organisation; /* on whose behalf: its exceptions hold */
  const struct address_guard *guard;
  const char *ca_file; /* the operator's; NULL: the system's */
};

/* "verify-full", "prefer", ...: libpq's sslmode. NULL: not to this address with what the settings say (`err`). */
const char *postgres_tls_mode(const struct postgres_target *target, enum address_kind kind, struct err *err);
/* Resolves the host and has the guard judge each of its addresses. `ret_addresses` is libpq's hostaddr, `ret_mode` its
 * sslmode. Blocks for as long as resolving does. */
enum err_code postgres_find(const struct postgres_reach *reach, struct arena *arena, struct str *ret_addresses,
                            unsigned *ret_n, const char **ret_mode, struct err *err) MUST_CHECK;

/* ---- postgres_session.c: one session, on its own thread ---- */

struct postgres_session {
  PGconn *pg; /* NULL: not connected */
  int wake;   /* an eventfd: somebody cancels */
  int64_t opened_us;
  bool is_dirty;                  /* a call used it since it was reset */
  const struct postgres_job *job; /* whose cancelling and deadline count */
  bool is_refused;                /* when it was last opened: its password */
  bool is_asked_to_stop;          /* the server was told to cancel */
  uint64_t received;              /* of the socket, when the last row had come */
};

/* Makes it ready for a call: connects where it is not, or has been for too long. */
enum err_code postgres_session_open(struct postgres_session *session, const struct postgres_reach *reach,
                                    const struct secret *credential, struct err *err) MUST_CHECK;
/* One statement of ours, or several without parameters. Their rows are dropped. */
enum err_code postgres_session_run(struct postgres_session *session, const char *sql, struct err *err) MUST_CHECK;
/* One statement by the extended protocol, which takes just one. Then results by postgres_session_next. */
enum err_code postgres_session_send(struct postgres_session *session, const char *sql, const char *const *params, int n,
                                    struct err *err) MUST_CHECK;
/* The next result: a row each, and what ends them; NULL when all have come. ERR_NONE also where the result is an error:
 * look at its status. */
enum err_code postgres_session_next(struct postgres_session *session, PGresult **ret_result,
                                    struct err *err) MUST_CHECK;
/* Ends the transaction. Nothing but its own time stops it: where it fails, it may have happened. */
enum err_code postgres_session_commit(struct postgres_session *session, PGresult **ret_result,
                                      struct err *err) MUST_CHECK;
/* Drops what is still to come, having asked the server to stop. */
void postgres_session_cut(struct postgres_session *session);
/* Nothing of the call is left in the session, or it is closed. */
void postgres_session_reset(struct postgres_session *session);
void postgres_session_close(struct postgres_session *session);

/* ---- postgres_statement.c: what a caller may ask ---- */

/* Is the one statement of a kind that the operation takes? ERR_INVALID says what it takes. */
enum err_code postgres_statement_check(enum sql_operation operation, struct str sql, struct err *err) MUST_CHECK;
/* `params` (a list or NULL) as libpq's texts, in the arena. */
enum err_code postgres_params_read(struct arena *arena, yyjson_val *params, const char ***ret_params, int *ret_n,
                                   struct err *err) MUST_CHECK;

/* ---- postgres_rows.c, postgres_array.c: results as JSON ---- */

/* All rows of the statement that was sent, and what ends them: "columns":..., without braces; nothing where the
 * statement has no columns. `ret_changes`: rows that it changed. */
enum err_code postgres_rows_write(struct postgres_session *session, struct postgres_job *job, struct buf *out,
                                  uint64_t *ret_changes, struct err *err) MUST_CHECK;
/* A value of this type, in PostgreSQL's text, as JSON. */
void postgres_value_write(struct buf *out, Oid type, struct str text);
/* An array whose elements have this type. False: not in a form that JSON has (it has bounds of its own); nothing was
 * written. */
bool postgres_array_write(struct buf *out, Oid element, struct str text);

/* ---- postgres_run.c: the operations ---- */

/* Looks what the role may do beyond what the connection is for; empty where nothing is to be said. */
void postgres_look_at_role(struct postgres_session *session, bool may_write, char ret_notice[ERR_TEXT_SIZE]);
/* Fills the job. */
void postgres_run(struct postgres_session *session, struct postgres_job *job);

/* ---- postgres_error.c: words ---- */

/* Of a result that is an error. Never ERR_NONE. */
enum err_code postgres_describe(const struct postgres_session *session, const PGresult *result, struct err *err);
/* Of a connection that did not come about, or broke. What libpq says of it goes to the detail. */
enum err_code postgres_describe_connecting(const PGconn *pg, const struct postgres_target *target, struct err *err);
enum err_code postgres_describe_broken(const struct postgres_session *session, struct err *err);

/* ---- postgres_pool.c: sessions of all connections ---- */

struct postgres_pools;

/* From a worker's loop. False: it was not taken, and `err` says why. Else job->task comes to the loop, once. */
bool postgres_pools_submit(struct postgres_pools *pools, const struct connector_call *call,
                           const struct postgres_target *target, struct postgres_job *job, struct err *err);
/* What the job was doing. Where it WAITS it is taken out of its queue, and its task will not come. */
enum postgres_state postgres_pools_withdraw(struct postgres_pools *pools, struct postgres_job *job);
/* Has whoever runs it look whether it is cancelled. */
enum postgres_state postgres_pools_wake(struct postgres_pools *pools, struct postgres_job *job);

#endif
