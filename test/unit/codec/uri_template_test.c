#include "codec/uri_template.h"

#include "unit.h"

static void braces_come_in_pairs_with_names_between(void **state) {
  static const char *const good[] = {"a://b", "a://{b}", "a://{+b}/{c,d}{?e,f*}", "a://{b:3}", "{%41}"};
  static const char *const bad[] = {"a://{", "a://}", "a://{}", "a://{a{b}}", "a://{a b}", "a://{+}", "a://{!a}"};
  for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
    if (!uri_template_is_valid(str_of(good[i]))) fail_msg("%s", good[i]);
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    if (uri_template_is_valid(str_of(bad[i]))) fail_msg("%s", bad[i]);
  char many[4 * (URI_TEMPLATE_EXPRESSIONS + 1) + 1] = "";
  for (size_t i = 0; i <= URI_TEMPLATE_EXPRESSIONS; i++)
    memcpy(many + 3 * i, "{a}", 4);
  assert_false(uri_template_is_valid(str_of(many)));
  assert_str(uri_template_prefix(STR("a://b/{c}/d")), "a://b/");
  assert_str(uri_template_prefix(STR("a://b")), "a://b");
}

static void a_uri_fits_what_could_have_made_it(void **state) {
  const struct {
    const char *text, *uri;
    bool fits;
  } cases[] = {
      {"a://b", "a://b", true},
      {"a://b", "a://bc", false},
      {"a://{b}", "a://x", true},
      {"a://{b}", "a://", false},
      {"a://{b}", "a://x/y", false},
      {"a://{+b}", "a://x/y", true},
      {"a://{b}/{c}", "a://x/y", true},
      {"a://{b}/{c}", "a://x", false},
      {"a://{b}.txt", "a://x.y.txt", true},
      {"a://{b}.txt", "a://x.md", false},
      {"a://b{?q}", "a://b", true},
      {"a://b{?q}", "a://b?q=1&r=2", true},
      {"a://b{?q}", "a://c?q=1", false},
      {"a://b{/c}", "a://b/x/y", true},
      {"a://{b}", "A://x", false},
      {"{+all}", "anything at all", true},
      {"a://{b}x{c}", "a://xxx", true},
      {"a://{b", "a://x", false},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    if (uri_template_fits(str_of(cases[i].text), str_of(cases[i].uri)) != cases[i].fits)
      fail_msg("%s and %s", cases[i].text, cases[i].uri);
}

/* Twenty expressions and no end that fits: tried naively this is never over. */
static void a_uri_that_takes_too_long_fits_nothing(void **state) {
  char text[256] = "", uri[256];
  for (size_t i = 0; i < 20; i++)
    memcpy(text + 5 * i, "{+a}.", 6);
  memset(uri, '.', sizeof(uri));
  uri[sizeof(uri) - 1] = 'x';
  assert_false(uri_template_fits(str_of(text), str_make(uri, sizeof(uri))));
}

static void what_stands_in_expressions_moves_untouched(void **state) {
  struct arena arena;
  arena_init(&arena, 0);
  struct buf encoded;
  buf_init(&encoded, &arena, 1024);
  uri_template_write_encoded(&encoded, STR("docs://{a}/x y/{+b}"));
  assert_str(buf_str(&encoded), "docs%3A%2F%2F{a}%2Fx%20y%2F{+b}");
  struct str moved =
      uri_template_move(&arena, buf_str(&encoded), STR("docs://{a}/x y/{+b}"), STR("docs%3A%2F%2F1%202%2Fx%20y%2Fb/c"));
  assert_str(moved, "docs://1%202/x y/b/c");
  assert_null(uri_template_move(&arena, STR("a://{b}"), STR("c://{b}"), STR("z://1")).p);
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(braces_come_in_pairs_with_names_between),
      cmocka_unit_test(a_uri_fits_what_could_have_made_it),
      cmocka_unit_test(a_uri_that_takes_too_long_fits_nothing),
      cmocka_unit_test(what_stands_in_expressions_moves_untouched),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
