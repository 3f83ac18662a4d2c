/* The database of a test: SQLite in its folder, or, where CONNEK_TEST_DATABASE names a server, a schema of PostgreSQL
 * that is called as the folder below /tmp is. */
#ifndef CONNEK_TEST_DATABASE_H
#define CONNEK_TEST_DATABASE_H

#include <libpq-fe.h>
#include <sqlite3.h>

#include "db/db.h"
#include "unit.h"

static inline const char *test_server(void) {
  return getenv("CONNEK_TEST_DATABASE");
}

/* For what is about SQLite's file. */
#define ONLY_SQLITE \
  if (test_server()) skip_because("it is about SQLite's file")

static inline void test_schema(const char *dir, char ret_url[512]) {
  snprintf(ret_url, 512, "%s application_name='%s' options='-c search_path=\"%s\"'", test_server(), dir,
           dir + strlen("/tmp/"));
}

/* x'00' is SQLite's way of writing what PostgreSQL writes '\\x00'. */
static inline void test_translate(const char *sql, char ret_sql[4096]) {
  size_t n = 0;
  for (const char *at = sql; *at && n < 4090; at++) {
    bool is_blob = at[0] == 'x' && at[1] == '\'' && (at == sql || at[-1] == ' ' || at[-1] == '(');
    if (!is_blob) {
      ret_sql[n++] = *at;
      continue;
    }
    memcpy(ret_sql + n, "'\\x", 3);
    n += 3;
    at++;
  }
  ret_sql[n] = '\0';
}

/* Behind Connek's back; the first column of the last row, -1 where there is none. */
static inline int64_t test_raw_server(const char *dir, const char *sql) {
  char url[512], words[4096];
  int64_t number = -1;
  test_schema(dir, url);
  test_translate(sql, words);
  PGconn *pg = PQconnectdb(url);
  PQclear(PQexec(pg, "SET connek.organisation = '*'"));
  PGresult *result = PQexec(pg, words);
  if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
    fail_msg("%s", PQerrorMessage(pg));
  for (int row = 0; row < PQntuples(result); row++)
    number = strtoll(PQgetvalue(result, row, 0), NULL, 10);
  PQclear(result);
  PQfinish(pg);
  return number;
}

static inline enum err_code test_db_open(const char *dir, bool may_create, struct db **ret_db, struct err *err) {
  char url[512], words[384];
  if (!test_server()) return db_open(dir, may_create, ret_db, err);
  test_schema(dir, url);
  /* With a function of SQLite's that tests use. */
  snprintf(
      words, sizeof words,
      "CREATE SCHEMA IF NOT EXISTS \"%s\"; CREATE OR REPLACE FUNCTION zeroblob(n bigint) RETURNS bytea LANGUAGE sql "
      "AS $$ SELECT decode(repeat('00', n::int), 'hex') $$",
      dir + strlen("/tmp/"));
  test_raw_server(dir, words);
  return db_open_server(url, may_create, ret_db, err);
}

/* The same for both. */
static inline int64_t test_raw(const char *dir, const char *sql) {
  if (test_server()) return test_raw_server(dir, sql);
  char path[128];
  sqlite3 *handle;
  sqlite3_stmt *stmt;
  int64_t number = -1;
  snprintf(path, sizeof path, "%s/connek.db", dir);
  assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
  sqlite3_busy_timeout(handle, 5000);
  sqlite3_exec(handle, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
  for (; *sql; sqlite3_finalize(stmt)) {
    if (sqlite3_prepare_v2(handle, sql, -1, &stmt, &sql) != SQLITE_OK) fail_msg("%s", sqlite3_errmsg(handle));
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
      number = sqlite3_column_int64(stmt, 0);
    if (rc != SQLITE_DONE) fail_msg("%s", sqlite3_errmsg(handle));
  }
  sqlite3_close(handle);
  return number;
}

#endif
