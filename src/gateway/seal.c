/* Texts that come back from an untrusted client: authenticated, bound to the user and the purpose. */
#include "gateway/seal.h"

#include "base/buf.h"
#include "codec/base64.h"
#include "vault/places.h"
#include "vault/vault.h"

/* 128 bits of the mac: short in a header, far beyond guessing. */
enum {
  MAC_BYTES = 16,
  MAC_HEX = 2 * MAC_BYTES,
  TEXT_MAX = 2048,
  PAGE_MAX = 12 * 1024,
  PAGE_ROW_MAX = 256,
  STATE_MAX = 256 * 1024,
  TASK_MAX = 2048,
};

static bool mac_of(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user,
                   const char *purpose, struct str text, char ret_hex[MAC_HEX + 1]) {
  struct buf bytes;
  buf_init(&bytes, arena, TEXT_MAX + 64);
  buf_append_str(&bytes, uuid_bytes(&user->id));
  buf_append_str(&bytes, text);
  if (buf_failed(&bytes)) return false;
  uint8_t mac[VAULT_MAC_SIZE];
  vault_mac(snapshot->keys, purpose, buf_str(&bytes), mac);
  hex_format(mac, MAC_BYTES, ret_hex);
  return true;
}

struct str seal_text(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user,
                     const char *purpose, struct str text) {
  char mac[MAC_HEX + 1];
  if (!mac_of(arena, snapshot, user, purpose, text, mac)) return STR_NONE;
  struct buf sealed;
  buf_init(&sealed, arena, 2 * TEXT_MAX);
  base64url_write(&sealed, text);
  buf_append_byte(&sealed, '.');
  buf_append(&sealed, mac, MAC_HEX);
  return buf_failed(&sealed) ? STR_NONE : buf_str(&sealed);
}

bool unseal_text(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user,
                 const char *purpose, struct str sealed, struct str *ret_text) {
  struct str rest = sealed, text;
  struct str encoded = str_cut(&rest, '.');
  char mac[MAC_HEX + 1];
  if (sealed.n > 2 * TEXT_MAX || rest.n != MAC_HEX || !base64url_read(arena, encoded, &text) || text.n > TEXT_MAX)
    return false;
  if (!mac_of(arena, snapshot, user, purpose, text, mac)) return false;
  if (!str_eq_constant_time(rest, str_make(mac, MAC_HEX))) return false;
  *ret_text = text;
  return true;
}

static struct vault_place page_place(struct arena *arena, const struct org_user *user, struct str tool) {
  struct buf row;
  buf_init(&row, arena, PAGE_ROW_MAX);
  buf_append_str(&row, uuid_bytes(&user->id));
  buf_append_str(&row, tool);
  return vault_place_page(buf_failed(&row) ? STR_NONE : buf_str(&row));
}

static struct str seal_at(struct arena *arena, const struct org_snapshot *snapshot, struct vault_place place,
                          size_t max, struct str text) {
  struct str bytes;
  struct buf sealed;
  buf_init(&sealed, arena, 2 * max);
  if (!place.row.p || text.n > max || vault_seal(snapshot->keys, arena, place, text, &bytes, NULL) != ERR_NONE)
    return STR_NONE;
  base64url_write(&sealed, bytes);
  return buf_failed(&sealed) ? STR_NONE : buf_str(&sealed);
}

static bool unseal_at(struct arena *arena, const struct org_snapshot *snapshot, struct vault_place place, size_t max,
                      struct str sealed, struct str *ret_text) {
  struct secret *plain;
  struct str bytes;
  if (!place.row.p || sealed.n > 2 * max || !base64url_read(arena, sealed, &bytes)) return false;
  if (vault_unseal(snapshot->keys, place, bytes, &plain, NULL) != ERR_NONE) return false;
  struct str text = arena_str(arena, secret_open(plain));
  secret_free(plain);
  if (!text.p) return false;
  *ret_text = text;
  return true;
}

struct str seal_page(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user,
                     struct str tool, struct str text) {
  return seal_at(arena, snapshot, page_place(arena, user, tool), PAGE_MAX, text);
}

bool unseal_page(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user, struct str tool,
                 struct str sealed, struct str *ret_text) {
  return unseal_at(arena, snapshot, page_place(arena, user, tool), PAGE_MAX, sealed, ret_text);
}

struct str seal_state(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user,
                      struct str text) {
  return seal_at(arena, snapshot, vault_place_request(uuid_bytes(&user->id)), STATE_MAX, text);
}

bool unseal_state(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user,
                  struct str sealed, struct str *ret_text) {
  return unseal_at(arena, snapshot, vault_place_request(uuid_bytes(&user->id)), STATE_MAX, sealed, ret_text);
}

struct str seal_task(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user,
                     struct str text) {
  return seal_at(arena, snapshot, vault_place_task(uuid_bytes(&user->id)), TASK_MAX, text);
}

bool unseal_task(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user,
                 struct str sealed, struct str *ret_text) {
  return unseal_at(arena, snapshot, vault_place_task(uuid_bytes(&user->id)), TASK_MAX, sealed, ret_text);
}
