#include "schema_fixture.h"

#include "base/limits.h"

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

static void exclusive_bounds_and_multiples(void **state) {
  const struct check checks[] = {
      {"{\"exclusiveMinimum\":0}", "0.001", NULL},
      {"{\"exclusiveMinimum\":0}", "0", "arguments: must be more than 0", ""},
      {"{\"exclusiveMaximum\":10}", "9", NULL},
      {"{\"exclusiveMaximum\":10}", "10.0", "arguments: must be less than 10", ""},
      {"{\"multipleOf\":0.01}", "19.99", NULL},
      {"{\"multipleOf\":0.01}", "19.999", "arguments: must be a multiple of 0.01", ""},
      {"{\"multipleOf\":7}", "21", NULL},
      {"{\"multipleOf\":7}", "\"21\"", NULL},
  };
  RUN(checks);
}

static void rules_of_arrays(void **state) {
  const struct check checks[] = {
      {"{\"prefixItems\":[{\"type\":\"string\"},true],\"items\":false}", "[\"a\",1]", NULL},
      {"{\"prefixItems\":[{\"type\":\"string\"},true],\"items\":false}", "[\"a\",1,2]", "[2]: is not allowed", "/2"},
      {"{\"prefixItems\":[{\"type\":\"string\"}]}", "[1]", "[0]: must be a string", "/0"},
      {"{\"uniqueItems\":true}", "[1,\"1\",[1],{\"a\":1}]", NULL},
      {"{\"uniqueItems\":true}", "[{\"a\":1,\"b\":2},3,{\"b\":2,\"a\":1.0}]",
       "arguments: must have no item twice: [0] and [2] are equal", ""},
      {"{\"contains\":{\"const\":1}}", "[0]",
       "arguments: must have at least 1 items of the kind that it must contain, and has 0", ""},
      {"{\"contains\":{\"const\":1},\"maxContains\":1}", "[1,0,1]",
       "arguments: must have at most 1 items of the kind that it must contain, and has 2", ""},
      {"{\"contains\":{\"const\":1},\"minContains\":0}", "[]", NULL},
      {"{\"unevaluatedItems\":false,\"prefixItems\":[true]}", "[1,2]", "[1]: is not allowed", "/1"},
  };
  RUN(checks);
}

static void rules_of_objects(void **state) {
  const struct check checks[] = {
      {"{\"minProperties\":1}", "{}", "arguments: must have at least 1 members", ""},
      {"{\"maxProperties\":1}", "{\"a\":1,\"b\":1}", "arguments: must have at most 1 members", ""},
      {"{\"patternProperties\":{\"^n_\":{\"type\":\"integer\"}},\"additionalProperties\":false}", "{\"n_a\":\"x\"}",
       "n_a: must be an integer", "/n_a"},
      {"{\"patternProperties\":{\"^n_\":{\"type\":\"integer\"}},\"additionalProperties\":false}", "{\"m\":1}",
       "m: is not known", "/m"},
      {"{\"additionalProperties\":{\"type\":\"string\"}}", "{\"a\":1}", "a: must be a string", "/a"},
      {"{\"propertyNames\":{\"maxLength\":3}}", "{\"abcd\":1}", "abcd: its name must have at most 3 characters",
       "/abcd"},
      {"{\"properties\":{\"old\":false}}", "{\"old\":1}", "old: is not allowed", "/old"},
      {"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}", "b: is required where there is a", "/b"},
      {"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"b\":1}", NULL},
      {"{\"dependentSchemas\":{\"a\":{\"required\":[\"c\"]}}}", "{\"a\":1}", "c: is required", "/c"},
      {"{\"properties\":{\"a\":true},\"unevaluatedProperties\":false}", "{\"a\":1,\"b\":2}", "b: is not known", "/b"},
      {"{\"allOf\":[{\"properties\":{\"a\":true}}],\"unevaluatedProperties\":{\"type\":\"integer\"}}",
       "{\"a\":\"x\",\"b\":\"y\"}", "b: must be an integer", "/b"},
  };
  RUN(checks);
}

/* A caller who mends one thing at a time is told of what is missing before what is wrong. */
static void what_is_missing_is_said_first(void **state) {
  const struct check checks[] = {
      {"{\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"z\"]}", "{\"a\":1}", "z: is required", "/z"},
      {"{\"required\":[\"z\"],\"additionalProperties\":false}", "{\"zz\":1}", "z: is required", "/z"},
  };
  RUN(checks);
}

