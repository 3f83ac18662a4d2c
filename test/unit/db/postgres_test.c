#include <pthread.h>

#include "db/fixture.h"
#include "db/postgres.h"

#define NEEDS_SERVER \
  if (!test_server()) skip_because("no server is named; part postgres of make test runs it with one")

static void open_fails(struct fixture *f, const char *url, enum err_code code, const char *part) {
  struct db *db = NULL;
  assert_int_equal(db_open_server(url, true, &db, &test_err), code);
  assert_null(db);
  if (!strstr(test_err.text, part)) fail_msg("\"%s\" does not say \"%s\"", test_err.text, part);
}

static int set_up_server(void **state) {
  return test_server() ? set_up(state) : set_up_dir(state);
}

static void what_is_wrong_with_a_server_is_told_without_the_password(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  char url[512];
  open_fails(f, "postgres://connek:swordfish@[::1", ERR_INVALID, "postgres://USER@HOST:5432/NAME");
  assert_null(strstr(test_err.text, "swordfish"));
  open_fails(f, "host=/nowhere user=connek password=swordfish dbname=books", ERR_UNAVAILABLE,
             "the database books at /nowhere");
  assert_null(strstr(test_err.text, "swordfish"));
  assert_null(strstr(test_err.detail, "swordfish"));
  snprintf(url, sizeof url, "%s dbname=absent", test_server());
  open_fails(f, url, ERR_UNAVAILABLE, "\"absent\" does not exist");
}

static void somebody_elses_tables_stay_as_they_are(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  char url[512];
  assert_int_equal(raw(f, "CREATE SCHEMA \"others\"; CREATE TABLE \"others\".invoice (id bigint)"), -1);
  snprintf(url, sizeof url, "%s options='-c search_path=others'", test_server());
  open_fails(f, url, ERR_CONFLICT, "give it a database of its own");
  assert_int_equal(raw(f, "SELECT count(*) FROM pg_tables WHERE schemaname = 'others'"), 1);
  raw(f, "DROP SCHEMA \"others\" CASCADE");
}

static void without_leave_to_create_nothing_is_created(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  struct db *db = NULL;
  char url[512];
  raw(f, "CREATE SCHEMA \"empty\"");
  snprintf(url, sizeof url, "%s options='-c search_path=empty'", test_server());
  assert_int_equal(db_open_server(url, false, &db, &test_err), ERR_NOT_FOUND);
  assert_int_equal(raw(f, "SELECT count(*) FROM pg_tables WHERE schemaname = 'empty'"), 0);
  raw(f, "DROP SCHEMA \"empty\"");
}

static void a_newer_database_is_refused(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  struct db *db = NULL;
  raw(f, "INSERT INTO schema_migration (version, hash, applied_at) VALUES (9999, '', 0)");
  assert_int_equal(test_db_open(f->dir, false, &db, &test_err), ERR_CONFLICT);
  assert_non_null(strstr(test_err.text, "use a newer one"));
}

static enum err_code add_one(struct db_tx *tx, void *context, struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code = db_query(tx, "SELECT cap FROM call_limit", DB_NO_PARAMS, &rows, err);
  if (code != ERR_NONE) return code;
  int got = db_next(rows, err);
  int64_t number = got == 1 ? db_int(rows, 0) : -1;
  db_rows_close(rows);
  return db_exec(tx, "UPDATE call_limit SET cap = $1", DB_PARAMS(DB_V_INT(number + 1)), err);
}

enum { ROUNDS = 100 };

static void *add_many(void *context) {
  struct db_conn *conn = NULL;
  struct err err;
  if (db_connect(context, &conn, &err) != ERR_NONE) return NULL;
  for (int i = 0; i < ROUNDS; i++)
    if (db_write(conn, add_one, NULL, &err) != ERR_NONE) break;
  db_disconnect(conn);
  return NULL;
}

static void writers_wait_for_each_other(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  pthread_t threads[3];
  raw(f,
      "INSERT INTO organisation VALUES ('\\x01', 'acme', '', 1, 0);"
      "INSERT INTO call_limit VALUES ('\\x01', '\\x01', 'user', '', 1, 0)");
  for (int i = 0; i < 3; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, add_many, f->db), 0);
  for (int i = 0; i < 3; i++)
    pthread_join(threads[i], NULL);
  assert_int_equal(raw(f, "SELECT cap FROM call_limit"), 3 * ROUNDS);
}

static void cut_connections(struct fixture *f) {
  char words[256];
  snprintf(
      words, sizeof words,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name = "
      "'%s'",
      f->dir);
  raw(f, words);
}

