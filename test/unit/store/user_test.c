#include "store/fixture.h"

STORE_TEST(one_person_may_be_a_user_of_two_organisations) {
  assert_true(uuid_eq(t->acme.login, t->globex.login));
  struct user_record a, g;
  assert_ok(store_user_find(ARENA, t->acme.id, STR("ann@both.example"), &a, &test_err));
  assert_ok(store_user_find(ARENA, t->globex.id, STR("ann@both.example"), &g, &test_err));
  assert_true(uuid_eq(a.id, t->acme.user));
  assert_true(uuid_eq(g.id, t->globex.user));
  assert_true(uuid_eq(a.login_id, t->acme.login));
  assert_str(a.email, "ann@both.example");
  assert_str(a.kind, "member");
  assert_int_equal(a.disabled_at, 0);
}

STORE_TEST(another_organisations_user_is_not_there) {
  struct user_record record;
  struct uuid login;
  assert_ok(store_login_ensure(ARENA, STR("bob@acme.example"), &login, &test_err));
  struct user_record bob = {uuid_new(), t->acme.id, login, STR("bob@acme.example"), STR("admin"), 77, 5};
  assert_ok(store_user_insert(tx, &bob, &test_err));
  assert_ok(store_user_find(ARENA, t->acme.id, STR("bob@acme.example"), &record, &test_err));
  assert_int_equal(record.disabled_at, 77);
  assert_int_equal(store_user_find(ARENA, t->globex.id, STR("bob@acme.example"), &record, &test_err), ERR_NOT_FOUND);
  assert_says("bob@acme.example");
  const struct user_record *list;
  size_t n;
  assert_ok(store_user_list(ARENA, t->globex.id, &list, &n, &test_err));
  assert_int_equal(n, 1);
  assert_ok(store_user_list(ARENA, t->acme.id, &list, &n, &test_err));
  assert_int_equal(n, 2);
  assert_str(list[1].email, "bob@acme.example");
  assert_int_equal(store_user_delete(tx, t->globex.id, bob.id, &test_err), ERR_NOT_FOUND);
  assert_ok(store_user_find(ARENA, t->acme.id, STR("bob@acme.example"), &record, &test_err));
}

STORE_TEST(a_user_is_added_once) {
  struct user_record again = {uuid_new(), t->acme.id, t->acme.login, STR("ann@both.example"), STR("member"), 0, 5};
  assert_breaks(store_user_insert(tx, &again, &test_err), ERR_CONFLICT);
  assert_says("ann@both.example");
  struct user_record lost = {uuid_new(), uuid_new(), t->acme.login, STR("ann@both.example"), STR("member"), 0, 5};
  assert_breaks(store_user_insert(tx, &lost, &test_err), ERR_CONFLICT);
  struct user_record odd = {uuid_new(), t->acme.id, t->acme.login, STR("x"), STR("emperor"), 0, 5};
  assert_breaks(store_user_insert(tx, &odd, &test_err), ERR_INVALID);
}

STORE_TEST(another_organisation_cannot_make_a_user_an_owner) {
  const struct user_record *list;
  size_t n;
  assert_int_equal(store_user_set_kind(tx, t->globex.id, t->acme.user, STR("owner"), &test_err), ERR_NOT_FOUND);
  assert_ok(store_user_set_kind(tx, t->acme.id, t->acme.user, STR("auditor"), &test_err));
  assert_ok(store_user_list(ARENA, t->acme.id, &list, &n, &test_err));
  assert_int_equal(n, 1);
  assert_true(str_eq_c(list[0].kind, "auditor"));
}

STORE_TEST(with_a_user_go_its_tokens_and_roles) {
  assert_ok(store_user_role_insert(tx, t->acme.id, t->acme.user, t->acme.role, &test_err));
  assert_ok(store_user_delete(tx, t->acme.id, t->acme.user, &test_err));
  struct access_token_record token;
  assert_int_equal(store_access_token_get(ARENA, t->acme.token, &token, &test_err), ERR_NOT_FOUND);
  const struct user_role_record *list;
  size_t n;
  assert_ok(store_user_role_list(ARENA, t->acme.id, &list, &n, &test_err));
  assert_int_equal(n, 0);
  assert_int_equal(store_user_delete(tx, t->acme.id, t->acme.user, &test_err), ERR_NOT_FOUND);
  assert_ok(store_access_token_get(ARENA, t->globex.token, &token, &test_err));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_UNIT(one_person_may_be_a_user_of_two_organisations),
      STORE_UNIT(another_organisations_user_is_not_there),
      STORE_UNIT(a_user_is_added_once),
      STORE_UNIT(another_organisation_cannot_make_a_user_an_owner),
      STORE_UNIT(with_a_user_go_its_tokens_and_roles),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
