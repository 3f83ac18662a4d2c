/* A set of small numbers that needs no memory of its own up to 64. */
#include "codec/schema_seen.h"

#include <stdlib.h>

enum { BITS = 64 };

static size_t words(const struct schema_seen *seen) {
  return (seen->n + BITS - 1) / BITS;
}

static uint64_t *word_of(struct schema_seen *seen, size_t i) {
  if (seen->n <= BITS) return &seen->few;
  if (!seen->many) seen->many = calloc(words(seen), sizeof(*seen->many));
  if (seen->many) return &seen->many[i / BITS];
  seen->has_failed = true;
  return &seen->few;
}

void schema_seen_release(struct schema_seen *seen) {
  free(seen->many);
}

void schema_seen_mark(struct schema_seen *seen, size_t i) {
  if (i < seen->n_first) return;
  *word_of(seen, i) |= 1ULL << i % BITS;
}

void schema_seen_mark_first(struct schema_seen *seen, size_t n) {
  if (seen->n_first < n) seen->n_first = n;
}

bool schema_seen_has(const struct schema_seen *seen, size_t i) {
  if (i < seen->n_first) return true;
  uint64_t word = seen->n <= BITS ? seen->few : seen->many ? seen->many[i / BITS] : 0;
  return word >> i % BITS & 1;
}

void schema_seen_merge(struct schema_seen *seen, const struct schema_seen *more) {
  schema_seen_mark_first(seen, more->n_first);
  seen->has_failed |= more->has_failed;
  seen->few |= more->few;
  if (!more->many) return;
  uint64_t *many = word_of(seen, 0);
  for (size_t i = 0; i < words(seen) && seen->many; i++)
    many[i] |= more->many[i];
}
