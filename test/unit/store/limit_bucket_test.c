#include "store/limit_bucket.h"
#include "store/fixture.h"

/* Long enough that nothing fills again while a test runs. */
enum { CAP = 30 };
static const int64_t cost_us = INT64_C(86400) * 1000000;

static struct bucket_ask ask_for(const struct store_test *t, uint8_t token, int64_t wanted) {
  struct bucket_ask ask = {.organisation_id = t->acme.id, .cap = CAP, .cost_us = cost_us, .wanted = wanted};
  memset(ask.token_id.b, token, sizeof ask.token_id.b);
  return ask;
}

static struct bucket_ask take(struct db_tx *tx, const struct store_test *t, int64_t wanted) {
  struct bucket_ask ask = ask_for(t, 7, wanted), *asks[] = {&ask};
  assert_ok(store_limit_bucket_take(tx, asks, 1, &test_err));
  return ask;
}

static int64_t full_at(struct db_tx *tx) {
  int64_t at = -1;
  assert_ok(db_one_number(tx, "SELECT full_at FROM limit_bucket", &at, &test_err));
  return at;
}

static int64_t now(struct db_tx *tx) {
  int64_t at;
  assert_ok(db_clock(tx, &at, &test_err));
  return at;
}

static void set_full_at(struct db_tx *tx, int64_t at) {
  assert_ok(db_exec(tx, "UPDATE limit_bucket SET full_at = $1", DB_PARAMS(DB_V_INT(at)), &test_err));
}

STORE_TEST(a_bucket_gives_what_it_has_and_says_when_it_has_more) {
  struct bucket_ask ask = take(tx, t, 20);
  assert_int_equal(ask.granted, 20);
  assert_int_equal(ask.retry_us, 0);
  ask = take(tx, t, 20);
  assert_int_equal(ask.granted, 10);
  assert_in_range(ask.retry_us, cost_us - 60000000, cost_us);
  ask = take(tx, t, 1);
  assert_int_equal(ask.granted, 0);
  assert_in_range(ask.retry_us, cost_us - 60000000, cost_us);
  set_full_at(tx, full_at(tx) - 3 * cost_us);
  ask = take(tx, t, 5);
  assert_int_equal(ask.granted, 3);
  assert_true(ask.retry_us > 0);
}

STORE_TEST(one_that_is_full_gives_its_cap_at_most) {
  assert_int_equal(take(tx, t, 1).granted, 1);
  set_full_at(tx, now(tx) - 1000 * cost_us);
  assert_int_equal(take(tx, t, 1000).granted, CAP);
  assert_int_equal(take(tx, t, 1000).granted, 0);
}

STORE_TEST(one_that_nobody_has_asked_is_full) {
  struct bucket_ask ask = take(tx, t, 1000);
  assert_int_equal(ask.granted, CAP);
  assert_in_range(ask.retry_us, cost_us - 60000000, cost_us);
  assert_int_equal(take(tx, t, 1).granted, 0);
}

/* Another server, whose clock was read later, was faster. */
STORE_TEST(a_time_read_before_the_last_grant_gives_nothing_back) {
  assert_int_equal(take(tx, t, CAP).granted, CAP);
  int64_t later = full_at(tx) + 2000000;
  set_full_at(tx, later);
  struct bucket_ask ask = take(tx, t, 1);
  assert_int_equal(ask.granted, 0);
  assert_true(full_at(tx) == later);
}

STORE_TEST(a_clock_that_was_set_back_locks_nobody_out_for_longer_than_an_empty_bucket) {
  assert_int_equal(take(tx, t, CAP).granted, CAP);
  set_full_at(tx, full_at(tx) + 1000 * cost_us);
  assert_int_equal(take(tx, t, 1).granted, 0);
  assert_in_range(full_at(tx), now(tx) + (CAP - 1) * cost_us, now(tx) + CAP * cost_us);
}

STORE_TEST(a_rate_that_was_changed_counts_from_now_on) {
  struct bucket_ask ask = take(tx, t, CAP), *asks[] = {&ask};
  ask.cap = 10 * CAP, ask.cost_us = cost_us / 10, ask.wanted = 5;
  set_full_at(tx, full_at(tx) - 2 * cost_us);
  assert_ok(store_limit_bucket_take(tx, asks, 1, &test_err));
  assert_int_equal(ask.granted, 5); /* of 20 */
  ask.wanted = 100;
  assert_ok(store_limit_bucket_take(tx, asks, 1, &test_err));
  assert_int_equal(ask.granted, 15);
}

STORE_TEST(many_are_asked_at_once_and_each_has_its_own) {
  struct bucket_ask list[11], *asks[11];
  for (int round = 0; round < 2; round++) {
    for (uint8_t i = 0; i < 11; i++) {
      list[i] = ask_for(t, i, 15 + i);
      asks[i] = &list[i];
    }
    assert_ok(store_limit_bucket_take(tx, asks, 11, &test_err));
    for (int64_t i = 0; i < 11; i++)
      assert_int_equal(list[i].granted, round ? (15 - i < 15 + i ? 15 - i : 15 + i) : 15 + i);
  }
}

STORE_TEST(a_bucket_that_was_full_for_a_while_is_taken_away_and_no_other) {
  int64_t n = -1;
  struct bucket_ask list[] = {ask_for(t, 1, 1), ask_for(t, 2, 1), ask_for(t, 3, 1)};
  struct bucket_ask *asks[] = {&list[0], &list[1], &list[2]};
  assert_ok(store_limit_bucket_take(tx, asks, 3, &test_err));
  assert_ok(db_exec(tx, "UPDATE limit_bucket SET full_at = $1 WHERE token_id = $2",
                    DB_PARAMS(DB_V_INT(now(tx) - 61000000), DB_V_UUID(list[0].token_id)), &test_err));
  assert_ok(db_exec(tx, "UPDATE limit_bucket SET full_at = $1 WHERE token_id = $2",
                    DB_PARAMS(DB_V_INT(now(tx) - 1000000), DB_V_UUID(list[1].token_id)), &test_err));
  assert_ok(store_limit_bucket_sweep(ARENA, 60000000, &test_err));
  assert_ok(db_one_number(tx, "SELECT count(*) FROM limit_bucket", &n, &test_err));
  assert_int_equal(n, 2);
  assert_ok(store_limit_bucket_sweep(ARENA, 0, &test_err));
  assert_ok(db_one_number(tx, "SELECT count(*) FROM limit_bucket", &n, &test_err));
  assert_int_equal(n, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_UNIT(a_bucket_gives_what_it_has_and_says_when_it_has_more),
      STORE_UNIT(one_that_is_full_gives_its_cap_at_most),
      STORE_UNIT(one_that_nobody_has_asked_is_full),
      STORE_UNIT(a_time_read_before_the_last_grant_gives_nothing_back),
      STORE_UNIT(a_clock_that_was_set_back_locks_nobody_out_for_longer_than_an_empty_bucket),
      STORE_UNIT(a_rate_that_was_changed_counts_from_now_on),
      STORE_UNIT(many_are_asked_at_once_and_each_has_its_own),
      STORE_UNIT(a_bucket_that_was_full_for_a_while_is_taken_away_and_no_other),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
