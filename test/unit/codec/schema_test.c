#include "unit.h"

#include "base/limits.h"
#include "codec/schema.h"

static struct arena arena;

static int setup(void **state) {
  arena_init(&arena, 0);
  return 0;
}

static int teardown(void **state) {
  arena_release(&arena);
  return 0;
}

static yyjson_val *read_ok(const char *text) {
  yyjson_doc *doc = NULL;
  assert_ok(json_read(&arena, str_of(text), &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

static struct schema *compiled(const char *text) {
  struct schema *schema = NULL;
  assert_ok(schema_compile(&arena, read_ok(text), &schema, &test_err));
  return schema;
}

struct check {
  const char *schema, *value;
  const char *text; /* NULL: valid */
  const char *place;
};

static void run(const struct check *checks, size_t n) {
  for (size_t i = 0; i < n; i++) {
    struct schema *schema = compiled(checks[i].schema);
    enum err_code code = schema_check(schema, read_ok(checks[i].value), &test_err);
    if (!checks[i].text) {
      if (code != ERR_NONE) fail_msg("%s refused %s: %s", checks[i].schema, checks[i].value, test_err.text);
      continue;
    }
    if (code != ERR_INVALID) fail_msg("%s accepted %s", checks[i].schema, checks[i].value);
    if (strcmp(test_err.text, checks[i].text) != 0 || (checks[i].place && strcmp(test_err.place, checks[i].place) != 0))
      fail_msg("%s said of %s: \"%s\" [%s]", checks[i].schema, checks[i].value, test_err.text, test_err.place);
  }
}
#define RUN(checks) run((checks), sizeof(checks) / sizeof((checks)[0]))

static void types(void **state) {
  const struct check checks[] = {
      {"{}", "1", NULL},
      {"{}", "{\"a\":[null]}", NULL},
      {"{\"type\":\"string\"}", "\"\"", NULL},
      {"{\"type\":\"string\"}", "1", "arguments: must be a string", ""},
      {"{\"type\":\"integer\"}", "1", NULL},
      {"{\"type\":\"integer\"}", "1.0", NULL},
      {"{\"type\":\"integer\"}", "1e3", NULL},
      {"{\"type\":\"integer\"}", "1e300", NULL},
      {"{\"type\":\"integer\"}", "-0.0", NULL},
      {"{\"type\":\"integer\"}", "18446744073709551615", NULL},
      {"{\"type\":\"integer\"}", "1.5", "arguments: must be an integer", ""},
      {"{\"type\":\"integer\"}", "\"1\"", "arguments: must be an integer", ""},
      {"{\"type\":\"number\"}", "1", NULL},
      {"{\"type\":\"number\"}", "1.5", NULL},
      {"{\"type\":\"number\"}", "true", "arguments: must be a number", ""},
      {"{\"type\":\"boolean\"}", "false", NULL},
      {"{\"type\":\"boolean\"}", "0", "arguments: must be a boolean", ""},
      {"{\"type\":\"null\"}", "null", NULL},
      {"{\"type\":\"null\"}", "false", "arguments: must be null", ""},
      {"{\"type\":\"array\"}", "[]", NULL},
      {"{\"type\":\"array\"}", "{}", "arguments: must be an array", ""},
      {"{\"type\":\"object\"}", "{}", NULL},
      {"{\"type\":\"object\"}", "[]", "arguments: must be an object", ""},
      {"{\"type\":[\"string\",\"null\"]}", "null", NULL},
      {"{\"type\":[\"string\",\"null\"]}", "\"x\"", NULL},
      {"{\"type\":[\"null\",\"string\"]}", "1", "arguments: must be a string or null", ""},
  };
  RUN(checks);
}

static void objects(void **state) {
  const char *const open =
      "{\"properties\":{\"a\":{\"type\":\"string\"},\"b/~\":{\"type\":\"integer\"}},\"required\":[\"a\",\"z\"]}";
  const char *const closed = "{\"properties\":{\"a\":{}},\"additionalProperties\":false}";
  const struct check checks[] = {
      {open, "{\"a\":\"x\",\"z\":null}", NULL},
      {open, "{\"a\":\"x\",\"z\":null,\"more\":1}", NULL},
      {open, "{\"z\":1}", "a: is required", "/a"},
      {open, "{\"a\":\"x\"}", "z: is required", "/z"},
      {open, "{\"a\":1,\"z\":1}", "a: must be a string", "/a"},
      {open, "{\"a\":\"x\",\"z\":1,\"b/~\":\"x\"}", "b/~: must be an integer", "/b~1~0"},
      {open, "[]", NULL}, /* without a type, the rules of objects are for objects */
      {closed, "{}", NULL},
      {closed, "{\"a\":1}", NULL},
      {closed, "{\"a\":1,\"A\":1}", "A: is not known", "/A"},
      {"{\"additionalProperties\":false}", "{\"x\":1}", "x: is not known", "/x"},
      {"{\"additionalProperties\":false,\"required\":[\"x\"]}", "{\"x\":1}", "x: is not known", "/x"},
      {"{\"additionalProperties\":true,\"properties\":{}}", "{\"x\":1}", NULL},
      {"{\"required\":[\"x\",\"x\"]}", "{\"x\":1}", NULL},
      {"{\"properties\":{\"f\":{\"properties\":{\"g\":{\"items\":{\"properties\":{\"h\":{\"maximum\":100}}}}}}}}",
       "{\"f\":{\"g\":[{},{\"h\":101}]}}", "f.g[1].h: must be at most 100", "/f/g/1/h"},
  };
  RUN(checks);
}

static void every_property_of_many_is_found(void **state) {
  struct buf schema, value;
  buf_init(&schema, &arena, 1 << 20);
  buf_init(&value, &arena, 1 << 20);
  buf_append_c(&schema, "{\"properties\":{\"z\":{}");
  for (int i = 0; i < 100; i++)
    buf_printf(&schema, ",\"p%d\":{\"const\":%d}", i * 7 % 100, i * 7 % 100);
  buf_append_c(&schema, "},\"additionalProperties\":false}");
  buf_append_byte(&schema, '\0');
  struct schema *many = compiled(schema.p);
  for (int i = 0; i < 100; i++) {
    buf_clear(&value);
    buf_printf(&value, "{\"p%d\":%d}", i, i);
    buf_append_byte(&value, '\0');
    assert_ok(schema_check(many, read_ok(value.p), &test_err));
    buf_clear(&value);
    buf_printf(&value, "{\"p%d\":%d}", i, i + 1);
    buf_append_byte(&value, '\0');
    assert_int_equal(schema_check(many, read_ok(value.p), &test_err), ERR_INVALID);
  }
}

static void bounds(void **state) {
  const struct check checks[] = {
      {"{\"minimum\":0}", "0", NULL},
      {"{\"minimum\":0}", "-0.0", NULL},
      {"{\"minimum\":0}", "-0.001", "arguments: must be at least 0", ""},
      {"{\"maximum\":1.5}", "1.5", NULL},
      {"{\"maximum\":1.5}", "2", "arguments: must be at most 1.5", ""},
      {"{\"maximum\":9007199254740992}", "9007199254740993", "arguments: must be at most 9007199254740992", ""},
      {"{\"minimum\":-9223372036854775807}", "-9223372036854775808", "arguments: must be at least -9223372036854775807",
       ""},
      {"{\"minimum\":18446744073709551615}", "18446744073709551614", "arguments: must be at least 18446744073709551615",
       ""},
      {"{\"minimum\":1,\"maximum\":3}", "2", NULL},
      {"{\"minimum\":1}", "\"x\"", NULL},
      {"{\"minLength\":2}", "\"ab\"", NULL},
      {"{\"minLength\":2}", "\"a\"", "arguments: must have at least 2 characters", ""},
      {"{\"minLength\":2}", "\"\xF0\x9F\x98\x80\"", "arguments: must have at least 2 characters", ""},
      {"{\"maxLength\":2}", "\"\xF0\x9F\x98\x80\xC3\xA9\"", NULL},
      {"{\"maxLength\":2.0}", "\"abc\"", "arguments: must have at most 2 characters", ""},
      {"{\"maxLength\":0}", "\"\"", NULL},
      {"{\"maxLength\":0}", "[1]", NULL},
      {"{\"minItems\":1}", "[]", "arguments: must have at least 1 items", ""},
      {"{\"maxItems\":1}", "[1]", NULL},
      {"{\"maxItems\":1}", "[1,2]", "arguments: must have at most 1 items", ""},
      {"{\"items\":{\"type\":\"string\"}}", "[\"a\",\"b\"]", NULL},
      {"{\"items\":{\"type\":\"string\"}}", "[\"a\",1]", "[1]: must be a string", "/1"},
  };
  RUN(checks);
}

static void choices_and_constants(void **state) {
  const struct check checks[] = {
      {"{\"enum\":[\"a\",\"b\",3]}", "\"b\"", NULL},
      {"{\"enum\":[\"a\",\"b\",3]}", "3.0", NULL},
      {"{\"enum\":[\"a\",\"b\",3]}", "\"B\"", "arguments: must be one of \"a\", \"b\", 3", ""},
      {"{\"enum\":[\"a\",\"b\",3]}", "\"3\"", "arguments: must be one of \"a\", \"b\", 3", ""},
      {"{\"enum\":[null,true]}", "false", "arguments: must be one of null, true", ""},
      {"{\"const\":{\"a\":[1,{}],\"b\":null}}", "{\"b\":null,\"a\":[1.0,{}]}", NULL},
      {"{\"const\":{\"a\":[1,{}],\"b\":null}}", "{\"b\":null,\"a\":[1,{\"x\":1}]}",
       "arguments: must be {\"a\":[1,{}],\"b\":null}", ""},
      {"{\"const\":{\"a\":1}}", "{\"a\":1,\"b\":1}", "arguments: must be {\"a\":1}", ""},
      {"{\"const\":{\"a\":1}}", "{\"b\":1}", "arguments: must be {\"a\":1}", ""},
      {"{\"const\":[1,2]}", "[2,1]", "arguments: must be [1,2]", ""},
      {"{\"const\":[1,2]}", "[1]", "arguments: must be [1,2]", ""},
      {"{\"const\":9007199254740993}", "9007199254740992.0", "arguments: must be 9007199254740993", ""},
      {"{\"const\":null}", "null", NULL},
      {"{\"const\":null}", "0", "arguments: must be null", ""},
      {"{\"const\":0}", "false", "arguments: must be 0", ""},
  };
  RUN(checks);
}

static void annotations_change_nothing(void **state) {
  struct schema *schema = compiled(
      "{\"$schema\":\"https://json-schema.org/draft/2020-12/"
      "schema\",\"title\":\"T\",\"description\":\"D\",\"default\":1,"
      "\"examples\":[1],\"x-anything\":{\"type\":\"nonsense\"}}");
  assert_ok(schema_check(schema, read_ok("\"x\""), &test_err));
}

static void what_is_not_understood_does_not_compile(void **state) {
  const struct {
    const char *schema, *place;
  } cases[] = {
      {"1", ""},
      {"true", ""},
      {"[]", ""},
      {"{\"pattern\":\"^a\"}", "/pattern"},
      {"{\"format\":\"email\"}", "/format"},
      {"{\"$ref\":\"#/x\"}", "/$ref"},
      {"{\"anyOf\":[]}", "/anyOf"},
      {"{\"not\":{}}", "/not"},
      {"{\"Type\":\"string\"}", "/Type"},
      {"{\"exclusiveMinimum\":1}", "/exclusiveMinimum"},
      {"{\"patternProperties\":{}}", "/patternProperties"},
      {"{\"x\":1}", "/x"},
      {"{\"type\":\"int\"}", "/type"},
      {"{\"type\":[]}", "/type"},
      {"{\"type\":[\"string\",1]}", "/type"},
      {"{\"type\":[\"strin\"]}", "/type"},
      {"{\"type\":null}", "/type"},
      {"{\"properties\":[]}", "/properties"},
      {"{\"properties\":{\"a\":{\"properties\":{\"b/\":{\"type\":1}}}}}", "/properties/a/properties/b~1/type"},
      {"{\"properties\":{\"a\":true}}", "/properties/a"},
      {"{\"required\":\"a\"}", "/required"},
      {"{\"required\":[1]}", "/required"},
      {"{\"additionalProperties\":{}}", "/additionalProperties"},
      {"{\"enum\":[]}", "/enum"},
      {"{\"enum\":{}}", "/enum"},
      {"{\"items\":[{}]}", "/items"},
      {"{\"items\":{\"items\":true}}", "/items/items"},
      {"{\"minItems\":-1}", "/minItems"},
      {"{\"maxItems\":1.5}", "/maxItems"},
      {"{\"minLength\":\"1\"}", "/minLength"},
      {"{\"maxLength\":1e300}", "/maxLength"},
      {"{\"minimum\":\"1\"}", "/minimum"},
      {"{\"maximum\":null}", "/maximum"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct schema *schema = NULL;
    if (schema_compile(&arena, read_ok(cases[i].schema), &schema, &test_err) != ERR_INVALID)
      fail_msg("compiled %s", cases[i].schema);
    assert_null(schema);
    if (strcmp(test_err.place, cases[i].place) != 0) fail_msg("place of %s is %s", cases[i].schema, test_err.place);
  }
}

static void depth_is_bounded(void **state) {
  char text[20 * LIMIT_JSON_DEPTH] = "";
  size_t at = 0;
  for (int i = 0; i < LIMIT_JSON_DEPTH; i++)
    at += (size_t)snprintf(text + at, sizeof(text) - at, "{\"items\":");
  at += (size_t)snprintf(text + at, sizeof(text) - at, "{}");
  memset(text + at, '}', LIMIT_JSON_DEPTH);
  yyjson_doc *doc = yyjson_read(text, at + LIMIT_JSON_DEPTH, 0); /* json_read would refuse it already */
  struct schema *schema;
  assert_int_equal(schema_compile(&arena, yyjson_doc_get_root(doc), &schema, &test_err), ERR_INVALID);
  assert_string_equal(test_err.text, "nested too deep");
  yyjson_doc_free(doc);
}

static void long_names_and_lists_are_cut(void **state) {
  struct buf text;
  buf_init(&text, &arena, 1 << 20);
  buf_append_c(&text, "{\"enum\":[0");
  for (int i = 0; i < 500; i++)
    buf_append_c(&text, ",\"\xE2\x82\xAC\xE2\x82\xAC\"");
  buf_append_c(&text, "]}");
  buf_append_byte(&text, '\0');
  assert_int_equal(schema_check(compiled(text.p), read_ok("1"), &test_err), ERR_INVALID);
  assert_in_range(strlen(test_err.text), 100, 250);
  assert_memory_equal(test_err.text + strlen(test_err.text) - 3, "\xE2\x80\xA6", 3);
  buf_clear(&text);
  buf_append_c(&text, "{\"");
  for (int i = 0; i < 500; i++)
    buf_append_byte(&text, 'n');
  buf_append_c(&text, "\":1}");
  buf_append_byte(&text, '\0');
  assert_int_equal(schema_check(compiled("{\"additionalProperties\":false}"), read_ok(text.p), &test_err), ERR_INVALID);
  assert_int_equal(strlen(test_err.text), 100 + strlen(": is not known"));
}

static void absent_arguments_and_errors_are_survived(void **state) {
  assert_int_equal(schema_check(compiled("{\"type\":\"object\"}"), NULL, &test_err), ERR_INVALID);
  assert_int_equal(schema_check(compiled("{\"type\":\"object\",\"required\":[\"a\"]}"), read_ok("{}"), NULL),
                   ERR_INVALID);
  assert_int_equal(schema_check(compiled("{\"enum\":[1]}"), read_ok("2"), NULL), ERR_INVALID);
  struct schema *schema;
  assert_int_equal(schema_compile(&arena, read_ok("{\"nonsense\":1}"), &schema, NULL), ERR_INVALID);
  assert_int_equal(schema_compile(&arena, NULL, &schema, NULL), ERR_INVALID);
}

static void running_out_of_memory_at_any_point_is_an_error(void **state) {
  yyjson_val *value =
      read_ok("{\"properties\":{\"a\":{\"items\":{\"type\":\"string\"}},\"b\":{}},\"required\":[\"c\"]}");
  bool has_worked = false;
  for (size_t max = 16; !has_worked; max += 16) {
    struct arena small;
    arena_init(&small, max);
    struct schema *schema = NULL;
    enum err_code code = schema_compile(&small, value, &schema, &test_err);
    has_worked = code == ERR_NONE;
    assert_int_equal(schema != NULL, has_worked);
    if (!has_worked) assert_int_equal(code, ERR_NO_MEMORY);
    arena_release(&small);
    assert_true(max < 10000);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(types),
      cmocka_unit_test(objects),
      cmocka_unit_test(every_property_of_many_is_found),
      cmocka_unit_test(bounds),
      cmocka_unit_test(choices_and_constants),
      cmocka_unit_test(annotations_change_nothing),
      cmocka_unit_test(what_is_not_understood_does_not_compile),
      cmocka_unit_test(depth_is_bounded),
      cmocka_unit_test(long_names_and_lists_are_cut),
      cmocka_unit_test(absent_arguments_and_errors_are_survived),
      cmocka_unit_test(running_out_of_memory_at_any_point_is_an_error),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
