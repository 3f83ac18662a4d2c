/* One session with a PostgreSQL server, on its own thread. Nothing here waits without an end: each wait is over with
 * the call's deadline, or when it is cancelled. Must not know what is asked. */
#include "connector/sql/postgres.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "codec/json.h"
#include "connector/sql/socket_received.h"

enum {
  GRACE_US = 1000 * 1000,     /* beyond a deadline: the server ends a statement by itself, and says so */
  CUT_US = 2 * 1000 * 1000,   /* until what was cut has ended */
  RESET_US = 5 * 1000 * 1000, /* until the session is as new */
  CREDENTIAL_MAX = 64 * KIB,
  PATH_SIZE = 64,
};

static void no_notice(void *context, const PGresult *result) {
  (void)context, (void)result;
}

/* ---- waiting ---- */

enum waited { WAITED_READY, WAITED_LATE, WAITED_CANCELLED };

static bool is_cancelled(const struct postgres_session *session) {
  return session->job && atomic_load(&session->job->is_cancelled);
}

/* Until the socket can be read or written, `until_us` is over, or (where `may_stop`) somebody cancels. */
static enum waited wait_for(struct postgres_session *session, short events, int64_t until_us, bool may_stop) {
  for (;;) {
    if (may_stop && is_cancelled(session)) return WAITED_CANCELLED;
    int64_t left_us = until_us - clock_monotonic_us();
    if (left_us <= 0) return WAITED_LATE;
    struct pollfd files[2] = {{PQsocket(session->pg), events, 0}, {session->wake, POLLIN, 0}};
    int n = poll(files, may_stop ? 2 : 1, (int)(left_us / 1000) + 1);
    if (n < 0 && errno != EINTR) return WAITED_LATE;
    if (may_stop && files[1].revents) {
      eventfd_t ignored;
      (void)eventfd_read(session->wake, &ignored);
    }
    if (n > 0 && files[0].revents) return WAITED_READY;
  }
}

/* ---- connecting ---- */

static const char *const no_file = "/dev/null/none"; /* there is nothing of ours that libpq may find by itself */

struct dialling {
  struct arena arena; /* wiped: the password is in it */
  const char *words[24], *values[24];
  size_t n;
  int ca_file; /* -1: none */
  char ca_path[PATH_SIZE];
};

static void say(struct dialling *dialling, const char *word, const char *value) {
  dialling->words[dialling->n] = word;
  dialling->values[dialling->n++] = value;
}

/* A file that only we see, for as long as libpq wants a name. */
static enum err_code write_ca(struct dialling *dialling, struct str pem, struct err *err) {
  dialling->ca_file = memfd_create("connek-ca", MFD_CLOEXEC);
  for (size_t i = 0; dialling->ca_file >= 0 && i < pem.n;) {
    ssize_t n = write(dialling->ca_file, pem.p + i, pem.n - i);
    if (n < 0) return err_set(err, ERR_UNAVAILABLE, "the certificates of the connection cannot be handed over");
    i += (size_t)n;
  }
  if (dialling->ca_file < 0) return err_set(err, ERR_UNAVAILABLE, "there are too many open files");
  snprintf(dialling->ca_path, sizeof(dialling->ca_path), "/proc/self/fd/%d", dialling->ca_file);
  return ERR_NONE;
}

static enum err_code say_password(struct dialling *dialling, const struct secret *credential, struct err *err) {
  yyjson_doc *doc;
  struct str password = STR("");
  if (credential) {
    enum err_code code = json_read(&dialling->arena, secret_open(credential), &doc, err);
    if (code != ERR_NONE) return code;
    password = json_get_str(yyjson_doc_get_root(doc), "password");
  }
  if (password.n > 0) say(dialling, "password", password.p); /* yyjson ends texts with a NUL */
  return ERR_NONE;
}

/* "a,a" for two addresses: libpq wants a host for each. */
static struct str repeat(struct arena *arena, struct str text, unsigned n) {
  struct buf out;
  buf_init(&out, arena, MIB);
  for (unsigned i = 0; i < n; i++) {
    if (i > 0) buf_append_byte(&out, ',');
    buf_append_str(&out, text);
  }
  buf_append_byte(&out, '\0');
  return buf_failed(&out) ? STR_NONE : buf_str(&out);
}

