/* Memory for secrets: pages that are locked and kept out of core dumps, cut into slots, wiped when given back. */
#include "base/secret.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/asan.h"

enum { SLOT_CLASSES = 3, SLAB_SIZE = 64 * 1024 };
static const size_t slot_sizes[SLOT_CLASSES] = {256, 1024, 4096}; /* keys, tokens, tokens that tell a story */

struct secret {
  size_t n;
  size_t size;                        /* of the mapping it has for itself, or of its slot */
  int slot_class;                     /* -1: a mapping */
  _Alignas(max_align_t) char bytes[]; /* keys made ready for use are structures */
};

/* A free slot begins with the address of the next one. */
struct slot {
  struct slot *next;
};

/* Slots are shared by all threads, since a secret is often freed by another thread than the one that made it; slabs are
 * never given back. The lock is held for a pop or a push only. */
static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot *slots[SLOT_CLASSES];

void secret_wipe(void *bytes, size_t n) {
  if (n > 0) explicit_bzero(bytes, n);
}

static void *pages_new(size_t size) {
  void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return NULL;
  /* Neither is vital: RLIMIT_MEMLOCK is small in many containers. */
  (void)mlock(pages, size);
  (void)madvise(pages, size, MADV_DONTDUMP);
  return pages;
}

static struct slot *slot_pop(int slot_class) {
  pthread_mutex_lock(&slots_lock);
  struct slot *slot = slots[slot_class];
  if (slot) slots[slot_class] = slot->next;
  pthread_mutex_unlock(&slots_lock);
  return slot;
}

static void slots_push(int slot_class, struct slot *first, struct slot *last) {
  pthread_mutex_lock(&slots_lock);
  last->next = slots[slot_class];
  slots[slot_class] = first;
  pthread_mutex_unlock(&slots_lock);
}

static struct slot *slot_new(int slot_class) {
  size_t size = slot_sizes[slot_class];
  if (HAS_ASAN) return malloc(size);
  struct slot *slot = slot_pop(slot_class);
  if (slot) return slot;
  char *slab = pages_new(SLAB_SIZE);
  if (!slab) return NULL;
  struct slot *last = (struct slot *)(void *)(slab + SLAB_SIZE - size);
  for (size_t at = size; at < SLAB_SIZE - size; at += size) {
    ((struct slot *)(void *)(slab + at))->next = (struct slot *)(void *)(slab + at + size);
  }
  slots_push(slot_class, (struct slot *)(void *)(slab + size), last);
  return (struct slot *)(void *)slab;
}

struct secret *secret_new(const void *bytes, size_t n) {
  if (n > PTRDIFF_MAX / 2) return NULL;
  size_t size = sizeof(struct secret) + n;
  int slot_class = 0;
  while (slot_class < SLOT_CLASSES && size > slot_sizes[slot_class])
    slot_class++;
  bool is_slot = slot_class < SLOT_CLASSES;
  struct secret *secret = is_slot ? (void *)slot_new(slot_class) : pages_new(size);
  if (!secret) return NULL;
  secret->n = n;
  secret->size = is_slot ? slot_sizes[slot_class] : size;
  secret->slot_class = is_slot ? slot_class : -1;
  if (n > 0) memcpy(secret->bytes, bytes, n);
  return secret;
}

void secret_free(struct secret *secret) {
  if (!secret) return;
  size_t size = secret->size;
  int slot_class = secret->slot_class;
  size_t used = slot_class < 0 ? size : sizeof(*secret) + secret->n; /* the rest of a slot was never written */
  secret_wipe(secret, used);
  if (slot_class < 0) {
    munmap(secret, size);
  } else if (HAS_ASAN) {
    free(secret);
  } else {
    struct slot *slot = (struct slot *)(void *)secret;
    slots_push(slot_class, slot, slot);
  }
}

struct str secret_open(const struct secret *secret) {
  return str_make(secret->bytes, secret->n);
}

void secret_wipe_variable(const char *name) {
  char *value = getenv(name);
  if (!value) return;
  secret_wipe(value, strlen(value));
  (void)unsetenv(name);
}
