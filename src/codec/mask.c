/* Field masks. Must not know where a value comes from or goes to. */
#include "codec/mask.h"

#include <string.h>

#include "base/limits.h"

enum { MASK_MAX_BYTES = 8 * KIB, MASK_MAX_DEPTH = 16, MASK_MAX_FIELDS = 256 };

struct field {
  struct str name;
  const struct mask *inner; /* NULL: all of it */
};

struct mask {
  const struct field *fields;
  size_t n_fields;
  /* A bit for each (length, first byte) of the names: most members of an answer are not kept, and known not to be at
   * one look. */
  uint64_t filter;
  bool keeps_rest; /* "*" */
  const struct mask *rest;
};

static uint64_t filter_bit(const char *name, size_t n) {
  unsigned first = n > 0 ? (unsigned char)name[0] : 0;
  return UINT64_C(1) << ((first ^ (unsigned)n * 7) & 63);
}

/* ---- compiling ---- */

struct reader {
  struct arena *arena;
  struct str text;
  size_t i;
  struct err *err;
};

static enum err_code fail(const struct reader *reader, const char *what) {
  return err_set(reader->err, ERR_INVALID, "mask: %s, at byte %zu", what, reader->i);
}

static bool is_next(const struct reader *reader, char c) {
  return reader->i < reader->text.n && reader->text.p[reader->i] == c;
}

static void skip_space(struct reader *reader) {
  while (is_next(reader, ' '))
    reader->i++;
}

static enum err_code read_name(struct reader *reader, struct str *ret_name) {
  skip_space(reader);
  size_t from = reader->i;
  while (reader->i < reader->text.n && !strchr(",()", reader->text.p[reader->i]))
    reader->i++;
  struct str name = str_trim(str_make(reader->text.p + from, reader->i - from));
  if (name.n == 0) return fail(reader, "a name is missing");
  *ret_name = name;
  return ERR_NONE;
}

static enum err_code read_level(struct reader *reader, unsigned depth, struct mask **ret_mask);

static enum err_code read_field(struct reader *reader, unsigned depth, struct field *ret_field) {
  struct str name = STR_NONE;
  enum err_code code = read_name(reader, &name);
  if (code != ERR_NONE) return code;
  struct mask *inner = NULL;
  if (is_next(reader, '(')) {
    reader->i++;
    code = read_level(reader, depth + 1, &inner);
    if (code != ERR_NONE) return code;
    if (!is_next(reader, ')')) return fail(reader, "a \")\" is missing");
    reader->i++;
    skip_space(reader);
  }
  *ret_field = (struct field){name, inner};
  return ERR_NONE;
}

static enum err_code add_field(const struct reader *reader, struct mask *mask, struct field *fields,
                               struct field field) {
  if (str_eq(field.name, STR("*"))) {
    if (mask->keeps_rest) return fail(reader, "\"*\" twice on one level");
    mask->keeps_rest = true;
    mask->rest = field.inner;
    return ERR_NONE;
  }
  for (size_t i = 0; i < mask->n_fields; i++)
    if (str_eq(fields[i].name, field.name)) return fail(reader, "a name twice on one level");
  if (mask->n_fields == MASK_MAX_FIELDS) return fail(reader, "too many names on one level");
  fields[mask->n_fields++] = field;
  mask->filter |= filter_bit(field.name.p, field.name.n);
  return ERR_NONE;
}

static enum err_code read_level(struct reader *reader, unsigned depth, struct mask **ret_mask) {
  if (depth > MASK_MAX_DEPTH) return fail(reader, "too deep");
  struct mask *mask = arena_new(reader->arena, struct mask);
  struct field *fields = NULL;
  size_t room = 0;
  if (!mask) return err_no_memory(reader->err);
  for (;;) {
    struct field field = {0};
    enum err_code code = read_field(reader, depth, &field);
    if (code != ERR_NONE) return code;
    if (!fields || mask->n_fields == room) {
      size_t more = room ? room * 2 : 8;
      fields = arena_realloc(reader->arena, fields, room * sizeof(*fields), more * sizeof(*fields));
      if (!fields) return err_no_memory(reader->err);
      room = more;
    }
    code = add_field(reader, mask, fields, field);
    if (code != ERR_NONE) return code;
    if (!is_next(reader, ',')) break;
    reader->i++;
  }
  mask->fields = fields;
  *ret_mask = mask;
  return ERR_NONE;
}

