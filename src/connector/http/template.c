/* Compiles templates. Must not know what a manifest is: only where the text goes, since literals are written then as
 * that place wants them, once. */
#include "connector/http/template.h"

#include "base/limits.h"
#include "codec/url.h"

enum { PIECES_MAX = 128, STEPS_MAX = 8, INDEX_MAX = 9999, LITERAL_MAX = 256 * KIB, NAME_SHOWN = 48 };

static bool is_step(struct str name) {
  for (size_t i = 0; i < name.n; i++) {
    char c = name.p[i];
    bool is_alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!is_alphanumeric && c != '_' && c != '-' && c != '$') return false;
  }
  return name.n > 0;
}

static enum err_code read_steps(struct arena *arena, struct str name, struct template_piece *piece, struct err *err) {
  struct template_step steps[STEPS_MAX];
  size_t n = 0;
  struct str rest = name;
  do {
    if (n == STEPS_MAX) return err_set(err, ERR_INVALID, "a name goes at most %d levels deep", STEPS_MAX);
    bool is_last = rest.n == 0 || !memchr(rest.p, '.', rest.n);
    struct str step = str_cut(&rest, '.');
    if (!is_step(step))
      return err_set(err, ERR_INVALID, "{%.*s}: a placeholder must hold a name; a brace itself is written {{ or }}",
                     (int)(name.n < NAME_SHOWN ? name.n : NAME_SHOWN), name.p);
    uint64_t index = 0;
    bool is_index = n > 0 && str_to_u64(step, &index) && index <= INDEX_MAX;
    steps[n++] = (struct template_step){step, (size_t)index, is_index};
    if (is_last) break;
  } while (true);
  piece->steps = arena_memdup(arena, steps, n * sizeof(*steps));
  piece->n_steps = n;
  return piece->steps ? ERR_NONE : err_no_memory(err);
}

static bool cut_prefix(struct str *name, struct str prefix) {
  if (!str_starts(*name, prefix)) return false;
  *name = str_make(name->p + prefix.n, name->n - prefix.n);
  return true;
}

/* A default is text, unless it reads as a number, true or false and would be written as it stands. */
static enum err_code read_default(struct arena *arena, struct str text, struct template_piece *piece, struct err *err) {
  if (piece->has_default) return err_set(err, ERR_INVALID, "\"or:\" can stand only once, at the end");
  struct buf out;
  buf_init(&out, arena, LITERAL_MAX);
  yyjson_doc *doc;
  struct err unused;
  piece->has_default = true;
  piece->fallback = text;
  if (text.n > 0 && json_read(arena, text, &doc, &unused) == ERR_NONE) {
    yyjson_val *value = yyjson_doc_get_root(doc);
    json_write_value(&out, value);
    bool is_plain = yyjson_is_num(value) || yyjson_is_bool(value);
    if (is_plain && !buf_failed(&out) && str_eq(buf_str(&out), text)) {
      piece->fallback_value = value;
      return ERR_NONE;
    }
    buf_clear(&out);
  }
  json_write_str(&out, text);
  if (buf_failed(&out)) return err_no_memory(err);
  enum err_code code = json_read(arena, buf_str(&out), &doc, err);
  if (code == ERR_NONE) piece->fallback_value = yyjson_doc_get_root(doc);
  return code;
}

static enum err_code read_filter(struct arena *arena, struct str *rest, struct template_piece *piece, struct err *err) {
  static const struct {
    struct str name;
    enum template_filter filter;
  } filters[] = {{{"csv", 3}, TEMPLATE_CSV},
                 {{"space", 5}, TEMPLATE_SPACE},
                 {{"pipe", 4}, TEMPLATE_PIPE},
                 {{"json", 4}, TEMPLATE_JSON}};
  if (cut_prefix(rest, STR("or:"))) {
    struct str text = *rest;
    *rest = STR_NONE;
    return read_default(arena, text, piece, err);
  }
  struct str word = str_cut(rest, '|');
  for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
    if (!str_eq(word, filters[i].name)) continue;
    if (piece->filter != TEMPLATE_PLAIN) return err_set(err, ERR_INVALID, "one filter is enough");
    piece->filter = filters[i].filter;
    return ERR_NONE;
  }
  return err_set(err, ERR_INVALID, "no filter \"%.*s\": there are csv, space, pipe, json and or:TEXT",
                 (int)(word.n < NAME_SHOWN ? word.n : NAME_SHOWN), word.p);
}

