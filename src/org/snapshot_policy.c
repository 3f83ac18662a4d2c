/* Roles, rules and users of a snapshot: what the database says, in the form that policy_decide reads. Whatever cannot
 * be understood is a problem of the whole policy, never a rule less: it might have been a deny. */
#include <stdlib.h>

#include "codec/json.h"
#include "org/snapshot_load.h"

static const struct {
  const char *word;
  enum policy_effect effect;
} effects[] = {{"allow", POLICY_ALLOW}, {"deny", POLICY_DENY}, {"ask", POLICY_ASK}};

static const struct {
  const char *word;
  enum policy_target_kind kind;
} target_kinds[] = {
    {"connection", POLICY_TARGET_CONNECTION}, {"connector", POLICY_TARGET_CONNECTOR}, {"label", POLICY_TARGET_LABEL}};

static bool parse_effect(struct str word, enum policy_effect *ret_effect) {
  for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++) {
    if (!str_eq_c(word, effects[i].word)) continue;
    *ret_effect = effects[i].effect;
    return true;
  }
  return false;
}

static bool parse_target_kind(struct str word, enum policy_target_kind *ret_kind) {
  for (size_t i = 0; i < sizeof(target_kinds) / sizeof(target_kinds[0]); i++) {
    if (!str_eq_c(word, target_kinds[i].word)) continue;
    *ret_kind = target_kinds[i].kind;
    return true;
  }
  return false;
}

/* A non-empty JSON array. An empty one is no rule that anybody meant: of "tools", policy would read it as any tool. */
static enum err_code read_list(struct arena *arena, struct str text, yyjson_val **ret_list, struct err *err) {
  yyjson_doc *doc;
  enum err_code code = json_read(arena, text, &doc, err);
  if (code != ERR_NONE) return code;
  yyjson_val *list = yyjson_doc_get_root(doc);
  if (!yyjson_is_arr(list) || yyjson_arr_size(list) == 0) return err_set(err, ERR_INVALID, "not a list of names");
  *ret_list = list;
  return ERR_NONE;
}

static enum err_code read_does(struct arena *scratch, struct str text, unsigned *ret_does, struct err *err) {
  if (!text.p) {
    *ret_does = DOES_ANY;
    return ERR_NONE;
  }
  yyjson_val *list;
  enum err_code code = read_list(scratch, text, &list, err);
  if (code != ERR_NONE) return code;
  unsigned mask = 0;
  size_t i, n;
  yyjson_val *item;
  yyjson_arr_foreach(list, i, n, item) {
    enum policy_does does;
    if (!policy_does_parse(json_str(item), &does)) return err_set(err, ERR_INVALID, "\"does\" has an unknown word");
    mask |= (unsigned)does;
  }
  *ret_does = mask;
  return ERR_NONE;
}

static enum err_code read_names(struct arena *arena, struct str text, const char *member, const struct str **ret_names,
                                size_t *ret_n, struct err *err) {
  if (!text.p) return ERR_NONE;
  yyjson_val *list;
  enum err_code code = read_list(arena, text, &list, err);
  if (code != ERR_NONE) return code;
  struct str *names = arena_new_n(arena, struct str, yyjson_arr_size(list));
  if (!names) return err_no_memory(err);
  size_t i, n;
  yyjson_val *item;
  yyjson_arr_foreach(list, i, n, item) {
    names[i] = json_str(item);
    if (names[i].n == 0) return err_set(err, ERR_INVALID, "\"%s\" holds what is no name", member);
  }
  *ret_names = names;
  *ret_n = yyjson_arr_size(list);
  return ERR_NONE;
}

/* ERR_INVALID: the rule cannot be understood. */
static enum err_code read_rule(struct arena *arena, struct arena *scratch, const struct access_rule_record *record,
                               struct policy_rule *ret_rule, struct err *err) {
  struct policy_rule rule = {.id = record->id, .target = record->target};
  if (!parse_effect(record->effect, &rule.effect)) return err_set(err, ERR_INVALID, "unknown effect");
  if (!parse_target_kind(record->target_kind, &rule.target_kind)) return err_set(err, ERR_INVALID, "unknown target");
  if (rule.target.n == 0) return err_set(err, ERR_INVALID, "empty target");
  if (rule.target_kind == POLICY_TARGET_LABEL && !memchr(rule.target.p, '=', rule.target.n)) {
    return err_set(err, ERR_INVALID, "a label without a value");
  }
  enum err_code code = read_does(scratch, record->does, &rule.does, err);
  if (code == ERR_NONE) code = read_names(arena, record->tools, "tools", &rule.tools, &rule.n_tools, err);
  if (code == ERR_NONE)
    code = read_names(arena, record->resources, "resources", &rule.resources, &rule.n_resources, err);
  if (code == ERR_NONE) code = read_names(arena, record->prompts, "prompts", &rule.prompts, &rule.n_prompts, err);
  if (code == ERR_NONE) *ret_rule = rule;
  return code;
}

