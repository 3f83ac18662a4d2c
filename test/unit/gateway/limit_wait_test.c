/* Calls that wait for their rate's bucket, with the thread that asks it played by the test. */
#include "gateway/limit_wait.h"
#include "cluster/shares.h"
#include "fixture.h"
#include "identity/token_index.h"
#include "limit/share.h"

#define CALL \
  "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"sqlite_query\",\"arguments\":{}}}"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}"

struct shares {
  struct share_ask *ask; /* under way */
  int n_asked;
};

static struct shares fake;
static struct {
  struct call *call;
  enum stage_verdict verdict;
} resumed[32];
static size_t n_resumed;

void __wrap_shares_ask(struct shares *shares, struct share_ask *ask);
void __wrap_shares_ask(struct shares *shares, struct share_ask *ask) {
  assert_null(shares->ask);
  shares->ask = ask;
  shares->n_asked++;
}

void __wrap_call_run(struct call *call);
void __wrap_call_run(struct call *call) {
  resumed[n_resumed].call = call;
  resumed[n_resumed++].verdict = stage_limit_principal(call);
}

static int set_up(void **state) {
  int failed = fixture_setup(state);
  struct fixture *f = *state;
  memset(f->token.hash, 7, sizeof f->token.hash);
  assert_ok(token_index_new(&f->server.tokens, &test_err));
  assert_ok(token_index_put(f->server.tokens, &f->token, &test_err));
  f->exchange.principal.token = token_index_find(f->server.tokens, f->token.hash);
  memcpy(f->exchange.principal.token_hash, f->token.hash, sizeof f->token.hash);
  f->server.shares = &fake;
  assert_non_null(f->worker.timers = timers_new(&f->worker.loop));
  fake = (struct shares){0};
  n_resumed = 0;
  return failed;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  assert_null(fake.ask);
  assert_int_equal(f->worker.limit_waits.count, 0);
  assert_int_equal(f->worker.n_exchanges, 0);
  limit_waits_free(&f->worker);
  token_index_free(f->server.tokens);
  timers_free(f->worker.timers);
  return fixture_teardown(state);
}

/* What the bucket says. */
static void answer(int64_t granted, int64_t retry_us) {
  struct share_ask *ask = fake.ask;
  fake.ask = NULL;
  ask->bucket.granted = granted;
  ask->bucket.retry_us = retry_us;
  ask->done(ask);
}

static void fail_to_answer(void) {
  fake.ask->code = ERR_UNAVAILABLE;
  answer(0, 0);
}

/* Another turn may have gone by. */
static struct call *arriving(struct fixture *f, const char *body) {
  f->exchange.principal.token = token_index_find(f->server.tokens, f->token.hash);
  return fixture_call(f, body);
}

static struct call *waiting(struct fixture *f, const char *body) {
  struct call *call = arriving(f, body);
  assert_int_equal(stage_limit_principal(call), STAGE_WAIT);
  return call;
}

static size_t count(enum stage_verdict verdict) {
  size_t n = 0;
  for (size_t i = 0; i < n_resumed; i++)
    n += resumed[i].verdict == verdict;
  return n;
}

static void a_call_of_a_small_rate_waits_for_its_own_ask(void **state) {
  struct fixture *f = *state;
  struct call *call = waiting(f, LIST);
  assert_int_equal(fake.ask->bucket.wanted, 1);
  assert_int_equal(fake.ask->bucket.cap, 60);
  assert_int_equal(fake.ask->bucket.cost_us, 1000000);
  assert_true(uuid_eq(fake.ask->bucket.token_id, f->token.id));
  assert_int_equal(stage_limit_principal(call), STAGE_WAIT); /* whatever else wakes it */
  answer(1, 0);
  assert_int_equal(n_resumed, 1);
  assert_int_equal(resumed[0].verdict, STAGE_NEXT);
  waiting(f, LIST);
  answer(1, 0);
  assert_int_equal(fake.n_asked, 2);
}

static void those_who_come_meanwhile_are_asked_for_together(void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 10; i++)
    waiting(f, LIST);
  assert_int_equal(fake.n_asked, 1);
  answer(1, 0);
  assert_int_equal(n_resumed, 1);
  assert_int_equal(fake.ask->bucket.wanted, 9);
  answer(4, 700000);
  assert_int_equal(count(STAGE_NEXT), 5);
  assert_int_equal(count(STAGE_FAIL), 5);
  for (size_t i = 5; i < 10; i++) {
    assert_int_equal(resumed[i].call->failure.code, 429);
    assert_int_equal(resumed[i].call->failure.retry_after_s, 1);
  }
}

static void what_the_bucket_said_holds_until_then(void **state) {
  struct fixture *f = *state;
  waiting(f, LIST);
  answer(0, 1500000);
  assert_int_equal(stage_limit_principal(arriving(f, LIST)), STAGE_FAIL);
  assert_int_equal(f->exchange.calls->failure.retry_after_s, 2);
  assert_int_equal(fake.n_asked, 1);
  loop_age(&f->worker.loop, 1500000);
  waiting(f, LIST);
  answer(1, 0);
  assert_int_equal(count(STAGE_NEXT), 1);
}

