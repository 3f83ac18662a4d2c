#include "codec/json_path.h"

#include "unit.h"

static struct arena arena;

static yyjson_val *value_of(const char *text) {
  yyjson_doc *doc;
  assert_ok(json_read(&arena, str_of(text), &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

static void assert_found(const char *json, const char *path_text, const char *expected) {
  struct json_path path;
  assert_ok(json_path_compile(str_of(path_text), &path, &test_err));
  struct buf out;
  buf_init(&out, &arena, 10000);
  yyjson_val *found = json_path_get(&path, value_of(json));
  if (found) json_write_value(&out, found);
  struct str text = found ? buf_str(&out) : STR("nothing");
  if (!str_eq_c(text, expected)) fail_msg("%s in %s: %.*s, not %s", path_text, json, STR_ARG(text), expected);
}

static void names_and_indices_lead_inside(void **state) {
  const char *json = "{\"a\":{\"b\":[{\"c\":1},{\"c\":[2,3]}]},\"0\":\"zero\",\"01\":4}";
  assert_found(json, "a.b.1.c.0", "2");
  assert_found(json, "a.b.0", "{\"c\":1}");
  assert_found(json, "0", "\"zero\"");
  assert_found(json, "01", "4");
  assert_found("[[5]]", "0.0", "5");
  assert_found("[1,2]", "", "[1,2]");
  assert_found("[1,2]", ".", "[1,2]");
}

static void what_is_not_there_is_nothing(void **state) {
  const char *json = "{\"a\":{\"b\":[1]},\"n\":null,\"s\":\"text\"}";
  const char *paths[] = {"b", "a.c", "a.b.1", "a.b.x", "a.b.0.c", "s.0", "n.a", "a.b.01", "a.b.4294967295", "A"};
  for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
    assert_found(json, paths[i], "nothing");
  assert_found(json, "n", "null");
  assert_found("7", "a", "nothing");
}

static void a_name_with_dots_in_it_is_found_where_the_shorter_one_is_not(void **state) {
  assert_found("{\"@odata.nextLink\":\"u\"}", "@odata.nextLink", "\"u\"");
  assert_found("{\"x\":{\"a.b.c\":{\"d\":1}}}", "x.a.b.c.d", "1");
  assert_found("{\"a\":{\"b\":1},\"a.b\":2}", "a.b", "1");
}

static void nonsense_is_refused(void **state) {
  struct json_path path = {.n_steps = 77};
  const char *bad[] = {"a.", ".a", "a..b", "..", "a.b."};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    if (json_path_compile(str_of(bad[i]), &path, &test_err) != ERR_INVALID) fail_msg("%s was taken", bad[i]);
  assert_int_equal(json_path_compile(STR("a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a"), &path, &test_err), ERR_INVALID);
  assert_int_equal(path.n_steps, 77);
  assert_ok(json_path_compile(STR("a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a"), &path, &test_err));
}

static int tear_down(void **state) {
  arena_release(&arena);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(names_and_indices_lead_inside, tear_down),
      cmocka_unit_test_teardown(what_is_not_there_is_nothing, tear_down),
      cmocka_unit_test_teardown(a_name_with_dots_in_it_is_found_where_the_shorter_one_is_not, tear_down),
      cmocka_unit_test_teardown(nonsense_is_refused, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
