/* Members of an object as they are written. */
#include "codec/json_span.h"

#include <stdlib.h>

#include "unit.h"

static void members_come_as_they_are_written(void **state) {
  static const struct {
    const char *name, *value;
  } wanted[] = {{"a", "1.50"},
                {"b\\\"\\\\", "\"x\\\\\""},
                {"", "[1, {\"}\": \"]\"}, []]"},
                {"\\u0063", "{ \"a\" : { } }"},
                {"d", "true"},
                {"e", "\"\""}};
  struct str text = STR(
      " {\"a\":1.50 ,\n\"b\\\"\\\\\" : \"x\\\\\",\"\":[1, {\"}\": \"]\"}, []],\"\\u0063\":{ \"a\" : { } },\"d\":true"
      ",\"e\":\"\"}\n");
  struct json_span span;
  struct str name, value;
  assert_true(json_span_open(text, &span));
  for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
    assert_true(json_span_next(&span, &name, &value));
    assert_true(str_eq_c(name, wanted[i].name));
    if (!str_eq_c(value, wanted[i].value)) fail_msg("%.*s", STR_ARG(value));
  }
  assert_false(json_span_next(&span, &name, &value));
}

static void one_member_is_found_by_its_name(void **state) {
  struct str text = STR("{\"x\":{\"result\":1},\"result\":{\"x\":2}}");
  assert_true(str_eq_c(json_span_get(text, STR("result")), "{\"x\":2}"));
  assert_null(json_span_get(text, STR("y")).p);
  assert_null(json_span_get(STR("[1]"), STR("result")).p);
  assert_null(json_span_get(STR_NONE, STR("result")).p);
  assert_null(json_span_get(STR("{}"), STR("result")).p);
}

static void line_ends_are_seen(void **state) {
  assert_true(json_span_is_line(STR("{\"a\":\"\\n\"}")));
  assert_false(json_span_is_line(STR("{\n}")));
  assert_false(json_span_is_line(STR("{\r}")));
}

/* What is no JSON never leads beyond its end (AddressSanitizer looks on). */
static void nothing_leads_out_of_the_text(void **state) {
  static const char letters[] = "{}[]\",:\\ 1a";
  for (unsigned seed = 0; seed < 20000; seed++) {
    unsigned draw = seed * 2654435761u;
    size_t n = draw % 13;
    char *text = malloc(n ? n : 1);
    assert_non_null(text);
    for (size_t i = 0; i < n; i++) {
      draw = draw * 1103515245u + 12345u;
      text[i] = letters[(draw >> 16) % (sizeof(letters) - 1)];
    }
    if (n > 0) text[0] = '{';
    struct json_span span;
    struct str name, value;
    if (json_span_open(str_make(text, n), &span)) {
      size_t n_members = 0;
      while (json_span_next(&span, &name, &value))
        assert_true(++n_members <= n && value.p + value.n <= text + n && name.p + name.n <= text + n);
    }
    free(text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(members_come_as_they_are_written),
      cmocka_unit_test(one_member_is_found_by_its_name),
      cmocka_unit_test(line_ends_are_seen),
      cmocka_unit_test(nothing_leads_out_of_the_text),
  };
  return cmocka_run_group_tests_name("codec/json_span", tests, NULL, NULL);
}
