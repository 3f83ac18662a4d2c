/* Arguments that stand in header fields as well. */
#include "codec/mirror.h"

#include "base/limits.h"
#include "codec/json.h"
#include "unit.h"

/* In two: there are trigraphs. */
#define EMPTY \
  "=?base64?" \
  "?="

static struct arena arena;

static int setup(void **state) {
  arena_init(&arena, 0);
  return 0;
}

static int teardown(void **state) {
  arena_release(&arena);
  return 0;
}

static yyjson_val *json(const char *text) {
  yyjson_doc *doc;
  assert_ok(json_read(&arena, str_of(text), &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

static void what_a_field_cannot_hold_is_encoded_and_read_again(void **state) {
  static const struct {
    const char *value, *field;
  } cases[] = {{"us-west1", "us-west1"},
               {"a b\tc", "a b\tc"},
               {"", EMPTY},
               {" padded ", "=?base64?IHBhZGRlZCA=?="},
               {"Stra\xc3\x9f"
                "e",
                "=?base64?U3RyYcOfZQ==?="},
               {"line\r\nX-Evil: 1", "=?base64?bGluZQ0KWC1FdmlsOiAx?="},
               {"=?base64?SGVsbG8=?=", "=?base64?PT9iYXNlNjQ/U0dWc2JHOD0/PQ==?="}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct str text, field = mirror_encode(&arena, str_of(cases[i].value));
    assert_true(str_eq_c(field, cases[i].field));
    assert_true(mirror_decode(&arena, field, &text));
    assert_true(str_eq_c(text, cases[i].value));
  }
}

static void the_markers_of_an_encoded_value_are_exact(void **state) {
  static const char *const plain[] = {"=?BASE64?dA==?=", "=?base64?dA==", "base64?dA==?=", "dA==", ""};
  for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
    struct str text;
    assert_true(mirror_decode(&arena, str_of(plain[i]), &text));
    assert_true(str_eq_c(text, plain[i]));
  }
  static const char *const broken[] = {
      "=?base64?dA=?=", "=?base64?d A==?=", "=?base64?/w==?=", "=?base64?*?=", "caf\xc3\xa9", "a\x01"};
  for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
    struct str text = STR("untouched");
    assert_false(mirror_decode(&arena, str_of(broken[i]), &text));
    assert_true(str_eq_c(text, "untouched"));
  }
}

static void each_argument_that_is_marked_has_its_field(void **state) {
  const struct mirror_field *fields;
  size_t n;
  yyjson_val *schema = json(
      "{\"properties\":{\"a\":{\"type\":\"integer\",\"x-mcp-header\":\"A\"},\"b\":{\"x-mcp-header\":\"B\"},"
      "\"c\":{\"properties\":{\"d\":{\"x-mcp-header\":\"D\"}}},\"e\":{\"x-mcp-header\":\"E\"},\"f\":{},"
      "\"g\":{\"x-mcp-header\":\"no name\"}}}");
  assert_ok(mirror_write(&arena, schema,
                         json("{\"a\":-7,\"b\":\"\",\"c\":{\"d\":true},\"e\":null,\"f\":1,\"g\":1,\"h\":1}"), &fields,
                         &n, &test_err));
  assert_int_equal(n, 3);
  assert_true(str_eq_c(fields[0].name, "Mcp-Param-A") && str_eq_c(fields[0].value, "-7"));
  assert_true(str_eq_c(fields[1].name, "Mcp-Param-B") && str_eq_c(fields[1].value, EMPTY));
  assert_true(str_eq_c(fields[2].name, "Mcp-Param-D") && str_eq_c(fields[2].value, "true"));
  assert_ok(mirror_write(&arena, NULL, NULL, &fields, &n, &test_err));
  assert_int_equal(n, 0);
}

static void what_no_request_has_room_for_is_refused(void **state) {
  const struct mirror_field *fields;
  size_t n;
  struct buf schema, arguments;
  buf_init(&schema, &arena, MIB);
  buf_init(&arguments, &arena, MIB);
  buf_append_c(&schema, "{\"properties\":{");
  buf_append_c(&arguments, "{");
  for (int i = 0; i <= MIRROR_MAX; i++) {
    buf_printf(&schema, "%s\"a%d\":{\"type\":\"string\",\"x-mcp-header\":\"A%d\"}", i ? "," : "", i, i);
    buf_printf(&arguments, "%s\"a%d\":\"\"", i ? "," : "", i);
  }
  buf_append_c(&schema, "}}");
  buf_append_c(&arguments, "}");
  buf_append_byte(&schema, '\0');
  buf_append_byte(&arguments, '\0');
  assert_int_equal(mirror_write(&arena, json(schema.p), json(arguments.p), &fields, &n, &test_err), ERR_TOO_LARGE);
  assert_int_equal(mirror_check(json(schema.p), &test_err), ERR_INVALID);
  assert_non_null(strstr(test_err.text, "one more than a call has room for"));
}

static void running_out_of_memory_at_any_point_is_an_error(void **state) {
  yyjson_val *schema = json("{\"properties\":{\"a\":{\"x-mcp-header\":\"A\"},\"b\":{\"x-mcp-header\":\"B\"}}}");
  yyjson_val *arguments = json("{\"a\":\"caf\xc3\xa9\",\"b\":12.5}");
  size_t n_failed = 0;
  for (size_t room = 64; room < 16 * KIB; room += 64) {
    const struct mirror_field *fields = NULL;
    struct arena small;
    size_t n = 7;
    arena_init(&small, room);
    if (mirror_write(&small, schema, arguments, &fields, &n, &test_err) == ERR_NONE) {
      assert_int_equal(n, 2);
      assert_true(str_eq_c(fields[0].value, "=?base64?Y2Fmw6k=?="));
    } else {
      assert_true(!fields && n == 7);
      n_failed++;
    }
    arena_release(&small);
  }
  assert_true(n_failed > 0);
}

static void a_schema_whose_marks_are_not_as_they_must_be_is_refused(void **state) {
  static const struct {
    const char *properties, *problem; /* NULL: none */
  } cases[] = {
      {"{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"}}", NULL},
      {"{\"a\":{\"type\":\"object\",\"properties\":{\"b\":{\"type\":\"boolean\",\"x-mcp-header\":\"B\"}}}}", NULL},
      {"{\"x-mcp-header\":{\"type\":\"string\"}}", NULL}, /* an argument of that name */
      {"{\"a\":{\"type\":\"string\",\"default\":{\"x-mcp-header\":\"\"}}}", NULL},
      {"{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"\"}}", "\"a\" is not a text, or empty"},
      {"{\"a\":{\"type\":\"string\",\"x-mcp-header\":7}}", "\"a\" is not a text, or empty"},
      {"{\"a\":{\"type\":\"string\",\"x-mcp-header\":null}}", "\"a\" is not a text, or empty"},
      {"{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"My Region\"}}", "\"a\" is no name of a header field"},
      {"{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A:B\"}}", "\"a\" is no name of a header field"},
      {"{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\\r\\nEvil\"}}", "\"a\" is no name of a header field"},
      {"{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"R\xc3\xa9gion\"}}", "\"a\" is no name of a header field"},
      {"{\"a\":{\"type\":\"number\",\"x-mcp-header\":\"A\"}}", "neither a string nor an integer nor a boolean"},
      {"{\"a\":{\"type\":\"array\",\"x-mcp-header\":\"A\"}}", "neither a string nor an integer nor a boolean"},
      {"{\"a\":{\"x-mcp-header\":\"A\"}}", "neither a string nor an integer nor a boolean"},
      {"{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"My\"},\"b\":{\"type\":\"string\",\"x-mcp-header\":\"mY\"}}",
       "\"b\" is another argument's already"},
      {"{\"a\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}",
       "\"a\" stands where no argument is found by properties alone"},
      {"{\"a\":{\"anyOf\":[{},{\"properties\":{\"c\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}]}}",
       "\"c\" stands where no argument is found by properties alone"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct str text = arena_printf(&arena, "{\"type\":\"object\",\"properties\":%s}", cases[i].properties);
    enum err_code code = mirror_check(json(text.p), &test_err);
    if ((code == ERR_NONE) != (cases[i].problem == NULL)) fail_msg("%s: %d", cases[i].properties, code);
    if (cases[i].problem && !strstr(test_err.text, cases[i].problem)) fail_msg("%s", test_err.text);
  }
  assert_int_equal(mirror_check(json("{\"type\":\"string\",\"x-mcp-header\":\"A\"}"), &test_err), ERR_INVALID);
  assert_int_equal(mirror_check(json("{\"$defs\":{\"d\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}"), &test_err),
                   ERR_INVALID);
}

#define mirror_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      mirror_test(what_a_field_cannot_hold_is_encoded_and_read_again),
      mirror_test(the_markers_of_an_encoded_value_are_exact),
      mirror_test(each_argument_that_is_marked_has_its_field),
      mirror_test(what_no_request_has_room_for_is_refused),
      mirror_test(running_out_of_memory_at_any_point_is_an_error),
      mirror_test(a_schema_whose_marks_are_not_as_they_must_be_is_refused),
  };
  return cmocka_run_group_tests_name("codec/mirror", tests, NULL, NULL);
}
