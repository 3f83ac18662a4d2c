/* Eras, revisions and header rules (MCP 2026-07-28, basic and transports). */
#include "unit.h"

#include "mcp/envelope.h"

#define META                                                                                         \
  "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\"io.modelcontextprotocol/" \
  "clientCapabilities\":{}}"

struct question {
  struct arena arena;
  struct mcp_headers headers;
  struct mcp_envelope envelope;
  struct mcp_refusal refusal;
};

static int begin(void **state) {
  static struct question question;
  memset(&question, 0, sizeof(question));
  arena_init(&question.arena, 0);
  *state = &question;
  return 0;
}

static int end(void **state) {
  struct question *question = *state;
  arena_release(&question->arena);
  return 0;
}

static bool read(struct question *question, const char *text) {
  yyjson_doc *document;
  struct jsonrpc_message message;
  assert_ok(json_read(&question->arena, str_of(text), &document, &test_err));
  assert_ok(jsonrpc_classify(yyjson_doc_get_root(document), &message, &test_err));
  return mcp_envelope_read(&question->arena, &message, &question->headers, &question->envelope, &question->refusal);
}

#define CALL(members) "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\"" members "}}"

static void modern_headers(struct question *question) {
  question->headers.protocol_version = STR("2026-07-28");
  question->headers.method = STR("tools/call");
  question->headers.name = STR("t");
}

static void a_request_with_modern_meta_is_modern(void **state) {
  struct question *question = *state;
  modern_headers(question);
  assert_true(read(question, CALL("," META)));
  assert_int_equal(question->envelope.revision->era, MCP_MODERN);
}

static void a_request_without_anything_is_legacy_2025_03_26(void **state) {
  struct question *question = *state;
  assert_true(read(question, CALL("")));
  assert_str(question->envelope.revision->name, "2025-03-26");
}

static void initialize_selects_legacy_and_negotiates(void **state) {
  static const char *const pairs[][2] = {{"2024-11-05", "2024-11-05"}, {"2025-03-26", "2025-03-26"},
                                         {"2025-06-18", "2025-06-18"}, {"2025-11-25", "2025-11-25"},
                                         {"2026-07-28", "2025-11-25"}, {"1999-01-01", "2025-11-25"}};
  struct question *question = *state;
  for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
    struct str text =
        arena_printf(&question->arena,
                     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"%s\","
                     "\"clientInfo\":{\"name\":\"n\",\"version\":\"v\"}}}",
                     pairs[i][0]);
    assert_true(read(question, text.p));
    assert_str(question->envelope.revision->name, pairs[i][1]);
    assert_str(question->envelope.client_name, "n");
  }
}

static void refused(struct question *question, const char *text, int code, int http_status) {
  assert_false(read(question, text));
  assert_int_equal(question->refusal.code, code);
  assert_int_equal(question->refusal.http_status, http_status);
}

static void a_modern_request_without_a_version_header_is_a_mismatch(void **state) {
  refused(*state, CALL("," META), MCP_HEADER_MISMATCH, 400);
}

static void headers_that_differ_from_the_body_are_a_mismatch(void **state) {
  struct question *question = *state;
  modern_headers(question);
  question->headers.name = STR("other");
  refused(question, CALL("," META), MCP_HEADER_MISMATCH, 400);
  modern_headers(question);
  question->headers.method = STR("tools/list");
  refused(question, CALL("," META), MCP_HEADER_MISMATCH, 400);
  modern_headers(question);
  question->headers.method = STR_NONE;
  refused(question, CALL("," META), MCP_HEADER_MISMATCH, 400);
  modern_headers(question);
  question->headers.protocol_version = STR("2025-11-25");
  refused(question, CALL("," META), MCP_HEADER_MISMATCH, 400);
  modern_headers(question);
  question->headers.is_repeated = true;
  refused(question, CALL("," META), MCP_HEADER_MISMATCH, 400);
}

static void a_task_is_named_in_the_header_too(void **state) {
  struct question *question = *state;
  const char *get = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tasks/get\",\"params\":{\"taskId\":\"t\"," META "}}";
  modern_headers(question);
  question->headers.method = STR("tasks/get");
  assert_true(read(question, get));
  question->headers.name = STR("other");
  refused(question, get, MCP_HEADER_MISMATCH, 400);
  question->headers.name = STR_NONE;
  refused(question, get, MCP_HEADER_MISMATCH, 400);
}

static void an_encoded_name_is_decoded_before_it_is_compared(void **state) {
  struct question *question = *state;
  modern_headers(question);
  question->headers.name = STR("=?base64?dA==?=");
  assert_true(read(question, CALL("," META)));
  question->headers.name = STR("=?base64?d?=");
  refused(question, CALL("," META), MCP_HEADER_MISMATCH, 400);
}

