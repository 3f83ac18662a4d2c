#include "unit.h"

#include "codec/utf8.h"

static void what_is_well_formed_is_read_character_by_character(void **state) {
  struct str text = STR("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF\xEF\xBF\xBF");
  const uint32_t expected[] = {'a', 0xE9, 0x20AC, 0x1F600, 0x10FFFF, 0xFFFF};
  assert_true(utf8_is_valid(text));
  size_t i = 0;
  for (size_t k = 0; k < 6; k++)
    assert_int_equal(utf8_next(text, &i), expected[k]);
  assert_int_equal(i, text.n);
}

static void every_scalar_value_goes_through(void **state) {
  for (uint32_t c = 0; c <= 0x10FFFF; c++) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    char bytes[4];
    size_t n;
    if (c < 0x80) {
      n = 1;
      bytes[0] = (char)c;
    } else if (c < 0x800) {
      n = 2;
      bytes[0] = (char)(0xC0 | c >> 6);
    } else if (c < 0x10000) {
      n = 3;
      bytes[0] = (char)(0xE0 | c >> 12);
    } else {
      n = 4;
      bytes[0] = (char)(0xF0 | c >> 18);
    }
    for (size_t k = 1; k < n; k++)
      bytes[k] = (char)(0x80 | (c >> (6 * (n - 1 - k)) & 0x3F));
    size_t i = 0;
    if (utf8_next(str_make(bytes, n), &i) != c || i != n) fail_msg("U+%04X", c);
    for (size_t cut = 1; cut < n; cut++) {
      if (utf8_is_valid(str_make(bytes, cut))) fail_msg("U+%04X cut to %zu bytes", c, cut);
    }
  }
}

static void malformed_bytes_are_refused(void **state) {
  const char *const bad[] = {"\x80",
                             "\xBF",
                             "\xC0\x80",
                             "\xC1\xBF",
                             "\xE0\x80\x80",
                             "\xE0\x9F\xBF",
                             "\xED\xA0\x80",
                             "\xED\xBF\xBF",
                             "\xF0\x80\x80\x80",
                             "\xF0\x8F\xBF\xBF",
                             "\xF4\x90\x80\x80",
                             "\xF5\x80\x80\x80",
                             "\xFF",
                             "\xFE",
                             "\xC3(",
                             "\xE2\x82(",
                             "\xE2(\x82",
                             "\xF0\x9F\x98(",
                             "\xC3\xA9\xA9"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    if (utf8_is_valid(str_of(bad[i]))) fail_msg("accepted case %zu", i);
  }
  size_t at = 0;
  assert_int_equal(utf8_next(STR("\xE2\x82("), &at), UINT32_MAX);
  assert_int_equal(at, 1);
  assert_true(utf8_is_valid(STR_NONE));
  assert_true(utf8_is_valid(str_make("a\0b", 3)));
}

static void cutting_keeps_whole_characters(void **state) {
  struct str text = STR("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z");
  const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
  for (size_t max = 0; max <= 12; max++)
    assert_int_equal(utf8_cut(text, max).n, expected[max]);
  assert_int_equal(utf8_cut(STR_NONE, 5).n, 0);
  assert_int_equal(utf8_cut(STR("\x80\x80\x80\x80\x80\x80\x80\x80"), 6).n, 6);
  assert_in_range(utf8_cut(STR("\x80\x80\x80\x80\x80\x80\x80\x80"), 2).n, 0, 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_well_formed_is_read_character_by_character),
      cmocka_unit_test(every_scalar_value_goes_through),
      cmocka_unit_test(malformed_bytes_are_refused),
      cmocka_unit_test(cutting_keeps_whole_characters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
