#include "org/snapshot.h"

#include "base/limits.h"
#include "fixture.h"
#include "org/toolset.h"

#define MANIFEST(id, tools) "{\"manifest\":1,\"id\":\"" id "\",\"name\":\"The " id "\",\"tools\":[" tools "]}"
#define TOOL(name, does) \
  "{\"name\":\"" name "\",\"description\":\"d\",\"does\":\"" does "\",\"call\":\"GET /" name "\"}"
#define BASE "{\"base\":\"https://api.example.com\"}"

static const struct uuid nil;

struct load {
  struct fixture *f;
  struct uuid organisation;
  struct org_snapshot *snapshot;
};

static enum err_code work_load(struct db_tx *tx, void *context, struct err *err) {
  struct load *load = context;
  return org_snapshot_load(tx, load->f->vault, load->organisation, &load->snapshot, err);
}

static struct org_snapshot *load_of(struct fixture *f, struct uuid organisation) {
  struct load load = {f, organisation, NULL};
  assert_ok(db_read(f->conn, work_load, &load, &test_err));
  return load.snapshot;
}

static struct org_snapshot *load(struct fixture *f) {
  return load_of(f, f->organisation);
}

/* books with query (read) and purge (destroy); crm with find (read): the organisation's own. */
static void add_own_connectors(struct fixture *f) {
  add_connector_of(f, f->organisation, "crm", "http", MANIFEST("crm", TOOL("find", "read")));
  add_connector_of(f, f->organisation, "books", "http",
                   MANIFEST("books", TOOL("query", "read") "," TOOL("purge", "destroy")));
}

static struct uuid connect_to(struct fixture *f, const char *name, const char *connector) {
  return add_connection_with(f, name, connector, "{}", nil, BASE);
}

static void an_organisation_with_nothing_in_it_is_a_snapshot(void **state) {
  struct fixture *f = *state;
  struct org_snapshot *snapshot = load(f);
  assert_str(snapshot->name, "acme");
  assert_true(uuid_eq(snapshot->id, f->organisation));
  assert_int_equal(snapshot->version, 1);
  assert_int_equal(snapshot->n_users + snapshot->n_roles + snapshot->n_connectors + snapshot->n_connections, 0);
  assert_non_null(snapshot->keys);
  assert_null(snapshot->problem);
  assert_null(snapshot->warnings);
  assert_null(org_snapshot_user(snapshot, uuid_new()));
  org_snapshot_unref(snapshot);
}

static void users_have_their_roles_by_name(void **state) {
  struct fixture *f = *state;
  struct uuid ann = add_user(f, "ann@acme.example"), bob = add_user(f, "bob@acme.example");
  struct uuid sales = add_role(f, "sales"), finance = add_role(f, "fin\"ance"), audit = add_role(f, "audit");
  give_role(f, ann, sales);
  give_role(f, ann, finance);
  give_role(f, ann, audit);
  give_role(f, bob, sales);
  struct org_snapshot *snapshot = load(f);
  struct org_user *user = org_snapshot_user(snapshot, ann);
  assert_str(user->email, "ann@acme.example");
  assert_str(user->kind, "member");
  assert_false(user->is_disabled);
  assert_true(user->principal.is_loaded);
  assert_true(uuid_eq(user->principal.user_id, ann));
  assert_int_equal(user->principal.n_roles, 3);
  assert_str(user->principal.roles[0]->name, "audit");
  assert_str(user->principal.roles[1]->name, "fin\"ance");
  assert_str(user->principal.roles[2]->name, "sales");
  assert_str(user->roles_json, "[\"audit\",\"fin\\\"ance\",\"sales\"]");
  assert_str(org_snapshot_user(snapshot, bob)->roles_json, "[\"sales\"]");
  org_snapshot_unref(snapshot);
}

static void a_disabled_user_is_known_as_such(void **state) {
  struct fixture *f = *state;
  struct uuid ann = add_user_to(f, f->organisation, "ann@acme.example", 5);
  struct org_snapshot *snapshot = load(f);
  assert_true(org_snapshot_user(snapshot, ann)->is_disabled);
  assert_str(org_snapshot_user(snapshot, ann)->roles_json, "[]");
  org_snapshot_unref(snapshot);
}