static const char *system_ca(const struct postgres_reach *reach) {
  return reach->ca_file ? reach->ca_file : "/etc/ssl/certs/ca-certificates.crt";
}

/* Every word that could otherwise come from the environment or a file of the operator's is said. */
static enum err_code say_all(struct dialling *dialling, const struct postgres_reach *reach,
                             const struct secret *credential, struct err *err) {
  const struct postgres_target *target = reach->target;
  struct str addresses = STR_NONE;
  unsigned n = 0;
  const char *mode = NULL;
  enum err_code code = postgres_find(reach, &dialling->arena, &addresses, &n, &mode, err);
  if (code == ERR_NONE && target->ca.n > 0) code = write_ca(dialling, target->ca, err);
  if (code != ERR_NONE) return code;
  bool is_verified = strcmp(mode, "verify-full") == 0;
  struct str hosts = repeat(&dialling->arena, target->host, n),
             port = arena_printf(&dialling->arena, "%u", target->port);
  if (!hosts.p || !port.p) return err_no_memory(err);
  say(dialling, "hostaddr", addresses.p);
  say(dialling, "host", hosts.p);
  say(dialling, "port", port.p);
  say(dialling, "dbname", target->database.p);
  say(dialling, "user", target->user.p);
  say(dialling, "sslmode", mode);
  say(dialling, "sslrootcert", !is_verified ? no_file : target->ca.n > 0 ? dialling->ca_path : system_ca(reach));
  say(dialling, "sslcert", no_file);
  say(dialling, "sslkey", no_file);
  say(dialling, "sslcrl", no_file);
  say(dialling, "sslsni", "1");
  say(dialling, "passfile", no_file);
  say(dialling, "gssencmode", "disable");
  say(dialling, "options", "");
  say(dialling, "replication", "");
  say(dialling, "target_session_attrs", "any");
  say(dialling, "channel_binding", "prefer");
  say(dialling, "application_name", "connek");
  say(dialling, "client_encoding", "UTF8");
  if (PQlibVersion() >= 160000) say(dialling, "require_auth", "none,password,md5,scram-sha-256");
  return say_password(dialling, credential, err);
}

static enum err_code dial(struct postgres_session *session, const struct dialling *dialling,
                          const struct postgres_target *target, struct err *err) {
  /* 0: a database's name is a name, never a string of words of its own. */
  session->pg = PQconnectStartParams(dialling->words, dialling->values, 0);
  if (!session->pg) return err_no_memory(err);
  PQsetNoticeReceiver(session->pg, no_notice, NULL);
  (void)PQsetErrorVerbosity(session->pg, PQERRORS_VERBOSE); /* with its SQLSTATE: postgres_error.c looks for it */
  int64_t until_us = clock_monotonic_us() + LIMIT_UPSTREAM_CONNECT_MS * 1000LL;
  if (session->job && session->job->deadline_us < until_us) until_us = session->job->deadline_us;
  PostgresPollingStatusType status = PGRES_POLLING_WRITING;
  if (PQstatus(session->pg) == CONNECTION_BAD) return postgres_describe_connecting(session->pg, target, err);
  while (status != PGRES_POLLING_OK) {
    if (status == PGRES_POLLING_FAILED) {
      session->is_refused = strstr(PQerrorMessage(session->pg), ":  28P01:") != NULL; /* invalid_password */
      return postgres_describe_connecting(session->pg, target, err);
    }
    switch (wait_for(session, status == PGRES_POLLING_READING ? POLLIN : POLLOUT, until_us, true)) {
      case WAITED_CANCELLED:
        return err_set(err, ERR_CANCELLED, "the call was cancelled");
      case WAITED_LATE:
        return err_set(err, ERR_TIMEOUT, "cannot connect to %.*s: no answer from it in time", STR_ARG(target->host));
      case WAITED_READY:
        break;
    }
    status = PQconnectPoll(session->pg);
  }
  (void)PQsetErrorVerbosity(session->pg, PQERRORS_DEFAULT);
  session->opened_us = clock_monotonic_us();
  return PQsetnonblocking(session->pg, 1) == 0 ? ERR_NONE : err_no_memory(err);
}

