#include "fixture.h"

#include "base/limits.h"

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  arena_init(&f->arena, 0);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  arena_release(&f->arena);
  free(f);
  return 0;
}

static enum err_code compile(struct fixture *f, const char *text) {
  return connector_compile(&f->arena, fixture_json(f, text), &f->connector, &test_err);
}

/* A definition with one part replaced. */
static const char *with(struct fixture *f, const char *head, const char *tool) {
  return arena_printf(
             &f->arena,
             "{\"manifest\":1,\"id\":\"orders\",\"name\":\"Orders\",\"base\":\"https://a.example\"%s,\"tools\":[%s]}",
             head, tool)
      .p;
}

static void the_smallest_definition_compiles(void **state) {
  struct fixture *f = *state;
  assert_ok(compile(f, with(f, "", "{\"name\":\"get\",\"description\":\"Gets.\",\"call\":\"GET /x\"}")));
  assert_string_equal(f->connector.kind->name, "http");
  assert_str(f->connector.id, "orders");
  assert_int_equal(f->connector.version, 1);
  assert_int_equal(f->connector.n_tools, 1);
  const struct connector_tool *tool = &f->connector.tools[0];
  assert_str(tool->public_name, "orders_get");
  assert_int_equal(tool->does, DOES_DESTROY); /* not said: the worst */
  assert_str(json_get_str(tool->input_schema, "type"), "object");
  assert_ok(schema_check(tool->schema, fixture_json(f, "{}"), &test_err));
}

static void categories_are_a_few_words(void **state) {
  struct fixture *f = *state;
  const char *tool = "{\"name\":\"a\",\"description\":\"A\",\"call\":\"GET /a\"}";
  assert_ok(compile(f, with(f, ",\"categories\":[\"financial\",\"b2b_sales\"]", tool)));
  assert_ok(compile(f, with(f, ",\"categories\":[]", tool)));
  assert_int_equal(compile(f, with(f, ",\"categories\":\"financial\"", tool)), ERR_INVALID);
  assert_string_equal(test_err.place, "/categories");
  assert_int_equal(compile(f, with(f, ",\"categories\":[\"a\",\"Not this\"]", tool)), ERR_INVALID);
  assert_string_equal(test_err.place, "/categories/1");
  assert_int_equal(compile(f, with(f, ",\"categories\":[1,2,3,4,5,6,7,8,9]", tool)), ERR_INVALID);
  assert_ok(connector_compile(&f->arena,
                              fixture_json(f,
                                           "{\"manifest\":1,\"id\":\"crm\",\"name\":\"CRM\",\"kind\":\"mcp\","
                                           "\"url\":\"https://a.example/mcp\",\"categories\":[\"sales\"],"
                                           "\"description\":\"Customers.\"}"),
                              &f->connector, &test_err));
  assert_int_equal(connector_compile(&f->arena,
                                     fixture_json(f,
                                                  "{\"manifest\":1,\"id\":\"crm\",\"name\":\"CRM\",\"kind\":\"mcp\","
                                                  "\"url\":\"https://a.example/mcp\",\"categories\":[\"<b>\"]}"),
                                     &f->connector, &test_err),
                   ERR_INVALID);
}

static void tools_come_by_name(void **state) {
  struct fixture *f = *state;
  assert_ok(compile(f, with(f, "",
                            "{\"name\":\"b\",\"description\":\"B\",\"call\":\"GET /b\",\"does\":\"read\"},"
                            "{\"name\":\"c\",\"description\":\"C\",\"call\":\"GET /c\",\"does\":\"write\"},"
                            "{\"name\":\"a\",\"description\":\"A\",\"call\":\"GET /a\"}")));
  assert_str(f->connector.tools[0].name, "a");
  assert_str(f->connector.tools[1].name, "b");
  assert_int_equal(f->connector.tools[1].does, DOES_READ);
  assert_int_equal(f->connector.tools[2].does, DOES_WRITE);
}

