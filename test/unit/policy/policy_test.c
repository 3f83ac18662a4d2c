#include "unit.h"

#include "policy/policy.h"

static const struct uuid anna = {{1}}, bert = {{2}}, nil = {{0}};
static const struct uuid first_id = {
    {0x01, 0x7F, 0x22, 0xE2, 0x79, 0xB0, 0x7C, 0xC3, 0x98, 0xC4, 0xDC, 0x0C, 0x0C, 0x07, 0x39, 0x8F}};

/* A connection "crm-eu" of the connector "crm", labelled region=eu and note=a=b. */
static const struct policy_label labels[] = {
    {{"region", 6}, {"eu", 2}}, {{"note", 4}, {"a=b", 3}}, {{"bare", 4}, {"", 0}}};
static const struct policy_connection shared = {
    .name = {"crm-eu", 6}, .connector = {"crm", 3}, .labels = labels, .n_labels = 3};

#define RULE(effect_, kind_, target_, does_, ...) \
  {.effect = (effect_),                           \
   .target_kind = (kind_),                        \
   .target = {(target_), sizeof(target_) - 1},    \
   .does = (does_),                               \
   .tools = (const struct str[]){__VA_ARGS__},    \
   .n_tools = sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str)}
#define NAME(text) {"" text, sizeof(text) - 1}
#define ON(effect_, target_, does_, ...) RULE(effect_, POLICY_TARGET_CONNECTION, target_, does_, __VA_ARGS__)

static struct policy_decision decide(const struct policy_role *const *roles, size_t n_roles,
                                     const struct policy_connection *connection, const char *name,
                                     enum policy_does does) {
  const struct policy_principal principal = {.user_id = anna, .roles = roles, .n_roles = n_roles, .is_loaded = true};
  const struct policy_action action = {
      .kind = POLICY_TOOL, .connection = connection, .name = str_of(name), .does = does};
  struct policy_decision decision;
  memset(&decision, 0xFF, sizeof(decision));
  policy_decide(&principal, &action, &decision);
  return decision;
}

enum outcome { ALLOW, DENY, ASK, NOBODY };

static void expect(const struct policy_decision *decision, enum outcome outcome, const char *what) {
  const enum policy_effect effects[] = {POLICY_ALLOW, POLICY_DENY, POLICY_ASK, POLICY_DENY};
  if (decision->effect != effects[outcome]) fail_msg("effect %d of %s", (int)decision->effect, what);
  assert_int_equal(decision->reason, outcome == NOBODY ? POLICY_NO_RULE : POLICY_BY_RULE);
  assert_int_equal(decision->rule == NULL, outcome == NOBODY);
  assert_int_equal(decision->role == NULL, outcome == NOBODY);
  assert_int_equal(decision->obligations.result_mask.n, 0);
}

