/* Runs a compiled schema over a value. Recursion follows schema and value, and is bounded, as all its work is: whatever
 * the two are, it ends. Must not know what the value is for. */
#include "codec/schema_equal.h"
#include "codec/schema_run.h"
#include "codec/utf8.h"

enum { BYTES_A_STEP = 64, CHOICES_A_STEP = 8 };

static unsigned types_of(yyjson_val *value) {
  switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_NULL:
      return SCHEMA_NULL;
    case YYJSON_TYPE_BOOL:
      return SCHEMA_BOOLEAN;
    case YYJSON_TYPE_STR:
      return SCHEMA_STRING;
    case YYJSON_TYPE_ARR:
      return SCHEMA_ARRAY;
    case YYJSON_TYPE_OBJ:
      return SCHEMA_OBJECT;
    case YYJSON_TYPE_NUM:
    case YYJSON_TYPE_RAW:
      return schema_number_is_integer(value) ? SCHEMA_INTEGER | SCHEMA_NUMBER : SCHEMA_NUMBER;
    default:
      return 0;
  }
}

static enum err_code check_choices(struct schema_run *run, yyjson_val *choices, yyjson_val *value,
                                   const struct schema_path *path) {
  size_t i, count;
  yyjson_val *choice;
  yyjson_arr_foreach(choices, i, count, choice) {
    if (schema_equal(choice, value, &run->work)) return ERR_NONE;
  }
  if (schema_is_spent(&run->work)) return ERR_TOO_LARGE;
  schema_fail_values(run, path, "must be one of", choices, true);
  run->is_fail_choice = true;
  return ERR_INVALID;
}

static enum err_code check_constant(struct schema_run *run, yyjson_val *constant, yyjson_val *value,
                                    const struct schema_path *path) {
  if (schema_equal(constant, value, &run->work)) return ERR_NONE;
  if (schema_is_spent(&run->work)) return ERR_TOO_LARGE;
  schema_fail_values(run, path, "must be", constant, false);
  run->is_fail_choice = true;
  return ERR_INVALID;
}

static enum err_code check_number(struct schema_run *run, const struct schema_numbers *rules, yyjson_val *value,
                                  const struct schema_path *path) {
  if (rules->minimum && schema_number_cmp(value, rules->minimum) < 0)
    return schema_fail_values(run, path, "must be at least", rules->minimum, false);
  if (rules->maximum && schema_number_cmp(value, rules->maximum) > 0)
    return schema_fail_values(run, path, "must be at most", rules->maximum, false);
  if (rules->above && schema_number_cmp(value, rules->above) <= 0)
    return schema_fail_values(run, path, "must be more than", rules->above, false);
  if (rules->below && schema_number_cmp(value, rules->below) >= 0)
    return schema_fail_values(run, path, "must be less than", rules->below, false);
  if (rules->multiple_of && !schema_number_is_multiple(value, &rules->divisor))
    return schema_fail_values(run, path, "must be a multiple of", rules->multiple_of, false);
  return ERR_NONE;
}

static enum err_code check_length(struct schema_run *run, const struct schema_strings *rules, struct str text,
                                  const struct schema_path *path) {
  /* A character has one to four bytes: mostly that settles it. */
  if (text.n / 4 >= rules->min_length && text.n <= rules->max_length) return ERR_NONE;
  if (!schema_spend(&run->work, text.n / BYTES_A_STEP)) return ERR_TOO_LARGE;
  uint64_t n = 0;
  for (size_t i = 0; i < text.n; i++)
    n += ((unsigned char)text.p[i] & 0xC0) != 0x80;
  if (n < rules->min_length)
    return schema_fail(run, path, "must have at least %llu characters", (unsigned long long)rules->min_length);
  if (n > rules->max_length)
    return schema_fail(run, path, "must have at most %llu characters", (unsigned long long)rules->max_length);
  return ERR_NONE;
}

static enum err_code check_string(struct schema_run *run, const struct schema_strings *rules, struct str text,
                                  const struct schema_path *path) {
  enum err_code code = check_length(run, rules, text, path);
  if (code != ERR_NONE) return code;
  if (rules->pattern) {
    bool is_match = false;
    code = schema_pattern_match(rules->pattern, text, &run->matcher, &run->work, &is_match);
    if (code != ERR_NONE) return code;
    if (!is_match) {
      struct str shown = utf8_cut(rules->pattern_text, SCHEMA_SHOWN_PATTERN);
      return schema_fail(run, path, "must match the pattern %.*s%s", STR_ARG(shown),
                         shown.n < rules->pattern_text.n ? "…" : "");
    }
  }
  if (rules->format) {
    if (!schema_spend(&run->work, rules->format->cost + text.n / BYTES_A_STEP)) return ERR_TOO_LARGE;
    if (!rules->format->fits(text)) return schema_fail(run, path, "%s", rules->format->rule);
  }
  return ERR_NONE;
}

