/* Memory that is freed all at once: a list of blocks, the first one being cut from the front. A worker makes and
 * frees an arena a request, so standard blocks go through a small cache of the thread instead of malloc. Must not know
 * what is put in it. */
#include "base/arena.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/asan.h"

#ifndef ARENA_BLOCK
#define ARENA_BLOCK (8 * 1024)
#endif

enum {
  ALIGNMENT = _Alignof(max_align_t),
  BLOCK_STANDARD = ARENA_BLOCK,
  BLOCK_LARGEST = 256 * 1024,
  CACHED_BLOCKS = HAS_ASAN ? 0 : 64,
  /* Under ASan a poisoned gap follows each allocation, and blocks are never cached (free() quarantines them), so that
   * overflows and uses after release are found as they are with malloc. */
  RED_ZONE = HAS_ASAN ? ALIGNMENT : 0,
};

struct arena_block {
  struct arena_block *next;
  size_t size; /* with this header */
  size_t used; /* with this header */
  bool is_own; /* made for one large allocation */
};

#define ROUND_UP(n) (((n) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT)
#define HEADER ROUND_UP(sizeof(struct arena_block))

/* Standard blocks that arenas of this thread gave back: 512 KiB at most, freed when the thread ends. It spares the
 * hot path malloc, free and their locks. */
struct block_cache {
  struct arena_block *first;
  size_t count;
  bool will_be_freed;
  bool is_closed;
};
static _Thread_local struct block_cache cache;

static pthread_once_t cache_key_once = PTHREAD_ONCE_INIT;
static pthread_key_t cache_key;
static bool has_cache_key;

static void cache_free(void *value) {
  struct block_cache *mine = value;
  mine->is_closed = true;
  while (mine->first) {
    struct arena_block *block = mine->first;
    mine->first = block->next;
    free(block);
  }
  mine->count = 0;
}

static void cache_key_create(void) {
  has_cache_key = pthread_key_create(&cache_key, cache_free) == 0;
}

static bool cache_put(struct arena_block *block) {
  if (cache.count >= CACHED_BLOCKS || cache.is_closed) return false;
  if (!cache.will_be_freed) {
    pthread_once(&cache_key_once, cache_key_create);
    if (!has_cache_key || pthread_setspecific(cache_key, &cache) != 0) return false;
    cache.will_be_freed = true;
  }
  block->next = cache.first;
  cache.first = block;
  cache.count++;
  return true;
}

static struct arena_block *block_new(size_t size) {
  struct arena_block *block;
  if (size == BLOCK_STANDARD && cache.first) {
    block = cache.first;
    cache.first = block->next;
    cache.count--;
  } else {
    block = malloc(size);
    if (!block) return NULL;
  }
  *block = (struct arena_block){.size = size, .used = HEADER};
  ASAN_POISON_MEMORY_REGION((char *)block + HEADER, size - HEADER);
  return block;
}

void arena_init(struct arena *arena, size_t max) {
  *arena = (struct arena){.max = max};
}

bool arena_reserve(struct arena *arena, size_t size) {
  struct arena_block *block = arena->first ? NULL : block_new(HEADER + ROUND_UP(size) + RED_ZONE);
  if (!block) return false;
  arena->first = block;
  return true;
}

void arena_release(struct arena *arena) {
  struct arena_block *block = arena->first;
  while (block) {
    struct arena_block *next = block->next;
    ASAN_UNPOISON_MEMORY_REGION(block, block->size);
    if (block->size != BLOCK_STANDARD || !cache_put(block)) free(block);
    block = next;
  }
  arena->first = NULL;
  arena->used = 0;
}

void arena_wipe(struct arena *arena) {
  for (struct arena_block *block = arena->first; block; block = block->next) {
    ASAN_UNPOISON_MEMORY_REGION(block, block->size);
    explicit_bzero((char *)block + HEADER, block->size - HEADER);
  }
  arena_release(arena);
}

/* A block with at least `need` bytes of room. Large allocations get one of their own behind the current one, whose rest
 * stays usable. */
static struct arena_block *arena_grow(struct arena *arena, size_t need) {
  struct arena_block *first = arena->first;
  size_t size = BLOCK_STANDARD;
  if (first && !first->is_own) size = first->size < BLOCK_LARGEST ? first->size * 2 : BLOCK_LARGEST;
  bool is_own = need > (size - HEADER) / 4;
  if (is_own && !first && need <= BLOCK_STANDARD - HEADER) is_own = false;
  struct arena_block *block = block_new(is_own ? HEADER + need : size);
  if (!block) return NULL;
  block->is_own = is_own;
  if (is_own && first) {
    block->next = first->next;
    first->next = block;
  } else {
    block->next = first;
    arena->first = block;
  }
  return block;
}