/* More than the bits of one word, and names given twice. */
static void every_required_name_of_many_is_missed(void **state) {
  static const char *const firsts[] = {"{\"required\":[",
                                       "{\"properties\":{\"r70\":true},\"required\":[\"r0\",\"r99\","};
  for (size_t k = 0; k < 2; k++) {
    struct buf schema, value;
    buf_init(&schema, &arena, 1 << 20);
    buf_append_c(&schema, firsts[k]);
    for (int i = 0; i < 100; i++)
      buf_printf(&schema, "%s\"r%d\"", i ? "," : "", i);
    buf_append_c(&schema, "]}");
    buf_append_byte(&schema, '\0');
    struct schema *many = compiled(schema.p);
    for (int missing = 0; missing <= 100; missing++) {
      buf_init(&value, &arena, 1 << 20);
      for (int i = 0; i < 100; i++) {
        if (i != missing) buf_printf(&value, "%c\"r%d\":0", value.n ? ',' : '{', i);
      }
      buf_append_c(&value, "}");
      buf_append_byte(&value, '\0');
      assert_int_equal(schema_check(many, read_ok(value.p), &test_err), missing == 100 ? ERR_NONE : ERR_INVALID);
      char place[16];
      snprintf(place, sizeof(place), "/r%d", missing);
      if (missing < 100) assert_string_equal(test_err.place, place);
    }
  }
}

static void patterns_and_formats(void **state) {
  const struct check checks[] = {
      {"{\"pattern\":\"^[a-z]+$\"}", "\"abc\"", NULL},
      {"{\"pattern\":\"^[a-z]+$\"}", "\"abc1\"", "arguments: must match the pattern ^[a-z]+$", ""},
      {"{\"pattern\":\"b\"}", "\"abc\"", NULL},
      {"{\"pattern\":\"^[a-z]+$\"}", "1", NULL},
      {"{\"format\":\"email\"}", "\"nobody\"", NULL},
  };
  const struct check asserted[] = {
      {"{\"format\":\"email\"}", "\"nobody@example.com\"", NULL},
      {"{\"format\":\"email\"}", "\"nobody\"", "arguments: must be an email address", ""},
      {"{\"format\":\"date\"}", "\"2026-02-29\"", "arguments: must be a date such as 2026-03-31", ""},
      {"{\"format\":\"never-heard-of\"}", "\"x\"", NULL},
      {"{\"format\":\"email\"}", "1", NULL},
  };
  RUN(checks);
  run_with(asserted, sizeof(asserted) / sizeof(asserted[0]), &(struct schema_options){.asserts_format = true});
}

static void booleans_are_schemas(void **state) {
  const struct check checks[] = {
      {"true", "1", NULL},
      {"false", "1", "arguments: is not allowed", ""},
  };
  RUN(checks);
}

static void annotations_change_nothing(void **state) {
  const struct check checks[] = {
      {"{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"T\",\"description\":\"D\","
       "\"default\":1,\"examples\":[1],\"x-anything\":{\"type\":\"nonsense\"},\"nullable\":true,\"Type\":\"integer\","
       "\"readOnly\":true,\"contentMediaType\":\"application/json\",\"$comment\":\"C\",\"markdownDescription\":1}",
       "\"x\"", NULL},
  };
  RUN(checks);
}

