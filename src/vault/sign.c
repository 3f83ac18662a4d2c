/* Signs what a service wants signed, with a key that it gave or was given. Must not know what is signed. */
#include "vault/sign.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "vault/sha256.h"

enum { ES256_HALF = 32 };

struct algorithm {
  const char *name, *key_type;
  int key_bits; /* at least; of EC exactly */
  bool has_digest, is_pss;
};

static const struct algorithm algorithms[] = {
    {"RS256", "RSA", 2048, true, false},
    {"PS256", "RSA", 2048, true, true},
    {"ES256", "EC", 256, true, false},
    {"EdDSA", "ED25519", 0, false, false},
};

static enum err_code sign_hmac(struct arena *arena, struct str key, struct str bytes, struct str *ret_signature,
                               struct err *err) {
  struct hmac_key schedule;
  uint8_t mac[SHA256_SIZE];
  if (key.n < SHA256_SIZE) return err_set(err, ERR_INVALID, "a key for HS256 has at least 32 bytes");
  hmac_key_init(&schedule, key);
  hmac_digest(&schedule, bytes, mac);
  explicit_bzero(&schedule, sizeof(schedule));
  *ret_signature = arena_str(arena, str_make((const char *)mac, sizeof(mac)));
  return ret_signature->p ? ERR_NONE : err_no_memory(err);
}

/* ASN.1 to R | S (RFC 7518, 3.4). */
static bool flatten_ecdsa(struct arena *arena, const unsigned char *der, size_t n, struct str *ret_signature) {
  ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)n);
  unsigned char *flat = arena_alloc(arena, (size_t)2 * ES256_HALF);
  bool is_done = signature && flat && BN_bn2binpad(ECDSA_SIG_get0_r(signature), flat, ES256_HALF) == ES256_HALF &&
                 BN_bn2binpad(ECDSA_SIG_get0_s(signature), flat + ES256_HALF, ES256_HALF) == ES256_HALF;
  ECDSA_SIG_free(signature);
  if (is_done) *ret_signature = str_make((char *)flat, (size_t)2 * ES256_HALF);
  return is_done;
}

static bool begin(EVP_MD_CTX *context, const struct algorithm *algorithm, EVP_PKEY *key) {
  EVP_PKEY_CTX *parameters = NULL;
  if (EVP_DigestSignInit(context, &parameters, algorithm->has_digest ? EVP_sha256() : NULL, NULL, key) != 1)
    return false;
  return !algorithm->is_pss || (EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
                                EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1);
}

static enum err_code sign_with(struct arena *arena, const struct algorithm *algorithm, EVP_PKEY *key, struct str bytes,
                               struct str *ret_signature, struct err *err) {
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  const unsigned char *input = (const unsigned char *)bytes.p;
  size_t n = 0;
  unsigned char *out = NULL;
  bool is_done = context && begin(context, algorithm, key) && EVP_DigestSign(context, NULL, &n, input, bytes.n) == 1 &&
                 (out = arena_alloc(arena, n)) && EVP_DigestSign(context, out, &n, input, bytes.n) == 1;
  EVP_MD_CTX_free(context);
  if (is_done && algorithm->key_bits == 256)
    is_done = flatten_ecdsa(arena, out, n, ret_signature);
  else if (is_done)
    *ret_signature = str_make((char *)out, n);
  return is_done ? ERR_NONE : err_set(err, ERR_INVALID, "the private key cannot sign with %s", algorithm->name);
}

static bool fits(const EVP_PKEY *key, const struct algorithm *algorithm) {
  int bits = EVP_PKEY_get_bits(key);
  if (!EVP_PKEY_is_a(key, algorithm->key_type)) return false;
  return algorithm->key_bits == 256 ? bits == 256 : bits >= algorithm->key_bits;
}

enum err_code vault_sign(struct arena *arena, struct str algorithm, struct str key, struct str bytes,
                         struct str *ret_signature, struct err *err) {
  if (str_eq_c(algorithm, "HS256")) return sign_hmac(arena, key, bytes, ret_signature, err);
  const struct algorithm *found = NULL;
  for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]) && !found; i++)
    if (str_eq_c(algorithm, algorithms[i].name)) found = &algorithms[i];
  if (!found) return err_set(err, ERR_INVALID, "%.*s is no algorithm that is known here", STR_ARG(algorithm));
  BIO *memory = key.n > 0 && key.n < 65536 ? BIO_new_mem_buf(key.p, (int)key.n) : NULL;
  /* "": a key under a passphrase is refused, not asked for at a terminal. */
  EVP_PKEY *opened = memory ? PEM_read_bio_PrivateKey(memory, NULL, NULL, (void *)(uintptr_t)"") : NULL;
  BIO_free(memory);
  enum err_code code = ERR_NONE;
  if (!opened) {
    code = err_set(err, ERR_INVALID, "the private key is no PEM text of an unencrypted private key");
  } else if (!fits(opened, found)) {
    code = err_set(err, ERR_INVALID, "the private key is not one for %s", found->name);
  } else {
    code = sign_with(arena, found, opened, bytes, ret_signature, err);
  }
  EVP_PKEY_free(opened);
  return code;
}
