/* What servers publish of their authorization: what is believed of it, and what is not. */
#include "grant/discover.h"
#include "unit.h"

static struct arena arena;

static int setup(void **state) {
  arena_init(&arena, 0);
  return 0;
}

static int teardown(void **state) {
  arena_release(&arena);
  return 0;
}

/* ---- places ---- */

static void assert_places(enum err_code (*places)(struct arena *, struct str, struct str *, size_t *, struct err *),
                          const char *of, const char *const *expected) {
  struct str urls[GRANT_WELL_KNOWN_MAX];
  size_t n;
  assert_ok(places(&arena, str_of(of), urls, &n, &test_err));
  for (size_t i = 0; i < n; i++)
    if (!expected[i] || !str_eq_c(urls[i], expected[i])) fail_msg("%s: %.*s", of, STR_ARG(urls[i]));
  assert_null(expected[n]);
}

static void metadata_is_looked_for_where_the_specifications_say(void **state) {
  const char *const server[] = {"https://a.example/.well-known/oauth-protected-resource/mcp",
                                "https://a.example/.well-known/oauth-protected-resource", NULL};
  assert_places(grant_resource_places, "https://a.example/mcp", server);
  assert_places(grant_resource_places, "https://A.example:443/mcp/", server);
  const char *const root[] = {"http://[::1]:8080/.well-known/oauth-protected-resource", NULL};
  assert_places(grant_resource_places, "http://[::1]:8080", root);
  const char *const plain[] = {"https://as.example/.well-known/oauth-authorization-server",
                               "https://as.example/.well-known/openid-configuration", NULL};
  assert_places(grant_server_places, "https://as.example", plain);
  const char *const tenant[] = {"https://as.example:8443/.well-known/oauth-authorization-server/tenant/1",
                                "https://as.example:8443/.well-known/openid-configuration/tenant/1",
                                "https://as.example:8443/tenant/1/.well-known/openid-configuration", NULL};
  assert_places(grant_server_places, "https://as.example:8443/tenant/1", tenant);
}

/* ---- a server's own ---- */

static enum err_code read_resource(const char *server, const char *body, struct grant_resource *ret_resource) {
  return grant_resource_read(&arena, str_of(body), str_of(server), ret_resource, &test_err);
}

#define DOCUMENT(resource) "{\"resource\":\"" resource "\",\"authorization_servers\":[\"https://as.example\"]}"

static void a_document_about_another_server_is_not_used(void **state) {
  struct grant_resource resource;
  const char *const own = "https://a.example/mcp/v1";
  const char *const good[] = {DOCUMENT("https://a.example/mcp/v1"), DOCUMENT("https://a.example/mcp/v1/"),
                              DOCUMENT("https://a.example/mcp"), DOCUMENT("https://a.example"),
                              DOCUMENT("https://A.example:443/")};
  for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
    if (read_resource(own, good[i], &resource) != ERR_NONE) fail_msg("%s: %s", good[i], test_err.text);
  const char *const bad[] = {DOCUMENT("https://evil.example/mcp/v1"),
                             DOCUMENT("http://a.example/mcp/v1"),
                             DOCUMENT("https://a.example:8443/mcp/v1"),
                             DOCUMENT("https://a.example/mcp/v1/more"),
                             DOCUMENT("https://a.example/mc"),
                             DOCUMENT("https://a.example.evil.example"),
                             DOCUMENT("not a url"),
                             DOCUMENT("https://a.example@evil.example/mcp/v1")};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    if (read_resource(own, bad[i], &resource) != ERR_DENIED) fail_msg("%s", bad[i]);
}

static void what_is_asked_for_is_the_very_text_that_is_published(void **state) {
  struct grant_resource resource;
  assert_ok(read_resource("https://a.example/mcp",
                          "{\"resource\":\"https://A.example\",\"authorization_servers\":[\"https://one\","
                          "7,\"\",\"https://two/\"],\"scopes_supported\":[\"a\",\"b c\",\"d\\\"\",\"e\"]}",
                          &resource));
  assert_str(resource.resource, "https://A.example");
  assert_int_equal(resource.n_issuers, 2);
  assert_str(resource.issuers[0], "https://one");
  assert_str(resource.issuers[1], "https://two/");
  assert_str(resource.scopes, "a e");
}

