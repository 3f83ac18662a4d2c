/* The index of live access tokens. Must not know where tokens are stored or why they change.
 *
 * A shard is an open-addressed table of atomic pointers, probed linearly. Invariants:
 *  1. A slot goes from empty to an entry, from an entry to its replacement (equal hash) or to the tombstone, from the
 *     tombstone to an entry; never back to empty. So a reader's probe never ends before the entry it looks for.
 *  2. At most three quarters of a table's slots are not empty: every probe ends.
 *  3. An entry is immutable once published, but for its buckets. A table that is too full is replaced whole.
 *  4. What readers may still see is only retired; token_index_reclaim frees it. */
#include "identity/token_index.h"

#include <stdlib.h>

enum {
  N_SHARDS = 256,
  FIRST_CAPACITY = 16, /* slots; a power of two */
};

struct node {
  struct token_entry entry;
  struct node *next_retired; /* fits into what malloc rounds an entry up to */
};

struct table {
  struct table *next_retired;
  size_t capacity; /* a power of two */
  _Atomic(struct node *) slots[];
};

struct shard {
  _Atomic(struct table *) table; /* NULL until its first entry */
  size_t n_live;                 /* the writer's */
  size_t n_taken;                /* the writer's: live ones and tombstones */
};

struct token_index {
  struct shard shards[N_SHARDS];
  atomic_size_t count;
  struct node *retired_nodes;
  struct table *retired_tables;
};

/* Only its address matters. */
static struct node tombstone;

enum err_code token_index_new(struct token_index **ret_index, struct err *err) {
  struct token_index *index = calloc(1, sizeof(*index));
  if (!index) return err_no_memory(err);
  *ret_index = index;
  return ERR_NONE;
}

void token_index_free(struct token_index *index) {
  if (!index) return;
  token_index_reclaim(index);
  for (size_t i = 0; i < N_SHARDS; i++) {
    struct table *table = atomic_load_explicit(&index->shards[i].table, memory_order_relaxed);
    for (size_t slot = 0; table && slot < table->capacity; slot++) {
      struct node *node = atomic_load_explicit(&table->slots[slot], memory_order_relaxed);
      if (node != &tombstone) free(node);
    }
    free(table);
  }
  free(index);
}

static struct shard *shard_of(struct token_index *index, const uint8_t hash[32]) {
  return &index->shards[hash[0]];
}

/* The hash is SHA-256 of what we drew ourselves: any of its bytes are as good as a hash of it. */
static size_t first_slot(const struct table *table, const uint8_t hash[32]) {
  uint64_t bits;
  memcpy(&bits, hash + 8, sizeof(bits));
  return (size_t)bits & (table->capacity - 1);
}

static bool node_has_hash(const struct node *node, const uint8_t hash[32]) {
  return str_eq_constant_time(str_make((const char *)node->entry.hash, 32), str_make((const char *)hash, 32));
}

struct token_entry *token_index_find(struct token_index *index, const uint8_t hash[32]) {
  struct table *table = atomic_load_explicit(&shard_of(index, hash)->table, memory_order_acquire);
  if (!table) return NULL;
  for (size_t slot = first_slot(table, hash);; slot = (slot + 1) & (table->capacity - 1)) {
    struct node *node = atomic_load_explicit(&table->slots[slot], memory_order_acquire);
    if (!node) return NULL;
    if (node != &tombstone && node_has_hash(node, hash)) return &node->entry;
  }
}

/* Where the writer finds `hash` (*ret_node set), or where it would put it (*ret_node NULL): the first tombstone on the
 * way, else the empty slot at its end. */
static size_t writer_slot(const struct table *table, const uint8_t hash[32], struct node **ret_node) {
  size_t free_slot = SIZE_MAX;
  *ret_node = NULL;
  for (size_t slot = first_slot(table, hash);; slot = (slot + 1) & (table->capacity - 1)) {
    struct node *node = atomic_load_explicit(&table->slots[slot], memory_order_relaxed);
    if (!node) return free_slot != SIZE_MAX ? free_slot : slot;
    if (node == &tombstone) {
      if (free_slot == SIZE_MAX) free_slot = slot;
    } else if (node_has_hash(node, hash)) {
      *ret_node = node;
      return slot;
    }
  }
}

static struct table *table_new(size_t capacity) {
  struct table *table = calloc(1, sizeof(*table) + capacity * sizeof(table->slots[0]));
  if (table) table->capacity = capacity;
  return table;
}

static void table_move(struct table *to, const struct table *from) {
  for (size_t i = 0; i < from->capacity; i++) {
    struct node *node = atomic_load_explicit(&from->slots[i], memory_order_relaxed);
    if (!node || node == &tombstone) continue;
    size_t slot = first_slot(to, node->entry.hash);
    while (atomic_load_explicit(&to->slots[slot], memory_order_relaxed))
      slot = (slot + 1) & (to->capacity - 1);
    atomic_store_explicit(&to->slots[slot], node, memory_order_relaxed);
  }
}

