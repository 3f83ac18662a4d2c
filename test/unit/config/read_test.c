/* What is refused, and where; and what a value stands for. */
#include "fixture.h"

struct refusal {
  const char *text, *pointer, *says;
};

#define ORGANISATION "\"organisation\":\"acme\""
#define CONNECTION(rest) "{" ORGANISATION ",\"connections\":[{\"name\":\"ledger\",\"connector\":\"sqlite\"" rest "}]}"
#define RULE(rule) "{" ORGANISATION ",\"roles\":[{\"name\":\"finance\",\"rules\":[" rule "]}]}"
#define USER(user) "{" ORGANISATION ",\"users\":[" user "]}"
#define LONG_NAME "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" /* 64 */

static const struct refusal refusals[] = {
    {"[]", "", "must be an object"},
    {"{}", "/organisation", "is required"},
    {"{\"organisation\":7}", "/organisation", "must be a string"},
    {"{\"organisation\":\"\"}", "/organisation", "must not be empty"},
    {"{\"organisation\":\" acme\"}", "/organisation", "space"},
    {"{\"organisation\":\"ac\\u0007me\"}", "/organisation", "control characters"},
    {"{\"organisation\":\"ac\\u0085me\"}", "/organisation", "control characters"},
    {"{\"organisation\":\"a" LONG_NAME "\"}", "/organisation", "at most 64 characters"},
    {"{\"organisation\":\"acme\",\"organization\":\"acme\"}", "/organization", "unknown member"},
    {"{" ORGANISATION ",\"a/b~c\":1}", "/a~1b~0c", "unknown member"},
    {"{" ORGANISATION ",\"limits\":600}", "/limits", "must be an object"},
    {"{" ORGANISATION ",\"limits\":{\"per_hour\":1}}", "/limits/per_hour", "unknown member; known are per_minute"},
    {"{" ORGANISATION ",\"audit\":{\"days\":90}}", "/audit/days", "unknown member; known are retention_days"},
    {"{" ORGANISATION ",\"audit\":{\"retention_days\":29}}", "/audit/retention_days",
     "from 30 to 36500, or 0: for ever"},
    {"{" ORGANISATION ",\"audit\":{\"retention_days\":36501}}", "/audit/retention_days", "from 30 to 36500"},
    {"{" ORGANISATION ",\"audit\":{\"retention_days\":-1}}", "/audit/retention_days", "from 30 to 36500"},
    {"{" ORGANISATION ",\"audit\":{\"retention_days\":\"90\"}}", "/audit/retention_days", "from 30 to 36500"},
    {"{" ORGANISATION ",\"limits\":{\"per_minute\":0}}", "/limits/per_minute", "from 1 to 1000000"},
    {"{" ORGANISATION ",\"limits\":{\"per_minute\":-1}}", "/limits/per_minute", "from 1 to 1000000"},
    {"{" ORGANISATION ",\"limits\":{\"per_minute\":1000001}}", "/limits/per_minute", "from 1 to 1000000"},
    {"{" ORGANISATION ",\"limits\":{\"per_minute\":60.5}}", "/limits/per_minute", "whole number"},
    {"{" ORGANISATION ",\"limits\":{\"per_minute\":\"60\"}}", "/limits/per_minute", "whole number"},
    {"{" ORGANISATION ",\"connectors\":{}}", "/connectors", "must be an array"},
    {"{" ORGANISATION ",\"connectors\":[7]}", "/connectors/0", "path or a definition"},
    {"{" ORGANISATION ",\"connectors\":[\"absent.json\"]}", "/connectors/0", "\"absent.json\" cannot be read"},
    {"{" ORGANISATION ",\"connections\":{}}", "/connections", "must be an array"},
    {"{" ORGANISATION ",\"connections\":[7]}", "/connections/0", "must be an object"},
    {"{" ORGANISATION ",\"connections\":[{\"connector\":\"sqlite\"}]}", "/connections/0/name", "is required"},
    {"{" ORGANISATION ",\"connections\":[{\"name\":\"x\"}]}", "/connections/0/connector", "is required"},
    {"{" ORGANISATION ",\"connections\":[{\"name\":\"x\",\"connector\":\"y\"},{\"name\":\"x\",\"connector\":\"y\"}]}",
     "/connections/1/name", "\"x\" is named twice"},
    {CONNECTION(",\"setting\":{}"), "/connections/0/setting", "unknown member"},
    {CONNECTION(",\"settings\":[]"), "/connections/0/settings", "must be an object"},
    {CONNECTION(",\"settings\":{\"file\":\"absent.db\"}"), "/connections/0/settings/file", "cannot be opened: No such"},
    {CONNECTION(",\"settings\":{\"file\":\"\"}"), "/connections/0/settings/file", "must not be empty"},
    {CONNECTION(",\"settings\":{\"file\":\".\"}"), "/connections/0/settings/file", "is not a file"},
    {CONNECTION(",\"settings\":{\"file\":{\"env\":\"CONNEK_TEST_ABSENT\"}}"), "/connections/0/settings/file",
     "variable CONNEK_TEST_ABSENT is not set"},
    /* A built-in is what it is, and leads where it leads: else whoever writes the file had its credential sent
       anywhere. */
    {"{" ORGANISATION
     ",\"connections\":[{\"name\":\"g\",\"connector\":\"github\",\"settings\":{\"base\":\"https://x.example\"}}]}",
     "/connections/0/settings/base", "base is fixed"},
    {"{" ORGANISATION ",\"connectors\":[{\"manifest\":1,\"id\":\"github\",\"name\":\"G\",\"base\":\"https://"
     "x.example\",\"tools\":[{\"name\":\"get\",\"does\":\"read\",\"description\":\"Gets.\",\"call\":\"GET /\"}]}]}",
     "/connectors/0/id", "is a built-in connector"},
    {CONNECTION(",\"labels\":[]"), "/connections/0/labels", "object of strings"},
    {CONNECTION(",\"labels\":{\"a=b\":\"c\"}"), "/connections/0/labels/a=b", "must not hold \"=\""},
    {CONNECTION(",\"labels\":{\"client\":7}"), "/connections/0/labels/client", "must be a string"},
    {CONNECTION(",\"labels\":{\"client\":\"\"}"), "/connections/0/labels/client", "must not be empty"},
    {CONNECTION(",\"owner\":\"nobody\""), "/connections/0/owner", "not an e-mail address"},
    {CONNECTION(",\"credential\":\"secret\""), "/connections/0/credential", "must be an object"},
    {CONNECTION(",\"credential\":{}"), "/connections/0/credential", "must have a member"},
    {CONNECTION(",\"credential\":{\"env\":\"KEY\"}"), "/connections/0/credential", "names a variable"},
    {CONNECTION(",\"credential\":{\"key\":7}"), "/connections/0/credential/key", "must be a string"},
    {CONNECTION(",\"credential\":{\"key\":\"\"}"), "/connections/0/credential/key", "must not be empty"},
    {CONNECTION(",\"credential\":{\"key\":{\"env\":\"CONNEK_TEST_ABSENT\"}}"), "/connections/0/credential/key",
     "variable CONNEK_TEST_ABSENT is not set"},
    {CONNECTION(",\"credential\":{\"key\":{\"env\":\"CONNEK_TEST_EMPTY\"}}"), "/connections/0/credential/key",
     "variable CONNEK_TEST_EMPTY is empty"},
    {CONNECTION(",\"credential\":{\"key\":{\"env\":\"A=B\"}}"), "/connections/0/credential/key", "is not set"},
    {CONNECTION(",\"credential\":{\"key\":{\"file\":\"absent.key\"}}"), "/connections/0/credential/key",
     "\"absent.key\" cannot be read"},
    {CONNECTION(",\"credential\":{\"key\":{\"file\":\"empty.key\"}}"), "/connections/0/credential/key", "is empty"},
    {CONNECTION(",\"credential\":{\"key\":{\"env\":\"A\",\"file\":\"b\"}}"), "/connections/0/credential/key",
     "must be a string"},
    {"{" ORGANISATION ",\"connections\":[{\"name\":\"x\",\"connector\":\"connek\"}]}", "/connections/0/connector",
     "takes no connections"},
    {"{" ORGANISATION ",\"roles\":{}}", "/roles", "must be an array"},
    {"{" ORGANISATION ",\"roles\":[{\"name\":\"a\",\"max_result\":100}]}", "/roles/0/max_result",
     "from 1024 to 1048576"},
    {"{" ORGANISATION ",\"roles\":[{\"name\":\"a\",\"max_result\":\"4096\"}]}", "/roles/0/max_result",
     "number of bytes"},
    {"{" ORGANISATION ",\"roles\":[{\"name\":\"a\",\"max_result\":1048577}]}", "/roles/0/max_result", "from 1024"},
    {"{" ORGANISATION ",\"roles\":[{\"rules\":[]}]}", "/roles/0/name", "is required"},
    {"{" ORGANISATION ",\"roles\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"a\"}]}", "/roles/2/name",
     "named twice"},
    {RULE("7"), "/roles/0/rules/0", "must be an object"},
    {RULE("{\"does\":[\"read\"]}"), "/roles/0/rules/0", "exactly one of"},
    {RULE("{\"connection\":\"a\",\"connector\":\"b\",\"does\":[\"read\"]}"), "/roles/0/rules/0", "exactly one of"},
    {RULE("{\"connection\":\"a\",\"label\":\"b=c\",\"does\":[\"read\"]}"), "/roles/0/rules/0", "exactly one of"},
    {RULE("{\"connector\":\"a\",\"label\":\"b=c\",\"does\":[\"read\"]}"), "/roles/0/rules/0", "exactly one of"},
    {RULE("{\"connection\":7,\"does\":[\"read\"]}"), "/roles/0/rules/0/connection", "must be a string"},
    {RULE("{\"connection\":\"a\"}"), "/roles/0/rules/0", "must say what"},
    {RULE("{\"connection\":\"a\",\"does\":[]}"), "/roles/0/rules/0/does", "must not be empty"},
    {RULE("{\"connection\":\"a\",\"does\":\"read\"}"), "/roles/0/rules/0/does", "must be an array"},
    {RULE("{\"connection\":\"a\",\"does\":[\"Read\"]}"), "/roles/0/rules/0/does/0", "\"read\", \"write\""},
    {RULE("{\"connection\":\"a\",\"does\":[\"read\",\"read\"]}"), "/roles/0/rules/0/does/1", "named twice"},
    {RULE("{\"connection\":\"a\",\"tools\":[]}"), "/roles/0/rules/0/tools", "must not be empty"},
    {RULE("{\"connection\":\"a\",\"tools\":[\"get_*\"]}"), "/roles/0/rules/0/tools/0", "\"*\" alone"},
    {RULE("{\"connection\":\"a\",\"tools\":[\"a\",\"b\",\"a\"]}"), "/roles/0/rules/0/tools/2", "named twice"},
    {RULE("{\"connection\":\"a\",\"tools\":[\"*\"],\"effect\":\"Allow\"}"), "/roles/0/rules/0/effect", "\"allow\""},
    {RULE("{\"connection\":\"a\",\"tools\":[\"*\"],\"effect\":null}"), "/roles/0/rules/0/effect", "\"allow\""},
    {RULE("{\"label\":\"client\",\"tools\":[\"*\"]}"), "/roles/0/rules/0/label", "name=value"},
    {RULE("{\"label\":\"=globex\",\"tools\":[\"*\"]}"), "/roles/0/rules/0/label", "must not be empty"},
    {RULE("{\"label\":\"client=\",\"tools\":[\"*\"]}"), "/roles/0/rules/0/label", "must not be empty"},
    {USER("{\"roles\":[]}"), "/users/0/email", "is required"},
    {USER("{\"email\":\"a b@acme.example\"}"), "/users/0/email", "not an e-mail address"},
    {USER("{\"email\":\"a@\"}"), "/users/0/email", "not an e-mail address"},
    {USER("{\"email\":\"@acme.example\"}"), "/users/0/email", "not an e-mail address"},
    {USER("{\"email\":\"a@b@acme.example\"}"), "/users/0/email", "not an e-mail address"},
    {USER("{\"email\":\"a@acme..example\"}"), "/users/0/email", "not an e-mail address"},
    {USER("{\"email\":\"a@acme.example.\"}"), "/users/0/email", "not an e-mail address"},
    {USER("{\"email\":\"\\u00e4@acme.example\"}"), "/users/0/email", "not an e-mail address"},
    {USER("{\"email\":\"A@Acme.example\"},{\"email\":\"a@acme.EXAMPLE\"}"), "/users/1/email", "named twice"},
    {USER("{\"email\":\"a@acme.example\",\"kind\":\"root\"}"), "/users/0/kind", "\"owner\", \"admin\""},
    {USER("{\"email\":\"a@acme.example\",\"roles\":[7]}"), "/users/0/roles/0", "must be a string"},
    {USER("{\"email\":\"a@acme.example\",\"roles\":[\"x\",\"x\"]}"), "/users/0/roles/1", "named twice"},
};

