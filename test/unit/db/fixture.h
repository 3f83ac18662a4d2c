/* A folder of its own with a database in it, for the tests of this folder. */
#ifndef CONNEK_TEST_DB_FIXTURE_H
#define CONNEK_TEST_DB_FIXTURE_H

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/db.h"
#include "unit.h"

struct fixture {
  char dir[64], path[96];
  struct db *db;
  struct db_conn *conn;
};

static inline int set_up_dir(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  snprintf(f->dir, sizeof f->dir, "/tmp/connek-db-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  snprintf(f->path, sizeof f->path, "%s/connek.db", f->dir);
  *state = f;
  return 0;
}

static inline int set_up(void **state) {
  set_up_dir(state);
  struct fixture *f = *state;
  assert_ok(db_open(f->dir, true, &f->db, &test_err));
  assert_ok(db_connect(f->db, &f->conn, &test_err));
  return 0;
}

static inline int tear_down(void **state) {
  struct fixture *f = *state;
  db_disconnect(f->conn);
  db_close(f->db);
  DIR *entries = opendir(f->dir);
  for (struct dirent *entry; (entry = readdir(entries));)
    if (unlinkat(dirfd(entries), entry->d_name, 0) != 0) unlinkat(dirfd(entries), entry->d_name, AT_REMOVEDIR);
  closedir(entries);
  rmdir(f->dir);
  free(f);
  return 0;
}

/* Behind Connek's back. */
static inline int64_t raw(struct fixture *f, const char *sql) {
  sqlite3 *handle;
  sqlite3_stmt *stmt;
  int64_t number = -1;
  assert_int_equal(sqlite3_open(f->path, &handle), SQLITE_OK);
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