static void a_document_that_says_too_little_is_none(void **state) {
  struct grant_resource resource;
  const char *const bad[] = {"",
                             "[]",
                             "{}",
                             "{\"resource\":\"https://a.example\"}",
                             "{\"resource\":\"https://a.example\",\"authorization_servers\":[]}",
                             "{\"authorization_servers\":[\"https://as.example\"]}"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    if (read_resource("https://a.example", bad[i], &resource) != ERR_UPSTREAM) fail_msg("%s", bad[i]);
}

/* ---- an authorization server's ---- */

#define ISSUER "https://as.example/t"
#define ENDPOINTS "\"authorization_endpoint\":\"https://as.example/a\",\"token_endpoint\":\"https://as.example/t\""
#define S256 "\"code_challenge_methods_supported\":[\"S256\"]"

static enum err_code read_server(const char *body, struct grant_server *ret_server) {
  return grant_server_read(&arena, str_of(body), STR(ISSUER), ret_server, &test_err);
}

static void the_issuer_has_to_be_the_very_same_text(void **state) {
  struct grant_server server;
  assert_ok(read_server("{\"issuer\":\"" ISSUER "\"," ENDPOINTS "," S256 "}", &server));
  const char *const others[] = {ISSUER "/",           "https://AS.example/t",   "https://as.example:443/t",
                                "https://as.example", "https://evil.example/t", "https://as.example/%74"};
  for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
    struct str body = arena_printf(&arena, "{\"issuer\":\"%s\"," ENDPOINTS "," S256 "}", others[i]);
    if (read_server(body.p, &server) != ERR_DENIED) fail_msg("%s", others[i]);
  }
  assert_int_equal(read_server("{" ENDPOINTS "," S256 "}", &server), ERR_DENIED);
}

static void without_s256_no_code_is_asked_for(void **state) {
  struct grant_server server;
  const char *const bad[] = {"{\"issuer\":\"" ISSUER "\"," ENDPOINTS "}",
                             "{\"issuer\":\"" ISSUER "\"," ENDPOINTS
                             ",\"code_challenge_methods_supported\":[\"plain\"]}",
                             "{\"issuer\":\"" ISSUER "\"," ENDPOINTS ",\"code_challenge_methods_supported\":\"S256\"}"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    if (read_server(bad[i], &server) != ERR_UPSTREAM) fail_msg("%s", bad[i]);
  /* Nor of one that says that it gives no codes, and names an address for them all the same. */
  const char *const without_codes[] = {
      "{\"issuer\":\"" ISSUER "\"," ENDPOINTS ",\"grant_types_supported\":[\"client_credentials\"]}",
      "{\"issuer\":\"" ISSUER "\"," ENDPOINTS ",\"grant_types_supported\":\"authorization_code\"}"};
  for (size_t i = 0; i < sizeof(without_codes) / sizeof(without_codes[0]); i++) {
    assert_ok(read_server(without_codes[i], &server));
    assert_int_equal(server.authorize.n, 0);
    assert_true(server.token.n > 0);
  }
}

static void nothing_secret_goes_where_it_could_be_read_on_the_way(void **state) {
  const char *const good[] = {"https://as.example/t", "http://localhost:3000/t", "http://127.0.0.1/t",
                              "http://127.8.9.10:99/", "http://[::1]/t"};
  for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
    assert_ok(grant_check_endpoint(&arena, str_of(good[i]), "x", &test_err));
  const char *const bad[] = {"http://as.example/t",
                             "http://127.evil.example/t",
                             "http://localhost.evil.example/",
                             "http://10.0.0.1/",
                             "http://127.0.0.1.example/",
                             "http://[::2]/",
                             "http://user@localhost/token",
                             "ftp://localhost/",
                             "",
                             "/token"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    if (grant_check_endpoint(&arena, str_of(bad[i]), "x", &test_err) == ERR_NONE) fail_msg("%s", bad[i]);
  struct grant_server server;
  assert_int_equal(read_server("{\"issuer\":\"" ISSUER "\",\"authorization_endpoint\":\"https://as.example/a\","
                               "\"token_endpoint\":\"http://as.example/t\"," S256 "}",
                               &server),
                   ERR_DENIED);
}

static void what_it_can_is_read(void **state) {
  struct grant_server server;
  assert_ok(read_server("{\"issuer\":\"" ISSUER "\"," ENDPOINTS "," S256 "}", &server));
  assert_true(server.has_basic && !server.has_post && !server.has_none && !server.requires_iss);
  assert_ok(read_server("{\"issuer\":\"" ISSUER "\"," ENDPOINTS "," S256
                        ",\"token_endpoint_auth_methods_supported\":[\"none\",\"client_secret_post\"],"
                        "\"authorization_response_iss_parameter_supported\":true,"
                        "\"client_id_metadata_document_supported\":true,"
                        "\"registration_endpoint\":\"https://as.example/r\"}",
                        &server));
  assert_true(!server.has_basic && server.has_post && server.has_none && server.requires_iss && server.has_documents);
  assert_str(server.registration, "https://as.example/r");
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(metadata_is_looked_for_where_the_specifications_say),
      T(a_document_about_another_server_is_not_used),
      T(what_is_asked_for_is_the_very_text_that_is_published),
      T(a_document_that_says_too_little_is_none),
      T(the_issuer_has_to_be_the_very_same_text),
      T(without_s256_no_code_is_asked_for),
      T(nothing_secret_goes_where_it_could_be_read_on_the_way),
      T(what_it_can_is_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
