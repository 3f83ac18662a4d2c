#include "unit.h"

#include <pthread.h>

#include "limit/share.h"

enum { MINUTE_US = 60 * 1000 * 1000, MS = 1000 };

static const struct limit_rate small = {600, MINUTE_US}, large = {6000, MINUTE_US};
static const int64_t start = INT64_C(86400) * 1000000;

static enum limit_share_answer take(struct limit_bucket *bucket, struct limit_rate rate, int64_t at, int64_t *ahead) {
  int64_t retry_us = -1;
  enum limit_share_answer answer = limit_share_take(bucket, rate, at, ahead, &retry_us);
  if (answer == LIMIT_SHARE_REFUSED) assert_true(retry_us > 0);
  return answer;
}

static void end(struct limit_bucket *bucket, struct limit_rate rate, int64_t ahead, int64_t granted, int64_t at) {
  const struct limit_share_grant grant = {.ahead = ahead, .granted = granted, .asked_us = at};
  limit_share_end(bucket, rate, &grant, at);
}

static void dry(struct limit_bucket *bucket, struct limit_rate rate, int64_t ahead, int64_t retry_us, int64_t at) {
  const struct limit_share_grant grant = {.ahead = ahead, .is_dry = true, .retry_us = retry_us, .asked_us = at};
  limit_share_end(bucket, rate, &grant, at);
}

/* A share of `n` that was asked for at `at`. */
static struct limit_bucket share_of(int64_t n, int64_t at) {
  struct limit_bucket bucket = {0};
  end(&bucket, large, n, n, at);
  return bucket;
}

static void of_a_small_rate_every_call_is_asked_for(void **state) {
  struct limit_bucket bucket = {0};
  int64_t ahead;
  for (int i = 0; i < 100; i++) {
    assert_int_equal(take(&bucket, small, start + i * MS, &ahead), LIMIT_SHARE_UNKNOWN);
    assert_int_equal(ahead, 0);
    end(&bucket, small, 0, 0, start + i * MS);
  }
}

static void who_calls_once_in_a_while_asks_for_nothing_ahead(void **state) {
  struct limit_bucket bucket = {0};
  int64_t ahead, at = start;
  for (int i = 0; i < 10; i++, at += 1500 * MS) {
    assert_int_equal(take(&bucket, large, at, &ahead), LIMIT_SHARE_UNKNOWN);
    assert_int_equal(ahead, 0);
    end(&bucket, large, 0, 0, at + 5 * MS);
  }
}

static void a_share_grows_with_its_use_to_a_seconds_worth(void **state) {
  struct limit_bucket bucket = {0};
  int64_t ahead, size = 0, at = start;
  for (int i = 0; i < 1000; i++, at += MS / 10) {
    (void)take(&bucket, large, at, &ahead);
    if (ahead == 0 && size > 0) continue;
    assert_in_range(ahead, 0, 100);
    assert_true(ahead >= size);
    size = ahead;
    end(&bucket, large, ahead, ahead, at);
  }
  assert_int_equal(size, 100);
  const struct limit_rate huge = {INT64_C(100000000), MINUTE_US};
  for (int i = 0; i < 100000; i++, at += 1) {
    (void)take(&bucket, huge, at, &ahead);
    assert_in_range(ahead, 0, LIMIT_SHARE_MAX);
    if (ahead > 0) end(&bucket, huge, ahead, ahead, at);
  }
}

static void it_is_asked_for_again_when_half_is_used_and_by_one_alone(void **state) {
  struct limit_bucket bucket = share_of(10, start);
  int64_t ahead, n_asked = 0;
  for (int i = 1; i <= 10; i++) {
    assert_int_equal(take(&bucket, large, start + MS, &ahead), LIMIT_SHARE_ADMITTED);
    assert_true(ahead == 0 || i == 5);
    n_asked += ahead > 0;
  }
  assert_int_equal(n_asked, 1);
  assert_int_equal(take(&bucket, large, start + MS, &ahead), LIMIT_SHARE_UNKNOWN);
  assert_int_equal(ahead, 0); /* somebody does ask */
}

static void what_nobody_used_is_over_after_its_time(void **state) {
  struct limit_bucket bucket = share_of(10, start);
  int64_t ahead, last = start + (LIMIT_SHARE_MS - 1) * MS;
  assert_int_equal(take(&bucket, large, last, &ahead), LIMIT_SHARE_ADMITTED);
  assert_int_equal(take(&bucket, large, last + MS, &ahead), LIMIT_SHARE_UNKNOWN);
  assert_int_equal(ahead, 1);       /* as many as were used */
  end(&bucket, large, 1, 1, start); /* answered too late to be of use */
  assert_int_equal(take(&bucket, large, last + MS, &ahead), LIMIT_SHARE_UNKNOWN);
}