enum err_code mask_compile(struct arena *arena, struct str text, struct mask **ret_mask, struct err *err) {
  struct reader reader = {.arena = arena, .text = text, .err = err};
  if (text.n > MASK_MAX_BYTES) return err_set(err, ERR_INVALID, "mask: at most %d bytes", MASK_MAX_BYTES);
  if (text.n > 0 && memchr(text.p, '\0', text.n)) return err_set(err, ERR_INVALID, "mask: a NUL character");
  struct mask *mask;
  enum err_code code = read_level(&reader, 1, &mask);
  if (code != ERR_NONE) return code;
  if (reader.i < text.n) return fail(&reader, "a \",\" is missing");
  *ret_mask = mask;
  return ERR_NONE;
}

/* ---- applying ---- */

/* Is the member kept, and by which mask of its own? */
static bool keeps(const struct mask *mask, const char *name, size_t n, const struct mask **ret_inner) {
  if (mask->filter & filter_bit(name, n)) {
    for (size_t i = 0; i < mask->n_fields; i++) {
      const struct field *field = &mask->fields[i];
      if (field->name.n != n || memcmp(field->name.p, name, n) != 0) continue;
      *ret_inner = field->inner;
      return true;
    }
  }
  *ret_inner = mask->rest;
  return mask->keeps_rest;
}

static void write_object(struct buf *out, const struct mask *mask, yyjson_val *object) {
  buf_append_byte(out, '{');
  bool is_first = true;
  size_t i, n;
  yyjson_val *key, *value;
  yyjson_obj_foreach(object, i, n, key, value) {
    const struct mask *inner;
    if (!keeps(mask, unsafe_yyjson_get_str(key), unsafe_yyjson_get_len(key), &inner)) continue;
    if (!is_first) buf_append_byte(out, ',');
    is_first = false;
    json_write_str(out, json_str(key));
    buf_append_byte(out, ':');
    mask_write(out, inner, value);
  }
  buf_append_byte(out, '}');
}

/* Recursion is bounded by the depth of the value, which json_read bounds. */
void mask_write(struct buf *out, const struct mask *mask, yyjson_val *value) {
  if (mask && yyjson_is_obj(value)) {
    write_object(out, mask, value);
  } else if (mask && yyjson_is_arr(value)) {
    size_t i, n;
    yyjson_val *element;
    buf_append_byte(out, '[');
    yyjson_arr_foreach(value, i, n, element) {
      if (i > 0) buf_append_byte(out, ',');
      mask_write(out, mask, element);
    }
    buf_append_byte(out, ']');
  } else {
    json_write_value(out, value);
  }
}

/* ---- checking ---- */

/* What stands under one name, in all the objects of a value, through lists. */
struct found {
  size_t n;            /* how many objects have it */
  size_t n_values;     /* ... and more in it than null or an empty list */
  yyjson_val **values; /* NULL: they are only counted */
};

static void find(const struct field *field, yyjson_val *value, struct found *found) {
  if (yyjson_is_obj(value)) {
    yyjson_val *member = yyjson_obj_getn(value, field->name.p, field->name.n);
    if (!member) return;
    found->n++;
    if (!yyjson_is_obj(member) && yyjson_arr_size(member) == 0) return;
    if (found->values) found->values[found->n_values] = member;
    found->n_values++;
    return;
  }
  size_t i, n;
  yyjson_val *element;
  yyjson_arr_foreach(value, i, n, element) find(field, element, found);
}

/* The same in each of several values. */
static void find_in(const struct field *field, yyjson_val *const *values, size_t n, struct found *found) {
  for (size_t i = 0; i < n; i++)
    find(field, values[i], found);
}

static struct str unmatched(struct arena *arena, const struct mask *mask, yyjson_val *const *values, size_t n) {
  for (size_t i = 0; i < mask->n_fields; i++) {
    const struct field *field = &mask->fields[i];
    struct found found = {.n = 0};
    find_in(field, values, n, &found);
    if (found.n == 0) return field->name;
    if (!field->inner || found.n_values == 0) continue;
    found = (struct found){.values = arena_new_n(arena, yyjson_val *, found.n_values)};
    if (!found.values) return STR_NONE;
    find_in(field, values, n, &found);
    struct str inner = unmatched(arena, field->inner, found.values, found.n_values);
    if (inner.p) return arena_printf(arena, "%.*s.%.*s", STR_ARG(field->name), STR_ARG(inner));
  }
  return STR_NONE;
}

struct str mask_unmatched(struct arena *arena, const struct mask *mask, yyjson_val *value) {
  return unmatched(arena, mask, &value, 1);
}
