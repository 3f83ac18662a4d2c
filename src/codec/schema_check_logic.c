/* Runs the keywords that apply subschemas to the same value (2020-12 core, 8.2.3 and 10.2). Of a union that does not
 * fit it reports the branch that was meant: the one that got furthest into the value. */
#include <stdio.h>

#include "codec/schema_run.h"

enum { TARGETS_A_STEP = 16, MARKS_A_STEP = 256, UNIONS_REPORTED = 8 };

/* Runs a branch whose failure is no failure yet, and merges what it has seen where it fits. */
static enum err_code try_branch(struct schema_run *run, const struct schema_node *node, yyjson_val *value,
                                const struct schema_path *path, struct schema_seen *seen) {
  struct err *err = run->err;
  struct schema_seen branch;
  if (seen && !schema_spend(&run->work, seen->n / MARKS_A_STEP)) return ERR_TOO_LARGE;
  run->err = NULL;
  if (seen) schema_seen_init(&branch, seen->n);
  enum err_code code = schema_run_node(run, node, value, path, seen ? &branch : NULL);
  run->err = err;
  if (!seen) return code;
  if (code == ERR_NONE) schema_seen_merge(seen, &branch);
  schema_seen_release(&branch);
  return code;
}

/* Adds the rule of a branch, unless an earlier one said the same. */
static void rule_add(struct schema_run *run, const struct err *branch, char *rules, size_t size) {
  const char *rule = branch->text + run->rule_at;
  size_t n = strlen(rules);
  if (strstr(rules, rule)) return;
  snprintf(rules + n, size - n, "%s%s", n > 0 ? ", or " : "", rule);
}

/* No branch fits. Each is run again for what it has to say: the one that failed deepest was meant, and among those
 * one that no const or enum ruled out. Where they all failed at this very value, all their rules are told. */
static enum err_code fail_union(struct schema_run *run, const struct schema_list *list, yyjson_val *value,
                                const struct schema_path *path) {
  struct err *err = run->err, best = {0}, branch;
  if (!err) return ERR_INVALID;
  if (run->n_unions == UNIONS_REPORTED) return schema_fail(run, path, "fits none of the forms it may have");
  char rules[ERR_TEXT_SIZE] = "";
  unsigned own = schema_path_depth(path), best_rank = 0;
  struct schema_run best_run = *run;
  run->err = &branch;
  run->n_unions++;
  enum err_code code = ERR_INVALID;
  for (size_t i = 0; i < list->n && code == ERR_INVALID; i++) {
    code = schema_run_node(run, list->p[i], value, path, NULL);
    if (code != ERR_INVALID) break;
    unsigned rank = 1 + 2 * run->fail_depth + !run->is_fail_choice;
    if (run->fail_depth == own) rule_add(run, &branch, rules, sizeof(rules));
    if (rank <= best_rank) continue;
    best_rank = rank;
    best = branch;
    best_run = *run;
  }
  run->n_unions--;
  run->err = err;
  /* The budget has run out over the texts: that the value does not fit is known. */
  if (code != ERR_INVALID) return schema_fail(run, path, "fits none of the forms it may have");
  if (best_run.fail_depth == own) return schema_fail(run, path, "%s", rules);
  *err = best;
  run->rule_at = best_run.rule_at;
  run->fail_depth = best_run.fail_depth;
  run->is_fail_choice = best_run.is_fail_choice;
  return ERR_INVALID;
}

static enum err_code check_any(struct schema_run *run, const struct schema_list *list, yyjson_val *value,
                               const struct schema_path *path, struct schema_seen *seen) {
  bool is_any = false;
  for (size_t i = 0; i < list->n; i++) {
    enum err_code code = try_branch(run, list->p[i], value, path, seen);
    if (code != ERR_NONE && code != ERR_INVALID) return code;
    is_any |= code == ERR_NONE;
    if (is_any && !seen) break; /* who asks what is evaluated wants all that fit */
  }
  return is_any ? ERR_NONE : fail_union(run, list, value, path);
}

