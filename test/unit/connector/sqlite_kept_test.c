/* Queries that were compiled for an earlier call. Each is asked several times, so that both threads come to know it. */
#include "sqlite_fixture.h"

enum { ASKED = 6 };

#define ONE_ROW(column, row) "{\"columns\":[" column "],\"rows\":[{" row "}],\"row_count\":1,\"truncated\":false}"

static void ask(struct fixture *f, const char *arguments, const char *expected) {
  for (int i = 0; i < ASKED; i++)
    assert_result(f, "query", arguments, expected);
}

static void values_of_an_earlier_call_are_gone(void **state) {
  struct fixture *f = *state;
  static const char *const texts[] = {
      "{\"sql\":\"SELECT name FROM customer WHERE id = :id\",\"params\":{\"id\":1}}",
      "{\"sql\":\"SELECT name FROM customer WHERE id = :id\",\"params\":{\"id\":2}}",
  };
  for (int i = 0; i < ASKED; i++) {
    assert_result(f, "query", texts[0], ONE_ROW("\"name\"", "\"name\":\"Ada\""));
    assert_result(f, "query", texts[1], ONE_ROW("\"name\"", "\"name\":\"Grace\""));
    assert_error(f, "query", "{\"sql\":\"SELECT name FROM customer WHERE id = :id\"}", ERR_INVALID, "params");
  }
}

static void a_change_of_the_schema_is_seen(void **state) {
  struct fixture *f = *state;
  run_sql(file_of(f), "CREATE TABLE t (a); INSERT INTO t VALUES (1)");
  const char *all = "{\"sql\":\"SELECT * FROM t\"}";
  ask(f, all, ONE_ROW("\"a\"", "\"a\":1"));
  run_sql(file_of(f), "ALTER TABLE t ADD COLUMN b DEFAULT 2");
  ask(f, all, ONE_ROW("\"a\",\"b\"", "\"a\":1,\"b\":2"));
  run_sql(file_of(f), "ALTER TABLE t RENAME COLUMN a TO c");
  ask(f, all, ONE_ROW("\"c\",\"b\"", "\"c\":1,\"b\":2"));
  run_sql(file_of(f), "DROP TABLE t");
  for (int i = 0; i < ASKED; i++)
    assert_error(f, "query", all, ERR_INVALID, "no such table");
  run_sql(file_of(f), "CREATE VIEW t AS SELECT 5 AS d");
  ask(f, all, ONE_ROW("\"d\"", "\"d\":5"));
}

static void what_a_new_schema_makes_of_a_query_may_be_refused(void **state) {
  struct fixture *f = *state;
  run_sql(file_of(f), "CREATE VIEW v AS SELECT 1 AS a");
  ask(f, "{\"sql\":\"SELECT * FROM v\"}", ONE_ROW("\"a\"", "\"a\":1"));
  run_sql(file_of(f), "DROP VIEW v; CREATE VIEW v AS SELECT sqlite_log(1, 'x') AS a");
  for (int i = 0; i < ASKED; i++)
    assert_error(f, "query", "{\"sql\":\"SELECT * FROM v\"}", ERR_INVALID, "sqlite_log");
  run_sql(file_of(f), "DROP VIEW v; CREATE VIEW v AS SELECT 2 AS a");
  ask(f, "{\"sql\":\"SELECT * FROM v\"}", ONE_ROW("\"a\"", "\"a\":2"));
}

static void virtual_tables_are_connected_again(void **state) {
  struct fixture *f = *state;
  const char *match = "{\"sql\":\"SELECT body FROM note WHERE note MATCH 'sky'\"}";
  run_sql(file_of(f), "CREATE VIRTUAL TABLE note USING fts5 (body); INSERT INTO note VALUES ('blue sky')");
  for (int i = 0; i < 3; i++) {
    ask(f, match, ONE_ROW("\"body\"", "\"body\":\"blue sky\""));
    run_sql(file_of(f), i == 0 ? "CREATE TABLE t1 (a)" : "DROP TABLE t1");
    if (i == 1) run_sql(file_of(f), "CREATE TABLE t1 (a)");
  }
}

static void more_queries_than_are_kept_are_answered(void **state) {
  struct fixture *f = *state;
  for (int round = 0; round < ASKED; round++)
    for (int i = 0; i < 3 * 8; i++) {
      char arguments[64], row[32], expected[128];
      snprintf(arguments, sizeof(arguments), "{\"sql\":\"SELECT %d AS a\"}", i);
      snprintf(row, sizeof(row), "{\"a\":%d}", i);
      snprintf(expected, sizeof(expected), "{\"columns\":[\"a\"],\"rows\":[%s],\"row_count\":1,\"truncated\":false}",
               row);
      assert_result(f, "query", arguments, expected);
    }
}

/* Their beginnings are alike, and SQLite remembers no more than that of them. */
static void texts_that_go_on_behind_the_statement_are_told_apart(void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < ASKED; i++) {
    assert_result(f, "query", "{\"sql\":\"SELECT 1 AS a;\"}", ONE_ROW("\"a\"", "\"a\":1"));
    assert_result(f, "query", "{\"sql\":\"SELECT 1 AS a; -- SELECT 2\"}", ONE_ROW("\"a\"", "\"a\":1"));
    assert_error(f, "query", "{\"sql\":\"SELECT 1 AS a; SELECT 2\"}", ERR_INVALID, "one statement a call");
    assert_result(f, "query", "{\"sql\":\"SELECT 1 AS a\"}", ONE_ROW("\"a\"", "\"a\":1"));
  }
}

static void what_was_cut_short_starts_anew(void **state) {
  struct fixture *f = *state;
  const char *numbers =
      "{\"sql\":\"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
      "SELECT i FROM n\"}";
  for (int i = 0; i < ASKED; i++) {
    struct trial *trial = trial_run(f, "query", numbers);
    assert_false(trial->call.result.is_error);
    assert_non_null(memmem(trial->call.result.text.p, trial->call.result.text.n, "\"rows\":[{\"i\":1},", 16));
    trial_free(trial);
  }
  /* And holds no lock meanwhile. */
  assert_result(f, "execute", "{\"sql\":\"INSERT INTO customer (name) VALUES ('x')\"}", "{\"changes\":1}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(values_of_an_earlier_call_are_gone),
      TEST(a_change_of_the_schema_is_seen),
      TEST(what_a_new_schema_makes_of_a_query_may_be_refused),
      TEST(virtual_tables_are_connected_again),
      TEST(more_queries_than_are_kept_are_answered),
      TEST(texts_that_go_on_behind_the_statement_are_told_apart),
      TEST(what_was_cut_short_starts_anew),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
