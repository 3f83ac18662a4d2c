#include "store/fixture.h"

STORE_TEST(changes_are_numbered_in_their_order) {
  const struct change_record *list;
  size_t n;
  int64_t last = -1;
  assert_ok(store_change_last(tx, &last, &test_err));
  assert_int_equal(last, 0);
  assert_ok(store_change_log(tx, t->acme.id, CHANGE_ORGANISATION, t->acme.id, &test_err));
  assert_ok(store_change_log(tx, t->globex.id, CHANGE_ACCESS_TOKEN, t->globex.token, &test_err));
  assert_ok(store_change_log(tx, t->acme.id, CHANGE_ORGANISATION, t->acme.id, &test_err));
  assert_ok(store_change_last(tx, &last, &test_err));
  assert_int_equal(last, 3);
  assert_ok(store_change_list(ARENA, 1, 10, &list, &n, &test_err));
  assert_int_equal(n, 2);
  assert_int_equal(list[0].seq, 2);
  assert_int_equal(list[0].kind, CHANGE_ACCESS_TOKEN);
  assert_true(uuid_eq(list[0].organisation_id, t->globex.id) && uuid_eq(list[0].object_id, t->globex.token));
  assert_int_equal(list[1].kind, CHANGE_ORGANISATION);
  assert_ok(store_change_list(ARENA, 0, 2, &list, &n, &test_err));
  assert_int_equal(n, 2);
  assert_int_equal(list[1].seq, 2);
}

STORE_TEST(a_change_of_the_organisation_grows_its_version) {
  struct organisation_record record;
  assert_ok(store_change_log(tx, t->acme.id, CHANGE_ORGANISATION, t->acme.id, &test_err));
  assert_ok(store_change_log(tx, t->acme.id, CHANGE_ACCESS_TOKEN, t->acme.token, &test_err));
  assert_ok(store_organisation_get(ARENA, t->acme.id, &record, &test_err));
  assert_int_equal(record.version, 2);
  assert_ok(store_organisation_get(ARENA, t->globex.id, &record, &test_err));
  assert_int_equal(record.version, 1);
}

STORE_TEST(what_was_passed_goes_and_numbers_go_on) {
  const struct change_record *list;
  size_t n;
  int64_t last = 0;
  for (int i = 0; i < 5; i++)
    assert_ok(store_change_log(tx, t->acme.id, CHANGE_ORGANISATION, t->acme.id, &test_err));
  assert_ok(store_change_prune(tx, 5, 1, &test_err)); /* all of them are younger */
  assert_ok(store_change_list(ARENA, 0, 10, &list, &n, &test_err));
  assert_int_equal(n, 5);
  assert_ok(store_change_prune(tx, 3, INT64_MAX, &test_err));
  assert_ok(store_change_list(ARENA, 0, 10, &list, &n, &test_err));
  assert_int_equal(n, 2);
  assert_int_equal(list[0].seq, 4);
  assert_ok(store_change_prune(tx, 100, INT64_MAX, &test_err));
  assert_ok(store_change_list(ARENA, 0, 10, &list, &n, &test_err));
  assert_int_equal(n, 1); /* the newest: a log that begins anew would be passed over by whoever has read further */
  assert_ok(store_change_log(tx, t->acme.id, CHANGE_ORGANISATION, t->acme.id, &test_err));
  assert_ok(store_change_last(tx, &last, &test_err));
  assert_int_equal(last, 6);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_UNIT(changes_are_numbered_in_their_order),
      STORE_UNIT(a_change_of_the_organisation_grows_its_version),
      STORE_UNIT(what_was_passed_goes_and_numbers_go_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
