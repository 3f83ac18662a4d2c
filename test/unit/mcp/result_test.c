/* Forms of results in both eras. */
#include "unit.h"

#include "codec/json.h"
#include "mcp/result.h"

static yyjson_val *parsed(struct arena *arena, const struct buf *out) {
  yyjson_doc *document;
  assert_false(buf_failed(out));
  assert_ok(json_read(arena, buf_str(out), &document, &test_err));
  return yyjson_doc_get_root(document);
}

static void a_modern_tool_result_says_complete_and_who_answers(void **state) {
  struct arena arena;
  struct buf out;
  arena_init(&arena, 0);
  buf_init(&out, &arena, 4096);
  mcp_write_tool_result(&out, MCP_MODERN,
                        &(struct mcp_tool_result){.text = STR("a \"b\"\n"), .structured = STR("{\"n\":1}")});
  yyjson_val *result = parsed(&arena, &out);
  assert_str(json_get_str(result, "resultType"), "complete");
  assert_str(json_get_str(json_get(json_get(result, "_meta"), MCP_META_SERVER_INFO), "name"), "connek");
  assert_str(json_get_str(yyjson_arr_get_first(json_get(result, "content")), "text"), "a \"b\"\n");
  assert_int_equal(yyjson_get_int(json_get(json_get(result, "structuredContent"), "n")), 1);
  assert_true(yyjson_is_false(json_get(result, "isError")));
  arena_release(&arena);
}

static void a_legacy_tool_result_has_nothing_that_its_revisions_lack(void **state) {
  struct arena arena;
  struct buf out;
  arena_init(&arena, 0);
  buf_init(&out, &arena, 4096);
  mcp_write_tool_result(&out, MCP_LEGACY, &(struct mcp_tool_result){.text = STR("no"), .is_error = true});
  yyjson_val *result = parsed(&arena, &out);
  assert_null(json_get(result, "resultType"));
  assert_null(json_get(result, "_meta"));
  assert_null(json_get(result, "structuredContent"));
  assert_true(yyjson_is_true(json_get(result, "isError")));
  arena_release(&arena);
}

static void discover_names_every_revision_and_is_private(void **state) {
  struct arena arena;
  struct buf out;
  size_t n;
  arena_init(&arena, 0);
  buf_init(&out, &arena, 4096);
  const struct mcp_capabilities capabilities = {.has_resources = true, .has_subscriptions = true};
  mcp_write_discover(&out, &capabilities);
  yyjson_val *result = parsed(&arena, &out);
  mcp_revisions(&n);
  assert_int_equal(yyjson_arr_size(json_get(result, "supportedVersions")), n);
  assert_str(json_get_str(result, "cacheScope"), "private");
  assert_true(yyjson_is_uint(json_get(result, "ttlMs")));
  yyjson_val *announced = json_get(result, "capabilities");
  assert_true(yyjson_is_true(json_get(json_get(announced, "resources"), "subscribe")));
  assert_null(json_get(announced, "prompts"));
  assert_null(json_get(announced, "completions"));
  assert_null(json_get(announced, "logging"));
  arena_release(&arena);
}

static void initialize_answers_with_the_negotiated_revision(void **state) {
  struct arena arena;
  struct buf out;
  arena_init(&arena, 0);
  buf_init(&out, &arena, 4096);
  const struct mcp_capabilities capabilities = {.has_prompts = true, .extensions = STR("{\"io.x/y\":{}}")};
  mcp_write_initialize(&out, mcp_negotiate(STR("2025-06-18")), &capabilities);
  yyjson_val *result = parsed(&arena, &out);
  assert_str(json_get_str(result, "protocolVersion"), "2025-06-18");
  yyjson_val *announced = json_get(result, "capabilities");
  assert_true(yyjson_is_true(json_get(json_get(announced, "tools"), "listChanged")));
  assert_true(yyjson_is_true(json_get(json_get(announced, "prompts"), "listChanged")));
  assert_true(yyjson_is_obj(json_get(json_get(announced, "extensions"), "io.x/y")));
  assert_null(json_get(announced, "resources"));
  arena_release(&arena);
}

static void the_list_of_revisions_is_the_table(void **state) {
  struct arena arena;
  struct buf text;
  size_t n, i, max;
  arena_init(&arena, 0);
  buf_init(&text, &arena, 4096);
  buf_append_str(&text, mcp_revisions_json());
  yyjson_val *list = parsed(&arena, &text), *name;
  const struct mcp_revision *revisions = mcp_revisions(&n);
  assert_int_equal(yyjson_arr_size(list), n);
  yyjson_arr_foreach(list, i, max, name) assert_true(str_eq(json_str(name), revisions[i].name));
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_modern_tool_result_says_complete_and_who_answers),
      cmocka_unit_test(a_legacy_tool_result_has_nothing_that_its_revisions_lack),
      cmocka_unit_test(discover_names_every_revision_and_is_private),
      cmocka_unit_test(initialize_answers_with_the_negotiated_revision),
      cmocka_unit_test(the_list_of_revisions_is_the_table),
  };
  return cmocka_run_group_tests_name("mcp/result", tests, NULL, NULL);
}
