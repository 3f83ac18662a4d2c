/* Definitions of MCP servers: what is one, and what each refusal says. */
#include "unit.h"

#include "codec/json.h"
#include "connector/connector.h"
#include "connector/mcp/target.h"

static struct arena arena;

static int setup(void **state) {
  arena_init(&arena, 0);
  return 0;
}

static int teardown(void **state) {
  arena_release(&arena);
  return 0;
}

static yyjson_val *parse(const char *text) {
  yyjson_doc *doc;
  assert_ok(json_read(&arena, str_of(text), &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

static void what_is_no_server_is_refused_with_its_place(void **state) {
  const struct {
    const char *members, *place, *text;
  } cases[] = {
      {"\"url\":\"https://a/\",\"command\":[\"a\"]", "", "not both"},
      {"\"name\":\"A\"", "", "\"url\" or a \"command\""},
      {"\"url\":\"ftp://a/\"", "/url", "url"},
      {"\"url\":\"https://u:p@a/\"", "/url", "url"},
      {"\"url\":7", "/url", "must be a text"},
      {"\"url\":\"https://a/\",\"tools\":[]", "/tools", "no member"},
      {"\"url\":\"https://a/\",\"environment\":{}", "/environment", "command"},
      {"\"url\":\"https://a/\",\"directory\":\"/\"", "/directory", "command"},
      {"\"url\":\"https://a/\",\"auth\":{\"basic\":{}}", "/auth/basic", "no member"},
      {"\"url\":\"https://a/\",\"auth\":{\"key\":{\"header\":\"a b\"}}", "/auth/key/header", "header field"},
      {"\"url\":\"https://a/\",\"auth\":{\"key\":{\"header\":\"Host\"}}", "/auth/key/header", "not free"},
      {"\"url\":\"https://a/\",\"auth\":{\"key\":{\"header\":\"mcp-session-id\"}}", "/auth/key/header", "not free"},
      {"\"url\":\"https://a/\",\"auth\":{\"key\":{\"prefix\":\"a\\n\"}}", "/auth/key/prefix", "ASCII"},
      {"\"url\":\"https://a/\",\"timeout_ms\":10", "/timeout_ms", "from 1000"},
      {"\"url\":\"https://a/\",\"max_concurrent\":0", "/max_concurrent", "from 1"},
      {"\"url\":\"https://a/\",\"idle_ms\":999", "/idle_ms", "from 1000"},
      {"\"command\":[]", "/command", "a list"},
      {"\"command\":\"sh -c x\"", "/command", "a list"},
      {"\"command\":[\"./a\"]", "/command/0", "absolute path"},
      {"\"command\":[\"\"]", "/command/0", "absolute path"},
      {"\"command\":[\"a\",7]", "/command/1", "a text"},
      {"\"command\":[\"a\"],\"auth\":{}", "/auth", "url"},
      {"\"command\":[\"a\"],\"directory\":\"b\"", "/directory", "absolute"},
      {"\"command\":[\"a\"],\"environment\":{\"A=B\":\"x\"}", "/environment/A=B", "letters"},
      {"\"command\":[\"a\"],\"environment\":{\"1A\":\"x\"}", "/environment/1A", "letters"},
      {"\"command\":[\"a\"],\"environment\":{\"A\":7}", "/environment/A", "must be a text"},
      {"\"command\":[\"a\"],\"environment\":{\"A\":{\"vault\":\"x\"}}", "/environment/A", "must be a text"},
      {"\"url\":\"https://a/\",\"version\":0", "/version", "whole number"},
      {"\"url\":\"https://a/\",\"name\":\"\"", "/name", "not empty"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct buf text;
    struct connector connector;
    buf_init(&text, &arena, 4096);
    buf_printf(&text, "{\"id\":\"x\",\"kind\":\"mcp\",%s}", cases[i].members);
    buf_append_byte(&text, '\0');
    enum err_code code = connector_compile(&arena, parse(text.p), &connector, &test_err);
    if (code != ERR_INVALID) fail_msg("%s is taken", cases[i].members);
    if (strcmp(test_err.place, cases[i].place) != 0) fail_msg("%s: at %s", cases[i].members, test_err.place);
    if (!strstr(test_err.text, cases[i].text)) fail_msg("%s: %s", cases[i].members, test_err.text);
  }
  struct connector connector;
  assert_int_equal(connector_compile(&arena, parse("{\"kind\":\"mcp\",\"id\":\"X y\",\"url\":\"https://a/\"}"),
                                     &connector, &test_err),
                   ERR_INVALID);
  assert_string_equal(test_err.place, "/id");
}

static void compile(const char *text, struct connector *ret_connector) {
  assert_ok(connector_compile(&arena, parse(text), ret_connector, &test_err));
  assert_str(str_of(ret_connector->kind->name), "mcp");
  assert_int_equal(ret_connector->n_tools, 0);
  assert_true(ret_connector->kind->has_catalogue);
}

static struct mcp_target *open_target(const struct connector *connector, struct connector_connection *connection) {
  static const struct uuid organisation = {{7}}, id = {{9}};
  connection->connector = connector;
  connection->policy.id = id;
  connection->policy.name = STR("c");
  connection->version = 3;
  assert_ok(connector->kind->open(&arena, organisation, STR("acme"), connection, &test_err));
  return mcp_target_of(connection);
}

static void a_remote_server_is_reached_as_its_definition_says(void **state) {
  struct connector connector;
  struct connector_connection connection = {0};
  compile(
      "{\"id\":\"x\",\"kind\":\"mcp\",\"url\":\"https://a.example/mcp\",\"auth\":{\"key\":{\"header\":\"X-Key\"}},"
      "\"timeout_ms\":2000,\"max_concurrent\":4,\"idle_ms\":3000}",
      &connector);
  assert_str(connector.name, "x");
  assert_false(connector.has_environment);
  const struct mcp_target *target = open_target(&connector, &connection);
  assert_str(target->url, "https://a.example/mcp");
  assert_str(target->auth_header, "X-Key");
  assert_str(target->auth_prefix, "");
  assert_null(target->command);
  assert_int_equal(target->timeout_ms, 2000);
  assert_int_equal(target->max_concurrent, 4);
  assert_int_equal(target->idle_ms, 3000);
  assert_int_equal(target->version, 3);
  connector.kind->close(&connection);
  assert_null(connection.state);

  compile("{\"id\":\"x\",\"kind\":\"mcp\",\"url\":\"https://a.example/mcp\"}", &connector);
  target = open_target(&connector, &connection);
  assert_str(target->auth_header, "Authorization");
  assert_str(target->auth_prefix, "Bearer ");
  connector.kind->close(&connection);
}

static void a_process_has_its_words_and_plain_variables(void **state) {
  struct connector connector;
  struct connector_connection connection = {0};
  compile(
      "{\"id\":\"files\",\"kind\":\"mcp\",\"command\":[\"mcp-server-filesystem\",\"/srv/a b\"],\"directory\":\"/srv\","
      "\"environment\":{\"KEY\":{\"env\":\"FILES_KEY\"},\"LOG\":\"1\",\"PEM\":{\"file\":\"a.pem\"}}}",
      &connector);
  assert_true(connector.has_environment);
  const struct mcp_target *target = open_target(&connector, &connection);
  assert_int_equal(target->url.n, 0);
  assert_string_equal(target->command[0], "mcp-server-filesystem");
  assert_string_equal(target->command[1], "/srv/a b");
  assert_null(target->command[2]);
  assert_string_equal(target->plain_environment[0], "LOG=1");
  assert_null(target->plain_environment[1]);
  assert_string_equal(target->directory, "/srv");
  connector.kind->close(&connection);
}

static enum err_code check(const struct connector *connector, const char *credential) {
  return connector->kind->check_credential(connector, parse(credential), &test_err);
}

static void a_credential_is_a_key_or_variables(void **state) {
  struct connector remote, process;
  const void *connection_state;
  compile("{\"id\":\"x\",\"kind\":\"mcp\",\"url\":\"https://a/\"}", &remote);
  compile("{\"id\":\"x\",\"kind\":\"mcp\",\"command\":[\"a\"]}", &process);
  assert_ok(check(&remote, "{\"key\":\"abc\"}"));
  assert_int_equal(check(&remote, "{\"TOKEN\":\"abc\"}"), ERR_INVALID);
  assert_int_equal(check(&remote, "{\"key\":\"a\\r\\nb\"}"), ERR_INVALID);
  assert_ok(check(&process, "{\"TOKEN\":\"abc\",\"B\":\"line\\nline\"}"));
  assert_int_equal(check(&process, "{\"a-b\":\"abc\"}"), ERR_INVALID);
  assert_ok(remote.kind->connect(&arena, &remote, parse("{}"), &connection_state, &test_err));
  assert_int_equal(
      remote.kind->connect(&arena, &remote, parse("{\"url\":\"https://b/\"}"), &connection_state, &test_err),
      ERR_INVALID);
}

#define definition_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      definition_test(what_is_no_server_is_refused_with_its_place),
      definition_test(a_remote_server_is_reached_as_its_definition_says),
      definition_test(a_process_has_its_words_and_plain_variables),
      definition_test(a_credential_is_a_key_or_variables),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
