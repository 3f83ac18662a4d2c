/* A hash table with open addressing: linear probing, at most three quarters full, entries moved back on removal so
 * that no tombstones gather. */
#include "base/map.h"

#include <stdlib.h>

enum { SMALLEST = 8 };

void map_init(struct map *map) {
  *map = (struct map){0};
}

void map_release(struct map *map) {
  free(map->entries);
  map_init(map);
}

/* The entry of `key`, or the free slot where it would go. There is always one: the table is never full. */
static struct map_entry *entry_find(struct map_entry *entries, size_t capacity, struct str key, uint64_t hash) {
  size_t mask = capacity - 1;
  for (size_t i = hash & mask;; i = (i + 1) & mask) {
    struct map_entry *entry = &entries[i];
    if (!entry->key.p || (entry->hash == hash && str_eq(entry->key, key))) return entry;
  }
}

static enum err_code map_grow(struct map *map) {
  size_t capacity = map->capacity ? map->capacity * 2 : SMALLEST;
  struct map_entry *entries = calloc(capacity, sizeof(*entries));
  if (!entries) return ERR_NO_MEMORY;
  for (size_t i = 0; i < map->capacity; i++) {
    struct map_entry *old = &map->entries[i];
    if (old->key.p) *entry_find(entries, capacity, old->key, old->hash) = *old;
  }
  free(map->entries);
  map->entries = entries;
  map->capacity = capacity;
  return ERR_NONE;
}

enum err_code map_put(struct map *map, struct str key, void *value) {
  if (!key.p) key = STR("");
  uint64_t hash = str_hash(key);
  struct map_entry *entry = map->capacity ? entry_find(map->entries, map->capacity, key, hash) : NULL;
  if (entry && entry->key.p) {
    /* The old key's memory may go with the old value. */
    entry->key = key;
    entry->value = value;
    return ERR_NONE;
  }
  if (!entry || map->count >= map->capacity / 4 * 3) {
    if (map_grow(map) != ERR_NONE) return ERR_NO_MEMORY;
    entry = entry_find(map->entries, map->capacity, key, hash);
  }
  *entry = (struct map_entry){key, value, hash};
  map->count++;
  return ERR_NONE;
}

void *map_get(const struct map *map, struct str key) {
  if (map->count == 0) return NULL;
  struct map_entry *entry = entry_find(map->entries, map->capacity, key, str_hash(key));
  return entry->key.p ? entry->value : NULL;
}

void *map_remove(struct map *map, struct str key) {
  if (map->count == 0) return NULL;
  struct map_entry *entry = entry_find(map->entries, map->capacity, key, str_hash(key));
  if (!entry->key.p) return NULL;
  void *value = entry->value;
  size_t mask = map->capacity - 1;
  size_t hole = (size_t)(entry - map->entries);
  for (size_t i = (hole + 1) & mask; map->entries[i].key.p; i = (i + 1) & mask) {
    /* An entry may fill the hole if that does not put it before the slot where its search begins. */
    size_t home = map->entries[i].hash & mask;
    if (((i - home) & mask) < ((i - hole) & mask)) continue;
    map->entries[hole] = map->entries[i];
    hole = i;
  }
  map->entries[hole] = (struct map_entry){0};
  map->count--;
  return value;
}

bool map_next(const struct map *map, size_t *i, struct str *ret_key, void **ret_value) {
  while (*i < map->capacity) {
    const struct map_entry *entry = &map->entries[(*i)++];
    if (!entry->key.p) continue;
    *ret_key = entry->key;
    *ret_value = entry->value;
    return true;
  }
  return false;
}
