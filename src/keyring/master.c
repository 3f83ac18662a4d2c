/* The master key as the database knows it: by its fingerprint. Another one takes its place in one transaction, so that
 * at any moment exactly one opens everything. */
#include "keyring/keyring.h"

static const char *const fingerprint_name = "vault_fingerprint";

static enum err_code not_the_key(const struct vault *vault, struct str stored, const char *dir, struct err *err) {
  const char *right = stored.n == VAULT_MAC_SIZE ? vault_find(vault, (const uint8_t *)stored.p) : NULL;
  if (right)
    return err_set(
        err, ERR_UNAVAILABLE,
        "%s is not the key this data was sealed with, %s is: take the first away, or put the right one there",
        vault_source(vault), right);
  if (vault_is_of_folder(vault))
    return err_set(err, ERR_UNAVAILABLE,
                   "%s/master.key is not the key this data was sealed with; put the right one back", dir);
  return err_set(err, ERR_UNAVAILABLE, "%s is not the key this data was sealed with; put the right one there",
                 vault_source(vault));
}

/* STR_NONE: nothing was sealed yet. */
static enum err_code get_fingerprint(STORE_TX, struct str *ret_stored, struct err *err) {
  struct str stored;
  struct err missing = {0};
  enum err_code code = store_installation_get(tx, arena, fingerprint_name, &stored, &missing);
  if (code != ERR_NONE && code != ERR_NOT_FOUND) {
    if (err) *err = missing;
    return code;
  }
  *ret_stored = code == ERR_NONE ? stored : STR_NONE;
  return ERR_NONE;
}

enum err_code keyring_has_master(STORE_TX, bool *ret_has, struct err *err) {
  struct str stored;
  enum err_code code = get_fingerprint(tx, arena, &stored, err);
  if (code == ERR_NONE) *ret_has = stored.p != NULL;
  return code;
}

enum err_code keyring_check_master(STORE_TX, const struct vault *vault, const char *dir, bool *ret_is_new,
                                   struct err *err) {
  uint8_t mac[VAULT_MAC_SIZE];
  struct str stored;
  vault_fingerprint(vault, mac);
  enum err_code code = get_fingerprint(tx, arena, &stored, err);
  if (code != ERR_NONE) return code;
  if (stored.p && !str_eq_constant_time(stored, str_make((const char *)mac, sizeof(mac))))
    return not_the_key(vault, stored, dir, err);
  *ret_is_new = !stored.p;
  return ERR_NONE;
}

enum err_code keyring_set_master(struct db_tx *tx, const struct vault *vault, struct err *err) {
  uint8_t mac[VAULT_MAC_SIZE];
  vault_fingerprint(vault, mac);
  return store_installation_set(tx, fingerprint_name, str_make((const char *)mac, sizeof(mac)), err);
}

enum err_code keyring_rewrap(STORE_TX, const struct vault *vault, const struct vault *next, size_t *ret_n,
                             struct err *err) {
  const struct keyring *rings;
  size_t n;
  enum err_code code = keyring_list(tx, arena, NULL, &rings, &n, err);
  for (size_t i = 0; code == ERR_NONE && i < n; i++) {
    struct arena own;
    struct str data_key;
    arena_init(&own, 0);
    code = store_ring_get(tx, &own, rings[i].ring, rings[i].organisation_id, &data_key, err);
    if (code == ERR_NONE)
      code = vault_data_key_rewrap(vault, next, &own, rings[i].organisation_id, data_key, &data_key, err);
    if (code == ERR_NONE) code = store_ring_set(tx, rings[i].ring, rings[i].organisation_id, data_key, err);
    if (code != ERR_NONE) err_prefix(err, "%.*s", STR_ARG(rings[i].name));
    arena_release(&own);
  }
  if (code == ERR_NONE) code = keyring_set_master(tx, next, err);
  if (code == ERR_NONE) *ret_n = n;
  return code;
}
