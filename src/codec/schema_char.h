/* ASCII's classes, whatever the locale. */
#ifndef CONNEK_CODEC_SCHEMA_CHAR_H
#define CONNEK_CODEC_SCHEMA_CHAR_H

#include <stdbool.h>

#include "base/str.h"

static inline bool char_is_digit(char c) {
  return c >= '0' && c <= '9';
}

static inline bool char_is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool char_is_alnum(char c) {
  return char_is_digit(c) || char_is_alpha(c);
}

static inline bool char_is_hex(char c) {
  return char_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static inline unsigned char_hex_value(char c) {
  if (char_is_digit(c)) return (unsigned)(c - '0');
  return (unsigned)((c | 0x20) - 'a') + 10;
}

#endif
