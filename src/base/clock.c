/* The two clocks, and times as text. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

enum { US_PER_S = 1000000, S_PER_DAY = 86400 };

static int64_t clock_read(clockid_t id) {
  struct timespec now;
  clock_gettime(id, &now);
  return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

int64_t clock_utc_us(void) {
  return clock_read(CLOCK_REALTIME);
}

int64_t clock_monotonic_us(void) {
  return clock_read(CLOCK_MONOTONIC);
}

int64_t clock_boottime_us(void) {
  return clock_read(CLOCK_BOOTTIME);
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar. Years are counted from March, so that the leap day is the
 * last of its year; an era is 400 of them. */
static int64_t days_of(int64_t year, int64_t month, int64_t day) {
  if (month <= 2) year--;
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  int64_t year_of_era = year - era * 400;
  int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

static void date_of(int64_t days, int *ret_year, int *ret_month, int *ret_day) {
  days += 719468;
  int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  int64_t day_of_era = days - era * 146097;
  int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t month = (5 * day_of_year + 2) / 153;
  *ret_day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
  *ret_month = (int)(month < 10 ? month + 3 : month - 9);
  *ret_year = (int)(year_of_era + era * 400 + (*ret_month <= 2));
}

static void put_digits(char *p, int n, int64_t value) {
  for (int i = n - 1; i >= 0; i--) {
    p[i] = (char)('0' + value % 10);
    value /= 10;
  }
}

void clock_format(int64_t utc_us, char ret_text[CLOCK_TEXT_SIZE]) {
  int64_t first = days_of(0, 1, 1) * S_PER_DAY * US_PER_S;
  int64_t end = days_of(10000, 1, 1) * S_PER_DAY * US_PER_S;
  if (utc_us < first) utc_us = first;
  if (utc_us >= end) utc_us = end - 1;
  int64_t us_per_day = (int64_t)S_PER_DAY * US_PER_S;
  int64_t days = utc_us / us_per_day - (utc_us % us_per_day < 0);
  int64_t of_day = utc_us - days * us_per_day;
  int year, month, day;
  date_of(days, &year, &month, &day);
  int64_t s = of_day / US_PER_S;
  memcpy(ret_text, "0000-00-00T00:00:00.000000Z", CLOCK_TEXT_SIZE);
  put_digits(ret_text, 4, year);
  put_digits(ret_text + 5, 2, month);
  put_digits(ret_text + 8, 2, day);
  put_digits(ret_text + 11, 2, s / 3600);
  put_digits(ret_text + 14, 2, s / 60 % 60);
  put_digits(ret_text + 17, 2, s % 60);
  put_digits(ret_text + 20, 6, of_day % US_PER_S);
}

static bool digits_read(struct str text, size_t at, size_t n, int64_t *ret_value) {
  uint64_t value;
  if (!str_to_u64(str_make(text.p + at, n), &value)) return false;
  *ret_value = (int64_t)value;
  return true;
}

static int64_t days_in_month(int64_t year, int64_t month) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && is_leap ? 29 : days[month - 1];
}

/* ".123": microseconds; further digits are dropped. */
static bool fraction_read(struct str fraction, int64_t *ret_us) {
  if (fraction.n < 2 || fraction.p[0] != '.') return false;
  int64_t us = 0;
  int64_t unit = US_PER_S / 10;
  for (size_t i = 1; i < fraction.n; i++) {
    if (fraction.p[i] < '0' || fraction.p[i] > '9') return false;
    us += (fraction.p[i] - '0') * unit;
    unit /= 10;
  }
  *ret_us = us;
  return true;
}

bool clock_parse(struct str text, int64_t *ret_utc_us) {
  static const char form[] = "0000-00-00T00:00:00";
  const size_t whole = sizeof(form) - 1;
  if (text.n < whole + 1 || text.p[text.n - 1] != 'Z') return false;
  for (size_t i = 0; i < whole; i++) {
    if (form[i] != '0' && text.p[i] != form[i]) return false;
  }
  int64_t year, month, day, hour, minute, second, us = 0;
  if (!digits_read(text, 0, 4, &year) || !digits_read(text, 5, 2, &month) || !digits_read(text, 8, 2, &day) ||
      !digits_read(text, 11, 2, &hour) || !digits_read(text, 14, 2, &minute) || !digits_read(text, 17, 2, &second))
    return false;
  /* Leap seconds are refused: POSIX time has no number for them. */
  if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 59)
    return false;
  struct str fraction = str_make(text.p + whole, text.n - whole - 1);
  if (fraction.n > 0 && !fraction_read(fraction, &us)) return false;
  *ret_utc_us = (days_of(year, month, day) * S_PER_DAY + hour * 3600 + minute * 60 + second) * US_PER_S + us;
  return true;
}

bool clock_parse_duration(struct str text, int64_t *ret_us) {
  if (text.n < 2) return false;
  int64_t unit_s;
  switch (text.p[text.n - 1]) {
    case 's':
      unit_s = 1;
      break;
    case 'm':
      unit_s = 60;
      break;
    case 'h':
      unit_s = 3600;
      break;
    case 'd':
      unit_s = S_PER_DAY;
      break;
    default:
      return false;
  }
  uint64_t count;
  int64_t us;
  if (!str_to_u64(str_make(text.p, text.n - 1), &count) || count > INT64_MAX) return false;
  if (__builtin_mul_overflow((int64_t)count, unit_s * US_PER_S, &us)) return false;
  *ret_us = us;
  return true;
}