static void each_problem_names_file_and_pointer(void **state) {
  struct fixture *t = *state;
  (void)put(t, "empty.key", "\n");
  assert_int_equal(setenv("CONNEK_TEST_EMPTY", "", 1), 0);
  assert_int_equal(unsetenv("CONNEK_TEST_ABSENT"), 0);
  for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
    if (refuse(t, refusals[i].text) == ERR_NONE) fail_msg("not refused: %s", refusals[i].text);
    char place[512];
    (void)snprintf(place, sizeof(place), "%s/acme.json%s%s", t->dir, refusals[i].pointer[0] ? ": " : "",
                   refusals[i].pointer);
    if (strcmp(test_err.place, place) != 0 || !strstr(test_err.text, refusals[i].says)) {
      fail_msg("%s: \"%s\" at \"%s\"", refusals[i].text, test_err.text, test_err.place);
    }
  }
}

static void broken_json_is_refused_with_its_line(void **state) {
  struct fixture *t = *state;
  assert_int_equal(refuse(t, "{\n  \"organisation\": \"acme\",\n  \"organisation\": \"acme\"\n}"), ERR_INVALID);
  assert_non_null(strstr(test_err.place, "acme.json: line 3"));
  assert_int_equal(refuse(t, "{\"organisation\":"), ERR_INVALID);
  assert_non_null(strstr(test_err.place, "acme.json: line 1"));
}

