#include "db/fixture.h"

static void in_tx(struct fixture *f, db_work work) {
  assert_ok(db_write(f->conn, work, f, &test_err));
}

static enum err_code every_kind(struct db_tx *tx, void *context, struct err *err) {
  struct uuid id = uuid_new();
  struct db_rows *rows;
  assert_ok(
      db_exec(tx, "CREATE TABLE t (a TEXT, b BIGINT, c TEXT, d BYTEA, e BYTEA, f TEXT, g BYTEA)", DB_NO_PARAMS, err));
  assert_ok(db_exec(tx, "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6, $7)",
                    DB_PARAMS(DB_V_NULL, DB_V_INT(INT64_MIN), DB_V_TEXT(STR("p\xc3\xa4ss")),
                              DB_V_BLOB(str_make("\0\1", 2)), DB_V_UUID(id), DB_V_TEXT(STR_NONE), DB_V_BLOB(STR_NONE)),
                    err));
  assert_int_equal(db_changes(tx), 1);
  assert_ok(db_query(tx, "SELECT a, b, c, d, e, f, g FROM t", DB_NO_PARAMS, &rows, err));
  assert_int_equal(db_next(rows, err), 1);
  assert_true(db_is_null(rows, 0));
  assert_true(db_int(rows, 1) == INT64_MIN);
  assert_str(db_text(rows, 2), "p\xc3\xa4ss");
  assert_int_equal(db_blob(rows, 3).n, 2);
  assert_memory_equal(db_blob(rows, 3).p, "\0\1", 2);
  assert_true(uuid_eq(db_uuid(rows, 4), id));
  assert_false(db_is_null(rows, 5)); /* empty is not NULL */
  assert_false(db_is_null(rows, 6));
  assert_true(uuid_is_nil(db_uuid(rows, 0)));
  assert_true(uuid_is_nil(db_uuid(rows, 3)));
  assert_int_equal(db_next(rows, err), 0);
  db_rows_close(rows);
  db_rows_close(NULL);
  return ERR_NONE;
}

static void every_kind_of_value_comes_back(void **state) {
  in_tx(*state, every_kind);
}

static enum err_code params_by_number(struct db_tx *tx, void *context, struct err *err) {
  struct db_rows *rows;
  assert_ok(db_query(tx, "SELECT CAST($3 AS BIGINT), CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($1 AS BIGINT)",
                     DB_PARAMS(DB_V_INT(1), DB_V_INT(2), DB_V_INT(3)), &rows, err));
  assert_int_equal(db_next(rows, err), 1);
  assert_int_equal(db_int(rows, 0), 3);
  assert_int_equal(db_int(rows, 1), 1);
  assert_int_equal(db_int(rows, 2), 2);
  assert_int_equal(db_int(rows, 3), 1);
  db_rows_close(rows);
  return ERR_NONE;
}

static void parameters_go_by_their_number_not_their_order(void **state) {
  in_tx(*state, params_by_number);
}

struct wrong {
  const char *sql;
  size_t n;
};

static enum err_code wrong_params(struct db_tx *tx, void *context, struct err *err) {
  static const struct db_value params[] = {DB_V_INT(1), DB_V_INT(2), DB_V_INT(3)};
  const struct wrong *wrong = context;
  struct db_rows *rows = NULL;
  enum err_code code = db_query(tx, wrong->sql, params, wrong->n, &rows, err);
  assert_null(rows);
  return code;
}

static void a_wrong_number_of_parameters_is_a_bug_of_ours(void **state) {
  static const char two[] = "SELECT $1, $2";
  const struct wrong all[] = {{two, 1}, {two, 3}, {"SELECT $2", 1}, {"SELECT ?", 1}, {"", 0}};
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    struct wrong wrong = all[i];
    assert_int_equal(db_read(f->conn, wrong_params, &wrong, &test_err), ERR_INTERNAL);
  }
}

static enum err_code no_sql_in_texts(struct db_tx *tx, void *context, struct err *err) {
  assert_int_equal(db_exec(tx, "SELEC nonsense", DB_NO_PARAMS, err), ERR_INTERNAL);
  assert_null(strstr(err->text, "nonsense"));
  assert_non_null(strstr(err->detail, "nonsense"));
  return ERR_INTERNAL;
}

static void texts_hold_no_sql(void **state) {
  struct fixture *f = *state;
  assert_int_equal(db_write(f->conn, no_sql_in_texts, f, &test_err), ERR_INTERNAL);
}

struct insertion {
  const char *sql;
  struct db_value id, other;
  bool is_failure_ignored;
};

static enum err_code insert(struct db_tx *tx, void *context, struct err *err) {
  const struct insertion *insertion = context;
  enum err_code code = db_exec(tx, insertion->sql, DB_PARAMS(insertion->id, insertion->other), err);
  if (!insertion->is_failure_ignored) return code;
  assert_int_not_equal(code, ERR_NONE);
  assert_int_equal(db_exec(tx, "SELECT 1", DB_NO_PARAMS, err), ERR_UNAVAILABLE);
  return ERR_NONE;
}