static enum err_code connect_to(struct postgres_session *session, const struct postgres_reach *reach,
                                const struct secret *credential, struct err *err) {
  struct dialling dialling = {.ca_file = -1};
  arena_init(&dialling.arena, MIB);
  enum err_code code = say_all(&dialling, reach, credential, err);
  if (code == ERR_NONE) code = dial(session, &dialling, reach->target, err);
  if (code != ERR_NONE) postgres_session_close(session);
  if (dialling.ca_file >= 0) close(dialling.ca_file);
  arena_wipe(&dialling.arena);
  return code;
}

/* A server that has ended it has said so: what lies in the socket is read. */
static bool is_usable(struct postgres_session *session) {
  if (!session->pg || PQstatus(session->pg) != CONNECTION_OK) return false;
  if (clock_monotonic_us() - session->opened_us > LIMIT_POSTGRES_SESSION_MS * 1000LL) return false;
  return PQconsumeInput(session->pg) == 1 && PQtransactionStatus(session->pg) == PQTRANS_IDLE;
}

enum err_code postgres_session_open(struct postgres_session *session, const struct postgres_reach *reach,
                                    const struct secret *credential, struct err *err) {
  if (is_usable(session)) return ERR_NONE;
  postgres_session_close(session);
  session->is_refused = false;
  return connect_to(session, reach, credential, err);
}

void postgres_session_close(struct postgres_session *session) {
  PQfinish(session->pg);
  session->pg = NULL;
  session->is_dirty = false;
}

/* ---- results ---- */

static uint64_t received(const struct postgres_session *session) {
  return socket_received(PQsocket(session->pg));
}

/* A new connection to the very address that this one has. It blocks: this thread alone, and nobody waits for it. */
static void ask_to_stop(struct postgres_session *session) {
  char ignored[256];
  session->is_asked_to_stop = true;
  PGcancel *cancel = PQgetCancel(session->pg);
  if (!cancel) return;
  (void)PQcancel(cancel, ignored, sizeof(ignored));
  PQfreeCancel(cancel);
}

static enum err_code give_up(struct postgres_session *session, struct err *err) {
  bool is_late = !is_cancelled(session);
  postgres_session_close(session);
  if (is_late) return err_set(err, ERR_TIMEOUT, "the database server did not answer in time");
  return err_set(err, ERR_CANCELLED, "the call was cancelled");
}

struct patience {
  int64_t until_us, last_us; /* then it is asked to stop; then it is given up */
  bool may_stop;
};

/* Waits for one step of the socket's. */
static enum err_code wait_a_step(struct postgres_session *session, struct patience *patience, struct err *err) {
  short events = PQflush(session->pg) > 0 ? POLLIN | POLLOUT : POLLIN;
  bool may_stop = patience->may_stop && !session->is_asked_to_stop;
  enum waited waited = wait_for(session, events, may_stop ? patience->until_us : patience->last_us, may_stop);
  if (waited != WAITED_READY && may_stop) {
    ask_to_stop(session);
    patience->last_us = clock_monotonic_us() + CUT_US;
    return ERR_NONE;
  }
  if (waited != WAITED_READY) return give_up(session, err);
  if (PQconsumeInput(session->pg) == 0) return postgres_describe_broken(session, err);
  /* libpq keeps a row until it is whole: one without end is for us to notice. */
  if (received(session) - session->received <= LIMIT_POSTGRES_ROW) return ERR_NONE;
  postgres_session_close(session);
  return err_set(err, ERR_TOO_LARGE, "a row is larger than %d MiB: ask for substr() of long values",
                 LIMIT_POSTGRES_ROW / MIB);
}

static enum err_code next_result(struct postgres_session *session, struct patience patience, PGresult **ret_result,
                                 struct err *err) {
  if (!session->pg) return err_set(err, ERR_UPSTREAM, "the database server broke the connection off");
  while (PQisBusy(session->pg)) {
    enum err_code code = wait_a_step(session, &patience, err);
    if (code != ERR_NONE) return code;
  }
  *ret_result = PQgetResult(session->pg);
  session->received = received(session);
  return ERR_NONE;
}