/* Makes room for one more: a new table without tombstones, at most half full, published whole. */
static enum err_code shard_make_room(struct token_index *index, struct shard *shard, struct err *err) {
  struct table *old = atomic_load_explicit(&shard->table, memory_order_relaxed);
  if (old && (shard->n_taken + 1) * 4 <= old->capacity * 3) return ERR_NONE;
  size_t capacity = FIRST_CAPACITY;
  while (capacity < (shard->n_live + 1) * 2)
    capacity *= 2;
  struct table *table = table_new(capacity);
  if (!table) return err_no_memory(err);
  if (old) table_move(table, old);
  atomic_store_explicit(&shard->table, table, memory_order_release);
  shard->n_taken = shard->n_live;
  if (old) {
    old->next_retired = index->retired_tables;
    index->retired_tables = old;
  }
  return ERR_NONE;
}

static void node_retire(struct token_index *index, struct node *node) {
  node->next_retired = index->retired_nodes;
  index->retired_nodes = node;
}

static void bucket_copy(struct limit_bucket *to, const struct limit_bucket *from) {
  int64_t full_at_us = atomic_load_explicit(&from->full_at_us, memory_order_relaxed);
  atomic_store_explicit(&to->full_at_us, full_at_us, memory_order_relaxed);
}

enum err_code token_index_put(struct token_index *index, const struct token_entry *entry, struct err *err) {
  struct shard *shard = shard_of(index, entry->hash);
  struct node *node = calloc(1, sizeof(*node));
  if (!node) return err_no_memory(err);
  node->entry = *entry;
  enum err_code code = shard_make_room(index, shard, err);
  if (code != ERR_NONE) {
    free(node);
    return code;
  }
  struct table *table = atomic_load_explicit(&shard->table, memory_order_relaxed);
  struct node *old;
  size_t slot = writer_slot(table, entry->hash, &old);
  if (old) {
    /* What is taken from the old buckets between here and the store is forgotten: a call or two at most. */
    bucket_copy(&node->entry.bucket, &old->entry.bucket);
    bucket_copy(&node->entry.refusals, &old->entry.refusals);
  } else {
    if (!atomic_load_explicit(&table->slots[slot], memory_order_relaxed)) shard->n_taken++;
    shard->n_live++;
    atomic_fetch_add_explicit(&index->count, 1, memory_order_relaxed);
  }
  atomic_store_explicit(&table->slots[slot], node, memory_order_release);
  if (old) node_retire(index, old);
  return ERR_NONE;
}

static void slot_bury(struct token_index *index, struct shard *shard, struct table *table, size_t slot,
                      struct node *node) {
  atomic_store_explicit(&table->slots[slot], &tombstone, memory_order_release);
  shard->n_live--;
  atomic_fetch_sub_explicit(&index->count, 1, memory_order_relaxed);
  node_retire(index, node);
}

enum err_code token_index_remove(struct token_index *index, const uint8_t hash[32], struct err *err) {
  struct shard *shard = shard_of(index, hash);
  struct table *table = atomic_load_explicit(&shard->table, memory_order_relaxed);
  if (!table) return ERR_NONE;
  struct node *node;
  size_t slot = writer_slot(table, hash, &node);
  if (node) slot_bury(index, shard, table, slot, node);
  return ERR_NONE;
}

size_t token_index_remove_where(struct token_index *index,
                                bool (*is_wanted)(const struct token_entry *entry, void *context), void *context) {
  size_t n = 0;
  for (size_t i = 0; i < N_SHARDS; i++) {
    struct shard *shard = &index->shards[i];
    struct table *table = atomic_load_explicit(&shard->table, memory_order_relaxed);
    for (size_t slot = 0; table && slot < table->capacity; slot++) {
      struct node *node = atomic_load_explicit(&table->slots[slot], memory_order_relaxed);
      if (!node || node == &tombstone || !is_wanted(&node->entry, context)) continue;
      slot_bury(index, shard, table, slot, node);
      n++;
    }
  }
  return n;
}

size_t token_index_count(const struct token_index *index) {
  return atomic_load_explicit(&index->count, memory_order_relaxed);
}

void token_index_reclaim(struct token_index *index) {
  for (struct node *node = index->retired_nodes; node;) {
    struct node *next = node->next_retired;
    free(node);
    node = next;
  }
  for (struct table *table = index->retired_tables; table;) {
    struct table *next = table->next_retired;
    free(table);
    table = next;
  }
  index->retired_nodes = NULL;
  index->retired_tables = NULL;
}
