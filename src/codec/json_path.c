/* Paths into JSON values. Must not know what is looked for. */
#include "codec/json_path.h"

enum { NOT_AN_INDEX = UINT32_MAX, PATH_MAX_BYTES = 1024 };

/* "0", "12"; not "01", which is a name. */
static uint32_t index_of(struct str name) {
  uint64_t index;
  if (name.n > 1 && name.p[0] == '0') return NOT_AN_INDEX;
  return str_to_u64(name, &index) && index < NOT_AN_INDEX ? (uint32_t)index : NOT_AN_INDEX;
}

enum err_code json_path_compile(struct str text, struct json_path *ret_path, struct err *err) {
  struct json_path path = {.n_steps = 0};
  if (text.n > PATH_MAX_BYTES) return err_set(err, ERR_INVALID, "a path of more than %d bytes", PATH_MAX_BYTES);
  if (text.n == 0 || str_eq(text, STR("."))) {
    *ret_path = path;
    return ERR_NONE;
  }
  if (text.p[text.n - 1] == '.') return err_set(err, ERR_INVALID, "a path does not end in a dot");
  while (text.n > 0) {
    struct str name = str_cut(&text, '.');
    if (name.n == 0) return err_set(err, ERR_INVALID, "a path has names between its dots");
    if (path.n_steps == JSON_PATH_STEPS)
      return err_set(err, ERR_INVALID, "a path of more than %d steps", JSON_PATH_STEPS);
    path.steps[path.n_steps++] = (struct json_path_step){name, index_of(name)};
  }
  *ret_path = path;
  return ERR_NONE;
}

/* The member under the names from step `i` on, as few of them as have one. Moves `*i` past them. */
static yyjson_val *member(const struct json_path *path, size_t *i, yyjson_val *object) {
  const char *from = path->steps[*i].name.p;
  for (size_t last = *i; last < path->n_steps; last++) {
    const struct str *name = &path->steps[last].name;
    yyjson_val *value = yyjson_obj_getn(object, from, (size_t)(name->p + name->n - from));
    if (!value) continue;
    *i = last + 1;
    return value;
  }
  return NULL;
}

yyjson_val *json_path_get(const struct json_path *path, yyjson_val *value) {
  size_t i = 0;
  while (value && i < path->n_steps) {
    if (yyjson_is_obj(value)) {
      value = member(path, &i, value);
    } else if (yyjson_is_arr(value) && path->steps[i].index != NOT_AN_INDEX) {
      value = yyjson_arr_get(value, path->steps[i++].index);
    } else {
      return NULL;
    }
  }
  return value;
}
