#include "request_fixture.h"

/* ---- trees ---- */

static void a_value_keeps_its_type(void **state) {
  struct fixture *f = *state;
  connect_tool(f, "", "{}", "\"call\":\"POST /x\",\"body\":{\"v\":\"{a}\"}");
  assert_body(f, "{\"a\":1}", "{\"v\":1}");
  assert_body(f, "{\"a\":1.5}", "{\"v\":1.5}");
  assert_body(f, "{\"a\":\"1\"}", "{\"v\":\"1\"}");
  assert_body(f, "{\"a\":false}", "{\"v\":false}");
  assert_body(f, "{\"a\":[1,[\"x\",null],{}]}", "{\"v\":[1,[\"x\",null],{}]}");
  assert_body(f, "{\"a\":{\"k\":{\"{b}\":\"{c}\"}}}", "{\"v\":{\"k\":{\"{b}\":\"{c}\"}}}");
  assert_str(field_of(&(struct http_client_request){0}, "x"), "");
  struct http_client_request request = made(f, "{\"a\":1}");
  assert_str(request.method, "POST");
  assert_str(field_of(&request, "content-type"), "application/json");
}

static void what_is_absent_drops_its_member_and_what_gets_empty_by_it(void **state) {
  struct fixture *f = *state;
  connect_tool(f, "", "{}",
               "\"call\":\"POST /x\",\"body\":{\"b\":\"{b}\",\"in\":{\"c\":\"{c}\",\"deep\":{\"d\":\"{d}\"}},\"list\":["
               "\"{c}\",{\"d\":\"{d}\"}],\"mixed\":\"x {b} y\",\"empty\":{},\"none\":[],\"nothing\":null,\"n\":7}");
  assert_body(f, "{\"a\":1}", "{\"empty\":{},\"none\":[],\"nothing\":null,\"n\":7}");
  assert_body(f, "{\"a\":1,\"b\":null,\"c\":null}", "{\"empty\":{},\"none\":[],\"nothing\":null,\"n\":7}");
  assert_body(f, "{\"a\":1,\"c\":2}",
              "{\"in\":{\"c\":2},\"list\":[2],\"empty\":{},\"none\":[],\"nothing\":null,\"n\":7}");
  assert_body(
      f, "{\"a\":1,\"b\":\"q\\\"\",\"d\":\"\"}",
      "{\"b\":\"q\\\"\",\"in\":{\"deep\":{\"d\":\"\"}},\"list\":[{\"d\":\"\"}],\"mixed\":\"x q\\\" y\",\"empty\":{},"
      "\"none\":[],\"nothing\":null,\"n\":7}");
}

static void a_body_that_is_all_absent_is_an_empty_object(void **state) {
  struct fixture *f = *state;
  connect_tool(f, "", "{}", "\"call\":\"POST /x\",\"body\":{\"b\":\"{b}\"}");
  assert_body(f, "{\"a\":1}", "{}");
  connect_tool(f, "", "{}", "\"call\":\"POST /x\",\"body\":{}");
  assert_body(f, "{\"a\":1}", "{}");
  connect_tool(f, "", "{}", "\"call\":\"POST /x\",\"body\":\"{b}\"");
  assert_body(f, "{\"a\":1,\"b\":[1]}", "[1]");
  assert_false(made(f, "{\"a\":1}").has_body);
  connect_tool(f, "", "{}", "\"call\":\"POST /x\"");
  assert_false(made(f, "{\"a\":1}").has_body);
}