static void broken_constraints_have_codes(void **state) {
  static const char login[] = "INSERT INTO login (id, email, created_at) VALUES ($1, $2, 0)";
  static const char role[] = "INSERT INTO role (id, organisation_id, name, created_at) VALUES ($1, $2, 'r', 0)";
  struct fixture *f = *state;
  struct uuid a = uuid_new(), b = uuid_new();
  const struct {
    struct insertion insertion;
    enum err_code code;
  } cases[] = {
      {{login, DB_V_UUID(a), DB_V_TEXT(STR("x@y.example")), false}, ERR_NONE},
      {{login, DB_V_UUID(b), DB_V_TEXT(STR("x@y.example")), false}, ERR_CONFLICT},
      {{login, DB_V_UUID(a), DB_V_TEXT(STR("z@y.example")), false}, ERR_CONFLICT},
      {{login, DB_V_UUID(b), DB_V_NULL, false}, ERR_INVALID},
      {{role, DB_V_UUID(a), DB_V_UUID(b), false}, ERR_CONFLICT},
      {{login, DB_V_UUID(b), DB_V_TEXT(STR("w@y.example")), false}, ERR_NONE},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct insertion insertion = cases[i].insertion;
    assert_int_equal(db_write(f->conn, insert, &insertion, &test_err), cases[i].code);
  }
}

static void after_a_failed_statement_nothing_else_is_done_or_stored(void **state) {
  struct fixture *f = *state;
  struct uuid a = uuid_new();
  struct insertion insertion = {"INSERT INTO login (id, email, created_at) VALUES ($1, $2, 0)", DB_V_UUID(a), DB_V_NULL,
                                true};
  assert_int_equal(db_write(f->conn, insert, &insertion, &test_err), ERR_UNAVAILABLE);
}

/* The same statement, while its rows are being read. */
static enum err_code nested(struct db_tx *tx, void *context, struct err *err) {
  static const char *const sql = "WITH n (x) AS (VALUES (1), (2), (3)) SELECT x FROM n WHERE x > $1";
  int sum = 0;
  for (int round = 0; round < 2; round++) {
    struct db_rows *outer, *inner;
    assert_ok(db_query(tx, sql, DB_PARAMS(DB_V_INT(0)), &outer, err));
    while (db_next(outer, err) == 1) {
      assert_ok(db_query(tx, sql, DB_PARAMS(DB_V_INT(db_int(outer, 0))), &inner, err));
      while (db_next(inner, err) == 1)
        sum += (int)db_int(inner, 0);
      db_rows_close(inner);
    }
    db_rows_close(outer);
  }
  assert_int_equal(sum, 2 * (2 + 3 + 3));
  return ERR_NONE;
}

static void a_statement_may_run_within_itself(void **state) {
  in_tx(*state, nested);
}

static enum err_code reused_buffer(struct db_tx *tx, void *context, struct err *err) {
  char sql[32] = "SELECT 1";
  assert_ok(db_exec(tx, sql, DB_NO_PARAMS, err));
  memcpy(sql, "SELECT 2", 9);
  return db_exec(tx, sql, DB_NO_PARAMS, err);
}

static void a_text_that_changed_under_its_address_is_noticed(void **state) {
  struct fixture *f = *state;
  assert_int_equal(db_read(f->conn, reused_buffer, NULL, &test_err), ERR_INTERNAL);
}

static enum err_code many(struct db_tx *tx, void *context, struct err *err) {
  enum { N = 300 };
  static char sql[N][16];
  for (int round = 0; round < 2; round++)
    for (int i = 0; i < N; i++) {
      struct db_rows *rows;
      if (!round) snprintf(sql[i], sizeof sql[i], "SELECT %d", i);
      assert_ok(db_query(tx, sql[i], DB_NO_PARAMS, &rows, err));
      assert_int_equal(db_next(rows, err), 1);
      assert_int_equal(db_int(rows, 0), i);
      db_rows_close(rows);
    }
  return ERR_NONE;
}

static void the_cache_keeps_apart_as_many_as_there_are(void **state) {
  in_tx(*state, many);
}

static enum err_code returning(struct db_tx *tx, void *context, struct err *err) {
  struct db_rows *rows;
  assert_ok(db_query(
      tx, "INSERT INTO installation VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2 RETURNING name",
      DB_PARAMS(DB_V_TEXT(STR("k")), DB_V_BLOB(STR("v"))), &rows, err));
  assert_int_equal(db_next(rows, err), 1);
  assert_str(db_text(rows, 0), "k");
  db_rows_close(rows);
  assert_ok(
      db_exec(tx, "UPDATE installation SET value = $1 WHERE name = 'absent'", DB_PARAMS(DB_V_BLOB(STR("v"))), err));
  assert_int_equal(db_changes(tx), 0);
  return ERR_NONE;
}

static void returning_and_on_conflict_work(void **state) {
  in_tx(*state, returning);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(every_kind_of_value_comes_back, set_up, tear_down),
      cmocka_unit_test_setup_teardown(parameters_go_by_their_number_not_their_order, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_wrong_number_of_parameters_is_a_bug_of_ours, set_up, tear_down),
      cmocka_unit_test_setup_teardown(texts_hold_no_sql, set_up, tear_down),
      cmocka_unit_test_setup_teardown(broken_constraints_have_codes, set_up, tear_down),
      cmocka_unit_test_setup_teardown(after_a_failed_statement_nothing_else_is_done_or_stored, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_statement_may_run_within_itself, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_text_that_changed_under_its_address_is_noticed, set_up, tear_down),
      cmocka_unit_test_setup_teardown(the_cache_keeps_apart_as_many_as_there_are, set_up, tear_down),
      cmocka_unit_test_setup_teardown(returning_and_on_conflict_work, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
