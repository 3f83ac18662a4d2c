/* One-time codes against RFC 6238's own vectors, and recovery codes as people type them. */
#include "identity/totp.h"
#include "unit.h"

static const uint8_t secret[TOTP_SECRET_SIZE] = "12345678901234567890";

static void codes_are_those_of_the_rfc(void **state) {
  static const struct {
    int64_t seconds;
    const char *code;
  } vectors[] = {{59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
                 {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
  for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
    char code[TOTP_DIGITS + 1];
    totp_code(secret, vectors[i].seconds / 30, code);
    assert_string_equal(code, vectors[i].code);
  }
}

static void a_code_fits_its_step_and_one_to_either_side_once(void **state) {
  int64_t us = INT64_C(1111111111) * 1000000, step = 0, second = 1000000;
  assert_true(totp_matches(secret, STR("050471"), us, 0, &step));
  assert_int_equal(step, 1111111111 / 30);
  assert_true(totp_matches(secret, STR("050 471"), us, 0, &step));
  assert_true(totp_matches(secret, STR("050471"), us + 30 * second, 0, &step));
  assert_true(totp_matches(secret, STR("050471"), us - 30 * second, 0, &step));
  assert_false(totp_matches(secret, STR("050471"), us + 60 * second, 0, &step));
  assert_false(totp_matches(secret, STR("050471"), us, 1111111111 / 30, &step));
  assert_false(totp_matches(secret, STR("05047"), us, 0, &step));
  assert_false(totp_matches(secret, STR("0504711"), us, 0, &step));
  assert_false(totp_matches(secret, STR(""), us, 0, &step));
}

static void a_recovery_code_is_read_as_people_type_it(void **state) {
  char code[RECOVERY_CODE_SIZE], read[RECOVERY_CODE_SIZE], upper[RECOVERY_CODE_SIZE];
  recovery_code_new(code);
  assert_true(recovery_code_read(str_of(code), read));
  assert_string_equal(read, code);
  size_t n = 0;
  for (size_t i = 0; code[i]; i++)
    if (code[i] != '-') upper[n++] = (char)(code[i] >= 'a' && code[i] <= 'z' ? code[i] - 32 : code[i]);
  assert_true(recovery_code_read(str_make(upper, n), read));
  assert_string_equal(read, code);
  assert_false(recovery_code_read(str_make(code, 18), read));
  assert_false(recovery_code_read(STR("aaaa-aaaa-aaaa-aaa1"), read));
  assert_false(recovery_code_read(STR("123456"), read));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(codes_are_those_of_the_rfc),
      cmocka_unit_test(a_code_fits_its_step_and_one_to_either_side_once),
      cmocka_unit_test(a_recovery_code_is_read_as_people_type_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
