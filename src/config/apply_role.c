/* Roles and their rules. A role's rules are replaced as one list; a rule that stays as it was keeps its id, which
 * audit records name. */
#include "base/limits.h"
#include "codec/json.h"
#include "config/apply.h"

struct rule_slice {
  const struct access_rule_record *first;
  size_t n;
};

static bool is_same_rule(const struct access_rule_record *old, const struct config_rule *rule) {
  return str_eq(old->effect, rule->effect) && str_eq(old->target_kind, rule->target_kind) &&
         str_eq(old->target, rule->target) && str_eq(old->does, rule->does) && str_eq(old->tools, rule->tools) &&
         str_eq(old->resources, rule->resources) && str_eq(old->prompts, rule->prompts);
}

static bool are_same_rules(struct rule_slice old, const struct config_role *role) {
  if (old.n != role->n_rules) return false;
  for (size_t i = 0; i < old.n; i++) {
    if (!is_same_rule(&old.first[i], &role->rules[i])) return false;
  }
  return true;
}

/* The id of an old rule with the same content; each is taken once. */
static struct uuid take_id(struct rule_slice old, bool *is_taken, const struct config_rule *rule) {
  for (size_t i = 0; i < old.n; i++) {
    if (is_taken[i] || !is_same_rule(&old.first[i], rule)) continue;
    is_taken[i] = true;
    return old.first[i].id;
  }
  return uuid_new();
}

static enum err_code write_rules(struct apply *apply, const struct config_role *role, struct uuid role_id,
                                 struct rule_slice old) {
  bool *is_taken = arena_new_n(apply->arena, bool, old.n + 1);
  if (!is_taken) return err_no_memory(apply->err);
  enum err_code code = ERR_NONE;
  if (old.n) code = store_access_rule_delete_all(apply->tx, apply->organisation.id, role_id, apply->err);
  for (size_t i = 0; i < role->n_rules && !code; i++) {
    const struct config_rule *rule = &role->rules[i];
    struct access_rule_record record = {.id = take_id(old, is_taken, rule),
                                        .organisation_id = apply->organisation.id,
                                        .role_id = role_id,
                                        .position = (int64_t)i,
                                        .effect = rule->effect,
                                        .target_kind = rule->target_kind,
                                        .target = rule->target,
                                        .does = rule->does,
                                        .tools = rule->tools,
                                        .resources = rule->resources,
                                        .prompts = rule->prompts};
    code = store_access_rule_insert(apply->tx, &record, apply->err);
  }
  return code;
}

static enum err_code describe(struct apply *apply, const struct config_role *role, struct str *ret_arguments) {
  struct buf text;
  buf_init(&text, apply->arena, LIMIT_JSON_FILE);
  buf_append_c(&text, "{\"role\":");
  json_write_str(&text, role->name);
  if (role->max_result) buf_printf(&text, ",\"max_result\":%lld", (long long)role->max_result);
  buf_append_c(&text, ",\"rules\":[");
  for (size_t i = 0; i < role->n_rules; i++) {
    const struct config_rule *rule = &role->rules[i];
    buf_append_c(&text, i ? ",{" : "{");
    json_write_str(&text, rule->target_kind);
    buf_append_byte(&text, ':');
    json_write_str(&text, rule->target);
    if (rule->does.p) buf_printf(&text, ",\"does\":%.*s", STR_ARG(rule->does));
    if (rule->tools.p) buf_printf(&text, ",\"tools\":%.*s", STR_ARG(rule->tools));
    if (rule->resources.p) buf_printf(&text, ",\"resources\":%.*s", STR_ARG(rule->resources));
    if (rule->prompts.p) buf_printf(&text, ",\"prompts\":%.*s", STR_ARG(rule->prompts));
    buf_printf(&text, ",\"effect\":\"%.*s\"}", STR_ARG(rule->effect));
  }
  buf_append_c(&text, "]}");
  if (buf_failed(&text)) return err_no_memory(apply->err);
  *ret_arguments = buf_str(&text);
  return ERR_NONE;
}

static enum err_code role_new(struct apply *apply, const struct config_role *role,
                              const struct role_record **ret_record) {
  struct role_record *record = arena_new(apply->arena, struct role_record);
  if (!record) return err_no_memory(apply->err);
  *record = (struct role_record){
      .id = uuid_new(), .organisation_id = apply->organisation.id, .name = role->name, .max_result = role->max_result};
  enum err_code code = store_role_insert(apply->tx, record, apply->err);
  if (!code) code = apply_put(apply, &apply->roles.stored, record->name, record);
  if (!code) *ret_record = record;
  return code;
}

/* "max_result" alone, or beside its rules. */
static enum err_code limit_result(struct apply *apply, const struct config_role *role, const struct role_record *old) {
  struct role_record record = *old;
  record.max_result = role->max_result;
  return store_role_limit_result(apply->tx, &record, apply->err);
}

static enum err_code apply_role(struct apply *apply, const struct config_role *role, struct rule_slice all) {
  const struct role_record *record = map_get(&apply->roles.stored, role->name);
  bool is_new = !record, has_same_rules = false, has_same_size = false;
  struct rule_slice old = {NULL, 0};
  if (record) {
    for (size_t i = 0; i < all.n; i++) { /* the list is by role, then position */
      if (!uuid_eq(all.first[i].role_id, record->id)) continue;
      if (!old.n) old.first = &all.first[i];
      old.n++;
    }
    has_same_rules = are_same_rules(old, role);
    has_same_size = record->max_result == role->max_result;
    if (has_same_rules && has_same_size) return ERR_NONE;
  }
  enum err_code code = is_new ? role_new(apply, role, &record) : ERR_NONE;
  if (!code && !is_new && !has_same_size) code = limit_result(apply, role, record);
  if (!code && !has_same_rules) code = write_rules(apply, role, record->id, old);
  struct apply_change change = {.sign = is_new ? '+' : '~',
                                .what = "role",
                                .name = role->name,
                                .detail = is_new           ? STR_NONE
                                          : has_same_rules ? STR("max_result")
                                                           : STR("rules"),
                                .word = is_new ? "role.create" : "rule.update"};
  if (!code) code = describe(apply, role, &change.arguments);
  return code ? code : apply_change(apply, &change);
}

enum err_code apply_roles(struct apply *apply) {
  struct rule_slice all = {NULL, 0};
  enum err_code code =
      store_access_rule_list(apply->tx, apply->arena, apply->organisation.id, &all.first, &all.n, apply->err);
  for (size_t i = 0; i < apply->config->n_roles && !code; i++) {
    code = apply_role(apply, &apply->config->roles[i], all);
  }
  return code;
}

enum err_code remove_role(struct apply *apply, const struct role_record *old) {
  enum err_code code = store_role_delete(apply->tx, apply->organisation.id, old->id, apply->err);
  return code ? code
              : apply_change(apply, &(struct apply_change){
                                        .sign = '-', .what = "role", .name = old->name, .word = "role.delete"});
}

enum err_code prune_roles(struct apply *apply) {
  for (size_t i = 0; i < apply->n_old_roles; i++) {
    const struct role_record *old = &apply->old_roles[i];
    if (map_get(&apply->roles.file, old->name)) continue;
    if (!apply->may_prune) {
      apply_kept(apply, "role", old->name);
      continue;
    }
    enum err_code code = remove_role(apply, old);
    if (code) return code;
  }
  return ERR_NONE;
}
