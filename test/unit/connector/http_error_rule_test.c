#include "connector/http/call.h"

#include "unit.h"

#include "codec/json_path.h"

static struct arena arena;

static int tear_down(void **state) {
  arena_release(&arena);
  return 0;
}

static yyjson_val *answer(const char *text) {
  yyjson_doc *doc;
  assert_ok(json_read_verbatim(&arena, str_of(text), &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

static const struct json_path *path_of(const char *text) {
  struct json_path *path = arena_new(&arena, struct json_path);
  assert_ok(json_path_compile(str_of(text), path, &test_err));
  return path;
}

/* `is` NULL: absent. */
static bool passes(const char *path, const char *is, const char *json) {
  yyjson_doc *doc = NULL;
  if (is) assert_ok(json_read(&arena, str_of(is), &doc, &test_err));
  const struct http_ok_test test = {path_of(path), yyjson_doc_get_root(doc)};
  const struct http_errors errors = {.ok = &test, .n_ok = 1};
  return http_errors_passed(&errors, json ? answer(json) : NULL);
}

static void what_must_be_there_is_there_with_that_value(void **state) {
  assert_true(passes("ok", "true", "{\"ok\":true}"));
  assert_false(passes("ok", "true", "{\"ok\":false}"));
  assert_false(passes("ok", "true", "{\"ok\":\"true\"}"));
  assert_false(passes("ok", "true", "{}"));
  assert_false(passes("ok", "true", NULL));
  assert_true(passes("a.0", "\"x\"", "{\"a\":[\"x\"]}"));
}

static void numbers_are_compared_as_numbers(void **state) {
  assert_true(passes("code", "0", "{\"code\":0}"));
  assert_false(passes("code", "0", "{\"code\":\"0\"}"));
  assert_false(passes("code", "0", "{\"code\":10}"));
  assert_true(passes("code", "-1.5", "{\"code\":-1.5}"));
  assert_false(passes("code", "true", "{\"code\":1}"));
}

static void what_must_be_absent_is_not_there_or_empty(void **state) {
  assert_true(passes("errors", NULL, "{\"data\":1}"));
  assert_true(passes("errors", NULL, "{\"errors\":null}"));
  assert_true(passes("errors", NULL, "{\"errors\":[]}"));
  assert_true(passes("errors", NULL, NULL));
  assert_false(passes("errors", NULL, "{\"errors\":[{}]}"));
  assert_false(passes("errors", NULL, "{\"errors\":\"\"}"));
  assert_false(passes("errors", NULL, "{\"errors\":false}"));
}

static void all_tests_must_pass(void **state) {
  const struct http_ok_test tests[] = {{path_of("a"), NULL}, {path_of("b"), NULL}};
  const struct http_errors errors = {.ok = tests, .n_ok = 2};
  assert_true(http_errors_passed(&errors, answer("{}")));
  assert_false(http_errors_passed(&errors, answer("{\"a\":1}")));
  assert_false(http_errors_passed(&errors, answer("{\"b\":1}")));
}

static void the_first_text_at_the_paths_is_the_message(void **state) {
  const struct json_path *paths[] = {path_of("none"), path_of("empty"), path_of("list.0.text"), path_of("later")};
  const struct http_errors errors = {.messages = {paths, 4}, .codes = {paths + 3, 1}};
  yyjson_val *root =
      answer("{\"empty\":\"\",\"list\":[{\"text\":\" one\\ntwo \"}],\"later\":42.0,\"message\":\"usual\"}");
  assert_str(http_errors_message(&arena, &errors, root), "one two");
  assert_str(http_errors_code(&arena, &errors, root), "42.0");
  assert_str(http_errors_message(&arena, &errors, answer("{\"error\":{\"message\":\"usual\"}}")), "usual");
  assert_null(http_errors_message(&arena, &errors, answer("{\"x\":1}")).p);
  assert_null(http_errors_message(&arena, &errors, NULL).p);
  assert_null(http_errors_code(&arena, &errors, NULL).p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(what_must_be_there_is_there_with_that_value, tear_down),
      cmocka_unit_test_teardown(numbers_are_compared_as_numbers, tear_down),
      cmocka_unit_test_teardown(what_must_be_absent_is_not_there_or_empty, tear_down),
      cmocka_unit_test_teardown(all_tests_must_pass, tear_down),
      cmocka_unit_test_teardown(the_first_text_at_the_paths_is_the_message, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
