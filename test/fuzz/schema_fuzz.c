/* A schema from an upstream on the first line, a value from a caller behind it: refused or compiled, fitting or not, it
 * ends soon, says why, and says the same again. */
#include "codec/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { ARENA = 64 * 1024 * 1024, WORK = 50 * 1000 };

static void expect(bool is_so) {
  if (!is_so) __builtin_trap();
}

static yyjson_val *read(struct arena *arena, struct str text) {
  yyjson_doc *doc = NULL;
  return json_read(arena, text, &doc, NULL) == ERR_NONE ? yyjson_doc_get_root(doc) : NULL;
}

static void check(struct arena *arena, yyjson_val *schema_value, yyjson_val *value, bool asserts_format) {
  const struct schema_document documents[] = {{STR("https://example.com/value"), value}};
  const struct schema_options options = {
      .asserts_format = asserts_format, .documents = documents, .n_documents = 1, .max_work = WORK};
  struct schema *schema = NULL;
  struct err err = {0};
  enum err_code code = schema_compile_with(arena, schema_value, &options, &schema, &err);
  if (code != ERR_NONE) {
    expect(!schema && err.code == code && err.text[0]);
    expect(code == ERR_INVALID || code == ERR_NO_MEMORY);
    return;
  }
  struct err failure = {0};
  code = schema_check(schema, value, &failure);
  expect(code == ERR_NONE || code == ERR_INVALID || code == ERR_TOO_LARGE || code == ERR_NO_MEMORY);
  if (code != ERR_NONE) expect(failure.code == code && failure.text[0]);
  if (code == ERR_INVALID) expect(failure.place[0] == '/' || !failure.place[0]);
  /* Saying why costs work as well, but the answer is there by then. */
  expect(schema_check(schema, value, NULL) == code);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  struct arena arena;
  arena_init(&arena, ARENA);
  struct str rest = str_make((const char *)bytes, n);
  struct str first = str_cut(&rest, '\n');
  yyjson_val *schema = read(&arena, first), *value = read(&arena, rest);
  if (schema && value) {
    check(&arena, schema, value, false);
    check(&arena, schema, value, true);
  }
  arena_release(&arena);
  return 0;
}
