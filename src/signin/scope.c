/* Scopes as words. Pure. */
#include "signin/scope.h"

static const struct {
  struct str word;
  unsigned bit;
} scopes[] = {
    {STR("tools:read"), DOES_READ},
    {STR("tools:write"), DOES_WRITE},
    {STR("tools:destroy"), DOES_DESTROY},
};
enum { N_SCOPES = sizeof(scopes) / sizeof(scopes[0]) };

unsigned scope_read(struct str text) {
  unsigned bits = 0;
  while (text.n) {
    struct str word = str_cut(&text, ' ');
    for (size_t i = 0; i < N_SCOPES; i++)
      if (str_eq(word, scopes[i].word)) bits |= scopes[i].bit;
  }
  return bits ? bits : DOES_ANY;
}

void scope_write(struct buf *out, unsigned bits) {
  bool is_first = true;
  for (size_t i = 0; i < N_SCOPES; i++) {
    if (!(bits & scopes[i].bit)) continue;
    if (!is_first) buf_append_byte(out, ' ');
    buf_append_str(out, scopes[i].word);
    is_first = false;
  }
}

struct str scope_word(unsigned bit) {
  for (size_t i = 0; i < N_SCOPES; i++)
    if (scopes[i].bit == bit) return scopes[i].word;
  return STR_NONE;
}
