/* Redirect addresses: what may be one, and which is which. */
#include "signin/redirect.h"
#include "unit.h"

static struct arena arena;

static int setup(void **state) {
  arena_init(&arena, 0);
  return 0;
}

static int teardown(void **state) {
  arena_release(&arena);
  return 0;
}

static void only_safe_addresses_are_taken(void **state) {
  static const char *const good[] = {"https://a.example/cb",   "https://a.example/cb?x=1", "http://127.0.0.1/cb",
                                     "http://127.0.0.1:33/cb", "http://[::1]:1/cb",        "http://localhost/cb",
                                     "cursor://a.b/c",         "com.example.app:/cb",      "vscode://x/y"};
  static const char *const bad[] = {"",
                                    "https:",
                                    "https://",
                                    "http://a.example/",
                                    "/cb",
                                    "//a",
                                    "javascript:x",
                                    "data:text/html",
                                    "file:///x",
                                    "blob:x",
                                    "https://a/#x",
                                    "https://u@a/",
                                    "https://a/ b",
                                    "https://a/\"",
                                    "Https://a/",
                                    "JAVASCRIPT:x",
                                    "http://127.0.0.1.evil.example/",
                                    "a:b",
                                    "https://a/\r\nx",
                                    "vbscript:x"};
  for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
    assert_int_equal(redirect_check(&arena, str_of(good[i]), NULL), ERR_NONE);
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    assert_int_equal(redirect_check(&arena, str_of(bad[i]), NULL), ERR_INVALID);
}

static void only_the_port_of_loopback_is_free(void **state) {
  assert_true(redirect_matches(&arena, STR("https://a.example/cb"), STR("https://a.example/cb")));
  assert_false(redirect_matches(&arena, STR("https://a.example/cb"), STR("https://a.example:444/cb")));
  assert_false(redirect_matches(&arena, STR("https://a.example/cb"), STR("https://a.example/cb/")));
  assert_false(redirect_matches(&arena, STR("https://a.example/cb"), STR("https://a.example/CB")));
  assert_true(redirect_matches(&arena, STR("http://127.0.0.1/cb"), STR("http://127.0.0.1:5000/cb")));
  assert_false(redirect_matches(&arena, STR("http://127.0.0.1/cb"), STR("http://localhost:5000/cb")));
  assert_false(redirect_matches(&arena, STR("http://127.0.0.1/cb"), STR("http://127.0.0.1:5000/other")));
  assert_false(redirect_matches(&arena, STR("http://127.0.0.1/cb"), STR("http://127.0.0.1:5000/cb?x=1")));
  assert_false(redirect_matches(&arena, STR("cursor://a/b"), STR("cursor://a/c")));
}

static void a_person_is_told_where_it_leads(void **state) {
  assert_true(str_eq(redirect_host(&arena, STR("https://a.example/cb")), STR("a.example")));
  assert_true(str_eq(redirect_host(&arena, STR("https://a.example:8443/cb")), STR("a.example:8443")));
  assert_true(str_eq(redirect_host(&arena, STR("cursor://a/b")), STR("an app on this computer (cursor:)")));
  assert_true(str_eq(redirect_source(&arena, STR("https://a.example/cb?;x")), STR("https://a.example:443")));
  assert_true(str_eq(redirect_source(&arena, STR("cursor://a/b")), STR("cursor:")));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(only_safe_addresses_are_taken, setup, teardown),
      cmocka_unit_test_setup_teardown(only_the_port_of_loopback_is_free, setup, teardown),
      cmocka_unit_test_setup_teardown(a_person_is_told_where_it_leads, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