static void an_empty_bucket_is_not_asked_before_it_has_something(void **state) {
  struct limit_bucket bucket = {0};
  int64_t ahead, retry_us = 0;
  dry(&bucket, small, 0, 70 * MS, start);
  assert_int_equal(limit_share_take(&bucket, small, start + 69 * MS, &ahead, &retry_us), LIMIT_SHARE_REFUSED);
  assert_int_equal(retry_us, MS);
  assert_int_equal(take(&bucket, small, start + 70 * MS, &ahead), LIMIT_SHARE_UNKNOWN);
  /* A large one has a share to give only after a while. */
  dry(&bucket, large, 0, 3 * MS, start);
  assert_int_equal(take(&bucket, large, start + 99 * MS, &ahead), LIMIT_SHARE_REFUSED);
  assert_int_equal(take(&bucket, large, start + 100 * MS, &ahead), LIMIT_SHARE_UNKNOWN);
}

static void a_rate_that_has_changed_is_not_kept_waiting_for_the_old_one(void **state) {
  struct limit_bucket bucket = {0};
  const struct limit_rate one = {1, MINUTE_US}, none = {0, MINUTE_US};
  int64_t ahead;
  dry(&bucket, one, 0, MINUTE_US, start);
  assert_int_equal(take(&bucket, one, start + MS, &ahead), LIMIT_SHARE_REFUSED);
  assert_int_equal(take(&bucket, small, start + MS, &ahead), LIMIT_SHARE_UNKNOWN);
  assert_int_equal(take(&bucket, none, start + MS, &ahead), LIMIT_SHARE_REFUSED);
}

static void an_ask_that_never_ended_is_somebody_elses_after_a_while(void **state) {
  struct limit_bucket bucket = {0};
  int64_t ahead;
  end(&bucket, large, 0, 0, start);
  (void)take(&bucket, large, start + MS, &ahead);
  assert_int_equal(ahead, 1);
  (void)take(&bucket, large, start + 2 * MS, &ahead);
  assert_int_equal(ahead, 0);
  int64_t later = start + 6000 * MS;
  (void)take(&bucket, large, later, &ahead);
  end(&bucket, large, 0, 0, later); /* somebody calls again */
  (void)take(&bucket, large, later + MS, &ahead);
  assert_int_equal(ahead, 1);
}

/* ---- threads ---- */

static struct limit_bucket shared;
static _Atomic(int) admitted, asked;

static void *take_many(void *unused) {
  int64_t ahead;
  for (int i = 0; i < 5000; i++) {
    if (take(&shared, large, start + MS, &ahead) == LIMIT_SHARE_ADMITTED) admitted++;
    if (ahead > 0) asked++;
  }
  return unused;
}

static void threads_together_get_each_cell_once(void **state) {
  pthread_t threads[4];
  shared = share_of(4000, start);
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, take_many, NULL), 0);
  for (size_t i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  assert_int_equal(admitted, 4000);
  assert_int_equal(asked, 1);
}

/* ---- servers, a bucket between them, and time ---- */

enum { SERVERS = 3, LATENCY_MS = 4, GRANTS = 1 << 15 };

/* One server: what it asked for is granted when the ask arrives, half way. */
struct model {
  struct limit_bucket share;
  int64_t ahead, granted, asked_at, answers_at; /* of the ask under way; answers_at 0: none */
  int64_t waiting, demand;                      /* calls a second: in thousandths of one */
  int64_t admitted, refused;
  int64_t cells[GRANTS]; /* when each cell of the share was asked for: the oldest first */
  size_t first, n;
  bool is_dry;
  int64_t retry_us;
};

static struct model models[SERVERS];
static struct limit_bucket base;
static int64_t admitted_at[1 << 18], n_admitted, n_asks;

/* As store/limit_bucket.c does it. */
static int64_t grant(struct limit_rate rate, int64_t wanted, int64_t at, int64_t *ret_retry_us) {
  int64_t n = 0;
  *ret_retry_us = 0;
  while (n < wanted && limit_take(&base, rate, 1, at, ret_retry_us))
    n++;
  return n;
}

static void let_in(struct model *model, int64_t at) {
  model->admitted++;
  admitted_at[n_admitted++] = at;
}

static void send_ask(struct model *model, struct limit_rate rate, int64_t at) {
  int64_t wanted = model->waiting + model->ahead;
  if (wanted == 0 || model->answers_at > 0) return;
  model->granted = grant(rate, wanted, at + LATENCY_MS * MS / 2, &model->retry_us);
  model->is_dry = model->granted < wanted;
  model->asked_at = at;
  model->answers_at = at + LATENCY_MS * MS;
  n_asks++;
}

static void take_answer(struct model *model, struct limit_rate rate, int64_t at) {
  model->answers_at = 0;
  int64_t given = model->granted < model->waiting ? model->granted : model->waiting;
  for (int64_t i = 0; i < given; i++)
    let_in(model, at);
  model->waiting -= given;
  if (model->is_dry) model->refused += model->waiting, model->waiting = 0;
  int64_t left = model->granted - given < model->ahead ? model->granted - given : model->ahead;
  for (int64_t i = 0; i < left; i++)
    model->cells[(model->first + model->n++) % GRANTS] = model->asked_at;
  const struct limit_share_grant ended = {model->ahead, left, model->is_dry, model->retry_us, model->asked_at};
  limit_share_end(&model->share, rate, &ended, at);
  model->ahead = 0;
  send_ask(model, rate, at);
}

