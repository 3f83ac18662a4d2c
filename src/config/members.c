/* The small readers: objects without unknown members, arrays, strings, names. Each says where it failed. */
#include "base/map.h"
#include "config/reader.h"
#include "config/words.h"

static bool is_known(struct str name, const char *const *known, size_t n_known) {
  for (size_t i = 0; i < n_known; i++) {
    if (str_eq_c(name, known[i])) return true;
  }
  return false;
}

enum err_code read_object(const struct config_reader *reader, yyjson_val *value, const struct config_place *place,
                          const char *const *known, size_t n_known) {
  if (!yyjson_is_obj(value)) return config_fail(reader->err, place, "must be an object");
  size_t i, n;
  yyjson_val *key, *member;
  yyjson_obj_foreach(value, i, n, key, member) {
    struct str name = json_str(key);
    if (is_known(name, known, n_known)) continue;
    struct buf list;
    buf_init(&list, reader->arena, 4096);
    for (size_t k = 0; k < n_known; k++) {
      if (known[k][0] == '$') continue;
      if (list.n) buf_append_c(&list, ", ");
      buf_append_c(&list, known[k]);
    }
    struct config_place at = PLACE_MEMBER(place, name);
    return config_fail(reader->err, &at, "unknown member; known are %.*s", STR_ARG(buf_str(&list)));
  }
  return ERR_NONE;
}

enum err_code read_array(const struct config_reader *reader, yyjson_val *value, const struct config_place *place,
                         size_t *ret_n) {
  if (!value) {
    *ret_n = 0;
    return ERR_NONE;
  }
  if (!yyjson_is_arr(value)) return config_fail(reader->err, place, "must be an array");
  *ret_n = yyjson_arr_size(value);
  return ERR_NONE;
}

enum err_code read_string(const struct config_reader *reader, yyjson_val *value, const struct config_place *place,
                          struct str *ret_text) {
  if (!value) return config_fail(reader->err, place, "is required");
  if (!yyjson_is_str(value)) return config_fail(reader->err, place, "must be a string");
  *ret_text = json_str(value);
  return ERR_NONE;
}

enum err_code read_name(const struct config_reader *reader, yyjson_val *value, const struct config_place *place,
                        struct str *ret_name) {
  struct str name = STR_NONE;
  enum err_code code = read_string(reader, value, place, &name);
  if (code) return code;
  code = config_name_check(name, reader->err);
  if (code) return config_place_mark(reader->err, place, code);
  *ret_name = name;
  return ERR_NONE;
}

enum err_code read_email(const struct config_reader *reader, yyjson_val *value, const struct config_place *place,
                         struct str *ret_email) {
  struct str text = STR_NONE;
  enum err_code code = read_string(reader, value, place, &text);
  if (code) return code;
  code = config_email_read(reader->arena, text, ret_email, reader->err);
  return code ? config_place_mark(reader->err, place, code) : ERR_NONE;
}

enum err_code read_once(const struct config_reader *reader, struct map *seen, struct str name,
                        const struct config_place *place, const char *what) {
  if (map_get(seen, name)) {
    return config_fail(reader->err, place, "%s \"%.*s\" is named twice", what, STR_ARG(name));
  }
  if (map_put(seen, name, seen)) return err_no_memory(reader->err);
  return ERR_NONE;
}

enum err_code read_place(const struct config_reader *reader, const struct config_place *place, struct str *ret_place) {
  struct str text = config_place_text(reader->arena, place);
  if (!text.p) return err_no_memory(reader->err);
  *ret_place = text;
  return ERR_NONE;
}
