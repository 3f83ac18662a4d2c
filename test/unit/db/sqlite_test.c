#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "db/fixture.h"
#include "db/migrations_sql.h"

static void assert_refused(struct fixture *f, bool may_create, enum err_code expected, const char *part) {
  enum err_code code = db_open(f->dir, may_create, &f->db, &test_err);
  if (code != expected) fail_msg("%s: \"%s\" (%s)", err_code_name(code), code ? test_err.text : "", test_err.detail);
  if (!strstr(test_err.text, part)) fail_msg("\"%s\" does not say \"%s\"", test_err.text, part);
  assert_null(f->db);
}

static void put_file(struct fixture *f, const char *text, size_t n) {
  int fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(fd >= 0 && write(fd, text, n) == (ssize_t)n);
  close(fd);
}

static void a_new_database_is_private_and_ours(void **state) {
  struct fixture *f = *state;
  mode_t mask = umask(0);
  assert_ok(db_open(f->dir, true, &f->db, &test_err));
  assert_ok(db_connect(f->db, &f->conn, &test_err));
  umask(mask);
  struct stat st;
  assert_int_equal(stat(f->path, &st), 0);
  assert_int_equal(st.st_mode & 07777, 0600);
  char wal[128];
  snprintf(wal, sizeof wal, "%s-wal", f->path);
  if (stat(wal, &st) == 0) assert_int_equal(st.st_mode & 07777, 0600);
  assert_int_equal(raw(f, "PRAGMA application_id"), 0x434E454B); /* CNEK */
  assert_int_equal(raw(f, "PRAGMA page_size"), 4096);
  assert_int_equal(raw(f, "SELECT count(*) FROM schema_migration"), (int)migrations_n);
}

static void opening_again_changes_nothing(void **state) {
  struct fixture *f = *state;
  int64_t version = raw(f, "PRAGMA schema_version"), applied = raw(f, "SELECT applied_at FROM schema_migration");
  for (int i = 0; i < 2; i++) {
    struct db *again = NULL;
    assert_ok(db_open(f->dir, i, &again, &test_err));
    db_close(again);
  }
  assert_int_equal(raw(f, "PRAGMA schema_version"), version);
  assert_int_equal(raw(f, "SELECT applied_at FROM schema_migration"), applied);
}

static enum err_code read_settings(struct db_tx *tx, void *context, struct err *err) {
  static const struct {
    const char *sql;
    int64_t expected;
  } wanted[] = {{"PRAGMA synchronous", 2}, {"PRAGMA foreign_keys", 1},    {"PRAGMA cell_size_check", 1},
                {"PRAGMA mmap_size", 0},   {"PRAGMA busy_timeout", 5000}, {"PRAGMA trusted_schema", 0}};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    struct db_rows *rows;
    assert_ok(db_query(tx, wanted[i].sql, DB_NO_PARAMS, &rows, err));
    int64_t actual = db_next(rows, err) == 1 ? db_int(rows, 0) : 0;
    if (actual != wanted[i].expected) fail_msg("%s is %lld", wanted[i].sql, (long long)actual);
    db_rows_close(rows);
  }
  return ERR_NONE;
}

static void every_connection_is_durable_and_careful(void **state) {
  struct fixture *f = *state;
  assert_ok(db_read(f->conn, read_settings, NULL, &test_err));
  char wal[128];
  snprintf(wal, sizeof wal, "%s-wal", f->path);
  assert_int_equal(access(wal, F_OK), 0);
}

static void what_is_not_there_is_not_made_for_readers(void **state) {
  struct fixture *f = *state;
  assert_refused(f, false, ERR_NOT_FOUND, "has no Connek database");
  assert_non_null(strstr(test_err.text, f->dir));
  assert_int_not_equal(access(f->path, F_OK), 0);
}

static void an_empty_file_is_an_interrupted_start(void **state) {
  struct fixture *f = *state;
  put_file(f, "", 0);
  assert_refused(f, false, ERR_NOT_FOUND, "connek.db is empty");
  assert_ok(db_open(f->dir, true, &f->db, &test_err));
}

static void a_missing_folder_is_named(void **state) {
  struct db *db = NULL;
  assert_int_equal(db_open("/tmp/connek-no-such-folder", true, &db, &test_err), ERR_NOT_FOUND);
  assert_non_null(strstr(test_err.text, "/tmp/connek-no-such-folder"));
}

static void a_foreign_database_is_refused_and_left_alone(void **state) {
  struct fixture *f = *state;
  raw(f, "CREATE TABLE theirs (x); PRAGMA user_version = 5");
  assert_refused(f, true, ERR_CONFLICT, "connek.db is not a Connek database");
  assert_int_equal(raw(f, "SELECT count(*) FROM sqlite_schema"), 1);
  assert_int_equal(raw(f, "PRAGMA application_id"), 0);
  raw(f, "DROP TABLE theirs; PRAGMA application_id = 77");
  assert_refused(f, true, ERR_CONFLICT, "connek.db is not a Connek database");
}

