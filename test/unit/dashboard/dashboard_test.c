/* Which addresses are the dashboard's, and what its page carries. What is served of it: test/dashboard/. */
#include "dashboard/dashboard.h"
#include "unit.h"

static void pages_and_what_is_below_them_are_served(void **state) {
  assert_true(dashboard_serves(STR("/")));
  assert_true(dashboard_serves(STR("/sources")));
  assert_true(dashboard_serves(STR("/sources/4f2a")));
  assert_true(dashboard_serves(STR("/operator")));
  assert_true(dashboard_serves(STR("/me")));
}

static void nothing_else_is(void **state) {
  static const char *const others[] = {
      "",        "sources", "/sourcesx",   "/index.html",    "/SOURCES",        "//",
      "/mcpx",   "/api",    "/api/v1/",    "/connect/x",     "/assets/nothing", "/assets/",
      "/metric", "/..",     "/%2e%2e/etc", "/assets/../src", "/sign-in"};
  for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
    if (dashboard_serves(str_of(others[i]))) fail_msg("\"%s\" is served", others[i]);
  }
}

static void the_nonce_stands_wherever_the_word_stood(void **state) {
  struct arena arena;
  arena_init(&arena, 64 * 1024);
  assert_str(dashboard_page(&arena, STR("a CONNEK-NONCE b CONNEK-NONCE"), STR("xyz")), "a xyz b xyz");
  assert_str(dashboard_page(&arena, STR("CONNEK-NONC"), STR("xyz")), "CONNEK-NONC");
  arena_release(&arena);
}

static void the_page_itself_is_not_served_by_its_name(void **state) {
  for (size_t i = 0; i < assets_n; i++)
    assert_true(dashboard_serves(assets[i].path) != assets[i].is_template);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pages_and_what_is_below_them_are_served),
      cmocka_unit_test(nothing_else_is),
      cmocka_unit_test(the_nonce_stands_wherever_the_word_stood),
      cmocka_unit_test(the_page_itself_is_not_served_by_its_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