/* Cut in the middle of it, where `context` says so. */
static enum err_code insert_login(struct db_tx *tx, void *context, struct err *err) {
  struct uuid id = uuid_new();
  enum err_code code = db_exec(tx, "INSERT INTO login (id, email, created_at) VALUES ($1, $2, 0)",
                               DB_PARAMS(DB_V_UUID(id), DB_V_TEXT(STR("a@b.example"))), err);
  if (code == ERR_NONE && context) cut_connections(context);
  return code;
}

static void a_connection_that_was_cut_is_made_again(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  assert_int_equal(db_write(f->conn, insert_login, f, &test_err), ERR_UNAVAILABLE); /* cut before its commit */
  assert_int_equal(raw(f, "SELECT count(*) FROM login"), 0);
  assert_ok(db_write(f->conn, insert_login, NULL, &test_err));
  raw(f, "DELETE FROM login");
  cut_connections(f);
  assert_ok(db_write(f->conn, insert_login, NULL, &test_err)); /* cut between two: nobody notices */
  assert_int_equal(raw(f, "SELECT count(*) FROM login"), 1);
}

/* What libpq says of a server goes to the log: anybody's answer may hold the text. */
static void a_server_that_is_gone_is_told_without_its_name(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  struct postgres_db *db = (struct postgres_db *)(void *)f->db;
  free(db->url);
  db->url = strdup("host=/nowhere dbname=books");
  cut_connections(f);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(db_write(f->conn, insert_login, NULL, &test_err), ERR_UNAVAILABLE);
    assert_null(strstr(test_err.text, "nowhere"));
    assert_non_null(strstr(test_err.detail, "nowhere"));
  }
}

static enum err_code append_twice(struct db_tx *tx, void *context, struct err *err) {
  assert_ok(insert_login(tx, NULL, err));
  assert_ok(insert_login(tx, NULL, err)); /* the same address: told at the commit */
  return ERR_NONE;
}

static void what_fails_in_an_append_fails_its_commit(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  assert_int_equal(db_append(f->conn, append_twice, NULL, &test_err), ERR_CONFLICT);
  assert_int_equal(raw(f, "SELECT count(*) FROM login"), 0);
  assert_ok(db_append(f->conn, insert_login, NULL, &test_err));
  assert_int_equal(raw(f, "SELECT count(*) FROM login"), 1);
}

static enum err_code append_and_ask(struct db_tx *tx, void *context, struct err *err) {
  struct db_rows *rows;
  assert_ok(insert_login(tx, NULL, err));
  assert_ok(db_query(tx, "SELECT count(*) FROM login", DB_NO_PARAMS, &rows, err));
  assert_int_equal(db_next(rows, err), 1);
  assert_int_equal(db_int(rows, 0), 1);
  db_rows_close(rows);
  return db_exec(tx, "DELETE FROM login", DB_NO_PARAMS, err);
}

static void an_append_reads_what_it_wrote(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  assert_ok(db_append(f->conn, append_and_ask, NULL, &test_err));
  assert_int_equal(raw(f, "SELECT count(*) FROM login"), 0);
}

/* More than are kept unread; what is asked between them sees all before. */
static enum err_code fill_and_ask(struct db_tx *tx, void *context, struct err *err) {
  struct db_rows *rows, *large;
  for (int i = 0; i < 5000; i++) {
    struct uuid id = uuid_new();
    char email[32];
    snprintf(email, sizeof email, "%d@b.example", i);
    assert_ok(db_exec(tx, "INSERT INTO login (id, email, created_at) VALUES ($1, $2, 0)",
                      DB_PARAMS(DB_V_UUID(id), DB_V_TEXT(str_of(email))), err));
    if (i % 999) continue;
    assert_ok(db_query(tx, "SELECT count(*) FROM login", DB_NO_PARAMS, &rows, err));
    assert_int_equal(db_next(rows, err), 1);
    assert_int_equal(db_int(rows, 0), i + 1);
    db_rows_close(rows);
  }
  assert_ok(db_query_large(tx, "SELECT email FROM login", DB_NO_PARAMS, &large, err));
  int n = 0;
  while (db_next(large, err) == 1 && n++ < 4000)
    assert_ok(db_exec(tx, "DELETE FROM login WHERE email = $1", DB_PARAMS(DB_V_TEXT(db_text(large, 0))), err));
  db_rows_close(large);
  return context ? db_exec(tx, "INSERT INTO login (id, email, created_at) SELECT id, email, 0 FROM login", DB_NO_PARAMS,
                           err)
                 : ERR_NONE;
}

static void a_fill_is_all_or_nothing_and_reads_what_it_wrote(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  assert_int_equal(db_fill(f->conn, fill_and_ask, f, &test_err), ERR_CONFLICT);
  assert_int_equal(raw(f, "SELECT count(*) FROM login"), 0);
  assert_ok(db_fill(f->conn, fill_and_ask, NULL, &test_err));
  assert_int_equal(raw(f, "SELECT count(*) FROM login"), 1000);
}

