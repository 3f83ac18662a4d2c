#include "unit.h"

#include <pthread.h>

#include "limit/limit.h"

static const struct limit_rate per_minute = {60, 60 * 1000000};
static const int64_t start = 1000000000;

static void a_full_bucket_holds_its_cap_and_no_more(void **state) {
  for (int64_t cap = 1; cap < 2000; cap += 13) {
    struct limit_bucket bucket = {0};
    struct limit_rate rate = {cap, 60 * 1000000};
    int64_t retry = 0;
    for (int64_t i = 0; i < cap; i++)
      assert_true(limit_take(&bucket, rate, 1, start, &retry));
    assert_false(limit_take(&bucket, rate, 1, start, &retry));
    assert_in_range(retry, 1, 60 * 1000000 / cap + 1);
  }
}

static void it_works_again_exactly_when_it_said(void **state) {
  struct limit_bucket bucket = {0};
  int64_t retry = 0;
  assert_true(limit_take(&bucket, per_minute, 60, start, &retry));
  assert_false(limit_take(&bucket, per_minute, 1, start, &retry));
  assert_int_equal(retry, 1000000);
  assert_false(limit_take(&bucket, per_minute, 1, start + retry - 1, &retry));
  assert_int_equal(retry, 1);
  assert_true(limit_take(&bucket, per_minute, 1, start + 1000000, &retry));
  assert_false(limit_take(&bucket, per_minute, 1, start + 1000000, &retry));
  assert_false(limit_take(&bucket, per_minute, 10, start + 1000000, &retry));
  assert_int_equal(retry, 10000000);
  assert_true(limit_take(&bucket, per_minute, 10, start + 11000000, &retry));
}

static void a_refusal_costs_nothing(void **state) {
  struct limit_bucket bucket = {0};
  int64_t retry;
  assert_true(limit_take(&bucket, per_minute, 60, start, &retry));
  for (int i = 0; i < 1000; i++)
    assert_false(limit_take(&bucket, per_minute, 1, start, &retry));
  assert_true(limit_take(&bucket, per_minute, 1, start + 1000000, &retry));
}

static void steady_use_never_exceeds_the_rate(void **state) {
  const int64_t caps[] = {1, 7, 60, 999, 7919};
  for (size_t c = 0; c < sizeof(caps) / sizeof(caps[0]); c++) {
    struct limit_bucket bucket = {0};
    struct limit_rate rate = {caps[c], 60 * 1000000};
    int64_t retry, taken = 0;
    for (int64_t now = start; now < start + 600 * 1000000LL; now += 3001)
      taken += limit_take(&bucket, rate, 1, now, &retry);
    /* Ten windows, and the full bucket at the start. */
    assert_in_range(taken, caps[c] * 11 - caps[c] / 10 - 1, caps[c] * 11);
  }
}

static void an_idle_bucket_fills_to_its_cap_only(void **state) {
  struct limit_bucket bucket = {0};
  int64_t retry;
  assert_true(limit_take(&bucket, per_minute, 60, start, &retry));
  int64_t later = start + 3600 * 1000000LL;
  assert_true(limit_take(&bucket, per_minute, 60, later, &retry));
  assert_false(limit_take(&bucket, per_minute, 1, later, &retry));
}

static void what_can_never_be_had_is_refused(void **state) {
  struct limit_bucket bucket = {0};
  const struct limit_rate none = {0, 60 * 1000000}, negative = {-1, 60 * 1000000};
  int64_t retry = 0;
  assert_false(limit_take(&bucket, none, 1, start, &retry));
  assert_true(retry > 0);
  assert_false(limit_peek(&bucket, none, start, &retry));
  assert_false(limit_take(&bucket, negative, 1, start, &retry));
  assert_false(limit_take(&bucket, per_minute, 61, start, &retry));
  assert_true(limit_take(&bucket, per_minute, 60, start, &retry));
}

static void looking_takes_nothing(void **state) {
  struct limit_bucket bucket = {0};
  int64_t retry;
  for (int i = 0; i < 1000; i++)
    assert_true(limit_peek(&bucket, per_minute, start, &retry));
  assert_true(limit_take(&bucket, per_minute, 0, start, &retry));
  assert_int_equal(bucket.full_at_us, 0);
  assert_true(limit_take(&bucket, per_minute, 60, start, &retry));
  assert_false(limit_peek(&bucket, per_minute, start, &retry));
  assert_int_equal(retry, 1000000);
}

static void a_new_rate_forgives_what_the_old_one_would_not(void **state) {
  struct limit_bucket bucket = {0};
  const struct limit_rate per_day = {1, 86400 * 1000000LL};
  int64_t retry;
  assert_true(limit_take(&bucket, per_day, 1, start, &retry));
  assert_false(limit_take(&bucket, per_minute, 1, start, &retry));
  assert_int_equal(retry, 1000000);
  assert_false(limit_take(&bucket, per_day, 1, start, &retry));
}

static void more_than_one_a_microsecond_is_still_a_limit(void **state) {
  struct limit_bucket bucket = {0};
  const struct limit_rate fast = {1000, 10};
  int64_t retry;
  assert_true(limit_take(&bucket, fast, 1000, start, &retry));
  assert_false(limit_take(&bucket, fast, 1, start, &retry));
}

static struct limit_bucket shared;
static _Atomic(int) admitted;

static void *take_many(void *unused) {
  (void)unused;
  int64_t retry;
  for (int i = 0; i < 20000; i++) {
    if (limit_take(&shared, (struct limit_rate){10000, 60 * 1000000}, 1, start, &retry)) admitted++;
  }
  return NULL;
}

static void threads_together_get_exactly_the_cap(void **state) {
  pthread_t threads[4];
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, take_many, NULL), 0);
  for (size_t i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  assert_int_equal(admitted, 10000);
}

static void an_address_keeps_its_bucket(void **state) {
  struct limit_peers *peers = limit_peers_new();
  assert_non_null(peers);
  struct limit_bucket *bucket = limit_peers_bucket(peers, STR("192.0.2.1"));
  char copy[] = "192.0.2.1";
  assert_ptr_equal(limit_peers_bucket(peers, str_of(copy)), bucket);
  int64_t retry;
  assert_true(limit_take(bucket, per_minute, 60, start, &retry));
  size_t n_refused = 0;
  for (int i = 0; i < 10000; i++) {
    char address[32];
    int n = snprintf(address, sizeof(address), "198.51.%d.%d", i / 256, i % 256);
    n_refused += !limit_peek(limit_peers_bucket(peers, str_make(address, (size_t)n)), per_minute, start, &retry);
  }
  /* About 10000 / 4096 share its bucket. */
  assert_in_range(n_refused, 0, 20);
  limit_peers_free(peers);
  limit_peers_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_full_bucket_holds_its_cap_and_no_more),
      cmocka_unit_test(it_works_again_exactly_when_it_said),
      cmocka_unit_test(a_refusal_costs_nothing),
      cmocka_unit_test(steady_use_never_exceeds_the_rate),
      cmocka_unit_test(an_idle_bucket_fills_to_its_cap_only),
      cmocka_unit_test(what_can_never_be_had_is_refused),
      cmocka_unit_test(looking_takes_nothing),
      cmocka_unit_test(a_new_rate_forgives_what_the_old_one_would_not),
      cmocka_unit_test(more_than_one_a_microsecond_is_still_a_limit),
      cmocka_unit_test(threads_together_get_exactly_the_cap),
      cmocka_unit_test(an_address_keeps_its_bucket),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
