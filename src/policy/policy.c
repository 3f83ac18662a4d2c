/* The one place that says yes or no. Pure: it sees what it is given and nothing else; no I/O, no clock, no memory. */
#include "policy/policy.h"

static const struct {
  enum policy_does does;
  const char *name;
} does_names[] = {{DOES_READ, "read"}, {DOES_WRITE, "write"}, {DOES_DESTROY, "destroy"}};

enum { DOES_NAMES = sizeof(does_names) / sizeof(does_names[0]) };

const char *policy_does_name(enum policy_does does) {
  for (size_t i = 0; i < DOES_NAMES; i++) {
    if (does_names[i].does == does) return does_names[i].name;
  }
  return NULL;
}

bool policy_does_parse(struct str word, enum policy_does *ret_does) {
  for (size_t i = 0; i < DOES_NAMES; i++) {
    if (!str_eq_c(word, does_names[i].name)) continue;
    *ret_does = does_names[i].does;
    return true;
  }
  return false;
}

/* A label's name holds no '=', its value may. */
static bool has_label(const struct policy_connection *connection, struct str target) {
  if (target.n == 0 || !memchr(target.p, '=', target.n)) return false;
  struct str value = target;
  struct str name = str_cut(&value, '=');
  for (size_t i = 0; i < connection->n_labels; i++) {
    if (str_eq(connection->labels[i].name, name) && str_eq(connection->labels[i].value, value)) return true;
  }
  return false;
}

static bool targets(const struct policy_rule *rule, const struct policy_connection *connection) {
  switch (rule->target_kind) {
    case POLICY_TARGET_CONNECTION:
      return str_eq(rule->target, connection->name);
    case POLICY_TARGET_CONNECTOR:
      return str_eq(rule->target, connection->connector);
    case POLICY_TARGET_LABEL:
      return has_label(connection, rule->target);
  }
  return false;
}

static bool has_name(const struct str *list, size_t n, struct str name) {
  for (size_t i = 0; i < n; i++) {
    if (str_eq(list[i], name) || str_eq(list[i], STR("*"))) return true;
  }
  return false;
}

/* Every URI of `uri` (a template, or itself), or any where `is_overlap_enough`. */
static bool fits_pattern(struct str pattern, struct str uri, bool is_overlap_enough) {
  bool is_open = str_ends(pattern, STR("*"));
  if (is_open) pattern.n--;
  const char *brace = uri.n > 0 ? memchr(uri.p, '{', uri.n) : NULL;
  if (!brace) return is_open ? str_starts(uri, pattern) : str_eq(uri, pattern);
  struct str prefix = str_make(uri.p, (size_t)(brace - uri.p));
  if (is_open && str_starts(prefix, pattern)) return true;
  return is_overlap_enough && str_starts(pattern, prefix);
}

static bool has_uri(const struct policy_rule *rule, struct str uri) {
  for (size_t i = 0; i < rule->n_resources; i++) {
    if (fits_pattern(rule->resources[i], uri, rule->effect == POLICY_ALLOW)) return true;
  }
  return false;
}

static bool names(const struct policy_rule *rule, const struct policy_action *action) {
  if (rule->n_tools + rule->n_resources + rule->n_prompts == 0) return true;
  switch (action->kind) {
    case POLICY_TOOL:
    case POLICY_TASK:
      return has_name(rule->tools, rule->n_tools, action->name);
    case POLICY_RESOURCE:
      return has_uri(rule, action->name);
    case POLICY_PROMPT:
      return has_name(rule->prompts, rule->n_prompts, action->name);
  }
  return rule->effect != POLICY_ALLOW; /* a kind that is not known: only what forbids speaks of it */
}

static bool matches(const struct policy_rule *rule, const struct policy_action *action) {
  return (rule->does & action->does) != 0 && names(rule, action) && targets(rule, action->connection);
}

/* How much an effect outweighs; one that is not known denies. */
static int weight(enum policy_effect effect) {
  switch (effect) {
    case POLICY_ALLOW:
      return 1;
    case POLICY_ASK:
      return 2;
    case POLICY_DENY:
      return 3;
  }
  return 3;
}

static void deny(struct policy_decision *decision, enum policy_reason reason) {
  *decision = (struct policy_decision){.effect = POLICY_DENY, .reason = reason};
}

