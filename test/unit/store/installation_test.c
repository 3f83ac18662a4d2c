#include "store/fixture.h"

STORE_TEST(a_value_is_kept_and_replaced) {
  struct str value = STR("untouched");
  assert_int_equal(store_installation_get(ARENA, "fingerprint", &value, &test_err), ERR_NOT_FOUND);
  assert_says("fingerprint");
  assert_str(value, "untouched");
  assert_ok(store_installation_set(tx, "fingerprint", STR("one"), &test_err));
  assert_ok(store_installation_set(tx, "fingerprint", STR("two"), &test_err));
  assert_ok(store_installation_get(ARENA, "fingerprint", &value, &test_err));
  assert_str(value, "two");
  assert_ok(store_installation_set(tx, "fingerprint", STR_NONE, &test_err));
  assert_ok(store_installation_get(ARENA, "fingerprint", &value, &test_err));
  assert_int_equal(value.n, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {STORE_UNIT(a_value_is_kept_and_replaced)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
