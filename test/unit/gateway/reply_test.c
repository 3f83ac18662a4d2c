/* What a client reads. */
#include "fixture.h"

static struct str reply(struct call *call) {
  assert_int_equal(stage_reply(call), STAGE_DONE);
  return buf_str(&call->reply);
}

static void names(struct fixture *f, const char *revision) {
  f->exchange.named = revision ? mcp_revision_find(str_of(revision)) : NULL;
}

static void an_error_without_an_id_is_as_its_revision_has_it(void **state) {
  struct fixture *f = *state;
  const char *const unreadable = "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}";
  static const char *const with_null[] = {NULL, "2024-11-05", "2025-03-26", "2025-06-18"};
  static const char *const without[] = {"2025-11-25", "2026-07-28"};
  for (size_t i = 0; i < sizeof(with_null) / sizeof(with_null[0]); i++) {
    names(f, with_null[i]);
    struct str text = reply(fixture_call(f, unreadable));
    assert_true(str_starts(text, STR("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,")));
  }
  for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
    names(f, without[i]);
    struct str text = reply(fixture_call(f, unreadable));
    assert_true(str_starts(text, STR("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,")));
  }
  names(f, "2026-07-28");
  struct str text = reply(fixture_call(f, "{\"jsonrpc\":\"1.0\",\"id\":\"x\",\"method\":\"ping\"}"));
  assert_true(str_starts(text, STR("{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"error\":")));
}

static void a_result_stands_under_its_id(void **state) {
  struct fixture *f = *state;
  struct call *call = fixture_call(f, "{\"jsonrpc\":\"2.0\",\"id\":\"a\\\"b\",\"method\":\"ping\"}");
  buf_append_c(&call->result, "{}");
  assert_str(reply(call), "{\"jsonrpc\":\"2.0\",\"id\":\"a\\\"b\",\"result\":{}}");
}

static void a_tools_answer_has_the_form_of_its_era(void **state) {
  struct fixture *f = *state;
  static const char *const revisions[] = {"2025-11-25", "2026-07-28"};
  for (size_t i = 0; i < 2; i++) {
    struct call *call = fixture_call(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}");
    call->envelope.revision = mcp_revision_find(str_of(revisions[i]));
    call->invocation.result = (struct connector_result){.is_error = true, .text = STR("no")};
    call->has_answer = true;
    struct str text = reply(call);
    yyjson_doc *doc;
    assert_ok(json_read(&f->arena, text, &doc, &test_err));
    yyjson_val *result = json_get(yyjson_doc_get_root(doc), "result");
    assert_true(yyjson_get_bool(json_get(result, "isError")));
    assert_int_equal(json_get_str(result, "resultType").n > 0, i == 1);
  }
}

static void nobody_answers_a_notification_or_what_a_legacy_client_has_cancelled(void **state) {
  struct fixture *f = *state;
  struct call *call = fixture_call(f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}");
  call_fail(call, 400, JSONRPC_INVALID_REQUEST, "no");
  assert_int_equal(reply(call).n, 0);
  call = fixture_call(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}");
  call->envelope.revision = mcp_revision_unnamed();
  call->is_cancelled = true;
  assert_false(call_wants_response(call));
  assert_int_equal(reply(call).n, 0);
  call->envelope.revision = mcp_revision_find(STR("2026-07-28")); /* its client has gone: nobody reads it */
  assert_true(call_wants_response(call));
}

static void an_answer_that_finds_no_room_is_an_error_or_nothing_never_a_part(void **state) {
  struct fixture *f = *state;
  enum { ROOM = 600 };
  for (size_t room = 0; room < ROOM; room += 8) {
    struct call *call = fixture_call(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}");
    call->envelope.revision = mcp_revision_unnamed();
    call->invocation.result.text =
        STR("a result of some length, so that it finds no room in what is left of the memory");
    call->has_answer = true;
    f->http.arena.max = f->http.arena.used + room;
    struct str text = reply(call);
    f->http.arena.max = LIMIT_HTTP_REQUEST_ARENA;
    yyjson_doc *doc;
    if (buf_failed(&call->reply) || text.n == 0) continue;
    assert_ok(json_read(&f->arena, text, &doc, &test_err));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      fixture_test(an_error_without_an_id_is_as_its_revision_has_it),
      fixture_test(a_result_stands_under_its_id),
      fixture_test(a_tools_answer_has_the_form_of_its_era),
      fixture_test(nobody_answers_a_notification_or_what_a_legacy_client_has_cancelled),
      fixture_test(an_answer_that_finds_no_room_is_an_error_or_nothing_never_a_part),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