static void a_modern_version_we_do_not_know_is_told_which_we_do(void **state) {
  struct question *question = *state;
  modern_headers(question);
  question->headers.protocol_version = STR("2030-01-01");
  refused(question,
          CALL(",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2030-01-01\","
               "\"io.modelcontextprotocol/clientCapabilities\":{}}"),
          MCP_UNSUPPORTED_VERSION, 400);
  yyjson_doc *data;
  assert_ok(json_read(&question->arena, question->refusal.data, &data, &test_err));
  assert_str(json_get_str(yyjson_doc_get_root(data), "requested"), "2030-01-01");
  assert_str(json_str(yyjson_arr_get_first(json_get(yyjson_doc_get_root(data), "supported"))), "2026-07-28");
}

static void a_modern_request_must_carry_version_and_capabilities(void **state) {
  struct question *question = *state;
  modern_headers(question);
  refused(question, CALL(""), JSONRPC_INVALID_PARAMS, 400);
  refused(question, CALL(",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}"),
          JSONRPC_INVALID_PARAMS, 400);
  refused(question, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\"}", JSONRPC_INVALID_PARAMS, 400);
}

static void a_legacy_version_header_we_do_not_know_is_400(void **state) {
  struct question *question = *state;
  question->headers.protocol_version = STR("2025-01-01");
  refused(question, CALL(""), MCP_UNSUPPORTED_VERSION, 400);
}

static void legacy_requests_need_no_method_headers(void **state) {
  struct question *question = *state;
  question->headers.protocol_version = STR("2025-06-18");
  assert_true(read(question, CALL("")));
  assert_str(question->envelope.revision->name, "2025-06-18");
}

/* "A header value contains invalid characters", although body and header are equal byte for byte. */
static void a_header_that_is_not_plain_ascii_is_a_mismatch(void **state) {
  struct question *question = *state;
  modern_headers(question);
  question->headers.name = STR("na\xC3\xAFve");
  refused(question,
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"na\xC3\xAFve\"," META "}}",
          MCP_HEADER_MISMATCH, 400);
  question->headers.name = STR("=?base64?bmHDr3Zl?=");
  assert_true(read(question,
                   "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"na\xC3\xAFve\"," META
                   "}}"));
}

static void a_header_that_is_repeated_is_refused_in_either_era(void **state) {
  struct question *question = *state;
  question->headers.is_repeated = true;
  refused(question, CALL(""), JSONRPC_INVALID_REQUEST, 400);
  refused(question, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}", JSONRPC_INVALID_REQUEST, 400);
  modern_headers(question);
  refused(question, CALL("," META), MCP_HEADER_MISMATCH, 400);
}

static void a_modern_notification_is_named_by_its_header_alone(void **state) {
  struct question *question = *state;
  const char *const bare = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}";
  question->headers.protocol_version = STR("2026-07-28");
  assert_true(read(question, bare));
  assert_int_equal(question->envelope.revision->era, MCP_MODERN);
  /* What it does say must fit. */
  refused(question,
          "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
          "x\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2031-01-01\"}}}",
          MCP_HEADER_MISMATCH, 400);
  refused(question,
          "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
          "x\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":5}}}",
          JSONRPC_INVALID_PARAMS, 400);
}

static void meta_that_is_no_object_says_nothing(void **state) {
  struct question *question = *state;
  assert_true(read(question, CALL(",\"_meta\":5")));
  assert_int_equal(question->envelope.revision->era, MCP_LEGACY);
  modern_headers(question);
  refused(question, CALL(",\"_meta\":[]"), JSONRPC_INVALID_PARAMS, 400);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_request_with_modern_meta_is_modern),
      TEST(a_request_without_anything_is_legacy_2025_03_26),
      TEST(initialize_selects_legacy_and_negotiates),
      TEST(a_modern_request_without_a_version_header_is_a_mismatch),
      TEST(headers_that_differ_from_the_body_are_a_mismatch),
      TEST(a_task_is_named_in_the_header_too),
      TEST(an_encoded_name_is_decoded_before_it_is_compared),
      TEST(a_modern_version_we_do_not_know_is_told_which_we_do),
      TEST(a_modern_request_must_carry_version_and_capabilities),
      TEST(a_legacy_version_header_we_do_not_know_is_400),
      TEST(legacy_requests_need_no_method_headers),
      TEST(a_header_that_is_not_plain_ascii_is_a_mismatch),
      TEST(a_header_that_is_repeated_is_refused_in_either_era),
      TEST(a_modern_notification_is_named_by_its_header_alone),
      TEST(meta_that_is_no_object_says_nothing),
  };
  return cmocka_run_group_tests_name("mcp/envelope", tests, NULL, NULL);
}
