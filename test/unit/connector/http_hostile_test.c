#include "request_fixture.h"

/* ---- whatever an argument holds ---- */

static const char *const hostile[] = {
    "\\r\\nX-Evil: 1",
    "\\n\\nGET / HTTP/1.1",
    "../../admin",
    "..",
    ".",
    "%2e%2e",
    "%2f..%2f",
    "a/b",
    "a?b=c",
    "a#b",
    "a&evil=1",
    "a=b;c",
    "a+b c",
    "\\\",\\\"evil\\\":\\\"1",
    "\\\\",
    "}{",
    "{b}",
    "{conn.x}",
    "{{key}}",
    "\\u0001\\u001f\\u007f",
    "\\u2028\\u2029\\ufeff\\u202e",
    "\\ud83d\\ude00 \\u00e9",
    "--boundary--",
    "a]b[c",
    "<script>",
    "$(id)`id`",
};

/* The text of a JSON string, as it was written in C above. */
static struct str decoded(struct fixture *f, const char *json) {
  return json_str(fixture_json(f, arena_printf(&f->arena, "\"%s\"", json).p));
}

static void in_a_path_and_a_query_it_stays_data(void **state) {
  struct fixture *f = *state;
  connect_tool(f, "", "{}",
               "\"call\":\"GET /x/{a}/y\",\"query\":{\"q\":\"{b}\",\"o\":{\"k\":\"{b}\"},\"z\":\"pre {b}\"}");
  for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
    struct str text = decoded(f, hostile[i]);
    struct buf expected;
    buf_init(&expected, &f->arena, MIB);
    buf_append_c(&expected, "https://a.example/v1/x/");
    url_write_encoded(&expected, text);
    buf_append_c(&expected, "/y?q=");
    url_write_encoded(&expected, text);
    buf_append_c(&expected, "&o%5Bk%5D=");
    url_write_encoded(&expected, text);
    buf_append_c(&expected, "&z=pre%20");
    url_write_encoded(&expected, text);
    const char *arguments = arena_printf(&f->arena, "{\"a\":\"%s\",\"b\":\"%s\"}", hostile[i], hostile[i]).p;
    if (str_eq(text, STR(".")) || str_eq(text, STR(".."))) {
      assert_refused(f, arguments, ERR_INVALID, "cannot stand alone");
    } else {
      buf_append_byte(&expected, '\0');
      assert_url(f, arguments, expected.p);
      struct url url;
      assert_ok(url_parse(&f->arena, made(f, arguments).url, &url, &test_err));
      assert_str(url.host, "a.example");
    }
  }
}

static void in_a_name_of_an_object_it_stays_data(void **state) {
  struct fixture *f = *state;
  connect_tool(f, "", "{}", "\"call\":\"POST /x\",\"as\":\"form\",\"query\":{\"q\":\"{b}\"},\"body\":{\"f\":\"{b}\"}");
  for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
    struct buf expected;
    buf_init(&expected, &f->arena, MIB);
    buf_append_c(&expected, "f%5B");
    url_write_encoded(&expected, decoded(f, hostile[i]));
    buf_append_c(&expected, "%5D=1");
    buf_append_byte(&expected, '\0');
    const char *arguments = arena_printf(&f->arena, "{\"a\":1,\"b\":{\"%s\":1}}", hostile[i]).p;
    assert_body(f, arguments, expected.p);
    expected.p[0] = 'q';
    assert_url(f, arguments, arena_printf(&f->arena, "https://a.example/v1/x?%s", expected.p).p);
  }
}

static void in_json_it_stays_data(void **state) {
  struct fixture *f = *state;
  connect_tool(
      f, "", "{}",
      "\"call\":\"POST /x\",\"body\":{\"v\":\"{a}\",\"m\":\"<{a}|{a}>\",\"l\":[\"{b|csv}\"],\"j\":\"{b|json}\"}");
  for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
    struct str text = decoded(f, hostile[i]);
    const char *arguments = arena_printf(&f->arena, "{\"a\":\"%s\",\"b\":[\"%s\",1]}", hostile[i], hostile[i]).p;
    struct http_client_request request = made(f, arguments);
    yyjson_doc *doc;
    assert_ok(json_read(&f->arena, request.body, &doc, &test_err));
    yyjson_val *root = yyjson_doc_get_root(doc);
    assert_int_equal(yyjson_obj_size(root), 4);
    assert_true(str_eq(json_get_str(root, "v"), text));
    assert_true(str_eq(json_get_str(root, "m"), arena_printf(&f->arena, "<%.*s|%.*s>", STR_ARG(text), STR_ARG(text))));
    assert_true(
        str_eq(json_str(yyjson_arr_get_first(json_get(root, "l"))), arena_printf(&f->arena, "%.*s,1", STR_ARG(text))));
    yyjson_doc *inner;
    assert_ok(json_read(&f->arena, json_get_str(root, "j"), &inner, &test_err));
    assert_true(str_eq(json_str(yyjson_arr_get_first(yyjson_doc_get_root(inner))), text));
  }
}

