#include "unit.h"

#include "base/utf8_sequence.h"

static bool is_whole_utf8(const char *text) {
  size_t n = strlen(text);
  for (size_t i = 0; i < n;) {
    size_t step = utf8_sequence(text + i, n - i);
    if (step == 0) return false;
    i += step;
  }
  return true;
}

static void setting_returns_the_code_and_clears_the_rest(void **state) {
  struct err err;
  memset(&err, 'x', sizeof(err));
  assert_int_equal(err_set(&err, ERR_DENIED, "no %s", "way"), ERR_DENIED);
  assert_int_equal(err.code, ERR_DENIED);
  assert_string_equal(err.text, "no way");
  assert_string_equal(err.detail, "");
  assert_string_equal(err.place, "");
}

static void nobody_has_to_want_the_error(void **state) {
  assert_int_equal(err_set(NULL, ERR_INVALID, "x"), ERR_INVALID);
  assert_int_equal(err_no_memory(NULL), ERR_NO_MEMORY);
  err_detail(NULL, "x");
  err_place(NULL, "x");
  err_prefix(NULL, "x");
}

static void detail_and_place_leave_code_and_text_alone(void **state) {
  struct err err;
  err_set(&err, ERR_UPSTREAM, "failed");
  err_detail(&err, "errno %d", 5);
  err_place(&err, "/a/%d", 0);
  assert_int_equal(err.code, ERR_UPSTREAM);
  assert_string_equal(err.text, "failed");
  assert_string_equal(err.detail, "errno 5");
  assert_string_equal(err.place, "/a/0");
}

static void its_own_text_may_be_an_argument(void **state) {
  struct err err;
  err_set(&err, ERR_INVALID, "inner");
  err_set(&err, ERR_INVALID, "outer: %s", err.text);
  assert_string_equal(err.text, "outer: inner");
  err_place(&err, "/x");
  err_place(&err, "/y%s", err.place);
  assert_string_equal(err.place, "/y/x");
}

static void a_prefix_goes_before_the_text_and_cuts_its_end(void **state) {
  struct err err;
  err_set(&err, ERR_INVALID, "bad");
  err_detail(&err, "kept");
  err_prefix(&err, "file %s", "a.json");
  assert_string_equal(err.text, "file a.json: bad");
  assert_string_equal(err.detail, "kept");
  char tail[ERR_TEXT_SIZE];
  memset(tail, 't', sizeof(tail) - 1);
  tail[sizeof(tail) - 1] = '\0';
  err_set(&err, ERR_INVALID, "%s", tail);
  err_prefix(&err, "p");
  assert_int_equal(strlen(err.text), ERR_TEXT_SIZE - 1);
  assert_memory_equal(err.text, "p: ttt", 6);
}

static void a_cut_text_ends_with_a_whole_character(void **state) {
  struct err err;
  const char *const characters[] = {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
  for (size_t c = 0; c < 3; c++) {
    for (size_t shift = 0; shift < 4; shift++) {
      char text[2 * ERR_TEXT_SIZE] = "";
      memset(text, 'a', shift);
      size_t n = shift;
      while (n < ERR_TEXT_SIZE + 8) {
        memcpy(text + n, characters[c], strlen(characters[c]));
        n += strlen(characters[c]);
      }
      text[n] = '\0';
      err_set(&err, ERR_INVALID, "%s", text);
      assert_true(is_whole_utf8(err.text));
      assert_in_range(strlen(err.text), ERR_TEXT_SIZE - 4, ERR_TEXT_SIZE - 1);
      err_detail(&err, "%s", text);
      assert_true(is_whole_utf8(err.detail));
      err_place(&err, "%s", text);
      assert_true(is_whole_utf8(err.place));
    }
  }
}

static void a_text_that_just_fits_is_not_cut(void **state) {
  struct err err;
  char text[ERR_TEXT_SIZE];
  memset(text, 'a', sizeof(text));
  memcpy(text + sizeof(text) - 3, "\xC3\xA9", 3);
  err_set(&err, ERR_INVALID, "%s", text);
  assert_string_equal(err.text, text);
}

static void every_code_has_its_own_name(void **state) {
  for (int i = 0; i < ERR_CODE_COUNT; i++) {
    assert_non_null(err_code_name((enum err_code)i));
    for (int k = 0; k < i; k++)
      assert_string_not_equal(err_code_name((enum err_code)i), err_code_name((enum err_code)k));
  }
  assert_string_equal(err_code_name(ERR_NOT_FOUND), "not_found");
  assert_string_equal(err_code_name((enum err_code)99), "unknown");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(setting_returns_the_code_and_clears_the_rest),
      cmocka_unit_test(nobody_has_to_want_the_error),
      cmocka_unit_test(detail_and_place_leave_code_and_text_alone),
      cmocka_unit_test(its_own_text_may_be_an_argument),
      cmocka_unit_test(a_prefix_goes_before_the_text_and_cuts_its_end),
      cmocka_unit_test(a_cut_text_ends_with_a_whole_character),
      cmocka_unit_test(a_text_that_just_fits_is_not_cut),
      cmocka_unit_test(every_code_has_its_own_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
