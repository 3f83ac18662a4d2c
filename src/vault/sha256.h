/* SHA-256, HMAC (RFC 2104) and HKDF (RFC 5869) over it, in a form that cannot fail and takes no memory: a MAC that may
 * not be made has no safe substitute. Key schedules are plain structs, so that one made once serves any thread. */
#ifndef CONNEK_VAULT_SHA256_H
#define CONNEK_VAULT_SHA256_H

#include <openssl/sha.h>

#include "base/str.h"

enum { SHA256_SIZE = 32 };

void sha256_digest(struct str bytes, uint8_t ret_digest[SHA256_SIZE]);

/* The state after the key's block, inside and outside: as secret as the key. Wipe it. */
struct hmac_key {
  SHA256_CTX inner, outer;
};

void hmac_key_init(struct hmac_key *key, struct str bytes);
void hmac_digest(const struct hmac_key *key, struct str bytes, uint8_t ret_mac[SHA256_SIZE]);

/* `ret_prk` keys the expansions. */
void hkdf_extract(struct str salt, struct str input, struct hmac_key *ret_prk);
/* The first 32 bytes for `info` followed by `more`. */
void hkdf_expand(const struct hmac_key *prk, struct str info, struct str more, uint8_t ret_key[SHA256_SIZE]);

#endif
