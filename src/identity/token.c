/* Access tokens as text: making, recognising, hashing. Knows nothing of who has which, nor of where they are stored. */
#include "identity/token.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/random.h"
#include "base/secret.h"
#include "codec/base64.h"

enum {
  TOKEN_RANDOM = 32, /* bytes: 256 bits */
  URL_LENGTH = 2 * TOKEN_RANDOM,
  KEY_BODY = 43,    /* base64url of 32 bytes without padding */
  KEY_CHECKSUM = 8, /* CRC-32 in hex */
};

static const struct str prefixes[] = {
    [TOKEN_KEY] = STR("ck_"),   [TOKEN_ACCESS] = STR("cka_"), [TOKEN_REFRESH] = STR("ckr_"),
    [TOKEN_CODE] = STR("ckc_"), [TOKEN_SECRET] = STR("cks_"), [TOKEN_API] = STR("cap_"),
};

static void key_checksum(struct str checked, char ret_hex[KEY_CHECKSUM + 1]) {
  uint32_t crc = crc32_of(checked);
  uint8_t bytes[4] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8), (uint8_t)crc};
  hex_format(bytes, sizeof(bytes), ret_hex);
}

/* RFC 4648, section 5. Into a fixed buffer, so that making a token cannot fail for lack of memory. */
static void write_base64url(const uint8_t bytes[TOKEN_RANDOM], char ret_text[KEY_BODY]) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  uint32_t bits = 0;
  unsigned n_bits = 0;
  size_t n = 0;
  for (size_t i = 0; i < TOKEN_RANDOM; i++) {
    bits = bits << 8 | bytes[i];
    for (n_bits += 8; n_bits >= 6; n_bits -= 6)
      ret_text[n++] = alphabet[bits >> (n_bits - 6) & 63];
  }
  ret_text[n] = alphabet[bits << (6 - n_bits) & 63];
}

void token_new(enum token_kind kind, char ret_text[TOKEN_TEXT_SIZE]) {
  uint8_t bytes[TOKEN_RANDOM];
  random_bytes(bytes, sizeof(bytes));
  memset(ret_text, 0, TOKEN_TEXT_SIZE);
  if (kind == TOKEN_URL) {
    hex_format(bytes, sizeof(bytes), ret_text);
  } else {
    struct str prefix = prefixes[kind];
    memcpy(ret_text, prefix.p, prefix.n);
    write_base64url(bytes, ret_text + prefix.n);
    key_checksum(str_make(ret_text, prefix.n + KEY_BODY), ret_text + prefix.n + KEY_BODY);
  }
  secret_wipe(bytes, sizeof(bytes));
}

static bool is_lower_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool is_base64url(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

static bool url_is_well_formed(struct str text) {
  if (text.n != URL_LENGTH) return false;
  for (size_t i = 0; i < text.n; i++) {
    if (!is_lower_hex(text.p[i])) return false;
  }
  return true;
}

static bool key_is_well_formed(struct str prefix, struct str text) {
  if (text.n != prefix.n + KEY_BODY + KEY_CHECKSUM || !str_starts(text, prefix)) return false;
  size_t n = prefix.n + KEY_BODY;
  for (size_t i = prefix.n; i < n; i++) {
    if (!is_base64url(text.p[i])) return false;
  }
  char checksum[KEY_CHECKSUM + 1];
  key_checksum(str_make(text.p, n), checksum);
  return memcmp(checksum, text.p + n, KEY_CHECKSUM) == 0;
}

bool token_is_well_formed(enum token_kind kind, struct str text) {
  return kind == TOKEN_URL ? url_is_well_formed(text) : key_is_well_formed(prefixes[kind], text);
}

struct digest {
  EVP_MD *sha256;
  EVP_MD_CTX *context;
};

/* Fetched once a thread: a third of the cost of a fetch per hash, and no lock shared between workers. The key exists
 * for its destructor alone, which frees a thread's own when the thread ends. */
static _Thread_local struct digest *thread_digest;
static pthread_key_t digest_key;
static bool has_digest_key;
static pthread_once_t digest_once = PTHREAD_ONCE_INIT;

static void digest_free(void *pointer) {
  struct digest *digest = pointer;
  if (!digest) return;
  EVP_MD_CTX_free(digest->context);
  EVP_MD_free(digest->sha256);
  free(digest);
  thread_digest = NULL;
}

static void digest_key_make(void) {
  /* Where there is no key left, a thread's digest lives as long as the process: nothing else changes. */
  has_digest_key = pthread_key_create(&digest_key, digest_free) == 0;
}

static struct digest *digest_of_thread(void) {
  if (thread_digest) return thread_digest;
  (void)pthread_once(&digest_once, digest_key_make);
  struct digest *digest = calloc(1, sizeof(*digest));
  if (!digest) return NULL;
  digest->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
  digest->context = EVP_MD_CTX_new();
  if (!digest->sha256 || !digest->context) {
    digest_free(digest);
    return NULL;
  }
  if (has_digest_key) (void)pthread_setspecific(digest_key, digest);
  thread_digest = digest;
  return digest;
}

void token_hash(struct str text, uint8_t ret_hash[TOKEN_HASH_SIZE]) {
  struct digest *digest = digest_of_thread();
  if (digest && EVP_DigestInit_ex2(digest->context, digest->sha256, NULL) == 1 &&
      EVP_DigestUpdate(digest->context, text.p, text.n) == 1 &&
      EVP_DigestFinal_ex(digest->context, ret_hash, NULL) == 1) {
    return;
  }
  /* Without memory there is no hash; a random one is nobody's token, so the caller is refused. */
  random_bytes(ret_hash, TOKEN_HASH_SIZE);
}
