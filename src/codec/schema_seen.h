/* Which members or items of one value some subschema has evaluated, for unevaluatedProperties and unevaluatedItems
 * (2020-12 core, 11). NULL instead of one: nobody asks. */
#ifndef CONNEK_CODEC_SCHEMA_SEEN_H
#define CONNEK_CODEC_SCHEMA_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct schema_seen {
  size_t n;        /* members or items of the value */
  size_t n_first;  /* those before this are seen */
  uint64_t few;    /* a bit each, where there are 64 at most */
  uint64_t *many;  /* else, once one is marked */
  bool has_failed; /* no memory: what it says means nothing */
};

static inline void schema_seen_init(struct schema_seen *seen, size_t n) {
  *seen = (struct schema_seen){.n = n};
}

void schema_seen_release(struct schema_seen *seen);
void schema_seen_mark(struct schema_seen *seen, size_t i);
void schema_seen_mark_first(struct schema_seen *seen, size_t n);
bool schema_seen_has(const struct schema_seen *seen, size_t i);
/* Adds what `more`, of the same value, has seen. */
void schema_seen_merge(struct schema_seen *seen, const struct schema_seen *more);

#endif
