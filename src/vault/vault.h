/* The vault: master key -> data keys of an organisation -> sealed value. AES-256-GCM; the associated data names
 * organisation, table, row, column and key version, so that a ciphertext moved elsewhere does not open. Pure of I/O but
 * for the master key's file.
 *
 * An organisation's data keys are a list, version 1 first, sealed one behind the other in one value: the newest seals,
 * all of them open. Macs are derived from version 1 for ever. */
#ifndef CONNEK_VAULT_VAULT_H
#define CONNEK_VAULT_VAULT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/str.h"
#include "base/uuid.h"

struct vault;      /* the master key; one a process; thread-safe */
struct vault_keys; /* one organisation's keys, opened; thread-safe, immutable */

enum { VAULT_MAC_SIZE = 32, VAULT_VERSIONS_MAX = 1000 };

/* The master key from the first of these that is there: $CREDENTIALS_DIRECTORY/connek.master-key, DIR/master.key, the
 * variable CONNEK_MASTER_KEY (wiped from the environment). 32 bytes as 64 hex digits and a newline; a file is a regular
 * one of ours with mode 0400 or 0600. Where there is none, DIR holds nothing and `may_create`, DIR/master.key is made
 * (0400, fsynced with its folder). ERR_UNAVAILABLE, saying what to do, where DIR has data but no key. */
enum err_code vault_open(const char *dir, bool may_create, struct vault **ret_vault, struct err *err) MUST_CHECK;
/* The master key of a file anywhere. */
enum err_code vault_open_file(const char *path, struct vault **ret_vault, struct err *err) MUST_CHECK;
void vault_close(struct vault *vault);

/* Where it came from, for people. */
const char *vault_source(const struct vault *vault);
bool vault_is_of_folder(const struct vault *vault); /* DIR/master.key */
/* The other place whose key has this fingerprint, for people; NULL: none. */
const char *vault_find(const struct vault *vault, const uint8_t fingerprint[32]);

/* A value that tells this key from any other, to be kept in the installation table and compared at each start. */
void vault_fingerprint(const struct vault *vault, uint8_t ret_mac[VAULT_MAC_SIZE]);

/* A new master key, in DIR beside the old one (or the one that was made there before): nothing is sealed under it yet.
 */
enum err_code vault_open_next(const char *dir, struct vault **ret_vault, struct err *err) MUST_CHECK;
/* The same where it is there already: ERR_NOT_FOUND else. */
enum err_code vault_find_next(const char *dir, struct vault **ret_vault, struct err *err) MUST_CHECK;
/* It takes the old one's place. */
enum err_code vault_take_next(const char *dir, struct err *err) MUST_CHECK;

/* What servers of this installation prove to each other with (base/channel.h). */
void vault_channel_key(const struct vault *vault, uint8_t ret_key[VAULT_MAC_SIZE]);
/* What a backup of it is sealed with (backup/backup.h). */
void vault_backup_key(const struct vault *vault, uint8_t ret_key[VAULT_MAC_SIZE]);

/* A new data key, sealed under the master key for that organisation. */
enum err_code vault_data_key_new(const struct vault *vault, struct arena *arena, struct uuid organisation_id,
                                 struct str *ret_sealed, struct err *err) MUST_CHECK;
/* The list with one more version, which seals from now on. */
enum err_code vault_data_key_add(const struct vault *vault, struct arena *arena, struct uuid organisation_id,
                                 struct str sealed_data_key, struct str *ret_sealed, struct err *err) MUST_CHECK;
/* The same keys, sealed under `next`'s master key. */
enum err_code vault_data_key_rewrap(const struct vault *vault, const struct vault *next, struct arena *arena,
                                    struct uuid organisation_id, struct str sealed_data_key, struct str *ret_sealed,
                                    struct err *err) MUST_CHECK;
enum err_code vault_keys_open(const struct vault *vault, struct uuid organisation_id, struct str sealed_data_key,
                              struct vault_keys **ret_keys, struct err *err) MUST_CHECK;
void vault_keys_free(struct vault_keys *keys); /* drops the opener's reference; NULL is fine */
/* For whoever needs them longer than their owner promises. From any thread. */
const struct vault_keys *vault_keys_ref(const struct vault_keys *keys);
void vault_keys_unref(const struct vault_keys *keys);

uint32_t vault_keys_version(const struct vault_keys *keys); /* the newest */
/* Was it sealed under the newest? */
bool vault_is_current(const struct vault_keys *keys, struct str sealed);

struct vault_place { /* where a sealed value lives; all of it is bound into the ciphertext */
  const char *table, *column;
  struct str row; /* the row's id */
};

enum err_code vault_seal(const struct vault_keys *keys, struct arena *arena, struct vault_place place, struct str plain,
                         struct str *ret_sealed, struct err *err) MUST_CHECK;
/* ERR_INVALID: not ours, moved, or changed. */
enum err_code vault_unseal(const struct vault_keys *keys, struct vault_place place, struct str sealed,
                           struct secret **ret_plain, struct err *err) MUST_CHECK;

/* HMAC-SHA-256 under a key derived (HKDF) from the organisation's keys for `purpose` ("audit", "cursor",
 * "session" ...); the purposes that vault.c lists have their keys ready. */
void vault_mac(const struct vault_keys *keys, const char *purpose, struct str bytes, uint8_t ret_mac[VAULT_MAC_SIZE]);

/* SHA-256. Takes no memory and cannot fail, nor can vault_mac. */
void vault_sha256(struct str bytes, uint8_t ret_digest[32]);

#endif
