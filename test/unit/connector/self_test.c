#include "fixture.h"

static const struct connector_caller_tool tools[] = {
    {STR("connek_whoami"), STR("Tells for whom you are working here."), DOES_READ},
    {STR("sqlite_query"), STR("Runs one SELECT and returns the rows."), DOES_READ},
    {STR("xero_create_invoice"), STR("Creates an invoice for a contact."), DOES_WRITE},
    {STR("xero_get_invoices"), STR("Lists invoices, newest first."), DOES_READ},
    {STR("xero_void_invoice"), STR("Voids."), DOES_DESTROY},
    {STR("zoo_feed"), STR("Feeds the animals; see the invoice afterwards."), DOES_WRITE},
};
static const struct policy_label labels[] = {{STR("client"), STR("Globex \"EU\"")}, {STR("year"), STR("2026")}};
static const struct connector_caller_connection connections[] = {
    {STR("ledger"), STR("sqlite"), STR("SQLite"), NULL, 0, false},
    {STR("xero au"), STR("xero"), STR("Xero"), labels, 2, true},
};
static const struct str roles[] = {STR("finance"), STR("everyone")};
static const struct connector_caller caller = {STR("acme"),
                                               STR("a@acme.example"),
                                               STR("member"),
                                               roles,
                                               2,
                                               tools,
                                               sizeof(tools) / sizeof(tools[0]),
                                               connections,
                                               2};

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  arena_init(&f->arena, 0);
  size_t n;
  const struct connector_builtin *builtins = connector_builtins(&n);
  assert_ok(connector_compile(&f->arena, fixture_json(f, builtins[0].definition), &f->connector, &test_err));
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  arena_release(&f->arena);
  free(f);
  return 0;
}

static struct trial *ask(struct fixture *f, const char *tool, const char *arguments,
                         const struct connector_caller *who) {
  struct trial *trial = trial_start(f, tool, arguments);
  trial->call.caller = who;
  assert_ok(schema_check(trial->call.tool->schema, trial->call.arguments, &test_err));
  f->connector.kind->invoke(&trial->call);
  assert_int_equal(trial->n_done, 1); /* at once */
  f->connector.kind->cancel(&trial->call);
  assert_int_equal(trial->n_done, 1);
  return trial;
}

static void assert_answer(struct fixture *f, const char *tool, const char *arguments, const char *expected) {
  struct trial *trial = ask(f, tool, arguments, &caller);
  assert_false(trial->call.result.is_error);
  assert_str(trial->call.result.text, expected);
  assert_str(trial->call.result.structured, expected);
  trial_free(trial);
}

static void whoami_tells_who(void **state) {
  assert_answer(*state, "whoami", "{}",
                "{\"organisation\":\"acme\",\"email\":\"a@acme.example\",\"kind\":\"member\",\"roles\":[\"finance\","
                "\"everyone\"],\"tools\":6,\"connections\":2}");
}

static void connections_are_listed_with_their_labels(void **state) {
  assert_answer(
      *state, "list_connections", "{}",
      "{\"connections\":[{\"name\":\"ledger\",\"connector\":\"sqlite\",\"connector_name\":\"SQLite\",\"labels\":{}"
      ",\"personal\":false},{\"name\":\"xero au\",\"connector\":\"xero\",\"connector_name\":\"Xero\",\"labels\":{"
      "\"client\":\"Globex \\\"EU\\\"\",\"year\":\"2026\"},\"personal\":true}]}");
}

/* The names that search_tools gives, with commas between. */
static void assert_found(struct fixture *f, const char *arguments, const char *expected) {
  struct trial *trial = ask(f, "search_tools", arguments, &caller);
  yyjson_doc *doc;
  assert_ok(json_read(&trial->arena, trial->call.result.structured, &doc, &test_err));
  char names[512] = "";
  size_t i, n;
  yyjson_val *tool;
  yyjson_arr_foreach(json_get(yyjson_doc_get_root(doc), "tools"), i, n, tool) {
    size_t at = strlen(names);
    snprintf(names + at, sizeof(names) - at, "%s%.*s", i ? "," : "", STR_ARG(json_get_str(tool, "name")));
  }
  if (strcmp(names, expected) != 0) fail_msg("%s: %s, not %s", arguments, names, expected);
  trial_free(trial);
}

