#include "connector/http/call.h"

#include <pthread.h>
#include <stdatomic.h>

#include "unit.h"

#define SECOND INT64_C(1000000)
static const int64_t start_us = 1000 * SECOND, utc_us = INT64_C(1795168800) * SECOND;

static struct http_rates *rates;
static struct http_definition http;
static struct connector connector;
static struct http_connection state_a, state_b;
static struct connector_connection a, b;
static struct connector_host host;

static int set_up(void **state) {
  assert_non_null(rates = http_rates_new());
  http = (struct http_definition){0};
  connector = (struct connector){.state = &http};
  state_a = state_b = (struct http_connection){0};
  a = (struct connector_connection){.policy = {.id = uuid_new()}, .connector = &connector, .state = &state_a};
  b = (struct connector_connection){.policy = {.id = uuid_new()}, .connector = &connector, .state = &state_b};
  host = (struct connector_host){.rates = rates};
  return rates ? 0 : -1;
}

static int tear_down(void **state) {
  http_rates_free(rates);
  return 0;
}

static struct http_rate *find(const struct connector_connection *connection) {
  const struct connector_call call = {.host = &host, .connection = connection};
  return http_rate_find(&call);
}

static void a_connection_keeps_its_rate_whatever_is_loaded_anew(void **state) {
  http.limits.per_minute = 60;
  struct http_rate *rate = find(&a);
  assert_non_null(rate);
  assert_ptr_equal(find(&a), rate);
  assert_ptr_not_equal(find(&b), rate);
  struct http_connection loaded_anew = {0};
  struct connector_connection again = a;
  again.state = &loaded_anew;
  assert_ptr_equal(find(&again), rate);
}

static void without_limits_there_is_no_rate(void **state) {
  assert_null(find(&a));
  http.limits.concurrent = 1;
  host.rates = NULL;
  assert_null(find(&a));
}

/* When request `n` of an eager caller leaves, the clock standing still: waits are told, not waited. */
static void flow(struct http_rate *rate, size_t n, int64_t *ret_at_us) {
  for (size_t i = 0; i < n; i++) {
    int64_t wait_us;
    assert_true(http_rate_reserve(rate, &http.limits, start_us, 3600 * SECOND, &wait_us));
    ret_at_us[i] = start_us + wait_us;
  }
}

static void no_window_has_more_than_the_limit(void **state) {
  const uint64_t caps[] = {1, 2, 3, 5, 60, 100, 600};
  static int64_t at_us[2000];
  for (size_t c = 0; c < sizeof(caps) / sizeof(caps[0]); c++) {
    set_up(NULL);
    http.limits.per_minute = caps[c];
    size_t n = caps[c] * 3;
    flow(find(&a), n, at_us);
    for (size_t i = 0; i < n; i++) {
      size_t in_window = 0;
      for (size_t k = i; k < n && at_us[k] < at_us[i] + 60 * SECOND; k++)
        in_window++;
      if (in_window > caps[c]) fail_msg("%zu in a minute, not %zu", in_window, (size_t)caps[c]);
    }
    /* Nor does it dawdle: three windows' worth is through in little more than three windows. */
    assert_true(at_us[n - 1] - start_us <= 60 * SECOND * 4);
    tear_down(NULL);
  }
  set_up(NULL);
}

static void both_rates_hold(void **state) {
  http.limits.per_minute = 60;
  http.limits.per_second = 2;
  int64_t at_us[30];
  flow(find(&a), 30, at_us);
  for (size_t i = 0; i + 2 < 30; i++)
    assert_true(at_us[i + 2] - at_us[i] >= SECOND);
}

static void what_would_be_too_late_takes_nothing(void **state) {
  http.limits.per_minute = 4;
  struct http_rate *rate = find(&a);
  int64_t wait_us, later_us;
  assert_true(http_rate_reserve(rate, &http.limits, start_us, 0, &wait_us));
  for (int i = 0; i < 100; i++)
    assert_false(http_rate_reserve(rate, &http.limits, start_us, SECOND, &wait_us));
  assert_true(wait_us > SECOND && wait_us <= 60 * SECOND);
  assert_true(http_rate_reserve(rate, &http.limits, start_us, 60 * SECOND, &later_us));
  assert_int_equal(later_us, wait_us);
}

static void learn(struct http_rate *rate, const char *remaining, const char *reset) {
  const struct http_field fields[] = {{STR("X-Remaining"), str_of(remaining)}, {STR("X-Reset"), str_of(reset)}};
  const struct http_client_response response = {.status = 200, .fields = fields, .n_fields = 2};
  http_rate_learn(rate, &http.limits, &response, start_us, utc_us);
}

