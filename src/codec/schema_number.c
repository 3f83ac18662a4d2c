/* Exact comparing and dividing of numbers. Doubles stand for their shortest digits, as ECMAScript writes them, so that
 * 0.3 is a multiple of 0.1. */
#include "codec/schema_number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/json_number.h"

/* 0.DIGITS * 10^point. The digits stand in the number's text, perhaps with a '.' among them. */
struct decimal {
  bool is_negative;
  const char *p, *end; /* from the first to behind the last digit that is not 0; equal for zero */
  int64_t n;           /* digits between the two */
  int64_t point;
};

enum { EXPONENT_MAX = 1000 * 1000 * 1000 };

static int64_t exponent_read(const char *p, const char *end) {
  int64_t exponent = 0;
  bool is_negative = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) p++;
  for (; p < end && exponent < EXPONENT_MAX; p++)
    exponent = exponent * 10 + (*p - '0');
  return is_negative ? -exponent : exponent;
}

static void decimal_read(struct str text, struct decimal *ret_decimal) {
  struct decimal decimal = {.n = 0};
  const char *p = text.p, *end = text.p + text.n;
  bool has_point = false;
  int64_t n = 0; /* digits from the first that is not 0 */
  if (p < end && *p == '-') {
    decimal.is_negative = true;
    p++;
  }
  for (; p < end && *p != 'e' && *p != 'E'; p++) {
    if (*p == '.') {
      has_point = true;
      continue;
    }
    if (n == 0 && *p == '0') {
      if (has_point) decimal.point--;
      continue;
    }
    if (n == 0) decimal.p = p;
    n++;
    if (!has_point) decimal.point++;
    if (*p == '0') continue;
    decimal.end = p + 1;
    decimal.n = n;
  }
  if (p < end) decimal.point += exponent_read(p + 1, end);
  if (n == 0) decimal = (struct decimal){.n = 0};
  *ret_decimal = decimal;
}

/* `space` is where the text is made where there is none. */
static void decimal_of(yyjson_val *value, char space[JSON_NUMBER_SIZE], struct decimal *ret_decimal) {
  struct str text = str_make(space, 0);
  if (yyjson_is_raw(value)) {
    text = str_make(yyjson_get_raw(value), yyjson_get_len(value));
  } else if (yyjson_is_real(value)) {
    text.n = json_number_format(yyjson_get_real(value), space);
  } else if (yyjson_is_uint(value)) {
    text.n = (size_t)snprintf(space, JSON_NUMBER_SIZE, "%llu", (unsigned long long)yyjson_get_uint(value));
  } else {
    text.n = (size_t)snprintf(space, JSON_NUMBER_SIZE, "%lld", (long long)yyjson_get_sint(value));
  }
  decimal_read(text, ret_decimal);
}

static char digit_next(const struct decimal *decimal, const char **p) {
  if (*p < decimal->end && **p == '.') ++*p;
  return *p < decimal->end ? *(*p)++ : '\0';
}

static int decimal_cmp_digits(const struct decimal *a, const struct decimal *b) {
  if (a->n == 0 || b->n == 0) return (a->n != 0) - (b->n != 0);
  if (a->point != b->point) return a->point < b->point ? -1 : 1;
  const char *p = a->p, *q = b->p;
  for (;;) {
    char c = digit_next(a, &p), d = digit_next(b, &q);
    if (c != d) return c < d ? -1 : 1;
    if (c == '\0') return 0;
  }
}

static int decimal_cmp(const struct decimal *a, const struct decimal *b) {
  bool is_negative = a->is_negative && a->n > 0;
  if (is_negative != (b->is_negative && b->n > 0)) return is_negative ? -1 : 1;
  int order = decimal_cmp_digits(a, b);
  return is_negative ? -order : order;
}

/* Holds every double and every integer of 64 bits exactly: it has 64 bits of mantissa or more on x86-64 and arm64. */
static long double held(yyjson_val *value) {
  if (yyjson_is_uint(value)) return (long double)yyjson_get_uint(value);
  if (yyjson_is_sint(value)) return (long double)yyjson_get_sint(value);
  return (long double)yyjson_get_real(value);
}
_Static_assert(__LDBL_MANT_DIG__ >= 64, "long double must hold 64-bit integers");

bool schema_is_number(yyjson_val *value) {
  return yyjson_is_num(value) || yyjson_is_raw(value);
}