static enum err_code check_one(struct schema_run *run, const struct schema_list *list, yyjson_val *value,
                               const struct schema_path *path, struct schema_seen *seen) {
  size_t n = 0;
  for (size_t i = 0; i < list->n && n < 2; i++) {
    enum err_code code = try_branch(run, list->p[i], value, path, seen);
    if (code != ERR_NONE && code != ERR_INVALID) return code;
    n += code == ERR_NONE;
  }
  if (n == 0) return fail_union(run, list, value, path);
  return n == 1 ? ERR_NONE : schema_fail(run, path, "fits more than one of the forms of which it may have only one");
}

static enum err_code check_all(struct schema_run *run, const struct schema_list *list, yyjson_val *value,
                               const struct schema_path *path, struct schema_seen *seen) {
  for (size_t i = 0; i < list->n; i++) {
    enum err_code code = schema_run_node(run, list->p[i], value, path, seen);
    if (code != ERR_NONE) return code;
  }
  return ERR_NONE;
}

static enum err_code check_not(struct schema_run *run, const struct schema_node *node, yyjson_val *value,
                               const struct schema_path *path) {
  enum err_code code = try_branch(run, node, value, path, NULL);
  if (code == ERR_INVALID) return ERR_NONE;
  return code == ERR_NONE ? schema_fail(run, path, "has a form that is ruled out") : code;
}

static enum err_code check_condition(struct schema_run *run, const struct schema_logic *logic, yyjson_val *value,
                                     const struct schema_path *path, struct schema_seen *seen) {
  if (!logic->then && !logic->otherwise && !seen) return ERR_NONE;
  enum err_code code = try_branch(run, logic->condition, value, path, seen);
  if (code != ERR_NONE && code != ERR_INVALID) return code;
  const struct schema_node *node = code == ERR_NONE ? logic->then : logic->otherwise;
  return node ? schema_run_node(run, node, value, path, seen) : ERR_NONE;
}

/* 8.2.3.2: the outermost resource under way that has one of the name. */
static enum err_code check_dynamic(struct schema_run *run, const struct schema_logic *logic, yyjson_val *value,
                                   const struct schema_path *path, struct schema_seen *seen) {
  const struct schema_node *found = logic->initial;
  const struct schema_scope *scope = logic->dynamic && run->has_dynamic ? run->scope : NULL;
  for (; scope; scope = scope->outer) {
    if (!schema_spend(&run->work, 1 + logic->dynamic->n / TARGETS_A_STEP)) return ERR_TOO_LARGE;
    for (size_t i = 0; i < logic->dynamic->n; i++) {
      if (logic->dynamic->targets[i].resource == scope->resource) found = logic->dynamic->targets[i].node;
    }
  }
  return schema_run_node(run, found, value, path, seen);
}

enum err_code schema_run_logic(struct schema_run *run, const struct schema_node *node, yyjson_val *value,
                               const struct schema_path *path, struct schema_seen *seen) {
  const struct schema_logic *logic = node->logic;
  enum err_code code = ERR_NONE;
  if (logic->reference) code = schema_run_node(run, logic->reference, value, path, seen);
  if (code == ERR_NONE && logic->initial) code = check_dynamic(run, logic, value, path, seen);
  if (code == ERR_NONE && logic->all_of.n > 0) code = check_all(run, &logic->all_of, value, path, seen);
  if (code == ERR_NONE && logic->any_of.n > 0) code = check_any(run, &logic->any_of, value, path, seen);
  if (code == ERR_NONE && logic->one_of.n > 0) code = check_one(run, &logic->one_of, value, path, seen);
  if (code == ERR_NONE && logic->negated) code = check_not(run, logic->negated, value, path);
  if (code == ERR_NONE && logic->condition) code = check_condition(run, logic, value, path, seen);
  return code;
}
