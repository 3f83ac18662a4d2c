/* What a legacy session keeps, at its home. */
#include "gateway/session_home.h"

#include "fixture.h"

/* Watches have a test of their own: here they only stand where they belong. */
static struct watch *last_watch;
static size_t n_watches, n_added, n_dropped;
static bool may_begin, has_ended;

bool __wrap_watch_begin(struct watch *watch, struct worker *worker, const struct watcher *watcher);
bool __wrap_watch_begin(struct watch *watch, struct worker *worker, const struct watcher *watcher) {
  watch->worker = worker;
  watch->watcher = *watcher;
  last_watch = watch;
  n_watches += may_begin;
  return may_begin;
}
void __wrap_watch_end(struct watch *watch);
void __wrap_watch_end(struct watch *watch) {
  n_watches--;
}
bool __wrap_watch_add(struct watch *watch, struct watched *watched);
bool __wrap_watch_add(struct watch *watch, struct watched *watched) {
  n_added++;
  free(watched);
  return true;
}
void __wrap_watch_drop_resource(struct watch *watch, struct str public_uri);
void __wrap_watch_drop_resource(struct watch *watch, struct str public_uri) {
  n_dropped += str_eq(public_uri, STR("docs://a"));
}
void __wrap_watcher_of(const struct exchange *exchange, struct watcher *ret_watcher);
void __wrap_watcher_of(const struct exchange *exchange, struct watcher *ret_watcher) {
  *ret_watcher = (struct watcher){.user_id = exchange->principal.user->id};
}
bool __wrap_session_has_ended(const struct worker *worker, const struct session *session);
bool __wrap_session_has_ended(const struct worker *worker, const struct session *session) {
  return has_ended;
}
void __wrap_event_streams_wake(struct worker *worker);
void __wrap_event_streams_wake(struct worker *worker) {}

static const struct session mine = {.nonce = {1}}, others = {.nonce = {2}};

static int setup(void **state) {
  if (fixture_setup(state) != 0) return -1;
  struct fixture *f = *state;
  map_init(&f->worker.homes.by_nonce);
  f->exchange.held = mine;
  f->exchange.has_session = true;
  n_watches = n_added = n_dropped = 0;
  may_begin = true;
  has_ended = false;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  session_homes_free(&f->worker);
  assert_int_equal(n_watches, 0);
  event_logs_free(&f->worker);
  return fixture_teardown(state);
}

static struct session_home *home_of(struct fixture *f, const struct session *session) {
  struct watcher watcher;
  watcher_of(&f->exchange, &watcher);
  return session_home_of(&f->worker, session, &watcher);
}

static size_t n_homes(const struct fixture *f) {
  return f->worker.homes.by_nonce.count;
}

/* A stream that remembers. */
struct seen {
  struct event_reader reader;
  size_t n, n_ends;
  char text[512];
};

static void on_event(struct event_reader *reader, struct str id, struct str data) {
  struct seen *seen = (struct seen *)reader;
  assert_true(id.n > 0);
  if (data.n) snprintf(seen->text, sizeof(seen->text), "%.*s", STR_ARG(data));
  seen->n++;
}

static void on_end(struct event_reader *reader, bool is_replaced) {
  ((struct seen *)reader)->n_ends++;
}

static struct seen *seen_new(struct fixture *f) {
  struct seen *seen = arena_new(&f->arena, struct seen);
  seen->reader = (struct event_reader){on_event, on_end};
  return seen;
}

static void a_session_has_one_home_and_wants_to_hear_of_everything(void **state) {
  struct fixture *f = *state;
  struct session_home *home = home_of(f, &mine);
  assert_non_null(home);
  assert_true(last_watch->wants_tools && last_watch->wants_prompts && last_watch->wants_resources);
  assert_true(last_watch->wants_messages);
  assert_ptr_equal(home_of(f, &mine), home);
  assert_ptr_not_equal(home_of(f, &others), home);
  assert_int_equal(n_homes(f), 2);
  assert_int_equal(n_watches, 2);
}

static void a_session_that_has_ended_or_may_not_listen_has_none(void **state) {
  struct fixture *f = *state;
  has_ended = true;
  assert_null(home_of(f, &mine));
  has_ended = false;
  may_begin = false;
  assert_null(home_of(f, &mine));
  assert_int_equal(n_homes(f), 0);
}

static void what_is_said_before_anybody_reads_is_not_kept(void **state) {
  struct fixture *f = *state;
  struct session_home *home = home_of(f, &mine);
  struct seen *seen = seen_new(f);
  assert_true(last_watch->tell(last_watch, STR("notifications/prompts/list_changed"), STR_NONE, NULL));
  session_home_read(home, &seen->reader);
  assert_int_equal(seen->n, 1); /* an id alone, to read on from */
  assert_str(str_of(seen->text), "");
  assert_true(last_watch->tell(last_watch, STR("notifications/tools/list_changed"), STR_NONE, NULL));
  assert_str(str_of(seen->text), "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\",\"params\":{}}");
}

