/* Numbers between JSON text and doubles. yyjson finds the shortest digits that read back as the same double; the
 * layout is ours. Must not depend on the process's locale. */
#include "codec/json_number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

struct decimal {
  char digits[24]; /* no zeros at either end */
  size_t n;
  int point; /* the value is 0.DIGITS * 10^point */
};

/* Takes what yyjson writes apart: 1.5, 100.0, 1.5e-7, 1e21. */
static void decimal_read(struct str text, struct decimal *ret_decimal) {
  struct decimal decimal = {.n = 0};
  bool has_point = false;
  size_t i = 0;
  for (; i < text.n && text.p[i] != 'e'; i++) {
    char c = text.p[i];
    if (c == '.') {
      has_point = true;
      continue;
    }
    if (!has_point) decimal.point++;
    if (decimal.n == 0 && c == '0') {
      decimal.point--;
      continue;
    }
    if (decimal.n < sizeof(decimal.digits)) decimal.digits[decimal.n++] = c;
  }
  while (decimal.n > 0 && decimal.digits[decimal.n - 1] == '0')
    decimal.n--;
  if (i < text.n) {
    bool is_negative = text.p[i + 1] == '-';
    int exponent = 0;
    for (i += is_negative || text.p[i + 1] == '+' ? 2 : 1; i < text.n; i++)
      exponent = exponent * 10 + text.p[i] - '0';
    decimal.point += is_negative ? -exponent : exponent;
  }
  *ret_decimal = decimal;
}

/* -> the length */
static size_t layout(const struct decimal *decimal, char *text) {
  int k = (int)decimal->n;
  int n = decimal->point;
  char *p = text;
  if (n > 21 || n <= -6) {
    *p++ = decimal->digits[0];
    if (k > 1) {
      *p++ = '.';
      memcpy(p, decimal->digits + 1, decimal->n - 1);
      p += k - 1;
    }
    return (size_t)(p - text) + (size_t)snprintf(p, 8, "e%+d", n - 1);
  }
  if (n <= 0) {
    memcpy(p, "0.", 2);
    memset(p + 2, '0', (size_t)-n);
    p += 2 - n;
    memcpy(p, decimal->digits, decimal->n);
    return (size_t)(p - text) + decimal->n;
  }
  if (n >= k) {
    memcpy(p, decimal->digits, decimal->n);
    memset(p + k, '0', (size_t)(n - k));
    return (size_t)n;
  }
  memcpy(p, decimal->digits, (size_t)n);
  p[n] = '.';
  memcpy(p + n + 1, decimal->digits + n, (size_t)(k - n));
  return decimal->n + 1;
}

size_t json_number_format(double value, char ret_text[JSON_NUMBER_SIZE]) {
  if (value == 0) {
    memcpy(ret_text, "0", 2);
    return 1;
  }
  char memory[512];
  yyjson_alc alc;
  yyjson_val number = {.tag = YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL, .uni.f64 = fabs(value)};
  size_t n = 0;
  yyjson_alc_pool_init(&alc, memory, sizeof(memory));
  const char *text = yyjson_val_write_opts(&number, YYJSON_WRITE_NOFLAG, &alc, &n, NULL);
  struct decimal decimal;
  decimal_read(str_make(text, n), &decimal);
  size_t sign = signbit(value) ? 1 : 0;
  if (sign) ret_text[0] = '-';
  n = sign + layout(&decimal, ret_text + sign);
  ret_text[n] = '\0';
  return n;
}

bool json_number_read_big(struct str text, double *ret_value) {
  /* With a fraction or an exponent it is here because it is infinite; and no integer whose digits a double keeps is
   * longer than this. */
  char copy[JSON_NUMBER_SIZE];
  if (text.n > 22 || memchr(text.p, '.', text.n) || memchr(text.p, 'e', text.n) || memchr(text.p, 'E', text.n))
    return false;
  memcpy(copy, text.p, text.n);
  copy[text.n] = '\0';
  double value = strtod(copy, NULL);
  char again[JSON_NUMBER_SIZE];
  if (!str_eq(str_make(again, json_number_format(value, again)), text)) return false;
  *ret_value = value;
  return true;
}
