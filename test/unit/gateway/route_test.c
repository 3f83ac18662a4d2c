/* Era, session, method. */
#include "fixture.h"
#include "gateway/session.h"

static enum stage_verdict route(struct fixture *f, const char *revision, const char *body, struct call **ret_call) {
  f->exchange.headers = (struct mcp_headers){.protocol_version = revision ? str_of(revision) : STR_NONE};
  f->exchange.named = revision ? mcp_revision_find(str_of(revision)) : NULL;
  *ret_call = fixture_call(f, body);
  if ((*ret_call)->message.method.n) f->exchange.headers.method = (*ret_call)->message.method;
  return stage_route(*ret_call);
}

static void a_method_is_found_in_its_era_alone(void **state) {
  struct fixture *f = *state;
  struct call *call;
  assert_int_equal(route(f, NULL, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", &call), STAGE_NEXT);
  assert_str(call->method->name, "ping");
  const char *const now = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{\"_meta\":{\"" MCP_META_VERSION
                          "\":\"2026-07-28\",\"" MCP_META_CLIENT_CAPABILITIES "\":{}}}}";
  assert_int_equal(route(f, "2026-07-28", now, &call), STAGE_FAIL);
  assert_int_equal(call->failure.code, JSONRPC_METHOD_NOT_FOUND);
  assert_int_equal(call->failure.http_status, 404);
  assert_int_equal(route(f, NULL, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"nope\"}", &call), STAGE_FAIL);
  assert_int_equal(call->failure.code, JSONRPC_METHOD_NOT_FOUND);
  assert_int_equal(call->failure.http_status, 0);
}

static void what_is_asked_without_an_id_is_never_carried_out(void **state) {
  struct fixture *f = *state;
  struct call *call;
  static const char *const bodies[] = {"{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":{\"name\":\"x\"}}",
                                       "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/unheard\"}"};
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(route(f, NULL, bodies[i], &call), STAGE_DONE);
    assert_null(call->method);
    assert_int_equal(call->failure.code, 0);
  }
}

/* Its rate was asked for meanwhile: nobody knew then which era it is of. */
static void a_modern_client_that_has_left_has_cancelled_and_a_legacy_one_has_not(void **state) {
  struct fixture *f = *state;
  struct call *call;
  const char *const now =
      "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":{\"" MCP_META_VERSION
      "\":\"2026-07-28\",\"" MCP_META_CLIENT_CAPABILITIES "\":{}}}}";
  f->http.has_departed = true;
  (void)route(f, "2026-07-28", now, &call);
  assert_true(call->is_cancelled);
  (void)route(f, NULL, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}", &call);
  assert_false(call->is_cancelled);
}

/* "Header requirements for notification POSTs are not defined by this revision." */
static void a_modern_notification_needs_no_meta(void **state) {
  struct fixture *f = *state;
  struct call *call;
  assert_int_equal(route(f, "2026-07-28", "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}", &call), STAGE_DONE);
  assert_int_equal(call->failure.code, 0);
}

static void a_response_is_taken_where_clients_may_send_one(void **state) {
  struct fixture *f = *state;
  struct call *call;
  const char *const body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}";
  assert_int_equal(route(f, NULL, body, &call), STAGE_DONE);
  assert_int_equal(route(f, "2025-11-25", body, &call), STAGE_DONE);
  assert_int_equal(route(f, "2026-07-28", body, &call), STAGE_FAIL);
  assert_int_equal(call->failure.http_status, 400);
  assert_false(call_wants_response(call));
}

static void a_session_that_is_not_this_users_is_404_but_for_initialize(void **state) {
  struct fixture *f = *state;
  struct call *call;
  const char *const list = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}";
  f->exchange.session = session_new(&f->arena, &f->snapshot, &f->user, STR("probe"), STR("3"), NULL, 7, 0);
  assert_int_equal(route(f, "2025-11-25", list, &call), STAGE_NEXT);
  assert_str(f->exchange.held.client, "probe 3");
  const struct str wrong[] = {STR(""), STR("x"),
                              session_new(&f->arena, &f->snapshot, &f->other_user, STR("probe"), STR("3"), NULL, 7, 0)};
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    f->exchange.session = wrong[i];
    assert_int_equal(route(f, "2025-11-25", list, &call), STAGE_FAIL);
    assert_int_equal(call->failure.http_status, 404);
    assert_int_equal(route(f, NULL,
                           "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
                           "\"2025-11-25\"}}",
                           &call),
                     STAGE_NEXT);
  }
}

static void the_messages_own_trace_counts_before_the_headers(void **state) {
  struct fixture *f = *state;
  struct call *call;
  trace_begin(&f->exchange.trace, &f->worker.traces, STR("00-11111111111111111111111111111111-2222222222222222-00"));
  assert_int_equal(
      route(f, NULL,
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":{\"traceparent\":"
            "\"00-33333333333333333333333333333333-4444444444444444-01\"}}}",
            &call),
      STAGE_NEXT);
  assert_string_equal(f->exchange.trace.id, "33333333333333333333333333333333");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      fixture_test(a_method_is_found_in_its_era_alone),
      fixture_test(what_is_asked_without_an_id_is_never_carried_out),
      fixture_test(a_modern_client_that_has_left_has_cancelled_and_a_legacy_one_has_not),
      fixture_test(a_modern_notification_needs_no_meta),
      fixture_test(a_response_is_taken_where_clients_may_send_one),
      fixture_test(a_session_that_is_not_this_users_is_404_but_for_initialize),
      fixture_test(the_messages_own_trace_counts_before_the_headers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
