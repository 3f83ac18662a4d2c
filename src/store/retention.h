/* How long audit records are kept, and what is left of those that are gone. The same rules as store.h. */
#ifndef CONNEK_STORE_RETENTION_H
#define CONNEK_STORE_RETENTION_H

#include "store/store.h"

struct audit_retention_record {
  struct uuid organisation_id;
  int64_t days, set_at;
  uint8_t mac[32];
};
/* ERR_NOT_FOUND: for ever. */
enum err_code store_audit_retention_get(STORE_TX, struct uuid organisation_id,
                                        struct audit_retention_record *ret_record, struct err *err) MUST_CHECK;
enum err_code store_audit_retention_put(struct db_tx *tx, const struct audit_retention_record *record,
                                        struct err *err) MUST_CHECK;
enum err_code store_audit_retention_delete(struct db_tx *tx, struct uuid organisation_id, struct err *err) MUST_CHECK;
/* Every organisation with one has its job, due at `now` where it had none. */
enum err_code store_audit_retention_plan(struct db_tx *tx, struct str kind, int64_t now, struct err *err) MUST_CHECK;

struct audit_tombstone_row {
  struct uuid organisation_id;
  struct str writer;
  int64_t seq; /* so many records are gone: a chain begins with 1 and has no gaps */
  uint8_t mac[32];
  int64_t first_time, last_time, days, removed_at;
  uint8_t tombstone_mac[32];
};
/* ERR_NOT_FOUND: nothing of the chain was removed. */
enum err_code store_audit_tombstone_get(STORE_TX, struct uuid organisation_id, struct str writer,
                                        struct audit_tombstone_row *ret_row, struct err *err) MUST_CHECK;
enum err_code store_audit_tombstone_put(struct db_tx *tx, const struct audit_tombstone_row *row,
                                        struct err *err) MUST_CHECK;
/* By organisation, writer; nil: of all. */
enum err_code store_audit_tombstone_list(STORE_TX, struct uuid organisation_id,
                                         STORE_LIST(audit_tombstone_row)) MUST_CHECK;

/* A chain of an organisation: how much of its beginning is gone, and up to where there are facts of it. */
struct audit_chain_state {
  struct str writer;
  int64_t removed, facts;
};
enum err_code store_audit_chain_state_list(STORE_TX, struct uuid organisation_id,
                                           STORE_LIST(audit_chain_state)) MUST_CHECK;
/* When the first record that is left of a chain was written; 0: there is none. */
enum err_code store_audit_first_time(struct db_tx *tx, struct uuid organisation_id, struct str writer, int64_t after,
                                     int64_t *ret_time, struct err *err) MUST_CHECK;

/* Records of a chain from `after` (excluded) to `to`, with times in these bounds. */
struct audit_removal {
  struct uuid organisation_id;
  struct str writer;
  int64_t after, to, from_time, to_time;
};
/* How many of them began to change something, and nobody knows how that ended. As far as there are facts. */
enum err_code store_audit_removal_unknown(struct db_tx *tx, const struct audit_removal *removal, int64_t *ret_n,
                                          struct err *err) MUST_CHECK;
/* The records go, with what was personal in them, and their facts. ERR_CONFLICT: others than to - after were there. */
enum err_code store_audit_remove(struct db_tx *tx, const struct audit_removal *removal, struct err *err) MUST_CHECK;

#endif
