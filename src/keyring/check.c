/* Opens everything that a ring's keys have sealed, and counts. Shows nothing of it. */
#include "keyring/place.h"

static enum err_code check_column(struct db_tx *tx, const struct vault_keys *keys, const struct keyring *ring,
                                  const struct store_sealed *sealed, struct keyring_tally *tally, struct err *err) {
  char last[256];
  size_t n = 0, n_last = 0;
  do {
    struct arena arena;
    const struct sealed_record *list;
    arena_init(&arena, 0);
    enum err_code code = store_sealed_list(tx, &arena, sealed, ring->organisation_id, str_make(last, n_last),
                                           KEYRING_BATCH, &list, &n, err);
    for (size_t i = 0; code == ERR_NONE && i < n; i++) {
      struct secret *plain = NULL;
      tally->n++;
      if (!vault_is_current(keys, list[i].sealed)) tally->n_old++;
      if (vault_unseal(keys, keyring_place(sealed, list[i].row), list[i].sealed, &plain, NULL) != ERR_NONE)
        tally->n_broken++;
      secret_free(plain);
    }
    if (code == ERR_NONE && n > 0) {
      n_last = list[n - 1].row.n < sizeof(last) ? list[n - 1].row.n : sizeof(last);
      memcpy(last, list[n - 1].row.p, n_last);
    }
    arena_release(&arena);
    if (code != ERR_NONE) return code;
  } while (n > 0);
  return ERR_NONE;
}

enum err_code keyring_check(STORE_TX, const struct vault *vault, const struct keyring *ring,
                            struct keyring_tally *ret_tally, struct err *err) {
  struct key_rotation_record rotation;
  struct keyring_tally tally = {0};
  struct vault_keys *keys = NULL;
  enum err_code code = keyring_open(tx, arena, vault, ring->ring, ring->organisation_id, &keys, &tally.why);
  if (code == ERR_NONE) {
    tally.has_keys = true;
    tally.version = vault_keys_version(keys);
    for (size_t i = 0; code == ERR_NONE && store_sealed_at(i); i++)
      if (store_sealed_is_of(store_sealed_at(i), ring->ring))
        code = check_column(tx, keys, ring, store_sealed_at(i), &tally, err);
    vault_keys_free(keys);
    if (code != ERR_NONE) return code;
  }
  tally.is_rotating = keyring_is_rotating(tx, arena, ring, &rotation);
  *ret_tally = tally;
  return ERR_NONE;
}
