/* Which rings there are, and their keys opened. Must not know what is done with them. */
#include "keyring/keyring.h"

enum err_code keyring_open(STORE_TX, const struct vault *vault, enum store_ring ring, struct uuid organisation_id,
                           struct vault_keys **ret_keys, struct err *err) {
  struct str sealed;
  enum err_code code = store_ring_get(tx, arena, ring, organisation_id, &sealed, err);
  return code == ERR_NONE ? vault_keys_open(vault, organisation_id, sealed, ret_keys, err) : code;
}

enum err_code keyring_ensure(STORE_TX, const struct vault *vault, enum store_ring ring, struct vault_keys **ret_keys,
                             struct err *err) {
  const struct uuid installation = {{0}};
  struct err missing = {0};
  struct str sealed;
  enum err_code code = store_ring_get(tx, arena, ring, installation, &sealed, &missing);
  if (code == ERR_NOT_FOUND) {
    code = vault_data_key_new(vault, arena, installation, &sealed, err);
    if (code == ERR_NONE) code = store_ring_set(tx, ring, installation, sealed, err);
  } else if (code != ERR_NONE && err) {
    *err = missing;
  }
  return code == ERR_NONE ? vault_keys_open(vault, installation, sealed, ret_keys, err) : code;
}

/* The installation's, where they are there. */
static enum err_code add_installation(STORE_TX, struct keyring *rings, size_t *n, struct err *err) {
  const struct uuid installation = {{0}};
  static const struct {
    enum store_ring ring;
    const char *name;
  } own[] = {{STORE_RING_INSTALLATION, "the installation's clients"}, {STORE_RING_SIGN_IN, "second steps"}};
  for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
    struct str sealed;
    struct err missing = {0};
    enum err_code code = store_ring_get(tx, arena, own[i].ring, installation, &sealed, &missing);
    if (code == ERR_NOT_FOUND) continue;
    if (code != ERR_NONE) {
      if (err) *err = missing;
      return code;
    }
    rings[(*n)++] = (struct keyring){own[i].ring, installation, str_of(own[i].name)};
  }
  return ERR_NONE;
}

enum err_code keyring_list(STORE_TX, const char *organisation, STORE_LIST(keyring)) {
  const struct organisation_record *records;
  struct organisation_record one;
  size_t n_records = 1, n = 0;
  enum err_code code = ERR_NONE;
  if (organisation) {
    code = store_organisation_find(tx, arena, str_of(organisation), &one, err);
    records = &one;
  } else {
    code = store_organisation_list(tx, arena, &records, &n_records, err);
  }
  if (code != ERR_NONE) return code;
  struct keyring *rings = arena_new_n(arena, struct keyring, n_records + STORE_RINGS);
  if (!rings) return err_no_memory(err);
  for (; n < n_records; n++)
    rings[n] = (struct keyring){STORE_RING_ORGANISATION, records[n].id, records[n].name};
  if (!organisation) code = add_installation(tx, arena, rings, &n, err);
  if (code != ERR_NONE) return code;
  *ret_list = rings;
  *ret_n = n;
  return ERR_NONE;
}
