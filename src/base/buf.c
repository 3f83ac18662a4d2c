/* A byte buffer that grows up to a cap, in an arena or on the heap. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SMALLEST = 256 };

void buf_init(struct buf *buf, struct arena *arena, size_t max) {
  *buf = (struct buf){.arena = arena, .max = max};
}

void buf_release(struct buf *buf) {
  if (!buf->arena) free(buf->p);
  buf_init(buf, buf->arena, buf->max);
}

void buf_clear(struct buf *buf) {
  buf->n = 0;
  buf->has_failed = false;
}

static void *memory_grow(struct buf *buf, size_t capacity) {
  if (buf->arena) return arena_realloc(buf->arena, buf->p, buf->capacity, capacity);
  return realloc(buf->p, capacity);
}

char *buf_grow(struct buf *buf, size_t n) {
  if (buf->has_failed) return NULL;
  if (n > buf->max || buf->n > buf->max - n || n > PTRDIFF_MAX / 2) {
    buf->has_failed = true;
    return NULL;
  }
  size_t need = buf->n + n;
  if (need > buf->capacity || !buf->p) {
    size_t capacity = buf->capacity < SMALLEST ? SMALLEST : buf->capacity;
    while (capacity < need)
      capacity = capacity > SIZE_MAX / 2 ? need : capacity * 2;
    if (capacity > buf->max) capacity = buf->max;
    if (capacity == 0) capacity = 1;
    char *p = memory_grow(buf, capacity);
    if (!p) {
      buf->has_failed = true;
      return NULL;
    }
    buf->p = p;
    buf->capacity = capacity;
  }
  return buf->p + buf->n;
}

void buf_append_u64(struct buf *buf, uint64_t value) {
  char digits[20];
  size_t at = sizeof(digits);
  do {
    digits[--at] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  buf_append(buf, digits + at, sizeof(digits) - at);
}

void buf_append_i64(struct buf *buf, int64_t value) {
  if (value < 0) buf_append_byte(buf, '-');
  buf_append_u64(buf, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void buf_printf(struct buf *buf, const char *format, ...) {
  char small[256];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(small, sizeof(small), format, args);
  va_end(args);
  if (n < 0) {
    buf->has_failed = true;
    return;
  }
  if ((size_t)n < sizeof(small)) {
    buf_append(buf, small, (size_t)n);
    return;
  }
  /* vsnprintf writes a NUL behind the text, for which the cap may leave no room. */
  char *text = malloc((size_t)n + 1);
  if (!text) {
    buf->has_failed = true;
    return;
  }
  va_start(args, format);
  vsnprintf(text, (size_t)n + 1, format, args);
  va_end(args);
  buf_append(buf, text, (size_t)n);
  free(text);
}