/* What the node asks of a value of this type, and of it beside others. */
static enum err_code check_parts(struct schema_run *run, const struct schema_node *node, yyjson_val *value,
                                 const struct schema_path *path, struct schema_seen *seen) {
  enum err_code code = ERR_NONE;
  if (node->choices) code = check_choices(run, node->choices, value, path);
  if (node->constant && code == ERR_NONE) code = check_constant(run, node->constant, value, path);
  if (code != ERR_NONE) return code;
  if (node->strings && yyjson_is_str(value)) code = check_string(run, node->strings, json_str(value), path);
  if (node->numbers && schema_is_number(value)) code = check_number(run, node->numbers, value, path);
  if (node->arrays && yyjson_is_arr(value)) code = schema_run_array(run, node->arrays, value, path, seen);
  if (node->objects && yyjson_is_obj(value)) code = schema_run_object(run, node->objects, value, path, seen);
  if (code != ERR_NONE || !node->logic) return code;
  return schema_run_logic(run, node, value, path, seen);
}

/* unevaluatedItems and unevaluatedProperties see what this node and all below it have evaluated, nothing beside it. */
static enum err_code check_unevaluated(struct schema_run *run, const struct schema_node *node, yyjson_val *value,
                                       const struct schema_path *path, struct schema_seen *outer) {
  struct schema_seen seen;
  size_t i, count;
  yyjson_val *key, *child;
  schema_seen_init(&seen, yyjson_get_len(value));
  enum err_code code = check_parts(run, node, value, path, &seen);
  if (code == ERR_NONE && !schema_spend(&run->work, seen.n / 8)) code = ERR_TOO_LARGE;
  if (code == ERR_NONE && node->logic->unevaluated_items) {
    yyjson_arr_foreach(value, i, count, child) {
      if (code != ERR_NONE || schema_seen_has(&seen, i)) continue;
      struct schema_path step = {path, STR_NONE, i, false};
      code = schema_run_node(run, node->logic->unevaluated_items, child, &step, NULL);
    }
    if (yyjson_is_arr(value)) schema_seen_mark_first(&seen, seen.n);
  }
  if (code == ERR_NONE && node->logic->unevaluated_properties) {
    yyjson_obj_foreach(value, i, count, key, child) {
      if (code != ERR_NONE || schema_seen_has(&seen, i)) continue;
      struct schema_path step = {path, json_str(key), 0, false};
      code = node->logic->unevaluated_properties->types == 0
                 ? schema_fail(run, &step, "is not known")
                 : schema_run_node(run, node->logic->unevaluated_properties, child, &step, NULL);
    }
    if (yyjson_is_obj(value)) schema_seen_mark_first(&seen, seen.n);
  }
  if (outer) schema_seen_merge(outer, &seen);
  if (seen.has_failed) code = ERR_NO_MEMORY;
  schema_seen_release(&seen);
  return code;
}

static bool asks_unevaluated(const struct schema_node *node, yyjson_val *value) {
  return node->logic && ((node->logic->unevaluated_items && yyjson_is_arr(value)) ||
                         (node->logic->unevaluated_properties && yyjson_is_obj(value)));
}

enum err_code schema_run_node(struct schema_run *run, const struct schema_node *node, yyjson_val *value,
                              const struct schema_path *path, struct schema_seen *seen) {
  if (node->is_open) return ERR_NONE;
  if (run->nesting == SCHEMA_MAX_NESTING || !schema_spend(&run->work, 1)) return ERR_TOO_LARGE;
  if (node->types != SCHEMA_ANY && !(node->types & types_of(value))) return schema_fail_type(run, path, node->types);
  struct schema_scope scope = {run->scope, node->resource};
  bool is_new_scope = run->has_dynamic && (!scope.outer || scope.outer->resource != node->resource);
  if (is_new_scope) run->scope = &scope;
  run->nesting++;
  enum err_code code = asks_unevaluated(node, value) ? check_unevaluated(run, node, value, path, seen)
                                                     : check_parts(run, node, value, path, seen);
  run->nesting--;
  if (is_new_scope) run->scope = scope.outer;
  return code;
}

enum err_code schema_check(const struct schema *schema, yyjson_val *value, struct err *err) {
  struct schema_run run = {.err = err, .work = schema->max_work, .has_dynamic = schema->has_dynamic};
  struct schema_path root = {0};
  enum err_code code = schema_run_node(&run, schema->root, value, &root, NULL);
  schema_matcher_free(run.matcher);
  if (code == ERR_TOO_LARGE) return err_set(err, code, "arguments: too much work to check against the tool's schema");
  if (code == ERR_NO_MEMORY) return err_no_memory(err);
  return code;
}
