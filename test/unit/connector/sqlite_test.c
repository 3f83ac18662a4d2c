#include "sqlite_fixture.h"

#include "base/limits.h"

/* ---- reading ---- */

static void tables_are_listed_and_described(void **state) {
  struct fixture *f = *state;
  assert_result(f, "list_tables", "{}",
                "{\"tables\":[{\"name\":\"customer\",\"type\":\"table\",\"columns\":3},"
                "{\"name\":\"invoice\",\"type\":\"table\",\"columns\":3},"
                "{\"name\":\"total\",\"type\":\"view\",\"columns\":2}]}");
  struct trial *trial = trial_run(f, "describe_table", "{\"table\":\"INVOICE\"}");
  assert_false(trial->call.result.is_error);
  yyjson_doc *doc;
  assert_ok(json_read(&trial->arena, trial->call.result.structured, &doc, &test_err));
  yyjson_val *root = yyjson_doc_get_root(doc), *columns = json_get(root, "columns");
  assert_str(json_get_str(root, "table"), "invoice");
  assert_int_equal(yyjson_arr_size(columns), 3);
  assert_true(yyjson_get_bool(json_get(yyjson_arr_get(columns, 0), "primary_key")));
  assert_true(yyjson_get_bool(json_get(yyjson_arr_get(columns, 2), "not_null")));
  yyjson_val *foreign = yyjson_arr_get(json_get(root, "foreign_keys"), 0);
  assert_str(json_get_str(foreign, "references_table"), "customer");
  trial_free(trial);
}

static void an_unknown_table_is_named(void **state) {
  struct fixture *f = *state;
  assert_error(f, "describe_table", "{\"table\":\"nowhere\"}", ERR_NOT_FOUND, "no table or view \"nowhere\"");
  assert_error(f, "describe_table", "{\"table\":\"sqlite_schema\"}", ERR_NOT_FOUND, "no table or view");
  assert_error(f, "describe_table", "{\"table\":\"customer'); DROP TABLE customer; --\"}", ERR_NOT_FOUND, "no table");
  assert_result(f, "query", "{\"sql\":\"SELECT count(*) AS n FROM customer\"}",
                "{\"columns\":[\"n\"],\"rows\":[{\"n\":2}],\"row_count\":1,\"truncated\":false}");
}

static void rows_are_objects_and_text_is_the_same_json(void **state) {
  struct fixture *f = *state;
  struct trial *trial = trial_run(f, "query", "{\"sql\":\"SELECT id, name FROM customer ORDER BY id\"}");
  assert_str(trial->call.result.text,
             "{\"columns\":[\"id\",\"name\"],\"rows\":[{\"id\":1,\"name\":\"Ada\"},{\"id\":2,\"name\":\"Grace\"}],"
             "\"row_count\":2,\"truncated\":false}");
  assert_ptr_equal(trial->call.result.text.p, trial->call.result.structured.p);
  trial_free(trial);
}

static void every_type_has_its_json(void **state) {
  struct fixture *f = *state;
  assert_result(
      f, "query",
      "{\"sql\":\"SELECT 9007199254740993 AS i, -1.5 AS r, 'a\\\"b' AS t, x'00ff10' AS b, NULL AS n, 1e999 AS "
      "inf, '\\u00e9\\ud83d\\ude00' AS u, cast(x'ff' AS TEXT) AS bad\"}",
      "{\"columns\":[\"i\",\"r\",\"t\",\"b\",\"n\",\"inf\",\"u\",\"bad\"],\"rows\":[{\"i\":9007199254740993,"
      "\"r\":-1.5,\"t\":\"a\\\"b\",\"b\":\"AP8Q\",\"n\":null,\"inf\":\"Infinity\",\"u\":\"\u00e9\U0001F600\","
      "\"bad\":\"\uFFFD\"}],\"row_count\":1,\"truncated\":false}");
}

static void columns_of_one_name_are_told_apart(void **state) {
  struct fixture *f = *state;
  assert_result(
      f, "query", "{\"sql\":\"SELECT 1 AS id, 2 AS id, 3 AS id_2, 4 AS id\"}",
      "{\"columns\":[\"id\",\"id_2\",\"id_2_2\",\"id_3\"],\"rows\":[{\"id\":1,\"id_2\":2,\"id_2_2\":3,\"id_3\":"
      "4}],\"row_count\":1,\"truncated\":false}");
}

