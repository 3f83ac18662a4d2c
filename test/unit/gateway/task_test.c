/* Tasks of MCP servers: their ids are ours, and good for one person, whom policy is asked about each time. */
#include "gateway/task_id.h"

#include "fixture.h"
#include "gateway/guard.h"

#define MODERN "2026-07-28"
#define LEGACY "2025-11-25"

static const struct connector_kind mcp = {.name = "mcp", .needs_rule = true};

struct world {
  struct connector connector;
  struct connector_tool definition;
  const struct connector_tool *tools[1];
  struct connector_catalogue catalogue;
  struct toolset_tool tool;
  struct connector_connection connection;
  struct policy_rule rule;
  struct policy_role role;
  const struct policy_role *roles[1];
};

static struct world *world_new(struct fixture *f) {
  struct world *world = arena_new(&f->arena, struct world);
  world->connector = (struct connector){.kind = &mcp, .id = STR("jobs")};
  world->definition = (struct connector_tool){.name = STR("run"), .public_name = STR("jobs_run"), .does = DOES_WRITE};
  world->tools[0] = &world->definition;
  world->catalogue = (struct connector_catalogue){.tools = world->tools, .n_tools = 1};
  world->tool = (struct toolset_tool){.tool = &world->definition, .connector = &world->connector};
  world->connection.connector = &world->connector;
  world->connection.catalogue = &world->catalogue;
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

static struct str begin(struct fixture *f, struct world *world, const char *revision) {
  struct call *call = fixture_call(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}");
  call->envelope.revision = mcp_revision_find(str_of(revision));
  call->method = method_find(STR("tools/call"), JSONRPC_REQUEST, call->envelope.revision->era);
  call->tool = &world->tool;
  call->connection = &world->connection;
  struct str id = task_id_seal(call, STR("upstream's own"));
  assert_non_null(id.p);
  return arena_str(&f->arena, id);
}

static struct call *ask_in(struct fixture *f, const char *revision, const char *method, struct str id, bool is_declared,
                           enum stage_verdict *ret_verdict) {
  struct str body =
      arena_printf(&f->arena,
                   "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{\"taskId\":\"%.*s\",\"c\":{"
                   "\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}}}",
                   method, STR_ARG(id));
  struct call *call = fixture_call(f, body.p);
  call->envelope.revision = mcp_revision_find(str_of(revision));
  call->method = method_find(str_of(method), JSONRPC_REQUEST, call->envelope.revision->era);
  if (is_declared) call->envelope.client_capabilities = json_get(call->message.params, "c");
  *ret_verdict = guard_task(call);
  return call;
}

static struct call *ask(struct fixture *f, const char *method, struct str id, enum stage_verdict *ret_verdict) {
  return ask_in(f, MODERN, method, id, true, ret_verdict);
}

static void assert_unknown(struct fixture *f, const char *revision, struct str id) {
  enum stage_verdict verdict;
  struct call *call = ask_in(f, revision, "tasks/get", id, true, &verdict);
  assert_int_equal(verdict, STAGE_FAIL);
  assert_int_equal(call->failure.code, JSONRPC_INVALID_PARAMS);
  assert_null(call->connection);
  struct str text = call->failure.text;
  call = ask_in(f, revision, "tasks/get", STR("made-up"), true, &verdict);
  assert_true(str_eq(call->failure.text, text));
}

static void a_task_leads_to_its_server_for_whom_it_was_begun(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  enum stage_verdict verdict;
  struct str id = begin(f, world, MODERN);
  struct call *call = ask(f, "tasks/get", id, &verdict);
  assert_int_equal(verdict, STAGE_NEXT);
  assert_str(call->uri, "upstream's own");
  assert_ptr_equal(call->connection, &world->connection);
  assert_ptr_equal(call->task_tool, &world->definition);
  assert_int_equal(call->does, DOES_READ);
  assert_true(str_eq(task_id_seal(call, STR("whatever else it says")), id)); /* it keeps its name */
  call = ask(f, "tasks/cancel", id, &verdict);
  assert_int_equal(verdict, STAGE_NEXT);
  assert_int_equal(call->does, DOES_WRITE);
}

static void another_persons_task_is_as_unknown_as_none(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  struct str id = begin(f, world, MODERN);
  f->exchange.principal.user = &f->other_user;
  assert_unknown(f, MODERN, id);
}

static void a_task_is_of_its_organisation(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  struct str id = begin(f, world, MODERN);
  f->other_snapshot.connections = &world->connection;
  f->other_snapshot.n_connections = 1;
  f->exchange.principal.snapshot = &f->other_snapshot;
  assert_unknown(f, MODERN, id);
}

static void a_task_is_of_the_era_in_which_it_was_begun(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  enum stage_verdict verdict;
  struct str modern = begin(f, world, MODERN), legacy = begin(f, world, LEGACY);
  assert_unknown(f, LEGACY, modern);
  assert_unknown(f, MODERN, legacy);
  ask_in(f, LEGACY, "tasks/result", legacy, false, &verdict); /* which needs no capability of the client's */
  assert_int_equal(verdict, STAGE_NEXT);
}

static void any_change_of_an_id_makes_it_unknown(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  struct task task;
  struct str id = begin(f, world, MODERN);
  assert_true(task_id_open(&f->exchange, MCP_MODERN, id, &task));
  for (size_t i = 0; i < id.n; i++) {
    struct str changed = arena_str(&f->arena, id);
    ((char *)changed.p)[i] = id.p[i] == 'A' ? 'B' : 'A';
    bool is_open = task_id_open(&f->exchange, MCP_MODERN, changed, &task);
    /* Of the last sextet not all bits are of the text. */
    if (i + 1 < id.n) assert_false(is_open);
  }
  for (size_t n = 0; n < id.n; n++)
    assert_false(task_id_open(&f->exchange, MCP_MODERN, str_make(id.p, n), &task));
}

static void a_task_goes_with_its_tool_and_its_connection(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  struct str id = begin(f, world, MODERN);
  world->catalogue.n_tools = 0; /* quarantined, rejected, gone */
  assert_unknown(f, MODERN, id);
  world->catalogue.n_tools = 1;
  f->snapshot.n_connections = 0;
  assert_unknown(f, MODERN, id);
  f->snapshot.n_connections = 1;
  f->exchange.path_connector = STR("another");
  assert_unknown(f, MODERN, id);
  f->exchange.path_connector = STR("jobs");
  enum stage_verdict verdict;
  ask(f, "tasks/get", id, &verdict);
  assert_int_equal(verdict, STAGE_NEXT);
}

static void what_the_tool_does_now_decides(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  enum stage_verdict verdict;
  struct str id = begin(f, world, MODERN);
  world->definition.does = DOES_DESTROY; /* an admin said so, later */
  struct call *call = ask(f, "tasks/get", id, &verdict);
  assert_int_equal(verdict, STAGE_FAIL);
  assert_false(call->is_allowed);
}

static void policy_is_asked_each_time(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  enum stage_verdict verdict;
  struct str id = begin(f, world, MODERN);
  world->role.n_rules = 0;
  struct call *call = ask(f, "tasks/get", id, &verdict);
  assert_int_equal(verdict, STAGE_FAIL);
  assert_false(call->is_allowed);
  assert_str(call->reason, "no_rule");
}

static void a_client_that_does_not_know_tasks_is_told(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  enum stage_verdict verdict;
  struct call *call = ask_in(f, MODERN, "tasks/get", begin(f, world, MODERN), false, &verdict);
  assert_int_equal(verdict, STAGE_FAIL);
  assert_int_equal(call->failure.code, MCP_MISSING_CLIENT_CAPABILITY);
  assert_int_equal(call->failure.http_status, 400);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      fixture_test(a_task_leads_to_its_server_for_whom_it_was_begun),
      fixture_test(another_persons_task_is_as_unknown_as_none),
      fixture_test(a_task_is_of_its_organisation),
      fixture_test(a_task_is_of_the_era_in_which_it_was_begun),
      fixture_test(any_change_of_an_id_makes_it_unknown),
      fixture_test(a_task_goes_with_its_tool_and_its_connection),
      fixture_test(what_the_tool_does_now_decides),
      fixture_test(policy_is_asked_each_time),
      fixture_test(a_client_that_does_not_know_tasks_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
