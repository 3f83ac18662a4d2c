#include "store/fixture.h"

STORE_TEST(all_of_it_comes_back) {
  const struct connection_record *list;
  size_t n;
  struct connection_record record = connection_of(&t->acme, STR("books"));
  record.labels = STR("{\"client\":\"globex\"}");
  record.settings = STR("{\"file\":\"x.db\"}");
  record.credential = str_make("\0sealed", 7);
  record.owner_user_id = t->acme.user;
  assert_ok(store_connection_insert(tx, &record, &test_err));
  assert_ok(store_connection_list(ARENA, t->acme.id, &list, &n, &test_err));
  assert_int_equal(n, 2);
  assert_str(list[0].name, "books"); /* by name */
  assert_str(list[0].labels, "{\"client\":\"globex\"}");
  assert_str(list[0].settings, "{\"file\":\"x.db\"}");
  assert_int_equal(list[0].credential.n, 7);
  assert_memory_equal(list[0].credential.p, "\0sealed", 7);
  assert_true(uuid_eq(list[0].owner_user_id, t->acme.user));
  assert_str(list[1].labels, "{}");
  assert_str(list[1].settings, "{}");
  assert_null(list[1].credential.p);
  assert_true(uuid_is_nil(list[1].owner_user_id));
}

STORE_TEST(a_change_grows_the_version) {
  const struct connection_record *list;
  size_t n;
  assert_ok(store_connection_list(ARENA, t->acme.id, &list, &n, &test_err));
  struct connection_record record = list[0];
  record.settings = STR("{\"file\":\"y.db\"}");
  record.updated_at = 9;
  assert_ok(store_connection_update(tx, &record, &test_err));
  assert_ok(store_connection_list(ARENA, t->acme.id, &list, &n, &test_err));
  assert_int_equal(list[0].version, 2);
  assert_int_equal(list[0].updated_at, 9);
  assert_int_equal(list[0].created_at, 5);
  assert_str(list[0].settings, "{\"file\":\"y.db\"}");
}

STORE_TEST(another_organisations_connection_cannot_be_touched) {
  const struct connection_record *list;
  size_t n;
  struct connection_record record = connection_of(&t->globex, STR("stolen"));
  record.id = t->acme.connection;
  assert_int_equal(store_connection_update(tx, &record, &test_err), ERR_NOT_FOUND);
  assert_int_equal(store_connection_delete(tx, t->globex.id, t->acme.connection, &test_err), ERR_NOT_FOUND);
  assert_ok(store_connection_list(ARENA, t->globex.id, &list, &n, &test_err));
  assert_int_equal(n, 1);
  assert_true(uuid_eq(list[0].id, t->globex.connection));
  bool exists = false;
  assert_ok(store_connection_exists(tx, t->acme.connection, &exists, &test_err));
  assert_true(exists);
  assert_ok(store_connection_delete(tx, t->acme.id, t->acme.connection, &test_err));
  assert_ok(store_connection_exists(tx, t->acme.connection, &exists, &test_err));
  assert_false(exists);
}

STORE_TEST(an_owner_is_of_the_same_organisation) {
  struct connection_record record = connection_of(&t->acme, STR("mine"));
  record.owner_user_id = t->globex.user;
  assert_int_equal(store_connection_insert(tx, &record, &test_err), ERR_NOT_FOUND);
  assert_says("\"mine\"");
  record.owner_user_id = t->acme.user;
  assert_ok(store_connection_insert(tx, &record, &test_err));
  record.owner_user_id = t->globex.user;
  assert_int_equal(store_connection_update(tx, &record, &test_err), ERR_NOT_FOUND);
}

STORE_TEST(a_name_is_taken_once_an_organisation) {
  struct connection_record record = connection_of(&t->acme, STR("ledger"));
  assert_breaks(store_connection_insert(tx, &record, &test_err), ERR_CONFLICT);
  assert_says("\"ledger\" exists already");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_UNIT(all_of_it_comes_back),
      STORE_UNIT(a_change_grows_the_version),
      STORE_UNIT(another_organisations_connection_cannot_be_touched),
      STORE_UNIT(an_owner_is_of_the_same_organisation),
      STORE_UNIT(a_name_is_taken_once_an_organisation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
