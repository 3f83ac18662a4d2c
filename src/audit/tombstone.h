/* A tombstone stands in place of a chain's beginning that retention has removed: records 1 to `seq`. It is keyed, so
 * that nobody else makes one; it holds the last removed record's mac, to which the first record that is left is
 * chained. One a chain, which grows. For src/audit alone. */
#ifndef CONNEK_AUDIT_TOMBSTONE_H
#define CONNEK_AUDIT_TOMBSTONE_H

#include "audit/chain.h"
#include "store/retention.h"

/* False: the writer's name is none of ours. */
bool audit_tombstone_mac(const struct vault_keys *keys, const struct audit_tombstone_row *row,
                         uint8_t ret_mac[AUDIT_MAC_SIZE]) MUST_CHECK;
bool audit_tombstone_holds(const struct vault_keys *keys, const struct audit_tombstone_row *row);
/* What a chain's records begin after: its tombstone, or nothing (seq 0). ERR_CONFLICT: it was changed or forged. */
enum err_code audit_tombstone_load(struct db_tx *tx, const struct vault_keys *keys, struct uuid organisation_id,
                                   struct str writer, struct audit_tombstone_row *ret_row, struct err *err) MUST_CHECK;

#endif