static void templates_reach_inside_and_have_filters_and_defaults(void **state) {
  struct fixture *f = *state;
  connect_tool(
      f, "", "{}",
      "\"call\":\"POST /x\",\"body\":{\"in\":\"{a.x.0.y}\",\"csv\":\"{b|csv}\",\"space\":\"{b|space}\",\"pipe\":"
      "\"{b|pipe}\",\"json\":\"{b|json}\",\"n\":\"{c|or:20}\",\"yes\":\"{c|or:true}\",\"text\":\"{c|or:1.50}\","
      "\"braces\":\"{{{d|or:z}}}\",\"brace\":\"{{\"}");
  assert_body(
      f, "{\"a\":{\"x\":[{\"y\":true}]},\"b\":[1,\"t, u\"]}",
      "{\"in\":true,\"csv\":\"1,t, u\",\"space\":\"1 t, u\",\"pipe\":\"1|t, u\",\"json\":\"[1,\\\"t, u\\\"]\",\"n\":20,"
      "\"yes\":true,\"text\":\"1.50\",\"braces\":\"{z}\",\"brace\":\"{\"}");
  assert_body(f, "{\"a\":{\"x\":{\"0\":1}},\"b\":[],\"c\":0}",
              "{\"json\":\"[]\",\"n\":0,\"yes\":0,\"text\":0,\"braces\":\"{z}\",\"brace\":\"{\"}");
  assert_refused(f, "{\"a\":1,\"b\":[{}]}", ERR_INVALID, "b must be text");
}

/* ---- forms ---- */

static void forms_write_trees_as_services_read_them(void **state) {
  struct fixture *f = *state;
  const struct {
    const char *lists, *body;
  } rows[] = {
      {"",
       "x%20y=1%262&in%5Bb%5D%5B0%5D=1&in%5Bb%5D%5B1%5D=two&in%5Bb%5D%5B2%5D%5Bk%5D=true&fix%5B0%5D=p&fix%5B1%5D=q"},
      {",\"lists\":\"brackets\"",
       "x%20y=1%262&in%5Bb%5D%5B%5D=1&in%5Bb%5D%5B%5D=two&in%5Bb%5D%5B%5D%5Bk%5D=true&fix%5B%5D=p&fix%5B%5D=q"},
  };
  for (size_t i = 0; i < 2; i++) {
    connect_tool(
        f, "", "{}",
        arena_printf(&f->arena,
                     "\"call\":\"POST /x\",\"as\":\"form\"%s,\"body\":{\"x y\":\"{a}\",\"in\":{\"b\":\"{b}\",\"c\":"
                     "\"{c}\"},\"fix\":[\"p\",\"{d}\",\"q\"],\"no\":null}",
                     rows[i].lists)
            .p);
    assert_body(f, "{\"a\":\"1&2\",\"b\":[1,null,\"two\",{\"k\":true,\"n\":null}]}", rows[i].body);
  }
  struct http_client_request request = made(f, "{\"a\":1}");
  assert_str(field_of(&request, "content-type"), "application/x-www-form-urlencoded");
  connect_tool(f, "", "{}", "\"call\":\"POST /x\",\"as\":\"form\",\"lists\":\"repeat\",\"body\":{\"b\":\"{b}\"}");
  assert_body(f, "{\"a\":1,\"b\":[1,2]}", "b=1&b=2");
  assert_refused(f, "{\"a\":1,\"b\":[[1],[2]]}", ERR_INVALID, "list of lists");
  assert_false(made(f, "{\"a\":1}").has_body);
}

static void a_query_repeats_lists_and_nests_objects(void **state) {
  struct fixture *f = *state;
  connect_tool(
      f, ",\"query\":{\"v\":\"7\",\"gone\":1}", "{}",
      "\"call\":\"GET /x\",\"query\":{\"expand[]\":\"{b}\",\"created\":\"{c}\",\"q\":\"is:{d}\",\"gone\":null,\"n\":[1,"
      "2]}");
  assert_url(f, "{\"a\":1}", "https://a.example/v1/x?v=7&n=1&n=2");
  assert_url(f, "{\"a\":1,\"b\":[\"p\",\"q&r\"],\"c\":{\"gte\":5,\"in\":[1]},\"d\":\"a b\"}",
             "https://a.example/v1/x?v=7&expand%5B%5D=p&expand%5B%5D=q%26r&created%5Bgte%5D=5&created%5Bin%5D%5B0%5D=1&"
             "q=is%3Aa%20b&n=1&n=2");
}

