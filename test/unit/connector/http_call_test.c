/* Calls that wait: to repeat, for their connection's rate, for a place among its calls. The clock is the test's. */
#include "fixture.h"

#include "upstream.h"
#include "wait.h"

#define SECOND INT64_C(1000000)

enum scenario {
  ALWAYS_OK,
  FAIL_TWICE,
  FAIL_ALWAYS,
  RESET_ONCE,
  REFUSE_200,
  HANG,
  LAST_ONE,
};

static struct {
  enum scenario scenario;
  const char *failure; /* status line, fields and body */
  atomic_int n_failed, n_inside, n_most;
  pthread_mutex_t lock;
  char keys[8][64]; /* Idempotency-Key of each request, under `lock` */
  int n_keys;
} service = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void remember_key(const char *request) {
  const char *key = strcasestr(request, "\r\nidempotency-key: ");
  pthread_mutex_lock(&service.lock);
  if (key && service.n_keys < 8)
    snprintf(service.keys[service.n_keys++], 64, "%.*s", (int)strcspn(key + 19, "\r"), key + 19);
  pthread_mutex_unlock(&service.lock);
}

static void count_inside(void) {
  int n = atomic_fetch_add(&service.n_inside, 1) + 1, most = atomic_load(&service.n_most);
  while (n > most && !atomic_compare_exchange_weak(&service.n_most, &most, n)) {
  }
  usleep(2000);
  atomic_fetch_sub(&service.n_inside, 1);
}

static bool answer(struct upstream_connection *connection, const char *request, size_t n) {
  remember_key(request);
  count_inside();
  switch (service.scenario) {
    case FAIL_TWICE:
      if (atomic_fetch_add(&service.n_failed, 1) >= 2) break;
      upstream_text(connection->fd, service.failure);
      return true;
    case FAIL_ALWAYS:
      upstream_text(connection->fd, service.failure);
      return true;
    case RESET_ONCE:
      if (atomic_fetch_add(&service.n_failed, 1) >= 1) break;
      upstream_text(connection->fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half\":");
      return false;
    case REFUSE_200:
      upstream_reply(connection->fd, "200 OK", "application/json",
                     "{\"ok\":false,\"error\":\"channel_not_found\",\"why\":{\"text\":\"no such\\nchannel\"}}");
      return true;
    case HANG:
      return true;
    case LAST_ONE:
      upstream_text(connection->fd,
                    "HTTP/1.1 200 OK\r\nX-Left: 0\r\nX-Reset: 20\r\nContent-Type: application/json\r\n"
                    "Content-Length: 11\r\n\r\n{\"ok\":true}");
      return true;
    default:
      break;
  }
  upstream_reply(connection->fd, "200 OK", "application/json", "{\"ok\":true}");
  return true;
}

#define BUSY(fields, body) "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n" fields "\r\n" body
#define PLAIN_BUSY BUSY("Content-Length: 0\r\n", "")

static const char manifest[] =
    "{\"manifest\":1,\"id\":\"m\",\"name\":\"M\",\"base\":\"{conn.base}\",\"limits\":%s,"
    "\"retry\":{\"on\":[429,503],\"after\":[\"retry-after\",\"body:wait.seconds\"],\"max\":3},"
    "\"errors\":{\"ok\":{\"path\":\"ok\",\"is\":true},\"message\":[\"why.text\"],\"code\":[\"error\"]},"
    "\"tools\":["
    "{\"name\":\"look\",\"does\":\"read\",\"description\":\"Looks.\",\"call\":\"GET /look\"},"
    "{\"name\":\"post\",\"does\":\"write\",\"description\":\"Posts.\",\"call\":\"POST /post\",\"body\":{\"a\":1}},"
    "{\"name\":\"pay\",\"does\":\"write\",\"description\":\"Pays.\",\"call\":\"POST /pay\",\"body\":{\"a\":1},"
    "\"idempotency\":\"Idempotency-Key\"}]}";

static struct upstream *upstream;

static void connect_with(struct fixture *f, const char *limits) {
  char settings[128], text[2048];
  snprintf(text, sizeof(text), manifest, limits);
  snprintf(settings, sizeof(settings), "{\"base\":\"http://127.0.0.1:%u\"}", upstream->port);
  fixture_connect(f, text, settings);
}

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  service.scenario = ALWAYS_OK;
  service.failure = PLAIN_BUSY;
  service.n_keys = 0;
  atomic_store(&service.n_failed, 0);
  atomic_store(&service.n_most, 0);
  upstream = upstream_start(answer);
  fixture_start(f);
  connect_with(f, "{}");
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture_stop(*state);
  upstream_stop(upstream);
  free(*state);
  return 0;
}

