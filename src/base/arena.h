/* Memory that is freed all at once: a request's, a parse's, a snapshot's. Not thread-safe: one owner at a time. */
#ifndef CONNEK_BASE_ARENA_H
#define CONNEK_BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct arena_block;

struct arena {
  struct arena_block *first;
  size_t used; /* bytes handed out, all blocks */
  size_t max;  /* allocation beyond it fails; 0: no cap */
};

/* No memory is taken until the first allocation. `max` in bytes, 0 for none. */
void arena_init(struct arena *arena, size_t max);
/* Takes a first block with room for exactly one allocation of `size`: for what stays small and lives long. */
bool arena_reserve(struct arena *arena, size_t size) MUST_CHECK;
/* Frees everything; the arena can be used again. */
void arena_release(struct arena *arena);
/* The same for one that held secrets: all it ever handed out is overwritten first. */
void arena_wipe(struct arena *arena);

/* All return NULL on failure (no memory, or over `max`). Aligned for any type. Zeroed by arena_zalloc only. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_zalloc(struct arena *arena, size_t size);
/* Makes an allocation of this arena larger, in place where it was the last one, else by copying. `p` NULL: a new one.
 * On failure the old one stays as it was. */
void *arena_realloc(struct arena *arena, void *p, size_t old_size, size_t new_size);
void *arena_memdup(struct arena *arena, const void *bytes, size_t size);
/* NUL-terminated copies. */
char *arena_strdup(struct arena *arena, const char *text);
/* The copy is NUL-terminated as well (n does not count it). `.p` is NULL on failure. */
struct str arena_str(struct arena *arena, struct str text);
struct str arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

#define arena_new(arena, type) ((type *)arena_zalloc((arena), sizeof(type)))
/* NULL as well where count * size overflows. */
void *arena_zalloc_n(struct arena *arena, size_t count, size_t size);
#define arena_new_n(arena, type, count) ((type *)arena_zalloc_n((arena), (count), sizeof(type)))

#endif
