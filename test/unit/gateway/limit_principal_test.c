/* The access token's rate, and which refusals are on record. */
#include "fixture.h"

#define CALL \
  "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"sqlite_query\",\"arguments\":{}}}"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}"

static void drain(struct fixture *f) {
  int64_t retry_us;
  while (limit_take(&f->token.bucket, f->snapshot.token_rate, 1, loop_now_us(&f->worker.loop), &retry_us)) {
  }
}

static struct call *refused(struct fixture *f, const char *body) {
  struct call *call = fixture_call(f, body);
  assert_int_equal(stage_limit_principal(call), STAGE_FAIL);
  assert_int_equal(call->failure.code, 429);
  assert_int_equal(call->failure.http_status, 429);
  assert_true(call->failure.retry_after_s >= 1);
  return call;
}

static bool is_recorded(const struct call *call) {
  return call->method && call->method->set == FOR_ACTIONS;
}

static uint64_t n_counted(const struct fixture *f) {
  return atomic_load(&f->worker.metrics.calls[AUDIT_DENIED][AUDIT_NONE]);
}

static void as_many_as_the_rate_says_pass(void **state) {
  struct fixture *f = *state;
  f->snapshot.token_rate.cap = 3;
  for (int i = 0; i < 3; i++)
    assert_int_equal(stage_limit_principal(fixture_call(f, i ? CALL : LIST)), STAGE_NEXT);
  refused(f, LIST);
  loop_age(&f->worker.loop, FIXTURE_MINUTE_US / 3);
  assert_int_equal(stage_limit_principal(fixture_call(f, LIST)), STAGE_NEXT);
  refused(f, LIST);
}

static void a_tokens_own_rate_counts_before_its_organisations(void **state) {
  struct fixture *f = *state;
  struct limit_rate none = {0, FIXTURE_MINUTE_US};
  assert_ok(map_put(&f->snapshot.token_rates, uuid_bytes(&f->token.id), &none));
  refused(f, LIST);
}

static void the_first_refused_call_of_a_minute_is_on_record(void **state) {
  struct fixture *f = *state;
  drain(f);
  fixture_field(f, "Content-Type", "application/json");
  fixture_field(f, "User-Agent", "probe");
  struct call *call = refused(f, CALL);
  assert_true(is_recorded(call));
  call_fill_event(call, AUDIT_CALL);
  assert_int_equal(call->event.decision, AUDIT_DENIED);
  assert_int_equal(call->event.outcome, AUDIT_NONE);
  assert_str(call->event.reason, "rate");
  assert_str(call->event.tool, "sqlite_query");
  assert_str(call->event.client, "probe");
  assert_int_equal(n_counted(f), 0); /* call_dispose counts it, with its record */

  for (uint64_t i = 1; i <= 5; i++) {
    assert_false(is_recorded(refused(f, CALL)));
    assert_int_equal(n_counted(f), i);
  }
  loop_age(&f->worker.loop, FIXTURE_MINUTE_US);
  drain(f);
  assert_true(is_recorded(refused(f, CALL)));
  assert_false(is_recorded(refused(f, CALL)));
}

static void what_calls_no_tool_is_refused_without_a_record(void **state) {
  struct fixture *f = *state;
  drain(f);
  assert_false(is_recorded(refused(f, LIST)));
  assert_false(is_recorded(refused(f, "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":{\"name\":\"x\"}}")));
  assert_false(is_recorded(refused(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/callx\"}")));
  assert_int_equal(n_counted(f), 0);
  assert_true(is_recorded(refused(f, CALL))); /* none of them has taken its record's place */
}

static void a_message_that_cannot_be_read_counts_too(void **state) {
  struct fixture *f = *state;
  f->snapshot.token_rate.cap = 1;
  struct call *call = fixture_call(f, "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"tools/call\"}");
  assert_int_equal(stage_limit_principal(call), STAGE_FAIL);
  assert_int_equal(call->failure.code, JSONRPC_INVALID_REQUEST);
  assert_false(is_recorded(refused(f, "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"tools/call\"}")));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      fixture_test(as_many_as_the_rate_says_pass),
      fixture_test(a_tokens_own_rate_counts_before_its_organisations),
      fixture_test(the_first_refused_call_of_a_minute_is_on_record),
      fixture_test(what_calls_no_tool_is_refused_without_a_record),
      fixture_test(a_message_that_cannot_be_read_counts_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