static void who_came_after_the_ask_is_asked_for_when_there_may_be_something(void **state) {
  struct fixture *f = *state;
  waiting(f, LIST);
  waiting(f, LIST);
  loop_age(&f->worker.loop, 200000);
  answer(0, 100000); /* it said so long ago */
  assert_int_equal(count(STAGE_FAIL), 1);
  assert_int_equal(fake.ask->bucket.wanted, 1);
  answer(1, 0);
  assert_int_equal(count(STAGE_NEXT), 1);
}

static void a_large_rate_lets_calls_in_without_asking(void **state) {
  struct fixture *f = *state;
  int n = 0;
  f->snapshot.token_rate.cap = 60000;
  for (int i = 0; i < 200; i++) {
    enum stage_verdict verdict = stage_limit_principal(arriving(f, LIST));
    n += verdict == STAGE_NEXT;
    assert_int_not_equal(verdict, STAGE_FAIL);
    if (fake.ask) answer(fake.ask->bucket.wanted, 0);
  }
  assert_int_equal(n + (int)count(STAGE_NEXT), 200);
  assert_in_range(fake.n_asked, 3, 20);
}

static void where_the_database_does_not_answer_nobody_is_let_in(void **state) {
  struct fixture *f = *state;
  waiting(f, CALL);
  waiting(f, CALL);
  fail_to_answer();
  assert_int_equal(count(STAGE_FAIL), 2);
  for (size_t i = 0; i < 2; i++) {
    const struct failure *failure = &resumed[i].call->failure;
    assert_int_equal(failure->code, 503);
    assert_int_equal(failure->http_status, 503);
    assert_int_equal(failure->retry_after_s, 1);
    assert_null(resumed[i].call->method); /* no refusal for a rate: none is on record */
  }
  waiting(f, CALL); /* and asked again */
  answer(1, 0);
}

static void nobody_waits_for_ever(void **state) {
  struct fixture *f = *state;
  waiting(f, LIST);
  loop_age(&f->worker.loop, LIMIT_SHARE_WAIT_MS * INT64_C(1000));
  while (n_resumed == 0)
    uv_run(&f->worker.loop.uv, UV_RUN_ONCE);
  assert_int_equal(resumed[0].verdict, STAGE_FAIL);
  assert_int_equal(resumed[0].call->failure.code, 503);
  waiting(f, LIST);
  assert_int_equal(fake.n_asked, 1);
  answer(1, 0); /* it was for the first, and the second has it */
  assert_int_equal(count(STAGE_NEXT), 1);
}

static void the_first_that_is_refused_is_on_record_also_when_it_waited(void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 4; i++)
    waiting(f, CALL);
  answer(1, 0);
  answer(0, 1000000);
  assert_int_equal(count(STAGE_FAIL), 3);
  for (size_t i = 1; i < 4; i++)
    assert_true((resumed[i].call->method != NULL) == (i == 1));
  assert_str(resumed[1].call->reason, "rate");
}

static void a_token_that_was_revoked_meanwhile_lets_nobody_in(void **state) {
  struct fixture *f = *state;
  waiting(f, CALL);
  waiting(f, CALL);
  assert_ok(token_index_remove(f->server.tokens, f->token.hash, &test_err));
  answer(1, 0);
  answer(0, 1000000);
  assert_int_equal(count(STAGE_FAIL), 2);
  assert_int_equal(resumed[0].call->failure.http_status, 401);
  assert_int_equal(resumed[1].call->failure.http_status, 429);
}

static void a_message_that_cannot_be_read_counts_too(void **state) {
  struct fixture *f = *state;
  struct call *call = waiting(f, "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"tools/call\"}");
  answer(1, 0);
  assert_int_equal(resumed[0].verdict, STAGE_FAIL);
  assert_int_equal(call->failure.code, JSONRPC_INVALID_REQUEST);
}

/* Calls of the dashboard: their rate is the API's. */
static void who_has_no_token_is_not_asked_for(void **state) {
  struct fixture *f = *state;
  f->exchange.principal.token_id = (struct uuid){{0}};
  assert_int_equal(stage_limit_principal(arriving(f, CALL)), STAGE_NEXT);
}

#define wait_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      wait_test(a_call_of_a_small_rate_waits_for_its_own_ask),
      wait_test(those_who_come_meanwhile_are_asked_for_together),
      wait_test(what_the_bucket_said_holds_until_then),
      wait_test(who_came_after_the_ask_is_asked_for_when_there_may_be_something),
      wait_test(a_large_rate_lets_calls_in_without_asking),
      wait_test(where_the_database_does_not_answer_nobody_is_let_in),
      wait_test(nobody_waits_for_ever),
      wait_test(the_first_that_is_refused_is_on_record_also_when_it_waited),
      wait_test(a_token_that_was_revoked_meanwhile_lets_nobody_in),
      wait_test(a_message_that_cannot_be_read_counts_too),
      wait_test(who_has_no_token_is_not_asked_for),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