static void a_missing_file_is_named(void **state) {
  struct fixture *t = *state;
  struct config *config = NULL;
  assert_int_equal(config_read(&t->arena, "/nonexistent/acme.json", t->data, &config, &test_err), ERR_INVALID);
  assert_string_equal(test_err.place, "/nonexistent/acme.json");
  assert_non_null(strstr(test_err.text, "No such file"));
}

static void comments_may_stand_anywhere(void **state) {
  struct fixture *t = *state;
  struct config *config =
      read_config(t, "{\"//\":\"ours\"," ORGANISATION ",\"roles\":[{\"//\":[1,2],\"name\":\"finance\",\"rules\":[]}]}");
  assert_int_equal(config->n_roles, 1);
  config_release(config);
}

static void an_address_is_lower_case(void **state) {
  struct fixture *t = *state;
  struct config *config = read_config(t, USER("{\"email\":\"Ann.O'Neil+x@ACME.example\"}"));
  assert_str(config->users[0].email, "ann.o'neil+x@acme.example");
  assert_str(config->users[0].kind, "member");
  config_release(config);
}

static void a_name_of_64_characters_is_taken_whatever_its_bytes(void **state) {
  struct fixture *t = *state;
  struct config *config = read_config(t, "{\"organisation\":\"" LONG_NAME "\"}");
  assert_int_equal(config->organisation.n, 64);
  config = read_config(t, "{\"organisation\":\"\xc3\xa4\xc3\xb6 \xc3\xbc\"}");
  assert_str(config->organisation, "\xc3\xa4\xc3\xb6 \xc3\xbc");
}