static void parameters_are_bound_by_place_and_by_name(void **state) {
  struct fixture *f = *state;
  const char *expected = "{\"columns\":[\"name\"],\"rows\":[{\"name\":\"Grace\"}],\"row_count\":1,\"truncated\":false}";
  assert_result(f, "query", "{\"sql\":\"SELECT name FROM customer WHERE id = ?\",\"params\":[2]}", expected);
  assert_result(f, "query", "{\"sql\":\"SELECT name FROM customer WHERE id = :id\",\"params\":{\"id\":2}}", expected);
  assert_result(f, "query", "{\"sql\":\"SELECT name FROM customer WHERE id = @id\",\"params\":{\"@id\":2}}", expected);
  assert_result(f, "query", "{\"sql\":\"SELECT ?, ?, ?, ?, ?\",\"params\":[true,null,1.5,\"'; DROP TABLE x; --\",-3]}",
                "{\"columns\":[\"?\",\"?_2\",\"?_3\",\"?_4\",\"?_5\"],\"rows\":[{\"?\":1,\"?_2\":null,\"?_3\":1.5,"
                "\"?_4\":\"'; DROP TABLE x; --\",\"?_5\":-3}],\"row_count\":1,\"truncated\":false}");
}

static void parameters_that_do_not_fit_are_named(void **state) {
  struct fixture *f = *state;
  assert_error(f, "query", "{\"sql\":\"SELECT ?\"}", ERR_INVALID, "has 1 parameters, params has 0 values");
  assert_error(f, "query", "{\"sql\":\"SELECT ?\",\"params\":[1,2]}", ERR_INVALID, "params has 2 values");
  assert_error(f, "query", "{\"sql\":\"SELECT ?\",\"params\":{\"a\":1}}", ERR_INVALID, "give params as a list");
  assert_error(f, "query", "{\"sql\":\"SELECT :a\",\"params\":{\"b\":1}}", ERR_INVALID, "no value for :a");
  assert_error(f, "query", "{\"sql\":\"SELECT :a\",\"params\":{\"a\":1,\"b\":1}}", ERR_INVALID,
               "no parameter for \"b\"");
  assert_error(f, "query", "{\"sql\":\"SELECT ?\",\"params\":[[1]]}", ERR_INVALID, "value 1 must be text, a number");
  assert_error(f, "query", "{\"sql\":\"SELECT :a\",\"params\":{\"a\":{}}}", ERR_INVALID, ":a must be text");
  assert_error(f, "query", "{\"sql\":\"SELECT ?\",\"params\":[18446744073709551615]}", ERR_INVALID, "too large");
}

static void errors_of_sql_are_explained_without_the_path(void **state) {
  struct fixture *f = *state;
  assert_error(f, "query", "{\"sql\":\"SELEC 1\"}", ERR_INVALID, "ledger: SQLite: near \"SELEC\": syntax error");
  assert_error(f, "query", "{\"sql\":\"SELECT * FROM nowhere\"}", ERR_INVALID, "no such table: nowhere");
  assert_error(f, "query", "{\"sql\":\"  -- nothing\"}", ERR_INVALID, "no statement");
}

static void one_statement_a_call(void **state) {
  struct fixture *f = *state;
  const char *tools[] = {"query", "execute"};
  for (size_t i = 0; i < 2; i++) {
    assert_error(f, tools[i], "{\"sql\":\"SELECT 1; SELECT 2\"}", ERR_INVALID, "one statement a call");
    assert_error(f, tools[i], "{\"sql\":\"SELECT 1; DROP TABLE customer\"}", ERR_INVALID, "one statement a call");
    assert_error(f, tools[i], "{\"sql\":\"SELECT 1; nonsense\"}", ERR_INVALID, "one statement a call");
    assert_error(f, tools[i], "{\"sql\":\"SELECT 1;/* a */;-- b\\n DELETE FROM customer\"}", ERR_INVALID,
                 "one statement");
  }
  assert_result(f, "query", "{\"sql\":\" SELECT 1 AS a ; -- the end\\n /* really */ ; \"}",
                "{\"columns\":[\"a\"],\"rows\":[{\"a\":1}],\"row_count\":1,\"truncated\":false}");
}

