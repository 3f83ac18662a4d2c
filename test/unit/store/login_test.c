#include "store/fixture.h"
#include "store/sign_in.h"

static const uint8_t some_hash[STORE_HASH] = {7}, other_hash[STORE_HASH] = {8};

STORE_TEST(a_login_is_found_by_its_address_with_what_is_known_of_it) {
  struct login_record login;
  assert_ok(store_login_find(ARENA, STR("ann@both.example"), &login, &test_err));
  assert_true(uuid_eq(login.id, t->acme.login));
  assert_null(login.password.p);
  assert_null(login.totp.p);
  assert_int_equal(login.totp_confirmed_at + login.n_recovery_codes, 0);
  assert_ok(store_password_put(tx, login.id, STR("$argon2id$first"), 10, &test_err));
  assert_ok(store_password_put(tx, login.id, STR("$argon2id$second"), 11, &test_err));
  assert_ok(store_login_get(ARENA, login.id, &login, &test_err));
  assert_str(login.email, "ann@both.example");
  assert_str(login.password, "$argon2id$second");
  assert_int_equal(store_login_find(ARENA, STR("bob@both.example"), &login, &test_err), ERR_NOT_FOUND);
  assert_says("bob@both.example");
  assert_int_equal(store_login_get(ARENA, uuid_new(), &login, &test_err), ERR_NOT_FOUND);
}

STORE_TEST(a_step_of_the_app_is_taken_once_and_none_before_it) {
  bool is_taken = false;
  assert_ok(store_totp_put(tx, t->acme.login, STR("sealed"), 1, &test_err));
  assert_ok(store_totp_take_step(tx, t->acme.login, 100, &is_taken, &test_err));
  assert_true(is_taken);
  for (int64_t step = 98; step <= 100; step++) {
    assert_ok(store_totp_take_step(tx, t->acme.login, step, &is_taken, &test_err));
    assert_false(is_taken);
  }
  assert_ok(store_totp_take_step(tx, t->acme.login, 101, &is_taken, &test_err));
  assert_true(is_taken);
  assert_ok(store_totp_take_step(tx, uuid_new(), 102, &is_taken, &test_err));
  assert_false(is_taken);
}

STORE_TEST(wrong_codes_are_counted_until_they_are_forgiven) {
  struct login_record login;
  assert_ok(store_totp_put(tx, t->acme.login, STR("sealed"), 1, &test_err));
  for (int64_t i = 1; i <= 3; i++) {
    assert_ok(store_totp_failed(tx, t->acme.login, 100 + i, &test_err));
    assert_ok(store_login_get(ARENA, t->acme.login, &login, &test_err));
    assert_int_equal(login.totp_failures, i);
    assert_int_equal(login.totp_failed_at, 100 + i);
  }
  assert_ok(store_totp_forgive(tx, t->acme.login, &test_err));
  assert_ok(store_login_get(ARENA, t->acme.login, &login, &test_err));
  assert_int_equal(login.totp_failures + login.totp_failed_at, 0);
}

STORE_TEST(a_new_second_step_begins_unproven_without_the_old_ones_codes) {
  struct login_record login;
  assert_ok(store_totp_put(tx, t->acme.login, STR("one"), 1, &test_err));
  assert_ok(store_totp_confirm(tx, t->acme.login, 2, &test_err));
  assert_ok(store_recovery_code_insert(tx, t->acme.login, some_hash, &test_err));
  assert_ok(store_login_get(ARENA, t->acme.login, &login, &test_err));
  assert_str(login.totp, "one");
  assert_int_equal(login.totp_confirmed_at, 2);
  assert_int_equal(login.n_recovery_codes, 1);
  assert_ok(store_totp_put(tx, t->acme.login, STR("two"), 3, &test_err));
  assert_ok(store_login_get(ARENA, t->acme.login, &login, &test_err));
  assert_str(login.totp, "two");
  assert_int_equal(login.totp_confirmed_at + login.totp_last_step + login.n_recovery_codes, 0);
}

STORE_TEST(a_recovery_code_is_one_persons_once) {
  bool is_taken = true;
  struct uuid bob;
  assert_ok(store_login_ensure(ARENA, STR("bob@acme.example"), &bob, &test_err));
  assert_ok(store_recovery_code_insert(tx, t->acme.login, some_hash, &test_err));
  assert_ok(store_recovery_code_take(tx, bob, some_hash, &is_taken, &test_err));
  assert_false(is_taken);
  assert_ok(store_recovery_code_take(tx, t->acme.login, other_hash, &is_taken, &test_err));
  assert_false(is_taken);
  assert_ok(store_recovery_code_take(tx, t->acme.login, some_hash, &is_taken, &test_err));
  assert_true(is_taken);
  assert_ok(store_recovery_code_take(tx, t->acme.login, some_hash, &is_taken, &test_err));
  assert_false(is_taken);
}

STORE_TEST(a_membership_is_accepted_for_itself_and_keeps_its_first_time) {
  const struct membership_record *list;
  size_t n;
  assert_ok(store_membership_accept(tx, t->acme.user, 100, &test_err));
  assert_ok(store_membership_accept(tx, t->acme.user, 200, &test_err));
  assert_int_equal(store_membership_accept(tx, uuid_new(), 100, &test_err), ERR_NOT_FOUND);
  assert_ok(store_membership_list(ARENA, t->acme.login, &list, &n, &test_err));
  assert_int_equal(n, 2);
  assert_str(list[0].organisation, "acme");
  assert_int_equal(list[0].accepted_at, 100);
  assert_str(list[1].organisation, "globex");
  assert_int_equal(list[1].accepted_at, 0);
}

/* An owner who has no password, or never took the invitation, cannot let anybody in. */
STORE_TEST(an_owner_exists_once_one_can_sign_in) {
  bool exists = true;
  struct uuid login;
  assert_ok(store_login_ensure(ARENA, STR("owner@acme.example"), &login, &test_err));
  struct user_record owner = {uuid_new(), t->acme.id, login, STR("owner@acme.example"), STR("owner"), 0, 5};
  assert_ok(store_user_insert(tx, &owner, &test_err));
  assert_ok(store_owner_exists(tx, &exists, &test_err));
  assert_false(exists);
  assert_ok(store_password_put(tx, login, STR("$argon2id$"), 10, &test_err));
  assert_ok(store_owner_exists(tx, &exists, &test_err));
  assert_false(exists);
  assert_ok(store_membership_accept(tx, owner.id, 11, &test_err));
  assert_ok(store_owner_exists(tx, &exists, &test_err));
  assert_true(exists);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_UNIT(a_login_is_found_by_its_address_with_what_is_known_of_it),
      STORE_UNIT(a_step_of_the_app_is_taken_once_and_none_before_it),
      STORE_UNIT(wrong_codes_are_counted_until_they_are_forgiven),
      STORE_UNIT(a_new_second_step_begins_unproven_without_the_old_ones_codes),
      STORE_UNIT(a_recovery_code_is_one_persons_once),
      STORE_UNIT(a_membership_is_accepted_for_itself_and_keeps_its_first_time),
      STORE_UNIT(an_owner_exists_once_one_can_sign_in),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