static void search_ranks_by_words_and_where_they_are(void **state) {
  struct fixture *f = *state;
  assert_found(f, "{\"query\":\"create invoice\"}", "xero_create_invoice,xero_void_invoice,xero_get_invoices,zoo_feed");
  assert_found(f, "{\"query\":\"LIST INVOICES\"}", "xero_get_invoices,xero_create_invoice,xero_void_invoice,zoo_feed");
  assert_found(f, "{\"query\":\"animals\"}", "zoo_feed");
  assert_found(f, "{\"query\":\"select\"}", "sqlite_query");
  assert_found(f, "{\"query\":\"nothing like it\"}", "");
  assert_found(f, "{\"query\":\"  ,;!  \"}", "");
}

static void search_keeps_to_its_limit_and_tells_how_many_fit(void **state) {
  struct fixture *f = *state;
  assert_found(f, "{\"query\":\"invoice\",\"limit\":1}", "xero_create_invoice");
  assert_found(f, "{\"query\":\"invoice\",\"limit\":2}", "xero_create_invoice,xero_void_invoice");
  struct trial *trial = ask(f, "search_tools", "{\"query\":\"invoice\",\"limit\":1}", &caller);
  assert_str(
      trial->call.result.text,
      "{\"tools\":[{\"name\":\"xero_create_invoice\",\"does\":\"write\",\"description\":\"Creates an invoice for a "
      "contact.\"}],\"found\":4}");
  trial_free(trial);
}

static void a_caller_who_may_nothing_gets_empty_lists(void **state) {
  struct fixture *f = *state;
  const struct connector_caller nobody = {.organisation = STR("acme")};
  struct trial *trial = ask(f, "search_tools", "{\"query\":\"invoice\"}", &nobody);
  assert_str(trial->call.result.text, "{\"tools\":[],\"found\":0}");
  trial_free(trial);
  trial = ask(f, "list_connections", "{}", &nobody);
  assert_str(trial->call.result.text, "{\"connections\":[]}");
  trial_free(trial);
  trial = ask(f, "whoami", "{}", NULL);
  assert_true(trial->call.result.is_error);
  trial_free(trial);
}

static void arguments_are_checked_by_the_schema(void **state) {
  struct fixture *f = *state;
  const char *bad[] = {"{}",
                       "{\"query\":\"\"}",
                       "{\"query\":\"a\",\"limit\":0}",
                       "{\"query\":\"a\",\"limit\":51}",
                       "{\"query\":\"a\",\"limit\":1.5}",
                       "{\"query\":\"a\",\"other\":1}"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    assert_int_equal(schema_check(fixture_tool(f, "search_tools")->schema, fixture_json(f, bad[i]), &test_err),
                     ERR_INVALID);
}

static void the_kind_takes_only_its_own_tools(void **state) {
  struct fixture *f = *state;
  struct connector connector;
  const char *text =
      "{\"manifest\":1,\"id\":\"s\",\"name\":\"S\",\"kind\":\"self\",\"tools\":[{\"name\":\"whois\","
      "\"description\":\"d\"}]}";
  assert_int_equal(connector_compile(&f->arena, fixture_json(f, text), &connector, &test_err), ERR_INVALID);
  assert_string_equal(test_err.place, "/tools/0/name");
  assert_null(f->connector.kind->connect); /* there is nothing to connect */
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(whoami_tells_who),
      TEST(connections_are_listed_with_their_labels),
      TEST(search_ranks_by_words_and_where_they_are),
      TEST(search_keeps_to_its_limit_and_tells_how_many_fit),
      TEST(a_caller_who_may_nothing_gets_empty_lists),
      TEST(arguments_are_checked_by_the_schema),
      TEST(the_kind_takes_only_its_own_tools),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
