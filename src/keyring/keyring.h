/* Rings of data keys as the database has them: opened for use, changed while a server serves, checked, and moved under
 * another master key. store/sealed.h has the table of what they seal. */
#ifndef CONNEK_KEYRING_KEYRING_H
#define CONNEK_KEYRING_KEYRING_H

#include "store/sealed.h"
#include "vault/vault.h"

struct keyring {
  enum store_ring ring;
  struct uuid organisation_id; /* nil: the installation's */
  struct str name;             /* for people */
};

/* ring.c */
/* The keys as they are in this transaction; the caller frees them. ERR_NOT_FOUND: there are none yet. */
enum err_code keyring_open(STORE_TX, const struct vault *vault, enum store_ring ring, struct uuid organisation_id,
                           struct vault_keys **ret_keys, struct err *err) MUST_CHECK;
/* The same for one of the installation's, which is made where it is missing: in a write transaction. */
enum err_code keyring_ensure(STORE_TX, const struct vault *vault, enum store_ring ring, struct vault_keys **ret_keys,
                             struct err *err) MUST_CHECK;
/* All there are: the organisations', by name, then the installation's. `organisation`: that one's alone, or NULL. */
enum err_code keyring_list(STORE_TX, const char *organisation, STORE_LIST(keyring)) MUST_CHECK;

/* rotate.c */
/* One more key, which seals from now on, unless a change was cut off: that one is to be ended first. A running server
 * has to learn of the new key before keyring_rotate_step. */
enum err_code keyring_rotate_begin(STORE_TX, const struct vault *vault, const struct keyring *ring, bool *ret_is_new,
                                   struct err *err) MUST_CHECK;
/* Some more values go under the newest key; to be called until it is finished. */
struct keyring_progress {
  int64_t n_done;
  bool is_finished;
};
enum err_code keyring_rotate_step(STORE_TX, const struct vault *vault, const struct keyring *ring,
                                  struct keyring_progress *ret_progress, struct err *err) MUST_CHECK;

/* check.c */
struct keyring_tally {
  bool has_keys; /* else `why` says why they do not open */
  struct err why;
  uint32_t version;
  int64_t n, n_old, n_broken; /* sealed values; under older keys; that do not open */
  bool is_rotating;           /* a change was cut off */
};
enum err_code keyring_check(STORE_TX, const struct vault *vault, const struct keyring *ring,
                            struct keyring_tally *ret_tally, struct err *err) MUST_CHECK;

/* master.c */
/* Is the vault's master key the one that the database was sealed with? ERR_UNAVAILABLE, saying what to do: it is not.
 * `ret_is_new`: nothing was sealed yet. */
enum err_code keyring_check_master(STORE_TX, const struct vault *vault, const char *dir, bool *ret_is_new,
                                   struct err *err) MUST_CHECK;
/* Was anything sealed yet? For who has no vault. */
enum err_code keyring_has_master(STORE_TX, bool *ret_has, struct err *err) MUST_CHECK;
/* From now on it is this one. */
enum err_code keyring_set_master(struct db_tx *tx, const struct vault *vault, struct err *err) MUST_CHECK;
/* Every data key goes under the other master key, which the database knows as its own from then on; in one transaction.
 * How many rings there were. */
enum err_code keyring_rewrap(STORE_TX, const struct vault *vault, const struct vault *next, size_t *ret_n,
                             struct err *err) MUST_CHECK;

#endif