static void what_is_wrong_is_named_with_its_place(void **state) {
  struct fixture *f = *state;
  const struct {
    const char *head, *tool, *place, *text;
  } rows[] = {
      {",\"kind\":\"soap\"", "{\"name\":\"a\",\"description\":\"A\",\"call\":\"GET /a\"}", "/kind", "kind must be"},
      {",\"kind\":7", "{\"name\":\"a\",\"description\":\"A\",\"call\":\"GET /a\"}", "/kind", "kind must be"},
      {",\"colour\":1", "{\"name\":\"a\",\"description\":\"A\",\"call\":\"GET /a\"}", "/colour",
       "no member \"colour\""},
      {",\"version\":0", "{\"name\":\"a\",\"description\":\"A\",\"call\":\"GET /a\"}", "/version", "version"},
      {",\"version\":\"1\"", "{\"name\":\"a\",\"description\":\"A\",\"call\":\"GET /a\"}", "/version", "version"},
      {"", "", "/tools", "not empty"},
      {"", "7", "/tools/0", "must be an object"},
      {"", "{\"description\":\"A\"}", "/tools/0/name", "a tool's name"},
      {"", "{\"name\":\"A\",\"description\":\"A\"}", "/tools/0/name", "a tool's name"},
      {"", "{\"name\":\"a-b\",\"description\":\"A\"}", "/tools/0/name", "a tool's name"},
      {"", "{\"name\":\"1a\",\"description\":\"A\"}", "/tools/0/name", "a tool's name"},
      {"", "{\"name\":\"a\"}", "/tools/0/description", "description must be a text"},
      {"", "{\"name\":\"a\",\"description\":\"\"}", "/tools/0/description", "not empty"},
      {"", "{\"name\":\"a\",\"description\":\"x\\u001b[31m\"}", "/tools/0/description", "control or invisible"},
      {"", "{\"name\":\"a\",\"description\":\"x\\u202egnp\"}", "/tools/0/description", "control or invisible"},
      {"", "{\"name\":\"a\",\"description\":\"x\\u200b\"}", "/tools/0/description", "control or invisible"},
      {"", "{\"name\":\"a\",\"description\":\"x\\udb40\\udc41\"}", "/tools/0/description", "control or invisible"},
      {"", "{\"name\":\"a\",\"description\":\"A\",\"title\":7}", "/tools/0/title", "title"},
      {"", "{\"name\":\"a\",\"description\":\"A\",\"does\":\"look\"}", "/tools/0/does", "\"read\""},
      {"", "{\"name\":\"a\",\"description\":\"A\",\"does\":null}", "/tools/0/does", "\"read\""},
      {"", "{\"name\":\"a\",\"description\":\"A\",\"input\":[]}", "/tools/0/input", "of type \"object\""},
      {"", "{\"name\":\"a\",\"description\":\"A\",\"input\":{\"type\":\"string\"}}", "/tools/0/input", "\"object\""},
      {"",
       "{\"name\":\"a\",\"description\":\"A\",\"input\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"odd\"}}}"
       "}",
       "/tools/0/input/properties/x", "type"},
      {"", "{\"name\":\"a\",\"description\":\"A\"},{\"name\":\"a\",\"description\":\"B\"}", "/tools", "the same name"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    const char *text = with(f, rows[i].head, rows[i].tool);
    enum err_code code = compile(f, text);
    bool is_there = strncmp(test_err.place, rows[i].place, strlen(rows[i].place)) == 0;
    if (code != ERR_INVALID || !is_there || !strstr(test_err.text, rows[i].text))
      fail_msg("%s: %s [%s]", text, test_err.text, test_err.place);
  }
}

static void the_head_is_checked(void **state) {
  struct fixture *f = *state;
  const struct {
    const char *text, *place;
  } rows[] = {
      {"[]", ""},
      {"{\"id\":\"a\",\"name\":\"A\",\"tools\":[]}", "/manifest"},
      {"{\"manifest\":2,\"id\":\"a\",\"name\":\"A\",\"tools\":[]}", "/manifest"},
      {"{\"manifest\":1,\"id\":\"a-b\",\"name\":\"A\",\"tools\":[]}", "/id"},
      {"{\"manifest\":1,\"id\":\"_a\",\"name\":\"A\",\"tools\":[]}", "/id"},
      {"{\"manifest\":1,\"id\":\"a2345678901234567890123456789012\",\"name\":\"A\",\"tools\":[]}", "/id"},
      {"{\"manifest\":1,\"id\":\"a\",\"tools\":[]}", "/name"},
      {"{\"manifest\":1,\"id\":\"a\",\"name\":\"A\"}", "/tools"},
      {"{\"manifest\":1,\"id\":\"a\",\"name\":\"A\",\"tools\":{}}", "/tools"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    assert_int_equal(compile(f, rows[i].text), ERR_INVALID);
    if (strcmp(test_err.place, rows[i].place) != 0)
      fail_msg("%s: %s [%s]", rows[i].text, test_err.text, test_err.place);
  }
}

static void a_failed_compile_leaves_the_output_alone(void **state) {
  struct fixture *f = *state;
  struct connector connector = {.version = 77};
  assert_int_equal(connector_compile(&f->arena, fixture_json(f, "{}"), &connector, &test_err), ERR_INVALID);
  assert_int_equal(connector.version, 77);
  assert_null(connector.kind);
}

static void public_names_are_short_and_stable(void **state) {
  struct fixture *f = *state;
  assert_str(connector_public_name(&f->arena, STR("xero"), STR("get_invoices")), "xero_get_invoices");
  struct str slug = STR("abcdefghijklmnopqrstuvwxyz01234"), fits = STR("tool_of_16_chars"),
             longer = STR("tool_of_17_chars_");
  struct str name = connector_public_name(&f->arena, slug, fits);
  assert_int_equal(name.n, LIMIT_TOOL_NAME);
  assert_str(name, "abcdefghijklmnopqrstuvwxyz01234_tool_of_16_chars");
  name = connector_public_name(&f->arena, slug, longer);
  assert_int_equal(name.n, LIMIT_TOOL_NAME);
  assert_true(str_starts(name, STR("abcdefghijklmnopqrstuvwxyz01234_tool_of_")));
  /* What once was handed out stays: clients and rules keep it. */
  assert_str(name, "abcdefghijklmnopqrstuvwxyz01234_tool_of_8721aa9e");
  assert_false(str_eq(name, connector_public_name(&f->arena, slug, STR("tool_of_17_chars_x"))));
}

static void every_kind_and_builtin_is_found(void **state) {
  struct fixture *f = *state;
  size_t n;
  const struct connector_builtin *builtins = connector_builtins(&n);
  assert_int_equal(n, 10);
  for (size_t i = 0; i < n; i++) {
    assert_ptr_equal(connector_builtin_find(str_of(builtins[i].id)), &builtins[i]);
    assert_ok(compile(f, builtins[i].definition));
    assert_str(f->connector.id, builtins[i].id);
    assert_string_equal(f->connector.kind->name, builtins[i].kind);
    assert_ptr_equal(connector_kind_find(str_of(builtins[i].kind)), f->connector.kind);
    for (size_t k = 0; k < f->connector.n_tools; k++)
      assert_non_null(f->connector.tools[k].state);
  }
  assert_null(connector_kind_find(STR("soap")));
  assert_null(connector_builtin_find(STR("githu")));
  assert_null(connector_kind_find(STR("HTTP")));
  assert_true(connector_kind_find(STR("http"))->needs_rule);
  assert_true(connector_kind_find(STR("sqlite"))->needs_rule);
  assert_false(connector_kind_find(STR("self"))->needs_rule);
}

static void a_failure_has_its_text_and_code(void **state) {
  struct fixture *f = *state;
  struct connector_call call = {.arena = &f->arena};
  connector_fail(&call, ERR_TIMEOUT, "%s after %d ms", "nothing", 5);
  assert_true(call.result.is_error);
  assert_int_equal(call.result.error, ERR_TIMEOUT);
  assert_str(call.result.text, "nothing after 5 ms");
  struct arena small;
  arena_init(&small, 1);
  call.arena = &small;
  connector_fail(&call, ERR_TIMEOUT, "%s", "a text that does not fit");
  assert_true(call.result.is_error);
  assert_int_equal(call.result.error, ERR_NO_MEMORY);
  arena_release(&small);
}

/* Whatever allocation fails, compiling says so and nothing else happens. */
static void running_out_of_memory_is_an_error(void **state) {
  struct fixture *f = *state;
  const char *text =
      with(f, ",\"headers\":{\"X-A\":\"b\"},\"auth\":[{\"type\":\"key\",\"in\":\"header\",\"name\":\"X-Key\"}]",
           "{\"name\":\"a\",\"description\":\"A\",\"call\":\"GET /a/{x}\",\"query\":{\"q\":\"{x|csv}\",\"n\":1},"
           "\"input\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"string\"}},\"required\":[\"x\"]}}");
  const char *texts[] = {text, connector_builtin_find(STR("connek"))->definition,
                         connector_builtin_find(STR("sqlite"))->definition};
  for (size_t k = 0; k < 3; k++) {
    yyjson_val *definition = fixture_json(f, texts[k]);
    bool has_compiled = false;
    for (size_t max = 16; !has_compiled; max += 32) {
      struct arena arena;
      struct connector connector;
      arena_init(&arena, max);
      enum err_code code = connector_compile(&arena, definition, &connector, &test_err);
      has_compiled = code == ERR_NONE;
      if (!has_compiled && code != ERR_NO_MEMORY) fail_msg("%zu: %s [%s]", max, test_err.text, test_err.place);
      arena_release(&arena);
    }
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(the_smallest_definition_compiles),
      TEST(categories_are_a_few_words),
      TEST(tools_come_by_name),
      TEST(what_is_wrong_is_named_with_its_place),
      TEST(the_head_is_checked),
      TEST(a_failed_compile_leaves_the_output_alone),
      TEST(public_names_are_short_and_stable),
      TEST(every_kind_and_builtin_is_found),
      TEST(a_failure_has_its_text_and_code),
      TEST(running_out_of_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
