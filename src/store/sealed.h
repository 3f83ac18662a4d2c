/* What is sealed, under whose data keys: the one table of it. Whoever changes keys, checks them, or asks whether
 * anything was forgotten walks this. As store.h says. */
#ifndef CONNEK_STORE_SEALED_H
#define CONNEK_STORE_SEALED_H

#include "store/store.h"

/* Data keys come in rings: an organisation's own, and two of the installation. */
enum store_ring {
  STORE_RING_ORGANISATION,
  STORE_RING_INSTALLATION, /* clients that are registered for all organisations */
  STORE_RING_SIGN_IN,      /* second steps, which belong to a person and so to no organisation */
  STORE_RINGS
};
const char *store_ring_name(enum store_ring ring);
/* The sealed data keys; `organisation_id` nil for the installation's. ERR_NOT_FOUND: there are none yet. */
enum err_code store_ring_get(STORE_TX, enum store_ring ring, struct uuid organisation_id, struct str *ret_data_key,
                             struct err *err) MUST_CHECK;
enum err_code store_ring_set(struct db_tx *tx, enum store_ring ring, struct uuid organisation_id, struct str data_key,
                             struct err *err) MUST_CHECK;

struct store_sealed {
  const char *table, *column; /* as the vault's place names them */
  unsigned rings;             /* bits of store_ring; 0: under the master key, or not */
  bool is_under_master;       /* data keys */
  bool is_kept;               /* not sealed anew: the content of audit records, which audit verify opens */
  bool is_text;               /* the row's name is a text */
  const char *list, *replace;
};
/* All of them; NULL behind the last. */
const struct store_sealed *store_sealed_at(size_t i);
/* Is it one to be sealed anew when this ring's keys change? */
bool store_sealed_is_of(const struct store_sealed *sealed, enum store_ring ring);

struct sealed_record {
  struct str row; /* as the place names it: an id's bytes, or a text */
  struct str sealed;
};
/* By row, those behind `after`. All versions of one row's name come together. */
enum err_code store_sealed_list(STORE_TX, const struct store_sealed *sealed, struct uuid organisation_id,
                                struct str after, size_t max, STORE_LIST(sealed_record)) MUST_CHECK;
/* Where it still is `old`; else nothing, and that is fine: whoever changed it sealed it anew. */
enum err_code store_sealed_replace(struct db_tx *tx, const struct store_sealed *sealed, struct uuid organisation_id,
                                   struct str row, struct str old, struct str anew, struct err *err) MUST_CHECK;

/* key_rotation.c: how far a change of a ring's keys has come. */
struct key_rotation_record {
  enum store_ring ring;
  struct uuid organisation_id;
  int64_t version;
  struct str position; /* "table.column" */
  struct str last_row; /* the last row of it that is done */
  int64_t n_done, begun_at, finished_at;
};
enum err_code store_key_rotation_get(STORE_TX, enum store_ring ring, struct uuid organisation_id,
                                     struct key_rotation_record *ret_record, struct err *err) MUST_CHECK;
enum err_code store_key_rotation_put(struct db_tx *tx, const struct key_rotation_record *record,
                                     struct err *err) MUST_CHECK;

#endif
