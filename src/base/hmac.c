/* HMAC by OpenSSL. Must not know what is signed. */
#include "base/hmac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

bool hmac_once(enum hmac_digest_kind kind, struct str key, struct str bytes, uint8_t ret_mac[HMAC_MAX], size_t *ret_n) {
  unsigned n = 0;
  const EVP_MD *digest = kind == HMAC_SHA1 ? EVP_sha1() : EVP_sha256();
  if (key.n > INT32_MAX || !HMAC(digest, key.p, (int)key.n, (const unsigned char *)bytes.p, bytes.n, ret_mac, &n))
    return false;
  *ret_n = n;
  return true;
}