static void does_has_one_order(void **state) {
  struct fixture *t = *state;
  struct config *config =
      read_config(t, RULE("{\"connection\":\"a\",\"does\":[\"destroy\",\"read\"],\"tools\":[\"b\",\"*\"]}"));
  const struct config_rule *rule = &config->roles[0].rules[0];
  assert_str(rule->does, "[\"read\",\"destroy\"]");
  assert_str(rule->tools, "[\"b\",\"*\"]");
  assert_str(rule->effect, "allow");
  config_release(config);
}

static void a_database_path_becomes_absolute(void **state) {
  struct fixture *t = *state;
  struct config *config = read_config(t, CONNECTION(",\"settings\":{\"file\":\"./var/../ledger.db\"}"));
  char expected[256];
  (void)snprintf(expected, sizeof(expected), "{\"file\":\"%s/ledger.db\"}", t->dir);
  assert_str(config->connections[0].bound, expected);
  config_release(config);
}

static void a_setting_may_come_from_the_environment(void **state) {
  struct fixture *t = *state;
  assert_int_equal(setenv("CONNEK_TEST_LEDGER", "ledger.db", 1), 0);
  struct config *config = read_config(t, CONNECTION(",\"settings\":{\"file\":{\"env\":\"CONNEK_TEST_LEDGER\"}}"));
  assert_true(str_ends(config->connections[0].bound, STR("/ledger.db\"}")));
  config_release(config);
}

