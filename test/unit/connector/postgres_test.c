/* What of the kind "postgres" needs no server: settings, what may be asked, values, where it may lead. The rest is
 * test/integration/postgres_connector.test.js, on a real one. */
#include "connector/sql/postgres.h"

#include <arpa/inet.h>

#include "fixture.h"

static struct fixture *fixture_of(void **state) {
  return *state;
}

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  fixture_start(f);
  fixture_connect(f, connector_builtin_find(STR("postgres"))->definition,
                  "{\"host\":\"db.example\",\"database\":\"books\",\"user\":\"reader\"}");
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture_stop(*state);
  free(*state);
  return 0;
}

/* ---- settings ---- */

static enum err_code read_settings(struct fixture *f, const char *more, const struct postgres_target **ret_target) {
  char text[1024];
  const void *target = NULL;
  snprintf(text, sizeof(text), "{%s\"user\":\"reader\"}", more);
  enum err_code code = f->connector.kind->connect(&f->arena, &f->connector, fixture_json(f, text), &target, &test_err);
  if (ret_target) *ret_target = target;
  return code;
}

static void what_is_not_said_is_careful(void **state) {
  const struct postgres_target *target = fixture_of(state)->connection.state;
  assert_str(target->host, "db.example");
  assert_int_equal(target->port, 5432);
  assert_int_equal(target->tls, POSTGRES_TLS_DEFAULT);
  assert_false(target->may_write);
  assert_int_equal(target->timeout_us, LIMIT_SQL_MS * 1000LL);
}

static void settings_that_are_wrong_are_named(void **state) {
  struct fixture *f = *state;
  static const char *const wrong[][2] = {
      {"\"host\":\"/var/run/postgresql\",\"database\":\"b\",", "host"},
      {"\"host\":\"a,b\",\"database\":\"b\",", "host"},
      {"\"host\":\"a host=b\",\"database\":\"b\",", "host"},
      {"\"host\":\"db:5432\",\"database\":\"b\",", "host"},
      {"\"host\":\"@x\",\"database\":\"b\",", "host"},
      {"\"database\":\"b\",", "host"},
      {"\"host\":\"db\",", "database"},
      {"\"host\":\"db\",\"database\":\"a\\nb\",", "database"},
      {"\"host\":\"db\",\"database\":\"b\",\"port\":0,", "port"},
      {"\"host\":\"db\",\"database\":\"b\",\"port\":\"65536\",", "port"},
      {"\"host\":\"db\",\"database\":\"b\",\"port\":\"x\",", "port"},
      {"\"host\":\"db\",\"database\":\"b\",\"tls\":\"prefer\",", "tls"},
      {"\"host\":\"db\",\"database\":\"b\",\"ca\":\"/etc/passwd\",", "ca"},
      {"\"host\":\"db\",\"database\":\"b\",\"access\":\"all\",", "access"},
      {"\"host\":\"db\",\"database\":\"b\",\"sessions\":17,", "sessions"},
      {"\"host\":\"db\",\"database\":\"b\",\"timeout_ms\":60001,", "timeout_ms"},
      {"\"host\":\"db\",\"database\":\"b\",\"password\":\"x\",", "password"},
      {"\"host\":\"db\",\"database\":\"b\",\"options\":\"-c x=y\",", "options"},
      {"\"host\":\"db\",\"database\":\"b\",\"sslmode\":\"disable\",", "sslmode"},
  };
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    if (read_settings(f, wrong[i][0], NULL) != ERR_INVALID || !strstr(test_err.place, wrong[i][1]))
      fail_msg("%s: %s at %s", wrong[i][0], test_err.text, test_err.place);
  }
  const struct postgres_target *target;
  assert_ok(read_settings(f, "\"host\":\"DB.Example\",\"port\":\"6432\",\"database\":\"b c\",\"access\":\"write\",",
                          &target));
  assert_str(target->host, "db.example");
  assert_int_equal(target->port, 6432);
  assert_true(target->may_write);
  assert_ok(read_settings(f, "\"host\":\"2001:db8::1\",\"database\":\"b\",", &target));
}