static void when_the_service_says_that_nothing_is_left_it_is_waited_for(void **state) {
  http.limits.remaining_header = STR("x-remaining");
  http.limits.reset_header = STR("x-reset");
  const struct {
    enum http_after_unit unit;
    const char *remaining, *reset;
    int64_t wait_us;
  } rows[] = {
      {HTTP_AFTER_EPOCH, "0", "1795168830", 30 * SECOND},
      {HTTP_AFTER_EPOCH_MS, "0", "1795168801500", 3 * SECOND / 2},
      {HTTP_AFTER_SECONDS, "0", "12", 12 * SECOND},
      {HTTP_AFTER_SECONDS, "1", "12", 0},
      {HTTP_AFTER_EPOCH, "0", "1795168000", 0},
      {HTTP_AFTER_EPOCH, "0", "soon", 0},
      {HTTP_AFTER_EPOCH, "0", "9795168000", 900 * SECOND}, /* a wrong clock does not stop a connection for years */
      {HTTP_AFTER_EPOCH, "none", "1795168830", 0},
      {HTTP_AFTER_SECONDS, "", "12", 0},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    a.policy.id = uuid_new();
    atomic_store(&state_a.rate, NULL);
    http.limits.reset_is = rows[i].unit;
    struct http_rate *rate = find(&a);
    int64_t wait_us;
    learn(rate, rows[i].remaining, rows[i].reset);
    learn(rate, "5", "99999"); /* an answer that was overtaken */
    assert_true(http_rate_reserve(rate, &http.limits, start_us, 3600 * SECOND, &wait_us));
    if (wait_us != rows[i].wait_us) fail_msg("row %zu: %lld", i, (long long)wait_us);
    assert_true(http_rate_reserve(rate, &http.limits, start_us + 901 * SECOND, 0, &wait_us));
  }
}

/* ---- how many at once ---- */

static void places_are_given_in_order_and_passed_on(void **state) {
  struct loop loop;
  assert_ok(loop_init(&loop, &test_err));
  http.limits.concurrent = 1;
  struct http_rate *rate = find(&a);
  struct http_slot one = {.loop = &loop}, two = one, three = one, four = one;
  assert_true(http_slot_take(rate, 1, &one));
  assert_false(http_slot_take(rate, 1, &two));
  assert_false(http_slot_take(rate, 1, &three));
  assert_false(http_slot_take(rate, 1, &four));
  assert_true(http_slot_leave(&three)); /* out of the middle of the queue */
  assert_true(http_slot_leave(&one));
  assert_int_equal(two.state, HTTP_SLOT_GRANTED);
  assert_int_equal(four.state, HTTP_SLOT_QUEUED);
  assert_false(http_slot_leave(&two)); /* its word is on the way */
  http_slot_hold(&two);
  assert_true(http_slot_leave(&two));
  assert_int_equal(four.state, HTTP_SLOT_GRANTED);
  http_slot_hold(&four);
  assert_true(http_slot_leave(&four));
  assert_true(http_slot_leave(&four)); /* nothing is left to give back */
  assert_true(http_slot_take(rate, 1, &one));
  assert_false(http_slot_take(rate, 1, &two));
  assert_true(http_slot_leave(&two));
  assert_true(http_slot_leave(&one));
  atomic_store(&loop.mailbox, NULL); /* what was granted stands on this stack */
  loop_stop(&loop);
  loop_run(&loop);
  loop_release(&loop);
}

enum { THREADS = 4, ROUNDS = 2000, PLACES = 2 };

struct runner {
  struct loop loop;
  struct http_rate *rate;
  struct http_slot slot;
  int n_left;
  pthread_t thread;
};
static atomic_int n_inside, n_most;

static void work(struct runner *runner) {
  int n = atomic_fetch_add(&n_inside, 1) + 1, most = atomic_load(&n_most);
  while (n > most && !atomic_compare_exchange_weak(&n_most, &most, n)) {
  }
  atomic_fetch_sub(&n_inside, 1);
  assert_true(http_slot_leave(&runner->slot));
  runner->n_left--;
}

static void go_on(struct runner *runner);

static void on_place(struct loop_task *task) {
  struct runner *runner = (struct runner *)(void *)((char *)task - offsetof(struct runner, slot.granted));
  http_slot_hold(&runner->slot);
  work(runner);
  go_on(runner);
}

static void go_on(struct runner *runner) {
  while (runner->n_left > 0) {
    if (!http_slot_take(runner->rate, PLACES, &runner->slot)) return;
    work(runner);
  }
  loop_stop(&runner->loop);
}

static void *run(void *context) {
  struct runner *runner = context;
  go_on(runner);
  loop_run(&runner->loop);
  return NULL;
}

static void many_threads_never_have_more_places_and_none_is_forgotten(void **state) {
  static struct runner runners[THREADS];
  http.limits.concurrent = PLACES;
  for (int i = 0; i < THREADS; i++) {
    assert_ok(loop_init(&runners[i].loop, &test_err));
    runners[i].rate = find(&a);
    runners[i].n_left = ROUNDS;
    runners[i].slot.loop = &runners[i].loop;
    runners[i].slot.granted.run = on_place;
  }
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&runners[i].thread, NULL, run, &runners[i]), 0);
  for (int i = 0; i < THREADS; i++) {
    pthread_join(runners[i].thread, NULL); /* one whose word was lost would wait here for ever */
    assert_int_equal(runners[i].n_left, 0);
  }
  for (int i = 0; i < THREADS; i++)
    loop_release(&runners[i].loop);
  assert_in_range(atomic_load(&n_most), 1, PLACES);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_connection_keeps_its_rate_whatever_is_loaded_anew, set_up, tear_down),
      cmocka_unit_test_setup_teardown(without_limits_there_is_no_rate, set_up, tear_down),
      cmocka_unit_test_setup_teardown(no_window_has_more_than_the_limit, NULL, tear_down),
      cmocka_unit_test_setup_teardown(both_rates_hold, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_would_be_too_late_takes_nothing, set_up, tear_down),
      cmocka_unit_test_setup_teardown(when_the_service_says_that_nothing_is_left_it_is_waited_for, set_up, tear_down),
      cmocka_unit_test_setup_teardown(places_are_given_in_order_and_passed_on, set_up, tear_down),
      cmocka_unit_test_setup_teardown(many_threads_never_have_more_places_and_none_is_forgotten, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
