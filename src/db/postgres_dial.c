/* Opening a connection, and why there is none. libpq tells an SQLSTATE only within its text, and only where it was
 * asked to before it connects: so the steps are made here. */
#include <ctype.h>
#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "db/postgres.h"

enum { CONNECT_S = 5, STATE_N = 5 };

/* What `url` says itself comes later in the list and counts. */
static PGconn *begin(const struct postgres_db *db) {
  const char *const words[] = {"connect_timeout",
                               "tcp_user_timeout",
                               "keepalives_idle",
                               "keepalives_interval",
                               "keepalives_count",
                               "fallback_application_name",
                               "dbname",
                               "client_encoding",
                               NULL};
  const char *const values[] = {"5", "10000", "10", "5", "3", "connek", db->url, "UTF8", NULL};
  PGconn *pg = PQconnectStartParams(words, values, 1);
  if (pg) PQsetErrorVerbosity(pg, PQERRORS_VERBOSE);
  return pg;
}

/* As libpq reads it: 0 or less is for ever. */
static int64_t timeout_us(PGconn *pg) {
  int64_t s = CONNECT_S;
  PQconninfoOption *options = PQconninfo(pg);
  for (PQconninfoOption *option = options; option && option->keyword; option++)
    if (strcmp(option->keyword, "connect_timeout") == 0 && option->val) s = strtol(option->val, NULL, 10);
  PQconninfoFree(options);
  return s > 0 ? s * 1000000 : INT64_MAX / 2;
}

/* False: its time was up. */
static bool finish(PGconn *pg) {
  int64_t deadline_us = clock_monotonic_us() + timeout_us(pg);
  PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
  while (PQstatus(pg) != CONNECTION_BAD && wanted != PGRES_POLLING_OK && wanted != PGRES_POLLING_FAILED) {
    struct pollfd socket = {.fd = PQsocket(pg), .events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT};
    int64_t left_ms = (deadline_us - clock_monotonic_us()) / 1000;
    if (left_ms <= 0) return false;
    if (poll(&socket, 1, left_ms > 60000 ? 60000 : (int)left_ms) > 0) wanted = PQconnectPoll(pg);
  }
  PQsetErrorVerbosity(pg, PQERRORS_DEFAULT);
  return true;
}

/* The state in "FATAL:  28P01: password authentication failed", whatever language the rest is in. */
static const char *state_in(const char *said, char ret_state[STATE_N + 1]) {
  for (const char *at = strstr(said, ":  "); at; at = strstr(at + 1, ":  ")) {
    size_t n = 0;
    while (n < STATE_N && (isupper((unsigned char)at[3 + n]) || isdigit((unsigned char)at[3 + n])))
      n++;
    if (n < STATE_N || at[3 + n] != ':') continue;
    memcpy(ret_state, at + 3, STATE_N);
    ret_state[STATE_N] = '\0';
    return ret_state;
  }
  return NULL;
}

struct reason {
  const char *state; /* the whole, or its class */
  const char *text;
};

static const struct reason reasons[] = {
    {"28P01", "the password is wrong"},
    {"28", "our role may not use it: look at the role and at pg_hba.conf"},
    {"3D000", "there is no such database"},
    {"42501", "our role has no right to connect"},
    {"53300", "it takes no more connections: raise its max_connections, or our role's limit"},
    {"55000", "the database takes no connections"},
    {"57P03", "it is starting or stopping"},
};

enum err_code postgres_dial(const struct postgres_db *db, PGconn **ret_pg, struct err *err) {
  PGconn *pg = begin(db);
  char state[STATE_N + 1];
  *ret_pg = pg;
  if (!pg) return err_no_memory(err);
  if (!finish(pg)) return err_set(err, ERR_UNAVAILABLE, "PostgreSQL lets us not in: it does not answer in time");
  if (PQstatus(pg) == CONNECTION_OK) return ERR_NONE;
  const char *said = PQerrorMessage(pg), *found = state_in(said, state);
  enum err_code code = err_set(err, ERR_UNAVAILABLE, "the database server does not answer");
  for (size_t i = 0; found && i < sizeof reasons / sizeof *reasons; i++) {
    if (strncmp(found, reasons[i].state, strlen(reasons[i].state)) != 0) continue;
    code = err_set(err, ERR_UNAVAILABLE, "PostgreSQL lets us not in: %s", reasons[i].text);
    break;
  }
  /* It names the server and our role there: it is for the operator. It holds no password. */
  err_detail(err, "%.*s", (int)strcspn(said, "\n"), said);
  return code;
}
