/* The keys: master -> an organisation's data key -> one for each purpose. Must not know who stores what it seals.
 *
 * HKDF-SHA-256 (RFC 5869) derives; the info strings name format and purpose, so that no key serves two. */
#include "vault/vault.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "base/random.h"
#include "vault/master_key.h"
#include "vault/seal.h"
#include "vault/sha256.h"

enum { DATA_KEY_SIZE = 32, DATA_KEY_VERSION = 1, PURPOSE_COUNT = 5 };

/* Keys of these are kept ready: they are asked for with every call. */
static const char *const purposes[PURPOSE_COUNT] = {"audit", "audit-head", "audit-digest", "cursor", "session"};

struct vault_schedules { /* lives in a secret */
  struct hmac_key seal, prk, purpose[PURPOSE_COUNT];
};

struct vault {
  struct secret *schedules; /* of the master key; `purpose` is unused */
  EVP_CIPHER *cipher;
  uint8_t fingerprint[VAULT_MAC_SIZE];
};

struct vault_keys {
  atomic_uint references;
  struct uuid organisation_id;
  struct secret *schedules;
  EVP_CIPHER *cipher;
};

static const struct vault_schedules *schedules_of(const struct secret *secret) {
  return (const struct vault_schedules *)(const void *)secret_open(secret).p;
}

static void expand_key(const struct hmac_key *prk, struct str info, struct str more, struct hmac_key *ret_key) {
  uint8_t key[SHA256_SIZE];
  hkdf_expand(prk, info, more, key);
  hmac_key_init(ret_key, str_make((char *)key, sizeof key));
  secret_wipe(key, sizeof key);
}

static struct secret *derive_schedules(struct str input, struct str seal_info) {
  struct vault_schedules schedules;
  memset(&schedules, 0, sizeof schedules);
  hkdf_extract(STR("connek 1"), input, &schedules.prk);
  expand_key(&schedules.prk, seal_info, STR_NONE, &schedules.seal);
  for (int i = 0; i < PURPOSE_COUNT; i++)
    expand_key(&schedules.prk, STR("mac "), str_of(purposes[i]), &schedules.purpose[i]);
  struct secret *secret = secret_new(&schedules, sizeof schedules);
  secret_wipe(&schedules, sizeof schedules);
  return secret;
}

enum err_code vault_open(const char *dir, bool may_create, struct vault **ret_vault, struct err *err) {
  struct secret *master = NULL;
  enum err_code code = master_key_load(dir, may_create, &master, err);
  if (code != ERR_NONE) return code;
  struct vault *vault = calloc(1, sizeof *vault);
  if (vault) {
    vault->schedules = derive_schedules(secret_open(master), STR("data key"));
    vault->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
  }
  secret_free(master);
  if (!vault || !vault->schedules || !vault->cipher) {
    vault_close(vault);
    return err_no_memory(err);
  }
  hkdf_expand(&schedules_of(vault->schedules)->prk, STR("fingerprint"), STR_NONE, vault->fingerprint);
  *ret_vault = vault;
  return ERR_NONE;
}

void vault_close(struct vault *vault) {
  if (!vault) return;
  secret_free(vault->schedules);
  EVP_CIPHER_free(vault->cipher);
  free(vault);
}

void vault_fingerprint(const struct vault *vault, uint8_t ret_mac[VAULT_MAC_SIZE]) {
  memcpy(ret_mac, vault->fingerprint, VAULT_MAC_SIZE);
}

static struct seal_place data_key_place(const struct uuid *organisation_id) {
  return (struct seal_place){DATA_KEY_VERSION, uuid_bytes(organisation_id), STR("organisation"), STR("data_key"),
                             uuid_bytes(organisation_id)};
}

enum err_code vault_data_key_new(const struct vault *vault, struct arena *arena, struct uuid organisation_id,
                                 struct str *ret_sealed, struct err *err) {
  uint8_t key[DATA_KEY_SIZE];
  random_bytes(key, sizeof key);
  struct seal_place place = data_key_place(&organisation_id);
  enum err_code code = seal_close(vault->cipher, &schedules_of(vault->schedules)->seal, &place, arena,
                                  str_make((char *)key, sizeof key), ret_sealed, err);
  secret_wipe(key, sizeof key);
  return code;
}

