#include "codec/sse.h"

#include "unit.h"

struct seen {
  char text[1024]; /* "type|data|id|" of each event */
  int n, n_wanted; /* n_wanted 0: all */
  struct sse_parser parser;
};

static bool on_event(void *context, const struct sse_event *event) {
  struct seen *seen = context;
  size_t n = strlen(seen->text);
  snprintf(seen->text + n, sizeof(seen->text) - n, "%.*s|%.*s|%.*s|", STR_ARG(event->type), STR_ARG(event->data),
           STR_ARG(event->id));
  return ++seen->n != seen->n_wanted;
}

/* Whole, then byte by byte, then in pieces of 3: always the same. */
static void assert_events(struct str stream, const char *expected) {
  const size_t sizes[] = {stream.n ? stream.n : 1, 1, 3};
  for (int s = 0; s < 3; s++) {
    struct seen seen = {0};
    sse_init(&seen.parser, 4096, on_event, &seen);
    for (size_t i = 0; i < stream.n; i += sizes[s]) {
      size_t n = stream.n - i < sizes[s] ? stream.n - i : sizes[s];
      char *piece = malloc(n);
      memcpy(piece, stream.p + i, n);
      assert_ok(sse_read(&seen.parser, str_make(piece, n), &test_err));
      free(piece);
    }
    assert_string_equal(seen.text, expected);
    sse_release(&seen.parser);
  }
}

static void an_event_is_its_fields_up_to_an_empty_line(void **state) {
  assert_events(STR("event: add\ndata: 73857293\nid: 7\n\n"), "add|73857293|7|");
  assert_events(STR("data: one\n\ndata: two\n\n"), "message|one||message|two||");
}

static void lines_end_in_any_of_three_ways(void **state) {
  assert_events(STR("data: a\r\rdata: b\r\n\r\ndata: c\n\ndata:d\r\n\n"),
                "message|a||message|b||message|c||message|d||");
}

static void data_of_several_lines_is_joined(void **state) {
  assert_events(STR("data: YHOO\ndata: +2\ndata: 10\n\n"), "message|YHOO\n+2\n10||");
  assert_events(STR("data\ndata\n\ndata:\n\n"), "message|\n||message|||");
}

static void one_space_after_the_colon_is_no_part_of_the_value(void **state) {
  assert_events(STR("data:test\n\ndata: test\n\ndata:  test\n\n"), "message|test||message|test||message| test||");
}

static void comments_and_unknown_fields_are_left_out(void **state) {
  assert_events(STR(": hello\n\n:\nfoo: bar\nDATA: no\ndata: x\nbar\n\n"), "message|x||");
}

static void a_byte_order_mark_is_left_out_once(void **state) {
  assert_events(STR("\xef\xbb\xbf"
                    "data: x\n\n"),
                "message|x||");
  assert_events(STR("\xef\xbb\xbf\xef\xbb\xbf"
                    "data: x\n\n"),
                "");
  assert_events(STR("\xef\xbb"
                    "data: x\n\n"),
                "");
}

static void an_id_stays_until_another_comes(void **state) {
  assert_events(STR("id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n"), "message|a|1|message|b|1|message|c||");
  assert_events(STR("id: 1\ndata: a\n\nid: 2\0"
                    "3\ndata: b\n\n"),
                "message|a|1|message|b|1|");
  assert_events(STR("id: 5\n\n"), "message||5|");
}

static void what_the_end_cuts_off_is_no_event(void **state) {
  assert_events(STR("data: a\n\ndata: b\n"), "message|a||");
  assert_events(STR("data: a\n\ndata: b"), "message|a||");
}

static void a_type_is_for_one_event(void **state) {
  assert_events(STR("event: x\ndata: a\n\ndata: b\n\nevent: y\n\ndata: c\n\n"), "x|a||message|b||message|c||");
}