static void query_only_reads(void **state) {
  struct fixture *f = *state;
  const char *refused[] = {
      "INSERT INTO customer (name) VALUES ('x')",
      "UPDATE customer SET name = 'x'",
      "DELETE FROM customer",
      "WITH x AS (SELECT 1) INSERT INTO customer (name) SELECT 'x' FROM x",
      "REPLACE INTO customer VALUES (1, 'x', '')",
      "CREATE TABLE t (a)",
      "CREATE TEMP TABLE t (a)",
      "CREATE INDEX i ON customer (name)",
      "CREATE VIEW v AS SELECT 1",
      "CREATE TEMP VIEW v AS SELECT 1",
      "CREATE TRIGGER t AFTER INSERT ON customer BEGIN SELECT 1; END",
      "CREATE VIRTUAL TABLE t USING fts5 (a)",
      "DROP TABLE customer",
      "ALTER TABLE customer ADD COLUMN x",
      "ATTACH '/tmp/connek-never.db' AS x",
      "ATTACH ':memory:' AS x",
      "DETACH main",
      "PRAGMA journal_mode = DELETE",
      "PRAGMA query_only = 0",
      "PRAGMA table_info(customer)",
      "PRAGMA user_version",
      "BEGIN",
      "BEGIN IMMEDIATE",
      "COMMIT",
      "ROLLBACK",
      "SAVEPOINT a",
      "VACUUM",
      "VACUUM INTO '/tmp/connek-never.db'",
      "REINDEX",
      "ANALYZE",
      "SELECT load_extension('/tmp/x')",
      "SELECT fts3_tokenizer('simple')",
      "SELECT * FROM pragma_table_info('customer')",
      "SELECT * FROM pragma_database_list",
      "SELECT * FROM sqlite_stmt",
      "SELECT writefile('/tmp/connek-never.db', 'x')",
      "EXPLAIN DELETE FROM customer",
  };
  for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
    char arguments[512];
    snprintf(arguments, sizeof(arguments), "{\"sql\":\"%s\"}", refused[i]);
    struct trial *trial = trial_run(f, "query", arguments);
    if (!trial->call.result.is_error || trial->call.result.error != ERR_INVALID)
      fail_msg("%s: %.*s", refused[i], STR_ARG(trial->call.result.text));
    trial_free(trial);
  }
  assert_error(f, "query", "{\"sql\":\"DELETE FROM customer\"}", ERR_INVALID,
               "only reading is allowed here, not DELETE");
  assert_error(f, "query", "{\"sql\":\"PRAGMA user_version\"}", ERR_INVALID, "not PRAGMA");
  assert_int_not_equal(access("/tmp/connek-never.db", F_OK), 0);
  assert_result(f, "query", "{\"sql\":\"SELECT count(*) AS n FROM customer\"}",
                "{\"columns\":[\"n\"],\"rows\":[{\"n\":2}],\"row_count\":1,\"truncated\":false}");
}

static void query_reads_whatever_selects(void **state) {
  struct fixture *f = *state;
  const char *allowed[] = {
      "SELECT * FROM total",
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) SELECT sum(i) FROM n",
      "VALUES (1), (2)",
      "EXPLAIN QUERY PLAN SELECT * FROM invoice",
      "SELECT json_extract('{\\\"a\\\":1}', '$.a')",
      "SELECT value FROM json_each('[1,2]')",
      "SELECT name, sql FROM sqlite_master",
      "SELECT name FROM sqlite_schema",
      "SELECT date('now'), abs(-1), upper('a'), group_concat(name) FROM customer",
      "SELECT row_number() OVER (ORDER BY id) FROM invoice",
  };
  for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
    char arguments[512];
    snprintf(arguments, sizeof(arguments), "{\"sql\":\"%s\"}", allowed[i]);
    struct trial *trial = trial_run(f, "query", arguments);
    if (trial->call.result.is_error) fail_msg("%s: %.*s", allowed[i], STR_ARG(trial->call.result.text));
    trial_free(trial);
  }
}

