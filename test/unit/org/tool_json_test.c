#include "org/tool_json.h"

#include "base/limits.h"
#include "codec/json.h"
#include "unit.h"

static const struct connector_kind ruled = {.name = "http", .needs_rule = true};
static const struct connector_kind ruleless = {.name = "self", .needs_rule = false};

static const struct connector books = {.kind = &ruled, .id = {"books", 5}, .name = {"Book \"Keeper\"", 13}};
static const struct connector self = {.kind = &ruleless, .id = {"connek", 6}, .name = {"Connek", 6}};
static const struct connector_connection east = {.policy.name = {"east", 4}}, west = {.policy.name = {"w\"est", 5}};

/* Writes a tool with this input schema, and gives the text. */
static struct str written(struct arena *arena, const struct connector *connector, const char *schema,
                          struct connector_tool tool, const char *account) {
  static const struct connector_connection *const both[] = {&east, &west};
  yyjson_doc *doc;
  struct buf out;
  assert_ok(json_read(arena, str_of(schema), &doc, &test_err));
  tool.input_schema = yyjson_doc_get_root(doc);
  tool.public_name = STR("books_query");
  buf_init(&out, arena, MIB);
  tool_json_write(&out, connector, &tool, account, both, 2);
  assert_false(buf_failed(&out));
  assert_ok(json_read(arena, buf_str(&out), &doc, &test_err)); /* no duplicate keys, among other things */
  return buf_str(&out);
}

static void a_tool_is_written_as_it_is(void **state) {
  struct arena arena;
  arena_init(&arena, 0);
  struct connector_tool tool = {.title = STR("Query"), .description = STR("Asks\n"), .does = DOES_READ};
  assert_str(written(&arena, &books, "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}", tool, NULL),
             "{\"name\":\"books_query\",\"title\":\"Query\",\"description\":\"Asks\\n\",\"inputSchema\":"
             "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}},"
             "\"annotations\":{\"readOnlyHint\":true,\"destructiveHint\":false}}");
  arena_release(&arena);
}

static void a_title_is_left_out_where_there_is_none(void **state) {
  struct arena arena;
  arena_init(&arena, 0);
  struct connector_tool tool = {.description = STR("d"), .does = DOES_WRITE};
  assert_str(written(&arena, &books, "{\"type\":\"object\"}", tool, NULL),
             "{\"name\":\"books_query\",\"description\":\"d\",\"inputSchema\":{\"type\":\"object\"},"
             "\"annotations\":{\"readOnlyHint\":false,\"destructiveHint\":false}}");
  arena_release(&arena);
}

static void a_destructive_tool_and_one_without_a_world_are_called_so(void **state) {
  struct arena arena;
  arena_init(&arena, 0);
  struct connector_tool tool = {.description = STR("d"), .does = DOES_DESTROY};
  struct str text = written(&arena, &books, "{}", tool, NULL);
  assert_true(str_ends(text, STR("{\"readOnlyHint\":false,\"destructiveHint\":true}}")));
  tool.does = DOES_READ;
  text = written(&arena, &self, "{}", tool, NULL);
  assert_true(str_ends(text, STR("{\"readOnlyHint\":true,\"destructiveHint\":false,\"openWorldHint\":false}}")));
  arena_release(&arena);
}

/* MCP: inputSchema.type is always "object". */
static void a_schema_without_type_gets_it_and_keeps_the_rest(void **state) {
  struct arena arena;
  arena_init(&arena, 0);
  struct connector_tool tool = {.description = STR("d"), .does = DOES_READ};
  struct str text = written(&arena, &books, "{\"additionalProperties\":false}", tool, NULL);
  assert_non_null(strstr(text.p, "\"inputSchema\":{\"type\":\"object\",\"additionalProperties\":false}"));
  arena_release(&arena);
}

#define ACCOUNT                                            \
  "{\"type\":\"string\",\"enum\":[\"east\",\"w\\\"est\"]," \
  "\"description\":\"Which Book \\\"Keeper\\\" account to use\"}"

static void the_account_comes_first_and_is_required(void **state) {
  struct arena arena;
  arena_init(&arena, 0);
  struct connector_tool tool = {.description = STR("d"), .does = DOES_READ};
  struct str text = written(&arena, &books,
                            "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"sql\"],"
                            "\"properties\":{\"sql\":{\"type\":\"string\"},\"n\":{\"type\":\"integer\"}}}",
                            tool, "account");
  assert_non_null(strstr(text.p,
                         "\"inputSchema\":{\"type\":\"object\",\"additionalProperties\":false,"
                         "\"required\":[\"account\",\"sql\"],"
                         "\"properties\":{\"account\":" ACCOUNT
                         ",\"sql\":{\"type\":\"string\"},\"n\":{\"type\":\"integer\"}}},"));
  arena_release(&arena);
}

static void a_schema_without_properties_gets_the_account_all_the_same(void **state) {
  struct arena arena;
  arena_init(&arena, 0);
  struct connector_tool tool = {.description = STR("d"), .does = DOES_READ};
  static const char *const schemas[] = {"{}", "{\"type\":\"object\"}"};
  for (size_t i = 0; i < 2; i++) {
    struct str text = written(&arena, &books, schemas[i], tool, "account");
    assert_non_null(strstr(text.p, "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"account\":" ACCOUNT
                                   "},\"required\":[\"account\"]},"));
  }
  struct str text =
      written(&arena, &books, "{\"type\":\"object\",\"properties\":{},\"required\":[]}", tool, "connection");
  assert_non_null(strstr(text.p, "\"properties\":{\"connection\":" ACCOUNT "},\"required\":[\"connection\"]},"));
  arena_release(&arena);
}

static const char *argument_of(const char *schema) {
  struct arena arena;
  yyjson_doc *doc;
  arena_init(&arena, 0);
  assert_ok(json_read(&arena, str_of(schema), &doc, &test_err));
  struct connector_tool tool = {.input_schema = yyjson_doc_get_root(doc)};
  const char *name = tool_json_account_argument(&tool);
  arena_release(&arena);
  return name;
}

static void the_argument_never_takes_a_name_that_the_tool_uses(void **state) {
  assert_string_equal(argument_of("{}"), "account");
  assert_string_equal(argument_of("{\"properties\":{\"Account\":{}}}"), "account");
  assert_string_equal(argument_of("{\"properties\":{\"account\":{}}}"), "connection");
  assert_string_equal(argument_of("{\"properties\":{\"connection\":{}}}"), "account");
  assert_string_equal(argument_of("{\"properties\":{\"account\":{},\"connection\":{}}}"), "connek_connection");
  assert_null(argument_of("{\"properties\":{\"account\":{},\"connection\":{},\"connek_connection\":{}}}"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_tool_is_written_as_it_is),
      cmocka_unit_test(a_title_is_left_out_where_there_is_none),
      cmocka_unit_test(a_destructive_tool_and_one_without_a_world_are_called_so),
      cmocka_unit_test(a_schema_without_type_gets_it_and_keeps_the_rest),
      cmocka_unit_test(the_account_comes_first_and_is_required),
      cmocka_unit_test(a_schema_without_properties_gets_the_account_all_the_same),
      cmocka_unit_test(the_argument_never_takes_a_name_that_the_tool_uses),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
