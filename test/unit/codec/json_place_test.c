#include "unit.h"

#include "codec/json_place.h"

static const char text[] =
    "{\n"
    "  \"a\": [1, 22,\n"
    "    {\"b\": \"x]},\\\"\"}, [\n"
    "      []]],\n"
    "\t\"c/d~e\": null, \"\": {\"\": 1},\n"
    "  \"\\u00e9\\ud83d\\ude00\\n\": {\"0\": true},\n"
    "  \"dup\": 1,\n"
    "  \"dup\": 2\n"
    "}\n";

static void bytes_have_lines_and_columns(void **state) {
  unsigned line, column;
  json_place_of_byte(STR("ab\nc\n"), 0, &line, &column);
  assert_int_equal(line, 1);
  assert_int_equal(column, 1);
  json_place_of_byte(STR("ab\nc\n"), 3, &line, &column);
  assert_int_equal(line, 2);
  assert_int_equal(column, 1);
  json_place_of_byte(STR("ab\nc\n"), 100, &line, &column);
  assert_int_equal(line, 3);
  assert_int_equal(column, 1);
  json_place_of_byte(STR_NONE, 0, &line, &column);
  assert_int_equal(line, 1);
}

static void pointers_lead_to_members_and_elements(void **state) {
  const struct {
    const char *pointer;
    unsigned line, column;
  } cases[] = {{"", 1, 1},         {"/a", 2, 3},     {"/a/0", 2, 9},  {"/a/1", 2, 12},
               {"/a/2", 3, 5},     {"/a/2/b", 3, 6}, {"/a/3", 3, 22}, {"/a/3/0", 4, 7},
               {"/c~1d~0e", 5, 2}, {"/", 5, 17},     {"//", 5, 22},   {"/\xC3\xA9\xF0\x9F\x98\x80\n/0", 6, 28},
               {"/dup", 8, 3}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    unsigned line = 0, column = 0;
    if (!json_place_find(str_of(text), str_of(cases[i].pointer), &line, &column))
      fail_msg("no \"%s\"", cases[i].pointer);
    if (line != cases[i].line || column != cases[i].column)
      fail_msg("\"%s\" is at %u:%u", cases[i].pointer, line, column);
  }
}

static void indexes_tell_members_of_the_same_name_apart(void **state) {
  const struct {
    size_t n, indexes[3];
    unsigned line, column;
  } cases[] = {{0, {0}, 1, 1},       {1, {0}, 2, 3},      {2, {0, 1}, 2, 12}, {3, {0, 2, 0}, 3, 6},
               {3, {0, 3, 0}, 4, 7}, {2, {2, 0}, 5, 22},  {1, {4}, 7, 3},     {1, {5}, 8, 3},
               {1, {6}, 0, 0},       {2, {0, 4}, 0, 0},   {2, {5, 0}, 0, 0},  {3, {0, 0, 0}, 0, 0},
               {3, {0, 2, 1}, 0, 0}, {3, {0, 3, 1}, 0, 0}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    unsigned line = 0, column = 0;
    bool is_found = json_place_of_path(str_of(text), cases[i].indexes, cases[i].n, &line, &column);
    if (is_found != (cases[i].line > 0) || line != cases[i].line || column != cases[i].column)
      fail_msg("case %zu is at %u:%u", i, line, column);
  }
}

static void what_is_not_there_is_not_found(void **state) {
  const char *const none[] = {"/b",       "/a/4", "/a/x",  "/a/-1", "/a/0/0", "/a/2/b/c",
                              "/a/3/0/0", "a",    "/dup/", "/c",    "/a/2/bb"};
  for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
    unsigned line, column;
    if (json_place_find(str_of(text), str_of(none[i]), &line, &column)) fail_msg("found \"%s\"", none[i]);
  }
}

/* It trusts its text, but not with its life. */
static void a_text_that_is_no_json_is_survived(void **state) {
  for (size_t n = 0; n < sizeof(text); n++) {
    char *copy = malloc(n ? n : 1); /* so that reading past the end is noticed */
    memcpy(copy, text, n);
    unsigned line, column;
    (void)json_place_find(str_make(copy, n), STR("/a/2/b"), &line, &column);
    (void)json_place_find(str_make(copy, n), STR("/\xC3\xA9\xF0\x9F\x98\x80\n/0"), &line, &column);
    (void)json_place_find(str_make(copy, n), STR("/none"), &line, &column);
    (void)json_place_of_path(str_make(copy, n), (size_t[]){0, 2, 0}, 3, &line, &column);
    free(copy);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bytes_have_lines_and_columns),
      cmocka_unit_test(pointers_lead_to_members_and_elements),
      cmocka_unit_test(indexes_tell_members_of_the_same_name_apart),
      cmocka_unit_test(what_is_not_there_is_not_found),
      cmocka_unit_test(a_text_that_is_no_json_is_survived),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