static void nothing_of_another_organisation_is_in_it(void **state) {
  struct fixture *f = *state;
  struct uuid acme = f->organisation;
  add_user(f, "ann@acme.example");
  add_own_connectors(f);
  connect_to(f, "ledger", "books");
  add_rule(f, add_role(f, "finance"), "allow", "connection", "ledger", NULL, NULL);
  add_limit(f, "token", STR(""), 1000, 7);
  f->organisation = add_organisation(f, "globex");
  struct org_snapshot *snapshot = load(f);
  assert_int_equal(snapshot->n_users + snapshot->n_roles + snapshot->n_connectors + snapshot->n_connections, 0);
  assert_int_equal(snapshot->n_tools, 0);
  assert_int_equal(snapshot->token_rate.cap, LIMIT_TOKEN_PER_MINUTE);
  org_snapshot_unref(snapshot);
  snapshot = load_of(f, acme);
  assert_int_equal(snapshot->n_connections, 1);
  org_snapshot_unref(snapshot);
}

static void what_is_not_there_is_not_found(void **state) {
  struct fixture *f = *state;
  struct load none = {f, uuid_new(), NULL};
  assert_int_equal(db_read(f->conn, work_load, &none, &test_err), ERR_NOT_FOUND);
  assert_null(none.snapshot);
}

static void a_data_key_that_does_not_open_is_no_snapshot(void **state) {
  struct fixture *f = *state;
  static char breaking[] = "UPDATE organisation SET data_key = zeroblob(length(data_key))";
  struct load broken = {f, f->organisation, NULL};
  write_row(f, work_sql, breaking);
  assert_int_equal(db_read(f->conn, work_load, &broken, &test_err), ERR_INVALID);
  assert_null(broken.snapshot);
}

static enum policy_effect decide(const struct org_snapshot *snapshot, struct uuid user, size_t connection,
                                 const char *tool, enum policy_does does) {
  struct policy_action action = {
      .connection = &snapshot->connections[connection].policy, .name = str_of(tool), .does = does};
  struct policy_decision decision;
  policy_decide(&org_snapshot_user(snapshot, user)->principal, &action, &decision);
  return decision.effect;
}

static void rules_say_in_policy_what_their_rows_say(void **state) {
  struct fixture *f = *state;
  struct uuid ann = add_user(f, "ann@acme.example"), role = add_role(f, "finance");
  give_role(f, ann, role);
  add_own_connectors(f);
  connect_to(f, "east", "books");
  connect_to(f, "west", "books");
  add_connection_with(f, "zentral", "crm", "{\"client\":\"globex\",\"tier\":\"a=b\"}", nil, BASE);
  add_rule(f, role, "allow", "connection", "east", "[\"read\",\"write\"]", NULL);
  add_rule(f, role, "allow", "connector", "books", NULL, "[\"purge\"]");
  add_rule(f, role, "deny", "connection", "west", "[\"destroy\"]", "[\"*\"]");
  add_rule(f, role, "ask", "label", "tier=a=b", NULL, NULL);
  struct org_snapshot *snapshot = load(f);
  assert_null(snapshot->problem);
  assert_int_equal(decide(snapshot, ann, 0, "query", DOES_READ), POLICY_ALLOW);
  assert_int_equal(decide(snapshot, ann, 0, "anything", DOES_WRITE), POLICY_ALLOW);
  assert_int_equal(decide(snapshot, ann, 0, "purge", DOES_DESTROY), POLICY_ALLOW);
  assert_int_equal(decide(snapshot, ann, 0, "wipe", DOES_DESTROY), POLICY_DENY);
  assert_int_equal(decide(snapshot, ann, 1, "query", DOES_READ), POLICY_DENY);
  assert_int_equal(decide(snapshot, ann, 1, "purge", DOES_DESTROY), POLICY_DENY);
  assert_int_equal(decide(snapshot, ann, 2, "find", DOES_READ), POLICY_ASK);
  org_snapshot_unref(snapshot);
}

