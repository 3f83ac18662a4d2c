#include "fixture.h"

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

static const char with_key[] =
    "{\"manifest\":1,\"id\":\"o\",\"name\":\"O\",\"auth\":[{\"type\":\"key\",\"in\":\"header\",\"name\":\"X-Key\"}],"
    "\"tools\":[{\"name\":\"t\",\"description\":\"T\",\"call\":\"GET /x\"}]}";

#define TOOL "{\"name\":\"t\",\"description\":\"T\",\"call\":\"GET /x\"}"

static void what_a_manifest_gets_wrong_is_named_with_its_place(void **state) {
  struct fixture *f = *state;
  const struct {
    const char *head, *tool, *place, *text;
  } rows[] = {
      {",\"retry\":3", TOOL, "/retry", "on"},
      {",\"retry\":{\"max\":11}", TOOL, "/retry/max", "0 to 10"},
      {",\"retry\":{\"on\":[200]}", TOOL, "/retry/on/0", "400 to 599"},
      {",\"retry\":{\"after\":[\"x@week\"]}", TOOL, "/retry/after/0", "epoch"},
      {",\"retry\":{\"after\":[\"x y\"]}", TOOL, "/retry/after/0", "HTTP field"},
      {",\"retry\":{\"times\":3}", TOOL, "/retry/times", "no member"},
      {",\"limits\":{\"per_minute\":0}", TOOL, "/limits/per_minute", "from 1"},
      {",\"limits\":{\"remaining\":{}}", TOOL, "/limits/remaining", "header"},
      {",\"limits\":{\"remaining\":{\"header\":\"x\",\"reset_is\":\"ms\"}}", TOOL, "/limits/remaining/reset_is",
       "epoch"},
      {",\"errors\":{\"ok\":{\"path\":\"ok\"}}", TOOL, "/errors/ok", "a test is"},
      {",\"errors\":{\"ok\":[{\"path\":\"ok\",\"is\":true,\"absent\":true}]}", TOOL, "/errors/ok/0", "a test is"},
      {",\"errors\":{\"message\":\"m\"}", TOOL, "/errors/message", "list"},
      {",\"errors\":{\"message\":[7]}", TOOL, "/errors/message/0", "a path"},
      {",\"as\":\"xml\"", TOOL, "/as", "multipart"},
      {",\"lists\":\"x\"", TOOL, "/lists", "brackets"},
      {",\"timeout_ms\":0", TOOL, "/timeout_ms", "whole number"},
      {",\"settings\":[]", TOOL, "/settings", "object"},
      {",\"settings\":{\"a b\":{}}", TOOL, "/settings/a b", "letters"},
      {",\"settings\":{\"a\":{\"type\":1}}", TOOL, "/settings/a/type", "no member"},
      {",\"settings\":{},\"headers\":{\"X\":\"{conn.a}\"}", TOOL, "/headers/X", "not declared"},
      {",\"query\":{\"x\":\"{y}\"}", TOOL, "/query/x", "outside of tools"},
      {",\"colour\":1", TOOL, "/colour", "no member"},
      {",\"base\":7", TOOL, "/base", "base must be a URL"},
      {",\"base\":\"ftp://a.example\"", TOOL, "/base", "http"},
      {",\"base\":\"https://user:pw@a.example\"", TOOL, "/base", ""},
      {",\"base\":\"https://a.example/?x=1\"", TOOL, "/base", "no query"},
      {",\"base\":\"https://{host}.example\"", TOOL, "/base", "no argument decides"},
      {",\"base\":\"https://{conn.dc\"", TOOL, "/base", "without its \"}\""},
      {",\"headers\":[]", TOOL, "/headers", "object"},
      {",\"headers\":{\"X Y\":\"1\"}", TOOL, "/headers/X Y", "name of an HTTP field"},
      {",\"headers\":{\"Host\":\"evil\"}", TOOL, "/headers/Host", "Connek's own"},
      {",\"headers\":{\"content-length\":\"1\"}", TOOL, "/headers/content-length", "Connek's own"},
      {",\"headers\":{\"X\":\"a\\r\\nb\"}", TOOL, "/headers/X", "plain characters"},
      {",\"headers\":{\"X\":1}", TOOL, "/headers/X", "must be a text"},
      {",\"headers\":{\"X\":\"{credential.key}\"}", TOOL, "/headers/X", "auth"},
      {",\"headers\":{\"X\":\"{page.cursor}\"}", TOOL, "/headers/X", "page"},
      {",\"auth\":{}", TOOL, "/auth", "must be a list"},
      {",\"auth\":[{\"type\":\"oauth2\"}]", TOOL, "/auth/0", "authorize"},
      {",\"auth\":[{\"type\":\"saml\"}]", TOOL, "/auth/0/type", "oauth2"},
      {",\"auth\":[{\"type\":\"basic\",\"user\":\"{x}\"}]", TOOL, "/auth/0/user", "credential"},
      {",\"auth\":[{\"type\":\"basic\",\"user\":\"a\",\"password\":\"b\"}]", TOOL, "/auth/0", "neither"},
      {",\"auth\":[{\"type\":\"key\",\"in\":\"body\",\"name\":\"k\"}]", TOOL, "/auth/0/in", "header"},
      {",\"auth\":[{\"type\":\"key\",\"in\":\"path\",\"name\":\"k\"}]", TOOL, "/auth/0/name", "no name"},
      {",\"auth\":[{\"type\":\"key\",\"in\":\"path\"}]",
       "{\"name\":\"t\",\"description\":\"T\",\"call\":\"GET "
       "/{key}/x\",\"items\":\"i\",\"page\":{\"by\":\"link\",\"next\":\"n\"}}",
       "/tools/0/page/by", "would hold the key"},
      {",\"auth\":[{\"type\":\"key\",\"in\":\"header\"}]", TOOL, "/auth/0/name", "HTTP field"},
      {",\"auth\":[{\"type\":\"key\",\"in\":\"header\",\"name\":\"Host\"}]", TOOL, "/auth/0/name", "own"},
      {",\"auth\":[{\"type\":\"key\",\"in\":\"header\",\"name\":\"K\",\"scopes\":[]}]", TOOL, "/auth/0/scopes",
       "no member"},
      {",\"auth\":[{\"type\":\"key\",\"in\":\"header\",\"name\":\"K\",\"value\":\"{key}!\"}]", TOOL, "/auth/0/value",
       "end"},
      {",\"auth\":[{\"type\":\"key\",\"in\":\"header\",\"name\":\"accept\"}],\"headers\":{\"Accept\":\"*/*\"}", TOOL,
       "/headers/Accept", "auth writes"},
      {",\"auth\":[{\"type\":\"key\",\"in\":\"header\",\"name\":\"K\"},{}]", TOOL, "/auth/1/type", "type must be"},
      {",\"auth\":[{\"type\":\"key\",\"in\":\"query\",\"name\":\"k\"}]",
       "{\"name\":\"t\",\"description\":\"T\",\"call\":\"GET /x\",\"query\":{\"k\":\"1\"}}", "/tools/0/query/k",
       "auth"},
      {"", "{\"name\":\"t\",\"description\":\"T\"}", "/tools/0/call", "a method and a path"},
      {"", "{\"name\":\"t\",\"description\":\"T\",\"call\":\"HEAD /x\"}", "/tools/0/call", "the method"},
      {"", "{\"name\":\"t\",\"description\":\"T\",\"call\":\"GET x\"}", "/tools/0/call", "begin with /"},
      {"", "{\"name\":\"t\",\"description\":\"T\",\"call\":\"GET //evil.example/x\"}", NULL, NULL},
      {"", "{\"name\":\"t\",\"description\":\"T\",\"call\":\"GET /a?b=c\"}", "/tools/0/call", "under \"query\""},
      {"", "{\"name\":\"t\",\"description\":\"T\",\"call\":\"GET /a/../b\"}", "/tools/0/call", "no \".\" or \"..\""},
      {"", "{\"name\":\"t\",\"description\":\"T\",\"call\":\"GET /a/%2E./b\"}", "/tools/0/call", "no \".\" or \"..\""},
      {"", "{\"name\":\"t\",\"description\":\"T\",\"call\":\"GET /a b\"}", "/tools/0/call", ""},
      {"", "{\"name\":\"t\",\"description\":\"T\",\"call\":\"GET /{id}\"}", "/tools/0/call", "no property of input"},
      {"",
       "{\"name\":\"t\",\"description\":\"T\",\"call\":\"GET "
       "/{id}\",\"input\":{\"type\":\"object\",\"properties\":{\"id\":"
       "{}}}}",
       "/tools/0/call", "must be in input's required"},
      {"", "{\"name\":\"t\",\"description\":\"T\",\"call\":\"GET /x\",\"query\":[]}", "/tools/0/query", "object"},
      {"", "{\"name\":\"t\",\"description\":\"T\",\"call\":\"GET /x\",\"query\":{\"\":1}}", "/tools/0/query/", "name"},
      {"", "{\"name\":\"t\",\"description\":\"T\",\"call\":\"GET /x\",\"query\":{\"a\":\"{b}\"}}", "/tools/0/query/a",
       "no property"},
      {"", "{\"name\":\"t\",\"description\":\"T\",\"call\":\"GET /x\",\"query\":{\"a\":\"{b|csv|json}\"}}",
       "/tools/0/query/a", "one filter"},
      {"", "{\"name\":\"t\",\"description\":\"T\",\"call\":\"GET /x\",\"query\":{\"a\":\"{b|upper}\"}}",
       "/tools/0/query/a", "no filter \"upper\""},
      {"", "{\"name\":\"t\",\"description\":\"T\",\"call\":\"GET /x\",\"query\":{\"a\":\"}\"}}", "/tools/0/query/a",
       "\"{\""},
      {"", "{\"name\":\"t\",\"description\":\"T\",\"call\":\"GET /x\",\"body\":{}}", "/tools/0/body",
       "a GET has no body"},
      {"", "{\"name\":\"t\",\"description\":\"T\",\"call\":\"GET /x\",\"bodyy\":{}}", "/tools/0/bodyy", "no member"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    const char *text = arena_printf(&f->arena, "{\"manifest\":1,\"id\":\"o\",\"name\":\"O\"%s,\"tools\":[%s]}",
                                    rows[i].head, rows[i].tool)
                           .p;
    struct connector connector;
    enum err_code code = connector_compile(&f->arena, fixture_json(f, text), &connector, &test_err);
    if (!rows[i].place) {
      assert_int_equal(code, ERR_NONE); /* a path, behind the base: never a host */
    } else if (code != ERR_INVALID || strcmp(test_err.place, rows[i].place) != 0 ||
               !strstr(test_err.text, rows[i].text)) {
      fail_msg("%s: %s [%s]", text, code ? test_err.text : "compiles", test_err.place);
    }
  }
}

static void settings_are_checked(void **state) {
  struct fixture *f = *state;
  const struct {
    const char *base, *settings, *result; /* "=" and the base that comes out, or the place of the error */
  } rows[] = {
      {"https://a.example/v1/", "{}", "=https://a.example/v1"},
      {"https://a.example", "{\"base\":\"http://127.0.0.1:4010/\"}", "/base"},
      {"{conn.base}", "{\"base\":\"https://b.example/x\"}", "=https://b.example/x"},
      {"https://{conn.dc}.a.example/3.0", "{\"dc\":\"us7\"}", "=https://us7.a.example/3.0"},
      {"{conn.base}", "{}", "/base"},
      {"https://{conn.dc}.a.example", "{}", "/dc"},
      {"https://{conn.dc}.a.example", "{\"dc\":\"evil.example/\"}", "/dc"},
      {"https://{conn.dc}.a.example", "{\"dc\":\"x@evil.example:80#\"}", "/dc"},
      {"https://{conn.dc}.a.example", "{\"dc\":\"\"}", "/dc"},
      {"https://a.example", "{\"dc\":\"us7\"}", "/dc"},
      {"https://a.example", "{\"base\":7}", "/base"},
      {"https://a.example", "{\"base\":\"file:///etc/passwd\"}", "/base"},
      {"https://a.example", "{\"base\":\"https://b.example?x\"}", "/base"},
      {"https://a.example", "{\"base\":\"https://b.example/a/../b\"}", "/base"},
      {"https://a.example", "{\"base\":\"https://k:v@b.example\"}", "/base"},
      {"https://a.example", "[]", ""},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    const char *text =
        arena_printf(&f->arena, "{\"manifest\":1,\"id\":\"o\",\"name\":\"O\",\"base\":\"%s\",\"tools\":[" TOOL "]}",
                     rows[i].base)
            .p;
    struct connector connector;
    assert_ok(connector_compile(&f->arena, fixture_json(f, text), &connector, &test_err));
    const void *connection = NULL;
    enum err_code code =
        connector.kind->connect(&f->arena, &connector, fixture_json(f, rows[i].settings), &connection, &test_err);
    if (rows[i].result[0] == '=') {
      if (code) fail_msg("%s: %s", rows[i].settings, test_err.text);
      assert_str(*(const struct str *)connection, rows[i].result + 1);
    } else if (code != ERR_INVALID || strcmp(test_err.place, rows[i].result) != 0) {
      fail_msg("%s with %s: %s [%s]", rows[i].base, rows[i].settings, code ? test_err.text : "connects",
               test_err.place);
    }
  }
  struct connector connector;
  assert_ok(connector_compile(&f->arena,
                              fixture_json(f, "{\"manifest\":1,\"id\":\"o\",\"name\":\"O\",\"tools\":[" TOOL "]}"),
                              &connector, &test_err));
  const void *connection;
  assert_int_equal(connector.kind->connect(&f->arena, &connector, fixture_json(f, "{}"), &connection, &test_err),
                   ERR_INVALID);
  assert_string_equal(test_err.place, "/base");
  assert_int_equal(connector.kind->check_credential(&connector, fixture_json(f, "{\"key\":\"x\"}"), &test_err),
                   ERR_INVALID); /* it has no auth */
}

static void declared_settings_are_required_defaulted_and_no_others_are_taken(void **state) {
  struct fixture *f = *state;
  const char *text =
      "{\"manifest\":1,\"id\":\"o\",\"name\":\"O\",\"base\":\"https://{conn.region}.a.example/{conn.dc|or:x}\","
      "\"settings\":{\"region\":{\"default\":\"eu\"},\"tenant\":{\"required\":true},\"dc\":{}},\"headers\":{\"T\":"
      "\"{conn.tenant}\"},\"tools\":[" TOOL "]}";
  const struct {
    const char *settings, *result;
  } rows[] = {
      {"{\"tenant\":\"t\"}", "=https://eu.a.example/x"},
      {"{\"tenant\":\"t\",\"region\":\"us\",\"dc\":\"7\"}", "=https://us.a.example/7"},
      {"{}", "/tenant"},
      {"{\"tenant\":\"t\",\"base\":\"https://evil.example\"}", "/base"},
      {"{\"tenant\":\"t\",\"colour\":\"x\"}", "/colour"},
      {"{\"tenant\":\"t\",\"region\":\"evil.example/\"}", "/region"},
      {"{\"tenant\":\"t\",\"region\":\"https://evil.example\"}", "/region"},
  };
  struct connector connector;
  assert_ok(connector_compile(&f->arena, fixture_json(f, text), &connector, &test_err));
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    const void *connection = NULL;
    enum err_code code =
        connector.kind->connect(&f->arena, &connector, fixture_json(f, rows[i].settings), &connection, &test_err);
    if (rows[i].result[0] == '=') {
      if (code) fail_msg("%s: %s", rows[i].settings, test_err.text);
      assert_str(*(const struct str *)connection, rows[i].result + 1);
    } else if (code != ERR_INVALID || strcmp(test_err.place, rows[i].result) != 0) {
      fail_msg("%s: %s [%s]", rows[i].settings, code ? test_err.text : "connects", test_err.place);
    }
  }
}