/* ---- headers ---- */

static void headers_are_inherited_replaced_and_taken_away(void **state) {
  struct fixture *f = *state;
  connect_tool(
      f,
      ",\"settings\":{\"tenant\":{\"required\":true},\"region\":{\"default\":\"eu\"}},\"headers\":{\"X-Tenant\":"
      "\"{conn.tenant}\",\"X-Region\":\"r-{conn.region}\",\"X-Old\":\"1\",\"Accept\":\"text/csv\"}",
      "{\"tenant\":\"t 1\"}", "\"call\":\"GET /x\",\"headers\":{\"x-old\":null,\"X-B\":\"{b}\",\"x-region\":\"us\"}");
  struct http_client_request request = made(f, "{\"a\":1,\"b\":5}");
  assert_str(field_of(&request, "x-tenant"), "t 1");
  assert_str(field_of(&request, "x-region"), "us");
  assert_str(field_of(&request, "x-b"), "5");
  assert_str(field_of(&request, "accept"), "text/csv");
  assert_null(field_of(&request, "x-old").p);
  request = made(f, "{\"a\":1}");
  assert_null(field_of(&request, "x-b").p);
  assert_refused(f, "{\"a\":1,\"b\":\"x\\r\\nX-Evil: 1\"}", ERR_INVALID, "control characters");
  assert_refused(f, "{\"a\":1,\"b\":\"x\\u0001\"}", ERR_INVALID, "control characters");
  assert_refused(f, "{\"a\":1,\"b\":[1]}", ERR_INVALID, "b is a list");
}

static void an_idempotent_write_carries_its_key(void **state) {
  struct fixture *f = *state;
  connect_tool(f, "", "{}", "\"call\":\"POST /x\",\"idempotency\":\"Idempotency-Key\"");
  struct http_client_request request;
  const struct http_turn turn = {.idempotency_key = STR("k-1")};
  assert_ok(build(f, "{\"a\":1}", &turn, NULL, &request));
  assert_str(field_of(&request, "idempotency-key"), "k-1");
  connect_tool(f, ",\"idempotency\":\"Idempotency-Key\"", "{}", "\"call\":\"POST /x\",\"idempotency\":false");
  assert_ok(build(f, "{\"a\":1}", &turn, NULL, &request));
  assert_null(field_of(&request, "idempotency-key").p);
}

/* ---- multipart, raw, graphql ---- */

static void parts_are_files_texts_and_json(void **state) {
  struct fixture *f = *state;
  connect_tool(f, "", "{}",
               "\"call\":\"POST "
               "/x\",\"as\":\"multipart\",\"body\":{\"f\":{\"file\":\"{a}\",\"name\":\"{b}\",\"type\":\"{c|or:text/"
               "csv}\"},\"t\":\"say {d}\",\"j\":{\"k\":\"{d}\"},\"n\":7}");
  struct http_client_request request =
      made(f, "{\"a\":{\"base64\":\"AP/+\"},\"b\":\"q\\\"\\r\\n.bin\",\"d\":\"\\r\\n--x\"}");
  struct str type = field_of(&request, "content-type");
  struct str start = STR("multipart/form-data; boundary=");
  assert_true(str_starts(type, start));
  struct str boundary = str_make(type.p + start.n, type.n - start.n);
  const char *expected =
      arena_printf(&f->arena,
                   "--%.*s\r\nContent-Disposition: form-data; name=\"f\"; filename=\"q%%22%%0D%%0A.bin\"\r\n"
                   "Content-Type: text/csv\r\n\r\n?\xFF\xFE\r\n"
                   "--%.*s\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\nsay \r\n--x\r\n"
                   "--%.*s\r\nContent-Disposition: form-data; name=\"j\"\r\nContent-Type: application/json\r\n\r\n"
                   "{\"k\":\"\\r\\n--x\"}\r\n"
                   "--%.*s\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n7\r\n--%.*s--\r\n",
                   STR_ARG(boundary), STR_ARG(boundary), STR_ARG(boundary), STR_ARG(boundary), STR_ARG(boundary))
          .p;
  char *body = arena_memdup(&f->arena, request.body.p, request.body.n);
  char *zero = memchr(body, '\0', request.body.n);
  assert_non_null(zero);
  *zero = '?';
  assert_str(str_make(body, request.body.n), expected);
  assert_refused(f, "{\"a\":{\"base64\":\"%%\"}}", ERR_INVALID, "base64");
  assert_refused(f, "{\"a\":{\"base64\":\"AA==\",\"more\":1}}", ERR_INVALID, "base64");
  assert_refused(f, "{\"a\":\"x\",\"c\":\"text/html\\r\\nX: 1\"}", ERR_INVALID, "media type");
  request = made(f, "{\"a\":null}");
  assert_null(memmem(request.body.p, request.body.n, "filename", 8));
}

