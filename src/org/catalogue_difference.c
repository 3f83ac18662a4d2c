/* The difference of two definitions, for people who decide. Nothing is cut short: what is not shown is where a change
 * would hide. */
#include "codec/json.h"
#include "org/catalogue.h"

/* A chain of steps up to the root, as a JSON pointer (RFC 6901). */
struct step {
  const struct step *up;
  struct str name; /* .p NULL: an index */
  size_t index;
};

static void write_pointer(struct buf *out, const struct step *step) {
  if (!step) return;
  write_pointer(out, step->up);
  buf_append_byte(out, '/');
  if (!step->name.p) {
    buf_append_u64(out, step->index);
    return;
  }
  for (size_t i = 0; i < step->name.n; i++) {
    char c = step->name.p[i];
    if (c == '~' || c == '/') {
      buf_append_c(out, c == '~' ? "~0" : "~1");
    } else {
      buf_append_byte(out, (unsigned char)c < 0x20 ? '?' : c);
    }
  }
}

static void write_line(struct buf *out, char sign, const struct step *step, yyjson_val *from, yyjson_val *to) {
  buf_append_byte(out, sign);
  buf_append_byte(out, ' ');
  write_pointer(out, step);
  buf_append_c(out, step ? ": " : "");
  if (from) json_write_value(out, from);
  if (from && to) buf_append_c(out, " -> ");
  if (to) json_write_value(out, to);
  buf_append_byte(out, '\n');
}

static void compare(struct buf *out, const struct step *up, yyjson_val *from, yyjson_val *to);

static void compare_objects(struct buf *out, const struct step *up, yyjson_val *from, yyjson_val *to) {
  size_t i, n;
  yyjson_val *key, *member;
  yyjson_obj_foreach(from, i, n, key, member) {
    const struct step step = {up, json_str(key), 0};
    yyjson_val *other = yyjson_obj_getn(to, yyjson_get_str(key), yyjson_get_len(key));
    if (other) {
      compare(out, &step, member, other);
    } else {
      write_line(out, '-', &step, member, NULL);
    }
  }
  yyjson_obj_foreach(to, i, n, key, member) {
    const struct step step = {up, json_str(key), 0};
    if (!yyjson_obj_getn(from, yyjson_get_str(key), yyjson_get_len(key))) write_line(out, '+', &step, NULL, member);
  }
}

static void compare_arrays(struct buf *out, const struct step *up, yyjson_val *from, yyjson_val *to) {
  size_t n_from = yyjson_arr_size(from), n_to = yyjson_arr_size(to);
  for (size_t i = 0; i < n_from || i < n_to; i++) {
    const struct step step = {up, STR_NONE, i};
    yyjson_val *left = i < n_from ? yyjson_arr_get(from, i) : NULL;
    yyjson_val *right = i < n_to ? yyjson_arr_get(to, i) : NULL;
    if (left && right) {
      compare(out, &step, left, right);
    } else {
      write_line(out, left ? '-' : '+', &step, left, right);
    }
  }
}

static void compare(struct buf *out, const struct step *up, yyjson_val *from, yyjson_val *to) {
  if (yyjson_equals(from, to)) return;
  if (yyjson_is_obj(from) && yyjson_is_obj(to)) {
    compare_objects(out, up, from, to);
  } else if (yyjson_is_arr(from) && yyjson_is_arr(to)) {
    compare_arrays(out, up, from, to);
  } else {
    write_line(out, '~', up, from, to);
  }
}

enum err_code catalogue_difference(struct arena *arena, struct str from, struct str to, struct buf *out,
                                   struct err *err) {
  yyjson_doc *left, *right;
  enum err_code code = json_read(arena, from, &left, err);
  if (code == ERR_NONE) code = json_read(arena, to, &right, err);
  if (code != ERR_NONE) return code;
  size_t before = out->n;
  compare(out, NULL, yyjson_doc_get_root(left), yyjson_doc_get_root(right));
  if (out->n == before) buf_append_c(out, "~ what cannot be seen alone: characters that were taken out of its texts\n");
  return buf_failed(out) ? err_no_memory(err) : ERR_NONE;
}
