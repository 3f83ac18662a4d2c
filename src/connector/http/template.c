/* Compiles and fills in templates. Must not know where the text goes: paths and queries have the same rule, that
 * everything but unreserved characters is percent-encoded (RFC 3986, 2.3), so that no value can leave its place. */
#include "connector/http/template.h"

#include "base/limits.h"
#include "codec/url.h"

enum { PIECES_MAX = 64, NUMBER_MAX = 64 };

static bool is_name(struct str name) {
  for (size_t i = 0; i < name.n; i++) {
    char c = name.p[i];
    bool is_alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!is_alphanumeric && c != '_' && c != '-' && c != '.' && c != '$') return false;
  }
  return name.n > 0;
}

static enum err_code read_placeholder(struct str inside, struct template_piece *piece, struct err *err) {
  struct str rest = inside;
  struct str name = str_cut(&rest, '|');
  bool has_filter = name.n < inside.n;
  if (has_filter && !str_eq(rest, STR("csv"))) {
    bool is_planned = str_eq(rest, STR("json")) || str_eq(rest, STR("space")) || str_eq(rest, STR("pipe"));
    return err_set(err, ERR_INVALID, is_planned ? "the filter \"%.*s\" is not supported yet" : "no filter \"%.*s\"",
                   (int)(rest.n < 32 ? rest.n : 32), rest.p);
  }
  piece->filter = has_filter ? TEMPLATE_CSV : TEMPLATE_PLAIN;
  piece->source = TEMPLATE_ARGUMENT;
  if (str_starts(name, STR("conn."))) {
    piece->source = TEMPLATE_SETTING;
    name = str_make(name.p + 5, name.n - 5);
  }
  piece->text = name;
  if (!is_name(name)) return err_set(err, ERR_INVALID, "a {placeholder} must hold a name");
  return ERR_NONE;
}

enum err_code template_compile(struct arena *arena, struct str text, struct template *ret_template, struct err *err) {
  struct template_piece pieces[PIECES_MAX];
  size_t n = 0;
  while (text.n > 0) {
    if (n == PIECES_MAX) return err_set(err, ERR_INVALID, "too many placeholders");
    struct template_piece *piece = &pieces[n++];
    if (text.p[0] == '}') return err_set(err, ERR_INVALID, "a \"}\" without its \"{\"");
    if (text.p[0] != '{') {
      size_t to = 0;
      while (to < text.n && text.p[to] != '{' && text.p[to] != '}')
        to++;
      *piece = (struct template_piece){TEMPLATE_LITERAL, TEMPLATE_PLAIN, str_make(text.p, to)};
      text = str_make(text.p + to, text.n - to);
      continue;
    }
    const char *end = memchr(text.p, '}', text.n);
    if (!end) return err_set(err, ERR_INVALID, "a \"{\" without its \"}\"");
    enum err_code code = read_placeholder(str_make(text.p + 1, (size_t)(end - text.p) - 1), piece, err);
    if (code != ERR_NONE) return code;
    text = str_make(end + 1, text.n - (size_t)(end + 1 - text.p));
  }
  struct template_piece *copy = arena_memdup(arena, pieces, n * sizeof(*copy));
  if (!copy) return err_no_memory(err);
  *ret_template = (struct template){copy, n};
  return ERR_NONE;
}

bool template_uses(const struct template *template, enum template_source source) {
  for (size_t i = 0; i < template->n_pieces; i++)
    if (template->pieces[i].source == source) return true;
  return false;
}

static enum err_code refuse(struct str name, const char *why, struct err *err) {
  return err_set(err, ERR_INVALID, "%.*s %s", STR_ARG(name), why);
}

/* One value that is neither a list nor an object. */
static enum err_code write_scalar(struct buf *out, struct str name, yyjson_val *value, struct err *err) {
  if (yyjson_is_str(value)) {
    url_write_encoded(out, json_str(value));
    return ERR_NONE;
  }
  if (yyjson_is_bool(value)) {
    buf_append_c(out, yyjson_get_bool(value) ? "true" : "false");
    return ERR_NONE;
  }
  if (yyjson_is_sint(value)) {
    buf_append_i64(out, yyjson_get_sint(value));
    return ERR_NONE;
  }
  if (yyjson_is_uint(value)) {
    buf_append_u64(out, yyjson_get_uint(value));
    return ERR_NONE;
  }
  if (!yyjson_is_real(value)) return refuse(name, "must be text, a number, true or false here", err);
  struct buf number; /* "1e+30" has a character that is not plain */
  buf_init(&number, NULL, NUMBER_MAX);
  json_write_value(&number, value);
  bool is_written = !buf_failed(&number);
  if (is_written) url_write_encoded(out, buf_str(&number));
  buf_release(&number);
  return is_written ? ERR_NONE : err_no_memory(err);
}

/* The comma between is the upstream's own; one within a value is encoded. */
static enum err_code write_csv(struct buf *out, struct str name, yyjson_val *list, struct err *err) {
  size_t i, n;
  yyjson_val *value;
  yyjson_arr_foreach(list, i, n, value) {
    if (i > 0) buf_append_byte(out, ',');
    enum err_code code = write_scalar(out, name, value, err);
    if (code != ERR_NONE) return code;
  }
  return ERR_NONE;
}

static yyjson_val *value_of(yyjson_val *values, struct str name) {
  yyjson_val *value = yyjson_obj_getn(values, name.p, name.n);
  return yyjson_is_null(value) ? NULL : value;
}

enum err_code template_write(struct buf *out, const struct template *template, yyjson_val *values, bool *ret_is_absent,
                             struct err *err) {
  *ret_is_absent = false;
  for (size_t i = 0; i < template->n_pieces; i++) {
    const struct template_piece *piece = &template->pieces[i];
    if (piece->source == TEMPLATE_LITERAL) {
      buf_append_str(out, piece->text);
      continue;
    }
    yyjson_val *value = value_of(values, piece->text);
    bool is_list = yyjson_is_arr(value);
    if (!value || (is_list && yyjson_arr_size(value) == 0)) {
      *ret_is_absent = true;
      return ERR_NONE;
    }
    enum err_code code;
    if (!is_list) {
      code = write_scalar(out, piece->text, value, err);
    } else if (piece->filter == TEMPLATE_CSV) {
      code = write_csv(out, piece->text, value, err);
    } else {
      code = refuse(piece->text, "is a list, which this tool cannot send: its manifest needs {...|csv}", err);
    }
    if (code != ERR_NONE) return code;
  }
  return ERR_NONE;
}
