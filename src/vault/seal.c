/* Seals and opens one value. Must not know where keys come from, nor what is sealed.
 *
 * Every place (organisation, table, row, column) has an AES key of its own, derived from the root by HMAC over the same
 * bytes that are the associated data. Nonces are random: were the key the organisation's, the 2^32 messages that NIST
 * SP 800-38D (8.3) allows for them would be used up in days of busy auditing; so they need only differ among the few
 * times that one place is written. */
#include "vault/seal.h"

#include <limits.h>
#include <pthread.h>

#include "base/random.h"
#include "base/secret.h"

enum { SEAL_FORMAT = 1, PLACE_MAX = 512, POOLED_NONCES = 64 };

/* A thread's nonces: one system call makes many. They need not be secret, as each is written beside what it sealed; but
 * no two alike may be used, so that a forked child must not go on with its parent's. */
static _Thread_local struct {
  unsigned left;
  uint8_t bytes[POOLED_NONCES * SEAL_NONCE];
} nonces;

static void nonces_forget(void) {
  nonces.left = 0;
}

__attribute__((constructor)) static void nonces_forget_on_fork(void) {
  pthread_atfork(NULL, NULL, nonces_forget);
}

static void nonce_take(uint8_t ret_nonce[SEAL_NONCE]) {
  if (nonces.left == 0) {
    random_bytes(nonces.bytes, sizeof nonces.bytes);
    nonces.left = POOLED_NONCES;
  }
  memcpy(ret_nonce, nonces.bytes + --nonces.left * SEAL_NONCE, SEAL_NONCE);
}

static uint8_t *put_u32(uint8_t *at, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8)
    *at++ = (uint8_t)(value >> shift);
  return at;
}

/* Each field after its length, so that no two places look alike. False: longer than any name of ours. */
static bool write_place(const struct seal_place *place, uint8_t out[PLACE_MAX], size_t *ret_n) {
  const struct str fields[] = {place->owner, place->table, place->column, place->row};
  uint8_t *at = out;
  *at++ = SEAL_FORMAT;
  at = put_u32(at, place->key_version);
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    if (fields[i].n > (size_t)(out + PLACE_MAX - at) - 4 * (sizeof fields / sizeof *fields - i)) return false;
    at = put_u32(at, (uint32_t)fields[i].n);
    if (fields[i].n) memcpy(at, fields[i].p, fields[i].n);
    at += fields[i].n;
  }
  *ret_n = (size_t)(at - out);
  return true;
}

/* A context for this place's key, the associated data taken in. NULL: no memory. */
static EVP_CIPHER_CTX *begin(const EVP_CIPHER *cipher, const struct hmac_key *root, struct str place,
                             const uint8_t *nonce, int is_sealing) {
  uint8_t key[SHA256_SIZE];
  hmac_digest(root, place, key);
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  int n;
  if (context && (EVP_CipherInit_ex(context, cipher, NULL, key, nonce, is_sealing) != 1 ||
                  EVP_CipherUpdate(context, NULL, &n, (const uint8_t *)place.p, (int)place.n) != 1)) {
    EVP_CIPHER_CTX_free(context);
    context = NULL;
  }
  secret_wipe(key, sizeof key);
  return context;
}

enum err_code seal_close(const EVP_CIPHER *cipher, const struct hmac_key *root, const struct seal_place *place,
                         struct arena *arena, struct str plain, struct str *ret_sealed, struct err *err) {
  uint8_t bound[PLACE_MAX];
  size_t bound_n;
  if (!write_place(place, bound, &bound_n)) return err_set(err, ERR_INVALID, "the name of a sealed value is too long");
  if (plain.n > INT_MAX - SEAL_OVERHEAD) return err_set(err, ERR_TOO_LARGE, "the value is too large to be sealed");
  uint8_t *sealed = arena_alloc(arena, plain.n + SEAL_OVERHEAD);
  if (!sealed) return err_no_memory(err);
  sealed[0] = SEAL_FORMAT;
  uint8_t *nonce = put_u32(sealed + 1, place->key_version);
  nonce_take(nonce);
  EVP_CIPHER_CTX *context = begin(cipher, root, str_make((char *)bound, bound_n), nonce, 1);
  if (!context) return err_no_memory(err);
  int n = 0, rest;
  uint8_t *at = sealed + SEAL_HEADER;
  bool is_done = (!plain.n || EVP_EncryptUpdate(context, at, &n, (const uint8_t *)plain.p, (int)plain.n) == 1) &&
                 EVP_EncryptFinal_ex(context, at + n, &rest) == 1 &&
                 EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, SEAL_TAG, at + plain.n) == 1;
  EVP_CIPHER_CTX_free(context);
  if (!is_done) return err_set(err, ERR_INTERNAL, "a value could not be sealed");
  *ret_sealed = str_make((char *)sealed, plain.n + SEAL_OVERHEAD);
  return ERR_NONE;
}

enum err_code seal_open(const EVP_CIPHER *cipher, const struct hmac_key *root, const struct seal_place *place,
                        struct str sealed, uint8_t *ret_plain, struct err *err) {
  uint8_t bound[PLACE_MAX];
  size_t bound_n;
  if (sealed.n < SEAL_OVERHEAD || sealed.n > INT_MAX || !write_place(place, bound, &bound_n))
    return err_set(err, ERR_INVALID, "a sealed value does not open: it is damaged");
  const uint8_t *bytes = (const uint8_t *)sealed.p;
  EVP_CIPHER_CTX *context = begin(cipher, root, str_make((char *)bound, bound_n), bytes + 5, 0);
  if (!context) return err_no_memory(err);
  size_t plain_n = sealed.n - SEAL_OVERHEAD;
  int n = 0, rest;
  const uint8_t *at = bytes + SEAL_HEADER;
  uint8_t tag[SEAL_TAG];
  memcpy(tag, at + plain_n, SEAL_TAG);
  bool is_ours = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, SEAL_TAG, tag) == 1 &&
                 (!plain_n || EVP_DecryptUpdate(context, ret_plain, &n, at, (int)plain_n) == 1) &&
                 EVP_DecryptFinal_ex(context, ret_plain + n, &rest) == 1;
  EVP_CIPHER_CTX_free(context);
  if (!is_ours)
    return err_set(err, ERR_INVALID, "a sealed value does not open: it was changed, moved or is of another key");
  return ERR_NONE;
}

bool seal_key_version(struct str sealed, uint32_t *ret_version) {
  if (sealed.n < SEAL_OVERHEAD || sealed.p[0] != SEAL_FORMAT) return false;
  const uint8_t *at = (const uint8_t *)sealed.p + 1;
  *ret_version = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
  return true;
}
