/* A chain: the records of one organisation by one writer. mac(n) = HMAC("audit", mac(n-1) || record n), where mac(0) is
 * zeros; the head row says which is the last, under a key of its own ("audit-head"). */
#ifndef CONNEK_AUDIT_CHAIN_H
#define CONNEK_AUDIT_CHAIN_H

#include "audit/record.h"
#include "store/store.h"

enum { AUDIT_WRITER_MAX = 64 }; /* bytes of a writer's name */

struct audit_chain {
  struct uuid organisation_id;
  struct str writer; /* borrowed */
  int64_t seq;       /* of the last record; 0: there is none */
  int64_t head;      /* what the head row says: seq, but while records are being put */
  uint8_t mac[AUDIT_MAC_SIZE];
};

/* False: `space` could not take it. */
bool audit_record_mac(const struct vault_keys *keys, const uint8_t before[AUDIT_MAC_SIZE], struct str record,
                      struct buf *space, uint8_t ret_mac[AUDIT_MAC_SIZE]) MUST_CHECK;
/* False: the writer's name is none of ours (too long). */
bool audit_head_mac(const struct vault_keys *keys, const struct audit_chain *chain,
                    uint8_t ret_mac[AUDIT_MAC_SIZE]) MUST_CHECK;
/* For a line of a checkpoint taken at `time`. */
bool audit_checkpoint_mac(const struct vault_keys *keys, const struct audit_chain *chain, int64_t time,
                          uint8_t ret_mac[AUDIT_MAC_SIZE]) MUST_CHECK;

/* Eight bytes of what a keyed mac is made of; where the next ones go. */
uint8_t *audit_mac_number(uint8_t *at, int64_t number);

/* Reads the head and the last record (or the tombstone, where all of them are removed). ERR_CONFLICT where they do not
 * fit each other or the key: nothing may be put after them. */
enum err_code audit_chain_load(struct db_tx *tx, const struct vault_keys *keys, struct uuid organisation_id,
                               struct str writer, struct audit_chain *ret_chain, struct err *err) MUST_CHECK;

/* Makes the next row: record, mac, sealed personal content. The row borrows from draft, arena and chain. Nothing is
 * written; the chain stays as it is until audit_chain_advance. */
enum err_code audit_chain_row(const struct audit_chain *chain, const struct audit_event *event,
                              struct audit_draft *draft, struct arena *arena, struct audit_row *ret_row,
                              struct err *err) MUST_CHECK;
void audit_chain_advance(struct audit_chain *chain, const struct audit_row *row);
/* Fails where somebody else has put records into the chain since it was loaded. */
enum err_code audit_chain_put_head(struct db_tx *tx, const struct vault_keys *keys, struct audit_chain *chain,
                                   struct err *err) MUST_CHECK;

#endif
