#include "codec/retry_after.h"

#include "unit.h"

#define SECOND INT64_C(1000000)
static const int64_t now = INT64_C(784111777) * SECOND; /* Sun, 06 Nov 1994 08:49:37 GMT */

static void assert_wait(const char *text, int64_t expected) {
  int64_t wait = -1;
  bool is_read = retry_after_read(str_of(text), now, &wait);
  if (wait != expected) fail_msg("%s: %lld, not %lld", text, (long long)wait, (long long)expected);
  assert_int_equal(is_read, expected != -1);
}

static void assert_number(const char *text, enum retry_unit unit, int64_t expected) {
  int64_t wait = -1;
  bool is_read = retry_number_read(str_of(text), unit, now, &wait);
  if (wait != expected) fail_msg("%s: %lld, not %lld", text, (long long)wait, (long long)expected);
  assert_int_equal(is_read, expected != -1);
}

static void seconds_are_waited_for(void **state) {
  assert_wait("0", 0);
  assert_wait("120", 120 * SECOND);
  assert_wait(" 7\t", 7 * SECOND);
  assert_wait("1.5", 3 * SECOND / 2);
  assert_wait("2s", 2 * SECOND);
  assert_wait("250ms", SECOND / 4);
  assert_wait("0.0000009", 0);
}

static void dates_in_all_three_forms_are_waited_for(void **state) {
  assert_wait("Sun, 06 Nov 1994 08:49:57 GMT", 20 * SECOND);
  assert_wait("Sunday, 06-Nov-94 08:49:57 GMT", 20 * SECOND);
  assert_wait("Sun Nov  6 08:49:57 1994", 20 * SECOND);
  assert_wait("Mon Nov 14 08:49:37 1994", 8 * 86400 * SECOND);
  assert_wait("Sun, 06 Nov 1994 08:49:37 GMT", 0);
}

static void what_has_passed_is_no_wait(void **state) {
  assert_wait("Sun, 06 Nov 1994 08:49:36 GMT", 0);
  assert_wait("Thu, 01 Jan 1970 00:00:00 GMT", 0);
  assert_wait("Sunday, 06-Nov-83 08:49:37 GMT", 0);
  assert_number("784111776", RETRY_EPOCH, 0);
  assert_number("0", RETRY_EPOCH_MS, 0);
}

static void points_in_time_are_waited_for(void **state) {
  assert_number("784111807", RETRY_EPOCH, 30 * SECOND);
  assert_number("784111807.25", RETRY_EPOCH, 30 * SECOND + SECOND / 4);
  assert_number("784111778500", RETRY_EPOCH_MS, 3 * SECOND / 2);
  assert_number("1500", RETRY_MILLISECONDS, 3 * SECOND / 2);
  assert_number("1", RETRY_SECONDS, SECOND);
}

static void a_wait_is_bounded(void **state) {
  assert_wait("99999999999999999999999999999999999999", RETRY_WAIT_MAX_US);
  assert_wait("Fri, 31 Dec 9999 23:59:59 GMT", RETRY_WAIT_MAX_US);
  assert_number("9223372036854775807", RETRY_EPOCH, RETRY_WAIT_MAX_US);
  assert_number("9223372036854775807", RETRY_EPOCH_MS, RETRY_WAIT_MAX_US);
  assert_number("18446744073709551615.99999999999", RETRY_MILLISECONDS, RETRY_WAIT_MAX_US);
}

static void the_century_of_a_short_year_is_the_near_one(void **state) {
  int64_t at, in_2026 = INT64_C(1795168800) * SECOND;
  assert_true(http_date_read(STR("Friday, 20-Nov-26 10:00:00 GMT"), in_2026, &at));
  assert_int_equal(at, in_2026);
  assert_true(http_date_read(STR("Sunday, 06-Nov-94 08:49:37 GMT"), in_2026, &at));
  assert_int_equal(at, now);
}

static void leap_days_count(void **state) {
  int64_t at;
  assert_true(http_date_read(STR("Thu, 29 Feb 2024 00:00:00 GMT"), now, &at));
  assert_int_equal(at, INT64_C(1709164800) * SECOND);
  assert_true(http_date_read(STR("Fri, 01 Mar 2024 00:00:00 GMT"), now, &at));
  assert_int_equal(at, INT64_C(1709251200) * SECOND);
}

static void nonsense_is_refused(void **state) {
  const char *bad[] = {"",
                       "soon",
                       "-5",
                       "+5",
                       "1e3",
                       "5 minutes",
                       "0x10",
                       ".5",
                       ".",
                       "1.2.3",
                       "5m",
                       "5 s s",
                       "Sun, 06 Nov 1994",
                       "Sun, 06 Nov 1994 08:49:37 CET",
                       "Sun, 06 Nov 1994 24:49:37 GMT",
                       "Sun, 32 Nov 1994 08:49:37 GMT",
                       "Sun, 06 Nvo 1994 08:49:37 GMT",
                       "Sun, 06 Nov 1994 08:49:37",
                       "Sun, 6 Nov 1994 08:49:37 GMT",
                       "Sunday, 06-Nov-94 08:49:37",
                       "Sun Nov 6 08:49:37 1994",
                       "Sun Nov  6 08:49:37 94",
                       "Sun,",
                       ",",
                       "Sun, "};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    assert_wait(bad[i], -1);
  assert_number("5s", RETRY_EPOCH, -1);
  assert_number("Sun, 06 Nov 1994 08:49:57 GMT", RETRY_SECONDS, -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(seconds_are_waited_for),
      cmocka_unit_test(dates_in_all_three_forms_are_waited_for),
      cmocka_unit_test(what_has_passed_is_no_wait),
      cmocka_unit_test(points_in_time_are_waited_for),
      cmocka_unit_test(a_wait_is_bounded),
      cmocka_unit_test(the_century_of_a_short_year_is_the_near_one),
      cmocka_unit_test(leap_days_count),
      cmocka_unit_test(nonsense_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
