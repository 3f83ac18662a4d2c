#include "unit.h"

#include "codec/schema_pattern.h"

static struct arena arena;

static int setup(void **state) {
  arena_init(&arena, 0);
  return 0;
}

static int teardown(void **state) {
  arena_release(&arena);
  return 0;
}

static bool is_match(const char *pattern_text, struct str subject) {
  struct schema_pattern *pattern = NULL;
  struct schema_matcher *matcher = NULL;
  size_t work = 1000 * 1000;
  bool is_match = false;
  if (schema_pattern_compile(&arena, str_of(pattern_text), &pattern, &test_err) != ERR_NONE)
    fail_msg("%s", test_err.text);
  assert_int_equal(schema_pattern_match(pattern, subject, &matcher, &work, &is_match), ERR_NONE);
  schema_matcher_free(matcher);
  return is_match;
}

struct match {
  const char *pattern, *subject;
};

static void expect_all(const struct match *matches, size_t n, bool is_expected) {
  for (size_t i = 0; i < n; i++) {
    if (is_match(matches[i].pattern, str_of(matches[i].subject)) != is_expected)
      fail_msg("%s and \"%s\"", matches[i].pattern, matches[i].subject);
  }
}

static void patterns_mean_what_ecmascript_means(void **state) {
  static const struct match yes[] = {
      {"b", "abc"},
      {"", ""},
      {"^\\cC$", "\x03"},
      {"^\\x41\\u0042\\u{1F600}$", "AB\xF0\x9F\x98\x80"},
      {"^\\ud83d\\ude00$", "\xF0\x9F\x98\x80"}, /* a surrogate pair is one character */
      {"^.$", "\xF0\x9F\x98\x80"},
      {"^[\\ud83d\\ude00-\\ud83d\\ude02]$", "\xF0\x9F\x98\x81"},
      {"^\\s$", "\xC2\xA0"},
      {"^\\s$", "\xEF\xBB\xBF"},
      {"^[\\s]$", "\xE3\x80\x80"},
      {"^\\S$", "\xE2\x80\x8B"}, /* a zero width space is none to ECMAScript */
      {"^[\\S]$", "a"},
      {"^\\v$", "\v"},
      {"^[\\b]$", "\b"},
      {"^\\p{Letter}\\p{L}\\p{Lu}\\p{Script=Greek}\\p{sc=Latin}$",
       "aaA\xCE\xB1"
       "a"},
      {"^\\P{L}$", "1"},
      {"^\\p{ASCII}\\p{Alphabetic}\\p{gc=Nd}$", "aa1"},
      {"^[^\\p{L}]$", "1"},
      {"^(?<year>\\d{4})-\\k<year>$", "2026-2026"},
      {"^(a)|b\\1$", "b"}, /* what has not been captured matches nothing, and so always */
      {"^(?:a|b){2,3}?$", "ab"},
      {"^a(?=b)", "ab"},
      {"(?<!a)b", "cb"},
      {"^[[:alpha:]]+$", ":]"}, /* no POSIX class */
      {"^[a\\-c]$", "-"},
      {"^[a-]$", "-"},
      {"^[\\w-.]$", "-"},
      {"^[]$|x", "x"},
      {"^[^]$", "\n"},
      {"^[\\s\\S]$", "\xE8\xAA\x9E"},
      {"^[^\\d\\D]*$", ""},
      {"^\\/\\.\\^\\$\\{\\}$", "/.^${}"},
      {"^{a}$", "{a}"},
      {"^a{,2}$", "a{,2}"},
      {"^x{2}$", "xx"},
      {"^\\0$", NULL},
      {"^\\_\\@\\-$", "_@-"},
      {"(?i)^abc$", "ABC"},
      {"^(?i:a)b$", "Ab"},
      {"^(?P<n>a)$", "a"},
      {"\\Aa\\Z", "a"},
      {"^[\\ud800-\\udfff]|a$", "a"},
      {"^#  a$", "#  a"},
  };
  static const struct match no[] = {
      {"^a$", "a\n"}, /* $ is the very end */
      {"^.$", "\n"},           {"^.$", "\r"},
      {"^.$", "\xE2\x80\xA8"}, {"^\\d$", "\xD9\xA3"}, /* ASCII alone */
      {"^\\w$", "\xC3\xA9"},   {"^\\v$", "\n"},       /* not vertical space, but VT */
      {"^\\S$", "\xC2\xA0"},   {"^[^\\s]$", "\xC2\xA0"},
      {"^[]$", "a"},           {"^[^\\d\\D]$", "a"},
      {"^[[:alpha:]]+$", "q"}, {"^a{,2}$", "aa"},
      {"\\bb", "ab"},
  };
  expect_all(no, sizeof(no) / sizeof(no[0]), false);
  for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
    struct str subject = yes[i].subject ? str_of(yes[i].subject) : str_make("\0", 1);
    if (!is_match(yes[i].pattern, subject)) fail_msg("%s and \"%s\"", yes[i].pattern, yes[i].subject);
  }
}

