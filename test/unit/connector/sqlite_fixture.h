/* A SQLite database in a folder of its own, connected: for the tests of connector/sql. */
#ifndef CONNEK_TEST_CONNECTOR_SQLITE_FIXTURE_H
#define CONNEK_TEST_CONNECTOR_SQLITE_FIXTURE_H

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

struct place {
  char dir[64], file[128];
};

static const char place_schema[] =
    "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL, note TEXT DEFAULT 'none');"
    "CREATE TABLE invoice (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customer (id), cents "
    "INTEGER "
    "NOT NULL CHECK (cents >= 0));"
    "CREATE INDEX invoice_customer ON invoice (customer_id);"
    "CREATE VIEW total AS SELECT customer_id, sum(cents) AS cents FROM invoice GROUP BY customer_id;"
    "INSERT INTO customer (id, name) VALUES (1, 'Ada'), (2, 'Grace');"
    "INSERT INTO invoice VALUES (1, 1, 1000), (2, 1, 250), (3, 2, 70);";

static inline const char *file_of(struct fixture *f) {
  return ((struct place *)f->more)->file;
}

static inline void run_sql(const char *file, const char *sql) {
  sqlite3 *db = NULL;
  char *message = NULL;
  assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
  if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) fail_msg("%s: %s", sql, message);
  sqlite3_close(db);
}

static inline const char *definition(void) {
  size_t n;
  const struct connector_builtin *builtins = connector_builtins(&n);
  for (size_t i = 0; i < n; i++)
    if (strcmp(builtins[i].id, "sqlite") == 0) return builtins[i].definition;
  return NULL;
}

static inline int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  struct place *place = calloc(1, sizeof(*place));
  f->more = place;
  snprintf(place->dir, sizeof(place->dir), "/tmp/connek-sqlite-XXXXXX");
  assert_non_null(mkdtemp(place->dir));
  snprintf(place->file, sizeof(place->file), "%s/ledger.db", place->dir);
  run_sql(place->file, place_schema);
  fixture_start(f);
  char settings[256];
  snprintf(settings, sizeof(settings), "{\"file\":\"%s\"}", place->file);
  fixture_connect(f, definition(), settings);
  *state = f;
  return 0;
}

static inline int tear_down(void **state) {
  struct fixture *f = *state;
  struct place *place = f->more;
  fixture_stop(f);
  char path[256];
  const char *names[] = {"ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db-journal", "other.db"};
  for (size_t i = 0; i < 5; i++) {
    snprintf(path, sizeof(path), "%s/%s", place->dir, names[i]);
    unlink(path);
  }
  assert_int_equal(rmdir(place->dir), 0); /* and nothing else was made there */
  free(place);
  free(f);
  return 0;
}

#endif