static void virtual_tables_are_read_and_not_written(void **state) {
  struct fixture *f = *state;
  run_sql(file_of(f),
          "CREATE VIRTUAL TABLE note USING fts5 (body); INSERT INTO note VALUES ('blue sky'), ('red sea');"
          "CREATE VIRTUAL TABLE box USING rtree (id, x0, x1); INSERT INTO box VALUES (1, 0, 2), (2, 5, 6);");
  for (int i = 0; i < 4; i++) { /* each thread connects them */
    assert_result(f, "query", "{\"sql\":\"SELECT body FROM note WHERE note MATCH 'sky'\"}",
                  "{\"columns\":[\"body\"],\"rows\":[{\"body\":\"blue sky\"}],\"row_count\":1,\"truncated\":false}");
    assert_result(f, "query", "{\"sql\":\"SELECT id FROM box WHERE x0 > 3\"}",
                  "{\"columns\":[\"id\"],\"rows\":[{\"id\":2}],\"row_count\":1,\"truncated\":false}");
    assert_result(f, "query", "{\"sql\":\"SELECT sum(value) AS s FROM json_each('[1,2]')\"}",
                  "{\"columns\":[\"s\"],\"rows\":[{\"s\":3}],\"row_count\":1,\"truncated\":false}");
  }
  assert_error(f, "query", "{\"sql\":\"INSERT INTO note VALUES ('x')\"}", ERR_INVALID, "only reading");
  assert_error(f, "query", "{\"sql\":\"INSERT INTO note (note) VALUES ('optimize')\"}", ERR_INVALID, "only reading");
  assert_error(f, "query", "{\"sql\":\"DELETE FROM box\"}", ERR_INVALID, "only reading");
  assert_result(f, "execute", "{\"sql\":\"INSERT INTO note VALUES ('x')\"}", "{\"changes\":1}");
  assert_error(f, "execute", "{\"sql\":\"DELETE FROM note_data\"}", ERR_INVALID, "may not be modified");
}

/* ---- caps ---- */

#define NUMBERS "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT %s FROM n"

static yyjson_val *run_numbers(struct fixture *f, struct trial **ret_trial, int n, const char *what) {
  char arguments[512];
  snprintf(arguments, sizeof(arguments), "{\"sql\":\"" NUMBERS "\"}", n, what);
  struct trial *trial = trial_run(f, "query", arguments);
  if (trial->call.result.is_error) fail_msg("%.*s", STR_ARG(trial->call.result.text));
  yyjson_doc *doc;
  assert_ok(json_read(&trial->arena, trial->call.result.structured, &doc, &test_err));
  *ret_trial = trial;
  return yyjson_doc_get_root(doc);
}

static void too_many_rows_are_cut_and_it_is_said(void **state) {
  struct trial *trial;
  yyjson_val *root = run_numbers(*state, &trial, LIMIT_SQL_ROWS, "i");
  assert_int_equal(yyjson_get_uint(json_get(root, "row_count")), LIMIT_SQL_ROWS);
  assert_false(yyjson_get_bool(json_get(root, "truncated")));
  trial_free(trial);
  root = run_numbers(*state, &trial, LIMIT_SQL_ROWS + 1, "i");
  assert_int_equal(yyjson_arr_size(json_get(root, "rows")), LIMIT_SQL_ROWS);
  assert_int_equal(yyjson_get_uint(json_get(root, "row_count")), LIMIT_SQL_ROWS);
  assert_true(yyjson_get_bool(json_get(root, "truncated")));
  assert_non_null(strstr(json_get_str(root, "notice").p, "There are more rows than the 1000 shown"));
  trial_free(trial);
}

static void too_many_bytes_are_cut_between_two_rows(void **state) {
  struct trial *trial;
  yyjson_val *root = run_numbers(*state, &trial, 100, "i, hex(zeroblob(10000)) AS wide");
  uint64_t n = yyjson_get_uint(json_get(root, "row_count"));
  assert_true(n > 45 && n < 53);
  assert_int_equal(yyjson_arr_size(json_get(root, "rows")), n);
  assert_true(yyjson_get_bool(json_get(root, "truncated")));
  assert_true(trial->call.result.text.n <= LIMIT_SQL_BYTES);
  trial_free(trial);
  root = run_numbers(*state, &trial, 2, "hex(zeroblob(600000)) AS wide");
  assert_int_equal(yyjson_arr_size(json_get(root, "rows")), 0);
  assert_non_null(strstr(json_get_str(root, "notice").p, "Even the first row"));
  trial_free(trial);
}

static void huge_values_are_refused(void **state) {
  struct fixture *f = *state;
  assert_error(f, "query", "{\"sql\":\"SELECT length(zeroblob(1000000000))\"}", ERR_TOO_LARGE, "too large");
  assert_error(f, "query", "{\"sql\":\"SELECT length(replace(hex(zeroblob(1000000)), '0', 'xxxxxxxxxxxxxxxx'))\"}",
               ERR_TOO_LARGE, "too large");
}

#define ENDLESS "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

