/* The stage that says yes or no to a call. The list that a user's assistant sees was made earlier, by the same
 * policy_decide; that a call asks again, with its arguments, is what is shown here: the list alone opens nothing. */
#include "codec/json.h"
#include "codec/schema.h"
#include "gateway/pipeline.h"
#include "unit.h"

static const struct connector_kind ruled = {.name = "http", .needs_rule = true};

enum { EAST, WEST, N_CONNECTIONS };

struct world {
  struct org_snapshot snapshot;
  struct connector connector;
  struct connector_tool tool;
  struct org_tool entry;
  const struct org_tool *sorted[1];
  struct connector_connection connections[N_CONNECTIONS];
  struct policy_rule rules[N_CONNECTIONS];
  struct policy_role role;
  const struct policy_role *roles[1];
  struct org_user user;
  struct arena arena; /* the exchange's */
  struct exchange exchange;
  struct call call;
};

static yyjson_val *json(struct arena *arena, const char *text) {
  yyjson_doc *doc;
  assert_ok(json_read(arena, str_of(text), &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

static void add_connection(struct world *world, int at, const char *name) {
  world->connections[at].connector = &world->connector;
  world->connections[at].policy = (struct policy_connection){.name = str_of(name), .connector = STR("books")};
  world->rules[at] = (struct policy_rule){
      .effect = POLICY_ALLOW, .target_kind = POLICY_TARGET_CONNECTION, .target = str_of(name), .does = DOES_READ};
}

static int setup(void **state) {
  struct world *world = calloc(1, sizeof(*world));
  assert_non_null(world);
  struct org_snapshot *snapshot = &world->snapshot;
  arena_init(&world->arena, 0);
  arena_init(&snapshot->arena, 0);
  map_init(&snapshot->tools_by_name);
  world->tool = (struct connector_tool){.name = STR("query"),
                                        .public_name = STR("books_query"),
                                        .description = STR("Asks the books."),
                                        .does = DOES_READ,
                                        .input_schema = json(&snapshot->arena, "{\"type\":\"object\"}")};
  struct schema *schema;
  assert_ok(schema_compile(&snapshot->arena, world->tool.input_schema, &schema, &test_err));
  world->tool.schema = schema;
  world->connector = (struct connector){&ruled, STR("books"), STR("Books"), 1, &world->tool, 1, NULL};
  world->entry = (struct org_tool){&world->connector, &world->tool, STR("{}")};
  world->sorted[0] = &world->entry;
  assert_ok(map_put(&snapshot->tools_by_name, world->tool.public_name, &world->entry));
  add_connection(world, EAST, "east");
  add_connection(world, WEST, "west");
  world->role = (struct policy_role){.name = STR("finance"), .rules = world->rules, .n_rules = N_CONNECTIONS};
  world->roles[0] = &world->role;
  world->user = (struct org_user){.id = uuid_new(), .email = STR("ann"), .kind = STR("member")};
  world->user.principal =
      (struct policy_principal){.user_id = world->user.id, .roles = world->roles, .n_roles = 1, .is_loaded = true};
  snapshot->name = STR("acme");
  snapshot->connectors = &world->connector;
  snapshot->n_connectors = 1;
  snapshot->tools = world->sorted;
  snapshot->n_tools = 1;
  snapshot->connections = world->connections;
  snapshot->n_connections = N_CONNECTIONS;
  world->exchange = (struct exchange){.arena = &world->arena};
  world->exchange.principal = (struct principal){.snapshot = snapshot, .user = &world->user, .scopes = DOES_ANY};
  assert_non_null(toolset_of(snapshot, &world->user));
  *state = world;
  return 0;
}

static int teardown(void **state) {
  struct world *world = *state;
  toolset_free(world->user.toolset);
  map_release(&world->snapshot.tools_by_name);
  arena_release(&world->snapshot.arena);
  arena_release(&world->arena);
  free(world);
  return 0;
}

static enum stage_verdict guard(struct world *world, const char *params) {
  world->call = (struct call){.exchange = &world->exchange};
  world->call.message.params = json(&world->arena, params);
  return stage_guard(&world->call);
}

#define CALL_EAST "{\"name\":\"books_query\",\"arguments\":{\"account\":\"east\"}}"
#define CALL_WEST "{\"name\":\"books_query\",\"arguments\":{\"account\":\"west\"}}"

static void expect_denied(struct world *world, const char *params, const char *reason) {
  assert_int_equal(guard(world, params), STAGE_DONE);
  assert_false(world->call.is_allowed);
  assert_true(world->call.invocation.result.is_error);
  assert_int_equal(world->call.outcome, AUDIT_NONE);
  assert_str(world->call.reason, reason);
}

static void what_the_list_shows_may_be_called(void **state) {
  struct world *world = *state;
  assert_int_equal(guard(world, CALL_EAST), STAGE_NEXT);
  assert_true(world->call.is_allowed);
  assert_ptr_equal(world->call.connection, &world->connections[EAST]);
  assert_null(json_get(world->call.arguments, "account"));
  assert_int_equal(guard(world, CALL_WEST), STAGE_NEXT);
  assert_ptr_equal(world->call.connection, &world->connections[WEST]);
}

static void a_call_asks_policy_itself_whatever_the_list_says(void **state) {
  struct world *world = *state;
  world->role.n_rules = 1; /* the set was made when there were two */
  assert_int_equal(guard(world, CALL_EAST), STAGE_NEXT);
  expect_denied(world, CALL_WEST, "no_rule");
  assert_ptr_equal(world->call.connection, &world->connections[WEST]);
  world->rules[EAST].effect = POLICY_ASK;
  assert_int_equal(guard(world, CALL_EAST), STAGE_DONE);
  assert_false(world->call.is_allowed);
  world->rules[EAST].effect = POLICY_DENY;
  assert_int_equal(guard(world, CALL_EAST), STAGE_DONE);
  assert_false(world->call.is_allowed);
}

static void a_call_is_denied_where_policy_is_not_loaded(void **state) {
  struct world *world = *state;
  world->user.principal.is_loaded = false;
  expect_denied(world, CALL_EAST, "policy_not_loaded");
}

static void a_personal_connection_is_not_for_others_although_the_list_has_it(void **state) {
  struct world *world = *state;
  world->connections[EAST].policy.owner_user_id = uuid_new();
  expect_denied(world, CALL_EAST, "not_owner");
}

static void an_account_that_the_set_lacks_is_refused(void **state) {
  struct world *world = *state;
  expect_denied(world, "{\"name\":\"books_query\",\"arguments\":{\"account\":\"EAST\"}}", "unknown_account");
  expect_denied(world, "{\"name\":\"books_query\",\"arguments\":{\"account\":[\"east\"]}}", "unknown_account");
  expect_denied(world, "{\"name\":\"books_query\",\"arguments\":{}}", "unknown_account");
  expect_denied(world, "{\"name\":\"books_query\"}", "unknown_account");
}

static void a_name_is_taken_byte_for_byte(void **state) {
  struct world *world = *state;
  const char *const others[] = {"Books_query", "books_query ", "books-query", "query", "books_quer\u0443"};
  for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
    struct str params =
        arena_printf(&world->arena, "{\"name\":\"%s\",\"arguments\":{\"account\":\"east\"}}", others[i]);
    assert_int_equal(guard(world, params.p), STAGE_FAIL);
    assert_false(world->call.is_allowed);
    assert_str(world->call.reason, "unknown_tool");
  }
}

#define world_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      world_test(what_the_list_shows_may_be_called),
      world_test(a_call_asks_policy_itself_whatever_the_list_says),
      world_test(a_call_is_denied_where_policy_is_not_loaded),
      world_test(a_personal_connection_is_not_for_others_although_the_list_has_it),
      world_test(an_account_that_the_set_lacks_is_refused),
      world_test(a_name_is_taken_byte_for_byte),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
