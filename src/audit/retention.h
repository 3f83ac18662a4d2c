/* How long an organisation keeps its records, and the removal of older ones.
 *
 * Invariants
 *  1. What is removed of a chain is its beginning: all records up to the first one that is not old enough.
 *  2. Records, their facts, the tombstone that grows over them and the record that says so are one transaction.
 *  3. Nothing is removed that does not hold: a tombstone hides no change of what lay beneath it.
 *  4. The setting is keyed as well: who can write the database alone cannot have records removed. */
#ifndef CONNEK_AUDIT_RETENTION_H
#define CONNEK_AUDIT_RETENTION_H

#include "audit/audit.h"

enum {
  RETENTION_DAYS_MIN = 30,
  RETENTION_DAYS_MAX = 36500,
  RETENTION_DELAY_S = 60 * 60,
  RETENTION_BATCH = 1000, /* records removed in one transaction: strict calls wait for nothing longer than that */
};
#define RETENTION_JOB "retention"

/* 0: for ever. ERR_CONFLICT: it was changed by somebody without the key. */
enum err_code retention_get(struct db_tx *tx, const struct vault_keys *keys, struct uuid organisation_id,
                            int64_t *ret_days, struct err *err) MUST_CHECK;
/* 0, or from RETENTION_DAYS_MIN to RETENTION_DAYS_MAX: ERR_INVALID. Nothing is removed for an hour (it can be taken
 * back), then by a server's job. To record it is the caller's. */
enum err_code retention_set(struct db_tx *tx, const struct vault_keys *keys, struct uuid organisation_id, int64_t days,
                            int64_t now, struct err *err) MUST_CHECK;
/* Records from before then are too old at `now`: whole days of UTC, so that a day's records go together. */
int64_t retention_end(int64_t now, int64_t days);

/* What is left: since when an organisation has records. */
struct retention_left {
  int64_t days;       /* the setting; 0: for ever */
  int64_t n_removed;  /* records of all chains */
  int64_t removed_at; /* last; 0: never */
  int64_t first_at;   /* the oldest record; 0: there is none */
};
enum err_code retention_look(struct db_tx *tx, struct uuid organisation_id, struct retention_left *ret_left,
                             struct err *err) MUST_CHECK;

/* In a write transaction: removes up to RETENTION_BATCH records of one chain, where any are too old. */
struct retention_step {
  bool has_more;     /* something was done: to be called again */
  int64_t n_removed; /* by this step */
};
/* ERR_CONFLICT: a chain does not hold, and nothing of it is removed. */
enum err_code retention_step(struct db_tx *tx, const struct vault_keys *keys, struct uuid organisation_id, int64_t now,
                             struct retention_step *ret_step, struct err *err) MUST_CHECK;

#endif