static int64_t count(struct db_tx *tx, const char *sql, struct err *err) {
  struct db_rows *rows = NULL;
  assert_ok(db_query(tx, sql, DB_NO_PARAMS, &rows, err));
  assert_int_equal(db_next(rows, err), 1);
  int64_t n = db_int(rows, 0);
  db_rows_close(rows);
  return n;
}

#define COUNT_ROLES "SELECT count(*) FROM role" /* and no condition */
#define COUNT_CONNECTORS "SELECT count(*) FROM connector"

static const struct uuid first_organisation = {{1}}, second_organisation = {{2}}, no_organisation;

static void fill_two(struct fixture *f) {
  raw(f,
      "INSERT INTO organisation (id, name, data_key, created_at) VALUES "
      "(decode('01000000000000000000000000000000', 'hex'), 'one', '', 0), "
      "(decode('02000000000000000000000000000000', 'hex'), 'two', '', 0);"
      "INSERT INTO role (id, organisation_id, name, created_at) VALUES "
      "('a', decode('01000000000000000000000000000000', 'hex'), 'r', 0), "
      "('b', decode('02000000000000000000000000000000', 'hex'), 'r', 0), "
      "('c', decode('02000000000000000000000000000000', 'hex'), 's', 0);"
      "INSERT INTO connector (organisation_id, id, version, hash, status, kind, source, definition, created_at) VALUES "
      "(decode('00000000000000000000000000000000', 'hex'), 'k', 1, '', 'beta', 'http', 'builtin', '', 0), "
      "(decode('02000000000000000000000000000000', 'hex'), 'l', 1, '', 'beta', 'http', 'built', '', 0)");
}

static enum err_code look_without_conditions(struct db_tx *tx, void *context, struct err *err) {
  struct db_rows *rows;
  assert_int_equal(count(tx, COUNT_ROLES, err), 3); /* the control: the installation sees all */
  db_scope(tx, first_organisation);
  assert_int_equal(count(tx, COUNT_ROLES, err), 1);
  assert_int_equal(count(tx, "SELECT count(*) FROM organisation", err), 1);
  assert_int_equal(count(tx, COUNT_CONNECTORS, err), 1); /* what is nobody's */
  db_scope(tx, second_organisation);
  assert_ok(db_query_large(tx, "SELECT name FROM role", DB_NO_PARAMS, &rows, err));
  for (int i = 0; i < 2; i++)
    assert_int_equal(db_next(rows, err), 1);
  assert_int_equal(db_next(rows, err), 0);
  db_rows_close(rows);
  assert_int_equal(count(tx, COUNT_CONNECTORS, err), 2);
  db_scope(tx, (struct uuid){{9}});
  assert_int_equal(count(tx, COUNT_ROLES, err), 0);
  db_scope(tx, no_organisation);
  assert_int_equal(count(tx, COUNT_ROLES, err), 3);
  db_scope(tx, first_organisation); /* and the next transaction begins as each does */
  return ERR_NONE;
}

static void a_forgotten_condition_shows_nothing_of_another_organisation(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  fill_two(f);
  assert_int_equal(raw(f, "SELECT count(*) FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)"),
                   0);
  for (int i = 0; i < 2; i++)
    assert_ok(db_read(f->conn, look_without_conditions, NULL, &test_err));
}

static enum err_code change_without_conditions(struct db_tx *tx, void *context, struct err *err) {
  db_scope(tx, first_organisation);
  assert_ok(db_exec(tx, "UPDATE role SET name = 'mine'", DB_NO_PARAMS, err));
  assert_ok(db_exec(tx, "DELETE FROM connector", DB_NO_PARAMS, err));
  assert_ok(db_exec(tx, "DELETE FROM organisation WHERE name = 'two'", DB_NO_PARAMS, err));
  return ERR_NONE;
}

static enum err_code insert_for_another(struct db_tx *tx, void *context, struct err *err) {
  db_scope(tx, first_organisation);
  return db_exec(tx, "INSERT INTO role (id, organisation_id, name, created_at) VALUES ($1, $2, 'x', 0)",
                 DB_PARAMS(DB_V_BLOB(STR("d")), DB_V_UUID(second_organisation)), err);
}

static void a_forgotten_condition_changes_nothing_of_another_organisation(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  fill_two(f);
  assert_ok(db_write(f->conn, change_without_conditions, NULL, &test_err));
  assert_ok(db_append(f->conn, change_without_conditions, NULL, &test_err));
  assert_int_equal(raw(f, "SELECT count(*) FROM role WHERE name = 'mine'"), 1);
  assert_int_equal(raw(f, "SELECT count(*) FROM connector"), 2);
  assert_int_equal(raw(f, "SELECT count(*) FROM organisation"), 2);
  assert_int_equal(db_write(f->conn, insert_for_another, NULL, &test_err), ERR_UNAVAILABLE);
  assert_int_equal(raw(f, "SELECT count(*) FROM role"), 3);
}

