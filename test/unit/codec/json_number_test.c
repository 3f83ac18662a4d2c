#include "unit.h"

#include "codec/json_number.h"

static double double_of(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

static void the_samples_of_rfc_8785_appendix_b(void **state) {
  const struct {
    uint64_t bits;
    const char *text;
  } samples[] = {
      {0x0000000000000000, "0"},
      {0x8000000000000000, "0"},
      {0x0000000000000001, "5e-324"},
      {0x8000000000000001, "-5e-324"},
      {0x7fefffffffffffff, "1.7976931348623157e+308"},
      {0xffefffffffffffff, "-1.7976931348623157e+308"},
      {0x4340000000000000, "9007199254740992"},
      {0xc340000000000000, "-9007199254740992"},
      {0x4430000000000000, "295147905179352830000"},
      {0x44b52d02c7e14af5, "9.999999999999997e+22"},
      {0x44b52d02c7e14af6, "1e+23"},
      {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
      {0x444b1ae4d6e2ef4e, "999999999999999700000"},
      {0x444b1ae4d6e2ef4f, "999999999999999900000"},
      {0x444b1ae4d6e2ef50, "1e+21"},
      {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
      {0x3eb0c6f7a0b5ed8d, "0.000001"},
      {0x41b3de4355555553, "333333333.3333332"},
      {0x41b3de4355555554, "333333333.33333325"},
      {0x41b3de4355555555, "333333333.3333333"},
      {0x41b3de4355555556, "333333333.3333334"},
      {0x41b3de4355555557, "333333333.33333343"},
      {0xbecbf647612f3696, "-0.0000033333333333333333"},
      {0x43143ff3c1cb0959, "1424953923781206.2"},
  };
  for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
    char text[JSON_NUMBER_SIZE];
    size_t n = json_number_format(double_of(samples[i].bits), text);
    assert_string_equal(text, samples[i].text);
    assert_int_equal(n, strlen(text));
  }
}

static void the_layout_changes_where_ecmascript_says(void **state) {
  const struct {
    double value;
    const char *text;
  } cases[] = {{100, "100"},
               {1e20, "100000000000000000000"},
               {1e21, "1e+21"},
               {1.5e21, "1.5e+21"},
               {123456789012345680000.0, "123456789012345680000"},
               {1e-6, "0.000001"},
               {1e-7, "1e-7"},
               {1.25e-7, "1.25e-7"},
               {0.1, "0.1"},
               {-0.5, "-0.5"},
               {12.5, "12.5"},
               {5.684341886080802e-14, "5.684341886080802e-14"},
               {1e100, "1e+100"},
               {2.2250738585072014e-308, "2.2250738585072014e-308"}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    char text[JSON_NUMBER_SIZE];
    json_number_format(cases[i].value, text);
    assert_string_equal(text, cases[i].text);
  }
}

static void every_double_reads_back_as_itself(void **state) {
  uint64_t bits = 88172645463325252ULL;
  for (int i = 0; i < 100000; i++) {
    bits ^= bits << 13;
    bits ^= bits >> 7;
    bits ^= bits << 17;
    uint64_t exponent = bits >> 52 & 0x7FF;
    if (exponent == 0x7FF) continue;
    char text[JSON_NUMBER_SIZE];
    size_t n = json_number_format(double_of(bits), text);
    double again = strtod(text, NULL);
    if (n >= JSON_NUMBER_SIZE - 8 || memcmp(&again, &bits, sizeof(bits)) != 0) fail_msg("%s", text);
  }
}

static void long_integers_are_read_where_their_digits_survive(void **state) {
  double value;
  assert_true(json_number_read_big(STR("100000000000000000000"), &value));
  assert_true(value == 1e20);
  assert_true(json_number_read_big(STR("123456789012345680000"), &value));
  assert_true(value == 123456789012345680000.0);
  assert_true(json_number_read_big(STR("-100000000000000000000"), &value));
  assert_true(value == -1e20);
  const char *const bad[] = {"18446744073709551617",
                             "123456789012345678901",
                             "1e999",
                             "-1e999",
                             "1.5e400",
                             "1000000000000000000000",
                             "99999999999999999999999999999999999999999999999999999999"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    if (json_number_read_big(str_of(bad[i]), &value)) fail_msg("accepted %s", bad[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_samples_of_rfc_8785_appendix_b),
      cmocka_unit_test(the_layout_changes_where_ecmascript_says),
      cmocka_unit_test(every_double_reads_back_as_itself),
      cmocka_unit_test(long_integers_are_read_where_their_digits_survive),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