static int role_order(const void *a, const void *b) {
  return str_cmp(((const struct policy_role *)a)->name, ((const struct policy_role *)b)->name);
}

static struct policy_role *role_find(const struct org_snapshot *snapshot, struct uuid id) {
  for (size_t i = 0; i < snapshot->n_roles; i++) {
    if (uuid_eq(snapshot->roles[i].id, id)) return &snapshot->roles[i];
  }
  return NULL;
}

/* The rules of one role: `list` holds nothing else. */
static enum err_code load_role_rules(struct snapshot_load *load, struct policy_role *role,
                                     const struct access_rule_record *list, size_t n, struct err *err) {
  struct policy_rule *rules = arena_new_n(&load->snapshot->arena, struct policy_rule, n);
  if (!rules) return err_no_memory(err);
  for (size_t i = 0; i < n; i++) {
    struct err why = {0};
    enum err_code code = read_rule(&load->snapshot->arena, &load->scratch, &list[i], &rules[i], &why);
    if (code == ERR_NO_MEMORY) return err_no_memory(err);
    if (code != ERR_NONE) {
      snapshot_load_problem(load, "rule %zu of role %.*s: %s", i + 1, STR_ARG(role->name), why.text);
      return ERR_NONE;
    }
  }
  role->rules = rules;
  role->n_rules = n;
  return ERR_NONE;
}

enum err_code org_role_compile(struct arena *arena, const struct role_record *role,
                               const struct access_rule_record *rules, size_t n_rules, struct policy_role *ret_role,
                               struct err *err) {
  struct policy_rule *compiled = arena_new_n(arena, struct policy_rule, n_rules + 1);
  if (!compiled) return err_no_memory(err);
  for (size_t i = 0; i < n_rules; i++) {
    enum err_code code = read_rule(arena, arena, &rules[i], &compiled[i], err);
    if (code != ERR_NONE) return code;
  }
  *ret_role = (struct policy_role){.id = role->id,
                                   .name = role->name,
                                   .rules = compiled,
                                   .n_rules = n_rules,
                                   .max_result = role->max_result > 0 ? (size_t)role->max_result : 0};
  return ERR_NONE;
}

static enum err_code load_rules(struct snapshot_load *load, struct err *err) {
  const struct access_rule_record *list;
  size_t n;
  enum err_code code = store_access_rule_list(load->tx, &load->snapshot->arena, load->snapshot->id, &list, &n, err);
  for (size_t first = 0, end; code == ERR_NONE && first < n; first = end) {
    for (end = first + 1; end < n && uuid_eq(list[end].role_id, list[first].role_id); end++) {
    }
    struct policy_role *role = role_find(load->snapshot, list[first].role_id);
    if (!role || role->n_rules > 0) {
      snapshot_load_problem(load, "a rule of a role that the organisation has not");
      continue;
    }
    code = load_role_rules(load, role, list + first, end - first, err);
  }
  return code;
}

enum err_code snapshot_load_roles(struct snapshot_load *load, struct err *err) {
  struct org_snapshot *snapshot = load->snapshot;
  const struct role_record *list;
  size_t n;
  enum err_code code = store_role_list(load->tx, &snapshot->arena, snapshot->id, &list, &n, err);
  if (code != ERR_NONE) return code;
  if (n == 0) return load_rules(load, err);
  snapshot->roles = arena_new_n(&snapshot->arena, struct policy_role, n);
  if (!snapshot->roles) return err_no_memory(err);
  for (size_t i = 0; i < n; i++)
    snapshot->roles[i] = (struct policy_role){
        .id = list[i].id, .name = list[i].name, .max_result = list[i].max_result > 0 ? (size_t)list[i].max_result : 0};
  snapshot->n_roles = n;
  qsort(snapshot->roles, n, sizeof(snapshot->roles[0]), role_order);
  return load_rules(load, err);
}

/* Roles lie in order of name, so their addresses do. */
static int role_pointer_order(const void *a, const void *b) {
  const struct policy_role *left = *(const struct policy_role *const *)a;
  const struct policy_role *right = *(const struct policy_role *const *)b;
  return left < right ? -1 : left > right;
}