static void what_is_no_database_is_refused(void **state) {
  struct fixture *f = *state;
  char text[4096];
  memset(text, 'x', sizeof text);
  put_file(f, text, sizeof text);
  assert_refused(f, true, ERR_UNAVAILABLE, "not a database");
  assert_non_null(strstr(test_err.text, "connek.db"));
  unlink(f->path);
  assert_int_equal(mkdir(f->path, 0700), 0);
  assert_refused(f, true, ERR_UNAVAILABLE, "not a regular file");
}

static void a_database_from_the_future_is_refused_with_both_numbers(void **state) {
  struct fixture *f = *state;
  db_disconnect(f->conn), f->conn = NULL;
  db_close(f->db), f->db = NULL;
  raw(f, "INSERT INTO schema_migration VALUES (700, x'00', 0)");
  char text[64];
  snprintf(text, sizeof text, "has version 700, this Connek knows up to %zu", migrations_n);
  assert_refused(f, true, ERR_CONFLICT, text);
}

static void a_database_of_other_migrations_is_refused(void **state) {
  struct fixture *f = *state;
  db_disconnect(f->conn), f->conn = NULL;
  db_close(f->db), f->db = NULL;
  raw(f, "UPDATE schema_migration SET hash = x'00'");
  assert_refused(f, true, ERR_CONFLICT, "0001_spine.sql is another one");
}

static void a_damaged_database_is_refused(void **state) {
  struct fixture *f = *state;
  db_disconnect(f->conn), f->conn = NULL;
  db_close(f->db), f->db = NULL;
  int fd = open(f->path, O_RDWR);
  char noise[4000];
  memset(noise, 0xee, sizeof noise);
  assert_int_equal(pwrite(fd, noise, sizeof noise, 100), (ssize_t)sizeof noise);
  close(fd);
  assert_refused(f, true, ERR_UNAVAILABLE, "damaged");
}

/* As somebody whom permissions hold: root passes them all. */
static void permissions_are_spoken_of_clearly(void **state) {
  struct fixture *f = *state;
  if (geteuid() != 0) skip_because("only root can become somebody else");
  db_disconnect(f->conn), f->conn = NULL;
  db_close(f->db), f->db = NULL;
  assert_int_equal(chmod(f->dir, 0755), 0);
  pid_t child = fork();
  if (child == 0) {
    struct err err = {0};
    if (setegid(65534) != 0 || seteuid(65534) != 0) _exit(9);
    enum err_code code = db_open(f->dir, true, &f->db, &err);
    _exit(code == ERR_UNAVAILABLE && strstr(err.text, "Permission denied") && strstr(err.text, f->dir) ? 0 : 1);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

static enum err_code put_one(struct db_tx *tx, void *context, struct err *err) {
  enum err_code code = db_exec(tx, "INSERT INTO installation (name, value) VALUES ($1, x'00')",
                               DB_PARAMS(DB_V_TEXT(str_of(context))), err);
  return code;
}

static enum err_code put_then_fail(struct db_tx *tx, void *context, struct err *err) {
  assert_ok(put_one(tx, context, err));
  return err_set(err, ERR_DENIED, "changed my mind");
}

static void what_fails_leaves_nothing(void **state) {
  struct fixture *f = *state;
  assert_int_equal(db_write(f->conn, put_then_fail, "a", &test_err), ERR_DENIED);
  assert_string_equal(test_err.text, "changed my mind");
  assert_int_equal(raw(f, "SELECT count(*) FROM installation"), 0);
  assert_ok(db_write(f->conn, put_one, "a", &test_err));
  assert_int_equal(raw(f, "SELECT count(*) FROM installation"), 1);
}

static void a_read_transaction_cannot_write(void **state) {
  struct fixture *f = *state;
  assert_int_equal(db_read(f->conn, put_one, "a", &test_err), ERR_INTERNAL);
  assert_int_equal(raw(f, "SELECT count(*) FROM installation"), 0);
}

struct race {
  struct db *db;
  int n_failed;
};

static void *write_often(void *context) {
  struct race *race = context;
  struct db_conn *conn = NULL;
  struct err err;
  if (db_connect(race->db, &conn, &err) != ERR_NONE) return "cannot connect";
  char name[32];
  for (int i = 0; i < 25; i++) {
    snprintf(name, sizeof name, "%p-%d", (void *)conn, i);
    if (db_write(conn, put_one, name, &err) != ERR_NONE) {
      db_disconnect(conn);
      return "cannot write";
    }
  }
  db_disconnect(conn);
  return NULL;
}

static void writers_wait_for_each_other(void **state) {
  struct fixture *f = *state;
  struct race race = {f->db, 0};
  pthread_t threads[4];
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, write_often, &race), 0);
  for (int i = 0; i < 4; i++) {
    void *problem;
    pthread_join(threads[i], &problem);
    if (problem) fail_msg("%s", (char *)problem);
  }
  assert_int_equal(raw(f, "SELECT count(*) FROM installation"), 100);
}

