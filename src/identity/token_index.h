/* Every live access token of the installation, by hash. Read by all workers without a lock; changed by one thread (the
 * coherence thread). Sharded: one change touches one shard. What is replaced or removed is freed by
 * token_index_reclaim, once every worker has been through its mailbox since (see org/coherence.h), so a reader may use
 * an entry until its turn of the loop ends; what must live longer is copied out. */
#ifndef CONNEK_IDENTITY_TOKEN_INDEX_H
#define CONNEK_IDENTITY_TOKEN_INDEX_H

#include "base/err.h"
#include "base/str.h"
#include "base/uuid.h"
#include "limit/limit.h"

struct token_entry {
  uint8_t hash[32];
  struct uuid id, organisation_id, user_id;
  int64_t expires_at; /* UTC microseconds; 0: never */
  uint32_t scopes;    /* what its client may do at most: bits of policy_does; all of them unless the person gave less */
  void *organisation; /* struct org_slot: whose; kept as long as the index */
  /* Both survive a replaced entry: copied. */
  struct limit_bucket bucket;   /* of its messages */
  struct limit_bucket refusals; /* of the records that say it was over its rate */
};

struct token_index;

enum err_code token_index_new(struct token_index **ret_index, struct err *err) MUST_CHECK;
void token_index_free(struct token_index *index);
/* Any thread. NULL: there is none. Expiry is the caller's to check. */
struct token_entry *token_index_find(struct token_index *index, const uint8_t hash[32]);
/* The one writer thread. Copies `entry`. */
enum err_code token_index_put(struct token_index *index, const struct token_entry *entry, struct err *err) MUST_CHECK;
/* ERR_NONE also where it was not there. */
enum err_code token_index_remove(struct token_index *index, const uint8_t hash[32], struct err *err) MUST_CHECK;
/* Where the hash is not known any more: looks at every entry, tens of milliseconds for a million. Returns how many. */
size_t token_index_remove_where(struct token_index *index,
                                bool (*is_wanted)(const struct token_entry *entry, void *context), void *context);
size_t token_index_count(const struct token_index *index);
/* Frees what was retired before the call. Only after every reader has passed a quiet point since. */
void token_index_reclaim(struct token_index *index);

#endif
