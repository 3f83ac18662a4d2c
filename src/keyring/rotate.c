/* A change of data keys: a row that says how far it has come, and many short transactions, each of which moves some
 * sealed values to the newest key. Killed at any moment, the next call goes on there. The old keys stay known: what a
 * server or a client still holds under them opens, and so does audit content, which is not sealed anew. */
#include "base/clock.h"
#include "keyring/place.h"

static const struct store_sealed *next_column(enum store_ring ring, size_t *i) {
  for (const struct store_sealed *sealed; (sealed = store_sealed_at(*i)); ++*i)
    if (store_sealed_is_of(sealed, ring)) return sealed;
  return NULL;
}

static struct str name_of(struct arena *arena, const struct store_sealed *sealed) {
  return sealed ? arena_printf(arena, "%s.%s", sealed->table, sealed->column) : STR("");
}

bool keyring_is_rotating(STORE_TX, const struct keyring *ring, struct key_rotation_record *ret_record) {
  return store_key_rotation_get(tx, arena, ring->ring, ring->organisation_id, ret_record, NULL) == ERR_NONE &&
         ret_record->finished_at == 0;
}

enum err_code keyring_rotate_begin(STORE_TX, const struct vault *vault, const struct keyring *ring, bool *ret_is_new,
                                   struct err *err) {
  struct key_rotation_record rotation;
  struct vault_keys *keys = NULL;
  struct str data_key;
  size_t first = 0;
  bool is_new = !keyring_is_rotating(tx, arena, ring, &rotation);
  enum err_code code = keyring_open(tx, arena, vault, ring->ring, ring->organisation_id, &keys, err);
  if (code == ERR_NONE && is_new) {
    rotation = (struct key_rotation_record){.ring = ring->ring,
                                            .organisation_id = ring->organisation_id,
                                            .version = (int64_t)vault_keys_version(keys) + 1,
                                            .position = name_of(arena, next_column(ring->ring, &first)),
                                            .begun_at = clock_utc_us()};
    code = store_ring_get(tx, arena, ring->ring, ring->organisation_id, &data_key, err);
    if (code == ERR_NONE) code = vault_data_key_add(vault, arena, ring->organisation_id, data_key, &data_key, err);
    if (code == ERR_NONE) code = store_ring_set(tx, ring->ring, ring->organisation_id, data_key, err);
    if (code == ERR_NONE) code = store_key_rotation_put(tx, &rotation, err);
  }
  vault_keys_free(keys);
  if (code == ERR_NONE) *ret_is_new = is_new;
  return code;
}

static enum err_code seal_anew(STORE_TX, const struct vault_keys *keys, const struct store_sealed *sealed,
                               struct uuid organisation_id, const struct sealed_record *record, struct err *err) {
  struct secret *plain = NULL;
  struct str anew;
  if (vault_is_current(keys, record->sealed)) return ERR_NONE;
  struct vault_place place = keyring_place(sealed, record->row);
  enum err_code code = vault_unseal(keys, place, record->sealed, &plain, err);
  if (code != ERR_NONE) {
    err_prefix(err, "%s.%s", sealed->table, sealed->column);
    return code;
  }
  code = vault_seal(keys, arena, place, secret_open(plain), &anew, err);
  secret_free(plain);
  if (code != ERR_NONE) return code;
  return store_sealed_replace(tx, sealed, organisation_id, record->row, record->sealed, anew, err);
}

/* A position that is not known begins at the first column: what is current already is passed over. */
static const struct store_sealed *column_at(struct arena *arena, enum store_ring ring, struct str position, size_t *i) {
  const struct store_sealed *sealed;
  for (*i = 0; (sealed = next_column(ring, i)); ++*i)
    if (str_eq(position, name_of(arena, sealed))) return sealed;
  *i = 0;
  return next_column(ring, i);
}

enum err_code keyring_rotate_step(STORE_TX, const struct vault *vault, const struct keyring *ring,
                                  struct keyring_progress *ret_progress, struct err *err) {
  struct key_rotation_record rotation;
  struct vault_keys *keys = NULL;
  const struct sealed_record *list = NULL;
  size_t n = 0, at;
  enum err_code code = store_key_rotation_get(tx, arena, ring->ring, ring->organisation_id, &rotation, err);
  if (code == ERR_NONE) code = keyring_open(tx, arena, vault, ring->ring, ring->organisation_id, &keys, err);
  if (code != ERR_NONE) return code;
  const struct store_sealed *sealed = column_at(arena, ring->ring, rotation.position, &at);
  code = store_sealed_list(tx, arena, sealed, ring->organisation_id, rotation.last_row, KEYRING_BATCH, &list, &n, err);
  for (size_t i = 0; code == ERR_NONE && i < n; i++)
    code = seal_anew(tx, arena, keys, sealed, ring->organisation_id, &list[i], err);
  vault_keys_free(keys);
  if (code != ERR_NONE) return code;
  rotation.n_done += (int64_t)n;
  if (n > 0) {
    rotation.last_row = list[n - 1].row;
  } else {
    at++;
    const struct store_sealed *next = next_column(ring->ring, &at);
    rotation.position = name_of(arena, next);
    rotation.last_row = STR_NONE;
    if (!next) rotation.finished_at = clock_utc_us();
  }
  code = store_key_rotation_put(tx, &rotation, err);
  if (code == ERR_NONE) *ret_progress = (struct keyring_progress){rotation.n_done, rotation.finished_at != 0};
  return code;
}