static void a_second_reader_takes_the_place_of_the_first(void **state) {
  struct fixture *f = *state;
  struct session_home *home = home_of(f, &mine);
  struct seen *first = seen_new(f), *second = seen_new(f);
  session_home_read(home, &first->reader);
  session_home_read(home, &second->reader);
  assert_int_equal(first->n_ends, 1);
  session_home_leave(&f->worker, mine.nonce, &first->reader); /* late: it is the second's now */
  last_watch->tell(last_watch, STR("notifications/tools/list_changed"), STR_NONE, NULL);
  assert_int_equal(second->n, 2);
  session_home_leave(&f->worker, others.nonce, &second->reader); /* nobody's */
}

static void the_end_of_a_session_ends_its_stream(void **state) {
  struct fixture *f = *state;
  struct seen *seen = seen_new(f);
  session_home_read(home_of(f, &mine), &seen->reader);
  session_home_end(&f->worker, others.nonce);
  assert_int_equal(seen->n_ends, 0);
  session_home_end(&f->worker, mine.nonce);
  assert_int_equal(seen->n_ends, 1);
  assert_int_equal(n_homes(f), 0);
}

static void who_may_no_longer_listen_loses_home_and_stream(void **state) {
  struct fixture *f = *state;
  struct seen *seen = seen_new(f);
  session_home_read(home_of(f, &mine), &seen->reader);
  last_watch->end(last_watch);
  assert_int_equal(seen->n_ends, 1);
  assert_int_equal(n_homes(f), 0);
}

static void a_home_goes_when_nobody_has_listened_for_long(void **state) {
  struct fixture *f = *state;
  struct seen *seen = seen_new(f);
  session_home_read(home_of(f, &mine), &seen->reader);
  assert_non_null(home_of(f, &others));
  loop_age(&f->worker.loop, (LIMIT_SESSION_IDLE_MS + 1000) * INT64_C(1000));
  session_homes_sweep(&f->worker);
  session_homes_sweep(&f->worker);
  assert_int_equal(n_homes(f), 1); /* somebody reads the first */
  session_home_leave(&f->worker, mine.nonce, &seen->reader);
  session_homes_sweep(&f->worker);
  assert_int_equal(n_homes(f), 1);
  loop_age(&f->worker.loop, (LIMIT_SESSION_IDLE_MS + 1000) * INT64_C(1000));
  session_homes_sweep(&f->worker);
  assert_int_equal(n_homes(f), 0);
}

static void subscriptions_travel_to_the_home(void **state) {
  struct fixture *f = *state;
  struct watched *watched = calloc(1, sizeof(*watched));
  assert_non_null(watched);
  assert_true(session_home_subscribe(&f->exchange, watched));
  assert_int_equal(n_homes(f), 0); /* it is posted */
  uv_run(&f->worker.loop.uv, UV_RUN_NOWAIT);
  assert_int_equal(n_homes(f), 1);
  assert_int_equal(n_added, 1);
  assert_true(session_home_unsubscribe(&f->exchange, STR("docs://a")));
  uv_run(&f->worker.loop.uv, UV_RUN_NOWAIT);
  assert_int_equal(n_dropped, 1);
}

static void a_subscription_of_a_session_that_ended_meanwhile_goes_nowhere(void **state) {
  struct fixture *f = *state;
  struct watched *watched = calloc(1, sizeof(*watched));
  assert_non_null(watched);
  assert_true(session_home_subscribe(&f->exchange, watched));
  has_ended = true;
  uv_run(&f->worker.loop.uv, UV_RUN_NOWAIT);
  assert_int_equal(n_homes(f), 0);
  assert_int_equal(n_added, 0); /* and it is freed */
}

static void a_session_is_at_home_at_a_worker_that_there_is(void **state) {
  struct fixture *f = *state;
  for (unsigned home = 0; home < 3; home++) {
    const struct session session = {.home = home};
    assert_ptr_equal(session_home_worker(&f->worker, &session), &f->worker); /* there were more of them once */
  }
}

#define home_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      home_test(a_session_has_one_home_and_wants_to_hear_of_everything),
      home_test(a_session_that_has_ended_or_may_not_listen_has_none),
      home_test(what_is_said_before_anybody_reads_is_not_kept),
      home_test(a_second_reader_takes_the_place_of_the_first),
      home_test(the_end_of_a_session_ends_its_stream),
      home_test(who_may_no_longer_listen_loses_home_and_stream),
      home_test(a_home_goes_when_nobody_has_listened_for_long),
      home_test(subscriptions_travel_to_the_home),
      home_test(a_subscription_of_a_session_that_ended_meanwhile_goes_nowhere),
      home_test(a_session_is_at_home_at_a_worker_that_there_is),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
