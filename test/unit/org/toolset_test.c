/* Snapshots made by hand: what a toolset is depends on nothing else. */
#include "org/toolset.h"

#include <pthread.h>

#include "codec/json.h"
#include "unit.h"

static const struct connector_kind ruled = {.name = "http", .needs_rule = true};
static const struct connector_kind ruleless = {.name = "self", .needs_rule = false};

enum { BOOKS, CRM, SELF, N_CONNECTORS, MANY = 16 };

/* books: "query" (read), "purge" (destroy), "move" (write, with an `account` of its own). crm: "find" (read), "odd"
 * (read, with every name that we could use). connek: "whoami". */
struct world {
  struct org_snapshot snapshot;
  struct connector connectors[N_CONNECTORS];
  struct connector_tool book_tools[3], crm_tools[2], self_tools[1];
  struct org_tool tools[6];
  const struct org_tool *sorted[6];
  struct connector_connection connections[MANY];
  struct org_user ann, bob;
  struct policy_rule rules[MANY];
  struct policy_role role;
  const struct policy_role *roles[1];
};

static yyjson_val *schema(struct world *world, const char *text) {
  yyjson_doc *doc;
  assert_ok(json_read(&world->snapshot.arena, str_of(text), &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

static struct connector_tool tool(struct world *world, const char *name, const char *public_name, enum policy_does does,
                                  const char *input) {
  return (struct connector_tool){.name = str_of(name),
                                 .public_name = str_of(public_name),
                                 .description = str_of(public_name),
                                 .does = does,
                                 .input_schema = schema(world, input)};
}

static void publish(struct world *world, const struct connector *connector, size_t *n) {
  for (size_t i = 0; i < connector->n_tools; i++) {
    struct org_tool *entry = &world->tools[*n];
    *entry = (struct org_tool){connector, &connector->tools[i], STR("{\"plain\":true}")};
    assert_ok(map_put(&world->snapshot.tools_by_name, entry->tool->public_name, entry));
    world->sorted[(*n)++] = entry;
  }
}

static int by_name(const void *a, const void *b) {
  return str_cmp((*(const struct org_tool *const *)a)->tool->public_name,
                 (*(const struct org_tool *const *)b)->tool->public_name);
}

static int setup(void **state) {
  struct world *world = calloc(1, sizeof(*world));
  assert_non_null(world);
  arena_init(&world->snapshot.arena, 0);
  map_init(&world->snapshot.tools_by_name);
  world->book_tools[0] =
      tool(world, "move", "books_move", DOES_WRITE, "{\"type\":\"object\",\"properties\":{\"account\":{}}}");
  world->book_tools[1] = tool(world, "purge", "books_purge", DOES_DESTROY, "{\"type\":\"object\"}");
  world->book_tools[2] = tool(world, "query", "books_query", DOES_READ, "{\"type\":\"object\"}");
  world->crm_tools[0] = tool(world, "find", "crm_find", DOES_READ, "{\"type\":\"object\"}");
  world->crm_tools[1] =
      tool(world, "odd", "crm_odd", DOES_READ,
           "{\"type\":\"object\",\"properties\":{\"account\":{},\"connection\":{},\"connek_connection\":{}}}");
  world->self_tools[0] = tool(world, "whoami", "connek_whoami", DOES_READ, "{\"type\":\"object\"}");
  world->connectors[BOOKS] = (struct connector){&ruled, STR("books"), STR("Books"), 1, world->book_tools, 3, NULL};
  world->connectors[CRM] = (struct connector){&ruled, STR("crm"), STR("Crm"), 1, world->crm_tools, 2, NULL};
  world->connectors[SELF] = (struct connector){&ruleless, STR("connek"), STR("Connek"), 1, world->self_tools, 1, NULL};
  size_t n = 0;
  for (size_t i = 0; i < N_CONNECTORS; i++)
    publish(world, &world->connectors[i], &n);
  qsort(world->sorted, n, sizeof(world->sorted[0]), by_name);
  world->role = (struct policy_role){.name = STR("finance"), .rules = world->rules};
  world->roles[0] = &world->role;
  struct policy_principal principal = {.roles = world->roles, .n_roles = 1, .is_loaded = true};
  world->ann = (struct org_user){.id = uuid_new(), .email = STR("ann"), .kind = STR("member"), .principal = principal};
  world->bob = (struct org_user){.id = uuid_new(), .email = STR("bob"), .kind = STR("member"), .principal = principal};
  world->ann.principal.user_id = world->ann.id;
  world->bob.principal.user_id = world->bob.id;
  world->snapshot.name = STR("acme");
  world->snapshot.connectors = world->connectors;
  world->snapshot.n_connectors = N_CONNECTORS;
  world->snapshot.tools = world->sorted;
  world->snapshot.n_tools = n;
  world->snapshot.connections = world->connections;
  *state = world;
  return 0;
}

static int teardown(void **state) {
  struct world *world = *state;
  toolset_free(world->ann.toolset);
  toolset_free(world->bob.toolset);
  map_release(&world->snapshot.tools_by_name);
  arena_release(&world->snapshot.arena);
  free(world);
  return 0;
}

/* In order of name, as the store lists them. */
static void connect_account(struct world *world, const char *name, int connector, const struct org_user *owner) {
  struct connector_connection *connection = &world->connections[world->snapshot.n_connections++];
  connection->connector = &world->connectors[connector];
  connection->policy.name = str_of(name);
  connection->policy.connector = connection->connector->id;
  if (owner) connection->policy.owner_user_id = owner->id;
}

static void rule(struct world *world, enum policy_effect effect, const char *connection, unsigned does) {
  world->rules[world->role.n_rules++] = (struct policy_rule){
      .effect = effect, .target_kind = POLICY_TARGET_CONNECTION, .target = str_of(connection), .does = does};
}

static const struct toolset *set_of(struct world *world, struct org_user *user) {
  const struct toolset *set = toolset_of(&world->snapshot, user);
  assert_non_null(set);
  return set;
}

/* The names in order, with the account's argument and the accounts: "books_query(account:east,west) ...". */
static const char *seen(const struct toolset *set) {
  static char text[1024];
  size_t n = 0;
  text[0] = '\0';
  for (size_t i = 0; i < set->n_tools; i++) {
    const struct toolset_tool *entry = &set->tools[i];
    assert_ptr_equal(toolset_find(set, entry->tool->public_name), entry);
    n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s", i ? " " : "", STR_ARG(entry->tool->public_name));
    if (entry->n_connections == 0) continue;
    n += (size_t)snprintf(text + n, sizeof(text) - n, "(%s%s", entry->account_argument ? entry->account_argument : "",
                          entry->account_argument ? ":" : "");
    for (size_t c = 0; c < entry->n_connections; c++) {
      n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s", c ? "," : "",
                            STR_ARG(entry->connections[c]->policy.name));
    }
    n += (size_t)snprintf(text + n, sizeof(text) - n, ")");
  }
  return text;
}

#define assert_sees(user, expected) assert_string_equal(seen(set_of(world, &world->user)), (expected))

static void who_may_nothing_still_has_the_tools_about_themselves(void **state) {
  struct world *world = *state;
  connect_account(world, "east", BOOKS, NULL);
  assert_sees(ann, "connek_whoami");
  assert_null(toolset_find(set_of(world, &world->ann), STR("books_query")));
}

static void one_connection_needs_no_account(void **state) {
  struct world *world = *state;
  connect_account(world, "east", BOOKS, NULL);
  rule(world, POLICY_ALLOW, "east", DOES_ANY);
  assert_sees(ann, "books_move(east) books_purge(east) books_query(east) connek_whoami");
  /* without an account it is the snapshot's own text, not a copy */
  const struct toolset_tool *query = toolset_find(set_of(world, &world->ann), STR("books_query"));
  assert_str(query->json, "{\"plain\":true}");
}

static void a_tool_is_shown_only_where_a_rule_allows_what_it_does(void **state) {
  struct world *world = *state;
  connect_account(world, "east", BOOKS, NULL);
  rule(world, POLICY_ALLOW, "east", DOES_READ | DOES_WRITE);
  assert_sees(ann, "books_move(east) books_query(east) connek_whoami");
}

static void what_needs_asking_is_not_shown(void **state) {
  struct world *world = *state;
  connect_account(world, "east", BOOKS, NULL);
  rule(world, POLICY_ALLOW, "east", DOES_READ);
  rule(world, POLICY_ASK, "east", DOES_WRITE);
  assert_sees(ann, "books_query(east) connek_whoami");
}

static void several_connections_are_one_set_of_tools_with_an_account(void **state) {
  struct world *world = *state;
  connect_account(world, "east", BOOKS, NULL);
  connect_account(world, "west", BOOKS, NULL);
  rule(world, POLICY_ALLOW, "east", DOES_ANY);
  rule(world, POLICY_ALLOW, "west", DOES_READ);
  assert_sees(ann,
              "books_move(connection:east) books_purge(account:east) books_query(account:east,west) "
              "connek_whoami");
  const struct toolset_tool *query = toolset_find(set_of(world, &world->ann), STR("books_query"));
  assert_non_null(strstr(query->json.p,
                         "\"account\":{\"type\":\"string\",\"enum\":[\"east\",\"west\"],\"description\":"
                         "\"Which Books account to use\"}"));
  const struct toolset_tool *purge = toolset_find(set_of(world, &world->ann), STR("books_purge"));
  assert_non_null(strstr(purge->json.p, "\"enum\":[\"east\"]"));
}

/* Each tool has one connection, but the connector has two: the account says which. */
static void accounts_are_counted_over_all_tools_of_the_connector(void **state) {
  struct world *world = *state;
  connect_account(world, "east", BOOKS, NULL);
  connect_account(world, "west", BOOKS, NULL);
  rule(world, POLICY_ALLOW, "east", DOES_READ);
  rule(world, POLICY_ALLOW, "west", DOES_DESTROY);
  assert_sees(ann, "books_purge(account:west) books_query(account:east) connek_whoami");
}

static void a_connection_that_may_not_be_used_is_not_counted(void **state) {
  struct world *world = *state;
  connect_account(world, "east", BOOKS, NULL);
  connect_account(world, "north", CRM, NULL);
  connect_account(world, "west", BOOKS, NULL);
  rule(world, POLICY_ALLOW, "east", DOES_READ);
  rule(world, POLICY_ALLOW, "north", DOES_READ);
  rule(world, POLICY_ALLOW, "west", DOES_ANY);
  rule(world, POLICY_DENY, "west", DOES_ANY);
  assert_sees(ann, "books_query(east) connek_whoami crm_find(north) crm_odd(north)");
}

static void a_tool_that_leaves_no_name_for_the_account_is_left_out(void **state) {
  struct world *world = *state;
  connect_account(world, "north", CRM, NULL);
  connect_account(world, "south", CRM, NULL);
  rule(world, POLICY_ALLOW, "north", DOES_READ);
  rule(world, POLICY_ALLOW, "south", DOES_READ);
  assert_sees(ann, "connek_whoami crm_find(account:north,south)");
}

static void a_personal_connection_is_its_owners_alone(void **state) {
  struct world *world = *state;
  connect_account(world, "ann's", BOOKS, &world->ann);
  connect_account(world, "east", BOOKS, NULL);
  rule(world, POLICY_ALLOW, "ann's", DOES_READ);
  rule(world, POLICY_ALLOW, "east", DOES_READ);
  assert_sees(ann, "books_query(account:ann's,east) connek_whoami");
  assert_sees(bob, "books_query(east) connek_whoami");
  const struct toolset *bobs = set_of(world, &world->bob);
  assert_int_equal(bobs->caller.n_connections, 1);
  assert_null(strstr(toolset_find(bobs, STR("books_query"))->json.p, "ann"));
}

static void a_disabled_user_has_nothing_at_all(void **state) {
  struct world *world = *state;
  connect_account(world, "east", BOOKS, NULL);
  rule(world, POLICY_ALLOW, "east", DOES_ANY);
  world->ann.is_disabled = true;
  assert_sees(ann, "");
}

static void a_policy_that_was_not_loaded_shows_nothing_at_all(void **state) {
  struct world *world = *state;
  connect_account(world, "east", BOOKS, NULL);
  rule(world, POLICY_ALLOW, "east", DOES_ANY);
  world->ann.principal.is_loaded = false;
  assert_sees(ann, "");
}

static void an_organisation_without_anything_has_an_empty_set(void **state) {
  struct world *world = *state;
  world->snapshot.n_tools = 0;
  world->snapshot.n_connectors = 0;
  assert_sees(ann, "");
}

static void one_connectors_endpoint_shows_that_connector_alone(void **state) {
  struct world *world = *state;
  connect_account(world, "east", BOOKS, NULL);
  connect_account(world, "north", CRM, NULL);
  connect_account(world, "west", BOOKS, NULL);
  rule(world, POLICY_ALLOW, "east", DOES_READ);
  rule(world, POLICY_ALLOW, "north", DOES_READ);
  rule(world, POLICY_ALLOW, "west", DOES_READ);
  static const struct {
    const char *connector, *sees;
  } cases[] = {{"books", "books_query(account:east,west)"},
               {"crm", "crm_find(north) crm_odd(north)"},
               {"connek", "connek_whoami"},
               {"Books", ""},
               {"nonsense", ""}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct toolset *set = toolset_make(&world->snapshot, &world->ann, str_of(cases[i].connector));
    assert_string_equal(seen(set), cases[i].sees);
    assert_int_equal(set->caller.n_tools, set->n_tools);
    toolset_free(set);
  }
  assert_null(atomic_load(&world->ann.toolset)); /* none of them is kept */
}

static void the_caller_knows_what_the_set_holds_and_no_more(void **state) {
  struct world *world = *state;
  connect_account(world, "east", BOOKS, NULL);
  connect_account(world, "mine", CRM, &world->ann);
  connect_account(world, "west", BOOKS, NULL);
  rule(world, POLICY_ALLOW, "east", DOES_READ);
  rule(world, POLICY_ALLOW, "mine", DOES_READ);
  const struct connector_caller *caller = &set_of(world, &world->ann)->caller;
  assert_str(caller->organisation, "acme");
  assert_str(caller->email, "ann");
  assert_str(caller->kind, "member");
  assert_int_equal(caller->n_roles, 1);
  assert_str(caller->roles[0], "finance");
  assert_int_equal(caller->n_tools, 4);
  assert_str(caller->tools[0].public_name, "books_query");
  assert_int_equal(caller->tools[0].does, DOES_READ);
  assert_int_equal(caller->n_connections, 2);
  assert_str(caller->connections[0].name, "east");
  assert_str(caller->connections[0].connector_id, "books");
  assert_str(caller->connections[0].connector_name, "Books");
  assert_false(caller->connections[0].is_personal);
  assert_str(caller->connections[1].name, "mine");
  assert_true(caller->connections[1].is_personal);
}

struct racer {
  pthread_t thread;
  struct world *world;
  const struct toolset *set;
};

static void *race(void *argument) {
  struct racer *racer = argument;
  racer->set = toolset_of(&racer->world->snapshot, &racer->world->ann);
  return NULL;
}

static void all_workers_share_one_set(void **state) {
  struct world *world = *state;
  connect_account(world, "east", BOOKS, NULL);
  rule(world, POLICY_ALLOW, "east", DOES_ANY);
  struct racer racers[4];
  for (int i = 0; i < 4; i++) {
    racers[i] = (struct racer){.world = world};
    assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
  }
  for (int i = 0; i < 4; i++)
    pthread_join(racers[i].thread, NULL);
  for (int i = 0; i < 4; i++)
    assert_ptr_equal(racers[i].set, set_of(world, &world->ann));
}

static enum toolset_absence why(struct world *world, const char *name, struct toolset_denial *ret_denial) {
  *ret_denial = (struct toolset_denial){0};
  return toolset_why_absent(&world->snapshot, &world->ann, str_of(name), ret_denial);
}

static void a_tool_without_a_rule_is_denied_for_want_of_one(void **state) {
  struct world *world = *state;
  struct toolset_denial denial;
  connect_account(world, "east", BOOKS, NULL);
  connect_account(world, "west", BOOKS, NULL);
  assert_int_equal(why(world, "books_query", &denial), TOOLSET_DENIED);
  assert_ptr_equal(denial.tool, &world->book_tools[2]);
  assert_str(denial.connection->policy.name, "east");
  assert_int_equal(denial.decision.effect, POLICY_DENY);
  assert_int_equal(denial.decision.reason, POLICY_NO_RULE);
}

static void a_denial_names_the_rule_that_decided(void **state) {
  struct world *world = *state;
  struct toolset_denial denial;
  connect_account(world, "east", BOOKS, NULL);
  rule(world, POLICY_ALLOW, "east", DOES_ANY);
  rule(world, POLICY_DENY, "east", DOES_DESTROY);
  assert_int_equal(why(world, "books_purge", &denial), TOOLSET_DENIED);
  assert_int_equal(denial.decision.reason, POLICY_BY_RULE);
  assert_ptr_equal(denial.decision.rule, &world->rules[1]);
  assert_ptr_equal(denial.decision.role, &world->role);
}

static void asking_is_denied_as_asking(void **state) {
  struct world *world = *state;
  struct toolset_denial denial;
  connect_account(world, "east", BOOKS, NULL);
  rule(world, POLICY_ASK, "east", DOES_ANY);
  assert_int_equal(why(world, "books_purge", &denial), TOOLSET_DENIED);
  assert_int_equal(denial.decision.effect, POLICY_ASK);
}

static void what_nobody_has_or_nobody_connected_is_unknown(void **state) {
  struct world *world = *state;
  struct toolset_denial denial;
  connect_account(world, "east", BOOKS, NULL);
  assert_int_equal(why(world, "nonsense", &denial), TOOLSET_UNKNOWN);
  assert_int_equal(why(world, "", &denial), TOOLSET_UNKNOWN);
  assert_int_equal(why(world, "BOOKS_QUERY", &denial), TOOLSET_UNKNOWN);
  assert_int_equal(why(world, "query", &denial), TOOLSET_UNKNOWN);
  assert_int_equal(why(world, "crm_find", &denial), TOOLSET_UNKNOWN);
  assert_null(denial.tool);
}

static void anothers_personal_connection_is_not_given_away(void **state) {
  struct world *world = *state;
  struct toolset_denial denial;
  connect_account(world, "bob's", CRM, &world->bob);
  assert_int_equal(why(world, "crm_find", &denial), TOOLSET_UNKNOWN);
  connect_account(world, "north", CRM, NULL);
  assert_int_equal(why(world, "crm_find", &denial), TOOLSET_DENIED);
  assert_str(denial.connection->policy.name, "north");
}

static void what_may_be_called_is_never_a_denial(void **state) {
  struct world *world = *state;
  struct toolset_denial denial;
  connect_account(world, "east", BOOKS, NULL);
  connect_account(world, "west", BOOKS, NULL);
  rule(world, POLICY_ALLOW, "west", DOES_READ);
  assert_int_equal(why(world, "books_query", &denial), TOOLSET_UNKNOWN);
  assert_int_equal(why(world, "connek_whoami", &denial), TOOLSET_UNKNOWN);
}

static void who_may_nothing_is_denied_what_rules_would_allow(void **state) {
  struct world *world = *state;
  struct toolset_denial denial;
  connect_account(world, "east", BOOKS, NULL);
  rule(world, POLICY_ALLOW, "east", DOES_READ);
  world->ann.is_disabled = true;
  static const char *const names[] = {"books_query", "connek_whoami"};
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(why(world, names[i], &denial), TOOLSET_DENIED);
    assert_int_equal(denial.decision.effect, POLICY_DENY);
    assert_int_equal(denial.decision.reason, POLICY_NOT_LOADED);
  }
  world->ann.is_disabled = false;
  world->ann.principal.is_loaded = false;
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(why(world, names[i], &denial), TOOLSET_DENIED);
    assert_int_equal(denial.decision.reason, POLICY_NOT_LOADED);
  }
}

