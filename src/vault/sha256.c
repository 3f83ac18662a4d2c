/* SHA-256, HMAC and HKDF. Must not know what they are used for.
 *
 * The low-level functions are chosen on purpose: EVP allocates on every copy of a state (so that a MAC could fail for
 * want of memory), and costs about twice as much for the short inputs of this server. They are marked as deprecated
 * since OpenSSL 3.0 because they bypass providers, which is nothing we need. */
#define OPENSSL_API_COMPAT 10101 /* silences that mark in this file alone */
#include "vault/sha256.h"

#include "base/secret.h"

void sha256_digest(struct str bytes, uint8_t ret_digest[SHA256_SIZE]) {
  SHA256_CTX state;
  SHA256_Init(&state);
  SHA256_Update(&state, bytes.p, bytes.n);
  SHA256_Final(ret_digest, &state);
}

void hmac_key_init(struct hmac_key *key, struct str bytes) {
  uint8_t block[SHA256_CBLOCK] = {0};
  if (bytes.n > sizeof block)
    sha256_digest(bytes, block);
  else if (bytes.n)
    memcpy(block, bytes.p, bytes.n);
  for (size_t i = 0; i < sizeof block; i++)
    block[i] ^= 0x36;
  SHA256_Init(&key->inner);
  SHA256_Update(&key->inner, block, sizeof block);
  for (size_t i = 0; i < sizeof block; i++)
    block[i] ^= 0x36 ^ 0x5c;
  SHA256_Init(&key->outer);
  SHA256_Update(&key->outer, block, sizeof block);
  secret_wipe(block, sizeof block);
}

/* The outer hash over the inner one, whose state is in `inner`. */
static void hmac_end(const struct hmac_key *key, SHA256_CTX *inner, uint8_t ret_mac[SHA256_SIZE]) {
  uint8_t digest[SHA256_SIZE];
  SHA256_Final(digest, inner);
  SHA256_CTX outer = key->outer;
  SHA256_Update(&outer, digest, sizeof digest);
  SHA256_Final(ret_mac, &outer);
}

void hmac_digest(const struct hmac_key *key, struct str bytes, uint8_t ret_mac[SHA256_SIZE]) {
  SHA256_CTX inner = key->inner;
  SHA256_Update(&inner, bytes.p, bytes.n);
  hmac_end(key, &inner, ret_mac);
}

void hkdf_extract(struct str salt, struct str input, struct hmac_key *ret_prk) {
  struct hmac_key salted;
  uint8_t prk[SHA256_SIZE];
  hmac_key_init(&salted, salt);
  hmac_digest(&salted, input, prk);
  hmac_key_init(ret_prk, str_make((const char *)prk, sizeof prk));
  secret_wipe(prk, sizeof prk);
  secret_wipe(&salted, sizeof salted);
}

void hkdf_expand(const struct hmac_key *prk, struct str info, struct str more, uint8_t ret_key[SHA256_SIZE]) {
  SHA256_CTX inner = prk->inner;
  SHA256_Update(&inner, info.p, info.n);
  SHA256_Update(&inner, more.p, more.n);
  SHA256_Update(&inner, "\x01", 1);
  hmac_end(prk, &inner, ret_key);
}
