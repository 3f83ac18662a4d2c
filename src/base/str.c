/* What slices need beyond their header, and the keyed hash of every table whose keys strangers choose. */
#include "base/str.h"

#include <openssl/crypto.h>

#include "base/random.h"

static char fold(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_eq_fold(struct str a, struct str b) {
  if (a.n != b.n) return false;
  for (size_t i = 0; i < a.n; i++) {
    if (a.p[i] != b.p[i] && fold(a.p[i]) != fold(b.p[i])) return false;
  }
  return true;
}

bool str_starts(struct str s, struct str prefix) {
  return s.n >= prefix.n && str_eq(str_make(s.p, prefix.n), prefix);
}

bool str_ends(struct str s, struct str suffix) {
  return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

int str_cmp(struct str a, struct str b) {
  size_t n = a.n < b.n ? a.n : b.n;
  int order = n > 0 ? memcmp(a.p, b.p, n) : 0;
  if (order != 0) return order;
  return (a.n > b.n) - (a.n < b.n);
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

struct str str_trim(struct str s) {
  while (s.n > 0 && is_blank(s.p[0])) {
    s.p++;
    s.n--;
  }
  while (s.n > 0 && is_blank(s.p[s.n - 1]))
    s.n--;
  return s;
}

struct str str_cut(struct str *rest, char separator) {
  struct str whole = *rest;
  const char *at = whole.n > 0 ? memchr(whole.p, separator, whole.n) : NULL;
  if (!at) {
    *rest = STR_NONE;
    return whole;
  }
  size_t n = (size_t)(at - whole.p);
  *rest = str_make(at + 1, whole.n - n - 1);
  return str_make(whole.p, n);
}

bool str_is_token(struct str s) {
  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i];
    bool is_alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!is_alphanumeric && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c))) return false;
  }
  return s.n > 0;
}

bool str_to_u64(struct str s, uint64_t *ret_value) {
  if (s.n == 0) return false;
  uint64_t value = 0;
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] < '0' || s.p[i] > '9') return false;
    if (__builtin_mul_overflow(value, (uint64_t)10, &value)) return false;
    if (__builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'), &value)) return false;
  }
  *ret_value = value;
  return true;
}

bool str_eq_constant_time(struct str a, struct str b) {
  return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}

/* Drawn once before main and never written again, so it needs no lock. */
static uint64_t hash_key[2];

__attribute__((constructor)) static void hash_key_draw(void) {
  random_bytes(hash_key, sizeof(hash_key));
}

static uint64_t rotate(uint64_t x, int bits) {
  return (x << bits) | (x >> (64 - bits));
}

static inline void sip_round(uint64_t v[4]) {
  v[0] += v[1];
  v[1] = rotate(v[1], 13) ^ v[0];
  v[0] = rotate(v[0], 32);
  v[2] += v[3];
  v[3] = rotate(v[3], 16) ^ v[2];
  v[0] += v[3];
  v[3] = rotate(v[3], 21) ^ v[0];
  v[2] += v[1];
  v[1] = rotate(v[1], 17) ^ v[2];
  v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF"): one round a word, three to finish. */
static uint64_t sip_hash(const uint64_t key[2], struct str s) {
  uint64_t v[4] = {key[0] ^ 0x736f6d6570736575ULL, key[1] ^ 0x646f72616e646f6dULL, key[0] ^ 0x6c7967656e657261ULL,
                   key[1] ^ 0x7465646279746573ULL};
  size_t whole = s.n - s.n % 8;
  for (size_t i = 0; i < whole; i += 8) {
    uint64_t word;
    memcpy(&word, s.p + i, 8);
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
  }
  uint64_t last = (uint64_t)s.n << 56;
  for (size_t i = whole; i < s.n; i++)
    last |= (uint64_t)(unsigned char)s.p[i] << (8 * (i - whole));
  v[3] ^= last;
  sip_round(v);
  v[0] ^= last;
  v[2] ^= 0xff;
  sip_round(v);
  sip_round(v);
  sip_round(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t str_hash(struct str s) {
  return sip_hash(hash_key, s);
}
