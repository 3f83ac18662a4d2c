/* One well-formed UTF-8 sequence (RFC 3629, section 4): what both the log and codec/utf8 stand on. */
#ifndef CONNEK_BASE_UTF8_SEQUENCE_H
#define CONNEK_BASE_UTF8_SEQUENCE_H

#include <stddef.h>
#include <stdint.h>

/* How many of the n bytes at p make the first character; 0 where they are not well-formed or n is 0. Overlong forms,
 * surrogates and what lies beyond U+10FFFF are not well-formed. */
static inline size_t utf8_sequence(const char *text, size_t n) {
  const unsigned char *p = (const unsigned char *)text;
  if (n == 0) return 0;
  if (p[0] < 0x80) return 1;
  if (p[0] < 0xC2 || p[0] > 0xF4) return 0;
  size_t want = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
  if (n < want) return 0;
  unsigned char low = 0x80, high = 0xBF;
  if (p[0] == 0xE0) low = 0xA0;
  if (p[0] == 0xED) high = 0x9F;
  if (p[0] == 0xF0) low = 0x90;
  if (p[0] == 0xF4) high = 0x8F;
  if (p[1] < low || p[1] > high) return 0;
  for (size_t i = 2; i < want; i++) {
    if (p[i] < 0x80 || p[i] > 0xBF) return 0;
  }
  return want;
}

#endif
