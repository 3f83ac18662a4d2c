#include "store/fixture.h"

STORE_TEST(each_organisation_has_its_own_and_each_once) {
  const struct str *ids;
  size_t n;
  assert_ok(store_personal_connector_insert(tx, t->acme.id, STR("gmail"), &test_err));
  assert_ok(store_personal_connector_insert(tx, t->acme.id, STR("books"), &test_err));
  assert_ok(store_personal_connector_insert(tx, t->acme.id, STR("gmail"), &test_err));
  assert_ok(store_personal_connector_list(ARENA, t->acme.id, &ids, &n, &test_err));
  assert_int_equal(n, 2);
  assert_str(ids[0], "books");
  assert_str(ids[1], "gmail");
  assert_ok(store_personal_connector_delete(tx, t->globex.id, STR("gmail"), &test_err));
  assert_ok(store_personal_connector_list(ARENA, t->globex.id, &ids, &n, &test_err));
  assert_int_equal(n, 0);
  assert_ok(store_personal_connector_delete(tx, t->acme.id, STR("gmail"), &test_err));
  assert_ok(store_personal_connector_list(ARENA, t->acme.id, &ids, &n, &test_err));
  assert_int_equal(n, 1);
}

STORE_TEST(who_made_a_connection_is_written_once) {
  struct connection_record made = connection_of(&t->acme, STR("mine (ann@both.example)")), found;
  made.owner_user_id = t->acme.user;
  made.is_made_by_owner = true;
  assert_ok(store_connection_insert(tx, &made, &test_err));
  made.is_made_by_owner = false;
  made.updated_at = 9;
  assert_ok(store_connection_update(tx, &made, &test_err));
  assert_ok(store_connection_get(ARENA, t->acme.id, made.id, &found, &test_err));
  assert_true(found.is_made_by_owner);
  assert_int_equal(found.updated_at, 9);
  assert_ok(store_connection_get(ARENA, t->acme.id, t->acme.connection, &found, &test_err));
  assert_false(found.is_made_by_owner);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_UNIT(each_organisation_has_its_own_and_each_once),
      STORE_UNIT(who_made_a_connection_is_written_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
