/* Runs the keywords of arrays (2020-12 core, 10.3.1; validation, 6.4). */
#include "codec/schema_equal.h"
#include "codec/schema_run.h"

static enum err_code check_count(struct schema_run *run, const struct schema_arrays *rules, size_t n,
                                 const struct schema_path *path) {
  if (n < rules->min_items)
    return schema_fail(run, path, "must have at least %llu items", (unsigned long long)rules->min_items);
  if (n > rules->max_items)
    return schema_fail(run, path, "must have at most %llu items", (unsigned long long)rules->max_items);
  return ERR_NONE;
}

static enum err_code check_items(struct schema_run *run, const struct schema_arrays *rules, yyjson_val *array,
                                 const struct schema_path *path) {
  size_t i, count;
  yyjson_val *value;
  yyjson_arr_foreach(array, i, count, value) {
    const struct schema_node *node = i < rules->first.n ? rules->first.p[i] : rules->rest;
    if (!node) break;
    struct schema_path step = {path, STR_NONE, i, false};
    enum err_code code = schema_run_node(run, node, value, &step, NULL);
    if (code != ERR_NONE) return code;
  }
  return ERR_NONE;
}

static enum err_code check_contains(struct schema_run *run, const struct schema_arrays *rules, yyjson_val *array,
                                    const struct schema_path *path, struct schema_seen *seen) {
  size_t i, count;
  uint64_t n = 0;
  yyjson_val *value;
  enum err_code code = ERR_NONE;
  struct err *err = run->err;
  if (!rules->contains_evaluates) seen = NULL;
  run->err = NULL;
  yyjson_arr_foreach(array, i, count, value) {
    if (!seen && n >= rules->min_contains && rules->max_contains == UINT64_MAX) break;
    struct schema_path step = {path, STR_NONE, i, false};
    code = schema_run_node(run, rules->contains, value, &step, NULL);
    if (code != ERR_NONE && code != ERR_INVALID) break;
    if (code == ERR_INVALID) continue;
    n++;
    if (seen) schema_seen_mark(seen, i);
  }
  run->err = err;
  if (code != ERR_NONE && code != ERR_INVALID) return code;
  if (n < rules->min_contains)
    return schema_fail(run, path, "must have at least %llu items of the kind that it must contain, and has %llu",
                       (unsigned long long)rules->min_contains, (unsigned long long)n);
  if (n > rules->max_contains)
    return schema_fail(run, path, "must have at most %llu items of the kind that it must contain, and has %llu",
                       (unsigned long long)rules->max_contains, (unsigned long long)n);
  return ERR_NONE;
}

static enum err_code check_unique(struct schema_run *run, yyjson_val *array, const struct schema_path *path) {
  bool is_found = false;
  size_t first = 0, second = 0;
  enum err_code code = schema_find_twins(array, &run->work, &is_found, &first, &second);
  if (code != ERR_NONE) return code;
  if (schema_is_spent(&run->work)) return ERR_TOO_LARGE;
  return is_found ? schema_fail(run, path, "must have no item twice: [%zu] and [%zu] are equal", first, second)
                  : ERR_NONE;
}

enum err_code schema_run_array(struct schema_run *run, const struct schema_arrays *rules, yyjson_val *array,
                               const struct schema_path *path, struct schema_seen *seen) {
  enum err_code code = check_count(run, rules, yyjson_arr_size(array), path);
  if (code == ERR_NONE && (rules->rest || rules->first.n > 0)) {
    code = check_items(run, rules, array, path);
    if (seen) schema_seen_mark_first(seen, rules->rest ? seen->n : rules->first.n);
  }
  if (code == ERR_NONE && rules->is_unique) code = check_unique(run, array, path);
  if (code == ERR_NONE && rules->contains) code = check_contains(run, rules, array, path, seen);
  return code;
}
