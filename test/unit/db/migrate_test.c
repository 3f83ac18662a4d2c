#include "db/migrate.h"

#include "db/fixture.h"
#include "db/migrations_sql.h"

static const struct embedded_file *files;
static size_t n_files;

static enum err_code run(struct db_tx *tx, void *context, struct err *err) {
  return migrate_run(tx, files, n_files, err);
}

#define FILE_OF(text) {"test.sql", (text), sizeof(text) - 1}

/* All that there are, and one more. */
static void set_files(struct embedded_file *all, struct embedded_file more) {
  memcpy(all, migrations, migrations_n * sizeof(*all));
  all[migrations_n] = more;
  files = all, n_files = migrations_n + 1;
}

enum { FILES_MAX = 64 };

static void the_next_one_alone_is_applied(void **state) {
  struct fixture *f = *state;
  struct embedded_file all[FILES_MAX];
  set_files(all, (struct embedded_file)FILE_OF("CREATE TABLE more (x BIGINT PRIMARY KEY) {{without_rowid}};"));
  for (int i = 0; i < 2; i++)
    assert_ok(db_write(f->conn, run, NULL, &test_err));
  assert_int_equal(raw(f, "SELECT count(*) FROM schema_migration"), (int)migrations_n + 1);
  assert_int_equal(raw(f, "SELECT count(*) FROM sqlite_schema WHERE name = 'more' AND sql LIKE '%) WITHOUT ROWID'"), 1);
}

static void a_migration_that_fails_leaves_nothing(void **state) {
  struct fixture *f = *state;
  struct embedded_file all[FILES_MAX];
  set_files(all, (struct embedded_file)FILE_OF("CREATE TABLE more (x); CREATE TABLE login (x);"));
  assert_int_equal(db_write(f->conn, run, NULL, &test_err), ERR_INTERNAL);
  assert_non_null(strstr(test_err.text, "test.sql"));
  assert_int_equal(raw(f, "SELECT count(*) FROM schema_migration"), (int)migrations_n);
  assert_int_equal(raw(f, "SELECT count(*) FROM sqlite_schema WHERE name = 'more'"), 0);
}

static void the_mark_is_gone_from_every_table(void **state) {
  struct fixture *f = *state;
  assert_int_equal(raw(f, "SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%{{%'"), 0);
}

static void files_are_numbered_without_gaps(void **state) {
  for (size_t i = 0; i < migrations_n; i++) {
    char number[8];
    snprintf(number, sizeof number, "%04zu_", i + 1);
    assert_int_equal(strncmp(migrations[i].name, number, 5), 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(the_next_one_alone_is_applied, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_migration_that_fails_leaves_nothing, set_up, tear_down),
      cmocka_unit_test_setup_teardown(the_mark_is_gone_from_every_table, set_up, tear_down),
      cmocka_unit_test(files_are_numbered_without_gaps),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