/* One role of one rule that allows. */
static void a_rule_matches_by_target_and_deed_and_name(void **state) {
  const struct {
    const char *what;
    struct policy_rule rule;
    const char *name;
    enum policy_does does;
    bool matches;
  } cases[] = {
      {"connection", ON(POLICY_ALLOW, "crm-eu", DOES_READ), "get", DOES_READ, true},
      {"another connection", ON(POLICY_ALLOW, "crm-us", DOES_ANY), "get", DOES_READ, false},
      {"a connection's prefix", ON(POLICY_ALLOW, "crm", DOES_ANY), "get", DOES_READ, false},
      {"a longer connection", ON(POLICY_ALLOW, "crm-eu2", DOES_ANY), "get", DOES_READ, false},
      {"other case", ON(POLICY_ALLOW, "CRM-eu", DOES_ANY), "get", DOES_READ, false},
      {"trailing space", ON(POLICY_ALLOW, "crm-eu ", DOES_ANY), "get", DOES_READ, false},
      {"trailing NUL", ON(POLICY_ALLOW, "crm-eu\0", DOES_ANY), "get", DOES_READ, false},
      {"no star for targets", ON(POLICY_ALLOW, "*", DOES_ANY), "get", DOES_READ, false},
      {"empty target", ON(POLICY_ALLOW, "", DOES_ANY), "get", DOES_READ, false},
      {"connector", RULE(POLICY_ALLOW, POLICY_TARGET_CONNECTOR, "crm", DOES_ANY), "get", DOES_READ, true},
      {"connector is no connection", RULE(POLICY_ALLOW, POLICY_TARGET_CONNECTOR, "crm-eu", DOES_ANY), "get", DOES_READ,
       false},
      {"label", RULE(POLICY_ALLOW, POLICY_TARGET_LABEL, "region=eu", DOES_ANY), "get", DOES_READ, true},
      {"label's other value", RULE(POLICY_ALLOW, POLICY_TARGET_LABEL, "region=us", DOES_ANY), "get", DOES_READ, false},
      {"label's name alone", RULE(POLICY_ALLOW, POLICY_TARGET_LABEL, "region", DOES_ANY), "get", DOES_READ, false},
      {"label's name and no value", RULE(POLICY_ALLOW, POLICY_TARGET_LABEL, "region=", DOES_ANY), "get", DOES_READ,
       false},
      {"label's value alone", RULE(POLICY_ALLOW, POLICY_TARGET_LABEL, "=eu", DOES_ANY), "get", DOES_READ, false},
      {"label's case", RULE(POLICY_ALLOW, POLICY_TARGET_LABEL, "Region=eu", DOES_ANY), "get", DOES_READ, false},
      {"value with an equals sign", RULE(POLICY_ALLOW, POLICY_TARGET_LABEL, "note=a=b", DOES_ANY), "get", DOES_READ,
       true},
      {"empty value", RULE(POLICY_ALLOW, POLICY_TARGET_LABEL, "bare=", DOES_ANY), "get", DOES_READ, true},
      {"empty label rule", RULE(POLICY_ALLOW, POLICY_TARGET_LABEL, "", DOES_ANY), "get", DOES_READ, false},
      {"unknown kind of target", RULE(POLICY_ALLOW, (enum policy_target_kind)9, "crm-eu", DOES_ANY), "get", DOES_READ,
       false},
      {"read is not write", ON(POLICY_ALLOW, "crm-eu", DOES_READ), "set", DOES_WRITE, false},
      {"write is not read", ON(POLICY_ALLOW, "crm-eu", DOES_WRITE), "get", DOES_READ, false},
      {"write is not destroy", ON(POLICY_ALLOW, "crm-eu", DOES_WRITE), "del", DOES_DESTROY, false},
      {"read and write", ON(POLICY_ALLOW, "crm-eu", DOES_READ | DOES_WRITE), "set", DOES_WRITE, true},
      {"any", ON(POLICY_ALLOW, "crm-eu", DOES_ANY), "del", DOES_DESTROY, true},
      {"no deed", ON(POLICY_ALLOW, "crm-eu", 0), "get", DOES_READ, false},
      {"named", ON(POLICY_ALLOW, "crm-eu", DOES_ANY, NAME("put"), NAME("get")), "get", DOES_READ, true},
      {"not named", ON(POLICY_ALLOW, "crm-eu", DOES_ANY, NAME("put"), NAME("got")), "get", DOES_READ, false},
      {"name's case", ON(POLICY_ALLOW, "crm-eu", DOES_ANY, NAME("Get")), "get", DOES_READ, false},
      {"name's prefix", ON(POLICY_ALLOW, "crm-eu", DOES_ANY, NAME("ge")), "get", DOES_READ, false},
      {"longer name", ON(POLICY_ALLOW, "crm-eu", DOES_ANY, NAME("get2")), "get", DOES_READ, false},
      {"no patterns", ON(POLICY_ALLOW, "crm-eu", DOES_ANY, NAME("g*")), "get", DOES_READ, false},
      {"star alone", ON(POLICY_ALLOW, "crm-eu", DOES_ANY, NAME("*")), "get", DOES_READ, true},
      {"star beside others", ON(POLICY_ALLOW, "crm-eu", DOES_ANY, NAME("put"), NAME("*")), "get", DOES_READ, true},
      {"star still needs the deed", ON(POLICY_ALLOW, "crm-eu", DOES_READ, NAME("*")), "set", DOES_WRITE, false},
      {"name still needs the deed", ON(POLICY_ALLOW, "crm-eu", DOES_READ, NAME("set")), "set", DOES_WRITE, false},
      {"name still needs the target", ON(POLICY_ALLOW, "crm-us", DOES_ANY, NAME("get")), "get", DOES_READ, false},
      {"empty name", ON(POLICY_ALLOW, "crm-eu", DOES_ANY, NAME("")), "get", DOES_READ, false},
      {"action of no deed", ON(POLICY_ALLOW, "crm-eu", DOES_ANY), "get", (enum policy_does)0, false},
      {"action of two deeds", ON(POLICY_ALLOW, "crm-eu", DOES_ANY), "get", (enum policy_does)(DOES_READ | DOES_WRITE),
       false},
      {"action of an unknown deed", ON(POLICY_ALLOW, "crm-eu", 0xFFU), "get", (enum policy_does)8, false},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    const struct policy_role role = {.rules = &cases[i].rule, .n_rules = 1};
    const struct policy_role *const roles[] = {&role};
    struct policy_decision decision = decide(roles, 1, &shared, cases[i].name, cases[i].does);
    expect(&decision, cases[i].matches ? ALLOW : NOBODY, cases[i].what);
    if (cases[i].matches) assert_ptr_equal(decision.rule, &cases[i].rule);
  }
}

