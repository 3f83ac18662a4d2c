/* Memory for secrets: pages that are locked and kept out of core dumps, cut into slots, wiped when given back. */
#include "base/secret.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/asan.h"

enum { SLOT_SIZE = 256, SLAB_SIZE = 64 * SLOT_SIZE };

struct secret {
  size_t n;
  size_t size; /* of the mapping it has for itself; 0: it is a slot of a slab */
  char bytes[];
};

/* A free slot begins with the address of the next one. */
struct slot {
  struct slot *next;
};

/* Slots are shared by all threads, since a secret is often freed by another thread than the one that made it; slabs are
 * never given back. The lock is held for a pop or a push only. */
static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot *slots;

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

static struct slot *slot_pop(void) {
  pthread_mutex_lock(&slots_lock);
  struct slot *slot = slots;
  if (slot) slots = slot->next;
  pthread_mutex_unlock(&slots_lock);
  return slot;
}

static void slots_push(struct slot *first, struct slot *last) {
  pthread_mutex_lock(&slots_lock);
  last->next = slots;
  slots = first;
  pthread_mutex_unlock(&slots_lock);
}

static struct slot *slot_new(void) {
  if (HAS_ASAN) return malloc(SLOT_SIZE);
  struct slot *slot = slot_pop();
  if (slot) return slot;
  char *slab = pages_new(SLAB_SIZE);
  if (!slab) return NULL;
  struct slot *last = (struct slot *)(void *)(slab + SLAB_SIZE - SLOT_SIZE);
  for (size_t at = SLOT_SIZE; at < SLAB_SIZE - SLOT_SIZE; at += SLOT_SIZE) {
    ((struct slot *)(void *)(slab + at))->next = (struct slot *)(void *)(slab + at + SLOT_SIZE);
  }
  slots_push((struct slot *)(void *)(slab + SLOT_SIZE), last);
  return (struct slot *)(void *)slab;
}

struct secret *secret_new(const void *bytes, size_t n) {
  if (n > PTRDIFF_MAX / 2) return NULL;
  size_t size = sizeof(struct secret) + n;
  bool is_slot = size <= SLOT_SIZE;
  struct secret *secret = is_slot ? (void *)slot_new() : pages_new(size);
  if (!secret) return NULL;
  secret->n = n;
  secret->size = is_slot ? 0 : size;
  if (n > 0) memcpy(secret->bytes, bytes, n);
  return secret;
}

void secret_free(struct secret *secret) {
  if (!secret) return;
  size_t size = secret->size;
  if (size > 0) {
    secret_wipe(secret, size);
    munmap(secret, size);
    return;
  }
  secret_wipe(secret, SLOT_SIZE);
  if (HAS_ASAN) {
    free(secret);
    return;
  }
  struct slot *slot = (struct slot *)(void *)secret;
  slots_push(slot, slot);
}

struct str secret_open(const struct secret *secret) {
  return str_make(secret->bytes, secret->n);
}
