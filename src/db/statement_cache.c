/* Prepared statements by address. Must not know how a database prepares one. */
#include <stdlib.h>

#include "db/driver.h"

static size_t slot_of(const struct statement_cache *cache, const char *sql) {
  size_t i = (size_t)(((uintptr_t)sql * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (cache->capacity - 1);
  while (cache->slots[i] && cache->slots[i]->sql != sql)
    i = (i + 1) & (cache->capacity - 1);
  return i;
}

static bool cache_grow(struct statement_cache *cache) {
  struct statement_cache grown = {NULL, cache->capacity ? 2 * cache->capacity : 32, cache->count};
  grown.slots = calloc(grown.capacity, sizeof *grown.slots);
  if (!grown.slots) return false;
  for (size_t i = 0; i < cache->capacity; i++)
    if (cache->slots[i]) grown.slots[slot_of(&grown, cache->slots[i]->sql)] = cache->slots[i];
  free(cache->slots);
  *cache = grown;
  return true;
}

struct prepared *statement_cache_find(const struct statement_cache *cache, const char *sql) {
  return cache->capacity ? cache->slots[slot_of(cache, sql)] : NULL;
}

enum err_code statement_cache_add(struct statement_cache *cache, struct prepared *prepared, struct err *err) {
  if (2 * cache->count >= cache->capacity && !cache_grow(cache)) return err_no_memory(err);
  cache->slots[slot_of(cache, prepared->sql)] = prepared;
  cache->count++;
  return ERR_NONE;
}

void statement_cache_release(struct statement_cache *cache, void (*free_one)(struct prepared *prepared)) {
  for (size_t i = 0; i < cache->capacity; i++)
    if (cache->slots[i]) free_one(cache->slots[i]);
  free(cache->slots);
  *cache = (struct statement_cache){0};
}
