/* What a client reads of an MCP server's result: all of it, but for what is ours to say. */
#include "unit.h"

#include "mcp/passed.h"

#include "codec/json.h"
#include "mcp/input.h"

static struct arena arena;

static int setup(void **state) {
  arena_init(&arena, 0);
  return 0;
}

static int teardown(void **state) {
  arena_release(&arena);
  return 0;
}

static struct str renamed(void *context, struct str uri) {
  return arena_printf(&arena, "pub:%.*s", STR_ARG(uri));
}

static struct str sealed(void *context, struct str id) {
  return arena_printf(&arena, "task:%.*s", STR_ARG(id));
}

static struct str passed(struct mcp_passing passing, const char *whole) {
  static struct buf out;
  passing.arena = &arena;
  buf_init(&out, &arena, 65536);
  assert_ok(mcp_write_passed(&out, str_of(whole), &passing, &test_err));
  return buf_str(&out);
}

static yyjson_val *read(struct str text) {
  yyjson_doc *doc;
  assert_ok(json_read(&arena, text, &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

static const struct mcp_passing legacy = {.era = MCP_LEGACY}, modern = {.era = MCP_MODERN};

static void what_is_alike_in_both_eras_passes_byte_for_byte(void **state) {
  const char *const whole =
      "{ \"content\":[{\"type\":\"text\",\"text\":\"a\",\"annotations\":{\"x\":1.50}}],\"_meta\":"
      "{\"com.example/a\":1}, \"isError\":false}";
  assert_str(passed(legacy, whole), whole);
}

static void what_only_looks_like_a_name_or_an_escape_changes_nothing(void **state) {
  const char *const whole =
      "{\"content\":[{\"type\":\"text\",\"text\":\"C:\\\\users \\/x resultType \\\"ttlMs\\\" \\\\\"}]}";
  assert_str(passed(legacy, whole), whole);
}

static void numbers_keep_their_digits_where_the_result_is_read(void **state) {
  struct str text = passed(
      legacy, "{\"resultType\":\"complete\",\"structuredContent\":{\"n\":1.50,\"big\":12345678901234567890123}}");
  assert_str(text, "{\"structuredContent\":{\"n\":1.50,\"big\":12345678901234567890123}}");
}

static void a_legacy_client_hears_nothing_of_the_modern_era(void **state) {
  struct str text = passed(legacy, "{\"resultType\":\"complete\",\"_meta\":{\"" MCP_META_SERVER_INFO
                                   "\":{\"name\":\"x\"}},\"contents\":[],\"ttlMs\":5,\"cacheScope\":\"public\"}");
  assert_str(text, "{\"contents\":[]}");
  text = passed(legacy, "{\"_meta\":{\"" MCP_META_SERVER_INFO "\":{},\"a/b\":1},\"contents\":[]}");
  assert_str(text, "{\"_meta\":{\"a/b\":1},\"contents\":[]}");
  /* The same names, written otherwise. */
  text = passed(legacy, "{\"result\\u0054ype\":\"complete\",\"contents\":[]}");
  assert_str(text, "{\"contents\":[]}");
  text = passed(legacy, "{\"_meta\":{\"io.modelcontextprotocol\\/serverInfo\":{\"name\":\"x\"}},\"contents\":[]}");
  assert_str(text, "{\"contents\":[]}");
}

static void a_modern_client_hears_who_answers_whatever_the_server_said(void **state) {
  static const char *const wholes[] = {"{\"content\":[]}", "{}", "{\"resultType\":\"complete\",\"content\":[]}",
                                       "{\"_meta\":{\"" MCP_META_SERVER_INFO "\":{\"name\":\"evil\"},\"a/b\":1}}"};
  for (size_t i = 0; i < sizeof(wholes) / sizeof(wholes[0]); i++) {
    yyjson_val *root = read(passed(modern, wholes[i]));
    assert_str(json_get_str(root, "resultType"), "complete");
    assert_str(json_get_str(json_get(json_get(root, "_meta"), MCP_META_SERVER_INFO), "name"), "connek");
  }
  yyjson_val *root = read(passed(modern, "{\"resultType\":\"task\",\"taskId\":\"1\"}"));
  assert_str(json_get_str(root, "resultType"), "task");
}

static void what_one_may_read_is_cached_for_nobody_else(void **state) {
  struct mcp_passing passing = modern;
  passing.is_cacheable = true;
  static const char *const wholes[] = {"{\"contents\":[]}", "{\"contents\":[],\"ttlMs\":7,\"cacheScope\":\"public\"}"};
  for (size_t i = 0; i < 2; i++) {
    yyjson_val *root = read(passed(passing, wholes[i]));
    assert_str(json_get_str(root, "cacheScope"), "private");
    assert_int_equal(yyjson_get_int(json_get(root, "ttlMs")), i == 0 ? 0 : 7);
  }
}

static void uris_of_resources_become_the_public_ones_and_nothing_else_does(void **state) {
  struct mcp_passing passing = legacy;
  passing.public_uri = renamed;
  struct str text =
      passed(passing,
             "{\"content\":[{\"type\":\"resource_link\",\"uri\":\"a\"},{\"type\":\"resource\",\"resource\":{"
             "\"uri\":\"b\",\"text\":\"uri\"}},{\"type\":\"text\",\"text\":\"t\",\"uri\":\"c\"}],"
             "\"structuredContent\":{\"uri\":\"d\"}}");
  assert_str(text,
             "{\"content\":[{\"type\":\"resource_link\",\"uri\":\"pub:a\"},{\"type\":\"resource\",\"resource\":{"
             "\"uri\":\"pub:b\",\"text\":\"uri\"}},{\"type\":\"text\",\"text\":\"t\",\"uri\":\"c\"}],"
             "\"structuredContent\":{\"uri\":\"d\"}}");
  assert_str(passed(passing, "{\"contents\":[{\"uri\":\"a\"},7]}"), "{\"contents\":[{\"uri\":\"pub:a\"},7]}");
  assert_str(
      passed(passing,
             "{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"resource\",\"resource\":{"
             "\"uri\":\"a\"}}}]}"),
      "{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"resource\",\"resource\":{\"uri\":\"pub:a\"}}}]}");
}

static void ids_of_tasks_become_ours(void **state) {
  struct mcp_passing passing = legacy;
  passing.public_task = sealed;
  assert_str(passed(passing, "{\"taskId\":\"7\",\"status\":\"working\"}"),
             "{\"taskId\":\"task:7\",\"status\":\"working\"}");
}

/* "%s" in `text` filled in: it is no format of ours. */
static const char *joined(const char *text, const char *member) {
  const char *hole = strstr(text, "%s");
  return arena_printf(&arena, "%.*s%s%s", (int)(hole - text), text, member, hole + 2).p;
}

/* Copied and read, results are the same: here each is written so that it can only be read, and otherwise. */
static void what_is_copied_is_what_would_have_been_written(void **state) {
  static const char *const wholes[] = {
      "{\"resultType\":\"complete\",%s\"_meta\":{\"" MCP_META_SERVER_INFO
      "\":{\"name\":\"x\",\"icons\":[{}]},\"a/b\":[1,{\"}\":\"\\\\\"}]},\"content\":[],\"isError\":false}",
      "{\"content\":[{\"type\":\"text\",\"text\":\"\\\"_meta\\\":{\"}],%s\"resultType\":\"input_required\","
      "\"cacheScope\":"
      "\"public\",\"ttlMs\":1.50}",
      "{\"_meta\":{\"k\":1},%s\"structuredContent\":{\"resultType\":\"x\",\"_meta\":{\"" MCP_META_SERVER_INFO "\":1}}}",
      "{%s\"resultType\":\"\"}", "{%s\"ttlMs\":3}"};
  for (size_t i = 0; i < sizeof(wholes) / sizeof(wholes[0]); i++) {
    for (int way = 0; way < 4; way++) {
      struct mcp_passing passing = way & 1 ? modern : legacy;
      passing.is_cacheable = way & 2;
      struct str copied = passed(passing, joined(wholes[i], "\"x\":0,"));
      struct str read = passed(passing, joined(wholes[i], "\"\\u0078\":0,"));
      if (!str_eq(copied, read)) fail_msg("%.*s, not %.*s", STR_ARG(copied), STR_ARG(read));
    }
  }
}

static void what_is_no_object_is_refused(void **state) {
  static const char *const wholes[] = {"[]", "1", "", "\"{}\"", "[{}]"};
  struct mcp_passing passing = legacy;
  passing.arena = &arena;
  for (size_t i = 0; i < sizeof(wholes) / sizeof(wholes[0]); i++) {
    struct buf out;
    buf_init(&out, &arena, 4096);
    assert_int_not_equal(mcp_write_passed(&out, str_of(wholes[i]), &passing, &test_err), ERR_NONE);
  }
}

static void a_notification_has_its_clients_token_and_subscription(void **state) {
  struct buf out;
  struct mcp_passing passing = legacy;
  passing.arena = &arena;
  const struct mcp_notification progress = {
      .method = STR("notifications/progress"), .progress_token = STR("\"mine\""), .passing = &passing};
  buf_init(&out, &arena, 4096);
  assert_ok(mcp_write_notification(&out, STR("{\"progressToken\":17,\"progress\":0.5}"), &progress, &test_err));
  assert_str(buf_str(&out),
             "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progress\":0.5,"
             "\"progressToken\":\"mine\"}}");
  const struct mcp_notification changed = {
      .method = STR("notifications/tools/list_changed"), .subscription = STR("4"), .passing = &passing};
  buf_init(&out, &arena, 4096);
  assert_ok(mcp_write_notification(&out, STR_NONE, &changed, &test_err));
  assert_str(buf_str(&out),
             "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\",\"params\":{\"_meta\":{"
             "\"" MCP_META_SUBSCRIPTION "\":4}}}");
}

#define passed_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* 2025-11-25, tasks. */
static void a_legacy_task_is_named_as_its_client_knows_it_wherever_it_is_named(void **state) {
  struct mcp_passing passing = {.era = MCP_LEGACY, .public_task = sealed};
  assert_str(passed(passing, "{\"task\":{\"taskId\":\"7\",\"status\":\"working\"}}"),
             "{\"task\":{\"taskId\":\"task:7\",\"status\":\"working\"}}");
  assert_str(passed(passing,
                    "{\"_meta\":{\"io.modelcontextprotocol/related-task\":{\"taskId\":\"7\"},\"a\":1},\"content\":[]}"),
             "{\"_meta\":{\"io.modelcontextprotocol/related-task\":{\"taskId\":\"task:7\"},\"a\":1},\"content\":[]}");
  const char *const nobodys = "{\"task\":{\"taskId\":\"7\"},\"content\":[]}";
  assert_str(passed(legacy, nobodys), nobodys);
}

static void a_question_of_a_task_names_it_as_its_client_knows_it(void **state) {
  struct mcp_passing passing = {.era = MCP_LEGACY, .public_task = sealed};
  yyjson_val *request =
      read(STR("{\"method\":\"elicitation/create\",\"params\":{\"message\":\"?\",\"_meta\":{\"io."
               "modelcontextprotocol/related-task\":{\"taskId\":\"7\"}}}}"));
  struct buf out;
  buf_init(&out, &arena, 4096);
  mcp_write_legacy_input(&out, request, "id", &passing);
  assert_str(buf_str(&out),
             "\"method\":\"elicitation/create\",\"params\":{\"message\":\"?\",\"_meta\":{\"io."
             "modelcontextprotocol/related-task\":{\"taskId\":\"task:7\"}}}");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      passed_test(what_is_alike_in_both_eras_passes_byte_for_byte),
      passed_test(what_only_looks_like_a_name_or_an_escape_changes_nothing),
      passed_test(numbers_keep_their_digits_where_the_result_is_read),
      passed_test(a_legacy_client_hears_nothing_of_the_modern_era),
      passed_test(a_modern_client_hears_who_answers_whatever_the_server_said),
      passed_test(what_one_may_read_is_cached_for_nobody_else),
      passed_test(uris_of_resources_become_the_public_ones_and_nothing_else_does),
      passed_test(ids_of_tasks_become_ours),
      passed_test(what_is_copied_is_what_would_have_been_written),
      passed_test(what_is_no_object_is_refused),
      passed_test(a_notification_has_its_clients_token_and_subscription),
      passed_test(a_legacy_task_is_named_as_its_client_knows_it_wherever_it_is_named),
      passed_test(a_question_of_a_task_names_it_as_its_client_knows_it),
  };
  return cmocka_run_group_tests_name("mcp/passed", tests, NULL, NULL);
}
