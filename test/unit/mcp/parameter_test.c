/* Arguments that stand in headers as well. */
#include "unit.h"

#include "mcp/parameter.h"

#include "codec/json.h"

static struct arena arena;
static struct str field_name, field_value;
static bool is_repeated;

static int setup(void **state) {
  arena_init(&arena, 0);
  is_repeated = false;
  return 0;
}

static int teardown(void **state) {
  arena_release(&arena);
  return 0;
}

static bool field(void *context, const char *name, struct str *ret_value) {
  *ret_value = str_eq_fold(str_of(name), field_name) ? field_value : STR_NONE;
  return !is_repeated;
}

static yyjson_val *json(const char *text) {
  yyjson_doc *doc;
  assert_ok(json_read(&arena, str_of(text), &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

#define SCHEMA                                                                                                       \
  "{\"properties\":{\"region\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"},\"where\":{\"properties\":{\"id\":" \
  "{\"type\":\"integer\",\"x-mcp-header\":\"Id\"}}}}}"

static bool match(const char *name, const char *value, const char *arguments) {
  const struct mcp_fields fields = {field, NULL};
  field_name = str_of(name);
  field_value = value ? str_of(value) : STR_NONE;
  return mcp_parameters_match(&arena, json(SCHEMA), json(arguments), &fields, &test_err);
}

static void a_header_must_say_what_its_argument_says(void **state) {
  assert_true(match("mcp-param-region", "us", "{\"region\":\"us\"}"));
  assert_true(match("Mcp-Param-Region", "=?base64?SGVsbG8=?=", "{\"region\":\"Hello\"}"));
  assert_true(match("Mcp-Param-Region", "SGVsbG8=", "{\"region\":\"SGVsbG8=\"}"));
  assert_false(match("Mcp-Param-Region", "eu", "{\"region\":\"us\"}"));
  assert_false(match("Mcp-Param-Region", NULL, "{\"region\":\"us\"}"));
  assert_false(match("Mcp-Param-Region", "=?base64?SGVsbG8?=", "{\"region\":\"Hello\"}"));
  assert_false(match("Mcp-Param-Region", "=?base64?SGVs!!!bG8=?=", "{\"region\":\"Hello\"}"));
  is_repeated = true;
  assert_false(match("Mcp-Param-Region", "us", "{\"region\":\"us\"}"));
}

static void what_is_not_given_has_no_header(void **state) {
  assert_true(match("", NULL, "{}"));
  assert_true(match("", NULL, "{\"region\":null,\"where\":null}"));
  assert_false(match("Mcp-Param-Region", "us", "{}"));
}

static void integers_are_compared_as_numbers_wherever_they_stand(void **state) {
  assert_true(match("Mcp-Param-Id", "42", "{\"where\":{\"id\":42}}"));
  assert_true(match("Mcp-Param-Id", "42.0", "{\"where\":{\"id\":42}}"));
  assert_false(match("Mcp-Param-Id", "43", "{\"where\":{\"id\":42}}"));
  assert_false(match("Mcp-Param-Id", "0x2a", "{\"where\":{\"id\":42}}"));
  assert_false(match("Mcp-Param-Id", "", "{\"where\":{\"id\":0}}"));
}

#define parameter_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      parameter_test(a_header_must_say_what_its_argument_says),
      parameter_test(what_is_not_given_has_no_header),
      parameter_test(integers_are_compared_as_numbers_wherever_they_stand),
  };
  return cmocka_run_group_tests_name("mcp/parameter", tests, NULL, NULL);
}
