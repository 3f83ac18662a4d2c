/* A folder of its own with a database in it, for the tests of this folder. */
#ifndef CONNEK_TEST_DB_FIXTURE_H
#define CONNEK_TEST_DB_FIXTURE_H

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "database.h"

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
  assert_ok(test_db_open(f->dir, true, &f->db, &test_err));
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

static inline int64_t raw(struct fixture *f, const char *sql) {
  return test_raw(f->dir, sql);
}

#endif
