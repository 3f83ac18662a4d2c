/* What PostgreSQL and libpq say, in words for whoever called. A statement's error is told in the server's words: they
 * help whoever wrote it. What libpq says of a connection names addresses and roles: it is the operator's alone. */
#include "connector/sql/postgres.h"

struct meaning {
  char state[6]; /* the whole, or its class (two characters) */
  enum err_code code;
  const char *text;
};

/* PostgreSQL's manual, appendix A. The first that fits. Without a text: the server's own. */
static const struct meaning meanings[] = {
    {"25006", ERR_INVALID, NULL},
    {"42501", ERR_DENIED, NULL},
    {"40", ERR_UNAVAILABLE, "other work in the database was in the way; try again"},
    {"55P03", ERR_UNAVAILABLE, "the database is in use by another program; try again in a moment"},
    {"53100", ERR_UNAVAILABLE, "there is no room left for the database"},
    {"53200", ERR_UNAVAILABLE, "the database server has no memory left"},
    {"53300", ERR_UNAVAILABLE,
     "the database server takes no more connections; try again, or an administrator lowers the connection's sessions"},
    {"53", ERR_UNAVAILABLE, "the database server has not what this needs"},
    {"57P", ERR_UNAVAILABLE, "the database server is stopping or starting; try again in a moment"},
    {"58", ERR_UPSTREAM, "the database server failed"},
    {"XX", ERR_UPSTREAM, "the database server failed"},
    {"54", ERR_TOO_LARGE, NULL},
    {"28", ERR_UPSTREAM,
     "the database refuses the connection's user, its password or where it comes from: an administrator has to look at "
     "them"},
    {"3D000", ERR_UPSTREAM,
     "the server has no such database: an administrator has to look at the connection's settings"},
    {"08P01", ERR_INVALID, NULL},
};

static const struct meaning *meaning_of(const char *state) {
  for (size_t i = 0; state && i < sizeof(meanings) / sizeof(meanings[0]); i++)
    if (strncmp(state, meanings[i].state, strlen(meanings[i].state)) == 0) return &meanings[i];
  return NULL;
}

static enum err_code describe_stopped(const struct postgres_session *session, struct err *err) {
  if (session->job && atomic_load(&session->job->is_cancelled))
    return err_set(err, ERR_CANCELLED, "the call was cancelled");
  return err_set(err, ERR_TIMEOUT, "the statement took too long and was stopped");
}

enum err_code postgres_describe(const struct postgres_session *session, const PGresult *result, struct err *err) {
  const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char *said = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
  if (!state) return postgres_describe_broken(session, err);
  if (strcmp(state, "57014") == 0) return describe_stopped(session, err);
  const struct meaning *meaning = meaning_of(state);
  if (meaning && meaning->text) {
    (void)err_set(err, meaning->code, "%s", meaning->text);
    err_detail(err, "postgresql %s: %.200s", state, said ? said : "");
    return meaning->code;
  }
  enum err_code code = meaning ? meaning->code : ERR_INVALID;
  return err_set(err, code, "PostgreSQL: %.200s%s%.100s", said ? said : state, hint ? "; " : "", hint ? hint : "");
}

/* "FATAL:  28P01: ..."; in no language's words is there another such. */
static bool find_state(const char *text, char ret_state[6]) {
  for (const char *at = strstr(text, ":  "); at; at = strstr(at + 1, ":  ")) {
    size_t n = strspn(at + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (n != 5 || at[8] != ':') continue;
    memcpy(ret_state, at + 3, 5);
    ret_state[5] = '\0';
    return true;
  }
  return false;
}

static enum err_code set_connecting(const PGconn *pg, const struct postgres_target *target, const char *said,
                                    struct err *err) {
  char state[6];
  bool has_state = find_state(said, state);
  const struct meaning *meaning = has_state ? meaning_of(state) : NULL;
  if (PQconnectionNeedsPassword(pg))
    return err_set(err, ERR_UPSTREAM, "the database wants a password, and the connection has none");
  if (meaning && meaning->text) return err_set(err, meaning->code, "%s", meaning->text);
  if (has_state) return err_set(err, ERR_UPSTREAM, "the database server lets the connection not in (%s)", state);
  if (strstr(said, "certificate"))
    return err_set(err, ERR_UPSTREAM, "the TLS certificate of %.*s is not to be trusted", STR_ARG(target->host));
  if (strstr(said, "SSL")) return err_set(err, ERR_UPSTREAM, "no TLS connection to %.*s", STR_ARG(target->host));
  return err_set(err, ERR_UPSTREAM, "cannot connect to %.*s, port %u", STR_ARG(target->host), target->port);
}

enum err_code postgres_describe_connecting(const PGconn *pg, const struct postgres_target *target, struct err *err) {
  const char *said = PQerrorMessage(pg);
  enum err_code code = set_connecting(pg, target, said, err);
  err_detail(err, "libpq: %.*s", (int)strcspn(said, "\n"), said);
  return code;
}

enum err_code postgres_describe_broken(const struct postgres_session *session, struct err *err) {
  const char *said = session->pg ? PQerrorMessage(session->pg) : "";
  (void)err_set(err, ERR_UPSTREAM, "the database server broke the connection off");
  err_detail(err, "libpq: %.*s", (int)strcspn(said, "\n"), said);
  return ERR_UPSTREAM;
}
