#include "unit.h"

#include <time.h>

#include "base/clock.h"

static const char *formatted(int64_t us) {
  static char text[CLOCK_TEXT_SIZE];
  clock_format(us, text);
  return text;
}

static void times_are_written_in_utc_with_microseconds(void **state) {
  assert_string_equal(formatted(0), "1970-01-01T00:00:00.000000Z");
  assert_string_equal(formatted(1), "1970-01-01T00:00:00.000001Z");
  assert_string_equal(formatted(-1), "1969-12-31T23:59:59.999999Z");
  assert_string_equal(formatted(951782400000000), "2000-02-29T00:00:00.000000Z");
  assert_string_equal(formatted(1795168800123456), "2026-11-20T10:00:00.123456Z");
  assert_string_equal(formatted(-62167219200000000), "0000-01-01T00:00:00.000000Z");
}

static void times_beyond_four_digit_years_are_clamped(void **state) {
  assert_string_equal(formatted(INT64_MAX), "9999-12-31T23:59:59.999999Z");
  assert_string_equal(formatted(INT64_MIN), "0000-01-01T00:00:00.000000Z");
}

static void every_day_of_centuries_agrees_with_the_c_library(void **state) {
  for (int64_t day = -200000; day < 400000; day += 1) {
    time_t seconds = (time_t)(day * 86400 + 3723);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    char expected[80];
    snprintf(expected, sizeof(expected), "%04d-%02d-%02dT01:02:03.000000Z", tm.tm_year + 1900, tm.tm_mon + 1,
             tm.tm_mday);
    const char *actual = formatted((int64_t)seconds * 1000000);
    int64_t back = 0;
    if (strcmp(actual, expected) != 0 || !clock_parse(str_of(actual), &back) || back != (int64_t)seconds * 1000000)
      fail_msg("%s is not %s", actual, expected);
  }
}

static void fractions_may_be_absent_or_of_any_length(void **state) {
  int64_t us;
  assert_true(clock_parse(STR("1970-01-01T00:00:01Z"), &us));
  assert_int_equal(us, 1000000);
  assert_true(clock_parse(STR("1970-01-01T00:00:00.5Z"), &us));
  assert_int_equal(us, 500000);
  assert_true(clock_parse(STR("1970-01-01T00:00:00.000001999999999999999999Z"), &us));
  assert_int_equal(us, 1);
  assert_true(clock_parse(STR("1969-12-31T23:59:59.999999Z"), &us));
  assert_int_equal(us, -1);
}

static void what_is_no_utc_time_is_refused(void **state) {
  const char *const bad[] = {"",
                             "Z",
                             "2026-11-20",
                             "2026-11-20T10:00:00",
                             "2026-11-20T10:00:00+00:00",
                             "2026-11-20t10:00:00z",
                             "2026-11-20 10:00:00Z",
                             "2026-11-20T10:00:00.Z",
                             "2026-11-20T10:00:00.1x2Z",
                             "2026-11-20T10:00:00.-1Z",
                             "2026-11-20T10:00:00,5Z",
                             "2026-13-20T10:00:00Z",
                             "2026-00-20T10:00:00Z",
                             "2026-11-31T10:00:00Z",
                             "2026-11-00T10:00:00Z",
                             "2026-02-29T10:00:00Z",
                             "1900-02-29T10:00:00Z",
                             "2026-11-20T24:00:00Z",
                             "2026-11-20T10:60:00Z",
                             "2026-12-31T23:59:60Z",
                             "2026-1 -20T10:00:00Z",
                             "+026-11-20T10:00:00Z",
                             "2026-11-20T10:00:00ZZ",
                             "12026-11-20T10:00:00Z"};
  int64_t us = 42;
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    if (clock_parse(str_of(bad[i]), &us)) fail_msg("accepted \"%s\"", bad[i]);
  }
  assert_int_equal(us, 42);
  assert_true(clock_parse(STR("2000-02-29T00:00:00Z"), &us));
}

static void durations_are_digits_and_one_unit(void **state) {
  int64_t us;
  assert_true(clock_parse_duration(STR("90s"), &us));
  assert_int_equal(us, 90000000);
  assert_true(clock_parse_duration(STR("15m"), &us));
  assert_int_equal(us, 900000000);
  assert_true(clock_parse_duration(STR("12h"), &us));
  assert_int_equal(us, 43200000000);
  assert_true(clock_parse_duration(STR("30d"), &us));
  assert_int_equal(us, 2592000000000);
  assert_true(clock_parse_duration(STR("0s"), &us));
  assert_int_equal(us, 0);
  assert_true(clock_parse_duration(STR("9223372036854s"), &us));
  us = 42;
  const char *const bad[] = {"",
                             "s",
                             "90",
                             "1.5h",
                             "-1s",
                             "+1s",
                             "1 s",
                             " 1s",
                             "1ms",
                             "1S",
                             "1w",
                             "1h30m",
                             "9223372036855s",
                             "106751992d",
                             "18446744073709551615d",
                             "99999999999999999999s"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    if (clock_parse_duration(str_of(bad[i]), &us)) fail_msg("accepted \"%s\"", bad[i]);
  }
  assert_int_equal(us, 42);
}

static void the_clocks_go_forward(void **state) {
  int64_t a = clock_monotonic_us();
  int64_t b = clock_monotonic_us();
  assert_true(b >= a);
  assert_true(clock_utc_us() > 1700000000000000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(times_are_written_in_utc_with_microseconds),
      cmocka_unit_test(times_beyond_four_digit_years_are_clamped),
      cmocka_unit_test(every_day_of_centuries_agrees_with_the_c_library),
      cmocka_unit_test(fractions_may_be_absent_or_of_any_length),
      cmocka_unit_test(what_is_no_utc_time_is_refused),
      cmocka_unit_test(durations_are_digits_and_one_unit),
      cmocka_unit_test(the_clocks_go_forward),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
