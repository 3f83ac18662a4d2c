#include "unit.h"

#include "base/limits.h"
#include "codec/jsonrpc.h"

static struct arena arena;
static struct buf out;
static struct jsonrpc_message message;

static int setup(void **state) {
  arena_init(&arena, 0);
  buf_init(&out, &arena, 1024 * 1024);
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

static void accepted(const char *text, enum jsonrpc_kind kind) {
  assert_ok(jsonrpc_classify(read_ok(str_of(text)), &message, &test_err));
  assert_int_equal(message.kind, kind);
}

static void a_request_has_a_method_and_an_id(void **state) {
  accepted("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"x\"}}", JSONRPC_REQUEST);
  assert_int_equal(yyjson_get_int(message.id), 7);
  assert_str(message.method, "tools/call");
  assert_str(json_get_str(message.params, "name"), "x");
  accepted("{\"method\":\"ping\",\"id\":\"a\",\"jsonrpc\":\"2.0\"}", JSONRPC_REQUEST);
  assert_null(message.params);
  accepted("{\"method\":\"ping\",\"id\":0,\"jsonrpc\":\"2.0\"}", JSONRPC_REQUEST);
  accepted("{\"method\":\"ping\",\"id\":-1,\"jsonrpc\":\"2.0\"}", JSONRPC_REQUEST);
  accepted("{\"method\":\"ping\",\"id\":\"\",\"jsonrpc\":\"2.0\"}", JSONRPC_REQUEST);
  accepted("{\"method\":\"ping\",\"id\":18446744073709551615,\"jsonrpc\":\"2.0\",\"extra\":1}", JSONRPC_REQUEST);
}

static void a_notification_has_no_id(void **state) {
  accepted("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", JSONRPC_NOTIFICATION);
  assert_null(message.id);
  assert_str(message.method, "notifications/initialized");
}

static void a_response_has_a_result_or_an_error(void **state) {
  accepted("{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}", JSONRPC_RESPONSE);
  assert_int_equal(yyjson_get_int(message.id), 7);
  assert_null(message.method.p);
  accepted("{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":null}", JSONRPC_RESPONSE);
  accepted("{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32600,\"message\":\"no\"}}", JSONRPC_RESPONSE);
}

static void an_error_may_answer_what_could_not_be_read(void **state) {
  accepted("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"no\"}}", JSONRPC_RESPONSE);
  assert_null(message.id);
  accepted("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"no\",\"data\":[]}}", JSONRPC_RESPONSE);
  assert_null(message.id);
}

/* `has_id`: the id is told although the rest is wrong, so that the error can carry it. */
static void what_is_refused(void **state) {
  const struct {
    const char *text, *place;
    bool has_id;
  } cases[] = {
      {"1", "", false},
      {"null", "", false},
      {"\"x\"", "", false},
      {"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}]", "", false},
      {"{}", "/jsonrpc", false},
      {"{\"id\":1,\"method\":\"m\"}", "/jsonrpc", true},
      {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"m\"}", "/jsonrpc", true},
      {"{\"jsonrpc\":2.0,\"id\":1,\"method\":\"m\"}", "/jsonrpc", true},
      {"{\"jsonrpc\":\"2.0 \",\"id\":1,\"method\":\"m\"}", "/jsonrpc", true},
      {"{\"jsonrpc\":null,\"id\":1,\"method\":\"m\"}", "/jsonrpc", true},
      {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"m\"}", "/id", false},
      {"{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":1}", "/id", false},
      {"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"m\"}", "/id", false},
      {"{\"jsonrpc\":\"2.0\",\"id\":1.0,\"method\":\"m\"}", "/id", false},
      {"{\"jsonrpc\":\"2.0\",\"id\":1e3,\"method\":\"m\"}", "/id", false},
      {"{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"m\"}", "/id", false},
      {"{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"m\"}", "/id", false},
      {"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"m\"}", "/id", false},
      {"{\"jsonrpc\":\"2.0\",\"id\":100000000000000000000,\"method\":\"m\"}", "/id", false},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":1}", "/method", true},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":null}", "/method", true},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\"}", "/method", true},
      {"{\"jsonrpc\":\"2.0\",\"id\":1}", "", true},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"params\":{}}", "", true},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":[]}", "/params", true},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":null}", "/params", true},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":\"x\"}", "/params", true},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"result\":1}", "/method", true},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"error\":{\"code\":1,\"message\":\"\"}}", "/method", true},
      {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"m\",\"error\":{\"code\":1,\"message\":\"\"}}", "/id", false},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1,\"error\":{\"code\":1,\"message\":\"\"}}", "", true},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1,\"params\":{}}", "/params", true},
      {"{\"jsonrpc\":\"2.0\",\"result\":1}", "/id", false},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":\"x\"}", "/error", true},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"message\":\"\"}}", "/error", true},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1}}", "/error", true},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1.5,\"message\":\"\"}}", "/error", true},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"Method\":\"n\"}", "", true},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"METHOD\":\"m\"}", "", true},
      {"{\"JsonRPC\":\"2.0\",\"id\":1,\"method\":\"m\"}", "", true},
      {"{\"jsonrpc\":\"2.0\",\"ID\":1,\"method\":\"m\"}", "", false},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"Params\":{}}", "", true},
      {"{\"Result\":1,\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}", "", true},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"eRROR\":1}", "", true},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    memset(&message, 0xFF, sizeof(message));
    if (jsonrpc_classify(read_ok(str_of(cases[i].text)), &message, &test_err) != ERR_INVALID)
      fail_msg("accepted %s", cases[i].text);
    if (!message.id == cases[i].has_id) fail_msg("id of %s", cases[i].text);
    assert_int_equal(test_err.code, ERR_INVALID);
    if (strcmp(test_err.place, cases[i].place) != 0) fail_msg("place of %s is %s", cases[i].text, test_err.place);
  }
  assert_int_equal(jsonrpc_classify(NULL, &message, NULL), ERR_INVALID);
}