static void many_may_open_a_new_folder_at_once(void **state) {
  struct fixture *f = *state;
  pid_t children[4];
  for (int i = 0; i < 4; i++) {
    children[i] = fork();
    if (children[i] == 0) {
      struct db *db = NULL;
      struct err err;
      enum err_code code = db_open(f->dir, true, &db, &err);
      if (code != ERR_NONE) fprintf(stderr, "%s (%s)\n", err.text, err.detail);
      db_close(db);
      _exit(code == ERR_NONE ? 0 : 1);
    }
  }
  for (int i = 0; i < 4; i++) {
    int status;
    waitpid(children[i], &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  assert_int_equal(raw(f, "SELECT count(*) FROM schema_migration"), (int)migrations_n);
}

static enum err_code put_much(struct db_tx *tx, void *context, struct err *err) {
  return db_exec(tx, "INSERT INTO installation (name, value) VALUES ('big', zeroblob(4000000))", DB_NO_PARAMS, err);
}

/* A full disk, as the system's limit on a file's size plays it. */
static void a_disk_that_takes_no_more_is_an_error_and_passes(void **state) {
  struct fixture *f = *state;
  struct rlimit before, small;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  small = before;
  small.rlim_cur = 512 * 1024;
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  enum err_code code = db_write(f->conn, put_much, NULL, &test_err);
  setrlimit(RLIMIT_FSIZE, &before);
  assert_int_equal(code, ERR_UNAVAILABLE);
  assert_int_equal(raw(f, "SELECT count(*) FROM installation"), 0);
  assert_ok(db_write(f->conn, put_much, NULL, &test_err));
}

static enum err_code limit_pages(struct db_tx *tx, void *context, struct err *err) {
  struct db_rows *rows;
  assert_ok(db_query(tx, "PRAGMA max_page_count = 60", DB_NO_PARAMS, &rows, err));
  assert_int_equal(db_next(rows, err), 1);
  db_rows_close(rows);
  return put_much(tx, context, err);
}

static enum err_code ignore_failure(struct db_tx *tx, void *context, struct err *err) {
  assert_int_equal(limit_pages(tx, context, err), ERR_UNAVAILABLE);
  assert_non_null(strstr(err->text, "disk is full"));
  return ERR_NONE;
}

static void an_ignored_full_disk_is_no_success(void **state) {
  struct fixture *f = *state;
  enum err_code code = db_write(f->conn, ignore_failure, NULL, &test_err);
  /* SQLite may have rolled back by itself, or kept what preceded: here nothing did. */
  if (code == ERR_NONE) assert_int_equal(raw(f, "SELECT count(*) FROM installation"), 0);
  assert_ok(db_write(f->conn, put_one, "after", &test_err));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_new_database_is_private_and_ours, set_up_dir, tear_down),
      cmocka_unit_test_setup_teardown(opening_again_changes_nothing, set_up, tear_down),
      cmocka_unit_test_setup_teardown(every_connection_is_durable_and_careful, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_is_not_there_is_not_made_for_readers, set_up_dir, tear_down),
      cmocka_unit_test_setup_teardown(an_empty_file_is_an_interrupted_start, set_up_dir, tear_down),
      cmocka_unit_test(a_missing_folder_is_named),
      cmocka_unit_test_setup_teardown(a_foreign_database_is_refused_and_left_alone, set_up_dir, tear_down),
      cmocka_unit_test_setup_teardown(what_is_no_database_is_refused, set_up_dir, tear_down),
      cmocka_unit_test_setup_teardown(a_database_from_the_future_is_refused_with_both_numbers, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_database_of_other_migrations_is_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_damaged_database_is_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(permissions_are_spoken_of_clearly, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_fails_leaves_nothing, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_read_transaction_cannot_write, set_up, tear_down),
      cmocka_unit_test_setup_teardown(writers_wait_for_each_other, set_up, tear_down),
      cmocka_unit_test_setup_teardown(many_may_open_a_new_folder_at_once, set_up_dir, tear_down),
      cmocka_unit_test_setup_teardown(a_disk_that_takes_no_more_is_an_error_and_passes, set_up, tear_down),
      cmocka_unit_test_setup_teardown(an_ignored_full_disk_is_no_success, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