/* Two roles; deny outweighs ask outweighs allow, in whatever order they stand. */
static void the_heaviest_effect_decides_wherever_it_stands(void **state) {
  enum { A = POLICY_ALLOW, D = POLICY_DENY, Q = POLICY_ASK, X = 3 /* allows, but something else */ };
  const struct {
    int first[3], second[3];
    enum outcome outcome;
  } cases[] = {
      {{X, X, X}, {X, X, X}, NOBODY}, {{A, X, X}, {X, X, X}, ALLOW}, {{X, X, X}, {X, X, A}, ALLOW},
      {{D, X, X}, {X, X, X}, DENY},   {{A, D, X}, {X, X, X}, DENY},  {{D, A, X}, {X, X, X}, DENY},
      {{A, A, A}, {A, A, D}, DENY},   {{D, X, X}, {A, A, A}, DENY},  {{Q, X, X}, {X, X, X}, ASK},
      {{A, Q, X}, {X, X, X}, ASK},    {{Q, A, X}, {X, X, X}, ASK},   {{A, A, A}, {Q, A, A}, ASK},
      {{Q, X, X}, {A, X, X}, ASK},    {{Q, D, X}, {X, X, X}, DENY},  {{D, Q, X}, {X, X, X}, DENY},
      {{A, Q, X}, {X, X, D}, DENY},   {{D, X, X}, {Q, A, X}, DENY},  {{A, Q, D}, {A, Q, D}, DENY},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct policy_rule rules[2][3];
    for (size_t r = 0; r < 2; r++) {
      for (size_t k = 0; k < 3; k++) {
        int effect = r == 0 ? cases[i].first[k] : cases[i].second[k];
        rules[r][k] = (struct policy_rule){.effect = effect == X ? POLICY_ALLOW : (enum policy_effect)effect,
                                           .target = effect == X ? STR("crm-us") : STR("crm-eu"),
                                           .does = DOES_ANY};
      }
    }
    const struct policy_role first = {.rules = rules[0], .n_rules = 3}, second = {.rules = rules[1], .n_rules = 3};
    const struct policy_role *const roles[] = {&first, &second};
    char what[16];
    snprintf(what, sizeof(what), "case %zu", i);
    struct policy_decision decision = decide(roles, 2, &shared, "get", DOES_READ);
    expect(&decision, cases[i].outcome, what);
    if (!decision.rule) continue;
    assert_int_equal(decision.rule->effect, decision.effect);
    bool is_of_first = decision.rule >= rules[0] && decision.rule < rules[0] + 3;
    assert_ptr_equal(decision.role, is_of_first ? &first : &second);
  }
}

#define LIST(member, ...)                      \
  .member = (const struct str[]){__VA_ARGS__}, \
  .n_##member = sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str)
#define NAMED(effect_, ...)                 \
  {.effect = (effect_),                     \
   .target_kind = POLICY_TARGET_CONNECTION, \
   .target = NAME("crm-eu"),                \
   .does = DOES_ANY,                        \
   __VA_ARGS__}

static bool may(const struct policy_rule *rules, size_t n, enum policy_action_kind kind, const char *name) {
  const struct policy_role role = {.rules = rules, .n_rules = n};
  const struct policy_role *const roles[] = {&role};
  const struct policy_principal principal = {.user_id = anna, .roles = roles, .n_roles = 1, .is_loaded = true};
  const struct policy_action action = {.kind = kind, .connection = &shared, .name = str_of(name), .does = DOES_READ};
  struct policy_decision decision;
  policy_decide(&principal, &action, &decision);
  return decision.effect == POLICY_ALLOW;
}