static void in_a_header_it_stays_data_or_is_refused(void **state) {
  struct fixture *f = *state;
  connect_tool(f, "", "{}", "\"call\":\"GET /x\",\"headers\":{\"X-A\":\"v {a}\"}");
  for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
    struct str text = decoded(f, hostile[i]);
    bool is_control = false;
    for (size_t k = 0; k < text.n; k++)
      is_control = is_control || (unsigned char)text.p[k] < 0x20 || text.p[k] == 0x7F;
    const char *arguments = arena_printf(&f->arena, "{\"a\":\"%s\"}", hostile[i]).p;
    if (is_control) {
      assert_refused(f, arguments, ERR_INVALID, "control characters");
      continue;
    }
    struct http_client_request request = made(f, arguments);
    assert_true(str_eq(field_of(&request, "x-a"), arena_printf(&f->arena, "v %.*s", STR_ARG(text))));
  }
}

static void in_a_part_it_stays_data(void **state) {
  struct fixture *f = *state;
  connect_tool(
      f, "", "{}",
      "\"call\":\"POST /x\",\"as\":\"multipart\",\"body\":{\"f\":{\"file\":\"{a}\",\"name\":\"{a}\"},\"t\":\"{a}\"}");
  for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
    struct http_client_request request = made(f, arena_printf(&f->arena, "{\"a\":\"%s\"}", hostile[i]).p);
    struct str type = field_of(&request, "content-type"), rest = request.body;
    const char *boundary = memmem(type.p, type.n, "connek-", 7);
    assert_non_null(boundary);
    size_t n = (size_t)(type.p + type.n - boundary), count = 0;
    for (const char *at; (at = memmem(rest.p, rest.n, boundary, n)); count++)
      rest = str_make(at + n, rest.n - (size_t)(at + n - rest.p));
    assert_int_equal(count, 3); /* two parts and the end */
    const char *name = memmem(request.body.p, request.body.n, "filename=\"", 10);
    const char *line_end = memmem(name, (size_t)(request.body.p + request.body.n - name), "\r\n", 2);
    size_t n_quotes = 0;
    for (const char *p = name; p < line_end; p++)
      n_quotes += *p == '"';
    assert_int_equal(n_quotes, 2);
  }
}

static void what_is_too_large_is_refused(void **state) {
  struct fixture *f = *state;
  char *text = malloc(MIB + 64);
  memset(text, 'x', MIB + 64);
  memcpy(text, "{\"a\":\"", 6);
  memcpy(text + MIB, "\"}", 3);
  connect_tool(f, "", "{}", "\"call\":\"GET /x\",\"query\":{\"q\":\"{a}\"}");
  assert_refused(f, text, ERR_TOO_LARGE, "URL");
  connect_tool(f, "", "{}", "\"call\":\"GET /{a}\"");
  assert_refused(f, text, ERR_TOO_LARGE, "URL");
  connect_tool(f, "", "{}", "\"call\":\"GET /x\",\"headers\":{\"X-A\":\"{a}\"}");
  assert_refused(f, text, ERR_TOO_LARGE, "header");
  connect_tool(f, "", "{}", "\"call\":\"POST /x\",\"body\":{\"v\":\"{a}\"}");
  assert_int_equal(made(f, text).body.n, MIB + 2);
  connect_tool(f, "", "{}",
               "\"call\":\"POST "
               "/x\",\"body\":{\"v\":[\"{a}\",\"{a}\",\"{a}\",\"{a}\",\"{a}\",\"{a}\",\"{a}\",\"{a}\",\"{a}\"]}");
  assert_refused(f, text, ERR_TOO_LARGE, "body");
  free(text);
}

static void deep_json_stays_json(void **state) {
  struct fixture *f = *state;
  char text[LIMIT_JSON_DEPTH * 2 + 16] = "{\"a\":";
  size_t n = 5;
  for (int i = 0; i < LIMIT_JSON_DEPTH - 1; i++)
    text[n++] = '[';
  for (int i = 0; i < LIMIT_JSON_DEPTH - 1; i++)
    text[n++] = ']';
  text[n++] = '}';
  text[n] = '\0';
  connect_tool(f, "", "{}", "\"call\":\"POST /x\",\"body\":{\"a\":\"{a}\"}");
  assert_body(f, text, text);
  connect_tool(f, "", "{}", "\"call\":\"POST /x\",\"as\":\"form\",\"body\":{\"a\":\"{a}\"}");
  assert_false(made(f, text).has_body);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(in_a_path_and_a_query_it_stays_data),
      TEST(in_a_name_of_an_object_it_stays_data),
      TEST(in_json_it_stays_data),
      TEST(in_a_header_it_stays_data_or_is_refused),
      TEST(in_a_part_it_stays_data),
      TEST(what_is_too_large_is_refused),
      TEST(deep_json_stays_json),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