static void assert_under_data_is_refused(struct fixture *t, const char *file) {
  char text[512];
  (void)snprintf(text, sizeof(text), CONNECTION(",\"settings\":{\"file\":\"%s\"}"), file);
  if (refuse(t, text) == ERR_NONE) fail_msg("%s is taken", file);
  assert_non_null(strstr(test_err.text, "Connek's own data folder"));
  assert_non_null(strstr(test_err.place, "/connections/0/settings/file"));
}

static void a_database_under_the_data_folder_is_refused(void **state) {
  ONLY_SQLITE;
  struct fixture *t = *state;
  put_database(t, "var/other.db");
  char link[256];
  (void)snprintf(link, sizeof(link), "%s/link.db", t->dir);
  assert_int_equal(symlink("var/connek.db", link), 0);
  (void)snprintf(link, sizeof(link), "%s/link", t->dir);
  assert_int_equal(symlink("var", link), 0);
  assert_under_data_is_refused(t, "var/connek.db");
  assert_under_data_is_refused(t, "var/other.db");
  assert_under_data_is_refused(t, "link.db");
  assert_under_data_is_refused(t, "link/other.db");
  assert_under_data_is_refused(t, "./var/../var/other.db");
}

static void a_folder_beside_the_data_folder_is_not_under_it(void **state) {
  struct fixture *t = *state;
  char path[256];
  (void)snprintf(path, sizeof(path), "%s/var2", t->dir);
  assert_int_equal(mkdir(path, 0700), 0);
  put_database(t, "var2/other.db");
  config_release(read_config(t, CONNECTION(",\"settings\":{\"file\":\"var2/other.db\"}")));
}

static void what_is_not_the_operators_own_names_no_file_and_no_variable(void **state) {
  struct fixture *t = *state;
  static const char *const texts[] = {
      CONNECTION(",\"settings\":{\"file\":\"/etc/passwd\"}"),
      CONNECTION(",\"settings\":{\"file\":{\"env\":\"HOME\"}}"),
      CONNECTION(",\"credential\":{\"key\":{\"env\":\"HOME\"}}"),
      CONNECTION(",\"credential\":{\"key\":{\"file\":\"/etc/passwd\"}}"),
      "{" ORGANISATION ",\"connectors\":[\"/etc/passwd\"]}",
      "{" ORGANISATION ",\"connectors\":[{\"id\":\"x\",\"kind\":\"mcp\",\"command\":[\"true\"]}]}",
  };
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    struct config *config = NULL;
    enum err_code code =
        config_read_text(&t->arena, str_of(texts[i]), STR("sent"), STR(""), str_of(t->data), &config, &test_err);
    assert_int_equal(code, ERR_INVALID);
    assert_non_null(strstr(test_err.text, "cannot be named here"));
  }
}

