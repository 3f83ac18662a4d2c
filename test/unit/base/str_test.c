#include "unit.h"

static void letters_alone_are_folded(void **state) {
  assert_true(str_eq_fold(STR("Content-TYPE"), STR("content-type")));
  assert_false(str_eq_fold(STR("a"), STR("ab")));
  /* '@' and '`', '[' and '{' differ by the same bit as letters do. */
  assert_false(str_eq_fold(STR("@"), STR("`")));
  assert_false(str_eq_fold(STR("["), STR("{")));
  assert_false(str_eq_fold(STR("\xC0"), STR("\xE0")));
  assert_true(str_eq_fold(STR_NONE, STR("")));
}

static void prefixes_and_suffixes(void **state) {
  assert_true(str_starts(STR("/mcp/x"), STR("/mcp")));
  assert_false(str_starts(STR("/mc"), STR("/mcp")));
  assert_true(str_starts(STR_NONE, STR_NONE));
  assert_true(str_ends(STR("a.json"), STR(".json")));
  assert_false(str_ends(STR("json"), STR(".json")));
  assert_true(str_ends(STR("x"), STR("")));
  assert_true(str_ends(STR_NONE, STR_NONE));
}

static void order_is_by_bytes_and_shorter_first(void **state) {
  assert_true(str_cmp(STR("a"), STR("b")) < 0);
  assert_true(str_cmp(STR("b"), STR("a")) > 0);
  assert_true(str_cmp(STR("a"), STR("ab")) < 0);
  assert_true(str_cmp(STR("ab"), STR("a")) > 0);
  assert_int_equal(str_cmp(STR("ab"), STR("ab")), 0);
  assert_int_equal(str_cmp(STR_NONE, STR("")), 0);
  assert_true(str_cmp(STR("\x7F"), STR("\x80")) < 0);
  assert_true(str_cmp(STR_NONE, STR("\0")) < 0);
}

static void trimming_takes_spaces_and_tabs_only(void **state) {
  assert_str(str_trim(STR(" \t a b\t ")), "a b");
  assert_str(str_trim(STR("\na\r")), "\na\r");
  assert_int_equal(str_trim(STR(" \t")).n, 0);
  assert_int_equal(str_trim(STR_NONE).n, 0);
}

static void cutting_walks_over_the_parts(void **state) {
  struct str rest = STR("a,,b");
  assert_str(str_cut(&rest, ','), "a");
  assert_str(str_cut(&rest, ','), "");
  assert_str(str_cut(&rest, ','), "b");
  assert_int_equal(rest.n, 0);
  assert_str(str_cut(&rest, ','), "");
  rest = STR("a,");
  assert_str(str_cut(&rest, ','), "a");
  assert_non_null(rest.p); /* an empty part is left, not none */
  assert_int_equal(rest.n, 0);
}

static void numbers_are_digits_that_fit(void **state) {
  uint64_t value = 7;
  assert_true(str_to_u64(STR("0"), &value));
  assert_int_equal(value, 0);
  assert_true(str_to_u64(STR("007"), &value));
  assert_int_equal(value, 7);
  assert_true(str_to_u64(STR("18446744073709551615"), &value));
  assert_true(value == UINT64_MAX);
  value = 7;
  const char *const bad[] = {
      "", "+1", "-1", " 1", "1 ", "1.0", "0x1", "18446744073709551616", "99999999999999999999", "1\xB2"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    if (str_to_u64(str_of(bad[i]), &value)) fail_msg("accepted \"%s\"", bad[i]);
  }
  assert_false(str_to_u64(str_make("1\0", 2), &value));
  assert_false(str_to_u64(STR_NONE, &value));
  assert_int_equal(value, 7);
}

static void constant_time_equality_is_equality(void **state) {
  assert_true(str_eq_constant_time(STR("secret"), STR("secret")));
  assert_false(str_eq_constant_time(STR("secret"), STR("secreT")));
  assert_false(str_eq_constant_time(STR("secret"), STR("secre")));
  assert_false(str_eq_constant_time(STR("Xecret"), STR("secret")));
  assert_true(str_eq_constant_time(STR_NONE, STR("")));
}

static void equal_slices_hash_alike_and_others_do_not(void **state) {
  char text[64];
  for (size_t i = 0; i < sizeof(text); i++)
    text[i] = (char)('a' + i % 26);
  char copy[65];
  for (size_t n = 0; n <= sizeof(text); n++) {
    memcpy(copy + 1, text, n);
    uint64_t hash = str_hash(str_make(text, n));
    assert_true(hash == str_hash(str_make(copy + 1, n))); /* whatever its alignment */
    if (n == 0) continue;
    assert_true(hash != str_hash(str_make(text, n - 1)));
    copy[n] ^= 1;
    assert_true(hash != str_hash(str_make(copy + 1, n)));
  }
  assert_true(str_hash(STR_NONE) == str_hash(STR("")));
  assert_true(str_hash(str_make("\0", 1)) != str_hash(str_make("\0\0", 2)));
}

static void hashes_spread(void **state) {
  unsigned counts[64] = {0};
  for (unsigned i = 0; i < 64 * 100; i++) {
    char text[16];
    int n = snprintf(text, sizeof(text), "10.0.%u.%u", i / 256, i % 256);
    counts[str_hash(str_make(text, (size_t)n)) % 64]++;
  }
  for (size_t i = 0; i < 64; i++)
    assert_in_range(counts[i], 30, 220);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(letters_alone_are_folded),
      cmocka_unit_test(prefixes_and_suffixes),
      cmocka_unit_test(order_is_by_bytes_and_shorter_first),
      cmocka_unit_test(trimming_takes_spaces_and_tabs_only),
      cmocka_unit_test(cutting_walks_over_the_parts),
      cmocka_unit_test(numbers_are_digits_that_fit),
      cmocka_unit_test(constant_time_equality_is_equality),
      cmocka_unit_test(equal_slices_hash_alike_and_others_do_not),
      cmocka_unit_test(hashes_spread),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
