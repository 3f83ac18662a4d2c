/* Waits as services tell them. Must not know which field or member a text is from. */
#include "codec/retry_after.h"

#define SECOND_US INT64_C(1000000)
#define DAY_US (INT64_C(86400) * SECOND_US)

/* ---- dates ---- */

struct date {
  unsigned year, month, day, hour, minute, second;
};

static bool read_digits(struct str *text, size_t n, unsigned *ret_value) {
  uint64_t value;
  if (text->n < n || !str_to_u64(str_make(text->p, n), &value)) return false;
  *ret_value = (unsigned)value;
  *text = str_make(text->p + n, text->n - n);
  return true;
}

static bool take(struct str *text, struct str prefix) {
  if (!str_starts(*text, prefix)) return false;
  *text = str_make(text->p + prefix.n, text->n - prefix.n);
  return true;
}

static bool read_month(struct str *text, unsigned *ret_month) {
  static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  for (unsigned i = 0; i < 12; i++) {
    if (!take(text, str_make(names + (size_t)i * 3, 3))) continue;
    *ret_month = i + 1;
    return true;
  }
  return false;
}

static bool read_time(struct str *text, struct date *date) {
  return read_digits(text, 2, &date->hour) && take(text, STR(":")) && read_digits(text, 2, &date->minute) &&
         take(text, STR(":")) && read_digits(text, 2, &date->second);
}

/* Days since 1970-01-01 of the Gregorian calendar (Howard Hinnant's days_from_civil). */
static int64_t days_of(const struct date *date) {
  int64_t year = (int64_t)date->year - (date->month <= 2);
  int64_t era = year / 400, of_era = year - era * 400;
  int64_t of_year = (153 * ((int64_t)date->month + (date->month > 2 ? -3 : 9)) + 2) / 5 + date->day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool is_date(const struct date *date) {
  static const unsigned char days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return date->year >= 1 && date->month >= 1 && date->month <= 12 && date->day >= 1 &&
         date->day <= days[date->month - 1] && date->hour <= 23 && date->minute <= 59 && date->second <= 60;
}

/* "06 Nov 1994 08:49:37 GMT" */
static bool read_fixdate(struct str text, struct date *date) {
  return read_digits(&text, 2, &date->day) && take(&text, STR(" ")) && read_month(&text, &date->month) &&
         take(&text, STR(" ")) && read_digits(&text, 4, &date->year) && take(&text, STR(" ")) &&
         read_time(&text, date) && (str_eq(text, STR(" GMT")) || str_eq(text, STR(" UTC")));
}

/* "06-Nov-94 08:49:37 GMT". A year that seems more than 50 years ahead is in the past (RFC 9110, 5.6.7). */
static bool read_rfc850(struct str text, int64_t now_utc_us, struct date *date) {
  if (!read_digits(&text, 2, &date->day) || !take(&text, STR("-")) || !read_month(&text, &date->month) ||
      !take(&text, STR("-")) || !read_digits(&text, 2, &date->year) || !take(&text, STR(" ")) ||
      !read_time(&text, date) || !str_eq(text, STR(" GMT")))
    return false;
  unsigned this_year = (unsigned)(1970 + now_utc_us / DAY_US * 400 / 146097);
  date->year += this_year / 100 * 100;
  if (date->year > this_year + 50) date->year -= 100;
  return true;
}

/* "Nov  6 08:49:37 1994" */
static bool read_asctime(struct str text, struct date *date) {
  if (!read_month(&text, &date->month) || !take(&text, STR(" "))) return false;
  bool has_day = take(&text, STR(" ")) ? read_digits(&text, 1, &date->day) : read_digits(&text, 2, &date->day);
  return has_day && take(&text, STR(" ")) && read_time(&text, date) && take(&text, STR(" ")) &&
         read_digits(&text, 4, &date->year) && text.n == 0;
}

bool http_date_read(struct str text, int64_t now_utc_us, int64_t *ret_utc_us) {
  struct date date;
  struct str rest = str_trim(text);
  struct str day_name = str_cut(&rest, ' ');
  bool is_read = false;
  if (day_name.n == 4 && day_name.p[3] == ',') {
    is_read = read_fixdate(rest, &date);
  } else if (day_name.n > 4 && day_name.p[day_name.n - 1] == ',') {
    is_read = read_rfc850(rest, now_utc_us, &date);
  } else if (day_name.n == 3) {
    is_read = read_asctime(rest, &date);
  }
  if (!is_read || !is_date(&date)) return false;
  *ret_utc_us = days_of(&date) * DAY_US + (int64_t)(date.hour * 3600 + date.minute * 60 + date.second) * SECOND_US;
  return true;
}

/* ---- numbers ---- */

/* As a count of millionths. More than fits is as much as fits. */
static bool read_decimal(struct str *text, int64_t *ret_millionths) {
  int64_t value = 0, place = SECOND_US;
  size_t n_digits = 0;
  bool has_point = false;
  for (; text->n > 0; *text = str_make(text->p + 1, text->n - 1)) {
    char c = text->p[0];
    if (c == '.' && !has_point && n_digits > 0) {
      has_point = true;
      continue;
    }
    if (c < '0' || c > '9') break;
    n_digits++;
    if (has_point) {
      place /= 10; /* beyond the sixth: 0, and adds nothing */
      value += (c - '0') * place;
    } else {
      value = value > INT64_MAX / 20 ? value : value * 10 + (c - '0') * SECOND_US;
    }
  }
  *ret_millionths = value;
  return n_digits > 0;
}

static int64_t bounded(int64_t wait_us) {
  if (wait_us < 0) return 0;
  return wait_us < RETRY_WAIT_MAX_US ? wait_us : RETRY_WAIT_MAX_US;
}

bool retry_number_read(struct str text, enum retry_unit unit, int64_t now_utc_us, int64_t *ret_wait_us) {
  int64_t value;
  struct str rest = str_trim(text);
  if (!read_decimal(&rest, &value)) return false;
  bool is_duration = unit == RETRY_SECONDS || unit == RETRY_MILLISECONDS;
  rest = str_trim(rest);
  if (is_duration && str_eq_fold(rest, STR("ms"))) {
    unit = RETRY_MILLISECONDS;
  } else if (is_duration && str_eq_fold(rest, STR("s"))) {
    unit = RETRY_SECONDS;
  } else if (rest.n > 0) {
    return false;
  }
  if (unit == RETRY_MILLISECONDS || unit == RETRY_EPOCH_MS) value /= 1000;
  *ret_wait_us = bounded(is_duration ? value : value - now_utc_us);
  return true;
}

bool retry_after_read(struct str text, int64_t now_utc_us, int64_t *ret_wait_us) {
  int64_t at;
  if (retry_number_read(text, RETRY_SECONDS, now_utc_us, ret_wait_us)) return true;
  if (!http_date_read(text, now_utc_us, &at)) return false;
  *ret_wait_us = bounded(at - now_utc_us);
  return true;
}