static void an_error_never_holds_a_secret(void **state) {
  struct fixture *t = *state;
  assert_int_equal(setenv("CONNEK_TEST_KEY", "canary-7391", 1), 0);
  (void)put(t, "key", "canary-7391\n");
  static const char *const texts[] = {
      CONNECTION(",\"settings\":{\"file\":\"ledger.db\"},\"credential\":{\"key\":\"canary-7391\"}"),
      CONNECTION(",\"settings\":{\"file\":\"ledger.db\"},\"credential\":{\"key\":{\"env\":\"CONNEK_TEST_KEY\"}}"),
      CONNECTION(",\"settings\":{\"file\":\"ledger.db\"},\"credential\":{\"key\":{\"file\":\"key\"}}"),
  };
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) { /* sqlite takes no credential */
    if (refuse(t, texts[i]) == ERR_NONE) fail_msg("not refused: %s", texts[i]);
    assert_non_null(strstr(test_err.place, "/connections/0/credential"));
    assert_null(strstr(test_err.text, "canary"));
    assert_null(strstr(test_err.detail, "canary"));
    assert_null(strstr(test_err.place, "canary"));
  }
}

static void an_id_of_a_builtin_connector_cannot_be_taken(void **state) {
  struct fixture *t = *state;
  (void)put(t, "evil.json",
            "{\"manifest\":1,\"id\":\"sqlite\",\"name\":\"Evil\",\"kind\":\"sqlite\",\"tools\":[{\"name\":\"query\","
            "\"description\":\"x\"}]}");
  if (refuse(t, "{" ORGANISATION ",\"connectors\":[\"evil.json\"]}") == ERR_NONE) fail_msg("taken");
  assert_true(strncmp(test_err.place, "evil.json", 9) == 0);
}

static void a_broken_manifest_is_named_with_its_pointer(void **state) {
  struct fixture *t = *state;
  (void)put(t, "orders.json", "{\"manifest\":1,\"id\":\"orders\",\"name\":\"Orders\",\"tools\":[{\"name\":\"Get\"}]}");
  assert_int_equal(refuse(t, "{" ORGANISATION ",\"connectors\":[\"orders.json\"]}"), ERR_INVALID);
  assert_string_equal(test_err.place, "orders.json: /tools/0/name");
  assert_int_equal(
      refuse(t, "{" ORGANISATION ",\"connectors\":[{\"manifest\":1,\"id\":\"orders\",\"name\":\"Orders\",\"tools\":[{"
                "\"name\":\"Get\"}]}]}"),
      ERR_INVALID);
  assert_true(str_ends(str_of(test_err.place), STR("acme.json: /connectors/0/tools/0/name")));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CONFIG_UNIT(each_problem_names_file_and_pointer),
      CONFIG_UNIT(broken_json_is_refused_with_its_line),
      CONFIG_UNIT(a_missing_file_is_named),
      CONFIG_UNIT(comments_may_stand_anywhere),
      CONFIG_UNIT(an_address_is_lower_case),
      CONFIG_UNIT(a_name_of_64_characters_is_taken_whatever_its_bytes),
      CONFIG_UNIT(does_has_one_order),
      CONFIG_UNIT(a_database_path_becomes_absolute),
      CONFIG_UNIT(a_setting_may_come_from_the_environment),
      CONFIG_UNIT(a_database_under_the_data_folder_is_refused),
      CONFIG_UNIT(a_folder_beside_the_data_folder_is_not_under_it),
      CONFIG_UNIT(what_is_not_the_operators_own_names_no_file_and_no_variable),
      CONFIG_UNIT(an_error_never_holds_a_secret),
      CONFIG_UNIT(an_id_of_a_builtin_connector_cannot_be_taken),
      CONFIG_UNIT(a_broken_manifest_is_named_with_its_pointer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