static struct str with(const char *format, const char *unit, size_t n) {
  char *text = arena_alloc(&arena, n * strlen(unit) + 1);
  for (size_t i = 0; i < n; i++)
    memcpy(text + i * strlen(unit), unit, strlen(unit));
  text[n * strlen(unit)] = '\0';
  struct buf built;
  buf_init(&built, &arena, 100000);
  buf_append_c(&built, "{\"jsonrpc\":\"2.0\",");
  buf_append_c(&built, format);
  buf_append_c(&built, text);
  buf_append_c(&built, "\"}");
  return buf_str(&built);
}

static void names_end_at_their_limit(void **state) {
  const char *const id = "\"method\":\"m\",\"id\":\"";
  assert_ok(jsonrpc_classify(read_ok(with(id, "x", LIMIT_JSONRPC_ID)), &message, &test_err));
  assert_ok(jsonrpc_classify(read_ok(with(id, "\xF0\x9F\x98\x80", LIMIT_JSONRPC_ID)), &message, &test_err));
  assert_int_equal(jsonrpc_classify(read_ok(with(id, "x", LIMIT_JSONRPC_ID + 1)), &message, NULL), ERR_INVALID);
  assert_null(message.id);
  assert_int_equal(jsonrpc_classify(read_ok(with(id, "\xC3\xA9", LIMIT_JSONRPC_ID + 1)), &message, NULL), ERR_INVALID);
  assert_int_equal(jsonrpc_classify(read_ok(with(id, "x", 50000)), &message, NULL), ERR_INVALID);
  const char *const method = "\"id\":1,\"method\":\"";
  assert_ok(jsonrpc_classify(read_ok(with(method, "x", LIMIT_JSONRPC_METHOD)), &message, &test_err));
  assert_int_equal(jsonrpc_classify(read_ok(with(method, "x", LIMIT_JSONRPC_METHOD + 1)), &message, NULL), ERR_INVALID);
}

static void results_carry_the_id_as_it_came(void **state) {
  const char *const ids[] = {"7", "-1", "18446744073709551615", "\"a\\\"\\u0001\xC3\xA9\"", "\"7\""};
  for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
    char expected[200];
    snprintf(expected, sizeof(expected), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"x\":1}}", ids[i]);
    buf_clear(&out);
    jsonrpc_write_result(&out, read_ok(str_of(ids[i])), STR("{\"x\":1}"));
    assert_str(buf_str(&out), expected);
  }
}

static void errors_have_an_id_a_null_one_or_none(void **state) {
  buf_clear(&out);
  jsonrpc_write_error(&out, true, read_ok(STR("\"a\"")), JSONRPC_METHOD_NOT_FOUND, STR("no \"x\""), STR_NONE);
  assert_str(buf_str(&out),
             "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"error\":{\"code\":-32601,\"message\":\"no \\\"x\\\"\"}}");
  buf_clear(&out);
  jsonrpc_write_error(&out, true, NULL, JSONRPC_PARSE_ERROR, STR("m"), STR("{\"d\":1}"));
  assert_str(buf_str(&out),
             "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"m\",\"data\":{\"d\":1}}}");
  buf_clear(&out);
  jsonrpc_write_error(&out, false, NULL, 5, STR("\x80"), STR_NONE);
  assert_str(buf_str(&out), "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":5,\"message\":\"\xEF\xBF\xBD\"}}");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_request_has_a_method_and_an_id),
      cmocka_unit_test(a_notification_has_no_id),
      cmocka_unit_test(a_response_has_a_result_or_an_error),
      cmocka_unit_test(an_error_may_answer_what_could_not_be_read),
      cmocka_unit_test(what_is_refused),
      cmocka_unit_test(names_end_at_their_limit),
      cmocka_unit_test(results_carry_the_id_as_it_came),
      cmocka_unit_test(errors_have_an_id_a_null_one_or_none),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