static void its_credential_is_a_password(void **state) {
  struct fixture *f = *state;
  const struct connector_kind *kind = f->connector.kind;
  assert_ok(kind->check_credential(&f->connector, fixture_json(f, "{\"password\":\"x y\"}"), &test_err));
  assert_int_equal(kind->check_credential(&f->connector, fixture_json(f, "{\"key\":\"x\"}"), &test_err), ERR_INVALID);
  assert_int_equal(kind->check_credential(&f->connector, fixture_json(f, "{\"password\":\"\"}"), &test_err),
                   ERR_INVALID);
}

/* Who may change how it is secured could otherwise read the password that somebody else entered. */
static void its_destination_is_host_port_and_how_it_is_secured(void **state) {
  struct fixture *f = *state;
  static const char *const others[] = {
      "\"host\":\"other\",\"database\":\"b\",",
      "\"host\":\"db\",\"port\":1,\"database\":\"b\",",
      "\"host\":\"db\",\"database\":\"b\",\"tls\":\"require\",",
      "\"host\":\"db\",\"database\":\"b\",\"ca\":\"-----BEGIN CERTIFICATE-----\",",
  };
  struct buf one, other;
  const struct postgres_target *target;
  buf_init(&one, &f->arena, KIB);
  buf_init(&other, &f->arena, KIB);
  assert_ok(read_settings(f, "\"host\":\"db\",\"database\":\"b\",", &target));
  f->connector.kind->destination(&f->connector, target, &one);
  for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
    buf_clear(&other);
    assert_ok(read_settings(f, others[i], &target));
    f->connector.kind->destination(&f->connector, target, &other);
    assert_false(str_eq(buf_str(&one), buf_str(&other)));
  }
}

/* ---- where it may lead ---- */

static void a_public_address_is_reached_with_verified_tls_alone(void **state) {
  struct postgres_target target = {.host = STR("db.example")};
  assert_string_equal(postgres_tls_mode(&target, ADDRESS_PUBLIC, &test_err), "verify-full");
  assert_string_equal(postgres_tls_mode(&target, ADDRESS_PRIVATE, &test_err), "verify-full");
  assert_string_equal(postgres_tls_mode(&target, ADDRESS_LOOPBACK, &test_err), "prefer");
  for (target.tls = POSTGRES_TLS_REQUIRED; target.tls <= POSTGRES_TLS_NONE; target.tls++) {
    assert_null(postgres_tls_mode(&target, ADDRESS_PUBLIC, &test_err));
    assert_int_equal(test_err.code, ERR_DENIED);
    assert_string_equal(postgres_tls_mode(&target, ADDRESS_PRIVATE, &test_err),
                        target.tls == POSTGRES_TLS_NONE ? "disable" : "require");
  }
}

static enum err_code find(struct fixture *f, const char *host, struct str *ret_addresses) {
  struct postgres_target target = {.host = str_of(host), .port = 5432};
  const struct postgres_reach reach = {.target = &target, .organisation = STR("acme"), .guard = &f->guard};
  const char *mode;
  unsigned n;
  return postgres_find(&reach, &f->arena, ret_addresses, &n, &mode, &test_err);
}

static void an_address_that_is_not_allowed_is_refused(void **state) {
  struct fixture *f = *state;
  struct str addresses;
  assert_int_equal(find(f, "127.0.0.2", &addresses), ERR_DENIED);
  assert_non_null(strstr(test_err.text, "--allow-upstream 127.0.0.2:5432"));
  assert_int_equal(find(f, "10.0.0.1", &addresses), ERR_DENIED);
  assert_int_equal(find(f, "169.254.169.254", &addresses), ERR_DENIED);
  assert_int_equal(find(f, "localhost", &addresses), ERR_DENIED); /* the exception is the address's */
  assert_int_equal(find(f, "0x7f000002", &addresses), ERR_DENIED);
  assert_int_equal(find(f, "::ffff:10.0.0.1", &addresses), ERR_DENIED);
  assert_ok(find(f, "127.0.0.1", &addresses));
  assert_string_equal(addresses.p, "127.0.0.1");
  assert_ok(find(f, "8.8.8.8", &addresses));
}