static void a_statement_without_end_is_stopped_at_the_deadline(void **state) {
  struct fixture *f = *state;
  struct trial *trial = trial_start(f, "query", "{\"sql\":\"" ENDLESS "\"}");
  trial->call.deadline_us = clock_monotonic_us() + 50 * 1000;
  trial_invoke(trial);
  trial_wait(trial);
  assert_int_equal(trial->call.result.error, ERR_TIMEOUT);
  assert_false(trial->call.result.is_unknown);
  trial_free(trial);
  trial = trial_start(f, "query", "{\"sql\":\"SELECT 1\"}");
  trial->call.deadline_us = clock_monotonic_us() - 1;
  trial_invoke(trial);
  trial_wait(trial);
  assert_int_equal(trial->call.result.error, ERR_TIMEOUT);
  trial_free(trial);
}

static void cancelling_stops_what_runs_and_what_waits(void **state) {
  struct fixture *f = *state;
  struct trial *trials[4];
  for (size_t i = 0; i < 4; i++) { /* two run, two wait for a thread */
    trials[i] = trial_start(f, "query", "{\"sql\":\"" ENDLESS "\"}");
    trial_invoke(trials[i]);
  }
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(trials[i]->n_done, 0);
    f->connector.kind->cancel(&trials[i]->call);
  }
  for (size_t i = 0; i < 4; i++) {
    trial_wait(trials[i]);
    assert_true(trials[i]->call.result.is_error);
    assert_int_equal(trials[i]->call.result.error, ERR_CANCELLED);
    f->connector.kind->cancel(&trials[i]->call); /* too late: nothing happens */
    trial_free(trials[i]);
  }
}

/* ---- writing ---- */

static void execute_changes_and_tells_how_many(void **state) {
  struct fixture *f = *state;
  assert_result(f, "execute", "{\"sql\":\"UPDATE invoice SET cents = cents + ? WHERE customer_id = 1\",\"params\":[5]}",
                "{\"changes\":2}");
  assert_result(f, "execute", "{\"sql\":\"CREATE TABLE t (a)\"}", "{\"changes\":0}");
  assert_result(
      f, "execute", "{\"sql\":\"INSERT INTO t VALUES (1), (2) RETURNING a\"}",
      "{\"changes\":2,\"columns\":[\"a\"],\"rows\":[{\"a\":1},{\"a\":2}],\"row_count\":2,\"truncated\":false}");
  assert_result(f, "execute", "{\"sql\":\"ALTER TABLE t ADD COLUMN b\"}", "{\"changes\":0}");
  assert_result(f, "execute", "{\"sql\":\"DROP TABLE t\"}", "{\"changes\":0}");
  assert_result(f, "query", "{\"sql\":\"SELECT sum(cents) AS cents FROM invoice\"}",
                "{\"columns\":[\"cents\"],\"rows\":[{\"cents\":1330}],\"row_count\":1,\"truncated\":false}");
  assert_result(f, "execute", "{\"sql\":\"SELECT 1 AS a\"}",
                "{\"changes\":0,\"columns\":[\"a\"],\"rows\":[{\"a\":1}],\"row_count\":1,\"truncated\":false}");
}

static void what_fails_changes_nothing(void **state) {
  struct fixture *f = *state;
  assert_error(f, "execute", "{\"sql\":\"UPDATE invoice SET cents = cents - 100\"}", ERR_INVALID, "CHECK constraint");
  assert_error(f, "execute", "{\"sql\":\"INSERT INTO invoice VALUES (9, 77, 1)\"}", ERR_INVALID, "FOREIGN KEY");
  assert_result(f, "query", "{\"sql\":\"SELECT sum(cents) AS cents FROM invoice\"}",
                "{\"columns\":[\"cents\"],\"rows\":[{\"cents\":1320}],\"row_count\":1,\"truncated\":false}");
  /* and the next one finds no transaction open */
  assert_result(f, "execute", "{\"sql\":\"DELETE FROM invoice WHERE id = 3\"}", "{\"changes\":1}");
}