static enum err_code open_data_key(const struct vault *vault, struct uuid organisation_id, struct str sealed,
                                   uint8_t ret_key[DATA_KEY_SIZE], struct err *err) {
  struct seal_place place = data_key_place(&organisation_id);
  uint32_t version;
  if (sealed.n != DATA_KEY_SIZE + SEAL_OVERHEAD || !seal_key_version(sealed, &version) || version != DATA_KEY_VERSION)
    return err_set(err, ERR_INVALID, "the organisation's data key is damaged");
  enum err_code code = seal_open(vault->cipher, &schedules_of(vault->schedules)->seal, &place, sealed, ret_key, err);
  if (code == ERR_INVALID)
    return err_set(err, ERR_INVALID,
                   "the organisation's data key does not open with this master key: is it another installation's?");
  return code;
}

enum err_code vault_keys_open(const struct vault *vault, struct uuid organisation_id, struct str sealed_data_key,
                              struct vault_keys **ret_keys, struct err *err) {
  uint8_t key[DATA_KEY_SIZE];
  struct vault_keys *keys = NULL;
  enum err_code code = open_data_key(vault, organisation_id, sealed_data_key, key, err);
  if (code != ERR_NONE) goto out;
  keys = calloc(1, sizeof *keys);
  if (!keys || !(keys->schedules = derive_schedules(str_make((char *)key, sizeof key), STR("seal")))) {
    free(keys);
    code = err_no_memory(err);
    goto out;
  }
  EVP_CIPHER_up_ref(vault->cipher);
  keys->cipher = vault->cipher;
  keys->organisation_id = organisation_id;
  atomic_init(&keys->references, 1);
  *ret_keys = keys;
out:
  secret_wipe(key, sizeof key);
  return code;
}

const struct vault_keys *vault_keys_ref(const struct vault_keys *keys) {
  /* The count is the one thing about them that changes. */
  atomic_fetch_add_explicit(&((struct vault_keys *)keys)->references, 1, memory_order_relaxed);
  return keys;
}

void vault_keys_unref(const struct vault_keys *keys) {
  struct vault_keys *mine = (struct vault_keys *)keys;
  if (!mine || atomic_fetch_sub_explicit(&mine->references, 1, memory_order_acq_rel) != 1) return;
  secret_free(mine->schedules);
  EVP_CIPHER_free(mine->cipher);
  free(mine);
}

void vault_keys_free(struct vault_keys *keys) {
  vault_keys_unref(keys);
}

static struct seal_place place_of(const struct vault_keys *keys, const struct vault_place *place) {
  return (struct seal_place){DATA_KEY_VERSION, uuid_bytes(&keys->organisation_id), str_of(place->table),
                             str_of(place->column), place->row};
}

enum err_code vault_seal(const struct vault_keys *keys, struct arena *arena, struct vault_place place, struct str plain,
                         struct str *ret_sealed, struct err *err) {
  struct seal_place bound = place_of(keys, &place);
  return seal_close(keys->cipher, &schedules_of(keys->schedules)->seal, &bound, arena, plain, ret_sealed, err);
}

enum err_code vault_unseal(const struct vault_keys *keys, struct vault_place place, struct str sealed,
                           struct secret **ret_plain, struct err *err) {
  struct seal_place bound = place_of(keys, &place);
  uint32_t version;
  if (!seal_key_version(sealed, &version))
    return err_set(err, ERR_INVALID, "a sealed value does not open: it is damaged");
  if (version != DATA_KEY_VERSION)
    return err_set(err, ERR_INVALID, "a sealed value does not open: it is of key version %u", (unsigned)version);
  size_t n = sealed.n - SEAL_OVERHEAD;
  uint8_t *plain = malloc(n ? n : 1);
  if (!plain) return err_no_memory(err);
  enum err_code code = seal_open(keys->cipher, &schedules_of(keys->schedules)->seal, &bound, sealed, plain, err);
  if (code == ERR_NONE) {
    struct secret *secret = secret_new(plain, n);
    if (secret)
      *ret_plain = secret;
    else
      code = err_no_memory(err);
  }
  secret_wipe(plain, n);
  free(plain);
  return code;
}

void vault_mac(const struct vault_keys *keys, const char *purpose, struct str bytes, uint8_t ret_mac[VAULT_MAC_SIZE]) {
  const struct vault_schedules *schedules = schedules_of(keys->schedules);
  for (int i = 0; i < PURPOSE_COUNT; i++)
    if (!strcmp(purpose, purposes[i])) {
      hmac_digest(&schedules->purpose[i], bytes, ret_mac);
      return;
    }
  struct hmac_key key;
  expand_key(&schedules->prk, STR("mac "), str_of(purpose), &key);
  hmac_digest(&key, bytes, ret_mac);
  secret_wipe(&key, sizeof key);
}

void vault_sha256(struct str bytes, uint8_t ret_digest[32]) {
  sha256_digest(bytes, ret_digest);
}
