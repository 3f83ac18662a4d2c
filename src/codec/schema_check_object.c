/* Runs the keywords of objects (2020-12 core, 10.3.2; validation, 6.5): one walk over the members, in which what is
 * required is ticked off. */
#include "codec/schema_run.h"
#include "codec/utf8.h"

enum { MEMBERS_A_STEP = 16, BYTES_A_STEP = 256 };

static const struct schema_property *property_find(const struct schema_objects *rules, struct str name) {
  size_t low = 0, high = rules->n_properties;
  while (low < high) {
    size_t middle = (low + high) / 2;
    int order = schema_name_order(name, rules->properties[middle].name);
    if (order == 0) return &rules->properties[middle];
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return NULL;
}

/* What it may cost to look a name up among the members, or among what is known. */
static size_t price_of(yyjson_val *object, struct str name) {
  size_t n = yyjson_obj_size(object);
  return 1 + n / MEMBERS_A_STEP + (name.n < BYTES_A_STEP ? 0 : n * (name.n / BYTES_A_STEP));
}

static enum err_code fail_required(struct schema_run *run, const struct schema_path *path, struct str name) {
  struct schema_path step = {path, name, 0, false};
  return schema_fail(run, &step, "is required");
}

/* Looks each required name up: only where the walk has not met them all, or could not know. */
static enum err_code check_required(struct schema_run *run, const struct schema_objects *rules, yyjson_val *object,
                                    const struct schema_path *path) {
  for (size_t i = 0; i < rules->n_properties; i++) {
    const struct schema_property *property = &rules->properties[i];
    if (!property->is_required) continue;
    if (!schema_spend(&run->work, price_of(object, property->name))) return ERR_TOO_LARGE;
    if (!yyjson_obj_getn(object, property->name.p, property->name.n)) return fail_required(run, path, property->name);
  }
  return ERR_NONE;
}

static enum err_code check_patterns(struct schema_run *run, const struct schema_objects *rules, yyjson_val *value,
                                    const struct schema_path *step, bool *is_evaluated) {
  for (size_t i = 0; i < rules->n_patterns; i++) {
    bool is_match = false;
    enum err_code code =
        schema_pattern_match(rules->patterns[i].pattern, step->name, &run->matcher, &run->work, &is_match);
    if (code != ERR_NONE) return code;
    if (!is_match) continue;
    *is_evaluated = true;
    code = schema_run_node(run, rules->patterns[i].node, value, step, NULL);
    if (code != ERR_NONE) return code;
  }
  return ERR_NONE;
}

static enum err_code check_member(struct schema_run *run, const struct schema_objects *rules,
                                  const struct schema_property *property, yyjson_val *value,
                                  const struct schema_path *step, bool *ret_is_evaluated) {
  bool is_evaluated = property && property->node;
  enum err_code code = is_evaluated ? schema_run_node(run, property->node, value, step, NULL) : ERR_NONE;
  if (code == ERR_NONE && rules->n_patterns > 0) code = check_patterns(run, rules, value, step, &is_evaluated);
  if (code == ERR_NONE && !is_evaluated && rules->rest) {
    is_evaluated = true;
    code = rules->rest->types == 0 ? schema_fail(run, step, "is not known")
                                   : schema_run_node(run, rules->rest, value, step, NULL);
  }
  *ret_is_evaluated = is_evaluated;
  return code;
}

static enum err_code check_name(struct schema_run *run, const struct schema_objects *rules, yyjson_val *key,
                                const struct schema_path *path) {
  struct schema_path step = {path, json_str(key), 0, true};
  return schema_run_node(run, rules->names, key, &step, NULL);
}

static enum err_code check_members(struct schema_run *run, const struct schema_objects *rules, yyjson_val *object,
                                   const struct schema_path *path, struct schema_seen *seen) {
  uint64_t missing = rules->required;
  enum err_code code = ERR_NONE;
  size_t i, count;
  yyjson_val *key, *value;
  yyjson_obj_foreach(object, i, count, key, value) {
    struct schema_path step = {path, json_str(key), 0, false};
    if (step.name.n >= BYTES_A_STEP && !schema_spend(&run->work, step.name.n / BYTES_A_STEP * 8)) return ERR_TOO_LARGE;
    const struct schema_property *property = property_find(rules, step.name);
    bool is_evaluated = false;
    if (property && property->is_required && property->bit < SCHEMA_REQUIRED_MASKED)
      missing &= ~(1ULL << property->bit);
    code = check_member(run, rules, property, value, &step, &is_evaluated);
    if (code == ERR_NONE && rules->names) code = check_name(run, rules, key, path);
    if (code != ERR_NONE) break;
    if (seen && is_evaluated) schema_seen_mark(seen, i);
  }
  /* What is missing is said first, unless a const or an enum has said no, which may tell a union what was meant. */
  bool may_miss = code == ERR_NONE ? missing || rules->has_more_required
                                   : code == ERR_INVALID && run->err && rules->required && !run->is_fail_choice;
  if (may_miss) {
    enum err_code required = check_required(run, rules, object, path);
    if (required == ERR_INVALID || code == ERR_NONE) code = required;
  }
  return code;
}

static enum err_code check_dependents(struct schema_run *run, const struct schema_objects *rules, yyjson_val *object,
                                      const struct schema_path *path, struct schema_seen *seen) {
  for (size_t i = 0; i < rules->n_dependents; i++) {
    const struct schema_dependent *dependent = &rules->dependents[i];
    if (!schema_spend(&run->work, price_of(object, dependent->name))) return ERR_TOO_LARGE;
    if (!yyjson_obj_getn(object, dependent->name.p, dependent->name.n)) continue;
    for (size_t k = 0; k < dependent->n_required; k++) {
      struct str name = dependent->required[k];
      if (!schema_spend(&run->work, price_of(object, name))) return ERR_TOO_LARGE;
      if (yyjson_obj_getn(object, name.p, name.n)) continue;
      struct schema_path step = {path, name, 0, false};
      return schema_fail(run, &step, "is required where there is %.*s", (int)utf8_cut(dependent->name, 100).n,
                         dependent->name.p);
    }
    enum err_code code = dependent->node ? schema_run_node(run, dependent->node, object, path, seen) : ERR_NONE;
    if (code != ERR_NONE) return code;
  }
  return ERR_NONE;
}

enum err_code schema_run_object(struct schema_run *run, const struct schema_objects *rules, yyjson_val *object,
                                const struct schema_path *path, struct schema_seen *seen) {
  size_t n = yyjson_obj_size(object);
  if (n < rules->min_members)
    return schema_fail(run, path, "must have at least %llu members", (unsigned long long)rules->min_members);
  if (n > rules->max_members)
    return schema_fail(run, path, "must have at most %llu members", (unsigned long long)rules->max_members);
  if (!schema_spend(&run->work, n)) return ERR_TOO_LARGE;
  enum err_code code = ERR_NONE;
  if (rules->n_properties > 0 || rules->n_patterns > 0 || rules->rest || rules->names)
    code = check_members(run, rules, object, path, seen);
  return code == ERR_NONE && rules->n_dependents > 0 ? check_dependents(run, rules, object, path, seen) : code;
}