/* Each role that allows it gives what it may give: as with rules, one yes is enough. */
static void widen(struct policy_obligations *obligations, const struct policy_role *role) {
  if (role->max_result == 0 || role->max_result > obligations->max_result) obligations->max_result = role->max_result;
}

static bool is_owner(const struct policy_principal *principal, const struct policy_connection *connection) {
  return uuid_is_nil(connection->owner_user_id) || uuid_eq(connection->owner_user_id, principal->user_id);
}

static bool has_switched_off(const struct policy_principal *principal, struct str connector) {
  for (size_t i = 0; i < principal->n_switched_off; i++) {
    if (str_eq(principal->switched_off[i], connector)) return true;
  }
  return false;
}

static void decide_by_rules(const struct policy_principal *principal, const struct policy_action *action,
                            struct policy_decision *ret_decision) {
  deny(ret_decision, POLICY_NO_RULE);
  /* An action does one thing. One that claims none or several is a mistake, and nobody said yes to it. */
  if (!policy_does_name(action->does)) return;
  int heaviest = 0;
  for (size_t r = 0; r < principal->n_roles; r++) {
    const struct policy_role *role = principal->roles[r];
    for (size_t i = 0; i < role->n_rules; i++) {
      const struct policy_rule *rule = &role->rules[i];
      bool may_widen = rule->effect == POLICY_ALLOW && heaviest == 1 && ret_decision->obligations.max_result > 0;
      if ((weight(rule->effect) <= heaviest && !may_widen) || !matches(rule, action)) continue;
      if (may_widen && weight(rule->effect) <= heaviest) {
        widen(&ret_decision->obligations, role);
        continue;
      }
      heaviest = weight(rule->effect);
      *ret_decision = (struct policy_decision){.effect = heaviest == 3 ? POLICY_DENY : rule->effect,
                                               .reason = POLICY_BY_RULE,
                                               .rule = rule,
                                               .role = role,
                                               .obligations = {.max_result = heaviest == 1 ? role->max_result : 0}};
      if (heaviest == 3) return;
    }
  }
}

void policy_decide(const struct policy_principal *principal, const struct policy_action *action,
                   struct policy_decision *ret_decision) {
  if (!principal->is_loaded) {
    deny(ret_decision, POLICY_NOT_LOADED);
    return;
  }
  if (!is_owner(principal, action->connection)) {
    deny(ret_decision, POLICY_NOT_OWNER);
    return;
  }
  decide_by_rules(principal, action, ret_decision);
  if (ret_decision->effect != POLICY_DENY && has_switched_off(principal, action->connection->connector))
    deny(ret_decision, POLICY_SWITCHED_OFF);
}

bool policy_may_have(const struct policy_principal *principal, const struct policy_connection *connection) {
  unsigned given = 0, denied = 0; /* masks of policy_does */
  if (!principal->is_loaded || !is_owner(principal, connection)) return false;
  for (size_t r = 0; r < principal->n_roles; r++) {
    const struct policy_role *role = principal->roles[r];
    for (size_t i = 0; i < role->n_rules; i++) {
      const struct policy_rule *rule = &role->rules[i];
      if (!targets(rule, connection)) continue;
      if (weight(rule->effect) < weight(POLICY_DENY))
        given |= rule->does;
      else if (rule->n_tools + rule->n_resources + rule->n_prompts == 0)
        denied |= rule->does; /* of all that there is */
    }
  }
  return (given & ~denied) != 0;
}

struct str policy_reason_text(struct arena *arena, const struct policy_decision *decision) {
  switch (decision->reason) {
    case POLICY_BY_RULE: {
      char id[UUID_TEXT_SIZE];
      uuid_format(decision->rule->id, id);
      return arena_printf(arena, "rule %s of role %.*s", id, STR_ARG(decision->role->name));
    }
    case POLICY_NO_RULE:
      return arena_str(arena, STR("no_rule"));
    case POLICY_NOT_OWNER:
      return arena_str(arena, STR("not_owner"));
    case POLICY_NOT_LOADED:
      return arena_str(arena, STR("policy_not_loaded"));
    case POLICY_SWITCHED_OFF:
      return arena_str(arena, STR("switched_off"));
    case POLICY_OWN:
      return arena_str(arena, STR("about_the_caller"));
    case POLICY_NO_PERMISSION:
      return arena_str(arena, STR("no_permission"));
  }
  return STR_NONE;
}