enum err_code postgres_session_next(struct postgres_session *session, PGresult **ret_result, struct err *err) {
  int64_t until_us = session->job->deadline_us + GRACE_US;
  return next_result(session, (struct patience){until_us, until_us, true}, ret_result, err);
}

static enum err_code sent(struct postgres_session *session, int is_sent, struct err *err) {
  session->is_asked_to_stop = false;
  session->is_dirty = true;
  session->received = received(session);
  return is_sent ? ERR_NONE : postgres_describe_broken(session, err);
}

enum err_code postgres_session_send(struct postgres_session *session, const char *sql, const char *const *params, int n,
                                    struct err *err) {
  int is_sent = PQsendQueryParams(session->pg, sql, n, NULL, params, NULL, NULL, 0);
  enum err_code code = sent(session, is_sent, err);
  if (code == ERR_NONE && PQsetSingleRowMode(session->pg) == 0) code = postgres_describe_broken(session, err);
  return code;
}

/* To the end of what was sent; the first error of it counts. */
static enum err_code drain(struct postgres_session *session, int64_t until_us, struct err *err) {
  const struct patience patience = {until_us, until_us, false};
  enum err_code first = ERR_NONE;
  for (;;) {
    PGresult *result = NULL;
    struct err ignored;
    enum err_code code = next_result(session, patience, &result, first == ERR_NONE ? err : &ignored);
    if (code != ERR_NONE) return first == ERR_NONE ? code : first;
    if (!result) return first;
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_SINGLE_TUPLE && first == ERR_NONE)
      first = postgres_describe(session, result, err);
    PQclear(result);
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
      postgres_session_close(session);
      return first;
    }
  }
}

static enum err_code run_until(struct postgres_session *session, const char *sql, int64_t until_us, struct err *err) {
  if (!session->pg) return err_set(err, ERR_UPSTREAM, "the database server broke the connection off");
  enum err_code code = sent(session, PQsendQuery(session->pg, sql), err);
  return code == ERR_NONE ? drain(session, until_us, err) : code;
}

enum err_code postgres_session_run(struct postgres_session *session, const char *sql, struct err *err) {
  int64_t now_us = clock_monotonic_us(), until_us = session->job ? session->job->deadline_us + GRACE_US : 0;
  /* What ends a transaction has its time, however late it is. */
  if (until_us < now_us + CUT_US) until_us = now_us + CUT_US;
  return run_until(session, sql, until_us, err);
}

enum err_code postgres_session_commit(struct postgres_session *session, PGresult **ret_result, struct err *err) {
  int64_t until_us = clock_monotonic_us() + RESET_US;
  enum err_code code = sent(session, PQsendQuery(session->pg, "COMMIT"), err);
  if (code == ERR_NONE) code = next_result(session, (struct patience){until_us, until_us, false}, ret_result, err);
  return code == ERR_NONE && !*ret_result ? postgres_describe_broken(session, err) : code;
}

void postgres_session_cut(struct postgres_session *session) {
  struct err ignored;
  if (!session->pg) return;
  if (PQtransactionStatus(session->pg) == PQTRANS_ACTIVE && !session->is_asked_to_stop) ask_to_stop(session);
  /* What it said first is known; that it was stopped is no news. */
  if (drain(session, clock_monotonic_us() + CUT_US, &ignored) != ERR_NONE && PQstatus(session->pg) != CONNECTION_OK)
    postgres_session_close(session);
}

/* A setting, a prepared statement, a lock of the session's: the next call may be another person's. */
void postgres_session_reset(struct postgres_session *session) {
  struct err ignored;
  int64_t until_us = clock_monotonic_us() + RESET_US;
  session->job = NULL;
  if (!session->pg || !session->is_dirty) return;
  bool is_good = PQtransactionStatus(session->pg) == PQTRANS_IDLE ||
                 run_until(session, "ROLLBACK", until_us, &ignored) == ERR_NONE;
  if (is_good) is_good = run_until(session, "DISCARD ALL", until_us, &ignored) == ERR_NONE;
  is_good = is_good && session->pg && PQtransactionStatus(session->pg) == PQTRANS_IDLE;
  if (is_good)
    session->is_dirty = false;
  else
    postgres_session_close(session);
}