/* A rule less might have been a deny less: so nobody may anything. */
static void a_rule_that_cannot_be_understood_denies_all_to_all(void **state) {
  static const struct {
    const char *target_kind, *target, *does, *tools;
  } cases[] = {
      {"connection", "east", "[\"read\"", NULL},
      {"connection", "east", "", NULL},
      {"connection", "east", "\"read\"", NULL},
      {"connection", "east", "[]", NULL},
      {"connection", "east", "[\"reed\"]", NULL},
      {"connection", "east", "[\"read\",7]", NULL},
      {"connection", "east", "null", NULL},
      {"connection", "east", NULL, "[]"},
      {"connection", "east", NULL, "{}"},
      {"connection", "east", NULL, "[\"query\",\"\"]"},
      {"connection", "east", NULL, "[\"query\",1]"},
      {"connection", "east", NULL, "[\"query\"] x"},
      {"connection", "", NULL, NULL},
      {"label", "client", NULL, NULL},
  };
  struct fixture *f = *state;
  struct uuid ann = add_user(f, "ann@acme.example"), bob = add_user(f, "bob@acme.example");
  struct uuid good = add_role(f, "good");
  give_role(f, ann, good);
  add_own_connectors(f);
  connect_to(f, "east", "books");
  add_rule(f, good, "allow", "connection", "east", NULL, NULL);
  static char forget[] = "DELETE FROM access_rule WHERE role_id = (SELECT id FROM role WHERE name = 'bad')";
  struct uuid bad = add_role(f, "bad"); /* nobody even has it */
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    write_row(f, work_sql, forget);
    add_rule(f, bad, "deny", cases[i].target_kind, cases[i].target, cases[i].does, cases[i].tools);
    struct org_snapshot *snapshot = load(f);
    assert_non_null(snapshot->problem);
    assert_memory_equal(snapshot->problem, "rule 1 of role bad: ", strlen("rule 1 of role bad: "));
    assert_false(org_snapshot_user(snapshot, ann)->principal.is_loaded);
    assert_false(org_snapshot_user(snapshot, bob)->principal.is_loaded);
    assert_int_equal(decide(snapshot, ann, 0, "query", DOES_READ), POLICY_DENY);
    assert_int_equal(toolset_of(snapshot, org_snapshot_user(snapshot, ann))->n_tools, 0);
    org_snapshot_unref(snapshot);
  }
  write_row(f, work_sql, forget);
  struct org_snapshot *snapshot = load(f);
  assert_null(snapshot->problem);
  assert_int_equal(decide(snapshot, ann, 0, "query", DOES_READ), POLICY_ALLOW);
  org_snapshot_unref(snapshot);
}

/* The store would not write it; a hand might. */
static void a_role_of_another_organisation_denies_all(void **state) {
  struct fixture *f = *state;
  struct uuid ann = add_user(f, "ann@acme.example");
  struct uuid acme = f->organisation;
  f->organisation = add_organisation(f, "globex");
  add_role(f, "theirs");
  static char crossing[] =
      "INSERT INTO user_role (organisation_id, user_id, role_id) "
      "SELECT u.organisation_id, u.id, r.id FROM org_user u, role r";
  write_row(f, work_sql, crossing);
  struct org_snapshot *snapshot = load_of(f, acme);
  assert_non_null(snapshot->problem);
  assert_false(org_snapshot_user(snapshot, ann)->principal.is_loaded);
  org_snapshot_unref(snapshot);
}

