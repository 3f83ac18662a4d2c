/* Blots secrets out of texts. Must not know whose text it is. */
#include "codec/blot.h"

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