static void what_only_pcre2_knows_is_refused(void **state) {
  static const char *const bad[] = {
      "(",
      ")",
      "[",
      "[a",
      "a**",
      "a++",
      "a*+",
      "+a",
      "^*",
      "(?:+a)",
      "(*UTF)a",
      "(*SKIP)",
      "a(*ACCEPT)b",
      "(?R)",
      "(?1)",
      "(?&n)",
      "(?>a)",
      "(?|a)",
      "(?#a)",
      "(?C)",
      "(?x)a",
      "(?s:.)",
      "\\Ka",
      "\\G",
      "\\Qa",
      "\\R",
      "\\X",
      "\\h",
      "\\N",
      "\\a",
      "\\e",
      "\\o{1}",
      "\\g1",
      "\\x1",
      "\\x{41}",
      "\\u12",
      "\\u{110000}",
      "\\c1",
      "\\01",
      "\\",
      "[z-a]",
      "\\p{Nothing}",
      "\\p{",
      "\\p{sc=}",
      "\\p{Foo=Bar}",
      "\\k<",
      "\\k",
      "(?<1a>b)",
      "(?<n>a)(?<n>b)",
      "\\2(a)",
      "a{2,1}",
      "[\\q]",
      "(?<=a*)b",
  };
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    struct schema_pattern *pattern = NULL;
    if (schema_pattern_compile(&arena, str_of(bad[i]), &pattern, &test_err) != ERR_INVALID) fail_msg("%s", bad[i]);
    assert_null(pattern);
    assert_non_null(strstr(test_err.text, bad[i]));
  }
}

static void strictness_takes_ecmascript_alone(void **state) {
  static const char *const good[] = {"", "^[a-z]+$", "\\d{2,}", "[\\-]", "\\/", "(?<n>a)\\k<n>", "\\u{41}"};
  static const char *const bad[] = {"(?i)a",   "\\Aa",    "\\Z",      "a{",  "}", "]",    "\\_",
                                    "[\\w-a]", "[a-\\d]", "(?P<n>a)", "\\a", "(", "\\pL", "("};
  for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
    if (!schema_pattern_is_strict(str_of(good[i]))) fail_msg("%s", good[i]);
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    if (schema_pattern_is_strict(str_of(bad[i]))) fail_msg("%s", bad[i]);
}

static void long_and_large_patterns_are_refused(void **state) {
  static char text[10000];
  struct schema_pattern *pattern = NULL;
  memset(text, 'a', sizeof(text));
  assert_int_equal(schema_pattern_compile(&arena, str_make(text, sizeof(text)), &pattern, &test_err), ERR_INVALID);
  assert_true(strlen(test_err.text) < 200);
  assert_int_equal(schema_pattern_compile(&arena, STR("((a{1000}){1000}){1000}"), &pattern, &test_err), ERR_INVALID);
  memset(text, '(', 2000);
  memset(text + 2000, ')', 2000);
  assert_int_equal(schema_pattern_compile(&arena, str_make(text, 4000), &pattern, &test_err), ERR_INVALID);
}

/* The first starts are tried apart from the rest: wherever a match begins, it is found, and never within a character.
 */
static void a_match_is_found_wherever_it_starts(void **state) {
  for (size_t n = 0; n < 3000; n++) {
    struct buf subject;
    buf_init(&subject, &arena, 1 << 20);
    for (size_t i = 0; i < n / 2; i++)
      buf_append_c(&subject, n % 2 ? "\xC3\xA9" : "a");
    if (is_match("(?:[^a]|)[\xC2\xA9\xC2\xAE]", buf_str(&subject))) fail_msg("%zu", n);
    buf_append_c(&subject, "xyz");
    if (!is_match("x", buf_str(&subject))) fail_msg("%zu", n);
    if (!is_match("[xq]y", buf_str(&subject))) fail_msg("%zu", n);
    if (is_match("^x", buf_str(&subject)) != (n < 2)) fail_msg("%zu", n);
    if (!is_match("(?=z)z$", buf_str(&subject))) fail_msg("%zu", n);
  }
}

static void the_budget_ends_a_match(void **state) {
  struct schema_pattern *pattern = NULL;
  struct schema_matcher *matcher = NULL;
  bool is_match = false;
  assert_ok(schema_pattern_compile(&arena, STR("^(a+)+$"), &pattern, &test_err));
  size_t work = 100 * 1000;
  assert_int_equal(
      schema_pattern_match(pattern, STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"), &matcher, &work, &is_match),
      ERR_TOO_LARGE);
  work = 100 * 1000; /* and what it needed can be used again */
  assert_int_equal(schema_pattern_match(pattern, STR("aaaa"), &matcher, &work, &is_match), ERR_NONE);
  assert_true(is_match);
  schema_matcher_free(matcher);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(patterns_mean_what_ecmascript_means), cmocka_unit_test(what_only_pcre2_knows_is_refused),
      cmocka_unit_test(strictness_takes_ecmascript_alone),   cmocka_unit_test(long_and_large_patterns_are_refused),
      cmocka_unit_test(a_match_is_found_wherever_it_starts), cmocka_unit_test(the_budget_ends_a_match),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