static enum err_code read_placeholder(struct arena *arena, struct str inside, struct template_piece *piece,
                                      struct err *err) {
  struct str rest = inside;
  bool has_filter = inside.n > 0 && memchr(inside.p, '|', inside.n);
  struct str name = str_cut(&rest, '|');
  *piece = (struct template_piece){.source = TEMPLATE_ARGUMENT, .text = name};
  if (str_eq(name, STR("page.size"))) {
    piece->source = TEMPLATE_PAGE_SIZE;
  } else if (str_eq(name, STR("page.cursor"))) {
    piece->source = TEMPLATE_PAGE_CURSOR;
  } else if (cut_prefix(&name, STR("conn."))) {
    piece->source = TEMPLATE_SETTING;
  } else if (cut_prefix(&name, STR("credential."))) {
    piece->source = TEMPLATE_CREDENTIAL;
  }
  enum err_code code = read_steps(arena, name, piece, err);
  bool is_one = piece->source != TEMPLATE_SETTING && piece->source != TEMPLATE_CREDENTIAL;
  if (code == ERR_NONE && !is_one && piece->n_steps != 1)
    code = err_set(err, ERR_INVALID, "{%.*s}: it is a text, nothing is inside", STR_ARG(piece->text));
  if (code == ERR_NONE && !is_one) piece->text = name;
  while (code == ERR_NONE && has_filter) {
    has_filter = rest.n > 0 && memchr(rest.p, '|', rest.n) && !str_starts(rest, STR("or:"));
    code = read_filter(arena, &rest, piece, err);
  }
  return code;
}

/* The literal as its place wants it, in the arena; where nothing has to be changed, the definition's own text. */
static enum err_code write_literal(struct arena *arena, struct str text, enum template_place place,
                                   struct template_piece *piece, struct err *err) {
  *piece = (struct template_piece){.source = TEMPLATE_LITERAL, .text = text};
  for (size_t i = 0; place == TEMPLATE_IN_HEADER && i < text.n; i++)
    if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7F)
      return err_set(err, ERR_INVALID, "a header has plain characters alone, no line ends");
  if (place != TEMPLATE_IN_QUERY && place != TEMPLATE_IN_JSON) return ERR_NONE;
  struct buf out;
  buf_init(&out, NULL, LITERAL_MAX);
  struct str written = STR_NONE;
  if (place == TEMPLATE_IN_QUERY) {
    url_write_encoded(&out, text);
    written = buf_str(&out);
  } else {
    json_write_str(&out, text);
    if (!buf_failed(&out)) written = str_make(out.p + 1, out.n - 2);
  }
  enum err_code code = ERR_NONE;
  if (buf_failed(&out)) {
    code = err_set(err, ERR_INVALID, "a template's text is too long");
  } else if (!str_eq(written, text)) {
    piece->text = arena_str(arena, written);
    if (!piece->text.p) code = err_no_memory(err);
  }
  buf_release(&out);
  return code;
}

/* Takes literal text off `text`, up to the next placeholder or over the next doubled brace, which is one. */
static enum err_code take_literal(struct str *text, struct str *ret_literal, struct err *err) {
  size_t n = 0;
  while (n < text->n && text->p[n] != '{' && text->p[n] != '}')
    n++;
  size_t skipped = 0;
  if (n < text->n) {
    bool is_twice = text->n - n > 1 && text->p[n + 1] == text->p[n];
    if (text->p[n] == '}' && !is_twice)
      return err_set(err, ERR_INVALID, "a \"}\" without its \"{\"; the brace itself is written }}");
    if (is_twice) {
      n++;
      skipped = 1;
    }
  }
  *ret_literal = str_make(text->p, n);
  *text = str_make(text->p + n + skipped, text->n - n - skipped);
  return ERR_NONE;
}

enum err_code template_compile(struct arena *arena, struct str text, enum template_place place,
                               struct template *ret_template, struct err *err) {
  struct template_piece pieces[PIECES_MAX];
  size_t n = 0;
  while (text.n > 0) {
    if (n == PIECES_MAX) return err_set(err, ERR_INVALID, "too many placeholders");
    struct str literal = STR_NONE;
    enum err_code code = take_literal(&text, &literal, err);
    if (code == ERR_NONE && literal.n > 0) {
      code = write_literal(arena, literal, place, &pieces[n++], err);
    } else if (code == ERR_NONE) {
      const char *end = memchr(text.p, '}', text.n);
      if (!end) return err_set(err, ERR_INVALID, "a \"{\" without its \"}\"; the brace itself is written {{");
      code = read_placeholder(arena, str_make(text.p + 1, (size_t)(end - text.p) - 1), &pieces[n++], err);
      text = str_make(end + 1, text.n - (size_t)(end + 1 - text.p));
    }
    if (code != ERR_NONE) return code;
  }
  struct template_piece *copy = n > 0 ? arena_memdup(arena, pieces, n * sizeof(*copy)) : NULL;
  if (n > 0 && !copy) return err_no_memory(err);
  *ret_template = (struct template){copy, n};
  return ERR_NONE;
}

bool template_uses(const struct template *template, enum template_source source) {
  for (size_t i = 0; i < template->n_pieces; i++)
    if (template->pieces[i].source == source) return true;
  return false;
}

bool template_is_value(const struct template *template) {
  return template->n_pieces == 1 && template->pieces[0].source != TEMPLATE_LITERAL &&
         template->pieces[0].filter == TEMPLATE_PLAIN;
}
