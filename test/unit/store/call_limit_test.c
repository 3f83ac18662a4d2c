#include "store/fixture.h"

STORE_TEST(one_a_scope_key_and_window) {
  const struct call_limit_record *list;
  size_t n;
  struct call_limit_record limit = {uuid_new(), t->acme.id, STR("token"), STR_NONE, 60000000, 60};
  struct uuid first = limit.id;
  assert_ok(store_call_limit_put(tx, &limit, &test_err));
  limit.id = uuid_new(), limit.cap = 600;
  assert_ok(store_call_limit_put(tx, &limit, &test_err));
  limit.id = uuid_new(), limit.scope_key = uuid_bytes(&t->acme.token), limit.cap = 7;
  assert_ok(store_call_limit_put(tx, &limit, &test_err));
  assert_ok(store_call_limit_list(ARENA, t->acme.id, &list, &n, &test_err));
  assert_int_equal(n, 2);
  assert_true(uuid_eq(list[0].id, first));
  assert_int_equal(list[0].cap, 600);
  assert_int_equal(list[0].scope_key.n, 0);
  assert_str(list[1].scope, "token");
  assert_int_equal(list[1].window_us, 60000000);
  assert_true(str_eq(list[1].scope_key, uuid_bytes(&t->acme.token)));
  assert_int_equal(store_call_limit_delete(tx, t->globex.id, first, &test_err), ERR_NOT_FOUND);
  assert_ok(store_call_limit_delete(tx, t->acme.id, first, &test_err));
  assert_ok(store_call_limit_list(ARENA, t->globex.id, &list, &n, &test_err));
  assert_int_equal(n, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {STORE_UNIT(one_a_scope_key_and_window)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