static void connections_have_their_labels_settings_and_owners(void **state) {
  struct fixture *f = *state;
  struct uuid ann = add_user(f, "ann@acme.example");
  add_own_connectors(f);
  struct uuid id = add_connection_with(f, "mine", "books", "{\"client\":\"globex\",\"tier\":\"1\"}", ann, BASE);
  connect_to(f, "a first one", "crm");
  struct org_snapshot *snapshot = load(f);
  assert_int_equal(snapshot->n_connections, 2);
  assert_str(snapshot->connections[0].policy.name, "a first one");
  const struct connector_connection *mine = &snapshot->connections[1];
  assert_true(uuid_eq(mine->policy.id, id) && uuid_eq(mine->policy.owner_user_id, ann));
  assert_str(mine->policy.connector, "books");
  assert_str(mine->connector->name, "The books");
  assert_int_equal(mine->connector->version, 3); /* the row's */
  assert_int_equal(mine->policy.n_labels, 2);
  assert_str(mine->policy.labels[0].name, "client");
  assert_str(mine->policy.labels[0].value, "globex");
  assert_non_null(mine->state);
  assert_non_null(mine->settings);
  assert_int_equal(mine->sealed_credential.n, 0);
  org_snapshot_unref(snapshot);
}

static void tools_lie_in_order_of_public_name(void **state) {
  struct fixture *f = *state;
  add_own_connectors(f);
  struct org_snapshot *snapshot = load(f);
  static const char *const names[] = {"books_purge", "books_query", "crm_find"};
  assert_int_equal(snapshot->n_tools, 3);
  for (size_t i = 0; i < 3; i++) {
    assert_str(snapshot->tools[i]->tool->public_name, names[i]);
    assert_ptr_equal(map_get(&snapshot->tools_by_name, str_of(names[i])), snapshot->tools[i]);
    assert_true(str_starts(snapshot->tools[i]->json, STR("{\"name\":\"")));
  }
  org_snapshot_unref(snapshot);
}

static void assert_hidden(struct org_snapshot *snapshot, const char *warning) {
  assert_null(snapshot->problem);
  assert_non_null(snapshot->warnings);
  if (!strstr(snapshot->warnings, warning)) fail_msg("\"%s\" is not in \"%s\"", warning, snapshot->warnings);
}

static void a_definition_that_does_not_compile_hides_its_connections_alone(void **state) {
  static const struct {
    const char *kind, *definition, *warning;
  } cases[] = {
      {"http", "{\"manifest\":1", "connector bad is hidden: "},
      {"http", "[]", "connector bad is hidden: "},
      {"http", MANIFEST("bad", ""), "connector bad is hidden: "},
      {"http", MANIFEST("other", TOOL("find", "read")), "its definition has another id"},
      {"sqlite", MANIFEST("bad", TOOL("find", "read")), "its definition is of another kind"},
  };
  struct fixture *f = *state;
  static char forget[] = "DELETE FROM connector WHERE id = 'bad'";
  add_own_connectors(f);
  connect_to(f, "east", "books");
  connect_to(f, "lost", "bad");
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    write_row(f, work_sql, forget);
    add_connector_of(f, f->organisation, "bad", cases[i].kind, cases[i].definition);
    struct org_snapshot *snapshot = load(f);
    assert_hidden(snapshot, cases[i].warning);
    assert_hidden(snapshot, "\nconnection lost is hidden: no connector bad");
    assert_int_equal(snapshot->n_connectors, 2);
    assert_int_equal(snapshot->n_tools, 3);
    assert_int_equal(snapshot->n_connections, 1);
    assert_str(snapshot->connections[0].policy.name, "east");
    org_snapshot_unref(snapshot);
  }
}

static void a_connection_that_cannot_be_read_is_hidden_alone(void **state) {
  struct fixture *f = *state;
  add_own_connectors(f);
  connect_to(f, "east", "books");
  add_connection_with(f, "labels", "books", "{\"client\":", nil, BASE);
  add_connection_with(f, "labels2", "books", "{\"client\":7}", nil, BASE);
  add_connection_with(f, "labels3", "books", "[]", nil, BASE);
  add_connection_with(f, "settings", "books", "{}", nil, "{");
  add_connection_with(f, "settings2", "books", "{}", nil, "7");
  add_connection_with(f, "settings3", "books", "{}", nil, "{\"base\":\"ftp://x\"}");
  struct org_snapshot *snapshot = load(f);
  assert_int_equal(snapshot->n_connections, 1);
  static const char *const names[] = {"labels", "labels2", "labels3", "settings", "settings2", "settings3"};
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    char warning[64];
    (void)snprintf(warning, sizeof(warning), "connection %s is hidden: ", names[i]);
    assert_hidden(snapshot, warning);
  }
  org_snapshot_unref(snapshot);
}

