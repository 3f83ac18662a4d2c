/* One sealed value: AES-256-GCM.
 *   format 1 | key version (4 bytes, big-endian) | nonce (12) | ciphertext | tag (16) */
#ifndef CONNEK_VAULT_SEAL_H
#define CONNEK_VAULT_SEAL_H

#include <openssl/evp.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "vault/sha256.h"

enum { SEAL_NONCE = 12, SEAL_TAG = 16, SEAL_HEADER = 1 + 4 + SEAL_NONCE, SEAL_OVERHEAD = SEAL_HEADER + SEAL_TAG };

/* What a ciphertext is bound to. */
struct seal_place {
  uint32_t key_version;
  struct str owner, table, column, row;
};

/* `root` keys the derivation of the place's own key. */
enum err_code seal_close(const EVP_CIPHER *cipher, const struct hmac_key *root, const struct seal_place *place,
                         struct arena *arena, struct str plain, struct str *ret_sealed, struct err *err) MUST_CHECK;
/* Writes sealed.n - SEAL_OVERHEAD bytes at `ret_plain`, whose content after a failure is worthless. */
enum err_code seal_open(const EVP_CIPHER *cipher, const struct hmac_key *root, const struct seal_place *place,
                        struct str sealed, uint8_t *ret_plain, struct err *err) MUST_CHECK;
/* False: not of this format. */
bool seal_key_version(struct str sealed, uint32_t *ret_version) MUST_CHECK;

#endif