static size_t count(const struct connector_findings *findings, bool is_warning) {
  size_t n = 0;
  for (const struct connector_finding *finding = findings->first; finding; finding = finding->next)
    n += finding->is_warning == is_warning;
  return n;
}

static void check_goes_on_and_says_each_thing_once(void **state) {
  struct fixture *f = *state;
  yyjson_val *bad = fixture_json(
      f,
      "{\"manifest\":1,\"id\":\"O\",\"name\":\"\",\"colour\":1,\"page\":{\"by\":\"cursor\"},\"tools\":[{\"name\":\"a\","
      "\"does\":\"fly\",\"description\":\"\",\"call\":\"GET "
      "/{x}\",\"page\":true},{\"name\":\"b\",\"description\":\"B\","
      "\"call\":\"GET x\",\"page\":true}]}");
  struct connector_findings findings = {.arena = &f->arena, .wants_all = true};
  struct connector connector;
  connector_check(&f->arena, bad, &connector, &findings);
  assert_int_equal(findings.n_errors, 9); /* the page's two mistakes once, though two tools take it */
  assert_int_equal(count(&findings, false), 9);
  assert_int_equal(count(&findings, true), findings.n_warnings);
  struct err first;
  assert_int_equal(connector_compile(&f->arena, bad, &connector, &first), ERR_INVALID);
  assert_string_equal(first.place, "/id");
}

