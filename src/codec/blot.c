/* Blots secrets out of texts. Must not know whose text it is. */
#include "codec/blot.h"

#include <string.h>

#include "base/buf.h"

enum { SHORTEST_SECRET = 8 };

struct str blot_out(struct arena *arena, struct str text, struct str secret) {
  if (secret.n < SHORTEST_SECRET || text.n == 0 || !memmem(text.p, text.n, secret.p, secret.n)) return text;
  struct buf out;
  buf_init(&out, arena, text.n * sizeof(BLOT));
  while (text.n > 0) {
    const char *found = memmem(text.p, text.n, secret.p, secret.n);
    size_t before = found ? (size_t)(found - text.p) : text.n;
    buf_append(&out, text.p, before);
    if (!found) break;
    buf_append_c(&out, BLOT);
    text = str_make(found + secret.n, text.n - before - secret.n);
  }
  return buf_failed(&out) ? STR_NONE : buf_str(&out);
}

bool blot_text(char *text, size_t n, struct str secret) {
  bool is_found = false;
  if (secret.n < SHORTEST_SECRET) return false;
  for (char *end = text + n, *found; (found = memmem(text, (size_t)(end - text), secret.p, secret.n));) {
    memset(found, '*', secret.n);
    text = found + secret.n;
    is_found = true;
  }
  return is_found;
}

/* A document's values lie one behind the other; its strings are the document's own copy. */
bool blot_value(yyjson_val *root, struct str secret) {
  bool is_found = false;
  if (!root || secret.n < SHORTEST_SECRET) return false;
  for (yyjson_val *value = root, *end = unsafe_yyjson_get_next(root); value < end; value++)
    if (yyjson_is_str(value) && blot_text((char *)(uintptr_t)yyjson_get_str(value), yyjson_get_len(value), secret))
      is_found = true;
  return is_found;
}