static void a_rule_with_lists_speaks_of_the_kinds_it_lists_alone(void **state) {
  const struct policy_rule all = NAMED(POLICY_ALLOW), tools = NAMED(POLICY_ALLOW, LIST(tools, NAME("a"))),
                           resources = NAMED(POLICY_ALLOW, LIST(resources, NAME("a"))),
                           prompts = NAMED(POLICY_ALLOW, LIST(prompts, NAME("a"))),
                           any = NAMED(POLICY_ALLOW, LIST(tools, NAME("*")), LIST(prompts, NAME("*")));
  const struct {
    const struct policy_rule *rule;
    bool tool, resource, prompt, task;
  } cases[] = {{&all, true, true, true, true},
               {&tools, true, false, false, true},
               {&resources, false, true, false, false},
               {&prompts, false, false, true, false},
               {&any, true, false, true, true}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    assert_int_equal(may(cases[i].rule, 1, POLICY_TOOL, "a"), cases[i].tool);
    assert_int_equal(may(cases[i].rule, 1, POLICY_RESOURCE, "a"), cases[i].resource);
    assert_int_equal(may(cases[i].rule, 1, POLICY_PROMPT, "a"), cases[i].prompt);
    assert_int_equal(may(cases[i].rule, 1, POLICY_TASK, "a"), cases[i].task);
    if (cases[i].rule == &all || cases[i].rule == &any) continue;
    for (int kind = POLICY_TOOL; kind <= POLICY_TASK; kind++)
      assert_false(may(cases[i].rule, 1, (enum policy_action_kind)kind, "b"));
  }
  assert_false(may(&tools, 1, (enum policy_action_kind)9, "a"));
}

static void resources_are_named_whole_or_by_their_beginning(void **state) {
  const struct {
    const char *pattern, *uri;
    bool may;
  } cases[] = {
      {"file:///a", "file:///a", true},
      {"file:///a", "file:///ab", false},
      {"file:///a*", "file:///ab", true},
      {"file:///a*", "file:///", false},
      {"file:///a/*", "file:///a", false},
      {"file:///a/*", "FILE:///a/b", false},
      {"*", "anything:x", true},
      {"*b", "ab", false},
      {"file:///a/*", "file:///{x}", true},
      {"file:///a/*", "file:///a/{x}", true},
      {"file:///a/*", "http://{x}", false},
      {"file:///a", "file:///{x}", true},
      {"file:///a", "file:///a/{x}", false},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    const struct str list[] = {str_of(cases[i].pattern)};
    const struct policy_rule rule = {.effect = POLICY_ALLOW,
                                     .target_kind = POLICY_TARGET_CONNECTION,
                                     .target = NAME("crm-eu"),
                                     .does = DOES_READ,
                                     .resources = list,
                                     .n_resources = 1};
    if (may(&rule, 1, POLICY_RESOURCE, cases[i].uri) != cases[i].may)
      fail_msg("%s and %s", cases[i].pattern, cases[i].uri);
  }
}

/* A template is shown where some URI of it may be read, and hidden where a deny covers all of them. */
static void a_deny_must_cover_a_template_to_hide_it(void **state) {
  const struct policy_rule some[] = {NAMED(POLICY_ALLOW),
                                     NAMED(POLICY_DENY, LIST(resources, NAME("file:///secret/*")))};
  assert_true(may(some, 2, POLICY_RESOURCE, "file:///{+path}"));
  assert_false(may(some, 2, POLICY_RESOURCE, "file:///secret/{x}"));
  assert_false(may(some, 2, POLICY_RESOURCE, "file:///secret/x"));
  const struct policy_rule asked[] = {NAMED(POLICY_ALLOW),
                                      NAMED(POLICY_ASK, LIST(resources, NAME("file:///secret/*")))};
  assert_true(may(asked, 2, POLICY_RESOURCE, "file:///{+path}"));
}

