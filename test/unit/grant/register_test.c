/* How we become known to an authorization server, and what is kept of it. */
#include "grant/register.h"
#include "codec/json.h"
#include "unit.h"

static struct arena arena;
static struct grant_server about;

static int setup(void **state) {
  arena_init(&arena, 0);
  about = (struct grant_server){.issuer = STR("https://as.example"),
                                .registration = STR("https://as.example/register"),
                                .has_basic = true,
                                .has_none = true};
  return 0;
}

static int teardown(void **state) {
  arena_release(&arena);
  return 0;
}

static yyjson_val *object(struct str json) {
  yyjson_doc *doc;
  assert_ok(json_read(&arena, json, &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

static struct str first(yyjson_val *list) {
  return json_str(yyjson_arr_get_first(list));
}

static void the_document_says_who_we_are(void **state) {
  struct str json;
  assert_ok(grant_client_document(&arena, STR("https://connek.example"), &json, &test_err));
  yyjson_val *document = object(json);
  assert_str(json_get_str(document, "client_id"), "https://connek.example/client-metadata.json");
  assert_str(first(json_get(document, "redirect_uris")), "https://connek.example/oauth/callback");
  assert_str(json_get_str(document, "token_endpoint_auth_method"), "none");
  assert_str(json_get_str(document, "application_type"), "web");
  assert_true(grant_has_client_document(&arena, STR("https://connek.example")));
  const char *const not[] = {"http://connek.example", "https://localhost:8080", "https://127.0.0.1", "https://[::1]"};
  for (size_t i = 0; i < sizeof(not) / sizeof(not[0]); i++)
    if (grant_has_client_document(&arena, str_of(not[i]))) fail_msg("%s", not[i]);
}

static void a_registration_asks_for_a_secret_where_there_can_be_one(void **state) {
  static const struct {
    bool has_basic, has_post;
    const char *method;
  } cases[] = {{true, true, "client_secret_basic"}, {false, true, "client_secret_post"}, {false, false, "none"}};
  for (size_t i = 0; i < 3; i++) {
    struct str json;
    about.has_basic = cases[i].has_basic;
    about.has_post = cases[i].has_post;
    assert_ok(grant_registration_write(&arena, &about, STR("http://127.0.0.1:8080"), &json, &test_err));
    assert_str(json_get_str(object(json), "token_endpoint_auth_method"), cases[i].method);
    assert_str(json_get_str(object(json), "application_type"), "native");
  }
}

static enum err_code read_answer(int status, const char *body, struct grant_authorization *ret_authorization) {
  const struct http_client_response response = {.status = status, .body = str_of(body)};
  return grant_registration_read(&arena, &about, &response, ret_authorization, &test_err);
}

static void what_was_registered_is_kept_with_its_way_of_showing_it(void **state) {
  static const struct {
    const char *body;
    enum connector_client_auth client;
    const char *secret;
  } cases[] = {
      {"{\"client_id\":\"c\",\"client_secret\":\"s\"}", CONNECTOR_CLIENT_BASIC, "s"},
      {"{\"client_id\":\"c\",\"client_secret\":\"s\",\"token_endpoint_auth_method\":\"client_secret_post\"}",
       CONNECTOR_CLIENT_BODY, "s"},
      {"{\"client_id\":\"c\",\"client_secret\":\"s\",\"token_endpoint_auth_method\":\"none\"}", CONNECTOR_CLIENT_NONE,
       ""},
      {"{\"client_id\":\"c\"}", CONNECTOR_CLIENT_NONE, ""},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct grant_authorization found = {.issuer = about.issuer}, again;
    struct str json;
    assert_ok(read_answer(201, cases[i].body, &found));
    assert_int_equal(found.client, cases[i].client);
    assert_ok(grant_authorization_write(&arena, &found, &json, &test_err));
    assert_true(grant_authorization_read(object(json), &again));
    assert_int_equal(again.known_by, GRANT_CLIENT_REGISTERED);
    assert_int_equal(again.client, cases[i].client);
    if (!str_eq_c(again.client_secret, cases[i].secret)) fail_msg("%s", cases[i].body);
  }
}

static void a_registration_that_cannot_be_used_is_none(void **state) {
  struct grant_authorization found = {.issuer = about.issuer};
  assert_int_equal(read_answer(403, "{\"error\":\"access_denied\"}", &found), ERR_UPSTREAM);
  assert_non_null(strstr(test_err.text, "client-app set"));
  const char *const bad[] = {"",
                             "{}",
                             "{\"client_id\":7}",
                             "<html>",
                             "{\"client_id\":\"c\",\"token_endpoint_auth_method\":\"private_key_jwt\"}",
                             "{\"client_id\":\"c\",\"token_endpoint_auth_method\":\"client_secret_basic\"}"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    if (read_answer(201, bad[i], &found) != ERR_UPSTREAM) fail_msg("%s", bad[i]);
  assert_int_equal(found.client_id.n, 0);
}

static void a_secret_that_was_registered_by_hand_is_kept_in_its_own_place_alone(void **state) {
  const struct grant_authorization found = {
      .issuer = about.issuer, .known_by = GRANT_CLIENT_APP, .client_id = STR("c"), .client_secret = STR("canary")};
  struct str json;
  assert_ok(grant_authorization_write(&arena, &found, &json, &test_err));
  assert_null(memmem(json.p, json.n, "canary", 6));
}

static void scopes_are_whole_words(void **state) {
  assert_true(grant_scopes_within(STR(""), STR("")));
  assert_true(grant_scopes_within(STR("b a"), STR("a b c")));
  assert_false(grant_scopes_within(STR("a"), STR("ab")));
  assert_false(grant_scopes_within(STR("ab"), STR("a b")));
  assert_false(grant_scopes_within(STR("a"), STR("")));
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(the_document_says_who_we_are),
      T(a_registration_asks_for_a_secret_where_there_can_be_one),
      T(what_was_registered_is_kept_with_its_way_of_showing_it),
      T(a_registration_that_cannot_be_used_is_none),
      T(a_secret_that_was_registered_by_hand_is_kept_in_its_own_place_alone),
      T(scopes_are_whole_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