static void execute_cannot_leave_the_database(void **state) {
  struct fixture *f = *state;
  const char *refused[] = {
      "ATTACH '/tmp/connek-never.db' AS x",
      "DETACH main",
      "PRAGMA writable_schema = 1",
      "PRAGMA journal_mode = OFF",
      "PRAGMA foreign_keys = 0",
      "BEGIN",
      "COMMIT",
      "END",
      "ROLLBACK",
      "SAVEPOINT a",
      "RELEASE a",
      "VACUUM INTO '/tmp/connek-never.db'",
      "SELECT load_extension('/tmp/x')",
      "SELECT writefile('/tmp/connek-never.db', 'x')",
      "CREATE TEMP TABLE t (a)",
      "CREATE TABLE temp.t (a)",
      "CREATE TEMP TRIGGER t AFTER INSERT ON customer BEGIN SELECT 1; END",
      "CREATE TEMP VIEW v AS SELECT 1",
      "UPDATE sqlite_schema SET sql = 'x'",
      "INSERT INTO sqlite_master VALUES (1, 2, 3, 4, 5)",
      "DELETE FROM sqlite_schema",
      "INSERT INTO pragma_user_version VALUES (1)",
      "SELECT * FROM pragma_database_list",
      "SELECT * FROM sqlite_stmt",
  };
  for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
    char arguments[512];
    snprintf(arguments, sizeof(arguments), "{\"sql\":\"%s\"}", refused[i]);
    struct trial *trial = trial_run(f, "execute", arguments);
    if (!trial->call.result.is_error || trial->call.result.error != ERR_INVALID)
      fail_msg("%s: %.*s", refused[i], STR_ARG(trial->call.result.text));
    trial_free(trial);
  }
  assert_error(f, "execute", "{\"sql\":\"ATTACH 'x' AS y\"}", ERR_INVALID, "ATTACH is not allowed here");
  assert_int_not_equal(access("/tmp/connek-never.db", F_OK), 0);
}

static void a_locked_database_is_an_error_after_a_while(void **state) {
  struct fixture *f = *state;
  sqlite3 *db = NULL;
  assert_int_equal(sqlite3_open(file_of(f), &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
  assert_error(f, "execute", "{\"sql\":\"DELETE FROM invoice\"}", ERR_UNAVAILABLE, "in use by another program");
  struct trial *trial = trial_start(f, "execute", "{\"sql\":\"DELETE FROM invoice\"}");
  trial_invoke(trial);
  f->connector.kind->cancel(&trial->call);
  trial_wait(trial);
  assert_int_equal(trial->call.result.error, ERR_CANCELLED);
  assert_false(trial->call.result.is_unknown);
  trial_free(trial);
  assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
  assert_result(f, "execute", "{\"sql\":\"DELETE FROM invoice\"}", "{\"changes\":3}");
}

static void a_stopped_change_did_not_happen(void **state) {
  struct fixture *f = *state;
  struct trial *trial =
      trial_start(f, "execute",
                  "{\"sql\":\"INSERT INTO customer (name) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL "
                  "SELECT i + 1 FROM n) SELECT 'x' FROM n\"}");
  trial->call.deadline_us = clock_monotonic_us() + 50 * 1000;
  trial_invoke(trial);
  trial_wait(trial);
  assert_int_equal(trial->call.result.error, ERR_TIMEOUT);
  assert_false(trial->call.result.is_unknown);
  trial_free(trial);
  assert_result(f, "query", "{\"sql\":\"SELECT count(*) AS n FROM customer\"}",
                "{\"columns\":[\"n\"],\"rows\":[{\"n\":2}],\"row_count\":1,\"truncated\":false}");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(tables_are_listed_and_described),
      TEST(an_unknown_table_is_named),
      TEST(rows_are_objects_and_text_is_the_same_json),
      TEST(every_type_has_its_json),
      TEST(columns_of_one_name_are_told_apart),
      TEST(parameters_are_bound_by_place_and_by_name),
      TEST(parameters_that_do_not_fit_are_named),
      TEST(errors_of_sql_are_explained_without_the_path),
      TEST(one_statement_a_call),
      TEST(query_only_reads),
      TEST(query_reads_whatever_selects),
      TEST(virtual_tables_are_read_and_not_written),
      TEST(too_many_rows_are_cut_and_it_is_said),
      TEST(too_many_bytes_are_cut_between_two_rows),
      TEST(huge_values_are_refused),
      TEST(a_statement_without_end_is_stopped_at_the_deadline),
      TEST(cancelling_stops_what_runs_and_what_waits),
      TEST(execute_changes_and_tells_how_many),
      TEST(what_fails_changes_nothing),
      TEST(execute_cannot_leave_the_database),
      TEST(a_locked_database_is_an_error_after_a_while),
      TEST(a_stopped_change_did_not_happen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