static void a_raw_body_is_sent_as_it_is(void **state) {
  struct fixture *f = *state;
  connect_tool(f, "", "{}", "\"call\":\"PUT /x\",\"as\":\"raw\",\"type\":\"text/markdown\",\"body\":\"{a}\"");
  assert_body(f, "{\"a\":\"# \\r\\nx\"}", "# \r\nx");
  assert_body(f, "{\"a\":{\"base64\":\"aGk=\"}}", "hi");
  assert_body(f, "{\"a\":\"\"}", "");
  assert_body(f, "{\"a\":7}", "7");
  struct http_client_request request = made(f, "{\"a\":1}");
  assert_str(field_of(&request, "content-type"), "text/markdown");
  assert_refused(f, "{\"a\":{\"x\":1}}", ERR_INVALID, "base64");
}

static void graphql_is_a_document_and_its_variables(void **state) {
  struct fixture *f = *state;
  connect_tool(f, "", "{}",
               "\"call\":\"POST /graphql\",\"graphql\":[\"query($n: Int) {\",\"  a(n: $n) { \\\"id\\\" "
               "}\",\"}\"],\"variables\":{"
               "\"n\":\"{b}\",\"first\":\"{c|or:20}\"}");
  assert_body(f, "{\"a\":1}",
              "{\"query\":\"query($n: Int) {\\n  a(n: $n) { \\\"id\\\" }\\n}\",\"variables\":{\"first\":20}}");
  assert_body(f, "{\"a\":1,\"b\":\"} evil {\"}",
              "{\"query\":\"query($n: Int) {\\n  a(n: $n) { \\\"id\\\" }\\n}\",\"variables\":{\"n\":\"} evil "
              "{\",\"first\":20}}");
  connect_tool(f, "", "{}", "\"call\":\"POST /graphql\",\"graphql\":[\"{ viewer { id } }\"]");
  assert_body(f, "{\"a\":1}", "{\"query\":\"{ viewer { id } }\"}");
}

/* ---- paging ---- */

