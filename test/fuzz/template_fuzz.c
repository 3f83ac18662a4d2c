/* Templates and what is put into them: the first line is a template, the rest the arguments. In every place where a
 * template can stand, what comes out must not leave that place. */
#include "connector/http/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static bool is_unreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || strchr("-._~", c);
}

static void check_query(struct str text) {
  for (size_t i = 0; i < text.n; i++)
    if (text.p[i] == '\0' || (!is_unreserved(text.p[i]) && text.p[i] != '%' && text.p[i] != ',')) __builtin_trap();
}

static void check_header(struct str text) {
  for (size_t i = 0; i < text.n; i++)
    if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7F) __builtin_trap();
}

static void check(struct arena *arena, enum template_place place, const struct template *template,
                  const struct template_scope *scope) {
  struct buf out;
  struct err err = {0};
  bool is_absent;
  buf_init(&out, arena, (size_t)1024 * 1024);
  if (place == TEMPLATE_IN_JSON) buf_append_byte(&out, '"');
  enum err_code code = template_write(&out, template, place, scope, &is_absent, &err);
  if (code != ERR_NONE) {
    if (code != ERR_INVALID || !err.text[0]) __builtin_trap();
    return;
  }
  if (is_absent || buf_failed(&out)) return;
  yyjson_doc *doc;
  if (place == TEMPLATE_IN_QUERY) check_query(buf_str(&out));
  if (place == TEMPLATE_IN_HEADER) check_header(buf_str(&out));
  if (place != TEMPLATE_IN_JSON) return;
  buf_append_byte(&out, '"');
  if (json_read(arena, buf_str(&out), &doc, &err) != ERR_NONE || !yyjson_is_str(yyjson_doc_get_root(doc)))
    __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  static const enum template_place places[] = {TEMPLATE_IN_PATH, TEMPLATE_IN_QUERY, TEMPLATE_IN_HEADER,
                                               TEMPLATE_IN_JSON, TEMPLATE_IN_TEXT};
  struct arena arena;
  arena_init(&arena, (size_t)64 * 1024 * 1024);
  struct str rest = str_make((const char *)bytes, n);
  struct str text = str_cut(&rest, '\n');
  struct err err;
  yyjson_doc *doc, *line;
  struct buf quoted; /* a template comes out of JSON: UTF-8 without NUL */
  buf_init(&quoted, &arena, (size_t)1024 * 1024);
  json_write_str(&quoted, text);
  if (!buf_failed(&quoted) && json_read(&arena, buf_str(&quoted), &line, &err) == ERR_NONE &&
      json_read(&arena, rest, &doc, &err) == ERR_NONE) {
    yyjson_val *values = yyjson_doc_get_root(doc);
    struct template_scope scope = {values, values, values, json_get(values, "cursor"), json_get(values, "size")};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
      struct template template;
      enum err_code code = template_compile(&arena, json_str(yyjson_doc_get_root(line)), places[i], &template, &err);
      if (code == ERR_NONE) check(&arena, places[i], &template, &scope);
    }
  }
  arena_release(&arena);
  return 0;
}
