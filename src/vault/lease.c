/* A table of opened credentials. Must not know how they are opened, nor who uses them. */
#include "vault/lease.h"

#include <stdlib.h>

#include "base/map.h"

enum { LEASES_MAX = 100000 };

struct lease {
  struct uuid connection_id; /* the key */
  int64_t version, until_us, note;
  struct secret *secret;
  struct lease *previous, *next; /* all of them, the newest first */
};

struct lease_cache {
  struct map by_id;
  struct lease *first, *last;
  uint64_t generation;
};

struct lease_cache *lease_cache_new(void) {
  struct lease_cache *cache = calloc(1, sizeof(*cache));
  if (cache) map_init(&cache->by_id);
  return cache;
}

static void drop(struct lease_cache *cache, struct lease *lease) {
  (void)map_remove(&cache->by_id, uuid_bytes(&lease->connection_id));
  *(lease->previous ? &lease->previous->next : &cache->first) = lease->next;
  *(lease->next ? &lease->next->previous : &cache->last) = lease->previous;
  secret_free(lease->secret);
  free(lease);
}

void lease_cache_clear(struct lease_cache *cache) {
  cache->generation++;
  while (cache->first)
    drop(cache, cache->first);
}

void lease_cache_free(struct lease_cache *cache) {
  if (!cache) return;
  lease_cache_clear(cache);
  map_release(&cache->by_id);
  free(cache);
}

uint64_t lease_cache_generation(const struct lease_cache *cache) {
  return cache->generation;
}

static struct secret *copy(const struct secret *secret) {
  struct str bytes = secret_open(secret);
  return secret_new(bytes.p, bytes.n);
}

struct secret *lease_cache_take(struct lease_cache *cache, struct uuid connection_id, int64_t version, int64_t now_us,
                                int64_t *ret_note) {
  struct lease *lease = map_get(&cache->by_id, uuid_bytes(&connection_id));
  if (!lease) return NULL;
  if (lease->version == version && now_us < lease->until_us) {
    *ret_note = lease->note;
    return copy(lease->secret);
  }
  drop(cache, lease);
  return NULL;
}

void lease_cache_put(struct lease_cache *cache, struct uuid connection_id, int64_t version, int64_t note,
                     const struct secret *secret, int64_t until_us) {
  lease_cache_drop(cache, connection_id);
  if (cache->by_id.count >= LEASES_MAX) return;
  struct lease *lease = calloc(1, sizeof(*lease));
  if (!lease) return;
  lease->connection_id = connection_id;
  lease->version = version;
  lease->until_us = until_us;
  lease->note = note;
  lease->secret = copy(secret);
  if (!lease->secret || map_put(&cache->by_id, uuid_bytes(&lease->connection_id), lease) != ERR_NONE) {
    secret_free(lease->secret);
    free(lease);
    return;
  }
  lease->next = cache->first;
  *(lease->next ? &lease->next->previous : &cache->last) = lease;
  cache->first = lease;
}

void lease_cache_drop(struct lease_cache *cache, struct uuid connection_id) {
  struct lease *lease = map_get(&cache->by_id, uuid_bytes(&connection_id));
  if (lease) drop(cache, lease);
}

/* None is kept longer than a fixed time from when it came, so the oldest are mostly those that end first. */
void lease_cache_sweep(struct lease_cache *cache, int64_t now_us) {
  for (int i = 0; i < 64 && cache->last; i++) {
    struct lease *lease = cache->last;
    if (now_us < lease->until_us) return;
    drop(cache, lease);
  }
}
