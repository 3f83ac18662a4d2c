/* The trail's table on PostgreSQL. Months here lie in the past, so that nothing that goes on beside counts as older. */
#include <libpq-fe.h>

#include "base/clock.h"
#include "db/fixture.h"

#define NEEDS_SERVER \
  if (!test_server()) skip_because("no server is named; part postgres of make test runs it with one")
#define RECORD(organisation, seq, time)                                                                  \
  "INSERT INTO audit_record (organisation_id, writer, seq, time, record, mac) VALUES ('\\x" organisation \
  "', 'w', " seq ", " time ", '{}', '\\x00')"
#define PARTITIONS                                                                                                     \
  "pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid WHERE i.inhparent = to_regclass(quote_ident(current_schema()) " \
  "|| '.audit_record')"

/* 2020-01-15, 2020-02-15, 2020-03-10 */
#define JANUARY "1579046400000000"
#define FEBRUARY "1581724800000000"
#define MARCH "1583798400000000"

static int set_up_server(void **state) {
  return test_server() ? set_up(state) : set_up_dir(state);
}

static int64_t has_table(struct fixture *f, const char *name) {
  char sql[256];
  snprintf(sql, sizeof sql,
           "SELECT count(*) FROM pg_class WHERE relname = '%s' AND relnamespace = (SELECT oid FROM pg_namespace WHERE "
           "nspname = current_schema())",
           name);
  return raw(f, sql);
}

static void this_month_the_next_and_a_place_for_the_rest_are_there(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  assert_int_equal(raw(f, "SELECT count(*) FROM " PARTITIONS), 3);
  assert_int_equal(raw(f, "SELECT count(*) FROM " PARTITIONS " AND c.relname ~ '^audit_record_2[0-9]{5}$'"), 2);
  raw(f, RECORD("01", "1", "(SELECT CAST(extract(epoch FROM now()) AS bigint) * 1000000)"));
  assert_int_equal(raw(f, "SELECT count(*) FROM audit_record_other"), 0);
}

static void a_record_of_any_time_has_a_place(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  raw(f, RECORD("01", "1", "0"));
  raw(f, RECORD("01", "2", "-5"));
  raw(f, RECORD("01", "3", "9000000000000000000"));
  assert_int_equal(raw(f, "SELECT count(*) FROM audit_record_other"), 3);
}

static void what_came_before_its_months_partition_moves_into_it(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  raw(f, RECORD("01", "1", JANUARY));
  raw(f, RECORD("01", "2", FEBRUARY));
  raw(f, RECORD("01", "3", MARCH));
  raw(f, "SELECT connek_tend(" JANUARY ")");
  assert_int_equal(raw(f, "SELECT count(*) FROM audit_record_202001"), 1);
  assert_int_equal(raw(f, "SELECT count(*) FROM audit_record_202002"), 1);
  assert_int_equal(raw(f, "SELECT count(*) FROM audit_record_other"), 1);
  assert_int_equal(raw(f, "SELECT count(*) FROM audit_record"), 3);
  raw(f, "SELECT connek_tend(" JANUARY ")"); /* again: nothing changes */
  assert_int_equal(raw(f, "SELECT count(*) FROM audit_record"), 3);
}

/* Each one, also one that was made later. */
static void a_partition_by_its_own_name_shows_nothing_of_another_organisation(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  static const char *const tables[] = {"audit_record", "audit_record_202001", "audit_record_other"};
  raw(f, "SELECT connek_tend(" JANUARY ")");
  raw(f, RECORD("01010101010101010101010101010101", "1", JANUARY));
  raw(f, RECORD("01010101010101010101010101010101", "2", "5"));
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
    char sql[256];
    static const char *const scopes[] = {"RESET connek.organisation",
                                         "SET connek.organisation = '02020202020202020202020202020202'"};
    for (size_t k = 0; k < 2; k++) {
      snprintf(sql, sizeof sql, "%s; SELECT count(*) FROM %s", scopes[k], tables[i]);
      assert_int_equal(raw(f, sql), 0);
    }
    snprintf(sql, sizeof sql, "SET connek.organisation = '01010101010101010101010101010101'; SELECT count(*) FROM %s",
             tables[i]);
    assert_int_equal(raw(f, sql), i == 0 ? 2 : 1);
  }
}

static void an_empty_month_is_dropped_an_hour_after_and_one_with_records_is_not(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  raw(f, "SELECT connek_tend(" JANUARY ")");
  raw(f, RECORD("01", "1", JANUARY));
  assert_int_equal(raw(f, "SELECT connek_tend(" MARCH ")"), 0);
  assert_int_equal(raw(f, "SELECT connek_tend(" MARCH " + 1800000000)"), 0);
  assert_int_equal(raw(f, "SELECT connek_tend(" MARCH " + 3700000000)"), 1);
  assert_int_equal(has_table(f, "audit_record_202001"), 1);
  assert_int_equal(has_table(f, "audit_record_202002"), 0);
  assert_int_equal(has_table(f, "audit_record_202003"), 1);
  raw(f, "DELETE FROM audit_record");
  assert_int_equal(raw(f, "SELECT connek_tend(" MARCH " + 3800000000)"), 0);
  raw(f, RECORD("01", "1", JANUARY)); /* something came meanwhile */
  assert_int_equal(raw(f, "SELECT connek_tend(" MARCH " + 9800000000)"), 0);
  raw(f, "DELETE FROM audit_record");
  assert_int_equal(raw(f, "SELECT connek_tend(" MARCH " + 9900000000)"), 0);
  assert_int_equal(raw(f, "SELECT connek_tend(" MARCH " + 13600000000)"), 1);
  assert_int_equal(has_table(f, "audit_record_202001"), 0);
  raw(f, RECORD("01", "1", JANUARY)); /* and still has a place */
}

