/* Chains: macs, the next row, the head. Must not know threads nor batches. */
#include "audit/chain.h"

#include "audit/tombstone.h"

bool audit_record_mac(const struct vault_keys *keys, const uint8_t before[AUDIT_MAC_SIZE], struct str record,
                      struct buf *space, uint8_t ret_mac[AUDIT_MAC_SIZE]) {
  buf_clear(space);
  buf_append(space, before, AUDIT_MAC_SIZE);
  buf_append_str(space, record);
  if (buf_failed(space)) return false;
  vault_mac(keys, "audit", buf_str(space), ret_mac);
  return true;
}

uint8_t *audit_mac_number(uint8_t *at, int64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8)
    *at++ = (uint8_t)((uint64_t)number >> shift);
  return at;
}

/* Fixed sizes first and the name last: no two chains give the same bytes; the first byte keeps heads and checkpoints
 * apart. */
static bool keyed_mac(const struct vault_keys *keys, char domain, const struct audit_chain *chain, int64_t time,
                      uint8_t ret_mac[AUDIT_MAC_SIZE]) {
  uint8_t bytes[1 + 16 + 8 + 8 + AUDIT_MAC_SIZE + AUDIT_WRITER_MAX], *at = bytes;
  if (chain->writer.n > AUDIT_WRITER_MAX) return false;
  *at++ = (uint8_t)domain;
  memcpy(at, chain->organisation_id.b, 16);
  at = audit_mac_number(at + 16, time);
  at = audit_mac_number(at, chain->seq);
  memcpy(at, chain->mac, AUDIT_MAC_SIZE);
  at += AUDIT_MAC_SIZE;
  if (chain->writer.n) memcpy(at, chain->writer.p, chain->writer.n);
  at += chain->writer.n;
  vault_mac(keys, "audit-head", str_make((char *)bytes, (size_t)(at - bytes)), ret_mac);
  return true;
}

bool audit_head_mac(const struct vault_keys *keys, const struct audit_chain *chain, uint8_t ret_mac[AUDIT_MAC_SIZE]) {
  return keyed_mac(keys, 'h', chain, 0, ret_mac);
}

bool audit_checkpoint_mac(const struct vault_keys *keys, const struct audit_chain *chain, int64_t time,
                          uint8_t ret_mac[AUDIT_MAC_SIZE]) {
  return keyed_mac(keys, 'c', chain, time, ret_mac);
}

static enum err_code broken(const struct audit_chain *chain, struct err *err) {
  char id[UUID_TEXT_SIZE];
  uuid_format(chain->organisation_id, id);
  return err_set(err, ERR_CONFLICT,
                 "the audit trail of organisation %s, writer %.*s, has been changed: nothing can be recorded after it; "
                 "connek audit verify says more",
                 id, STR_ARG(chain->writer));
}

enum err_code audit_chain_load(struct db_tx *tx, const struct vault_keys *keys, struct uuid organisation_id,
                               struct str writer, struct audit_chain *ret_chain, struct err *err) {
  struct audit_chain chain = {.organisation_id = organisation_id, .writer = writer};
  struct audit_head_row head;
  int64_t last_seq = 0;
  uint8_t last_mac[AUDIT_MAC_SIZE] = {0}, head_mac[AUDIT_MAC_SIZE];
  enum err_code code = store_audit_tail_get(tx, organisation_id, writer, &last_seq, last_mac, err);
  if (code == ERR_NOT_FOUND) {
    struct audit_tombstone_row tombstone;
    code = audit_tombstone_load(tx, keys, organisation_id, writer, &tombstone, err);
    if (code == ERR_CONFLICT) return broken(&chain, err);
    if (code == ERR_NONE) {
      last_seq = tombstone.seq;
      memcpy(last_mac, tombstone.mac, AUDIT_MAC_SIZE);
    }
  }
  if (code != ERR_NONE) return code;
  code = store_audit_head_get(tx, organisation_id, writer, &head, err);
  if (code != ERR_NONE && code != ERR_NOT_FOUND) return code;
  if (code == ERR_NONE) {
    chain.seq = chain.head = head.seq;
    memcpy(chain.mac, head.mac, AUDIT_MAC_SIZE);
    if (!audit_head_mac(keys, &chain, head_mac) || memcmp(head_mac, head.head_mac, AUDIT_MAC_SIZE) != 0)
      return broken(&chain, err);
  }
  if (chain.seq != last_seq || memcmp(chain.mac, last_mac, AUDIT_MAC_SIZE) != 0) return broken(&chain, err);
  *ret_chain = chain;
  return ERR_NONE;
}

enum err_code audit_chain_row(const struct audit_chain *chain, const struct audit_event *event,
                              struct audit_draft *draft, struct arena *arena, struct audit_row *ret_row,
                              struct err *err) {
  struct audit_row row = {
      .organisation_id = chain->organisation_id, .writer = chain->writer, .seq = chain->seq + 1, .time = event->time};
  enum err_code code = audit_draft_write(draft, event, chain->writer, row.seq, chain->mac, err);
  if (code != ERR_NONE) return code;
  row.record = audit_draft_record(draft);
  vault_mac(event->keys, "audit", buf_str(&draft->text), row.mac);
  if (draft->personal.n) {
    char space[AUDIT_PLACE_SIZE];
    struct vault_place place = audit_personal_place(row.organisation_id, row.writer, row.seq, space);
    code = vault_seal(event->keys, arena, place, buf_str(&draft->personal), &row.personal, err);
    if (code != ERR_NONE) return code;
  }
  *ret_row = row;
  return ERR_NONE;
}

void audit_chain_advance(struct audit_chain *chain, const struct audit_row *row) {
  chain->seq = row->seq;
  memcpy(chain->mac, row->mac, AUDIT_MAC_SIZE);
}

enum err_code audit_chain_put_head(struct db_tx *tx, const struct vault_keys *keys, struct audit_chain *chain,
                                   struct err *err) {
  struct audit_head_row head = {.organisation_id = chain->organisation_id, .writer = chain->writer, .seq = chain->seq};
  memcpy(head.mac, chain->mac, AUDIT_MAC_SIZE);
  if (!audit_head_mac(keys, chain, head.head_mac))
    return err_set(err, ERR_INTERNAL, "the audit writer's name is too long");
  enum err_code code = store_audit_head_put(tx, &head, chain->head, err);
  if (code == ERR_NONE) chain->head = chain->seq;
  return code;
}