static void a_deny_of_one_tool_leaves_the_others_allowed(void **state) {
  const struct policy_rule rules[] = {ON(POLICY_ALLOW, "crm-eu", DOES_READ),
                                      RULE(POLICY_DENY, POLICY_TARGET_LABEL, "region=eu", DOES_ANY, NAME("export")),
                                      RULE(POLICY_ASK, POLICY_TARGET_CONNECTOR, "crm", DOES_WRITE)};
  const struct policy_role role = {.rules = rules, .n_rules = 3};
  const struct policy_role *const roles[] = {&role};
  struct policy_decision decision = decide(roles, 1, &shared, "get", DOES_READ);
  expect(&decision, ALLOW, "get");
  decision = decide(roles, 1, &shared, "export", DOES_READ);
  expect(&decision, DENY, "export");
  decision = decide(roles, 1, &shared, "set", DOES_WRITE);
  expect(&decision, ASK, "set");
  decision = decide(roles, 1, &shared, "export", DOES_WRITE);
  expect(&decision, DENY, "export that writes");
  decision = decide(roles, 1, &shared, "drop", DOES_DESTROY);
  expect(&decision, NOBODY, "drop");
}

static void an_unknown_effect_denies(void **state) {
  const struct policy_rule rules[] = {ON(POLICY_ALLOW, "crm-eu", DOES_ANY),
                                      ON((enum policy_effect)7, "crm-eu", DOES_ANY)};
  const struct policy_role role = {.rules = rules, .n_rules = 2};
  const struct policy_role *const roles[] = {&role};
  struct policy_decision decision = decide(roles, 1, &shared, "get", DOES_READ);
  expect(&decision, DENY, "unknown effect");
}

static void who_has_no_roles_or_no_rules_may_nothing(void **state) {
  struct policy_decision decision = decide(NULL, 0, &shared, "get", DOES_READ);
  expect(&decision, NOBODY, "no roles");
  const struct policy_role empty = {.rules = NULL, .n_rules = 0};
  const struct policy_role *const roles[] = {&empty, &empty};
  decision = decide(roles, 2, &shared, "get", DOES_READ);
  expect(&decision, NOBODY, "empty roles");
}

static const struct policy_rule allow_all[] = {ON(POLICY_ALLOW, "crm-eu", DOES_ANY)};
static const struct policy_role admin = {.name = NAME("admin"), .rules = allow_all, .n_rules = 1};
static const struct policy_role *const admins[] = {&admin};

static void a_personal_connection_is_its_owners_alone(void **state) {
  struct policy_connection personal = shared;
  personal.owner_user_id = bert;
  struct policy_decision decision = decide(admins, 1, &personal, "get", DOES_READ);
  assert_int_equal(decision.effect, POLICY_DENY);
  assert_int_equal(decision.reason, POLICY_NOT_OWNER);
  assert_null(decision.rule);
  assert_null(decision.role);
  personal.owner_user_id = anna;
  decision = decide(admins, 1, &personal, "get", DOES_READ);
  expect(&decision, ALLOW, "own connection");
  decision = decide(NULL, 0, &personal, "get", DOES_READ); /* owning it is no permission */
  expect(&decision, NOBODY, "own connection without a rule");
}

static void what_is_not_there_yet_may_be_had_where_a_rule_gives_some_of_it(void **state) {
  const struct policy_rule give[] = {RULE(POLICY_ALLOW, POLICY_TARGET_CONNECTOR, "crm", DOES_READ, NAME("get"))};
  const struct policy_rule take[] = {RULE(POLICY_DENY, POLICY_TARGET_CONNECTOR, "crm", DOES_READ)};
  const struct policy_rule take_some[] = {RULE(POLICY_DENY, POLICY_TARGET_CONNECTOR, "crm", DOES_READ, NAME("list"))};
  const struct policy_rule take_other[] = {RULE(POLICY_DENY, POLICY_TARGET_CONNECTOR, "crm", DOES_WRITE)};
  const struct policy_rule elsewhere[] = {RULE(POLICY_ALLOW, POLICY_TARGET_CONNECTOR, "erp", DOES_ANY),
                                          RULE(POLICY_ALLOW, POLICY_TARGET_LABEL, "region=eu", DOES_ANY)};
  const struct {
    const char *what;
    const struct policy_rule *rules[2];
    size_t n[2];
    bool may;
  } cases[] = {
      {"no rule", {give, give}, {0, 0}, false},
      {"some of it", {give, give}, {1, 0}, true},
      {"all of that denied by another role", {give, take}, {1, 1}, false},
      {"one thing denied", {give, take_some}, {1, 1}, true},
      {"other deeds denied", {give, take_other}, {1, 1}, true},
      {"rules of something else", {elsewhere, give}, {2, 0}, false},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    const struct policy_role role[] = {{.rules = cases[i].rules[0], .n_rules = cases[i].n[0]},
                                       {.rules = cases[i].rules[1], .n_rules = cases[i].n[1]}};
    const struct policy_role *const roles[] = {&role[0], &role[1]};
    struct policy_principal principal = {.user_id = anna, .roles = roles, .n_roles = 2, .is_loaded = true};
    struct policy_connection connection = {.name = STR("crm (anna)"), .connector = STR("crm"), .owner_user_id = anna};
    if (policy_may_have(&principal, &connection) != cases[i].may) fail_msg("%s", cases[i].what);
    connection.owner_user_id = bert;
    assert_false(policy_may_have(&principal, &connection));
    connection.owner_user_id = anna;
    principal.is_loaded = false;
    assert_false(policy_may_have(&principal, &connection));
  }
}

