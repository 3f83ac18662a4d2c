#include "codec/link_header.h"

#include "unit.h"

static void assert_next(const char *field, const char *expected) {
  struct str target = STR("none");
  bool is_found = link_header_find(str_of(field), STR("next"), &target);
  if (!str_eq_c(target, expected)) fail_msg("%s: %.*s", field, STR_ARG(target));
  assert_int_equal(is_found, strcmp(expected, "none") != 0);
}

static void the_link_of_that_relation_is_found(void **state) {
  assert_next("<https://a.example/x?page=2>; rel=\"next\"", "https://a.example/x?page=2");
  assert_next(
      "<https://a.example/x?page=1>; rel=\"prev\", <https://a.example/x?page=3>; rel=\"next\", "
      "<https://a.example/x?page=9>; rel=\"last\"",
      "https://a.example/x?page=3");
  assert_next("</x?page=2>;rel=next", "/x?page=2");
  assert_next("<u> ; title=\"a, b; rel=\\\"next\\\"\" ; REL = \"Next\"", "u");
  assert_next("<u>; rel=\"last   next\"", "u");
  assert_next(",, <u>; rel=next,", "u");
  assert_next("<a>; rel=first,<b,c;d>; rel=next", "b,c;d");
  assert_next("<u>; crossorigin; rel=next", "u");
  assert_next("<>; rel=next", "");
}

static void other_relations_are_not_it(void **state) {
  const char *none[] = {
      "",
      "<u>; rel=\"prev\"",
      "<u>; rel=\"nextish\"",
      "<u>; rel=\"prev\"; rel=\"next\"",
      "<u>; rev=\"next\"",
      "<u>",
      "<u>; title=\"rel=next\"",
      "<u>; rel=next; anchor=\"#other\"",
      "<u>; rel",
  };
  for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
    assert_next(none[i], "none");
}

static void what_is_no_link_field_has_no_link(void **state) {
  const char *bad[] = {"u; rel=next",     "<u; rel=next",     "<u> rel=next",
                       "<u>; rel=\"next", "x, <u>; rel=next", "<u>; rel=\"a\"b, <c>; rel=next",
                       "<u>; title=\"x\\"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    assert_next(bad[i], "none");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_link_of_that_relation_is_found),
      cmocka_unit_test(other_relations_are_not_it),
      cmocka_unit_test(what_is_no_link_field_has_no_link),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