static struct trial *begin(struct fixture *f, const char *tool, int64_t time_us) {
  struct trial *trial = trial_start(f, tool, "{}");
  trial->call.deadline_us = loop_now_us(&f->loop) + time_us;
  trial_invoke(trial);
  return trial;
}

/* Runs to the end; returns how long that took by the loop's clock. */
static int64_t end(struct trial *trial, int n_requests, const char *text) {
  struct loop *loop = trial->call.host->loop;
  int64_t from_us = loop_now_us(loop);
  trial_wait_aging(trial);
  int64_t took_us = loop_now_us(loop) - from_us;
  char actual[512];
  snprintf(actual, sizeof(actual), "%.*s", STR_ARG(trial->call.result.text));
  if (!strstr(actual, text)) fail_msg("%s, not %s", actual, text);
  assert_int_equal(atomic_load(&upstream->n_requests), n_requests);
  trial_free(trial);
  return took_us;
}

/* ---- repeating ---- */

static void a_read_is_repeated_until_it_is_answered(void **state) {
  service.scenario = FAIL_TWICE;
  end(begin(*state, "look", 60 * SECOND), 3, "{\"ok\":true}");
}

static void the_services_word_on_when_is_kept(void **state) {
  service.scenario = FAIL_TWICE;
  service.failure = BUSY("Retry-After: 3\r\nContent-Length: 0\r\n", "");
  assert_true(end(begin(*state, "look", 60 * SECOND), 3, "{\"ok\":true}") >= 6 * SECOND);
}

static void a_hint_in_the_body_is_kept(void **state) {
  service.scenario = FAIL_TWICE;
  service.failure = BUSY("Content-Length: 24\r\n", "{\"wait\":{\"seconds\":4.5}} ");
  assert_true(end(begin(*state, "look", 60 * SECOND), 3, "{\"ok\":true}") >= 9 * SECOND);
}

static void repetitions_have_an_end(void **state) {
  service.scenario = FAIL_ALWAYS;
  end(begin(*state, "look", 60 * SECOND), 4, "ledger answered 429 Too Many Requests");
}

static void a_wait_beyond_the_calls_time_ends_it_at_once_and_says_when(void **state) {
  service.scenario = FAIL_ALWAYS;
  service.failure = BUSY("Retry-After: 90\r\nContent-Length: 0\r\n", "");
  int64_t took_us = end(begin(*state, "look", 60 * SECOND), 1, "429 Too Many Requests. Try again in 90 seconds.");
  assert_true(took_us < 60 * SECOND);
}

static void a_write_without_a_key_is_not_repeated(void **state) {
  service.scenario = FAIL_ALWAYS;
  end(begin(*state, "post", 60 * SECOND), 1, "429 Too Many Requests");
  service.scenario = RESET_ONCE;
  struct trial *trial = begin(*state, "post", 60 * SECOND);
  trial_wait_aging(trial);
  assert_true(trial->call.result.is_unknown);
  assert_int_equal(trial->call.result.error, ERR_UPSTREAM);
  assert_int_equal(atomic_load(&upstream->n_requests), 2);
  trial_free(trial);
}

static void a_write_with_a_key_is_repeated_with_the_same_one(void **state) {
  service.scenario = FAIL_TWICE;
  end(begin(*state, "pay", 60 * SECOND), 3, "{\"ok\":true}");
  assert_int_equal(service.n_keys, 3);
  assert_int_equal(strlen(service.keys[0]), 36);
  assert_string_equal(service.keys[0], service.keys[1]);
  assert_string_equal(service.keys[0], service.keys[2]);
  end(begin(*state, "pay", 60 * SECOND), 4, "{\"ok\":true}");
  assert_string_not_equal(service.keys[0], service.keys[3]);
}

static void what_broke_off_is_repeated_where_that_is_safe(void **state) {
  service.scenario = RESET_ONCE;
  end(begin(*state, "look", 60 * SECOND), 2, "{\"ok\":true}");
  atomic_store(&service.n_failed, 0);
  end(begin(*state, "pay", 60 * SECOND), 4, "{\"ok\":true}");
}

