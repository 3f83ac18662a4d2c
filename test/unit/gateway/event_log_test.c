/* Events that are kept for a client whose connection broke. */
#include "gateway/event_log.h"

#include "fixture.h"

enum { SEEN_MAX = 1024 };

/* A reader that remembers. */
struct seen {
  struct event_reader reader;
  size_t n, n_ends, n_replaced;
  char ids[SEEN_MAX][EVENT_ID_SIZE], texts[SEEN_MAX][32];
};

static void on_event(struct event_reader *reader, struct str id, struct str data) {
  struct seen *seen = (struct seen *)reader;
  assert_true(seen->n < SEEN_MAX && seen->n_ends == 0);
  snprintf(seen->ids[seen->n], EVENT_ID_SIZE, "%.*s", STR_ARG(id));
  snprintf(seen->texts[seen->n], 32, "%.*s", STR_ARG(data));
  seen->n++;
}

static void on_end(struct event_reader *reader, bool is_replaced) {
  struct seen *seen = (struct seen *)reader;
  seen->n_ends++;
  seen->n_replaced += is_replaced;
}

static struct seen *seen_new(struct fixture *f) {
  struct seen *seen = arena_new(&f->arena, struct seen);
  assert_non_null(seen);
  seen->reader = (struct event_reader){on_event, on_end};
  return seen;
}

static const struct session mine = {.nonce = {1}}, others = {.nonce = {2}};

static struct event_log *log_new(struct fixture *f) {
  struct event_log *log = event_log_new(&f->worker, f->user.id, &mine);
  assert_non_null(log);
  return log;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  event_logs_free(&f->worker);
  return fixture_teardown(state);
}

static void append(struct event_log *log, const char *text) {
  event_log_append(log, str_of(text));
}

static void who_reads_on_gets_what_came_after_its_last_event_and_nothing_twice(void **state) {
  struct fixture *f = *state;
  struct event_log *log = log_new(f);
  struct seen *first = seen_new(f), *second = seen_new(f);
  event_log_read(log, &first->reader, 0);
  event_log_prime(log);
  append(log, "a");
  append(log, "b");
  assert_string_equal(first->texts[0], "");
  event_log_leave(log, &first->reader);
  append(log, "c");
  assert_int_equal(first->n, 3);
  unsigned worker;
  uint64_t id, number;
  assert_true(event_id_read(str_of(first->ids[1]), &worker, &id, &number));
  assert_ptr_equal(event_log_find(&f->worker, id, f->user.id, &mine), log);
  event_log_read(log, &second->reader, number);
  append(log, "d");
  assert_int_equal(second->n, 3);
  assert_string_equal(second->texts[0], "b");
  assert_string_equal(second->texts[2], "d");
  assert_string_equal(second->ids[0], first->ids[2]);
  /* From the event that primed the stream on, all of it. */
  assert_true(event_id_read(str_of(first->ids[0]), &worker, &id, &number));
  event_log_read(log, &seen_new(f)->reader, number);
  assert_int_equal(second->n_replaced, 1);
}

static void another_persons_log_is_unknown_and_so_is_another_sessions(void **state) {
  struct fixture *f = *state;
  struct event_log *log = log_new(f);
  struct seen *seen = seen_new(f);
  unsigned worker;
  uint64_t id, number;
  event_log_read(log, &seen->reader, 0);
  append(log, "a");
  assert_true(event_id_read(str_of(seen->ids[0]), &worker, &id, &number));
  assert_null(event_log_find(&f->worker, id, f->other_user.id, &mine));
  assert_null(event_log_find(&f->worker, id, f->user.id, &others));
  assert_null(event_log_find(&f->worker, id + 1, f->user.id, &mine));
}

static void what_is_no_id_of_ours_is_refused(void **state) {
  static const char *const texts[] = {"",
                                      "-",
                                      "0-",
                                      "0-0123456789abcdef",
                                      "0-0123456789abcdef-",
                                      "x-0123456789abcdef-1",
                                      "0-0123456789ABCDEF-1",
                                      "0-0123456789abcde-1",
                                      "0-0123456789abcdef-1x",
                                      "12345-0123456789abcdef-1",
                                      "0-0123456789abcdef--1"};
  unsigned worker;
  uint64_t id, number;
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
    assert_false(event_id_read(str_of(texts[i]), &worker, &id, &number));
  assert_true(event_id_read(STR("1f-0123456789abcdef-7"), &worker, &id, &number));
  assert_int_equal(worker, 0x1f);
  assert_int_equal(id, 0x0123456789abcdef);
  assert_int_equal(number, 7);
}

static void a_log_that_has_ended_is_read_to_its_end_and_ends_its_reader(void **state) {
  struct fixture *f = *state;
  struct event_log *log = log_new(f);
  struct seen *first = seen_new(f), *late = seen_new(f);
  event_log_read(log, &first->reader, 0);
  append(log, "result");
  event_log_end(log);
  assert_int_equal(first->n_ends, 1);
  event_log_read(log, &late->reader, 0);
  assert_int_equal(late->n, 1);
  assert_int_equal(late->n_ends, 1);
}

static void the_oldest_events_go_where_there_are_too_many(void **state) {
  struct fixture *f = *state;
  struct event_log *log = log_new(f);
  struct seen *seen = seen_new(f);
  char text[32];
  for (int i = 0; i < 2 * LIMIT_EVENTS_KEPT; i++) {
    snprintf(text, sizeof(text), "%d", i);
    append(log, text);
  }
  event_log_read(log, &seen->reader, 0);
  assert_int_equal(seen->n, LIMIT_EVENTS_KEPT);
  assert_string_equal(seen->texts[LIMIT_EVENTS_KEPT - 1], text);
}

static void what_has_ended_is_let_go_of_in_time(void **state) {
  struct fixture *f = *state;
  struct event_log *ended = log_new(f);
  log_new(f);
  append(ended, "a");
  event_log_end(ended);
  event_logs_sweep(&f->worker);
  assert_int_equal(f->worker.logs.by_id.count, 2);
  loop_age(&f->worker.loop, (LIMIT_EVENTS_MS + 1) * INT64_C(1000));
  event_logs_sweep(&f->worker);
  assert_int_equal(f->worker.logs.by_id.count, 1);
  assert_int_equal(f->worker.logs.bytes, 0);
}

#define log_test(name) cmocka_unit_test_setup_teardown(name, fixture_setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      log_test(who_reads_on_gets_what_came_after_its_last_event_and_nothing_twice),
      log_test(another_persons_log_is_unknown_and_so_is_another_sessions),
      log_test(what_is_no_id_of_ours_is_refused),
      log_test(a_log_that_has_ended_is_read_to_its_end_and_ends_its_reader),
      log_test(the_oldest_events_go_where_there_are_too_many),
      log_test(what_has_ended_is_let_go_of_in_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