/* ---- what may be asked ---- */

static void a_query_begins_with_a_word_that_reads(void **state) {
  static const char *const good[] = {
      "SELECT 1",
      "select(1)",
      "  (SELECT 1) UNION SELECT 2",
      "WITH a AS (SELECT 1) SELECT * FROM a",
      "VALUES (1)",
      "TABLE entry",
      "EXPLAIN SELECT 1",
      "SHOW search_path",
      "/* a /* b */ c */ SELECT 1",
      "-- a\n\tSELECT 1",
      "/**/SELECT 1",
      "/* * / */ SELECT 1",
      "--\rSELECT 1",
      "(/**/((SELECT 1)))",
  };
  static const char *const bad[] = {
      "COPY t TO PROGRAM 'x'",
      "copy t to stdout",
      "-- SELECT\rCOPY t TO '/x'",
      "/* SELECT */ COPY t TO '/x'",
      "/* /* */ SELECT */ COPY t TO '/x'",
      "/**/COPY t TO '/x'",
      "; COPY t TO '/x'",
      "\vCOPY",
      "COMMIT",
      "BEGIN",
      "SET x = y",
      "DO 'x'",
      "CALL f()",
      "EXECUTE p",
      "PREPARE p AS SELECT 1",
      "LISTEN x",
      "LOCK t",
      "INSERT INTO t",
      "DECLARE c CURSOR FOR SELECT 1",
      "FETCH c",
      "DISCARD ALL",
      "SELECTED",
      "S",
      "\xC2\xA0SELECT 1",
      "\"SELECT\" 1",
      "U&'x'",
      "",
      "  ",
      "-- SELECT",
      "/* SELECT",
      "/* SELECT /* */",
      "((",
      "\\g",
      "$$SELECT$$",
  };
  for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
    if (postgres_statement_check(SQL_QUERY, str_of(good[i]), &test_err)) fail_msg("%s: %s", good[i], test_err.text);
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    if (!postgres_statement_check(SQL_QUERY, str_of(bad[i]), &test_err)) fail_msg("taken: %s", bad[i]);
}