static void a_write_that_did_not_leave_is_repeated(void **state) {
  struct fixture *f = *state;
  struct upstream *gone = upstream_start(answer);
  char settings[128];
  snprintf(settings, sizeof(settings), "{\"base\":\"http://127.0.0.1:%u\"}", gone->port);
  upstream_stop(gone);
  char text[2048];
  snprintf(text, sizeof(text), manifest, "{}");
  fixture_connect(f, text, settings);
  int64_t from_us = loop_now_us(&f->loop);
  struct trial *trial = begin(f, "post", 60 * SECOND);
  trial_wait_aging(trial);
  assert_false(trial->call.result.is_unknown);
  assert_int_equal(trial->call.result.error, ERR_UPSTREAM);
  assert_true(loop_now_us(&f->loop) - from_us >= SECOND / 4 + SECOND / 2 + SECOND); /* three waits, at their least */
  trial_free(trial);
}

static void a_call_can_be_cancelled_while_it_waits_to_repeat(void **state) {
  struct fixture *f = *state;
  service.scenario = FAIL_ALWAYS;
  service.failure = BUSY("Retry-After: 30\r\nContent-Length: 0\r\n", "");
  struct trial *trial = begin(f, "look", 60 * SECOND);
  WAIT_UNTIL(atomic_load(&upstream->n_requests) > 0, loop_turn(&f->loop));
  for (int i = 0; i < 20; i++)
    uv_run(&f->loop.uv, UV_RUN_ONCE);
  assert_int_equal(trial->n_done, 0);
  f->connector.kind->cancel(&trial->call);
  f->connector.kind->cancel(&trial->call);
  trial_wait(trial);
  assert_int_equal(trial->call.result.error, ERR_CANCELLED);
  assert_int_equal(atomic_load(&upstream->n_requests), 1);
  trial_free(trial);
}

/* ---- errors ---- */

static void a_200_that_is_an_error_is_one(void **state) {
  service.scenario = REFUSE_200;
  struct trial *trial = begin(*state, "look", 60 * SECOND);
  trial_wait_aging(trial);
  assert_true(trial->call.result.is_error);
  assert_str(trial->call.result.text, "ledger refused it: no such channel (channel_not_found)");
  trial_free(trial);
}

/* ---- limits ---- */

static void calls_over_the_limit_wait_for_a_place(void **state) {
  struct fixture *f = *state;
  connect_with(f, "{\"concurrent\":2}");
  struct trial *trials[20];
  for (int i = 0; i < 20; i++)
    trials[i] = begin(f, "look", 60 * SECOND);
  for (int i = 0; i < 20; i++) {
    trial_wait(trials[i]);
    assert_false(trials[i]->call.result.is_error);
    trial_free(trials[i]);
  }
  assert_int_equal(atomic_load(&upstream->n_requests), 20);
  assert_in_range(atomic_load(&service.n_most), 1, 2);
}

static void a_queued_call_can_be_cancelled_and_loses_nobodys_place(void **state) {
  struct fixture *f = *state;
  connect_with(f, "{\"concurrent\":1}");
  struct trial *first = begin(f, "look", 60 * SECOND), *second = begin(f, "look", 60 * SECOND),
               *third = begin(f, "look", 60 * SECOND);
  f->connector.kind->cancel(&second->call);
  trial_wait(second);
  assert_int_equal(second->call.result.error, ERR_CANCELLED);
  trial_wait(first);
  f->connector.kind->cancel(&third->call); /* its place may be on its way */
  trial_wait(third);
  assert_true(third->call.result.error == ERR_CANCELLED || !third->call.result.is_error);
  struct trial *last = begin(f, "look", 60 * SECOND);
  trial_wait(last);
  assert_false(last->call.result.is_error);
  trial_free(first);
  trial_free(second);
  trial_free(third);
  trial_free(last);
}

static void a_cancelled_request_gives_its_place_back(void **state) {
  struct fixture *f = *state;
  connect_with(f, "{\"concurrent\":1}");
  service.scenario = HANG;
  struct trial *hung = begin(f, "look", 60 * SECOND);
  WAIT_UNTIL(atomic_load(&upstream->n_requests) > 0, loop_turn(&f->loop));
  struct trial *queued = begin(f, "look", 60 * SECOND);
  service.scenario = ALWAYS_OK;
  f->connector.kind->cancel(&hung->call);
  trial_wait(hung);
  trial_wait(queued);
  assert_false(queued->call.result.is_error);
  trial_free(hung);
  trial_free(queued);
}