/* "a" with a tool b_c, and "a_b" with a tool c: both would be a_b_c. */
static void two_connectors_never_share_a_public_name(void **state) {
  struct fixture *f = *state;
  add_connector_of(f, f->organisation, "a_b", "http", MANIFEST("a_b", TOOL("c", "read") "," TOOL("d", "read")));
  add_connector_of(f, f->organisation, "a", "http", MANIFEST("a", TOOL("b_c", "read")));
  connect_to(f, "east", "a_b");
  struct org_snapshot *snapshot = load(f);
  assert_hidden(snapshot, "connector a_b is hidden: its tool c has the public name of one of connector a");
  assert_int_equal(snapshot->n_tools, 1);
  assert_str(snapshot->tools[0]->connector->id, "a");
  assert_int_equal(snapshot->n_connections, 0);
  org_snapshot_unref(snapshot);
}

static void an_own_connector_stands_before_the_installations(void **state) {
  struct fixture *f = *state;
  add_connector_of(f, nil, "books", "http", MANIFEST("books", TOOL("theirs", "read")));
  add_connector_of(f, nil, "shared", "http", MANIFEST("shared", TOOL("theirs", "read")));
  add_own_connectors(f);
  connect_to(f, "mine", "books");
  connect_to(f, "ours", "shared");
  struct org_snapshot *snapshot = load(f);
  assert_string_equal(snapshot->warnings,
                      "connector books is the organisation's own; the built-in one of that name is not used");
  assert_int_equal(snapshot->n_connectors, 3);
  assert_null(map_get(&snapshot->tools_by_name, STR("books_theirs")));
  assert_non_null(map_get(&snapshot->tools_by_name, STR("books_query")));
  assert_non_null(map_get(&snapshot->tools_by_name, STR("shared_theirs")));
  org_snapshot_unref(snapshot);
}

#define SELF                                                                                                 \
  "{\"manifest\":1,\"id\":\"connek\",\"name\":\"Connek\",\"kind\":\"self\",\"tools\":[{\"name\":\"whoami\"," \
  "\"description\":\"d\",\"does\":\"read\"}]}"

static void tools_without_a_rule_are_the_installations_alone(void **state) {
  struct fixture *f = *state;
  struct uuid ann = add_user(f, "ann@acme.example");
  add_connector_of(f, nil, "connek", "self", SELF);
  connect_to(f, "east", "connek");
  struct org_snapshot *snapshot = load(f);
  assert_hidden(snapshot, "connection east is hidden: connector connek takes no connections");
  const struct toolset *set = toolset_of(snapshot, org_snapshot_user(snapshot, ann));
  assert_int_equal(set->n_tools, 1);
  assert_str(set->tools[0].tool->public_name, "connek_whoami");
  org_snapshot_unref(snapshot);
  add_connector_of(f, f->organisation, "connek", "self", SELF);
  snapshot = load(f);
  assert_hidden(snapshot, "connector connek is hidden: ");
  assert_int_equal(snapshot->n_tools, 0);
  org_snapshot_unref(snapshot);
}

static void add_builtins(struct fixture *f) {
  size_t n;
  const struct connector_builtin *builtins = connector_builtins(&n);
  for (size_t i = 0; i < n; i++)
    add_connector_of(f, nil, builtins[i].id, builtins[i].kind, builtins[i].definition);
}