static void a_keyword_with_a_value_it_cannot_have_does_not_compile(void **state) {
  const struct refusal cases[] = {
      {"1", ""},
      {"[]", ""},
      {"{\"anyOf\":[]}", "/anyOf"},
      {"{\"allOf\":{}}", "/allOf"},
      {"{\"oneOf\":[1]}", "/oneOf/0"},
      {"{\"prefixItems\":[]}", "/prefixItems"},
      {"{\"not\":1}", "/not"},
      {"{\"if\":[]}", "/if"},
      {"{\"pattern\":\"(\"}", "/pattern", "not a regular expression"},
      {"{\"pattern\":1}", "/pattern"},
      {"{\"format\":1}", "/format"},
      {"{\"patternProperties\":{\"[\":{}}}", "/patternProperties/["},
      {"{\"patternProperties\":[]}", "/patternProperties"},
      {"{\"propertyNames\":1}", "/propertyNames"},
      {"{\"type\":\"int\"}", "/type"},
      {"{\"type\":[]}", "/type"},
      {"{\"type\":[\"string\",1]}", "/type"},
      {"{\"type\":[\"strin\"]}", "/type"},
      {"{\"type\":null}", "/type"},
      {"{\"properties\":[]}", "/properties"},
      {"{\"properties\":{\"a\":{\"properties\":{\"b/\":{\"type\":1}}}}}", "/properties/a/properties/b~1/type"},
      {"{\"properties\":{\"a\":1}}", "/properties/a", "a schema must be an object, true or false"},
      {"{\"required\":\"a\"}", "/required"},
      {"{\"required\":[1]}", "/required"},
      {"{\"required\":true}", "/required"},
      {"{\"additionalProperties\":\"false\"}", "/additionalProperties"},
      {"{\"unevaluatedProperties\":0}", "/unevaluatedProperties"},
      {"{\"enum\":[]}", "/enum"},
      {"{\"enum\":{}}", "/enum"},
      {"{\"items\":[{}]}", "/items"},
      {"{\"items\":{\"items\":1}}", "/items/items"},
      {"{\"contains\":1}", "/contains"},
      {"{\"uniqueItems\":1}", "/uniqueItems"},
      {"{\"minItems\":-1}", "/minItems", "minItems must be a count"},
      {"{\"maxItems\":1.5}", "/maxItems"},
      {"{\"minContains\":\"1\"}", "/minContains"},
      {"{\"minProperties\":-1}", "/minProperties"},
      {"{\"minLength\":\"1\"}", "/minLength"},
      {"{\"maxLength\":1e300}", "/maxLength"},
      {"{\"minimum\":\"1\"}", "/minimum"},
      {"{\"maximum\":null}", "/maximum"},
      {"{\"exclusiveMinimum\":true}", "/exclusiveMinimum"},
      {"{\"multipleOf\":0}", "/multipleOf"},
      {"{\"multipleOf\":-1}", "/multipleOf"},
      {"{\"dependentRequired\":{\"a\":{}}}", "/dependentRequired/a"},
      {"{\"dependentRequired\":{\"a\":[1]}}", "/dependentRequired/a"},
      {"{\"dependentSchemas\":{\"a\":[]}}", "/dependentSchemas/a"},
      {"{\"dependencies\":{\"a\":1}}", "/dependencies/a"},
      {"{\"$defs\":[]}", "/$defs"},
      {"{\"$defs\":{\"unused\":{\"type\":1}}}", "/$defs/unused/type"},
      {"{\"$id\":1}", "/$id"},
      {"{\"$anchor\":1}", "/$anchor"},
      {"{\"$schema\":1}", "/$schema"},
  };
  REFUSE(cases);
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
  assert_int_equal(schema_compile(&arena, read_ok("{\"type\":1}"), &schema, NULL), ERR_INVALID);
  assert_int_equal(schema_compile(&arena, NULL, &schema, NULL), ERR_INVALID);
}

static void running_out_of_memory_at_any_point_is_an_error(void **state) {
  yyjson_val *value = read_ok(
      "{\"properties\":{\"a\":{\"items\":{\"type\":\"string\",\"pattern\":\"a+\"}},\"b\":{\"anyOf\":[{\"$ref\":\"#\"}]}"
      "},"
      "\"required\":[\"c\"],\"patternProperties\":{\"x\":true},\"dependentRequired\":{\"a\":[\"b\"]},\"multipleOf\":2,"
      "\"allOf\":[{\"$ref\":\"https://json-schema.org/draft/2020-12/schema\"}]}");
  bool has_worked = false;
  for (size_t max = 16; !has_worked; max += max < 4096 ? 16 : 512) {
    struct arena small;
    arena_init(&small, max);
    struct schema *schema = NULL;
    enum err_code code = schema_compile(&small, value, &schema, &test_err);
    has_worked = code == ERR_NONE;
    assert_int_equal(schema != NULL, has_worked);
    if (!has_worked) assert_int_equal(code, ERR_NO_MEMORY);
    arena_release(&small);
    assert_true(max < 1000 * 1000);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(types),
      cmocka_unit_test(objects),
      cmocka_unit_test(every_property_of_many_is_found),
      cmocka_unit_test(bounds),
      cmocka_unit_test(choices_and_constants),
      cmocka_unit_test(exclusive_bounds_and_multiples),
      cmocka_unit_test(rules_of_arrays),
      cmocka_unit_test(rules_of_objects),
      cmocka_unit_test(what_is_missing_is_said_first),
      cmocka_unit_test(every_required_name_of_many_is_missed),
      cmocka_unit_test(patterns_and_formats),
      cmocka_unit_test(booleans_are_schemas),
      cmocka_unit_test(annotations_change_nothing),
      cmocka_unit_test(a_keyword_with_a_value_it_cannot_have_does_not_compile),
      cmocka_unit_test(depth_is_bounded),
      cmocka_unit_test(long_names_and_lists_are_cut),
      cmocka_unit_test(absent_arguments_and_errors_are_survived),
      cmocka_unit_test(running_out_of_memory_at_any_point_is_an_error),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
