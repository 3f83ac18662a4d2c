/* Passwords: what may be one, and that a hash tells them apart. */
#include "identity/password.h"
#include "unit.h"

static void a_password_opens_its_own_hash_alone(void **state) {
  char hash[PASSWORD_HASH_SIZE], other[PASSWORD_HASH_SIZE];
  struct err err;
  assert_int_equal(password_hash(STR("correct horse battery"), hash, &err), ERR_NONE);
  assert_int_equal(password_hash(STR("correct horse battery"), other, &err), ERR_NONE);
  assert_string_not_equal(hash, other); /* salted */
  assert_true(str_starts(str_of(hash), STR("$argon2id$v=19$m=19456,t=2,p=1$")));
  assert_true(password_verify(STR("correct horse battery"), str_of(hash)));
  assert_false(password_verify(STR("correct horse batterz"), str_of(hash)));
  assert_false(password_verify(STR("correct horse batter"), str_of(hash)));
  assert_false(password_verify(STR(""), str_of(hash)));
}

static void nobody_has_no_password(void **state) {
  assert_false(password_verify(STR("correct horse battery"), STR_NONE));
  assert_false(password_verify(STR(""), STR_NONE));
  assert_false(password_verify(STR("x"), STR("not a hash")));
}

static void short_and_famous_passwords_are_refused(void **state) {
  struct err err;
  assert_int_equal(password_check(STR("ninechars"), STR("a@b.example"), &err), ERR_INVALID);
  assert_int_equal(password_check(STR("Password123"), STR("a@b.example"), &err), ERR_INVALID);
  assert_int_equal(password_check(STR("zzzzzzzzzzzz"), STR("a@b.example"), &err), ERR_INVALID);
  assert_int_equal(password_check(STR("somebody@b.example"), STR("somebody@b.example"), &err), ERR_INVALID);
  assert_int_equal(password_check(STR("correct horse"), STR("a@b.example"), &err), ERR_NONE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_password_opens_its_own_hash_alone),
      cmocka_unit_test(nobody_has_no_password),
      cmocka_unit_test(short_and_famous_passwords_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
