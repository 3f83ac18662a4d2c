#include "store/fixture.h"

static void put(struct db_tx *tx, struct uuid organisation_id, struct str id, int64_t version, struct str status) {
  struct connector_record record = {.organisation_id = organisation_id,
                                    .id = id,
                                    .version = version,
                                    .status = status,
                                    .kind = STR("http"),
                                    .source = STR("custom"),
                                    .definition = STR("{}")};
  memset(record.hash, (int)version, sizeof record.hash);
  assert_ok(store_connector_insert(tx, &record, &test_err));
}

static const struct uuid installation;

STORE_TEST(the_newest_that_is_not_deprecated_counts) {
  const struct connector_record *list;
  size_t n;
  put(tx, installation, STR("a"), 1, STR("available"));
  put(tx, installation, STR("a"), 2, STR("beta"));
  put(tx, installation, STR("a"), 3, STR("deprecated"));
  put(tx, installation, STR("b"), 1, STR("deprecated"));
  put(tx, t->acme.id, STR("a"), 1, STR("available"));
  assert_ok(store_connector_list(ARENA, t->acme.id, &list, &n, &test_err));
  assert_int_equal(n, 2);
  assert_true(uuid_is_nil(list[0].organisation_id));
  assert_int_equal(list[0].version, 2);
  assert_int_equal(list[0].hash[31], 2);
  assert_str(list[0].status, "beta");
  assert_str(list[0].definition, "{}");
  assert_true(uuid_eq(list[1].organisation_id, t->acme.id));
  assert_ok(store_connector_list(ARENA, installation, &list, &n, &test_err));
  assert_int_equal(n, 1);
}

STORE_TEST(another_organisations_definitions_are_not_there) {
  const struct connector_record *list;
  size_t n;
  put(tx, t->acme.id, STR("own"), 1, STR("available"));
  assert_ok(store_connector_list(ARENA, t->globex.id, &list, &n, &test_err));
  assert_int_equal(n, 0);
  assert_int_equal(store_connector_delete(tx, t->globex.id, STR("own"), &test_err), ERR_NOT_FOUND);
  assert_says("own");
  assert_ok(store_connector_delete(tx, t->acme.id, STR("own"), &test_err));
}

STORE_TEST(of_the_installations_those_are_used_that_a_connection_is_of) {
  const struct connector_record *list;
  size_t n;
  put(tx, installation, STR("unused"), 1, STR("available"));
  put(tx, installation, STR("sqlite"), 1, STR("available")); /* both organisations' ledger */
  put(tx, t->acme.id, STR("own"), 1, STR("available"));
  assert_ok(store_connector_list_used(ARENA, t->acme.id, &list, &n, &test_err));
  assert_int_equal(n, 2);
  assert_str(list[0].id, "own");
  assert_str(list[1].id, "sqlite");
  assert_ok(store_connection_delete(tx, t->acme.id, t->acme.connection, &test_err));
  assert_ok(store_connector_list_used(ARENA, t->acme.id, &list, &n, &test_err));
  assert_int_equal(n, 1);
  assert_str(list[0].id, "own");
}

STORE_TEST(a_version_is_written_once) {
  put(tx, t->acme.id, STR("own"), 4, STR("available"));
  struct connector_record again = {.organisation_id = t->acme.id,
                                   .id = STR("own"),
                                   .version = 4,
                                   .status = STR("available"),
                                   .kind = STR("http"),
                                   .source = STR("custom"),
                                   .definition = STR("{\"other\":1}")};
  assert_breaks(store_connector_insert(tx, &again, &test_err), ERR_CONFLICT);
  assert_says("own has a version 4");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_UNIT(the_newest_that_is_not_deprecated_counts),
      STORE_UNIT(another_organisations_definitions_are_not_there),
      STORE_UNIT(of_the_installations_those_are_used_that_a_connection_is_of),
      STORE_UNIT(a_version_is_written_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