static void pages_are_asked_for_in_query_or_body(void **state) {
  struct fixture *f = *state;
  struct http_client_request request;
  yyjson_val *cursor = fixture_json(f, "\"n&x\\\"\"");
  connect_tool(f, "", "{}",
               "\"call\":\"GET "
               "/x\",\"page\":{\"by\":\"page\",\"send\":\"query.page\",\"size\":\"query.per\",\"default\":20,\"max\":"
               "100,\"first\":0}");
  assert_true(f->connector.tools[0].has_pages);
  assert_url(f, "{\"a\":1}", "https://a.example/v1/x?page=0&per=20");
  struct http_turn turn = {.cursor = fixture_json(f, "3"), .size = 50};
  assert_ok(build(f, "{\"a\":1}", &turn, NULL, &request));
  assert_str(request.url, "https://a.example/v1/x?page=3&per=50");
  connect_tool(f, "", "{}", "\"call\":\"GET /x\",\"page\":{\"by\":\"offset\",\"send\":\"query.o\"}");
  assert_url(f, "{\"a\":1}", "https://a.example/v1/x?o=0");
  connect_tool(
      f,
      ",\"page\":{\"by\":\"cursor\",\"next\":\"next\",\"send\":\"body.page.after\",\"size\":\"body.page.first\","
      "\"default\":5}",
      "{}", "\"call\":\"POST /x\",\"page\":true,\"body\":{\"q\":\"{b}\"}");
  assert_body(f, "{\"a\":1}", "{\"page\":{\"first\":5}}");
  turn = (struct http_turn){.cursor = cursor};
  assert_ok(build(f, "{\"a\":1,\"b\":2}", &turn, NULL, &request));
  assert_str(request.body, "{\"q\":2,\"page\":{\"after\":\"n&x\\\"\",\"first\":5}}");
  connect_tool(
      f, "", "{}",
      "\"call\":\"GET /x\",\"query\":{\"after\":\"p:{page.cursor}\"},\"page\":{\"by\":\"last_id\",\"id\":\"id\"}");
  assert_url(f, "{\"a\":1}", "https://a.example/v1/x");
  assert_ok(build(f, "{\"a\":1}", &turn, NULL, &request));
  assert_str(request.url, "https://a.example/v1/x?after=p%3An%26x%22");
  turn = (struct http_turn){.url = STR("https://a.example/next?x=1")};
  connect_tool(f, "", "{}", "\"call\":\"GET /x\",\"page\":{\"by\":\"link\"}");
  assert_ok(build(f, "{\"a\":1}", &turn, NULL, &request));
  assert_str(request.url, "https://a.example/next?x=1");
}

static void a_paging_tool_gains_its_arguments(void **state) {
  struct fixture *f = *state;
  connect_tool(
      f, "", "{}",
      "\"call\":\"GET /x\",\"page\":{\"by\":\"page\",\"send\":\"query.page\",\"size\":\"query.per\",\"max\":100}");
  const struct connector_tool *tool = &f->connector.tools[0];
  yyjson_val *properties = json_get(tool->input_schema, "properties");
  assert_int_equal(yyjson_get_uint(json_get(json_get(properties, "page_size"), "maximum")), 100);
  assert_str(json_get_str(json_get(properties, "cursor"), "type"), "string");
  assert_ok(schema_check(tool->schema, fixture_json(f, "{\"a\":1,\"page_size\":100}"), &test_err));
  assert_int_equal(schema_check(tool->schema, fixture_json(f, "{\"a\":1,\"page_size\":101}"), &test_err), ERR_INVALID);
  connect_tool(f, "", "{}", "\"call\":\"GET /x\"");
  assert_false(f->connector.tools[0].has_pages);
  assert_null(json_get(json_get(f->connector.tools[0].input_schema, "properties"), "cursor"));
}

/* ---- authentication ---- */

