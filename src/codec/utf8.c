/* UTF-8 (RFC 3629). Must not know what the text means. */
#include "codec/utf8.h"

#include "base/utf8_sequence.h"

bool utf8_is_valid(struct str text) {
  for (size_t i = 0; i < text.n;) {
    size_t n = utf8_sequence(text.p + i, text.n - i);
    if (n == 0) return false;
    i += n;
  }
  return true;
}

uint32_t utf8_next(struct str text, size_t *i) {
  const unsigned char *p = (const unsigned char *)text.p + *i;
  size_t n = utf8_sequence(text.p + *i, text.n - *i);
  *i += n > 0 ? n : 1;
  switch (n) {
    case 1:
      return p[0];
    case 2:
      return (p[0] & 0x1FU) << 6 | (p[1] & 0x3FU);
    case 3:
      return (p[0] & 0x0FU) << 12 | (p[1] & 0x3FU) << 6 | (p[2] & 0x3FU);
    case 4:
      return (p[0] & 0x07U) << 18 | (p[1] & 0x3FU) << 12 | (p[2] & 0x3FU) << 6 | (p[3] & 0x3FU);
    default:
      return UINT32_MAX;
  }
}

struct str utf8_cut(struct str text, size_t max_bytes) {
  if (text.n <= max_bytes) return text;
  size_t n = max_bytes;
  /* Back to where a character begins, but never further than one can be long: invalid text is cut as it comes. */
  for (int back = 0; back < 4 && n > 0; back++, n--) {
    if (((unsigned char)text.p[n] & 0xC0) != 0x80) return str_make(text.p, n);
  }
  return str_make(text.p, n == 0 ? 0 : max_bytes);
}