/* tools/list and tools/call cannot differ: what is in the set is not denied, and what is not in it is not allowed. */
static void every_tool_is_either_in_the_set_or_has_a_reason_not_to_be(void **state) {
  struct world *world = *state;
  connect_account(world, "bob's", CRM, &world->bob);
  connect_account(world, "east", BOOKS, NULL);
  connect_account(world, "west", BOOKS, NULL);
  rule(world, POLICY_ALLOW, "east", DOES_READ);
  rule(world, POLICY_ALLOW, "west", DOES_WRITE);
  rule(world, POLICY_DENY, "west", DOES_DESTROY);
  const struct toolset *set = set_of(world, &world->ann);
  for (size_t i = 0; i < world->snapshot.n_tools; i++) {
    struct toolset_denial denial;
    struct str name = world->sorted[i]->tool->public_name;
    enum toolset_absence absence = toolset_why_absent(&world->snapshot, &world->ann, name, &denial);
    if (toolset_find(set, name)) assert_int_equal(absence, TOOLSET_UNKNOWN);
    if (absence == TOOLSET_DENIED) assert_null(toolset_find(set, name));
  }
}

#define world_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      world_test(who_may_nothing_still_has_the_tools_about_themselves),
      world_test(one_connection_needs_no_account),
      world_test(a_tool_is_shown_only_where_a_rule_allows_what_it_does),
      world_test(what_needs_asking_is_not_shown),
      world_test(several_connections_are_one_set_of_tools_with_an_account),
      world_test(accounts_are_counted_over_all_tools_of_the_connector),
      world_test(a_connection_that_may_not_be_used_is_not_counted),
      world_test(a_tool_that_leaves_no_name_for_the_account_is_left_out),
      world_test(a_personal_connection_is_its_owners_alone),
      world_test(a_disabled_user_has_nothing_at_all),
      world_test(a_policy_that_was_not_loaded_shows_nothing_at_all),
      world_test(an_organisation_without_anything_has_an_empty_set),
      world_test(one_connectors_endpoint_shows_that_connector_alone),
      world_test(the_caller_knows_what_the_set_holds_and_no_more),
      world_test(all_workers_share_one_set),
      world_test(a_tool_without_a_rule_is_denied_for_want_of_one),
      world_test(a_denial_names_the_rule_that_decided),
      world_test(asking_is_denied_as_asking),
      world_test(what_nobody_has_or_nobody_connected_is_unknown),
      world_test(anothers_personal_connection_is_not_given_away),
      world_test(what_may_be_called_is_never_a_denial),
      world_test(who_may_nothing_is_denied_what_rules_would_allow),
      world_test(every_tool_is_either_in_the_set_or_has_a_reason_not_to_be),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