static void execute_takes_no_copy_and_no_transaction(void **state) {
  static const char *const bad[] = {"COPY t FROM PROGRAM 'x'",
                                    "BEGIN",
                                    "COMMIT",
                                    "ROLLBACK",
                                    "SAVEPOINT a",
                                    "PREPARE TRANSACTION 'x'",
                                    "SET ROLE x",
                                    "RESET ALL",
                                    "LISTEN x",
                                    "LOAD 'x'",
                                    "VACUUM",
                                    "CHECKPOINT",
                                    "DISCARD ALL",
                                    "START TRANSACTION",
                                    "END",
                                    "ABORT"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    assert_int_equal(postgres_statement_check(SQL_EXECUTE, str_of(bad[i]), &test_err), ERR_INVALID);
  assert_ok(postgres_statement_check(SQL_EXECUTE, STR("merge INTO t USING u ON true"), &test_err));
  assert_int_equal(postgres_statement_check(SQL_EXECUTE, str_make("SELECT \0", 8), &test_err), ERR_INVALID);
}

static void parameters_become_texts(void **state) {
  struct fixture *f = *state;
  const char **texts;
  int n;
  assert_ok(postgres_params_read(&f->arena, fixture_json(f, "[\"a'b\",12.5,true,null,{\"k\":[1]},-3]"), &texts, &n,
                                 &test_err));
  assert_int_equal(n, 6);
  assert_string_equal(texts[0], "a'b");
  assert_string_equal(texts[1], "12.5");
  assert_string_equal(texts[2], "true");
  assert_null(texts[3]);
  assert_string_equal(texts[4], "{\"k\":[1]}");
  assert_string_equal(texts[5], "-3");
  assert_ok(postgres_params_read(&f->arena, NULL, &texts, &n, &test_err));
  assert_int_equal(n, 0);
}

/* ---- values ---- */

static void assert_value(Oid type, const char *text, const char *expected) {
  struct buf out;
  buf_init(&out, NULL, MIB);
  postgres_value_write(&out, type, str_of(text));
  if (!str_eq_c(buf_str(&out), expected)) fail_msg("%s: %.*s, not %s", text, STR_ARG(buf_str(&out)), expected);
  buf_release(&out);
}

static void values_are_json_and_nothing_else(void **state) {
  assert_value(20, "9223372036854775807", "9223372036854775807");
  assert_value(20, "12; DROP", "\"12; DROP\""); /* a server may say anything */
  assert_value(20, "012", "\"012\"");
  assert_value(701, "1e-05", "1e-05");
  assert_value(701, "Infinity", "\"Infinity\"");
  assert_value(701, "1.", "\"1.\"");
  assert_value(1700, "12.50", "\"12.50\"");
  assert_value(16, "t", "true");
  assert_value(17, "\\x00ff10", "\"AP8Q\"");
  assert_value(17, "\\x0", "\"\\\\x0\"");
  assert_value(17, "\\001", "\"\\\\001\"");
  assert_value(3802, "{\"a\": 1}", "{\"a\": 1}");
  assert_value(114, "{\"a\": 1} , {", "\"{\\\"a\\\": 1} , {\"");
  assert_value(25, "a\"b", "\"a\\\"b\"");
}

static void arrays_are_lists(void **state) {
  assert_value(1007, "{1,NULL,3}", "[1,null,3]");
  assert_value(1007, "{}", "[]");
  assert_value(1009, "{{\"a,b\",\"c\\\"d\"},{\"NULL\",null}}", "[[\"a,b\",\"c\\\"d\"],[\"NULL\",null]]");
  assert_value(1009, "{\"\",\"{}\"}", "[\"\",\"{}\"]");
  static const char *const odd[] = {"[0:1]={1,2}", "{1",   "{1,", "{1}}", "{1,}", "{,1}",
                                    "{{1},2",      "{\"a", "{",   "}",    ",",    "{{{{{{{1}}}}}}}",
                                    "{1}x",        ""};
  for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
    struct buf out, text;
    buf_init(&out, NULL, MIB);
    buf_init(&text, NULL, MIB);
    json_write_str(&text, str_of(odd[i]));
    postgres_value_write(&out, 1007, str_of(odd[i]));
    if (!str_eq(buf_str(&out), buf_str(&text))) fail_msg("%s: %.*s", odd[i], STR_ARG(buf_str(&out)));
    buf_release(&out);
    buf_release(&text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(what_is_not_said_is_careful, set_up, tear_down),
      cmocka_unit_test_setup_teardown(settings_that_are_wrong_are_named, set_up, tear_down),
      cmocka_unit_test_setup_teardown(its_credential_is_a_password, set_up, tear_down),
      cmocka_unit_test_setup_teardown(its_destination_is_host_port_and_how_it_is_secured, set_up, tear_down),
      cmocka_unit_test(a_public_address_is_reached_with_verified_tls_alone),
      cmocka_unit_test_setup_teardown(an_address_that_is_not_allowed_is_refused, set_up, tear_down),
      cmocka_unit_test(a_query_begins_with_a_word_that_reads),
      cmocka_unit_test(execute_takes_no_copy_and_no_transaction),
      cmocka_unit_test_setup_teardown(parameters_become_texts, set_up, tear_down),
      cmocka_unit_test(values_are_json_and_nothing_else),
      cmocka_unit_test(arrays_are_lists),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
