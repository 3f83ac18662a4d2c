/* Credentials that are kept opened for a short time, so that a busy connection's is not opened anew with every call.
 * One a worker, on its thread alone. What it gives out are copies: each call's own, wiped when it ends. */
#ifndef CONNEK_VAULT_LEASE_H
#define CONNEK_VAULT_LEASE_H

#include "base/secret.h"
#include "base/uuid.h"

struct lease_cache;

struct lease_cache *lease_cache_new(void); /* NULL: no memory */
void lease_cache_free(struct lease_cache *cache);
/* A copy, or NULL: it is not there, too old, or of another version of the connection (which wipes it). */
struct secret *lease_cache_take(struct lease_cache *cache, struct uuid connection_id, int64_t version, int64_t now_us,
                                int64_t *ret_note);
/* Keeps a copy until `until_us`, and a number that comes back with it. No memory, or too many: it is not kept. */
void lease_cache_put(struct lease_cache *cache, struct uuid connection_id, int64_t version, int64_t note,
                     const struct secret *secret, int64_t until_us);
void lease_cache_drop(struct lease_cache *cache, struct uuid connection_id);
/* Wipes everything, and whatever was asked for before is not to be put any more: `generation` grows. */
void lease_cache_clear(struct lease_cache *cache);
uint64_t lease_cache_generation(const struct lease_cache *cache);
/* Wipes what is too old. Some at a time: to be called now and then. */
void lease_cache_sweep(struct lease_cache *cache, int64_t now_us);

#endif