static void of_the_built_in_connectors_those_are_there_that_a_connection_is_of(void **state) {
  struct fixture *f = *state;
  struct uuid other = add_organisation(f, "globex");
  add_builtins(f);
  struct org_snapshot *snapshot = load(f);
  assert_int_equal(snapshot->n_connectors, 1); /* connek, everybody's */
  assert_non_null(map_get(&snapshot->tools_by_name, STR("connek_whoami")));
  org_snapshot_unref(snapshot);
  add_connection_with(f, "code", "github", "{}", nil, "{}");
  snapshot = load(f);
  assert_null(snapshot->warnings);
  assert_int_equal(snapshot->n_connectors, 2);
  assert_int_equal(snapshot->n_connections, 1);
  assert_non_null(map_get(&snapshot->tools_by_name, STR("github_get_issue")));
  assert_null(map_get(&snapshot->tools_by_name, STR("slack_search")));
  org_snapshot_unref(snapshot);
  snapshot = load_of(f, other);
  assert_int_equal(snapshot->n_connectors, 1);
  org_snapshot_unref(snapshot);
}

/* While servers of two versions are there, the newer one's definitions are. */
static void a_built_in_definition_of_a_newer_version_is_served_as_this_one_knows_it(void **state) {
  struct fixture *f = *state;
  static const char newer[] = "{\"manifest\":1,\"id\":\"%s\",\"name\":\"n\",\"of_the_next_version\":{}}";
  static const char *const ids[][2] = {{"github", "http"}, {"connek", "self"}};
  for (size_t i = 0; i < 2; i++) {
    char text[128];
    (void)snprintf(text, sizeof text, newer, ids[i][0]);
    add_connector_of(f, nil, ids[i][0], ids[i][1], text);
  }
  add_connection_with(f, "code", "github", "{}", nil, "{}");
  struct org_snapshot *snapshot = load(f);
  assert_null(snapshot->warnings);
  assert_int_equal(snapshot->n_connections, 1);
  assert_non_null(map_get(&snapshot->tools_by_name, STR("github_get_issue")));
  assert_non_null(map_get(&snapshot->tools_by_name, STR("connek_whoami")));
  org_snapshot_unref(snapshot);
}

static void what_is_only_announced_cannot_be_called(void **state) {
  struct fixture *f = *state;
  add_own_connectors(f);
  connect_to(f, "east", "books");
  connect_to(f, "north", "crm");
  static char announce[] = "UPDATE connector SET status = 'coming_soon' WHERE id = 'books'";
  write_row(f, work_sql, announce);
  struct org_snapshot *snapshot = load(f);
  assert_int_equal(snapshot->n_tools, 1);
  assert_int_equal(snapshot->n_connections, 1);
  org_snapshot_unref(snapshot);
}

static void rates_are_the_default_the_organisations_or_the_tokens_own(void **state) {
  struct fixture *f = *state;
  struct uuid token = uuid_new();
  struct org_snapshot *snapshot = load(f);
  assert_int_equal(snapshot->token_rate.cap, LIMIT_TOKEN_PER_MINUTE);
  assert_int_equal(snapshot->token_rate.window_us, 60 * 1000 * 1000);
  org_snapshot_unref(snapshot);
  add_limit(f, "token", STR(""), 60 * 1000 * 1000, 600); /* more than the default: meant so */
  add_limit(f, "token", uuid_bytes(&token), 1000 * 1000, 3);
  add_limit(f, "user", STR(""), 1000, 1);
  add_limit(f, "organisation", STR(""), 1000, 1);
  snapshot = load(f);
  assert_int_equal(snapshot->token_rate.cap, 600);
  const struct limit_rate *own = map_get(&snapshot->token_rates, uuid_bytes(&token));
  assert_non_null(own);
  assert_int_equal(own->cap, 3);
  assert_int_equal(own->window_us, 1000 * 1000);
  assert_int_equal(snapshot->token_rates.count, 1);
  org_snapshot_unref(snapshot);
}

static void of_several_windows_the_lowest_rate_counts(void **state) {
  struct fixture *f = *state;
  add_limit(f, "token", STR(""), 1000, 1000 * 1000);
  add_limit(f, "token", STR(""), INT64_C(86400) * 1000 * 1000, 10);
  add_limit(f, "token", STR(""), 60 * 1000 * 1000, 60);
  struct org_snapshot *snapshot = load(f);
  assert_int_equal(snapshot->token_rate.cap, 10);
  org_snapshot_unref(snapshot);
}

