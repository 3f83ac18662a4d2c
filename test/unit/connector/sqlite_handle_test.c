#include "sqlite_fixture.h"

/* ---- the file ---- */

static void a_file_that_is_gone_or_replaced_is_noticed(void **state) {
  struct fixture *f = *state;
  struct place *place = f->more;
  char other[256];
  snprintf(other, sizeof(other), "%s/other.db", place->dir);
  assert_result(f, "query", "{\"sql\":\"SELECT 1 AS a\"}",
                "{\"columns\":[\"a\"],\"rows\":[{\"a\":1}],\"row_count\":1,\"truncated\":false}");
  run_sql(other, "CREATE TABLE fresh (a); INSERT INTO fresh VALUES (7);");
  assert_int_equal(rename(other, place->file), 0);
  for (int i = 0; i < 4; i++) /* on both threads */
    assert_result(f, "query", "{\"sql\":\"SELECT a FROM fresh\"}",
                  "{\"columns\":[\"a\"],\"rows\":[{\"a\":7}],\"row_count\":1,\"truncated\":false}");
  unlink(place->file);
  const char *tools[] = {"query", "execute"};
  for (size_t i = 0; i < 2; i++)
    assert_error(f, tools[i], "{\"sql\":\"SELECT 1\"}", ERR_UNAVAILABLE, "ledger: the database file is not there");
  assert_int_not_equal(access(place->file, F_OK), 0); /* and none was made */
}

static void what_is_no_database_says_so(void **state) {
  struct fixture *f = *state;
  FILE *file = fopen(file_of(f), "w");
  for (int i = 0; i < 1000; i++)
    fputs("this is no database ", file);
  fclose(file);
  assert_error(f, "query", "{\"sql\":\"SELECT * FROM customer\"}", ERR_UNAVAILABLE, "no SQLite database");
  unlink(file_of(f));
  assert_int_equal(mkdir(file_of(f), 0700), 0);
  assert_error(f, "query", "{\"sql\":\"SELECT 1\"}", ERR_UNAVAILABLE, "not a regular file");
  assert_int_equal(rmdir(file_of(f)), 0);
}

static void many_connections_share_a_bounded_cache(void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 60; i++) {
    f->connection.policy.id = uuid_new();
    f->connection.version = i;
    assert_result(f, i % 2 ? "query" : "execute", "{\"sql\":\"SELECT 1 AS a WHERE 0\"}",
                  i % 2 ? "{\"columns\":[\"a\"],\"rows\":[],\"row_count\":0,\"truncated\":false}"
                        : "{\"changes\":0,\"columns\":[\"a\"],\"rows\":[],\"row_count\":0,\"truncated\":false}");
  }
}

static void a_wal_database_is_read_beside_its_writer(void **state) {
  struct fixture *f = *state;
  sqlite3 *db = NULL;
  assert_int_equal(sqlite3_open(file_of(f), &db), SQLITE_OK);
  assert_int_equal(
      sqlite3_exec(db, "PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; INSERT INTO customer (name) VALUES ('x')", NULL,
                   NULL, NULL),
      SQLITE_OK);
  assert_result(f, "query", "{\"sql\":\"SELECT count(*) AS n FROM customer\"}",
                "{\"columns\":[\"n\"],\"rows\":[{\"n\":2}],\"row_count\":1,\"truncated\":false}");
  assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
  assert_result(f, "query", "{\"sql\":\"SELECT count(*) AS n FROM customer\"}",
                "{\"columns\":[\"n\"],\"rows\":[{\"n\":3}],\"row_count\":1,\"truncated\":false}");
  sqlite3_close(db);
}

/* ---- definition and settings ---- */

static void settings_are_checked(void **state) {
  struct fixture *f = *state;
  const struct {
    const char *settings, *place;
  } bad[] = {{"{}", "/file"},
             {"{\"file\":\"\"}", "/file"},
             {"{\"file\":7}", "/file"},
             {"{\"file\":\"ledger.db\"}", "/file"},
             {"{\"file\":\"/a\",\"mode\":\"rw\"}", "/mode"}};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    const void *connection;
    assert_int_equal(
        f->connector.kind->connect(&f->arena, &f->connector, fixture_json(f, bad[i].settings), &connection, &test_err),
        ERR_INVALID);
    assert_string_equal(test_err.place, bad[i].place);
  }
  assert_int_equal(f->connector.kind->check_credential(&f->connector, fixture_json(f, "{\"key\":\"x\"}"), &test_err),
                   ERR_INVALID);
}

static void a_definition_cannot_make_a_tool_look_harmless(void **state) {
  struct fixture *f = *state;
  struct connector connector;
  const char *text =
      "{\"manifest\":1,\"id\":\"s\",\"name\":\"S\",\"kind\":\"sqlite\",\"tools\":[{\"name\":\"execute\","
      "\"description\":\"d\",\"does\":\"read\"}]}";
  assert_int_equal(connector_compile(&f->arena, fixture_json(f, text), &connector, &test_err), ERR_INVALID);
  assert_string_equal(test_err.place, "/tools/0/does");
  text =
      "{\"manifest\":1,\"id\":\"s\",\"name\":\"S\",\"kind\":\"sqlite\",\"tools\":[{\"name\":\"attach\","
      "\"description\":\"d\",\"does\":\"read\"}]}";
  assert_int_equal(connector_compile(&f->arena, fixture_json(f, text), &connector, &test_err), ERR_INVALID);
  assert_string_equal(test_err.place, "/tools/0/name");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_file_that_is_gone_or_replaced_is_noticed),
      TEST(what_is_no_database_says_so),
      TEST(many_connections_share_a_bounded_cache),
      TEST(a_wal_database_is_read_beside_its_writer),
      TEST(settings_are_checked),
      TEST(a_definition_cannot_make_a_tool_look_harmless),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
