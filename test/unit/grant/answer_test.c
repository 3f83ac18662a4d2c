/* What token endpoints answer, and what is made of it: each oddity has a sentence of its own, and only what says that
 * the authorization is gone ends it. */
#include "codec/json.h"
#include "grant/exchange.h"
#include "unit.h"

static struct arena arena;
static struct connector_oauth oauth;
static struct grant_subject subject;
static struct grant_parameters sent;

static int setup(void **state) {
  arena_init(&arena, 0);
  oauth = (struct connector_oauth){.token = STR("https://login.example/token")};
  assert_ok(json_path_compile(STR(""), &oauth.token_path, &test_err));
  subject = (struct grant_subject){.oauth = &oauth};
  sent = (struct grant_parameters){.n = 0};
  return 0;
}

static int teardown(void **state) {
  arena_release(&arena);
  return 0;
}

static yyjson_val *object(const char *json) {
  yyjson_doc *doc;
  assert_ok(json_read(&arena, str_of(json), &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

static struct grant_answer read_as(int status, const char *type, const char *body) {
  const struct http_client_response response = {.status = status, .content_type = str_of(type), .body = str_of(body)};
  struct grant_answer answer;
  grant_read_answer(&arena, &subject, &sent, &response, NULL, true, &answer);
  return answer;
}

static struct grant_answer read_json(int status, const char *body) {
  return read_as(status, "application/json", body);
}

static const char *const json = "application/json", *const html = "text/html; charset=utf-8";

/* Everything that is no token. */
static const struct {
  int status;
  const char *type, *body;
  enum grant_verdict verdict;
  bool is_known; /* the service has certainly renewed nothing */
  const char *text;
} odd[] = {
    /* the authorization is gone */
    {400, json, "{\"error\":\"invalid_grant\"}", GRANT_DEAD, true,
     "login.example no longer accepts the authorization (invalid_grant)"},
    {400, json, "{\"error\":\"invalid_grant\",\"error_description\":\"Token has been expired or revoked.\"}",
     GRANT_DEAD, true,
     "login.example no longer accepts the authorization (invalid_grant: Token has been expired or revoked.)"},
    {200, json, "{\"error\":\"bad_refresh_token\",\"error_description\":\"It is incorrect or expired.\"}", GRANT_DEAD,
     true, "login.example no longer accepts the authorization (bad_refresh_token: It is incorrect or expired.)"},
    {200, json, "{\"ok\":false,\"error\":\"token_revoked\"}", GRANT_DEAD, true,
     "login.example no longer accepts the authorization (token_revoked)"},
    {400, json, "{\"status\":\"BAD_REFRESH_TOKEN\",\"message\":\"missing or invalid refresh token\"}", GRANT_DEAD, true,
     "login.example no longer accepts the authorization (BAD_REFRESH_TOKEN: missing or invalid refresh token)"},
    {400, json, "{\"error\":{\"code\":\"invalid_grant\",\"message\":\"gone\"}}", GRANT_DEAD, true,
     "login.example no longer accepts the authorization (invalid_grant: gone)"},
    {400, json, "{\"error\":\"interaction_required\",\"error_description\":\"AADSTS50076: multi-factor\"}", GRANT_DEAD,
     true, "login.example no longer accepts the authorization (interaction_required: AADSTS50076: multi-factor)"},
    {400, "application/x-www-form-urlencoded", "error=invalid_grant&error_description=revoked+by+you%2B", GRANT_DEAD,
     true, "login.example no longer accepts the authorization (invalid_grant: revoked by you+)"},
    /* an admin has to look */
    {401, json, "{\"error\":\"invalid_client\"}", GRANT_WRONG, true,
     "login.example refused Connek's own registration or request (invalid_client): an admin has to look at the client "
     "id and secret"},
    {400, json, "{\"error\":\"unauthorized_client\"}", GRANT_WRONG, true,
     "login.example refused Connek's own registration or request (unauthorized_client): an admin has to look at the "
     "client id and secret"},
    {401, html, "", GRANT_LATER, true, "login.example answered with a web page (401) where a token was expected"},
    {401, "", "", GRANT_WRONG, true, "login.example does not accept Connek's client id and secret (401)"},
    {302, "", "", GRANT_WRONG, true,
     "login.example answered with a redirect (302) where a token was expected: redirects are not followed, the "
     "connector's token address has to be corrected"},
    {308, html, "<a href=\"https://evil.example\">here</a>", GRANT_WRONG, true,
     "login.example answered with a redirect (308) where a token was expected: redirects are not followed, the "
     "connector's token address has to be corrected"},
    /* later, perhaps */
    {400, json, "{\"error\":\"temporarily_unavailable\"}", GRANT_LATER, true,
     "login.example is temporarily unavailable (temporarily_unavailable)"},
    {503, json, "{\"error\":\"maintenance\",\"message\":\"until noon\"}", GRANT_LATER, true,
     "login.example is temporarily unavailable (maintenance: until noon)"},
    {500, json, "{\"error\":\"server_error\"}", GRANT_LATER, true,
     "login.example is temporarily unavailable (server_error)"},
    {502, html, "<html>Bad gateway</html>", GRANT_LATER, true, "login.example has a problem of its own (502)"},
    {429, "", "", GRANT_LATER, true, "login.example wants fewer requests (429)"},
    {404, html, "<html>Not here</html>", GRANT_LATER, true,
     "login.example answered with a web page (404) where a token was expected"},
    {200, html, "<!doctype html><title>Sign in</title>", GRANT_LATER, false,
     "login.example answered with a web page (200) where a token was expected"},
    {200, json, "\r\n  <html>", GRANT_LATER, false,
     "login.example answered with a web page (200) where a token was expected"},
    {200, json, "{\"ok\":false,\"error\":\"ratelimited\"}", GRANT_LATER, true,
     "login.example answered with the error \"ratelimited\""},
    {200, json, "{\"error\":\"slow_down\",\"error_description\":\"not so fast\"}", GRANT_LATER, true,
     "login.example answered with the error \"slow_down\": not so fast"},
    {400, "text/plain", "no", GRANT_LATER, true, "login.example answered 400, and not why"},
    {200, json, "", GRANT_LATER, false, "login.example answered what is no token"},
    {200, json, "null", GRANT_LATER, false, "login.example answered what is no token"},
    {200, json, "[]", GRANT_LATER, false, "login.example answered what is no token"},
    {200, json, "\"token\"", GRANT_LATER, false, "login.example answered what is no token"},
    {200, json, "{\"status\":\"ok\"}", GRANT_LATER, false, "login.example answered what is no token"},
    {204, "", "", GRANT_LATER, false, "login.example answered what is no token"},
    {200, json, "{\"access_token\":\"\"}", GRANT_LATER, false,
     "login.example answered with a token that cannot be used"},
    {200, json, "{\"access_token\":\"a b\"}", GRANT_LATER, false,
     "login.example answered with a token that cannot be used"},
    {200, json, "{\"access_token\":\"a\\r\\nX-Evil: 1\"}", GRANT_LATER, false,
     "login.example answered with a token that cannot be used"},
    {200, json, "{\"access_token\":17}", GRANT_LATER, false, "login.example answered with a token that cannot be used"},
};

static void each_odd_answer_has_its_sentence_and_verdict(void **state) {
  for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
    struct grant_answer answer = read_as(odd[i].status, odd[i].type, odd[i].body);
    if (answer.verdict != odd[i].verdict || answer.is_known != odd[i].is_known || !str_eq_c(answer.text, odd[i].text))
      fail_msg("row %zu (%d %s): verdict %d, known %d: %.*s", i, odd[i].status, odd[i].body, (int)answer.verdict,
               answer.is_known, STR_ARG(answer.text));
    assert_int_equal(answer.access_token.n > 0 && answer.verdict == GRANT_RENEWED, 0);
  }
}

static void what_never_arrived_may_have_happened(void **state) {
  static const struct err timeout = {.code = ERR_TIMEOUT, .text = "login.example did not answer in time"},
                          reset = {.code = ERR_UPSTREAM, .text = "login.example closed the connection"};
  struct grant_answer answer;
  grant_read_answer(&arena, &subject, &sent, NULL, &timeout, true, &answer);
  assert_int_equal(answer.verdict, GRANT_LATER);
  assert_false(answer.is_known);
  assert_str(answer.text, "login.example did not answer in time");
  grant_read_answer(&arena, &subject, &sent, NULL, &reset, false, &answer);
  assert_int_equal(answer.verdict, GRANT_LATER);
  assert_true(answer.is_known);
  assert_str(answer.text, "login.example could not be asked: login.example closed the connection");
}

static void without_a_consent_nothing_is_to_be_connected_again(void **state) {
  oauth.grant = CONNECTOR_GRANT_JWT;
  struct grant_answer answer = read_json(400, "{\"error\":\"invalid_grant\",\"error_description\":\"Bad key\"}");
  assert_int_equal(answer.verdict, GRANT_WRONG);
  assert_str(answer.text,
             "login.example does not accept the connection's own key or client (invalid_grant: Bad key): an admin has "
             "to look at its credential");
}

static void tokens_are_taken_in_every_form_that_services_have(void **state) {
  static const int64_t second = 1000000;
  struct grant_answer answer = read_json(200, "{\"access_token\":\"a\",\"refresh_token\":\"r\",\"expires_in\":3600}");
  assert_int_equal(answer.verdict, GRANT_RENEWED);
  assert_str(answer.access_token, "a");
  assert_str(answer.refresh_token, "r");
  assert_int_equal(answer.expires_in_us, 3600 * second);
  assert_int_equal(answer.scopes.n, 0);
  answer = read_json(200, "{\"access_token\":\"a\"}"); /* no expires_in: as Salesforce, Slack and GitHub */
  assert_int_equal(answer.verdict, GRANT_RENEWED);
  assert_int_equal(answer.expires_in_us, 0);
  assert_int_equal(read_json(200, "{\"access_token\":\"a\",\"expires_in\":\"3600\"}").expires_in_us, 3600 * second);
  assert_int_equal(read_json(200, "{\"access_token\":\"a\",\"expires_in\":3599.5}").expires_in_us, 3599 * second);
  assert_int_equal(read_json(200, "{\"access_token\":\"a\",\"expires_in\":0}").expires_in_us, 0);
  assert_int_equal(read_json(200, "{\"access_token\":\"a\",\"expires_in\":-1}").expires_in_us, 0);
  assert_int_equal(read_json(200, "{\"access_token\":\"a\",\"expires_in\":\"soon\"}").expires_in_us, 0);
  assert_true(read_json(200, "{\"access_token\":\"a\",\"expires_in\":1e300}").expires_in_us >= 0);
  assert_str(read_json(200, "{\"access_token\":\"a\",\"scope\":[\"x\",\"y\"]}").scopes, "x y");
  assert_str(read_json(200, "{\"access_token\":\"a\",\"scope\":\"x,y\"}").scopes, "x y");
  assert_str(read_json(200, "{\"access_token\":\"a\",\"scopes\":[\"x\"]}").scopes, "x");
  answer = read_as(200, "application/x-www-form-urlencoded", "access_token=gho_1&scope=repo%2Cgist&token_type=bearer");
  assert_int_equal(answer.verdict, GRANT_RENEWED);
  assert_str(answer.access_token, "gho_1");
  assert_str(answer.scopes, "repo gist");
  answer = read_json(201, "{\"access_token\":\"a\",\"error\":\"\",\"token_type\":\"Bearer\"}");
  assert_int_equal(answer.verdict, GRANT_RENEWED);
}

/* Slack: the user's token beneath authed_user, and ok: false wins over any token. */
static void the_token_may_stand_elsewhere(void **state) {
  assert_ok(json_path_compile(STR("authed_user"), &oauth.token_path, &test_err));
  struct grant_answer answer = read_json(
      200,
      "{\"ok\":true,\"authed_user\":{\"access_token\":\"xoxp-1\",\"refresh_token\":\"xoxe-1\",\"expires_in\":43200,"
      "\"scope\":\"search:read\"},\"team\":{\"id\":\"T1\"}}");
  assert_int_equal(answer.verdict, GRANT_RENEWED);
  assert_str(answer.access_token, "xoxp-1");
  assert_str(answer.refresh_token, "xoxe-1");
  assert_str(answer.scopes, "search:read");
  assert_int_equal(read_json(200, "{\"ok\":false,\"error\":\"x\",\"authed_user\":{\"access_token\":\"a\"}}").verdict,
                   GRANT_LATER);
}

static void a_service_that_repeats_a_secret_spreads_none(void **state) {
  subject.client_secret = STR("canary-client-secret");
  subject.tokens = object("{\"access_token\":\"canary-access-token\",\"refresh_token\":\"canary-refresh-token\"}");
  grant_add(&sent, "code", STR("canary-the-code"));
  grant_add(&sent, "redirect_uri", STR("https://connek.example/oauth/callback"));
  static const char *const secrets[] = {"canary-client-secret", "canary-access-token", "canary-refresh-token",
                                        "canary-the-code"};
  for (size_t i = 0; i < 4; i++) {
    char body[512], expected[512];
    (void)snprintf(body, sizeof(body), "{\"error\":\"%s\",\"error_description\":\"%s at %s is no good\"}",
                   i % 2 ? "invalid_grant" : secrets[i], secrets[i], "https://connek.example/oauth/callback");
    struct grant_answer answer = read_json(400, body);
    assert_null(memmem(answer.text.p, answer.text.n, "canary", 6));
    (void)snprintf(expected, sizeof(expected), "%s at %s is no good", "[credential removed]",
                   "https://connek.example/oauth/callback");
    assert_non_null(memmem(answer.text.p, answer.text.n, expected, strlen(expected)));
  }
}

static void what_a_service_says_is_plain_text_and_short(void **state) {
  char body[4096], long_text[2000];
  memset(long_text, 'x', sizeof(long_text) - 1);
  long_text[sizeof(long_text) - 1] = '\0';
  (void)snprintf(body, sizeof(body), "{\"error\":\"invalid_grant\",\"error_description\":\"%s\"}", long_text);
  assert_true(read_json(400, body).text.n < 300);
  struct grant_answer answer =
      read_json(400, "{\"error\":\"invalid_grant\",\"error_description\":\"a\\u001b[31mb\\nc\\u202ed\"}");
  assert_str(answer.text, "login.example no longer accepts the authorization (invalid_grant: ab cd)");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(each_odd_answer_has_its_sentence_and_verdict, setup, teardown),
      cmocka_unit_test_setup_teardown(what_never_arrived_may_have_happened, setup, teardown),
      cmocka_unit_test_setup_teardown(without_a_consent_nothing_is_to_be_connected_again, setup, teardown),
      cmocka_unit_test_setup_teardown(tokens_are_taken_in_every_form_that_services_have, setup, teardown),
      cmocka_unit_test_setup_teardown(the_token_may_stand_elsewhere, setup, teardown),
      cmocka_unit_test_setup_teardown(a_service_that_repeats_a_secret_spreads_none, setup, teardown),
      cmocka_unit_test_setup_teardown(what_a_service_says_is_plain_text_and_short, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