bool schema_number_is_integer(yyjson_val *value) {
  if (yyjson_is_int(value)) return true;
  if (yyjson_is_real(value)) return trunc(yyjson_get_real(value)) == yyjson_get_real(value);
  struct decimal decimal;
  decimal_read(str_make(yyjson_get_raw(value), yyjson_get_len(value)), &decimal);
  return decimal.point >= decimal.n;
}

int schema_number_cmp(yyjson_val *a, yyjson_val *b) {
  if (yyjson_is_uint(a) && yyjson_is_uint(b))
    return (yyjson_get_uint(a) > yyjson_get_uint(b)) - (yyjson_get_uint(a) < yyjson_get_uint(b));
  if (yyjson_is_raw(a) || yyjson_is_raw(b)) {
    char a_space[JSON_NUMBER_SIZE], b_space[JSON_NUMBER_SIZE];
    struct decimal x, y;
    decimal_of(a, a_space, &x);
    decimal_of(b, b_space, &y);
    return decimal_cmp(&x, &y);
  }
  long double x = held(a), y = held(b);
  return (x > y) - (x < y);
}

double schema_number_rounded(yyjson_val *value) {
  double rounded = 0;
  if (yyjson_is_raw(value)) {
    /* yyjson ends raw text with a NUL or with what follows the number in JSON: strtod stops at either. */
    rounded = strtod(yyjson_get_raw(value), NULL);
  } else if (yyjson_is_uint(value)) {
    rounded = (double)yyjson_get_uint(value);
  } else if (yyjson_is_sint(value)) {
    rounded = (double)yyjson_get_sint(value);
  } else {
    rounded = yyjson_get_real(value);
  }
  return rounded == 0 ? 0 : rounded; /* no -0 */
}

bool schema_divisor_read(yyjson_val *value, struct schema_divisor *ret_divisor) {
  char space[JSON_NUMBER_SIZE];
  struct decimal decimal;
  struct schema_divisor divisor = {0};
  decimal_of(value, space, &decimal);
  if (decimal.n == 0 || decimal.is_negative) return false;
  const char *p = decimal.p;
  for (char c = digit_next(&decimal, &p); c; c = digit_next(&decimal, &p)) {
    if (__builtin_mul_overflow(divisor.digits, 10, &divisor.digits) ||
        __builtin_add_overflow(divisor.digits, (uint64_t)(c - '0'), &divisor.digits))
      return false;
  }
  divisor.exponent = decimal.point - decimal.n;
  if (divisor.exponent >= 0 && divisor.exponent < 20) {
    divisor.whole = divisor.digits;
    for (int64_t i = 0; i < divisor.exponent; i++) {
      if (__builtin_mul_overflow(divisor.whole, 10, &divisor.whole)) {
        divisor.whole = 0;
        break;
      }
    }
  }
  *ret_divisor = divisor;
  return true;
}

static uint64_t multiply_modulo(uint64_t a, uint64_t b, uint64_t modulus) {
  return (uint64_t)((unsigned __int128)a * b % modulus);
}

/* a * 10^exponent modulo `modulus` */
static uint64_t shift_modulo(uint64_t a, int64_t exponent, uint64_t modulus) {
  uint64_t power = 10 % modulus;
  for (; exponent > 0; exponent >>= 1) {
    if (exponent & 1) a = multiply_modulo(a, power, modulus);
    power = multiply_modulo(power, power, modulus);
  }
  return a;
}

bool schema_number_is_multiple(yyjson_val *value, const struct schema_divisor *divisor) {
  if (divisor->whole && yyjson_is_uint(value)) return yyjson_get_uint(value) % divisor->whole == 0;
  char space[JSON_NUMBER_SIZE];
  struct decimal decimal;
  decimal_of(value, space, &decimal);
  if (decimal.n == 0) return true;
  /* Its digits end in no zero: with a smaller exponent it cannot be a multiple. */
  int64_t shift = decimal.point - decimal.n - divisor->exponent;
  if (shift < 0) return false;
  uint64_t rest = 0;
  const char *p = decimal.p;
  for (char c = digit_next(&decimal, &p); c; c = digit_next(&decimal, &p))
    rest = (uint64_t)(((unsigned __int128)rest * 10 + (unsigned)(c - '0')) % divisor->digits);
  return shift_modulo(rest, shift, divisor->digits) == 0;
}
