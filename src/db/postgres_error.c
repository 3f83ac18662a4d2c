/* PostgreSQL's SQLSTATEs as our codes. Texts name neither SQL nor addresses: any client may read them. */
#include "db/postgres.h"

struct meaning {
  char state[6]; /* the whole, or its class (two characters) */
  enum err_code code;
  const char *text;
};

#define SAID "postgresql " /* before the state, in a detail */

/* PostgreSQL's manual, appendix A. The first that fits. */
static const struct meaning meanings[] = {
    {"23505", ERR_CONFLICT, "it exists already"},
    {"23503", ERR_CONFLICT, "what it refers to does not exist, or something still refers to it"},
    {"23", ERR_INVALID, "the database does not take this value"},
    {"22", ERR_INVALID, "the database does not take this value"},
    {"54000", ERR_TOO_LARGE, "the value is too large for the database"},
    {"40", ERR_UNAVAILABLE, "the database is busy: other work was in the way"},
    {"55P03", ERR_UNAVAILABLE, "the database is busy: another server holds it"},
    {"57014", ERR_UNAVAILABLE, "the database took too long"},
    {"53100", ERR_UNAVAILABLE, "the database server's disk is full"},
    {"53200", ERR_UNAVAILABLE, "the database server has no memory left"},
    {"53300", ERR_UNAVAILABLE, "the database server takes no more connections: raise its max_connections"},
    {"57P", ERR_UNAVAILABLE, "the database server is stopping or starting"},
    {"25006", ERR_UNAVAILABLE, "the database may not be written: it is read-only, or a standby"},
    {"42501", ERR_UNAVAILABLE, "the database refuses us a right: our role has to own the tables"},
    {"42P01", ERR_UNAVAILABLE, "the database lacks a table of ours: it is not Connek's, or not of this version"},
    {"42703", ERR_UNAVAILABLE, "the database lacks a column of ours: it is not Connek's, or not of this version"},
    {"3F000", ERR_UNAVAILABLE, "the database lacks our schema"},
    {"58", ERR_UNAVAILABLE, "the database cannot be read or written: its disk failed"},
    {"XX001", ERR_UNAVAILABLE, "the database is damaged; put a backup back"},
    {"XX002", ERR_UNAVAILABLE, "the database is damaged; put a backup back"},
    {"08", ERR_UNAVAILABLE, "the database server does not answer"},
};

static const struct meaning *meaning_of(const char *state) {
  for (size_t i = 0; state && i < sizeof meanings / sizeof *meanings; i++)
    if (strncmp(state, meanings[i].state, strlen(meanings[i].state)) == 0) return &meanings[i];
  return NULL;
}

/* A standby says of a transaction that is to write, as it begins, that it has no such feature. */
static bool is_of_standby(const char *state, const char *sql) {
  static const char begin[] = "BEGIN";
  return state && strcmp(state, "0A000") == 0 && sql && strncmp(sql, begin, sizeof begin - 1) == 0;
}

enum err_code postgres_failed(const struct postgres_conn *conn, const PGresult *result, const char *sql,
                              struct err *err) {
  const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
  const struct meaning *meaning = meaning_of(is_of_standby(state, sql) ? "25006" : state);
  bool is_lost = PQstatus(conn->pg) != CONNECTION_OK;
  const char *said = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
  enum err_code code = meaning ? meaning->code : is_lost ? ERR_UNAVAILABLE : ERR_INTERNAL;
  (void)err_set(err, code, "%s",
                meaning   ? meaning->text
                : is_lost ? "the database server does not answer"
                          : "the database refused a statement");
  err_detail(err, SAID "%s: %.200s%s%.120s", state ? state : "-", said ? said : PQerrorMessage(conn->pg),
             sql ? "; " : "", sql ? sql : "");
  return code;
}

bool postgres_is_in_the_way(const struct err *err) {
  static const char *const states[] = {SAID "55P03", SAID "40"};
  for (size_t i = 0; err && i < sizeof states / sizeof *states; i++)
    if (strncmp(err->detail, states[i], strlen(states[i])) == 0) return true;
  return false;
}
