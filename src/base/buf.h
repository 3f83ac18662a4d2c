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
static inline void buf_append(struct buf *buf, const void *bytes, size_t n);
static inline void buf_append_str(struct buf *buf, struct str s);
static inline void buf_append_c(struct buf *buf, const char *text);
static inline void buf_append_byte(struct buf *buf, char byte);
void buf_append_u64(struct buf *buf, uint64_t value); /* decimal */
void buf_append_i64(struct buf *buf, int64_t value);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
/* Room for n more bytes at the end, to be written by the caller, who then adds to `n`; NULL on failure. */
static inline char *buf_reserve(struct buf *buf, size_t n);
static inline bool buf_failed(const struct buf *buf) {
  return buf->has_failed;
}
static inline struct str buf_str(const struct buf *buf) {
  return str_make(buf->p, buf->n);
}

/* Here, so that what mostly happens (there is room) needs no call. */

char *buf_grow(struct buf *buf, size_t n); /* buf_reserve's other half */

static inline char *buf_reserve(struct buf *buf, size_t n) {
  /* `n` of the buffer is never above its capacity, but may be above a cap that was lowered meanwhile. */
  bool has_room = buf->p && n <= buf->capacity - buf->n && buf->n + n <= buf->max && !buf->has_failed;
  return has_room ? buf->p + buf->n : buf_grow(buf, n);
}

static inline void buf_append(struct buf *buf, const void *bytes, size_t n) {
  if (n == 0) return;
  char *p = buf_reserve(buf, n);
  if (!p) return;
  memcpy(p, bytes, n);
  buf->n += n;
}

static inline void buf_append_str(struct buf *buf, struct str s) {
  buf_append(buf, s.p, s.n);
}

static inline void buf_append_c(struct buf *buf, const char *text) {
  buf_append(buf, text, strlen(text));
}

static inline void buf_append_byte(struct buf *buf, char byte) {
  char *p = buf_reserve(buf, 1);
  if (!p) return;
  *p = byte;
  buf->n++;
}

#endif
