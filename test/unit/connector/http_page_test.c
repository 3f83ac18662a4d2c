/* Which page comes next, and which never does. */
#include "connector/http/call.h"

#include "unit.h"

#include "codec/json_path.h"

static struct arena arena;
static struct http_auth auth;
static struct http_definition http;
static struct http_connection connected;
static struct connector connector;
static struct connector_connection connection;
static struct http_tool http_tool;
static struct connector_tool tool;
static struct connector_call call;

static struct str seal(struct connector_call *sealed, struct str state) {
  return arena_str(sealed->arena, state);
}

static yyjson_val *json(const char *text) {
  yyjson_doc *doc = NULL;
  assert_ok(json_read(&arena, str_of(text), &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

static int set_up(void **state) {
  auth = (struct http_auth){.type = HTTP_AUTH_KEY_QUERY, .name = STR("api key")};
  http = (struct http_definition){.auths = &auth, .n_auths = 1};
  connected = (struct http_connection){.base = STR("https://api.example.com:8443/v1")};
  connector = (struct connector){.state = &http};
  connection = (struct connector_connection){.connector = &connector, .state = &connected};
  http_tool = (struct http_tool){.max_result = 1024};
  tool = (struct connector_tool){.state = &http_tool, .has_pages = true};
  call = (struct connector_call){.connection = &connection, .tool = &tool, .arena = &arena, .seal_page = seal};
  call.arguments = json("{}");
  return 0;
}

static int tear_down(void **state) {
  arena_release(&arena);
  return 0;
}

static const struct json_path *path_of(const char *text) {
  struct json_path *path = arena_new(&arena, struct json_path);
  assert_ok(json_path_compile(str_of(text), path, &test_err));
  return path;
}

/* ---- URLs ---- */

static void references_are_resolved_against_the_request(void **state) {
  const struct {
    const char *reference, *url;
  } rows[] = {
      {"https://other.example/x", "https://other.example/x"},
      {"//other.example/x", "https://other.example/x"},
      {"/v2/next?a=1", "https://api.example.com/v2/next?a=1"},
      {"?page=2", "https://api.example.com/v1/items?page=2"},
      {"items2", "https://api.example.com/v1/items2"},
      {"items?x=a:b", "https://api.example.com/v1/items?x=a:b"},
      {"mailto:x@y", "mailto:x@y"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    assert_str(
        http_reference_resolve(&arena, STR("https://api.example.com/v1/items?page=1/x"), str_of(rows[i].reference)),
        rows[i].url);
  assert_str(http_reference_resolve(&arena, STR("https://api.example.com"), STR("x")), "https://api.example.com/x");
  assert_str(http_reference_resolve(&arena, STR("https://api.example.com?q"), STR("x")), "https://api.example.com/x");
}

static void only_the_connections_origin_is_followed(void **state) {
  const char *refused[] = {
      "https://api.example.com/v1/items",     /* another port */
      "http://api.example.com:8443/v1/items", /* another scheme */
      "https://api.example.com.evil.example:8443/",
      "https://evil.example:8443/",
      "https://api.example.com:8443@evil.example/",
      "https://evil.example\\@api.example.com:8443/",
      "https://user@api.example.com:8443/",
      "https://api.example.com:8443/#https://x",
      "https://api.example.com:8443/a/../../b",
      "https://api.example.com:8443/%2e%2e/b",
      "https://api.example.com:8443/a b",
      "https://api.example.com:8443/\r\nX: y",
      "ftp://api.example.com:8443/",
      "file:///etc/passwd",
      "javascript:alert(1)",
      "https://",
      "https:/api.example.com:8443/",
      "",
      "https://[::1]:8443/",
      "https://api.example.com:08443x/",
  };
  struct str url = STR("untouched");
  for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
    enum err_code code = http_page_url_check(&call, str_of(refused[i]), &url, &test_err);
    if (code != ERR_DENIED && code != ERR_UPSTREAM) fail_msg("%s was taken", refused[i]);
  }
  assert_str(url, "untouched");
  assert_ok(http_page_url_check(&call, STR("HTTPS://API.example.com:8443/v2/x?a=1"), &url, &test_err));
  assert_str(url, "https://api.example.com:8443/v2/x?a=1");
}

static void the_credentials_parameter_is_taken_out(void **state) {
  struct str url;
  assert_ok(http_page_url_check(&call, STR("https://api.example.com:8443/x?api%20key=s&a=1&api%20key&api%20keys=2"),
                                &url, &test_err));
  assert_str(url, "https://api.example.com:8443/x?a=1&api%20keys=2");
  assert_ok(http_page_url_check(&call, STR("https://api.example.com:8443/x?api%20key=s"), &url, &test_err));
  assert_str(url, "https://api.example.com:8443/x");
  /* Blotted out where it was repeated: in its own parameter that does not matter, elsewhere it is not followed. */
  assert_ok(http_page_url_check(&call, STR("https://api.example.com:8443/x?api%20key=[credential removed]&p=2"), &url,
                                &test_err));
  assert_str(url, "https://api.example.com:8443/x?p=2");
  const struct str refused[] = {STR("https://api.example.com:8443/x?k=[credential removed]&p=2"),
                                STR("https://api.example.com:8443/[credential removed]/x?p=2")};
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(http_page_url_check(&call, refused[i], &url, &test_err), ERR_DENIED);
    assert_non_null(strstr(test_err.text, "credential"));
  }
}

/* ---- states ---- */

static void what_is_sealed_comes_back(void **state) {
  const struct {
    enum http_page_by by;
    const char *state;
  } rows[] = {
      {HTTP_PAGE_NUMBER, "{\"k\":3,\"n\":7}"},
      {HTTP_PAGE_OFFSET, "{\"k\":0,\"n\":9007199254740992}"},
      {HTTP_PAGE_CURSOR, "{\"k\":0,\"c\":\"a\\\"b\\u0001\"}"},
      {HTTP_PAGE_CURSOR, "{\"k\":0,\"c\":18446744073709551615}"},
      {HTTP_PAGE_LAST_ID, "{\"k\":0,\"c\":-5}"},
      {HTTP_PAGE_LINK, "{\"k\":2,\"u\":\"https://api.example.com:8443/x?a=1\"}"},
      {HTTP_PAGE_LINK, "{\"k\":2}"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    http_tool.page.by = rows[i].by;
    call.page = str_of(rows[i].state);
    struct http_page_state page;
    struct http_turn turn;
    assert_ok(http_page_begin(&call, &page, &turn, &test_err));
    assert_str(http_page_seal(&call, &page), rows[i].state);
  }
}

static void a_state_of_another_kind_is_refused(void **state) {
  const struct {
    enum http_page_by by;
    const char *state;
  } rows[] = {
      {HTTP_PAGE_NUMBER, "{\"k\":0,\"c\":\"x\"}"},
      {HTTP_PAGE_NUMBER, "{\"k\":0}"},
      {HTTP_PAGE_NUMBER, "{\"n\":-1}"},
      {HTTP_PAGE_NUMBER, "{\"n\":1.5}"},
      {HTTP_PAGE_NUMBER, "{\"n\":9007199254740993}"},
      {HTTP_PAGE_CURSOR, "{\"n\":1}"},
      {HTTP_PAGE_CURSOR, "{\"c\":{\"a\":1}}"},
      {HTTP_PAGE_CURSOR, "{\"u\":\"https://api.example.com:8443/\"}"},
      {HTTP_PAGE_LINK, "{\"u\":\"https://evil.example/\"}"},
      {HTTP_PAGE_NUMBER, "[]"},
      {HTTP_PAGE_NUMBER, "nonsense"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    http_tool.page.by = rows[i].by;
    call.page = str_of(rows[i].state);
    struct http_page_state page;
    struct http_turn turn;
    enum err_code code = http_page_begin(&call, &page, &turn, &test_err);
    if (code != ERR_INVALID && code != ERR_DENIED) fail_msg("%s was taken", rows[i].state);
  }
}

static void the_first_page_is_where_the_manifest_says(void **state) {
  struct http_page_state page;
  struct http_turn turn;
  http_tool.page = (struct http_page){.by = HTTP_PAGE_NUMBER, .first = 1, .has_size = true, .default_size = 20};
  assert_ok(http_page_begin(&call, &page, &turn, &test_err));
  assert_int_equal(yyjson_get_uint(turn.cursor), 1);
  assert_int_equal(turn.size, 20);
  call.arguments = json("{\"page_size\":5}");
  assert_ok(http_page_begin(&call, &page, &turn, &test_err));
  assert_int_equal(turn.size, 5);
  http_tool.page = (struct http_page){.by = HTTP_PAGE_CURSOR};
  assert_ok(http_page_begin(&call, &page, &turn, &test_err));
  assert_null(turn.cursor);
  assert_int_equal(turn.size, 0);
}

/* ---- the next page ---- */

static yyjson_val *items_of(size_t n) {
  static char text[4096];
  size_t at = 0;
  at += (size_t)snprintf(text, sizeof(text), "[");
  for (size_t i = 0; i < n; i++)
    at += (size_t)snprintf(text + at, sizeof(text) - at, "%s{\"id\":\"id%zu\"}", i ? "," : "", i);
  snprintf(text + at, sizeof(text) - at, "]");
  return json(text);
}

/* The next state, sealed; or "end". */
static void assert_next(const char *from, const char *body, size_t n_items, const char *expected) {
  struct http_page_state page, next;
  struct http_turn turn;
  yyjson_doc *doc = NULL;
  call.page = str_of(from);
  assert_ok(http_page_begin(&call, &page, &turn, &test_err));
  page.request_url = STR("https://api.example.com:8443/v1/items");
  assert_ok(json_read_verbatim(&arena, str_of(body), &doc, &test_err));
  const struct http_client_response response = {.status = 200};
  const struct http_answer answer = {.status = 200, .response = &response, .root = yyjson_doc_get_root(doc)};
  bool has_next = http_page_next(&call, &page, &answer, items_of(n_items), &next);
  struct str sealed = has_next ? http_page_seal(&call, &next) : STR("end");
  if (!str_eq_c(sealed, expected)) fail_msg("%s, %s: %.*s, not %s", from, body, STR_ARG(sealed), expected);
}

static void numbers_grow_until_a_page_is_short(void **state) {
  http_tool.page = (struct http_page){.by = HTTP_PAGE_NUMBER, .first = 1, .has_size = true, .default_size = 10};
  assert_next("", "{}", 10, "{\"k\":0,\"n\":2}");
  assert_next("{\"n\":5}", "{}", 10, "{\"k\":0,\"n\":6}");
  assert_next("", "{}", 9, "end");
  assert_next("", "{}", 0, "end");
  http_tool.page.has_size = false;
  assert_next("", "{}", 3, "{\"k\":0,\"n\":2}");
  assert_next("{\"n\":9007199254740992}", "{}", 3, "end");
}

static void what_the_service_says_goes_before_what_can_be_counted(void **state) {
  http_tool.page = (struct http_page){.by = HTTP_PAGE_NUMBER, .first = 0, .has_size = true, .default_size = 10};
  http_tool.page.last = path_of("last");
  assert_next("", "{\"last\":true}", 10, "end");
  assert_next("", "{\"last\":false}", 3, "{\"k\":0,\"n\":1}");
  http_tool.page.last = NULL;
  http_tool.page.more = path_of("more");
  assert_next("", "{\"more\":\"false\"}", 10, "end");
  assert_next("", "{\"more\":0}", 10, "end");
  assert_next("", "{\"more\":null}", 10, "end");
  assert_next("", "{\"more\":1}", 3, "{\"k\":0,\"n\":1}");
  http_tool.page.more = NULL;
  http_tool.page.total = path_of("total");
  assert_next("{\"n\":1}", "{\"total\":20}", 10, "end");
  assert_next("{\"n\":1}", "{\"total\":\"21\"}", 10, "{\"k\":0,\"n\":2}");
  assert_next("{\"n\":1}", "{\"total\":null}", 10, "{\"k\":0,\"n\":2}");
}

static void offsets_count_what_came(void **state) {
  http_tool.page = (struct http_page){.by = HTTP_PAGE_OFFSET, .has_size = true, .default_size = 10};
  assert_next("", "{}", 10, "{\"k\":0,\"n\":10}");
  assert_next("{\"n\":10}", "{}", 4, "end");
  http_tool.page.total = path_of("total");
  assert_next("{\"n\":10}", "{\"total\":100}", 4, "{\"k\":0,\"n\":14}");
  assert_next("{\"n\":10}", "{\"total\":100}", 0, "end");
  assert_next("{\"n\":10}", "{\"total\":14}", 4, "end");
}

static void a_cursor_goes_on_until_there_is_none(void **state) {
  http_tool.page = (struct http_page){.by = HTTP_PAGE_CURSOR, .next = path_of("m.next")};
  assert_next("", "{\"m\":{\"next\":\"abc\"}}", 0,
              "{\"k\":0,\"c\":\"abc\"}"); /* a page may be empty and not the last */
  assert_next("", "{\"m\":{\"next\":12}}", 1, "{\"k\":0,\"c\":12}");
  assert_next("", "{\"m\":{\"next\":\"\"}}", 1, "end");
  assert_next("", "{\"m\":{\"next\":null}}", 1, "end");
  assert_next("", "{\"m\":{\"next\":false}}", 1, "end");
  assert_next("", "{\"m\":{}}", 1, "end");
  assert_next("{\"c\":\"abc\"}", "{\"m\":{\"next\":\"abc\"}}", 1, "end"); /* one that leads to itself */
  http_tool.page.more = path_of("more");
  assert_next("", "{\"m\":{\"next\":\"abc\"},\"more\":false}", 1, "end");
}

static void a_link_in_the_answer_is_resolved(void **state) {
  http_tool.page = (struct http_page){.by = HTTP_PAGE_LINK, .next = path_of("@odata.nextLink")};
  assert_next("", "{\"@odata.nextLink\":\"?p=2\"}", 1, "{\"k\":0,\"u\":\"https://api.example.com:8443/v1/items?p=2\"}");
  assert_next("", "{\"@odata.nextLink\":\"\"}", 1, "end");
  assert_next("", "{}", 1, "end");
  assert_next("{\"u\":\"https://api.example.com:8443/v1/items?p=2\"}", "{\"@odata.nextLink\":\"?p=2\"}", 1, "end");
}

static void the_last_items_id_goes_on(void **state) {
  http_tool.page =
      (struct http_page){.by = HTTP_PAGE_LAST_ID, .id = path_of("id"), .has_size = true, .default_size = 2};
  assert_next("", "{}", 2, "{\"k\":0,\"c\":\"id1\"}");
  assert_next("", "{}", 1, "end");
  http_tool.page.more = path_of("has_more");
  assert_next("", "{\"has_more\":true}", 1, "{\"k\":0,\"c\":\"id0\"}");
  assert_next("", "{\"has_more\":false}", 2, "end");
  assert_next("", "{\"has_more\":true}", 0, "end");
  http_tool.page.id = path_of("none");
  assert_next("", "{\"has_more\":true}", 2, "end");
}

static void the_rest_of_a_page_is_named_where_it_can_be(void **state) {
  struct http_page_state page = {.number = 20, .skip = 1}, rest;
  http_tool.page = (struct http_page){.by = HTTP_PAGE_NUMBER};
  http_page_rest(&call, &page, items_of(5), 3, &rest);
  assert_str(http_page_seal(&call, &rest), "{\"k\":3,\"n\":20}");
  http_tool.page = (struct http_page){.by = HTTP_PAGE_OFFSET};
  http_page_rest(&call, &page, items_of(5), 3, &rest);
  assert_str(http_page_seal(&call, &rest), "{\"k\":0,\"n\":23}");
  http_tool.page = (struct http_page){.by = HTTP_PAGE_LAST_ID, .id = path_of("id")};
  page = (struct http_page_state){0};
  http_page_rest(&call, &page, items_of(5), 3, &rest);
  assert_str(http_page_seal(&call, &rest), "{\"k\":0,\"c\":\"id2\"}");
}

static void a_state_too_long_for_a_cursor_makes_none(void **state) {
  char url[5000];
  memset(url, 'a', sizeof(url));
  http_tool.page = (struct http_page){.by = HTTP_PAGE_LINK};
  const struct http_page_state page = {.url = str_make(url, sizeof(url))};
  assert_null(http_page_seal(&call, &page).p);
  call.seal_page = NULL;
  assert_null(http_page_seal(&call, &(struct http_page_state){0}).p);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(references_are_resolved_against_the_request),
      TEST(only_the_connections_origin_is_followed),
      TEST(the_credentials_parameter_is_taken_out),
      TEST(what_is_sealed_comes_back),
      TEST(a_state_of_another_kind_is_refused),
      TEST(the_first_page_is_where_the_manifest_says),
      TEST(numbers_grow_until_a_page_is_short),
      TEST(what_the_service_says_goes_before_what_can_be_counted),
      TEST(offsets_count_what_came),
      TEST(a_cursor_goes_on_until_there_is_none),
      TEST(a_link_in_the_answer_is_resolved),
      TEST(the_last_items_id_goes_on),
      TEST(the_rest_of_a_page_is_named_where_it_can_be),
      TEST(a_state_too_long_for_a_cursor_makes_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