static void each_way_puts_its_secret_where_it_belongs(void **state) {
  struct fixture *f = *state;
  struct http_client_request request;
  struct secret *key = secret_new("{\"key\":\"s3cr:3t/%\"}", 19);
  struct secret *basic = secret_new("{\"user\":\"Aladdin\",\"password\":\"open sesame\"}", 43);
  connect_tool(f, ",\"auth\":[{\"type\":\"key\",\"in\":\"header\",\"name\":\"Authorization\",\"prefix\":\"token \"}]",
               "{}", "\"call\":\"GET /x\"");
  assert_ok(build(f, "{\"a\":1}", NULL, key, &request));
  assert_str(request.secret_field, "Authorization");
  assert_str(request.secret_prefix, "token ");
  assert_str(request.secret_value, "s3cr:3t/%");
  assert_int_equal(build(f, "{\"a\":1}", NULL, basic, &request), ERR_UNAVAILABLE);
  connect_tool(
      f,
      ",\"auth\":[{\"type\":\"oauth2\",\"authorize\":\"https://a.example/a\",\"token\":\"https://a.example/t\"},{"
      "\"type\":\"basic\"},{\"type\":\"key\",\"in\":\"query\",\"name\":\"k\"}]",
      "{}", "\"call\":\"GET /x\"");
  assert_ok(build(f, "{\"a\":1}", NULL, basic, &request));
  assert_str(request.secret_field, "Authorization");
  assert_str(request.secret_prefix, "Basic ");
  assert_str(request.secret_value, "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  assert_ok(build(f, "{\"a\":1}", NULL, key, &request));
  assert_str(request.secret_parameter, "k");
  connect_tool(f, ",\"auth\":[{\"type\":\"basic\",\"user\":\"any\",\"password\":\"{credential.key}\"}]", "{}",
               "\"call\":\"GET /x\"");
  assert_ok(build(f, "{\"a\":1}", NULL, key, &request));
  assert_str(request.secret_value, "YW55OnMzY3I6M3QvJQ==");
  connect_tool(f, ",\"auth\":[{\"type\":\"key\",\"in\":\"path\"}]", "{}", "\"call\":\"GET /bot{key}/get/{a}\"");
  assert_ok(build(f, "{\"a\":\"x\"}", NULL, key, &request));
  assert_str(request.url, "https://a.example/v1/bots3cr:3t%2F%25/get/x");
  assert_int_equal(request.secret_value.n, 0);
  secret_free(key);
  secret_free(basic);
}

static void what_is_shown_to_a_person_has_no_secret(void **state) {
  struct fixture *f = *state;
  struct secret *key = secret_new("{\"key\":\"s3cr3t-k3y\"}", 20);
  const char *const auths[] = {
      "{\"type\":\"key\",\"in\":\"header\",\"name\":\"X-Key\"}", "{\"type\":\"key\",\"in\":\"query\",\"name\":\"k\"}",
      "{\"type\":\"key\",\"in\":\"path\"}", "{\"type\":\"basic\",\"user\":\"u\",\"password\":\"{credential.key}\"}"};
  for (size_t i = 0; i < sizeof(auths) / sizeof(auths[0]); i++) {
    bool is_path = i == 2;
    connect_tool(f, arena_printf(&f->arena, ",\"auth\":[%s]", auths[i]).p, "{}",
                 is_path ? "\"call\":\"POST /b{key}/x\",\"body\":{\"a\":\"{a}\"}"
                         : "\"call\":\"POST /x\",\"body\":{\"a\":\"{a}\"}");
    struct connector_call call = {.connection = &f->connection,
                                  .tool = &f->connector.tools[0],
                                  .arguments = fixture_json(f, "{\"a\":1}"),
                                  .credential = key,
                                  .arena = &f->arena};
    struct buf out;
    buf_init(&out, &f->arena, MIB);
    assert_ok(f->connector.kind->show(&call, &out, &test_err));
    buf_append_byte(&out, '\0');
    assert_non_null(strstr(out.p, "***"));
    assert_null(strstr(out.p, "s3cr3t"));
    assert_null(strstr(out.p, "czNjc"));
    assert_non_null(strstr(out.p, "{\"a\":1}"));
  }
  secret_free(key);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_value_keeps_its_type),
      TEST(what_is_absent_drops_its_member_and_what_gets_empty_by_it),
      TEST(a_body_that_is_all_absent_is_an_empty_object),
      TEST(templates_reach_inside_and_have_filters_and_defaults),
      TEST(forms_write_trees_as_services_read_them),
      TEST(a_query_repeats_lists_and_nests_objects),
      TEST(headers_are_inherited_replaced_and_taken_away),
      TEST(an_idempotent_write_carries_its_key),
      TEST(parts_are_files_texts_and_json),
      TEST(a_raw_body_is_sent_as_it_is),
      TEST(graphql_is_a_document_and_its_variables),
      TEST(pages_are_asked_for_in_query_or_body),
      TEST(a_paging_tool_gains_its_arguments),
      TEST(each_way_puts_its_secret_where_it_belongs),
      TEST(what_is_shown_to_a_person_has_no_secret),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
