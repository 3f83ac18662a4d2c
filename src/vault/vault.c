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

enum {
  DATA_KEY_SIZE = 32,
  SEALED_KEY_SIZE = DATA_KEY_SIZE + SEAL_OVERHEAD,
  FIRST_VERSION = 1, /* what macs are derived from, for ever: a chain of records must stay verifiable */
  PURPOSE_COUNT = 5
};

/* Keys of these are kept ready: they are asked for with every call. */
static const char *const purposes[PURPOSE_COUNT] = {"audit", "audit-head", "audit-digest", "cursor", "session"};

struct vault_schedules { /* lives in a secret */
  struct hmac_key seal, prk, purpose[PURPOSE_COUNT];
};

/* The keys that values are sealed under, by version from FIRST_VERSION on; in a secret too. */
struct vault_seals {
  size_t n;
  struct hmac_key keys[];
};

struct vault {
  struct secret *schedules; /* of the master key; `purpose` is unused */
  EVP_CIPHER *cipher;
  uint8_t fingerprint[VAULT_MAC_SIZE];
  enum master_key_source source;                      /* MASTER_KEY_SOURCES: another */
  uint8_t others[MASTER_KEY_SOURCES][VAULT_MAC_SIZE]; /* fingerprints of keys from the sources behind it */
  bool has_other[MASTER_KEY_SOURCES];
};

