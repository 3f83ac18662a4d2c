#include "store/fixture.h"

STORE_TEST(one_is_found_by_id_and_by_name) {
  struct organisation_record record;
  assert_ok(store_organisation_get(ARENA, t->acme.id, &record, &test_err));
  assert_str(record.name, "acme");
  assert_str(record.data_key, "sealed");
  assert_int_equal(record.version, 1);
  assert_int_equal(record.created_at, 5);
  assert_ok(store_organisation_find(ARENA, STR("globex"), &record, &test_err));
  assert_true(uuid_eq(record.id, t->globex.id));
}

STORE_TEST(what_is_not_there_is_named) {
  struct organisation_record record;
  assert_int_equal(store_organisation_find(ARENA, STR("initech"), &record, &test_err), ERR_NOT_FOUND);
  assert_says("\"initech\"");
  assert_int_equal(store_organisation_get(ARENA, uuid_new(), &record, &test_err), ERR_NOT_FOUND);
}

STORE_TEST(all_are_listed_by_name) {
  const struct organisation_record *list;
  size_t n;
  for (int i = 0; i < 20; i++) {
    char name[16];
    snprintf(name, sizeof name, "org%02d", 19 - i);
    struct organisation_record record = {uuid_new(), str_of(name), STR("k"), 1, 5};
    assert_ok(store_organisation_insert(tx, &record, &test_err));
  }
  assert_ok(store_organisation_list(ARENA, &list, &n, &test_err));
  assert_int_equal(n, 22);
  for (size_t i = 1; i < n; i++)
    assert_true(str_cmp(list[i - 1].name, list[i].name) < 0);
}

STORE_TEST(a_name_is_taken_once) {
  struct organisation_record record = {uuid_new(), STR("acme"), STR("k"), 1, 5};
  assert_breaks(store_organisation_insert(tx, &record, &test_err), ERR_CONFLICT);
  assert_says("\"acme\" exists already");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_UNIT(one_is_found_by_id_and_by_name),
      STORE_UNIT(what_is_not_there_is_named),
      STORE_UNIT(all_are_listed_by_name),
      STORE_UNIT(a_name_is_taken_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
