#include "unit.h"

#include "codec/schema_uri.h"

static struct arena arena;

static int setup(void **state) {
  arena_init(&arena, 0);
  return 0;
}

static int teardown(void **state) {
  arena_release(&arena);
  return 0;
}

/* RFC 3986, 5.4, without the fragments. */
static void references_resolve_as_in_the_rfc(void **state) {
  static const char *const cases[][2] = {
      {"g:h", "g:h"},
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q"},
      {"g#s", "http://a/b/c/g"},
      {"g?y#s", "http://a/b/c/g?y"},
      {";x", "http://a/b/c/;x"},
      {"g;x", "http://a/b/c/g;x"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../", "http://a/"},
      {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},
      {"../../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {".g", "http://a/b/c/.g"},
      {"g..", "http://a/b/c/g.."},
      {"..g", "http://a/b/c/..g"},
      {"./../g", "http://a/b/g"},
      {"./g/.", "http://a/b/c/g/"},
      {"g/./h", "http://a/b/c/g/h"},
      {"g/../h", "http://a/b/c/h"},
      {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"g?y/./x", "http://a/b/c/g?y/./x"},
      {"g#s/../x", "http://a/b/c/g"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    assert_str(schema_uri_resolve(&arena, STR("http://a/b/c/d;p?q"), str_of(cases[i][0])), cases[i][1]);
}

static void bases_of_any_kind_are_taken(void **state) {
  assert_str(schema_uri_resolve(&arena, STR(""), STR("a.json")), "a.json");
  assert_str(schema_uri_resolve(&arena, STR(""), STR("")), "");
  assert_non_null(schema_uri_resolve(&arena, STR(""), STR("")).p);
  assert_str(schema_uri_resolve(&arena, STR("urn:uuid:1"), STR("#x")), "urn:uuid:1");
  assert_str(schema_uri_resolve(&arena, STR("http://a"), STR("b")), "http://a/b");
  assert_str(schema_uri_resolve(&arena, STR("http://a/b"), STR("urn:x?+y")), "urn:x?+y");
}

static void what_is_too_long_is_not_resolved(void **state) {
  char text[10000];
  memset(text, 'a', sizeof(text));
  assert_null(schema_uri_resolve(&arena, STR("http://a/"), str_make(text, sizeof(text))).p);
}

static void parts_are_told_apart(void **state) {
  struct schema_uri uri;
  schema_uri_split(STR("http://u@h:1/p/q?r=s#t"), &uri);
  assert_str(uri.scheme, "http");
  assert_str(uri.authority, "u@h:1");
  assert_str(uri.path, "/p/q");
  assert_str(uri.query, "r=s");
  assert_str(uri.fragment, "t");
  schema_uri_split(STR("#"), &uri);
  assert_null(uri.scheme.p);
  assert_null(uri.authority.p);
  assert_null(uri.query.p);
  assert_true(uri.fragment.p && uri.fragment.n == 0);
  schema_uri_split(STR_NONE, &uri);
  assert_null(uri.fragment.p);
}

static void validity_depends_on_the_kind(void **state) {
  assert_true(schema_uri_is_valid(STR("https://example.com:8080/a%20b?c#d"), SCHEMA_URI));
  assert_true(schema_uri_is_valid(STR("http://[2001:db8::1]:80/"), SCHEMA_URI));
  assert_true(schema_uri_is_valid(STR("mailto:a@example.com"), SCHEMA_URI));
  assert_false(schema_uri_is_valid(STR("/a"), SCHEMA_URI));
  assert_true(schema_uri_is_valid(STR("/a"), SCHEMA_URI_REFERENCE));
  assert_false(schema_uri_is_valid(STR("http://example.com/ä"), SCHEMA_URI));
  assert_true(schema_uri_is_valid(STR("http://example.com/ä"), SCHEMA_IRI));
  assert_false(schema_uri_is_valid(STR("http://a b/"), SCHEMA_IRI));
  assert_false(schema_uri_is_valid(STR("http://a/%2"), SCHEMA_URI));
  assert_false(schema_uri_is_valid(STR("http://[::1/"), SCHEMA_URI));
  assert_false(schema_uri_is_valid(STR("http://a:8a/"), SCHEMA_URI));
  assert_false(schema_uri_is_valid(STR("1http://a/"), SCHEMA_URI));
  assert_false(schema_uri_is_valid(STR(":a"), SCHEMA_URI_REFERENCE));
  assert_false(schema_uri_is_valid(STR("a\0b"), SCHEMA_URI_REFERENCE));
  assert_true(schema_uri_is_valid(STR(""), SCHEMA_URI_REFERENCE));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(references_resolve_as_in_the_rfc), cmocka_unit_test(bases_of_any_kind_are_taken),
      cmocka_unit_test(what_is_too_long_is_not_resolved), cmocka_unit_test(parts_are_told_apart),
      cmocka_unit_test(validity_depends_on_the_kind),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
