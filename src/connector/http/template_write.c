/* Fills templates in: walks the compiled pieces, parses nothing. What stands in a place can never leave it: a path and
 * a query have the same rule, that everything but unreserved characters is percent-encoded (RFC 3986, 2.3). */
#include "base/limits.h"
#include "codec/url.h"
#include "connector/http/template.h"

enum { NUMBER_MAX = 64 };

static enum err_code refuse(struct str name, const char *why, struct err *err) {
  return err_set(err, ERR_INVALID, "%.*s %s", (int)(name.n < 64 ? name.n : 64), name.p, why);
}

/* As the inside of a JSON string: written with its quotes right behind what is there, and those taken off again. */
static void write_in_json(struct buf *out, struct str text) {
  if (buf_failed(out) || out->n == 0) {
    out->has_failed = true; /* there is always a quote before */
    return;
  }
  size_t at = --out->n;
  char before = out->p[at];
  json_write_str(out, text);
  if (buf_failed(out)) return;
  out->p[at] = before;
  out->n--;
}

static bool is_header_text(struct str text) {
  for (size_t i = 0; i < text.n; i++)
    if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7F) return false;
  return true;
}

static enum err_code write_text(struct buf *out, enum template_place place, struct str name, struct str text,
                                struct err *err) {
  switch (place) {
    case TEMPLATE_IN_PATH:
    case TEMPLATE_IN_QUERY:
      url_write_encoded(out, text);
      break;
    case TEMPLATE_IN_HEADER:
      if (!is_header_text(text)) return refuse(name, "has line ends or other control characters", err);
      buf_append_str(out, text);
      break;
    case TEMPLATE_IN_JSON:
      write_in_json(out, text);
      break;
    case TEMPLATE_IN_TEXT:
      buf_append_str(out, text);
      break;
  }
  return ERR_NONE;
}

enum err_code template_write_scalar(struct buf *out, enum template_place place, struct str name, yyjson_val *value,
                                    struct err *err) {
  if (yyjson_is_str(value)) return write_text(out, place, name, json_str(value), err);
  if (yyjson_is_raw(value)) /* a number as it came */
    return write_text(out, place, name, str_make(yyjson_get_raw(value), yyjson_get_len(value)), err);
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
  enum err_code code = is_written ? write_text(out, place, name, buf_str(&number), err) : err_no_memory(err);
  buf_release(&number);
  return code;
}

/* What stands between is the service's own; the same character within a value is encoded, in a path and a query. */
static enum err_code write_joined(struct buf *out, const struct template_piece *piece, enum template_place place,
                                  yyjson_val *list, struct err *err) {
  bool is_url = place == TEMPLATE_IN_PATH || place == TEMPLATE_IN_QUERY;
  const char *between = ",";
  if (piece->filter == TEMPLATE_SPACE) between = is_url ? "%20" : " ";
  if (piece->filter == TEMPLATE_PIPE) between = is_url ? "%7C" : "|";
  size_t i, n;
  yyjson_val *value;
  yyjson_arr_foreach(list, i, n, value) {
    if (i > 0) buf_append_c(out, between);
    enum err_code code = template_write_scalar(out, place, piece->text, value, err);
    if (code != ERR_NONE) return code;
  }
  return ERR_NONE;
}

static enum err_code write_json(struct buf *out, const struct template_piece *piece, enum template_place place,
                                yyjson_val *value, struct err *err) {
  struct buf text;
  buf_init(&text, out->arena, out->max);
  json_write_value(&text, value);
  bool has_failed = buf_failed(&text);
  enum err_code code = ERR_NONE;
  if (has_failed) {
    out->has_failed = true;
  } else {
    code = write_text(out, place, piece->text, buf_str(&text), err);
  }
  buf_release(&text);
  return code;
}

static yyjson_val *root_of(const struct template_piece *piece, const struct template_scope *scope) {
  switch (piece->source) {
    case TEMPLATE_ARGUMENT:
      return scope->arguments;
    case TEMPLATE_SETTING:
      return scope->settings;
    case TEMPLATE_CREDENTIAL:
      return scope->credential;
    default:
      return NULL;
  }
}

static yyjson_val *find(const struct template_piece *piece, const struct template_scope *scope) {
  if (piece->source == TEMPLATE_PAGE_SIZE) return scope->size;
  if (piece->source == TEMPLATE_PAGE_CURSOR) return scope->cursor;
  yyjson_val *value = root_of(piece, scope);
  for (size_t i = 0; value && i < piece->n_steps; i++) {
    const struct template_step *step = &piece->steps[i];
    value = step->is_index && yyjson_is_arr(value) ? yyjson_arr_get(value, step->index)
                                                   : yyjson_obj_getn(value, step->name.p, step->name.n);
  }
  return yyjson_is_null(value) ? NULL : value;
}

yyjson_val *template_value(const struct template_piece *piece, const struct template_scope *scope) {
  yyjson_val *value = find(piece, scope);
  return value ? value : piece->fallback_value;
}

static enum err_code write_piece(struct buf *out, const struct template_piece *piece, enum template_place place,
                                 yyjson_val *value, struct err *err) {
  if (piece->filter == TEMPLATE_JSON) return write_json(out, piece, place, value, err);
  if (!yyjson_is_arr(value)) return template_write_scalar(out, place, piece->text, value, err);
  if (piece->filter != TEMPLATE_PLAIN) return write_joined(out, piece, place, value, err);
  return refuse(piece->text, "is a list, which this tool cannot send: its manifest needs {...|csv}", err);
}

enum err_code template_write(struct buf *out, const struct template *template, enum template_place place,
                             const struct template_scope *scope, bool *ret_is_absent, struct err *err) {
  *ret_is_absent = false;
  for (size_t i = 0; i < template->n_pieces; i++) {
    const struct template_piece *piece = &template->pieces[i];
    if (piece->source == TEMPLATE_LITERAL) {
      buf_append_str(out, piece->text);
      continue;
    }
    yyjson_val *value = find(piece, scope);
    bool is_empty_list = yyjson_is_arr(value) && yyjson_arr_size(value) == 0 && piece->filter != TEMPLATE_JSON;
    enum err_code code;
    if (value && !is_empty_list) {
      code = write_piece(out, piece, place, value, err);
    } else if (piece->has_default) {
      code = write_text(out, place, piece->text, piece->fallback, err);
    } else {
      *ret_is_absent = true;
      return ERR_NONE;
    }
    if (code != ERR_NONE) return code;
  }
  return ERR_NONE;
}
