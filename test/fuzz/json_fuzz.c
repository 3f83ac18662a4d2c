/* JSON from anybody: refused with a text and a place, or written in canonical form, which then is its own canonical
 * form, and written as it came, which has the same canonical form. */
#include "codec/json.h"
#include "codec/json_span.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { ARENA = 64 * 1024 * 1024, OUT = 16 * 1024 * 1024 };

static void expect(bool is_so) {
  if (!is_so) __builtin_trap();
}

static struct str canonical(struct arena *arena, yyjson_val *value) {
  struct buf out;
  struct err err;
  buf_init(&out, arena, OUT);
  expect(json_write_canonical(&out, value, &err) == ERR_NONE);
  return buf_str(&out);
}

static yyjson_val *read_again(struct arena *arena, struct str text) {
  yyjson_doc *doc = NULL;
  struct err err;
  expect(json_read(arena, text, &doc, &err) == ERR_NONE);
  return yyjson_doc_get_root(doc);
}

/* An object's members as they stand in the text are those that were read. */
static void check_spans(struct arena *arena, struct str text, yyjson_val *root) {
  struct json_span span;
  struct str name, value;
  size_t i, count;
  yyjson_val *key, *member;
  expect(json_span_open(text, &span) == yyjson_is_obj(root));
  if (!yyjson_is_obj(root)) return;
  yyjson_obj_foreach(root, i, count, key, member) {
    expect(json_span_next(&span, &name, &value));
    yyjson_val *again = read_again(arena, str_make(name.p - 1, name.n + 2));
    expect(str_eq(json_str(again), json_str(key)));
    expect(str_eq(canonical(arena, read_again(arena, value)), canonical(arena, member)));
  }
  expect(!json_span_next(&span, &name, &value));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  struct arena arena;
  arena_init(&arena, ARENA);
  struct str text = str_make((const char *)bytes, n);
  struct err err = {0}, file_err = {0};
  yyjson_doc *doc = NULL, *file_doc = NULL;
  enum err_code code = json_read(&arena, text, &doc, &err);
  enum err_code file_code = json_read_file_text(&arena, text, &file_doc, &file_err);
  if (code != ERR_NONE) {
    expect(!doc && err.text[0] && err.code == code);
  } else {
    /* What is allowed anywhere is allowed in a file, where "//" is dropped besides. */
    expect(file_code == ERR_NONE);
    struct str first = canonical(&arena, yyjson_doc_get_root(doc));
    expect(str_eq(first, canonical(&arena, read_again(&arena, first))));
    check_spans(&arena, text, yyjson_doc_get_root(doc));
    struct buf plain;
    buf_init(&plain, &arena, OUT);
    json_write_value(&plain, yyjson_doc_get_root(doc));
    expect(!buf_failed(&plain));
    expect(str_eq(first, canonical(&arena, read_again(&arena, buf_str(&plain)))));
  }
  if (file_code != ERR_NONE) expect(!file_doc && file_err.text[0] && strncmp(file_err.place, "line ", 5) == 0);
  arena_release(&arena);
  return 0;
}
