/* A mask and a value, with a line's end between them: whatever the mask is, what it leaves of the value is JSON, no
 * larger than the whole, and masking it again changes nothing. */
#include "codec/mask.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void expect(bool is_so) {
  if (!is_so) __builtin_trap();
}

static struct str masked(struct arena *arena, const struct mask *mask, yyjson_val *value) {
  struct buf out;
  buf_init(&out, arena, (size_t)4 * 1024 * 1024);
  mask_write(&out, mask, value);
  expect(!buf_failed(&out));
  return buf_str(&out);
}

static void check(struct arena *arena, const struct mask *mask, struct str json) {
  yyjson_doc *doc, *again;
  if (json_read_verbatim(arena, json, &doc, NULL) != ERR_NONE) return;
  struct str whole = masked(arena, NULL, yyjson_doc_get_root(doc));
  struct str kept = masked(arena, mask, yyjson_doc_get_root(doc));
  expect(kept.n <= whole.n);
  expect(json_read_verbatim(arena, kept, &again, NULL) == ERR_NONE);
  expect(str_eq(masked(arena, mask, yyjson_doc_get_root(again)), kept));
  (void)mask_unmatched(arena, mask, yyjson_doc_get_root(doc));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  struct arena arena;
  struct err err = {0};
  struct mask *mask;
  struct str json = str_make((const char *)bytes, n);
  if (n > 64 * 1024) return 0;
  struct str text = str_cut(&json, '\n');
  arena_init(&arena, (size_t)64 * 1024 * 1024);
  if (mask_compile(&arena, text, &mask, &err) == ERR_NONE) {
    check(&arena, mask, json);
  } else {
    expect(err.text[0] != '\0');
  }
  arena_release(&arena);
  return 0;
}