static void a_credential_is_a_key_that_can_be_sent(void **state) {
  struct fixture *f = *state;
  assert_ok(connector_compile(&f->arena, fixture_json(f, with_key), &f->connector, &test_err));
  assert_ok(f->connector.kind->check_credential(&f->connector, fixture_json(f, "{\"key\":\"\\u00e9 x\"}"), &test_err));
  const struct {
    const char *credential, *place;
  } bad[] = {{"{}", "/key"},
             {"{\"key\":\"\"}", "/key"},
             {"{\"key\":7}", "/key"},
             {"{\"key\":\"canary\\r\\nX: 1\"}", "/key"},
             {"{\"key\":\"a\",\"password\":\"b\"}", "/password"},
             {"\"canary\"", ""}};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    assert_int_equal(f->connector.kind->check_credential(&f->connector, fixture_json(f, bad[i].credential), &test_err),
                     ERR_INVALID);
    assert_string_equal(test_err.place, bad[i].place);
    assert_null(strstr(test_err.text, "canary"));
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(what_a_manifest_gets_wrong_is_named_with_its_place),
      TEST(settings_are_checked),
      TEST(declared_settings_are_required_defaulted_and_no_others_are_taken),
      TEST(check_goes_on_and_says_each_thing_once),
      TEST(a_credential_is_a_key_that_can_be_sent),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
