/* A byte buffer that grows up to a cap. The first failure sticks: later appends do nothing, and one check
 * (buf_failed) at the end suffices. */
#ifndef CONNEK_BASE_BUF_H
#define CONNEK_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct buf {
  char *p;
  size_t n;
  size_t capacity;
  size_t max;          /* in bytes; growing past it fails */
  struct arena *arena; /* where it grows; NULL: the heap, and buf_release frees it */
  bool has_failed;
};

void buf_init(struct buf *buf, struct arena *arena, size_t max);
void buf_release(struct buf *buf);
void buf_clear(struct buf *buf); /* keeps the memory, forgets content and failure */
void buf_append(struct buf *buf, const void *bytes, size_t n);
void buf_append_str(struct buf *buf, struct str s);
void buf_append_c(struct buf *buf, const char *text);
void buf_append_byte(struct buf *buf, char byte);
void buf_append_u64(struct buf *buf, uint64_t value); /* decimal */
void buf_append_i64(struct buf *buf, int64_t value);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
/* Room for n more bytes at the end, to be written by the caller, who then adds to `n`; NULL on failure. */
char *buf_reserve(struct buf *buf, size_t n);
static inline bool buf_failed(const struct buf *buf) {
  return buf->has_failed;
}
static inline struct str buf_str(const struct buf *buf) {
  return str_make(buf->p, buf->n);
}

#endif