static void a_principal_without_a_user_owns_nothing(void **state) {
  struct policy_connection personal = shared;
  personal.owner_user_id = bert;
  const struct policy_principal nobody = {.user_id = nil, .roles = admins, .n_roles = 1, .is_loaded = true};
  struct policy_action action = {.connection = &personal, .name = STR("get"), .does = DOES_READ};
  struct policy_decision decision;
  policy_decide(&nobody, &action, &decision);
  assert_int_equal(decision.reason, POLICY_NOT_OWNER);
  action.connection = &shared;
  policy_decide(&nobody, &action, &decision);
  expect(&decision, ALLOW, "shared connection");
}

static void a_policy_that_is_not_loaded_denies_all(void **state) {
  struct policy_connection personal = shared;
  personal.owner_user_id = bert;
  const struct policy_connection *const connections[] = {&shared, &personal};
  for (size_t i = 0; i < 2; i++) {
    const struct policy_principal principal = {.user_id = anna, .roles = admins, .n_roles = 1, .is_loaded = false};
    const struct policy_action action = {.connection = connections[i], .name = STR("get"), .does = DOES_READ};
    struct policy_decision decision;
    policy_decide(&principal, &action, &decision);
    assert_int_equal(decision.effect, POLICY_DENY);
    assert_int_equal(decision.reason, POLICY_NOT_LOADED);
    assert_null(decision.rule);
  }
}

static void what_its_user_has_switched_off_is_denied_and_nothing_becomes_allowed(void **state) {
  const struct str off[] = {STR("books"), shared.connector};
  const struct policy_principal ann = {
      .user_id = anna, .roles = admins, .n_roles = 1, .is_loaded = true, .switched_off = off, .n_switched_off = 2};
  struct policy_principal other = ann, nobody = ann;
  struct policy_action action = {.connection = &shared, .name = STR("get"), .does = DOES_READ};
  struct policy_decision decision;
  policy_decide(&ann, &action, &decision);
  assert_int_equal(decision.effect, POLICY_DENY);
  assert_int_equal(decision.reason, POLICY_SWITCHED_OFF);
  other.n_switched_off = 1; /* another connector */
  policy_decide(&other, &action, &decision);
  expect(&decision, ALLOW, "another connector is off");
  nobody.n_roles = 0; /* who might not anyway is told that */
  policy_decide(&nobody, &action, &decision);
  expect(&decision, NOBODY, "no role");
}

static void of_several_roles_that_allow_it_the_most_generous_one_says_how_much(void **state) {
  const struct policy_rule read = ON(POLICY_ALLOW, "crm-eu", DOES_READ), write = ON(POLICY_ALLOW, "crm-eu", DOES_WRITE);
  const struct policy_rule asks = ON(POLICY_ASK, "crm-eu", DOES_WRITE),
                           denies = ON(POLICY_DENY, "crm-eu", DOES_DESTROY);
  const struct policy_role little = {.rules = &read, .n_rules = 1, .max_result = 1000};
  const struct policy_role more = {.rules = &read, .n_rules = 1, .max_result = 5000};
  const struct policy_role all = {.rules = &read, .n_rules = 1};
  const struct policy_role writer = {.rules = &write, .n_rules = 1};
  const struct policy_role asker = {.rules = &asks, .n_rules = 1, .max_result = 10};
  const struct policy_role denier = {.rules = &denies, .n_rules = 1, .max_result = 10};
  const struct {
    const struct policy_role *roles[3];
    size_t expected;
  } cases[] = {
      {{&little, &writer, &denier}, 1000}, /* a role that does not allow it widens nothing */
      {{&writer, &little, &asker}, 1000},  {{&little, &more, &little}, 5000}, {{&more, &little, &little}, 5000},
      {{&little, &all, &more}, 0},         {{&all, &little, &more}, 0},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct policy_decision decision = decide(cases[i].roles, 3, &shared, "get", DOES_READ);
    assert_int_equal(decision.effect, POLICY_ALLOW);
    assert_int_equal(decision.obligations.max_result, cases[i].expected);
  }
  /* The first rule that allows it is still the one that is named; what asks or denies decides as ever. */
  const struct policy_role *const named[] = {&little, &more}, *const asked[] = {&little, &asker};
  assert_ptr_equal(decide(named, 2, &shared, "get", DOES_READ).role, &little);
  assert_int_equal(decide(asked, 2, &shared, "get", DOES_WRITE).effect, POLICY_ASK);
}

