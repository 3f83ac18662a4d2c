#include "unit.h"

#include <pthread.h>

#include "base/limits.h"
#include "codec/json.h"

static struct arena arena;

static int setup(void **state) {
  arena_init(&arena, 0);
  return 0;
}

static int teardown(void **state) {
  arena_release(&arena);
  return 0;
}

static yyjson_val *read_ok(struct str text) {
  yyjson_doc *doc = NULL;
  assert_ok(json_read(&arena, text, &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

static void refused(struct str text, const char *message, const char *place) {
  yyjson_doc *doc = (yyjson_doc *)&arena;
  if (json_read(&arena, text, &doc, &test_err) != ERR_INVALID) fail_msg("accepted %.*s", STR_ARG(text));
  assert_ptr_equal(doc, &arena);
  if (message) assert_string_equal(test_err.text, message);
  if (place) assert_string_equal(test_err.place, place);
  assert_string_equal(test_err.detail, "");
}

static void every_kind_of_value_is_read(void **state) {
  yyjson_val *root =
      read_ok(STR(" {\"s\":\"gr\\u00fc\\u00df\\ud83d\\ude00\",\"i\":-5,\"u\":18446744073709551615,\"r\":1.5e3,"
                  "\"t\":true,\"n\":null,\"a\":[[],{}],\"\":0}\r\n"));
  assert_str(json_get_str(root, "s"), "gr\xC3\xBC\xC3\x9F\xF0\x9F\x98\x80");
  assert_true(yyjson_get_sint(json_get(root, "i")) == -5);
  assert_true(yyjson_get_uint(json_get(root, "u")) == UINT64_MAX);
  assert_true(yyjson_get_real(json_get(root, "r")) == 1500);
  assert_int_equal(yyjson_arr_size(json_get(root, "a")), 2);
  assert_non_null(json_get(root, ""));
  assert_true(yyjson_is_str(read_ok(STR("\"alone\""))));
}

static void the_document_outlives_its_text(void **state) {
  char text[] = "{\"key\":\"value\"}";
  yyjson_val *root = read_ok(str_of(text));
  memset(text, 'x', sizeof(text));
  assert_str(json_get_str(root, "key"), "value");
}

static void looking_at_the_wrong_kind_finds_nothing(void **state) {
  yyjson_val *root = read_ok(STR("{\"n\":1,\"s\":\"\"}"));
  assert_null(json_str(NULL).p);
  assert_null(json_get_str(root, "n").p);
  assert_null(json_get_str(root, "none").p);
  assert_non_null(json_get_str(root, "s").p);
  assert_null(json_get(NULL, "x"));
  assert_null(json_get(json_get(root, "s"), "x"));
}

static void broken_syntax_is_refused_with_its_byte(void **state) {
  const char *const bad[] = {"",
                             " ",
                             "{",
                             "[",
                             "{]",
                             "[1,]",
                             "{\"a\":1,}",
                             "{a:1}",
                             "{'a':1}",
                             "[01]",
                             "[+1]",
                             "[.5]",
                             "[1.]",
                             "[1e]",
                             "[0x1]",
                             "[NaN]",
                             "[Infinity]",
                             "[-]",
                             "nul",
                             "True",
                             "1 2",
                             "{\"a\" 1}",
                             "[1 2]",
                             "\"a",
                             "\"\\x\"",
                             "\"\\u12\"",
                             "\"\n\"",
                             "\"\t\"",
                             "// c\n1",
                             "/* c */1",
                             "[1]//",
                             "\xEF\xBB\xBF{}",
                             "{\"a\":1}}",
                             "[]]",
                             "\"\\ud800\"",
                             "\"\\udc00\"",
                             "\"\\ud800\\u0041\"",
                             "\x0c[]",
                             "\xC2\xA0[]"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    refused(str_of(bad[i]), NULL, NULL);
    assert_memory_equal(test_err.text, "not JSON: ", 10);
    assert_memory_equal(test_err.place, "byte ", 5);
  }
  refused(STR_NONE, NULL, "byte 0");
  refused(STR("[1,\n 2,\n x]"), NULL, "byte 9");
  refused(str_make("[1]\0", 4), NULL, "byte 3");
}

static void invalid_utf8_is_refused(void **state) {
  const char *const bad[] = {"\"\x80\"", "\"\xC0\x80\"", "\"\xED\xA0\x80\"", "\"\xF4\x90\x80\x80\"",
                             "\"\xFF\"", "\"\xE2\x82\"", "{\"\x80\":1}",     "\"\xE2\x82"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    refused(str_of(bad[i]), NULL, NULL);
}

static void a_duplicate_key_is_refused(void **state) {
  refused(STR("{\"a\":1,\"b\":2,\"a\":3}"), "duplicate key \"a\"", "/a");
  refused(STR("{\"a\":1,\"\\u0061\":3}"), "duplicate key \"a\"", "/a");
  refused(STR("{\"\":1,\"\":3}"), "duplicate key \"\"", "/");
  refused(STR("[0,{\"x\":{\"y\":[{},{\"k/~\":{},\"k/~\":{}}]}}]"), "duplicate key \"k/~\"", "/1/x/y/1/k~1~0");
  refused(STR("{\"//\":1,\"//\":2}"), "duplicate key \"//\"", "/~1~1"); /* comments are for files alone */
  read_ok(STR("{\"a\":{\"a\":[{\"a\":1},{\"a\":1}]},\"A\":1}"));
}

static void a_duplicate_key_is_found_among_any_number(void **state) {
  static char text[64 * 1024];
  for (size_t n = 2; n < 2000; n += n < 70 ? 1 : 97) {
    for (int is_duplicate = 0; is_duplicate < 2; is_duplicate++) {
      size_t at = (size_t)snprintf(text, sizeof(text), "{");
      for (size_t i = 0; i < n; i++) {
        size_t name = is_duplicate && i == n - 1 ? n / 2 : i;
        if (is_duplicate && n == 2) name = 0;
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s\"key %zu\":%zu", i ? "," : "", name, i);
      }
      at += (size_t)snprintf(text + at, sizeof(text) - at, "}");
      if (is_duplicate) {
        refused(str_make(text, at), NULL, NULL);
        assert_memory_equal(test_err.text, "duplicate key \"key ", 19);
      } else {
        read_ok(str_make(text, at));
      }
    }
  }
}

static void a_nul_character_is_refused(void **state) {
  refused(STR("[\"a\\u0000b\"]"), "a NUL character in a string", "/0");
  refused(STR("{\"a\\u0000\":1}"), "a NUL character in a string", NULL);
  refused(STR("\"\\u0000\""), "a NUL character in a string", "");
  refused(str_make("\"\0\"", 3), NULL, NULL);
  read_ok(STR("\"\\\\u0000\""));
}

static void nested(char open, char close, size_t depth, char *text) {
  memset(text, open, depth);
  memset(text + depth, close, depth);
  text[2 * depth] = '\0';
}

static void nesting_stops_at_the_limit(void **state) {
  char text[2 * LIMIT_JSON_DEPTH + 3];
  nested('[', ']', LIMIT_JSON_DEPTH, text);
  read_ok(str_of(text));
  nested('[', ']', LIMIT_JSON_DEPTH + 1, text);
  refused(str_of(text), "nested deeper than 64 levels", NULL);
}

static void *read_deep(void *ret_code) {
  size_t depth = 1000000;
  char *text = malloc(2 * depth + 1);
  nested('[', ']', depth, text);
  struct arena mine;
  arena_init(&mine, 0);
  yyjson_doc *doc;
  *(enum err_code *)ret_code = json_read(&mine, str_make(text, 2 * depth), &doc, NULL);
  arena_release(&mine);
  free(text);
  return NULL;
}

static void a_million_levels_need_no_stack(void **state) {
  pthread_attr_t attributes;
  pthread_t thread;
  enum err_code code = ERR_NONE;
  pthread_attr_init(&attributes);
  assert_int_equal(pthread_attr_setstacksize(&attributes, 128 * 1024), 0);
  assert_int_equal(pthread_create(&thread, &attributes, read_deep, &code), 0);
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attributes);
  assert_int_equal(code, ERR_INVALID);
}

static void numbers_that_fit_nowhere_are_refused(void **state) {
  refused(STR("[1e309]"), "a number that cannot be held exactly", "/0");
  refused(STR("{\"a\":-1e400}"), NULL, "/a");
  refused(STR("[18446744073709551617]"), NULL, "/0");
  refused(STR("[-9223372036854775809]"), NULL, "/0");
  refused(STR("99999999999999999999999999999999999999999999999999"), NULL, "");
  assert_true(yyjson_get_real(read_ok(STR("100000000000000000000"))) == 1e20);
  assert_true(yyjson_get_real(read_ok(STR("1.7976931348623157e308"))) == 1.7976931348623157e308);
  assert_true(yyjson_get_real(read_ok(STR("1e-400"))) == 0);
  assert_true(yyjson_get_real(read_ok(STR("3.14159265358979323846264338327950288"))) == 3.141592653589793);
  assert_true(yyjson_get_sint(read_ok(STR("-9223372036854775808"))) == INT64_MIN);
}

static void verbatim_numbers_leave_as_they_came(void **state) {
  const char *text = "[1.50,-0,10.00,1E400,123456789012345678901234567890,1e-7,{\"a\":0.1}]";
  yyjson_doc *doc;
  struct buf out;
  buf_init(&out, &arena, 1000);
  assert_ok(json_read_verbatim(&arena, str_of(text), &doc, &test_err));
  json_write_value(&out, yyjson_doc_get_root(doc));
  assert_str(buf_str(&out), text);
  assert_int_equal(json_write_canonical(&out, yyjson_doc_get_root(doc), &test_err), ERR_INVALID);
  const char *bad[] = {"[01]", "[1.]", "[+1]", "[.5]", "[NaN]", "[-]", "[1e]", "[0x10]", "{\"a\":1,\"a\":2}"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    if (json_read_verbatim(&arena, str_of(bad[i]), &doc, &test_err) != ERR_INVALID) fail_msg("%s was taken", bad[i]);
}

static void a_document_over_the_arenas_cap_is_too_large(void **state) {
  struct arena small;
  arena_init(&small, 64 * 1024);
  static char text[60000];
  memset(text, ' ', sizeof(text));
  text[0] = '[';
  for (size_t i = 1; i + 1 < sizeof(text); i += 2)
    memcpy(text + i, i + 3 < sizeof(text) ? "1," : "1]", 2);
  yyjson_doc *doc;
  assert_int_equal(json_read(&small, str_make(text, sizeof(text) - 1), &doc, &test_err), ERR_TOO_LARGE);
  arena_release(&small);
}

static void a_long_pointer_is_cut_to_whole_characters(void **state) {
  char text[1000] = "{\"";
  for (size_t i = 0; i < 150; i++)
    memcpy(text + 2 + 3 * i, "\xE2\x82\xAC", 3);
  memcpy(text + 452, "\":[\"\\u0000\"]}", 14);
  refused(str_of(text), "a NUL character in a string", NULL);
  size_t n = strlen(test_err.place);
  assert_in_range(n, ERR_PLACE_SIZE - 4, ERR_PLACE_SIZE - 1);
  assert_int_equal((n - 1) % 3, 0);
}

static yyjson_val *file_ok(const char *text) {
  yyjson_doc *doc = NULL;
  assert_ok(json_read_file_text(&arena, str_of(text), &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

static void comments_of_files_are_dropped_at_any_depth(void **state) {
  yyjson_val *root = file_ok(
      "{\"//\":\"one\",\"//\":[\"two\"],\"a\":[{\"//\":{\"b\":1},\"c\":2},{\"//\":1}],\"///\":3,\"d\":{\"e\":{\"//"
      "\":0}}}");
  struct buf out;
  buf_init(&out, &arena, 4096);
  json_write_value(&out, root);
  assert_str(buf_str(&out), "{\"a\":[{\"c\":2},{}],\"///\":3,\"d\":{\"e\":{}}}");
}

static void file_refused(const char *text, const char *message, const char *place) {
  yyjson_doc *doc = NULL;
  assert_int_equal(json_read_file_text(&arena, str_of(text), &doc, &test_err), ERR_INVALID);
  assert_null(doc);
  if (message) assert_string_equal(test_err.text, message);
  assert_string_equal(test_err.place, place);
}

static void errors_in_files_have_lines(void **state) {
  file_refused("{\n  \"a\": x\n}", NULL, "line 2, column 8");
  file_refused("{\n  \"a\": [1,\n    {\"b\": 1,\n     \"b\": 2}]\n}", "duplicate key \"b\"",
               "line 4, column 6 (/a/1/b)");
  file_refused("[1,\n \"\\u0000\"]", NULL, "line 2, column 2 (/1)");
  file_refused("{\"//\": \"\\u0000\"}", NULL, "line 1, column 2 (/~1~1)");
  file_refused("{\"//\": \"one\",\n \"//\": [\"tw\\u0000o\"],\n \"//\": 3}", NULL, "line 2, column 9 (/~1~1/0)");
  file_refused("{\"a\": 1,\n \"a\": 2,\n \"a\": 3}", NULL, "line 2, column 2 (/a)");
  file_refused("", NULL, "line 1, column 1");
}

static void a_file_over_the_limit_is_too_large(void **state) {
  yyjson_doc *doc;
  static char text[LIMIT_JSON_FILE + 1];
  memset(text, ' ', sizeof(text));
  assert_int_equal(json_read_file_text(&arena, str_make(text, sizeof(text)), &doc, &test_err), ERR_TOO_LARGE);
}

static void nobody_has_to_want_the_error(void **state) {
  yyjson_doc *doc;
  assert_int_equal(json_read(&arena, STR("{\"a\":1,\"a\":2}"), &doc, NULL), ERR_INVALID);
  assert_int_equal(json_read(&arena, STR("{"), &doc, NULL), ERR_INVALID);
}

static void running_out_of_memory_at_any_point_is_an_error(void **state) {
  struct str text = STR("{\"//\":1,\"a\":[1,2,{\"b\":\"text\"}],\"c\":{\"d\":null}}");
  bool has_worked = false;
  for (size_t max = 16; !has_worked; max += 16) {
    struct arena small;
    arena_init(&small, max);
    yyjson_doc *doc = NULL;
    enum err_code code = json_read_file_text(&small, text, &doc, &test_err);
    has_worked = code == ERR_NONE;
    assert_int_equal(doc != NULL, has_worked);
    if (!has_worked) assert_true(code == ERR_NO_MEMORY || code == ERR_TOO_LARGE);
    arena_release(&small);
    assert_true(max < 100000);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_kind_of_value_is_read),
      cmocka_unit_test(the_document_outlives_its_text),
      cmocka_unit_test(looking_at_the_wrong_kind_finds_nothing),
      cmocka_unit_test(broken_syntax_is_refused_with_its_byte),
      cmocka_unit_test(invalid_utf8_is_refused),
      cmocka_unit_test(a_duplicate_key_is_refused),
      cmocka_unit_test(a_duplicate_key_is_found_among_any_number),
      cmocka_unit_test(a_nul_character_is_refused),
      cmocka_unit_test(nesting_stops_at_the_limit),
      cmocka_unit_test(a_million_levels_need_no_stack),
      cmocka_unit_test(numbers_that_fit_nowhere_are_refused),
      cmocka_unit_test(verbatim_numbers_leave_as_they_came),
      cmocka_unit_test(a_document_over_the_arenas_cap_is_too_large),
      cmocka_unit_test(a_long_pointer_is_cut_to_whole_characters),
      cmocka_unit_test(comments_of_files_are_dropped_at_any_depth),
      cmocka_unit_test(errors_in_files_have_lines),
      cmocka_unit_test(a_file_over_the_limit_is_too_large),
      cmocka_unit_test(nobody_has_to_want_the_error),
      cmocka_unit_test(running_out_of_memory_at_any_point_is_an_error),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
