/* Tasks of MCP servers: their ids are ours, and good for one person, whom policy is asked about each time. */
#include "gateway/task_id.h"

#include "fixture.h"
#include "gateway/guard.h"

static const struct connector_kind mcp = {.name = "mcp", .needs_rule = true};

struct world {
  struct connector connector;
  struct connector_tool definition;
  struct toolset_tool tool;
  struct connector_connection connection;
  struct policy_rule rule;
  struct policy_role role;
  const struct policy_role *roles[1];
};

static struct world *world_new(struct fixture *f) {
  struct world *world = arena_new(&f->arena, struct world);
  world->connector = (struct connector){.kind = &mcp, .id = STR("jobs")};
  world->definition = (struct connector_tool){.name = STR("run"), .does = DOES_WRITE};
  world->tool = (struct toolset_tool){.tool = &world->definition, .connector = &world->connector};
  world->connection.connector = &world->connector;
  world->connection.policy =
      (struct policy_connection){.id = uuid_new(), .name = STR("east"), .connector = STR("jobs")};
  world->rule = (struct policy_rule){
      .effect = POLICY_ALLOW, .target_kind = POLICY_TARGET_CONNECTION, .target = STR("east"), .does = DOES_WRITE};
  world->role = (struct policy_role){.name = STR("ops"), .rules = &world->rule, .n_rules = 1};
  world->roles[0] = &world->role;
  f->user.principal =
      (struct policy_principal){.user_id = f->user.id, .roles = world->roles, .n_roles = 1, .is_loaded = true};
  f->other_user.principal = f->user.principal;
  f->snapshot.connections = &world->connection;
  f->snapshot.n_connections = 1;
  return world;
}

static struct str begin(struct fixture *f, struct world *world) {
  struct call *call = fixture_call(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}");
  call->method = method_find(STR("tools/call"), JSONRPC_REQUEST, MCP_MODERN);
  call->tool = &world->tool;
  call->connection = &world->connection;
  struct str id = task_id_seal(call, STR("upstream's own"));
  assert_non_null(id.p);
  return arena_str(&f->arena, id);
}

static struct call *ask(struct fixture *f, const char *method, struct str id, bool is_declared,
                        enum stage_verdict *ret_verdict) {
  struct str body =
      arena_printf(&f->arena,
                   "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{\"taskId\":\"%.*s\",\"c\":{"
                   "\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}}}",
                   method, STR_ARG(id));
  struct call *call = fixture_call(f, body.p);
  call->method = method_find(str_of(method), JSONRPC_REQUEST, MCP_MODERN);
  call->envelope.revision = mcp_revision_find(STR("2026-07-28"));
  if (is_declared) call->envelope.client_capabilities = json_get(call->message.params, "c");
  *ret_verdict = guard_task(call);
  return call;
}

static void a_task_leads_to_its_server_for_whom_it_was_begun(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  enum stage_verdict verdict;
  struct str id = begin(f, world);
  struct call *call = ask(f, "tasks/get", id, true, &verdict);
  assert_int_equal(verdict, STAGE_NEXT);
  assert_str(call->uri, "upstream's own");
  assert_ptr_equal(call->connection, &world->connection);
  assert_int_equal(call->does, DOES_READ);
  assert_true(str_eq(task_id_seal(call, STR("upstream's own")), id)); /* it keeps its name */
  call = ask(f, "tasks/cancel", id, true, &verdict);
  assert_int_equal(verdict, STAGE_NEXT);
  assert_int_equal(call->does, DOES_WRITE);
}

static void another_persons_task_is_as_unknown_as_none(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  enum stage_verdict verdict;
  struct str id = begin(f, world);
  f->exchange.principal.user = &f->other_user;
  struct call *call = ask(f, "tasks/get", id, true, &verdict);
  assert_int_equal(verdict, STAGE_FAIL);
  assert_int_equal(call->failure.code, JSONRPC_INVALID_PARAMS);
  struct str text = call->failure.text;
  call = ask(f, "tasks/get", STR("made-up"), true, &verdict);
  assert_true(str_eq(call->failure.text, text));
  assert_null(call->connection);
}

static void policy_is_asked_each_time(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  enum stage_verdict verdict;
  struct str id = begin(f, world);
  world->role.n_rules = 0;
  struct call *call = ask(f, "tasks/get", id, true, &verdict);
  assert_int_equal(verdict, STAGE_FAIL);
  assert_false(call->is_allowed);
  assert_str(call->reason, "no_rule");
}

static void a_client_that_does_not_know_tasks_is_told(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  enum stage_verdict verdict;
  struct call *call = ask(f, "tasks/get", begin(f, world), false, &verdict);
  assert_int_equal(verdict, STAGE_FAIL);
  assert_int_equal(call->failure.code, MCP_MISSING_CLIENT_CAPABILITY);
  assert_int_equal(call->failure.http_status, 400);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      fixture_test(a_task_leads_to_its_server_for_whom_it_was_begun),
      fixture_test(another_persons_task_is_as_unknown_as_none),
      fixture_test(policy_is_asked_each_time),
      fixture_test(a_client_that_does_not_know_tasks_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
