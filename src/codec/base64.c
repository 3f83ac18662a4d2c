/* Bytes as text: base64, base64url, hex; and the checksum of tokens. */
#include "codec/base64.h"

static const char plain_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(struct buf *out, struct str bytes, const char alphabet[65], bool is_padded) {
  size_t tail = bytes.n % 3;
  if (bytes.n / 3 > (SIZE_MAX - 4) / 4) {
    out->has_failed = true;
    return;
  }
  size_t n = bytes.n / 3 * 4 + (tail == 0 ? 0 : is_padded ? 4 : tail + 1);
  char *p = buf_reserve(out, n);
  if (!p) return;
  out->n += n;
  for (size_t i = 0; i < bytes.n; i += 3) {
    size_t left = bytes.n - i;
    uint32_t group = (uint32_t)(unsigned char)bytes.p[i] << 16;
    if (left > 1) group |= (uint32_t)(unsigned char)bytes.p[i + 1] << 8;
    if (left > 2) group |= (unsigned char)bytes.p[i + 2];
    *p++ = alphabet[group >> 18];
    *p++ = alphabet[group >> 12 & 0x3F];
    if (left > 1 || is_padded) *p++ = left > 1 ? alphabet[group >> 6 & 0x3F] : '=';
    if (left > 2 || is_padded) *p++ = left > 2 ? alphabet[group & 0x3F] : '=';
  }
}

void base64_write(struct buf *out, struct str bytes) {
  encode(out, bytes, plain_alphabet, true);
}

void base64url_write(struct buf *out, struct str bytes) {
  encode(out, bytes, url_alphabet, false);
}

static int sextet(char c, const char alphabet[65]) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == alphabet[62]) return 62;
  if (c == alphabet[63]) return 63;
  return -1;
}

/* `text` without its padding. */
static bool decode(struct arena *arena, struct str text, const char alphabet[65], struct str *ret_bytes) {
  if (text.n % 4 == 1) return false;
  char *bytes = arena_alloc(arena, text.n / 4 * 3 + 3);
  if (!bytes) return false;
  size_t n = 0;
  uint32_t bits = 0;
  unsigned n_bits = 0;
  for (size_t i = 0; i < text.n; i++) {
    int value = sextet(text.p[i], alphabet);
    if (value < 0) return false;
    bits = bits << 6 | (uint32_t)value;
    n_bits += 6;
    if (n_bits < 8) continue;
    n_bits -= 8;
    bytes[n++] = (char)(bits >> n_bits);
    bits &= (1U << n_bits) - 1;
  }
  /* RFC 4648, 3.5: otherwise two texts would stand for the same bytes. */
  if (bits != 0) return false;
  *ret_bytes = str_make(bytes, n);
  return true;
}

bool base64_read(struct arena *arena, struct str text, struct str *ret_bytes) {
  if (text.n % 4 != 0) return false;
  if (text.n > 0 && text.p[text.n - 1] == '=') text.n--;
  if (text.n % 4 == 3 && text.p[text.n - 1] == '=') text.n--;
  return decode(arena, text, plain_alphabet, ret_bytes);
}

bool base64url_read(struct arena *arena, struct str text, struct str *ret_bytes) {
  return decode(arena, text, url_alphabet, ret_bytes);
}

void hex_format(const void *bytes, size_t n, char *ret_text) {
  static const char digits[] = "0123456789abcdef";
  const unsigned char *p = bytes;
  for (size_t i = 0; i < n; i++) {
    *ret_text++ = digits[p[i] >> 4];
    *ret_text++ = digits[p[i] & 0x0F];
  }
  *ret_text = '\0';
}

static int hex_value(char c, bool any_case) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (any_case && c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool hex_parse(struct str text, void *ret_bytes, size_t n, bool any_case) {
  if (text.n % 2 != 0 || text.n / 2 != n) return false;
  for (size_t i = 0; i < text.n; i++) {
    if (hex_value(text.p[i], any_case) < 0) return false;
  }
  unsigned char *p = ret_bytes;
  for (size_t i = 0; i < n; i++) {
    p[i] = (unsigned char)(hex_value(text.p[2 * i], any_case) << 4 | hex_value(text.p[2 * i + 1], any_case));
  }
  return true;
}

uint32_t crc32_of(struct str bytes) {
  /* The reflected polynomial 0xEDB88320 applied to four bits at once. */
  static const uint32_t table[16] = {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
                                     0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
                                     0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
  uint32_t crc = 0xFFFFFFFF;
  for (size_t i = 0; i < bytes.n; i++) {
    crc ^= (unsigned char)bytes.p[i];
    crc = crc >> 4 ^ table[crc & 0x0F];
    crc = crc >> 4 ^ table[crc & 0x0F];
  }
  return ~crc;
}