static void a_limit_that_makes_no_sense_admits_none(void **state) {
  struct fixture *f = *state;
  struct uuid token = uuid_new();
  add_limit(f, "token", STR(""), 0, 100);
  add_limit(f, "token", uuid_bytes(&token), 1000, -1);
  struct org_snapshot *snapshot = load(f);
  const struct limit_rate *own = map_get(&snapshot->token_rates, uuid_bytes(&token));
  assert_int_equal(snapshot->token_rate.cap, 0);
  assert_true(snapshot->token_rate.window_us > 0);
  assert_int_equal(own->cap, 0);
  org_snapshot_unref(snapshot);
}

static void a_snapshot_lives_until_its_last_reference(void **state) {
  struct org_slot slot = {0};
  assert_null(org_slot_take(&slot));
  struct org_snapshot *snapshot = load(*state);
  atomic_store(&slot.current, snapshot);
  struct org_snapshot *taken = org_slot_take(&slot);
  assert_ptr_equal(taken, snapshot);
  org_snapshot_unref(snapshot);
  assert_str(taken->name, "acme");
  org_snapshot_unref(taken);
  org_snapshot_unref(NULL);
}

static void a_toolset_goes_from_rows_to_what_a_client_sees(void **state) {
  struct fixture *f = *state;
  struct uuid ann = add_user(f, "ann@acme.example"), role = add_role(f, "finance");
  give_role(f, ann, role);
  add_own_connectors(f);
  connect_to(f, "east", "books");
  connect_to(f, "west", "books");
  add_rule(f, role, "allow", "connector", "books", "[\"read\"]", NULL);
  struct org_snapshot *snapshot = load(f);
  const struct toolset *set = toolset_of(snapshot, org_snapshot_user(snapshot, ann));
  assert_int_equal(set->n_tools, 1);
  assert_str(set->tools[0].tool->public_name, "books_query");
  assert_non_null(strstr(set->tools[0].json.p,
                         "\"account\":{\"type\":\"string\",\"enum\":[\"east\",\"west\"],"
                         "\"description\":\"Which The books account to use\"}"));
  org_snapshot_unref(snapshot);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      fixture_test(an_organisation_with_nothing_in_it_is_a_snapshot),
      fixture_test(users_have_their_roles_by_name),
      fixture_test(a_disabled_user_is_known_as_such),
      fixture_test(nothing_of_another_organisation_is_in_it),
      fixture_test(what_is_not_there_is_not_found),
      fixture_test(a_data_key_that_does_not_open_is_no_snapshot),
      fixture_test(rules_say_in_policy_what_their_rows_say),
      fixture_test(a_rule_that_cannot_be_understood_denies_all_to_all),
      fixture_test(a_role_of_another_organisation_denies_all),
      fixture_test(connections_have_their_labels_settings_and_owners),
      fixture_test(tools_lie_in_order_of_public_name),
      fixture_test(a_definition_that_does_not_compile_hides_its_connections_alone),
      fixture_test(a_connection_that_cannot_be_read_is_hidden_alone),
      fixture_test(two_connectors_never_share_a_public_name),
      fixture_test(an_own_connector_stands_before_the_installations),
      fixture_test(tools_without_a_rule_are_the_installations_alone),
      fixture_test(of_the_built_in_connectors_those_are_there_that_a_connection_is_of),
      fixture_test(a_built_in_definition_of_a_newer_version_is_served_as_this_one_knows_it),
      fixture_test(what_is_only_announced_cannot_be_called),
      fixture_test(rates_are_the_default_the_organisations_or_the_tokens_own),
      fixture_test(of_several_windows_the_lowest_rate_counts),
      fixture_test(a_limit_that_makes_no_sense_admits_none),
      fixture_test(a_snapshot_lives_until_its_last_reference),
      fixture_test(a_toolset_goes_from_rows_to_what_a_client_sees),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
