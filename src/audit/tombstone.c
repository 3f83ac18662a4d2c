/* Tombstones' macs. Must not know when anything is removed. */
#include "audit/tombstone.h"

/* As heads and checkpoints (chain.c): the first byte keeps them apart, the name comes last. */
bool audit_tombstone_mac(const struct vault_keys *keys, const struct audit_tombstone_row *row,
                         uint8_t ret_mac[AUDIT_MAC_SIZE]) {
  uint8_t bytes[1 + 16 + 5 * 8 + AUDIT_MAC_SIZE + AUDIT_WRITER_MAX], *at = bytes;
  if (row->writer.n > AUDIT_WRITER_MAX) return false;
  *at++ = 't';
  memcpy(at, row->organisation_id.b, 16);
  at = audit_mac_number(at + 16, row->seq);
  at = audit_mac_number(at, row->first_time);
  at = audit_mac_number(at, row->last_time);
  at = audit_mac_number(at, row->days);
  at = audit_mac_number(at, row->removed_at);
  memcpy(at, row->mac, AUDIT_MAC_SIZE);
  at += AUDIT_MAC_SIZE;
  if (row->writer.n) memcpy(at, row->writer.p, row->writer.n);
  at += row->writer.n;
  vault_mac(keys, "audit-head", str_make((char *)bytes, (size_t)(at - bytes)), ret_mac);
  return true;
}

bool audit_tombstone_holds(const struct vault_keys *keys, const struct audit_tombstone_row *row) {
  uint8_t mac[AUDIT_MAC_SIZE];
  return audit_tombstone_mac(keys, row, mac) && memcmp(mac, row->tombstone_mac, AUDIT_MAC_SIZE) == 0;
}

enum err_code audit_tombstone_load(struct db_tx *tx, const struct vault_keys *keys, struct uuid organisation_id,
                                   struct str writer, struct audit_tombstone_row *ret_row, struct err *err) {
  struct audit_tombstone_row row = {.organisation_id = organisation_id, .writer = writer};
  struct arena arena;
  arena_init(&arena, 0);
  enum err_code code = store_audit_tombstone_get(tx, &arena, organisation_id, writer, &row, err);
  bool is_there = code == ERR_NONE;
  if (code == ERR_NOT_FOUND) code = ERR_NONE;
  row.writer = writer; /* the caller's outlives the arena */
  if (is_there && !audit_tombstone_holds(keys, &row))
    code = err_set(err, ERR_CONFLICT, "the tombstone of writer %.*s has been changed; connek audit verify says more",
                   STR_ARG(writer));
  arena_release(&arena);
  if (code == ERR_NONE) *ret_row = row;
  return code;
}
