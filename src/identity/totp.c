/* One-time codes. Knows no clock but what it is told, nor whose codes they are. */
#include "identity/totp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

#include "base/random.h"
#include "base/secret.h"

enum { STEP_US = 30 * 1000 * 1000, MAC_SIZE = 20, RECOVERY_CHARACTERS = 16 };

/* RFC 4226, 5.3: dynamic truncation. */
void totp_code(const uint8_t secret[TOTP_SECRET_SIZE], int64_t step, char ret_code[TOTP_DIGITS + 1]) {
  uint8_t counter[8], mac[EVP_MAX_MD_SIZE];
  unsigned n = 0;
  for (int i = 7; i >= 0; i--, step >>= 8)
    counter[i] = (uint8_t)(step & 0xff);
  ret_code[0] = '\0'; /* which is no code */
  if (!HMAC(EVP_sha1(), secret, TOTP_SECRET_SIZE, counter, sizeof(counter), mac, &n) || n != MAC_SIZE) return;
  unsigned at = mac[MAC_SIZE - 1] & 0xf;
  uint32_t bits = (uint32_t)(mac[at] & 0x7f) << 24 | (uint32_t)mac[at + 1] << 16 | (uint32_t)mac[at + 2] << 8 |
                  (uint32_t)mac[at + 3];
  (void)snprintf(ret_code, TOTP_DIGITS + 1, "%06u", bits % 1000000);
  secret_wipe(mac, sizeof(mac));
}

bool totp_matches(const uint8_t secret[TOTP_SECRET_SIZE], struct str code, int64_t utc_us, int64_t last_step,
                  int64_t *ret_step) {
  char digits[TOTP_DIGITS], expected[TOTP_DIGITS + 1];
  size_t n = 0;
  for (size_t i = 0; i < code.n; i++) {
    if (code.p[i] == ' ') continue;
    if (n == TOTP_DIGITS) return false;
    digits[n++] = code.p[i];
  }
  if (n != TOTP_DIGITS) return false;
  int64_t now = utc_us / STEP_US;
  bool is_found = false;
  for (int64_t step = now - 1; step <= now + 1; step++) {
    totp_code(secret, step, expected);
    bool fits = str_eq_constant_time(str_make(digits, n), str_of(expected)) && step > last_step;
    if (fits && !is_found) *ret_step = step;
    is_found = is_found || fits;
  }
  return is_found;
}

void totp_write_base32(struct buf *out, struct str bytes) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  uint32_t bits = 0;
  unsigned n_bits = 0;
  for (size_t i = 0; i < bytes.n; i++) {
    bits = bits << 8 | (uint8_t)bytes.p[i];
    for (n_bits += 8; n_bits >= 5; n_bits -= 5)
      buf_append_byte(out, alphabet[bits >> (n_bits - 5) & 31]);
  }
  if (n_bits) buf_append_byte(out, alphabet[bits << (5 - n_bits) & 31]);
}

/* Thirty-two characters that nobody takes for one another. */
static const char recovery_alphabet[] = "abcdefghjkmnpqrstuvwxyz234567890";

void recovery_code_new(char ret_code[RECOVERY_CODE_SIZE]) {
  uint8_t bytes[RECOVERY_CHARACTERS];
  size_t n = 0;
  random_bytes(bytes, sizeof(bytes));
  for (size_t i = 0; i < RECOVERY_CHARACTERS; i++) {
    if (i && i % 4 == 0) ret_code[n++] = '-';
    ret_code[n++] = recovery_alphabet[bytes[i] & 31];
  }
  ret_code[n] = '\0';
  secret_wipe(bytes, sizeof(bytes));
}

bool recovery_code_read(struct str text, char ret_code[RECOVERY_CODE_SIZE]) {
  size_t n = 0, n_characters = 0;
  for (size_t i = 0; i < text.n; i++) {
    char c = text.p[i];
    if (c == ' ' || c == '-') continue;
    if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
    if (!c || !strchr(recovery_alphabet, c) || n_characters == RECOVERY_CHARACTERS) return false;
    if (n_characters && n_characters % 4 == 0) ret_code[n++] = '-';
    ret_code[n++] = c;
    n_characters++;
  }
  ret_code[n] = '\0';
  return n_characters == RECOVERY_CHARACTERS;
}