/* Whoever comes with a session of their own and says nothing. */
static void without_a_word_on_whose_rows_there_are_none(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  fill_two(f);
  assert_int_equal(raw(f, "RESET connek.organisation; SELECT count(*) FROM role"), 0);
  assert_int_equal(raw(f, "RESET connek.organisation; SELECT count(*) FROM organisation"), 0);
}

static void every_table_of_organisations_is_protected(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
#define OURS "relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND relkind IN ('r', 'p')"
  assert_true(raw(f, "SELECT count(*) FROM pg_class WHERE " OURS " AND relrowsecurity AND relforcerowsecurity") > 15);
  assert_int_equal(raw(f,
                       "SELECT count(*) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = "
                       "'organisation_id' WHERE " OURS " AND NOT relforcerowsecurity AND relname <> 'change_log'"),
                   0);
}

static enum err_code read_many(struct db_tx *tx, void *context, struct err *err) {
  static const char sql[] = "SELECT CAST(n AS BIGINT) FROM generate_series(1, CAST($1 AS BIGINT)) n";
  int *n_rows = context;
  struct db_rows *rows, *inner;
  assert_ok(db_query_large(tx, sql, DB_PARAMS(DB_V_INT(*n_rows)), &rows, err));
  int n = 0;
  for (; db_next(rows, err) == 1; n++) {
    if (db_int(rows, 0) != n + 1) fail_msg("row %d is %lld", n, (long long)db_int(rows, 0));
    if (n % 999) continue;
    assert_ok(db_query_large(tx, sql, DB_PARAMS(DB_V_INT(3)), &inner, err));
    while (db_next(inner, err) == 1) {
    }
    db_rows_close(inner);
  }
  assert_int_equal(n, *n_rows);
  db_rows_close(rows);
  return ERR_NONE;
}

static void any_number_of_rows_is_read_in_pieces(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  for (size_t i = 0; i < 5; i++) {
    int n = (const int[]){0, 1, 1999, 2000, 4001}[i];
    assert_ok(db_read(f->conn, read_many, &n, &test_err));
  }
}

static enum err_code read_numeric(struct db_tx *tx, void *context, struct err *err) {
  struct db_rows *rows = NULL;
  return db_query(tx, "SELECT sum(seq) FROM change_log", DB_NO_PARAMS, &rows, err);
}

static void a_type_that_cannot_be_read_is_a_bug_of_ours(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  assert_int_equal(db_read(f->conn, read_numeric, NULL, &test_err), ERR_INTERNAL);
}

static enum err_code first_name(struct db_tx *tx, void *context, struct err *err) {
  struct db_rows *rows = NULL;
  assert_ok(db_query(tx, "SELECT email FROM login ORDER BY email LIMIT 1", DB_NO_PARAMS, &rows, err));
  assert_int_equal(db_next(rows, err), 1);
  assert_str(db_text(rows, 0), "B@b.example");
  db_rows_close(rows);
  return ERR_NONE;
}

static void texts_sort_by_their_bytes(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  raw(f, "INSERT INTO login VALUES ('\\x01', 'a@b.example', 0), ('\\x02', 'B@b.example', 0)");
  assert_ok(db_read(f->conn, first_name, NULL, &test_err));
}

#define SERVER_UNIT(name) cmocka_unit_test_setup_teardown(name, set_up_server, tear_down)
int main(void) {
  const struct CMUnitTest tests[] = {
      SERVER_UNIT(what_is_wrong_with_a_server_is_told_without_the_password),
      SERVER_UNIT(somebody_elses_tables_stay_as_they_are),
      SERVER_UNIT(without_leave_to_create_nothing_is_created),
      SERVER_UNIT(a_newer_database_is_refused),
      SERVER_UNIT(writers_wait_for_each_other),
      SERVER_UNIT(a_connection_that_was_cut_is_made_again),
      SERVER_UNIT(a_server_that_is_gone_is_told_without_its_name),
      SERVER_UNIT(what_fails_in_an_append_fails_its_commit),
      SERVER_UNIT(an_append_reads_what_it_wrote),
      SERVER_UNIT(a_fill_is_all_or_nothing_and_reads_what_it_wrote),
      SERVER_UNIT(a_forgotten_condition_shows_nothing_of_another_organisation),
      SERVER_UNIT(a_forgotten_condition_changes_nothing_of_another_organisation),
      SERVER_UNIT(without_a_word_on_whose_rows_there_are_none),
      SERVER_UNIT(every_table_of_organisations_is_protected),
      SERVER_UNIT(any_number_of_rows_is_read_in_pieces),
      SERVER_UNIT(a_type_that_cannot_be_read_is_a_bug_of_ours),
      SERVER_UNIT(texts_sort_by_their_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
