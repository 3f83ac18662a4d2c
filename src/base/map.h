/* A hash table from byte strings to pointers. Keys and values are borrowed, never copied or freed. Not thread-safe. */
#ifndef CONNEK_BASE_MAP_H
#define CONNEK_BASE_MAP_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct map_entry {
  struct str key; /* .p NULL: free slot */
  void *value;
  uint64_t hash;
};

struct map {
  struct map_entry *entries;
  size_t capacity; /* a power of two, or 0 */
  size_t count;
};

void map_init(struct map *map);
void map_release(struct map *map);
/* Replaces a value under an equal key. The key must stay valid while it is in the map. */
enum err_code map_put(struct map *map, struct str key, void *value) MUST_CHECK;
void *map_get(const struct map *map, struct str key); /* NULL where there is none */
void *map_remove(struct map *map, struct str key);    /* the value it had, or NULL */
/* for (size_t i = 0; map_next(&map, &i, &key, &value);) ... ; in no order; do not change the map meanwhile. */
bool map_next(const struct map *map, size_t *i, struct str *ret_key, void **ret_value);

#endif