static void waiting_for_a_place_ends_with_the_calls_time(void **state) {
  struct fixture *f = *state;
  connect_with(f, "{\"concurrent\":1}");
  service.scenario = HANG;
  struct trial *hung = begin(f, "look", 60 * SECOND), *queued = begin(f, "look", 5 * SECOND);
  trial_wait_aging(queued);
  assert_int_equal(queued->call.result.error, ERR_LIMITED);
  assert_false(queued->call.result.is_unknown);
  trial_wait_aging(hung);
  assert_int_equal(hung->call.result.error, ERR_TIMEOUT);
  trial_free(hung);
  trial_free(queued);
}

static void calls_over_the_rate_wait_their_turn(void **state) {
  struct fixture *f = *state;
  connect_with(f, "{\"per_minute\":4}"); /* one, then one every 15 seconds */
  int64_t from_us = loop_now_us(&f->loop);
  struct trial *trials[4];
  for (int i = 0; i < 4; i++)
    trials[i] = begin(f, "look", 60 * SECOND);
  struct trial *fifth = begin(f, "look", 30 * SECOND);
  assert_int_equal(fifth->n_done, 1);
  assert_int_equal(fifth->call.result.error, ERR_LIMITED);
  assert_non_null(strstr(fifth->call.result.text.p, "its limit of calls is reached. Try again in 60 seconds."));
  for (int i = 0; i < 4; i++) {
    trial_wait_aging(trials[i]);
    assert_false(trials[i]->call.result.is_error);
    trial_free(trials[i]);
  }
  assert_true(loop_now_us(&f->loop) - from_us >= 45 * SECOND);
  trial_free(fifth);
}

static void what_the_service_says_is_left_is_kept_to(void **state) {
  struct fixture *f = *state;
  connect_with(f, "{\"remaining\":{\"header\":\"x-left\",\"reset\":\"x-reset\",\"reset_is\":\"seconds\"}}");
  service.scenario = LAST_ONE;
  end(begin(f, "look", 60 * SECOND), 1, "{\"ok\":true}");
  end(begin(f, "look", 5 * SECOND), 1, "its limit of calls is reached. Try again in");
  service.scenario = ALWAYS_OK;
  assert_true(end(begin(f, "look", 60 * SECOND), 2, "{\"ok\":true}") >= 10 * SECOND);
}

static void a_call_can_be_cancelled_while_it_waits_its_turn(void **state) {
  struct fixture *f = *state;
  connect_with(f, "{\"per_minute\":1}");
  struct trial *first = begin(f, "look", 60 * SECOND), *second = begin(f, "look", 60 * SECOND);
  trial_wait(first);
  f->connector.kind->cancel(&second->call);
  trial_wait(second);
  assert_int_equal(second->call.result.error, ERR_CANCELLED);
  assert_int_equal(atomic_load(&upstream->n_requests), 1);
  trial_free(first);
  trial_free(second);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_read_is_repeated_until_it_is_answered),
      TEST(the_services_word_on_when_is_kept),
      TEST(a_hint_in_the_body_is_kept),
      TEST(repetitions_have_an_end),
      TEST(a_wait_beyond_the_calls_time_ends_it_at_once_and_says_when),
      TEST(a_write_without_a_key_is_not_repeated),
      TEST(a_write_with_a_key_is_repeated_with_the_same_one),
      TEST(what_broke_off_is_repeated_where_that_is_safe),
      TEST(a_write_that_did_not_leave_is_repeated),
      TEST(a_call_can_be_cancelled_while_it_waits_to_repeat),
      TEST(a_200_that_is_an_error_is_one),
      TEST(calls_over_the_limit_wait_for_a_place),
      TEST(a_queued_call_can_be_cancelled_and_loses_nobodys_place),
      TEST(a_cancelled_request_gives_its_place_back),
      TEST(waiting_for_a_place_ends_with_the_calls_time),
      TEST(calls_over_the_rate_wait_their_turn),
      TEST(what_the_service_says_is_left_is_kept_to),
      TEST(a_call_can_be_cancelled_while_it_waits_its_turn),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
