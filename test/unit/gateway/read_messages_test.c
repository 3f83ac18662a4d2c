/* From a body to messages. */
#include "fixture.h"

#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"

static void refused(struct fixture *f, struct str body, int http_status, int code) {
  assert_int_equal(fixture_read(f, body), STAGE_FAIL);
  assert_int_equal(f->exchange.refusal.http_status, http_status);
  assert_int_equal(f->exchange.refusal.code, code);
  assert_true(f->exchange.refusal.text.n > 0);
}

static void header(struct fixture *f, size_t at, const char *name, const char *value) {
  f->fields[at] = (struct http_field){str_of(name), str_of(value)};
  if (at >= f->http.n_fields) f->http.n_fields = at + 1;
}

static void only_posted_json_is_read(void **state) {
  static const char *const fine[] = {"application/json", "Application/JSON; charset=utf-8", " application/json ;x"};
  static const char *const wrong[] = {"", "text/plain", "application/jsonx", "application/json,text/plain"};
  struct fixture *f = *state;
  refused(f, STR(PING), 415, 415);
  for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
    header(f, 0, "content-type", fine[i]);
    assert_int_equal(fixture_read(f, STR(PING)), STAGE_NEXT);
  }
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    header(f, 0, "content-type", wrong[i]);
    refused(f, STR(PING), 415, 415);
  }
  header(f, 0, "content-type", "application/json");
  f->http.method = STR("GET");
  refused(f, STR(PING), 405, 405);
}

static void who_takes_no_json_is_told_so(void **state) {
  static const char *const fine[] = {"*/*", "text/html, application/json;q=0.5", "application/*",
                                     "application/json, text/event-stream", "APPLICATION/JSON"};
  static const char *const wrong[] = {"", "text/event-stream", "application/jsonx", "application"};
  struct fixture *f = *state;
  header(f, 0, "Content-Type", "application/json");
  for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
    header(f, 1, "Accept", fine[i]);
    assert_int_equal(fixture_read(f, STR(PING)), STAGE_NEXT);
  }
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    header(f, 1, "Accept", wrong[i]);
    refused(f, STR(PING), 406, 406);
  }
}

static void a_worker_that_holds_all_it_may_takes_no_more(void **state) {
  struct fixture *f = *state;
  header(f, 0, "Content-Type", "application/json");
  f->worker.n_calls = LIMIT_CALLS_IN_FLIGHT;
  refused(f, STR(PING), 503, 503);
  assert_int_equal(f->exchange.refusal.retry_after_s, 1);
  f->worker.n_calls = LIMIT_CALLS_IN_FLIGHT - 1;
  assert_int_equal(fixture_read(f, STR(PING)), STAGE_NEXT);
  f->worker.held_bytes = LIMIT_CALLS_BYTES;
  refused(f, STR(PING), 503, 503);
  f->worker.held_bytes = 0;
  atomic_store(&f->server.is_draining, true);
  refused(f, STR(PING), 503, 503);
}

static void what_cannot_be_parsed_is_told_where(void **state) {
  struct fixture *f = *state;
  header(f, 0, "Content-Type", "application/json");
  refused(f, STR("{\"a\":{\"b\":1,\"b\":2}}"), 400, JSONRPC_PARSE_ERROR);
  assert_str(f->exchange.refusal.text, "Parse error: duplicate key \"b\" at /a/b");
  refused(f, STR(""), 400, JSONRPC_PARSE_ERROR);
  refused(f, STR("{} {}"), 400, JSONRPC_PARSE_ERROR);
}

static void what_takes_more_memory_than_a_request_may_is_too_large(void **state) {
  struct fixture *f = *state;
  enum { N = 3 * 1024 * 1024 };
  header(f, 0, "Content-Type", "application/json");
  char *body = malloc(N);
  memset(body, '[', N);
  refused(f, str_make(body, N), 413, JSONRPC_INVALID_REQUEST);
  free(body);
}

static void batches_are_for_the_revision_that_demands_them(void **state) {
  struct fixture *f = *state;
  header(f, 0, "Content-Type", "application/json");
  assert_int_equal(fixture_read(f, STR("[" PING "," PING "]")), STAGE_NEXT); /* unnamed: 2025-03-26 */
  assert_true(f->exchange.is_batch);
  assert_int_equal(f->exchange.n_calls, 2);
  f->exchange.headers.protocol_version = STR("2025-03-26");
  f->exchange.named = mcp_revision_find(STR("2025-03-26"));
  assert_int_equal(fixture_read(f, STR("[" PING "]")), STAGE_NEXT);
  assert_true(f->exchange.is_batch);
  refused(f, STR("[]"), 400, JSONRPC_INVALID_REQUEST);
  static const char *const others[] = {"2026-07-28", "2025-11-25", "2025-06-18", "2024-11-05", "2031-01-01"};
  for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
    f->exchange.headers.protocol_version = str_of(others[i]);
    f->exchange.named = mcp_revision_find(str_of(others[i]));
    refused(f, STR("[" PING "]"), 400, JSONRPC_INVALID_REQUEST);
  }
}

static void each_message_of_a_batch_stands_for_itself(void **state) {
  struct fixture *f = *state;
  header(f, 0, "Content-Type", "application/json");
  const struct str body = STR("[" PING
                              ",5,{\"jsonrpc\":\"2.0\",\"id\":\"i\",\"method\":\"initialize\"},{\"jsonrpc\":\"2.0\","
                              "\"method\":\"x\"},{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}]");
  assert_int_equal(fixture_read(f, body), STAGE_NEXT);
  static const int codes[] = {0, JSONRPC_INVALID_REQUEST, JSONRPC_INVALID_REQUEST, 0, 0};
  static const enum jsonrpc_kind kinds[] = {JSONRPC_REQUEST, JSONRPC_REQUEST, JSONRPC_REQUEST, JSONRPC_NOTIFICATION,
                                            JSONRPC_RESPONSE};
  assert_int_equal(f->exchange.n_calls, 5);
  for (size_t i = 0; i < 5; i++) {
    assert_int_equal(f->exchange.calls[i].failure.code, codes[i]);
    assert_int_equal(f->exchange.calls[i].message.kind, kinds[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      fixture_test(only_posted_json_is_read),
      fixture_test(who_takes_no_json_is_told_so),
      fixture_test(a_worker_that_holds_all_it_may_takes_no_more),
      fixture_test(what_cannot_be_parsed_is_told_where),
      fixture_test(what_takes_more_memory_than_a_request_may_is_too_large),
      fixture_test(batches_are_for_the_revision_that_demands_them),
      fixture_test(each_message_of_a_batch_stands_for_itself),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