static void who_reads_the_trail_is_not_waited_for(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  char url[512];
  raw(f, "SELECT connek_tend(" JANUARY ")");
  raw(f, "SELECT connek_tend(" MARCH ")");
  test_schema(f->dir, url);
  PGconn *reader = PQconnectdb(url);
  PQclear(PQexec(reader, "BEGIN; SELECT count(*) FROM audit_record"));
  assert_int_equal(raw(f, "SELECT connek_tend(" MARCH " + 3700000000)"), 0);
  assert_int_equal(has_table(f, "audit_record_202001"), 1);
  PQfinish(reader);
  int64_t n = 0;
  for (int i = 0; i < 600 && n < 2; i++) { /* the server may take a moment to notice */
    n += raw(f, "SELECT connek_tend(" MARCH " + 3700000000)");
    if (n < 2) usleep(100 * 1000);
  }
  assert_int_equal(n, 2);
}

static void whoever_holds_a_month_keeps_nobody_from_opening(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  char url[512];
  raw(f, "SELECT connek_tend(" JANUARY ")");
  test_schema(f->dir, url);
  PGconn *holder = PQconnectdb(url);
  PQclear(PQexec(holder, "BEGIN; LOCK TABLE audit_record_202001 IN SHARE UPDATE EXCLUSIVE MODE")); /* as VACUUM does */
  assert_int_equal(raw(f, "SELECT connek_tend(" MARCH ")"), 0);
  PQfinish(holder);
}

static void a_question_with_a_time_looks_at_one_month(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  raw(f, "SELECT connek_tend(" JANUARY ")");
  raw(f,
      "CREATE FUNCTION scans(q text) RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE l text; n bigint := 0; BEGIN FOR l "
      "IN EXECUTE 'EXPLAIN ' || q LOOP IF l ~ 'Scan.* on ' THEN n := n + 1; END IF; END LOOP; RETURN n; END $$");
  assert_true(raw(f, "SELECT scans('SELECT * FROM audit_record WHERE seq = 1')") >= 5);
  assert_true(raw(f, "SELECT scans('SELECT * FROM audit_record WHERE seq = 1 AND time = " JANUARY "')") <= 2);
}

/* As it was in a database that was made before. */
static void a_table_that_was_one_becomes_a_partition_with_all_its_records(void **state) {
  NEEDS_SERVER;
  struct fixture *f = *state;
  char sql[256];
  raw(f, "DROP TABLE audit_record");
  raw(f,
      "CREATE TABLE audit_record (organisation_id BYTEA NOT NULL, writer TEXT COLLATE \"C\" NOT NULL, seq BIGINT NOT "
      "NULL, time BIGINT NOT NULL, record TEXT COLLATE \"C\" NOT NULL, mac BYTEA NOT NULL, personal BYTEA, PRIMARY KEY "
      "(organisation_id, writer, seq))");
  raw(f, RECORD("01", "1", "5"));
  snprintf(sql, sizeof sql, RECORD("01", "2", "%lld"), (long long)clock_utc_us());
  raw(f, sql);
  raw(f, RECORD("01", "3", "9000000000000000000"));
  for (int i = 0; i < 2; i++) { /* the second opening finds nothing to do */
    db_disconnect(f->conn);
    db_close(f->db);
    assert_ok(test_db_open(f->dir, false, &f->db, &test_err));
    assert_ok(db_connect(f->db, &f->conn, &test_err));
    assert_int_equal(raw(f, "SELECT count(*) FROM audit_record"), 3);
    assert_int_equal(raw(f, "SELECT count(*) FROM audit_record_before"), 2);
    assert_int_equal(raw(f, "SELECT count(*) FROM audit_record_other"), 1);
    assert_int_equal(raw(f, "SELECT count(*) FROM " PARTITIONS " AND c.relforcerowsecurity"),
                     3); /* and the next month */
  }
  snprintf(sql, sizeof sql, RECORD("01", "4", "connek_month(%lld, 1)"), (long long)clock_utc_us());
  raw(f, sql);
  assert_int_equal(raw(f, "SELECT count(*) FROM audit_record_before"), 2);
  assert_int_equal(raw(f, "SELECT count(*) FROM audit_record_other"), 1);
}

#define SERVER_UNIT(name) cmocka_unit_test_setup_teardown(name, set_up_server, tear_down)
int main(void) {
  const struct CMUnitTest tests[] = {
      SERVER_UNIT(this_month_the_next_and_a_place_for_the_rest_are_there),
      SERVER_UNIT(a_record_of_any_time_has_a_place),
      SERVER_UNIT(what_came_before_its_months_partition_moves_into_it),
      SERVER_UNIT(a_partition_by_its_own_name_shows_nothing_of_another_organisation),
      SERVER_UNIT(an_empty_month_is_dropped_an_hour_after_and_one_with_records_is_not),
      SERVER_UNIT(who_reads_the_trail_is_not_waited_for),
      SERVER_UNIT(whoever_holds_a_month_keeps_nobody_from_opening),
      SERVER_UNIT(a_question_with_a_time_looks_at_one_month),
      SERVER_UNIT(a_table_that_was_one_becomes_a_partition_with_all_its_records),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