static enum err_code write_roles_json(struct org_snapshot *snapshot, struct org_user *user, struct err *err) {
  struct buf out;
  buf_init(&out, &snapshot->arena, LIMIT_JSON_FILE);
  buf_append_byte(&out, '[');
  for (size_t i = 0; i < user->principal.n_roles; i++) {
    if (i > 0) buf_append_byte(&out, ',');
    json_write_str(&out, user->principal.roles[i]->name);
  }
  buf_append_byte(&out, ']');
  if (buf_failed(&out)) return err_no_memory(err);
  user->roles_json = buf_str(&out);
  return ERR_NONE;
}

struct user_roles {
  const struct policy_role **roles;
  size_t n, room;
};

/* Gives each user room for as many roles as there are rows that name them, then fills it. */
static enum err_code load_user_roles(struct snapshot_load *load, struct user_roles *held, struct err *err) {
  struct org_snapshot *snapshot = load->snapshot;
  const struct user_role_record *list;
  size_t n;
  enum err_code code = store_user_role_list(load->tx, &load->scratch, snapshot->id, &list, &n, err);
  if (code != ERR_NONE) return code;
  for (size_t i = 0; i < n; i++) {
    struct org_user *user = org_snapshot_user(snapshot, list[i].user_id);
    if (user) held[user - snapshot->users].room++;
  }
  for (size_t i = 0; i < n; i++) {
    struct org_user *user = org_snapshot_user(snapshot, list[i].user_id);
    const struct policy_role *role = role_find(snapshot, list[i].role_id);
    if (!user) continue;
    if (!role) {
      snapshot_load_problem(load, "a user has a role that the organisation has not");
      continue;
    }
    struct user_roles *of = &held[user - snapshot->users];
    if (!of->roles) of->roles = arena_new_n(&snapshot->arena, const struct policy_role *, of->room);
    if (!of->roles) return err_no_memory(err);
    of->roles[of->n++] = role;
  }
  return ERR_NONE;
}

/* By user: each has its part of one array. */
static enum err_code load_switches(struct snapshot_load *load, struct err *err) {
  struct org_snapshot *snapshot = load->snapshot;
  const struct connector_switch_record *list;
  size_t n;
  enum err_code code = store_connector_switch_list(load->tx, &snapshot->arena, snapshot->id, &list, &n, err);
  if (code != ERR_NONE || n == 0) return code;
  struct str *ids = arena_new_n(&snapshot->arena, struct str, n);
  if (!ids) return err_no_memory(err);
  for (size_t i = 0; i < n; i++) {
    struct org_user *user = org_snapshot_user(snapshot, list[i].user_id);
    ids[i] = list[i].connector_id;
    if (!user) continue;
    if (user->principal.n_switched_off++ == 0) user->principal.switched_off = &ids[i];
  }
  return ERR_NONE;
}

static enum err_code load_user(struct org_snapshot *snapshot, struct org_user *user, const struct user_record *record,
                               struct err *err) {
  user->id = record->id;
  user->email = record->email;
  user->kind = record->kind;
  user->is_disabled = record->disabled_at != 0;
  user->principal.user_id = record->id;
  return map_put(&snapshot->users_by_id, uuid_bytes(&user->id), user) == ERR_NONE ? ERR_NONE : err_no_memory(err);
}

enum err_code snapshot_load_users(struct snapshot_load *load, struct err *err) {
  struct org_snapshot *snapshot = load->snapshot;
  const struct user_record *list;
  size_t n;
  enum err_code code = store_user_list(load->tx, &snapshot->arena, snapshot->id, &list, &n, err);
  if (code != ERR_NONE || n == 0) return code;
  struct user_roles *held = arena_new_n(&load->scratch, struct user_roles, n);
  snapshot->users = arena_new_n(&snapshot->arena, struct org_user, n);
  if (!held || !snapshot->users) return err_no_memory(err);
  snapshot->n_users = n;
  for (size_t i = 0; i < n && code == ERR_NONE; i++)
    code = load_user(snapshot, &snapshot->users[i], &list[i], err);
  if (code == ERR_NONE) code = load_user_roles(load, held, err);
  if (code == ERR_NONE) code = load_switches(load, err);
  for (size_t i = 0; i < n && code == ERR_NONE; i++) {
    struct org_user *user = &snapshot->users[i];
    if (held[i].n > 0) qsort(held[i].roles, held[i].n, sizeof(held[i].roles[0]), role_pointer_order);
    user->principal.roles = held[i].roles;
    user->principal.n_roles = held[i].n;
    code = write_roles_json(snapshot, user, err);
  }
  return code;
}
