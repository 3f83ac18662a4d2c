#include "codec/blot.h"

#include "codec/json.h"
#include "unit.h"

static void what_is_repeated_is_covered_wherever_it_stands(void **state) {
  char text[] = "one sesame-77 two sesame-77sesame-77 sesame-7";
  assert_true(blot_text(text, sizeof(text) - 1, STR("sesame-77")));
  assert_string_equal(text, "one ********* two ****************** sesame-7");
  assert_false(blot_text(text, sizeof(text) - 1, STR("sesame-77")));
}

static void what_is_too_short_may_be_any_word(void **state) {
  char text[] = "the word is the";
  assert_false(blot_text(text, sizeof(text) - 1, STR("the")));
  assert_false(blot_text(text, sizeof(text) - 1, STR_NONE));
  assert_string_equal(text, "the word is the");
}

static void an_escape_hides_nothing_in_a_document(void **state) {
  struct arena arena;
  struct buf out;
  yyjson_doc *doc;
  arena_init(&arena, 0);
  buf_init(&out, &arena, 1024);
  struct str text = STR("{\"a\":[\"x \\u0073esame\\u0026-77\"],\"sesame&-77\":{\"b\":\"sesame&-7\",\"c\":1.50}}");
  assert_int_equal(json_read_verbatim(&arena, text, &doc, NULL), ERR_NONE);
  assert_true(blot_value(yyjson_doc_get_root(doc), STR("sesame&-77")));
  json_write_value(&out, yyjson_doc_get_root(doc));
  assert_true(str_eq_c(buf_str(&out), "{\"a\":[\"x **********\"],\"**********\":{\"b\":\"sesame&-7\",\"c\":1.50}}"));
  assert_false(blot_value(NULL, STR("sesame&-77")));
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_repeated_is_covered_wherever_it_stands),
      cmocka_unit_test(what_is_too_short_may_be_any_word),
      cmocka_unit_test(an_escape_hides_nothing_in_a_document),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