struct vault_keys {
  atomic_uint references;
  struct uuid organisation_id;
  struct secret *schedules; /* of the first version; `seal` is unused */
  struct secret *seals;
  uint32_t n_versions;
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

/* Takes the key, whatever comes of it. */
static enum err_code vault_new(struct secret *master, struct vault **ret_vault, struct err *err) {
  struct vault *vault = calloc(1, sizeof *vault);
  if (vault) {
    vault->source = MASTER_KEY_SOURCES;
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

/* What else there is, by its fingerprint alone: for saying which one is right. All sources are read, so that no key
 * stays in the environment; what is wrong with one that is not needed is nobody's business. */
static void look_at_others(struct vault *vault, const char *dir) {
  for (int i = (int)vault->source + 1; i < MASTER_KEY_SOURCES; i++) {
    struct secret *key = NULL;
    struct vault *other = NULL;
    if (master_key_read(dir, (enum master_key_source)i, &key, NULL) != ERR_NONE) continue;
    if (vault_new(key, &other, NULL) != ERR_NONE) continue;
    memcpy(vault->others[i], other->fingerprint, VAULT_MAC_SIZE);
    vault->has_other[i] = true;
    vault_close(other);
  }
}

enum err_code vault_open(const char *dir, bool may_create, struct vault **ret_vault, struct err *err) {
  struct secret *key = NULL;
  struct err missing = {0};
  int source = 0;
  enum err_code code = ERR_NOT_FOUND;
  for (; source < MASTER_KEY_SOURCES; source++) {
    code = master_key_read(dir, (enum master_key_source)source, &key, &missing);
    if (code != ERR_NOT_FOUND) break;
  }
  if (code == ERR_NOT_FOUND) {
    source = MASTER_KEY_FILE;
    code = master_key_make(dir, may_create, err);
    if (code == ERR_NONE) code = master_key_read(dir, MASTER_KEY_FILE, &key, err);
  } else if (code != ERR_NONE && err) {
    *err = missing;
  }
  if (code == ERR_NONE) code = vault_new(key, ret_vault, err);
  if (code != ERR_NONE) return code;
  (*ret_vault)->source = (enum master_key_source)source;
  look_at_others(*ret_vault, dir);
  return ERR_NONE;
}

enum err_code vault_open_file(const char *path, struct vault **ret_vault, struct err *err) {
  struct secret *key = NULL;
  enum err_code code = master_key_read_file(path, &key, err);
  return code == ERR_NONE ? vault_new(key, ret_vault, err) : code;
}

enum err_code vault_find_next(const char *dir, struct vault **ret_vault, struct err *err) {
  struct secret *key = NULL;
  enum err_code code = master_key_read_next(dir, &key, err);
  return code == ERR_NONE ? vault_new(key, ret_vault, err) : code;
}

enum err_code vault_open_next(const char *dir, struct vault **ret_vault, struct err *err) {
  enum err_code code = master_key_make_next(dir, err);
  return code == ERR_NONE ? vault_find_next(dir, ret_vault, err) : code;
}

enum err_code vault_take_next(const char *dir, struct err *err) {
  return master_key_take_next(dir, err);
}

const char *vault_source(const struct vault *vault) {
  return vault->source < MASTER_KEY_SOURCES ? master_key_name(vault->source) : "the file";
}

bool vault_is_of_folder(const struct vault *vault) {
  return vault->source == MASTER_KEY_FILE;
}

const char *vault_find(const struct vault *vault, const uint8_t fingerprint[32]) {
  for (int i = 0; i < MASTER_KEY_SOURCES; i++)
    if (vault->has_other[i] && memcmp(vault->others[i], fingerprint, VAULT_MAC_SIZE) == 0)
      return master_key_name((enum master_key_source)i);
  return NULL;
}

void vault_channel_key(const struct vault *vault, uint8_t ret_key[VAULT_MAC_SIZE]) {
  hkdf_expand(&schedules_of(vault->schedules)->prk, STR("channel"), STR_NONE, ret_key);
}

void vault_backup_key(const struct vault *vault, uint8_t ret_key[VAULT_MAC_SIZE]) {
  hkdf_expand(&schedules_of(vault->schedules)->prk, STR("backup"), STR_NONE, ret_key);
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

static struct seal_place data_key_place(const struct uuid *organisation_id, uint32_t version) {
  return (struct seal_place){version, uuid_bytes(organisation_id), STR("organisation"), STR("data_key"),
                             uuid_bytes(organisation_id)};
}

static enum err_code seal_data_key(const struct vault *vault, struct arena *arena, struct uuid organisation_id,
                                   uint32_t version, const uint8_t key[DATA_KEY_SIZE], struct str *ret_sealed,
                                   struct err *err) {
  struct seal_place place = data_key_place(&organisation_id, version);
  return seal_close(vault->cipher, &schedules_of(vault->schedules)->seal, &place, arena,
                    str_make((const char *)key, DATA_KEY_SIZE), ret_sealed, err);
}

static enum err_code make_data_key(const struct vault *vault, struct arena *arena, struct uuid organisation_id,
                                   uint32_t version, struct str *ret_sealed, struct err *err) {
  uint8_t key[DATA_KEY_SIZE];
  random_bytes(key, sizeof key);
  enum err_code code = seal_data_key(vault, arena, organisation_id, version, key, ret_sealed, err);
  secret_wipe(key, sizeof key);
  return code;
}

enum err_code vault_data_key_new(const struct vault *vault, struct arena *arena, struct uuid organisation_id,
                                 struct str *ret_sealed, struct err *err) {
  return make_data_key(vault, arena, organisation_id, FIRST_VERSION, ret_sealed, err);
}

static enum err_code open_data_key(const struct vault *vault, struct uuid organisation_id, uint32_t wanted,
                                   struct str sealed, uint8_t ret_key[DATA_KEY_SIZE], struct err *err) {
  struct seal_place place = data_key_place(&organisation_id, wanted);
  uint32_t version;
  if (!seal_key_version(sealed, &version) || version != wanted)
    return err_set(err, ERR_INVALID, "the organisation's data key is damaged");
  enum err_code code = seal_open(vault->cipher, &schedules_of(vault->schedules)->seal, &place, sealed, ret_key, err);
  if (code == ERR_INVALID)
    return err_set(err, ERR_INVALID,
                   "the organisation's data key does not open with this master key: is it another installation's?");
  return code;
}

/* How many there are; 0: that is no list of data keys. */
static size_t count_versions(struct str sealed) {
  bool is_list = sealed.n > 0 && sealed.n % SEALED_KEY_SIZE == 0 && sealed.n / SEALED_KEY_SIZE <= VAULT_VERSIONS_MAX;
  return is_list ? sealed.n / SEALED_KEY_SIZE : 0;
}

static struct str sealed_key_at(struct str sealed, size_t i) {
  return str_make(sealed.p + i * SEALED_KEY_SIZE, SEALED_KEY_SIZE);
}

enum err_code vault_data_key_add(const struct vault *vault, struct arena *arena, struct uuid organisation_id,
                                 struct str sealed_data_key, struct str *ret_sealed, struct err *err) {
  size_t n = count_versions(sealed_data_key);
  struct str added;
  if (n == 0) return err_set(err, ERR_INVALID, "the organisation's data key is damaged");
  if (n == VAULT_VERSIONS_MAX)
    return err_set(err, ERR_TOO_LARGE, "the data key was changed %d times, which is all there is room for",
                   VAULT_VERSIONS_MAX - 1);
  enum err_code code = make_data_key(vault, arena, organisation_id, (uint32_t)n + FIRST_VERSION, &added, err);
  if (code != ERR_NONE) return code;
  char *all = arena_alloc(arena, sealed_data_key.n + added.n);
  if (!all) return err_no_memory(err);
  memcpy(all, sealed_data_key.p, sealed_data_key.n);
  memcpy(all + sealed_data_key.n, added.p, added.n);
  *ret_sealed = str_make(all, sealed_data_key.n + added.n);
  return ERR_NONE;
}

enum err_code vault_data_key_rewrap(const struct vault *vault, const struct vault *next, struct arena *arena,
                                    struct uuid organisation_id, struct str sealed_data_key, struct str *ret_sealed,
                                    struct err *err) {
  uint8_t key[DATA_KEY_SIZE];
  size_t n = count_versions(sealed_data_key);
  char *all = arena_alloc(arena, sealed_data_key.n + 1);
  enum err_code code = n > 0 ? ERR_NONE : err_set(err, ERR_INVALID, "the organisation's data key is damaged");
  if (!all) return err_no_memory(err);
  for (size_t i = 0; i < n && code == ERR_NONE; i++) {
    uint32_t version = (uint32_t)i + FIRST_VERSION;
    struct str sealed;
    code = open_data_key(vault, organisation_id, version, sealed_key_at(sealed_data_key, i), key, err);
    if (code == ERR_NONE) code = seal_data_key(next, arena, organisation_id, version, key, &sealed, err);
    if (code == ERR_NONE) memcpy(all + i * SEALED_KEY_SIZE, sealed.p, sealed.n);
  }
  secret_wipe(key, sizeof key);
  if (code == ERR_NONE) *ret_sealed = str_make(all, sealed_data_key.n);
  return code;
}

static enum err_code open_version(const struct vault *vault, struct vault_keys *keys, struct str sealed, size_t i,
                                  struct vault_seals *seals, struct err *err) {
  uint8_t key[DATA_KEY_SIZE];
  struct hmac_key prk;
  enum err_code code =
      open_data_key(vault, keys->organisation_id, (uint32_t)i + FIRST_VERSION, sealed_key_at(sealed, i), key, err);
  if (code != ERR_NONE) return code;
  struct str bytes = str_make((const char *)key, sizeof key);
  hkdf_extract(STR("connek 1"), bytes, &prk);
  expand_key(&prk, STR("seal"), STR_NONE, &seals->keys[i]);
  if (i == 0 && !(keys->schedules = derive_schedules(bytes, STR("seal")))) code = err_no_memory(err);
  secret_wipe(&prk, sizeof prk);
  secret_wipe(key, sizeof key);
  return code;
}

static enum err_code open_versions(const struct vault *vault, struct vault_keys *keys, struct str sealed,
                                   struct err *err) {
  size_t n = count_versions(sealed), size = sizeof(struct vault_seals) + n * sizeof(struct hmac_key);
  if (n == 0) return err_set(err, ERR_INVALID, "the organisation's data key is damaged");
  struct vault_seals *seals = calloc(1, size);
  if (!seals) return err_no_memory(err);
  seals->n = n;
  keys->n_versions = (uint32_t)n;
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < n && code == ERR_NONE; i++)
    code = open_version(vault, keys, sealed, i, seals, err);
  if (code == ERR_NONE && !(keys->seals = secret_new(seals, size))) code = err_no_memory(err);
  secret_wipe(seals, size);
  free(seals);
  return code;
}

enum err_code vault_keys_open(const struct vault *vault, struct uuid organisation_id, struct str sealed_data_key,
                              struct vault_keys **ret_keys, struct err *err) {
  struct vault_keys *keys = calloc(1, sizeof *keys);
  if (!keys) return err_no_memory(err);
  keys->organisation_id = organisation_id;
  enum err_code code = open_versions(vault, keys, sealed_data_key, err);
  if (code != ERR_NONE) {
    secret_free(keys->schedules);
    free(keys);
    return code;
  }
  EVP_CIPHER_up_ref(vault->cipher);
  keys->cipher = vault->cipher;
  atomic_init(&keys->references, 1);
  *ret_keys = keys;
  return ERR_NONE;
}

uint32_t vault_keys_version(const struct vault_keys *keys) {
  return keys->n_versions;
}

bool vault_is_current(const struct vault_keys *keys, struct str sealed) {
  uint32_t version;
  return seal_key_version(sealed, &version) && version == keys->n_versions;
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
  secret_free(mine->seals);
  EVP_CIPHER_free(mine->cipher);
  free(mine);
}

void vault_keys_free(struct vault_keys *keys) {
  vault_keys_unref(keys);
}

/* Of a version that there is. */
static const struct hmac_key *seal_key_of(const struct vault_keys *keys, uint32_t version) {
  const struct vault_seals *seals = (const struct vault_seals *)(const void *)secret_open(keys->seals).p;
  return &seals->keys[version - FIRST_VERSION];
}

static struct seal_place place_of(const struct vault_keys *keys, const struct vault_place *place, uint32_t version) {
  return (struct seal_place){version, uuid_bytes(&keys->organisation_id), str_of(place->table), str_of(place->column),
                             place->row};
}

enum err_code vault_seal(const struct vault_keys *keys, struct arena *arena, struct vault_place place, struct str plain,
                         struct str *ret_sealed, struct err *err) {
  struct seal_place bound = place_of(keys, &place, keys->n_versions);
  return seal_close(keys->cipher, seal_key_of(keys, keys->n_versions), &bound, arena, plain, ret_sealed, err);
}

enum err_code vault_unseal(const struct vault_keys *keys, struct vault_place place, struct str sealed,
                           struct secret **ret_plain, struct err *err) {
  uint32_t version;
  if (!seal_key_version(sealed, &version))
    return err_set(err, ERR_INVALID, "a sealed value does not open: it is damaged");
  if (version < FIRST_VERSION || version > keys->n_versions)
    return err_set(err, ERR_INVALID, "a sealed value does not open: it is of key version %u", (unsigned)version);
  struct seal_place bound = place_of(keys, &place, version);
  size_t n = sealed.n - SEAL_OVERHEAD;
  uint8_t *plain = malloc(n ? n : 1);
  if (!plain) return err_no_memory(err);
  enum err_code code = seal_open(keys->cipher, seal_key_of(keys, version), &bound, sealed, plain, err);
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