static void call(struct model *model, struct limit_rate rate, int64_t at) {
  int64_t ahead, retry_us;
  enum limit_share_answer answer = limit_share_take(&model->share, rate, at, &ahead, &retry_us);
  model->ahead += ahead;
  if (answer == LIMIT_SHARE_REFUSED) model->refused++;
  if (answer == LIMIT_SHARE_UNKNOWN) {
    model->waiting++;
    model->n = 0; /* what it had is over */
  }
  if (answer == LIMIT_SHARE_ADMITTED) {
    assert_true(model->n > 0);
    assert_true(at - model->cells[model->first % GRANTS] < 1000 * MS); /* no cell is older than a lease */
    model->first = (model->first + 1) % GRANTS;
    model->n--;
    let_in(model, at);
  }
  send_ask(model, rate, at);
}

/* Servers with so many calls a second each, for so many seconds: how many were let in and refused. */
static void run_models(struct limit_rate rate, const int64_t demand[SERVERS], int64_t seconds) {
  int64_t due[SERVERS] = {0};
  memset(models, 0, sizeof models);
  base = (struct limit_bucket){0};
  n_admitted = n_asks = 0;
  for (int64_t at = start; at < start + seconds * 1000 * MS; at += MS / 4) {
    for (size_t i = 0; i < SERVERS; i++) {
      struct model *model = &models[i];
      if (model->answers_at > 0 && at >= model->answers_at) take_answer(model, rate, at);
      for (due[i] += demand[i]; due[i] >= 4000; due[i] -= 4000)
        call(model, rate, at);
    }
  }
}

static int64_t sum_refused(void) {
  return models[0].refused + models[1].refused + models[2].refused;
}

/* In no time that passes are more let in than by the rate itself in that time and a second. */
static void assert_within(struct limit_rate rate) {
  int64_t cost = limit_cost_us(rate);
  for (int64_t from = 0; from < n_admitted; from += 97)
    for (int64_t to = from; to < n_admitted; to += 89) {
      int64_t most = rate.cap + (admitted_at[to] - admitted_at[from] + 1000 * MS) / cost;
      assert_true(to - from + 1 <= most);
    }
}

static void under_load_three_servers_let_in_what_the_rate_does(void **state) {
  const int64_t demands[][SERVERS] = {{1000, 1000, 1000}, {2000, 30, 3}, {500, 500, 0}, {90, 80, 70}};
  const struct limit_rate rates[] = {{601, MINUTE_US}, {1200, MINUTE_US}, {6000, MINUTE_US}};
  for (size_t r = 0; r < 3; r++) {
    for (size_t d = 0; d < 4; d++) {
      const int64_t seconds = 90, *demand = demands[d];
      int64_t asked_for = (demand[0] + demand[1] + demand[2]) * seconds;
      run_models(rates[r], demand, seconds);
      int64_t most = rates[r].cap + seconds * 1000000 / limit_cost_us(rates[r]), wanted = asked_for;
      if (wanted > most) wanted = most;
      assert_true(n_admitted <= most);
      assert_true(n_admitted * 100 >= wanted * 95);
      assert_within(rates[r]);
      /* The database is asked a few times in a tenth of a second, however many calls come. */
      assert_true(n_asks <= SERVERS * seconds * 60);
    }
  }
}

static void below_the_rate_nobody_is_refused(void **state) {
  const int64_t demands[][SERVERS] = {{30, 30, 30}, {80, 7, 1}, {88, 2, 0}, {25, 25, 25}};
  for (size_t d = 0; d < 4; d++) {
    run_models(large, demands[d], 120);
    assert_int_equal(sum_refused(), 0);
  }
}

static void a_small_rate_is_exact_over_three_servers(void **state) {
  const int64_t demand[SERVERS] = {20, 300, 1};
  for (int64_t cap = 1; cap <= 600; cap += 37) {
    const struct limit_rate rate = {cap, MINUTE_US};
    run_models(rate, demand, 30);
    int64_t most = cap + (INT64_C(30) * 1000 * MS) / limit_cost_us(rate);
    assert_true(n_admitted <= most && n_admitted >= most - most / 50 - 2);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(of_a_small_rate_every_call_is_asked_for),
      cmocka_unit_test(who_calls_once_in_a_while_asks_for_nothing_ahead),
      cmocka_unit_test(a_share_grows_with_its_use_to_a_seconds_worth),
      cmocka_unit_test(it_is_asked_for_again_when_half_is_used_and_by_one_alone),
      cmocka_unit_test(what_nobody_used_is_over_after_its_time),
      cmocka_unit_test(an_empty_bucket_is_not_asked_before_it_has_something),
      cmocka_unit_test(a_rate_that_has_changed_is_not_kept_waiting_for_the_old_one),
      cmocka_unit_test(an_ask_that_never_ended_is_somebody_elses_after_a_while),
      cmocka_unit_test(threads_together_get_each_cell_once),
      cmocka_unit_test(under_load_three_servers_let_in_what_the_rate_does),
      cmocka_unit_test(below_the_rate_nobody_is_refused),
      cmocka_unit_test(a_small_rate_is_exact_over_three_servers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
