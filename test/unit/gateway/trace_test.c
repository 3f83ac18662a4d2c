/* W3C trace context. */
#include "unit.h"

#include "gateway/trace.h"

static void a_valid_trace_goes_on_with_a_span_of_ours(void **state) {
  struct trace_source source;
  struct trace trace;
  trace_source_init(&source);
  trace_begin(&trace, &source, STR("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
  assert_string_equal(trace.id, "4bf92f3577b34da6a3ce929d0e0e4736");
  assert_memory_equal(trace.traceparent, "00-4bf92f3577b34da6a3ce929d0e0e4736-", 36);
  assert_memory_not_equal(trace.traceparent + 36, "00f067aa0ba902b7", 16);
  assert_string_equal(trace.traceparent + 52, "-01");
}

static void a_malformed_trace_is_replaced(void **state) {
  static const char *const bad[] = {"",
                                    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
                                    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                                    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                                    "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                                    "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                    "00-4bf92f3577b34da6a3ce929d0e0e473\r-00f067aa0ba902b7-01"};
  struct trace_source source;
  trace_source_init(&source);
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    struct trace trace;
    trace_begin(&trace, &source, str_of(bad[i]));
    assert_int_equal(strlen(trace.id), 32);
    assert_int_equal(strlen(trace.traceparent), TRACE_PARENT_SIZE - 1);
    assert_string_not_equal(trace.id, "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_int_equal(strspn(trace.traceparent, "0123456789abcdef-"), TRACE_PARENT_SIZE - 1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_valid_trace_goes_on_with_a_span_of_ours),
      cmocka_unit_test(a_malformed_trace_is_replaced),
  };
  return cmocka_run_group_tests_name("gateway/trace", tests, NULL, NULL);
}