static void deeds_have_names(void **state) {
  enum policy_does does = DOES_ANY;
  assert_string_equal(policy_does_name(DOES_READ), "read");
  assert_string_equal(policy_does_name(DOES_WRITE), "write");
  assert_string_equal(policy_does_name(DOES_DESTROY), "destroy");
  assert_null(policy_does_name(DOES_ANY));
  assert_null(policy_does_name((enum policy_does)0));
  assert_null(policy_does_name((enum policy_does)3));
  assert_false(policy_does_parse(STR("any"), &does));
  assert_false(policy_does_parse(STR("Read"), &does));
  assert_false(policy_does_parse(STR(""), &does));
  assert_int_equal(does, DOES_ANY);
  assert_true(policy_does_parse(STR("destroy"), &does));
  assert_int_equal(does, DOES_DESTROY);
}

static void reasons_are_told(void **state) {
  struct arena arena;
  arena_init(&arena, 1000);
  const struct policy_rule rule = {.id = first_id};
  const struct policy_role role = {.name = STR("finance")};
  struct policy_decision decision = {.reason = POLICY_BY_RULE, .rule = &rule, .role = &role};
  assert_str(policy_reason_text(&arena, &decision), "rule 017f22e2-79b0-7cc3-98c4-dc0c0c07398f of role finance");
  decision = (struct policy_decision){.reason = POLICY_NO_RULE};
  assert_str(policy_reason_text(&arena, &decision), "no_rule");
  decision.reason = POLICY_NOT_OWNER;
  assert_str(policy_reason_text(&arena, &decision), "not_owner");
  decision.reason = POLICY_NOT_LOADED;
  assert_str(policy_reason_text(&arena, &decision), "policy_not_loaded");
  decision.reason = POLICY_SWITCHED_OFF;
  assert_str(policy_reason_text(&arena, &decision), "switched_off");
  decision.reason = POLICY_OWN;
  assert_str(policy_reason_text(&arena, &decision), "about_the_caller");
  decision.reason = POLICY_NO_PERMISSION;
  assert_str(policy_reason_text(&arena, &decision), "no_permission");
  while (arena_alloc(&arena, 16))
    continue;
  assert_null(policy_reason_text(&arena, &decision).p);
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_rule_matches_by_target_and_deed_and_name),
      cmocka_unit_test(the_heaviest_effect_decides_wherever_it_stands),
      cmocka_unit_test(of_several_roles_that_allow_it_the_most_generous_one_says_how_much),
      cmocka_unit_test(a_rule_with_lists_speaks_of_the_kinds_it_lists_alone),
      cmocka_unit_test(resources_are_named_whole_or_by_their_beginning),
      cmocka_unit_test(a_deny_must_cover_a_template_to_hide_it),
      cmocka_unit_test(a_deny_of_one_tool_leaves_the_others_allowed),
      cmocka_unit_test(an_unknown_effect_denies),
      cmocka_unit_test(who_has_no_roles_or_no_rules_may_nothing),
      cmocka_unit_test(a_personal_connection_is_its_owners_alone),
      cmocka_unit_test(what_is_not_there_yet_may_be_had_where_a_rule_gives_some_of_it),
      cmocka_unit_test(a_principal_without_a_user_owns_nothing),
      cmocka_unit_test(a_policy_that_is_not_loaded_denies_all),
      cmocka_unit_test(what_its_user_has_switched_off_is_denied_and_nothing_becomes_allowed),
      cmocka_unit_test(deeds_have_names),
      cmocka_unit_test(reasons_are_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