static bool may_use(const struct arena *arena, size_t n) {
  return arena->max == 0 || (n <= arena->max && arena->used <= arena->max - n);
}

void *arena_alloc(struct arena *arena, size_t size) {
  if (size > PTRDIFF_MAX / 2) return NULL;
  size_t rounded = size ? ROUND_UP(size) : ALIGNMENT;
  if (!may_use(arena, rounded)) return NULL;
  size_t need = rounded + RED_ZONE;
  struct arena_block *block = arena->first;
  if (!block || block->size - block->used < need) {
    block = arena_grow(arena, need);
    if (!block) return NULL;
  }
  char *p = (char *)block + block->used;
  block->used += need;
  arena->used += rounded;
  ASAN_UNPOISON_MEMORY_REGION(p, size);
  return p;
}

void *arena_zalloc(struct arena *arena, size_t size) {
  void *p = arena_alloc(arena, size);
  if (p) memset(p, 0, size);
  return p;
}

void *arena_zalloc_n(struct arena *arena, size_t count, size_t size) {
  size_t total;
  if (__builtin_mul_overflow(count, size, &total)) return NULL;
  return arena_zalloc(arena, total);
}

/* A large allocation has its block for itself, which malloc can make larger, often in place. */
static void *own_realloc(struct arena *arena, struct arena_block **link, size_t old_rounded, size_t rounded) {
  if (!may_use(arena, rounded - old_rounded)) return NULL;
  size_t size = HEADER + rounded + RED_ZONE;
  ASAN_UNPOISON_MEMORY_REGION(*link, (*link)->size);
  struct arena_block *block = realloc(*link, size);
  if (!block) {
    ASAN_POISON_MEMORY_REGION((char *)*link + HEADER + old_rounded, (*link)->size - HEADER - old_rounded);
    return NULL;
  }
  block->size = size;
  block->used = size;
  *link = block;
  arena->used += rounded - old_rounded;
  ASAN_POISON_MEMORY_REGION((char *)block + size - RED_ZONE, RED_ZONE);
  return (char *)block + HEADER;
}

/* The link to the block that holds `p` and nothing else. */
static struct arena_block **own_link(struct arena *arena, void *p) {
  for (struct arena_block **link = &arena->first; *link; link = &(*link)->next) {
    if ((*link)->is_own && (char *)p == (char *)*link + HEADER) return link;
  }
  return NULL;
}

void *arena_realloc(struct arena *arena, void *p, size_t old_size, size_t new_size) {
  if (!p) return arena_alloc(arena, new_size);
  if (new_size <= old_size) return p;
  if (new_size > PTRDIFF_MAX / 2) return NULL;
  size_t old_rounded = old_size ? ROUND_UP(old_size) : ALIGNMENT;
  size_t more = ROUND_UP(new_size) - old_rounded;
  struct arena_block *block = arena->first;
  bool is_last = block && (char *)p + old_rounded + RED_ZONE == (char *)block + block->used;
  if (is_last && block->size - block->used >= more) {
    if (!may_use(arena, more)) return NULL;
    block->used += more;
    arena->used += more;
    ASAN_UNPOISON_MEMORY_REGION(p, new_size);
    return p;
  }
  struct arena_block **link = own_link(arena, p);
  if (link && (*link)->size - HEADER - RED_ZONE == old_rounded)
    return own_realloc(arena, link, old_rounded, ROUND_UP(new_size));
  void *copy = arena_alloc(arena, new_size);
  if (!copy) return NULL;
  memcpy(copy, p, old_size);
  ASAN_POISON_MEMORY_REGION(p, old_rounded);
  return copy;
}

void *arena_memdup(struct arena *arena, const void *bytes, size_t size) {
  void *p = arena_alloc(arena, size);
  if (p && size > 0) memcpy(p, bytes, size);
  return p;
}

struct str arena_str(struct arena *arena, struct str text) {
  char *p = arena_alloc(arena, text.n + 1);
  if (!p) return STR_NONE;
  if (text.n > 0) memcpy(p, text.p, text.n);
  p[text.n] = '\0';
  return str_make(p, text.n);
}

char *arena_strdup(struct arena *arena, const char *text) {
  return arena_memdup(arena, text, strlen(text) + 1);
}

struct str arena_printf(struct arena *arena, const char *format, ...) {
  char small[256];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(small, sizeof(small), format, args);
  va_end(args);
  if (n < 0) return STR_NONE;
  if ((size_t)n < sizeof(small)) return arena_str(arena, str_make(small, (size_t)n));
  char *p = arena_alloc(arena, (size_t)n + 1);
  if (!p) return STR_NONE;
  va_start(args, format);
  vsnprintf(p, (size_t)n + 1, format, args);
  va_end(args);
  return str_make(p, (size_t)n);
}