static int64_t retry_of(const char *stream) {
  struct seen seen = {0};
  sse_init(&seen.parser, 4096, on_event, &seen);
  assert_ok(sse_read(&seen.parser, str_of(stream), &test_err));
  int64_t retry_ms = seen.parser.retry_ms;
  sse_release(&seen.parser);
  return retry_ms;
}

static void a_retry_is_digits_alone(void **state) {
  assert_int_equal(retry_of("data: x\n"), -1);
  assert_int_equal(retry_of("retry: 500\n"), 500);
  assert_int_equal(retry_of("retry: 0\n"), 0);
  assert_int_equal(retry_of("retry: -1\nretry: 1.5\nretry: 3s\nretry:\nretry: 0x10\n"), -1);
  assert_int_equal(retry_of("retry: 99999999999999999999999\n"), 24 * 3600 * 1000);
}

static enum err_code read_all(size_t max, const char *piece, int n, int n_wanted) {
  struct seen seen = {.n_wanted = n_wanted};
  enum err_code code = ERR_NONE;
  sse_init(&seen.parser, max, on_event, &seen);
  for (int i = 0; i < n && code == ERR_NONE; i++)
    code = sse_read(&seen.parser, str_of(piece), &test_err);
  sse_release(&seen.parser);
  return code;
}

static void an_event_over_the_cap_ends_the_stream(void **state) {
  assert_int_equal(read_all(100, "data: 0123456789\n", 6, 0), ERR_NONE);
  assert_int_equal(read_all(100, "data: 0123456789\n", 7, 0), ERR_TOO_LARGE);
  assert_int_equal(read_all(100, "0123456789", 11, 0), ERR_TOO_LARGE); /* one line without an end */
  assert_int_equal(read_all(100, "id: 1\nid: 2\nid: 3\n", 7, 0), ERR_TOO_LARGE);
  assert_int_equal(read_all(100, "data: 0123456789\n\n", 1000, 0), ERR_NONE);
  assert_int_equal(read_all(100, "data:\n: comment\n", 1000, 0), ERR_TOO_LARGE);
}

static void comments_may_come_for_ever(void **state) {
  assert_int_equal(read_all(100, ": keep-alive\n\n", 1000, 0), ERR_NONE);
  assert_int_equal(read_all(100, ": keep-alive\n", 1000, 0), ERR_NONE);
}

static void whoever_has_enough_is_told_no_more(void **state) {
  assert_int_equal(read_all(100, "data: x\n\ndata: y\n\n", 1, 1), ERR_CANCELLED);
}

static void an_endless_id_or_type_counts_as_none(void **state) {
  static char stream[4000];
  memset(stream, 'x', sizeof(stream));
  memcpy(stream, "event: ", 7);
  memcpy(stream + 2000, "\nid: ", 5);
  memcpy(stream + sizeof(stream) - 10, "\ndata: y\n\n", 10);
  assert_events(str_make(stream, sizeof(stream)), "message|y||");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_event_is_its_fields_up_to_an_empty_line),
      cmocka_unit_test(lines_end_in_any_of_three_ways),
      cmocka_unit_test(data_of_several_lines_is_joined),
      cmocka_unit_test(one_space_after_the_colon_is_no_part_of_the_value),
      cmocka_unit_test(comments_and_unknown_fields_are_left_out),
      cmocka_unit_test(a_byte_order_mark_is_left_out_once),
      cmocka_unit_test(an_id_stays_until_another_comes),
      cmocka_unit_test(what_the_end_cuts_off_is_no_event),
      cmocka_unit_test(a_type_is_for_one_event),
      cmocka_unit_test(a_retry_is_digits_alone),
      cmocka_unit_test(an_event_over_the_cap_ends_the_stream),
      cmocka_unit_test(comments_may_come_for_ever),
      cmocka_unit_test(whoever_has_enough_is_told_no_more),
      cmocka_unit_test(an_endless_id_or_type_counts_as_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
