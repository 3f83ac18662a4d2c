/* What is told to whom: by what its user may have at that moment. */
#include "gateway/watch.h"

#include "base/clock.h"
#include "codec/json.h"
#include "fixture.h"
#include "gateway/task_id.h"
#include "mcp/passed.h"

/* What a look finds. */
static struct fixture *world_fixture;
static struct toolset *world_set;
static bool is_token_known;

struct org_snapshot *__wrap_org_slot_take(struct org_slot *slot);
struct org_snapshot *__wrap_org_slot_take(struct org_slot *slot) {
  return &world_fixture->snapshot;
}
void __wrap_org_snapshot_unref(struct org_snapshot *snapshot);
void __wrap_org_snapshot_unref(struct org_snapshot *snapshot) {}
struct org_user *__wrap_org_snapshot_user(const struct org_snapshot *snapshot, struct uuid user_id);
struct org_user *__wrap_org_snapshot_user(const struct org_snapshot *snapshot, struct uuid user_id) {
  return uuid_eq(user_id, world_fixture->user.id) ? &world_fixture->user : NULL;
}
struct token_entry *__wrap_token_index_find(const struct token_index *index, const uint8_t hash[32]);
struct token_entry *__wrap_token_index_find(const struct token_index *index, const uint8_t hash[32]) {
  return is_token_known ? &world_fixture->token : NULL;
}
const struct toolset *__wrap_toolset_of(const struct org_snapshot *snapshot, struct org_user *user);
const struct toolset *__wrap_toolset_of(const struct org_snapshot *snapshot, struct org_user *user) {
  return world_set;
}

enum { TOLD_MAX = 16 };

/* A client that remembers. */
struct ears {
  struct watch watch;
  struct arena *arena;
  bool has_room;
  int level;
  size_t n, n_ends;
  struct str methods[TOLD_MAX], texts[TOLD_MAX];
};

static bool tell(struct watch *watch, struct str method, struct str params, const struct mcp_passing *names) {
  struct ears *ears = (struct ears *)watch;
  struct buf out;
  if (!ears->has_room) return false;
  assert_true(ears->n < TOLD_MAX);
  struct mcp_passing passing = names ? *names : (struct mcp_passing){0};
  passing.arena = ears->arena;
  passing.era = MCP_MODERN;
  const struct mcp_notification notification = {.method = method, .passing = &passing};
  buf_init(&out, ears->arena, 64 * KIB);
  assert_ok(mcp_write_notification(&out, params, &notification, &test_err));
  ears->methods[ears->n] = arena_str(ears->arena, method);
  ears->texts[ears->n++] = buf_str(&out);
  return true;
}

static void end(struct watch *watch) {
  ((struct ears *)watch)->n_ends++;
  watch_end(watch);
}

static int log_level(struct watch *watch) {
  return ((struct ears *)watch)->level;
}

struct world {
  struct connector connector;
  struct connector_tool tool;
  const struct connector_tool *tools[1];
  struct connector_catalogue catalogue;
  struct connector_connection connection, other;
  struct connector_resource resource;
  struct toolset_resource listed;
  struct policy_rule rule;
  struct policy_role role;
  const struct policy_role *roles[1];
  struct toolset set;
};

static struct world *world_new(struct fixture *f) {
  struct world *world = arena_new(&f->arena, struct world);
  world_fixture = f;
  world_set = &world->set;
  is_token_known = true;
  world->connector = (struct connector){.id = STR("jobs")};
  world->tool = (struct connector_tool){.name = STR("run"), .public_name = STR("run"), .does = DOES_WRITE};
  world->tools[0] = &world->tool;
  world->catalogue = (struct connector_catalogue){.tools = world->tools, .n_tools = 1};
  world->connection = (struct connector_connection){.connector = &world->connector, .catalogue = &world->catalogue};
  world->connection.policy = (struct policy_connection){.id = uuid_new(), .name = STR("east")};
  world->other = world->connection;
  world->other.policy.id = uuid_new();
  world->resource = (struct connector_resource){.uri = STR("docs://a")};
  world->listed = (struct toolset_resource){
      .connection = &world->connection, .resource = &world->resource, .public_uri = STR("public://a")};
  world->set.resources = &world->listed;
  world->set.n_resources = 1;
  world->rule = (struct policy_rule){
      .effect = POLICY_ALLOW, .target_kind = POLICY_TARGET_CONNECTION, .target = STR("east"), .does = DOES_ANY};
  world->role = (struct policy_role){.name = STR("ops"), .rules = &world->rule, .n_rules = 1};
  world->roles[0] = &world->role;
  f->user.principal =
      (struct policy_principal){.user_id = f->user.id, .roles = world->roles, .n_roles = 1, .is_loaded = true};
  f->snapshot.connections = &world->connection;
  f->snapshot.n_connections = 1;
  f->exchange.path_connector = STR_NONE;
  f->exchange.one_connector = NULL;
  return world;
}

static struct ears *listen_to(struct fixture *f) {
  struct ears *ears = arena_new(&f->arena, struct ears);
  struct watcher watcher;
  *ears = (struct ears){.arena = &f->arena, .has_room = true};
  ears->watch.tell = tell;
  ears->watch.end = end;
  ears->watch.log_level = log_level;
  watcher_of(&f->exchange, &watcher);
  assert_true(watch_begin(&ears->watch, &f->worker, &watcher));
  return ears;
}

static void say(struct fixture *f, enum mcp_notice_kind kind, struct uuid connection, const char *text) {
  const struct mcp_notice notice = {
      .kind = kind, .organisation_id = f->snapshot.id, .connection_id = connection, .text = str_of(text)};
  watches_notice(&f->worker, &notice);
}

static void a_change_of_a_list_is_told_once_to_whom_it_matters(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  struct ears *tools = listen_to(f), *prompts = listen_to(f);
  tools->watch.wants_tools = prompts->watch.wants_prompts = true;
  watches_look(&f->worker);
  assert_int_equal(tools->n, 0);
  world->set.tools_mark++;
  watches_look(&f->worker);
  watches_look(&f->worker);
  watches_beat(&f->worker);
  assert_int_equal(tools->n, 1);
  assert_str(tools->methods[0], "notifications/tools/list_changed");
  assert_int_equal(prompts->n, 0);
  watches_end(&f->worker);
  assert_int_equal(tools->n_ends + prompts->n_ends, 2);
}

static void what_had_no_room_is_told_later(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  struct ears *ears = listen_to(f);
  ears->watch.wants_resources = true;
  ears->has_room = false;
  world->set.resources_mark++;
  watches_look(&f->worker);
  ears->has_room = true;
  watches_beat(&f->worker);
  assert_int_equal(ears->n, 1);
  watches_end(&f->worker);
}

static void who_may_no_longer_listen_does_not(void **state) {
  struct fixture *f = *state;
  world_new(f);
  struct ears *ears = listen_to(f);
  is_token_known = false;
  watches_look(&f->worker);
  assert_int_equal(ears->n_ends, 1);
  is_token_known = true;
  ears = listen_to(f);
  f->user.is_disabled = true;
  watches_look(&f->worker);
  assert_int_equal(ears->n_ends, 1);
  f->user.is_disabled = false;
  f->exchange.principal.expires_at = clock_utc_us() - 1;
  ears = listen_to(f);
  watches_beat(&f->worker);
  assert_int_equal(ears->n_ends, 1);
  assert_int_equal(f->worker.watches.n, 0);
}

static struct watched *watch_resource(struct fixture *f, struct ears *ears) {
  f->exchange.path_connector = STR_NONE;
  struct watched *watched = watched_resource_new(&f->exchange, STR("public://a"));
  assert_non_null(watched);
  assert_true(watch_add(&ears->watch, watched));
  return watched;
}

static void a_resource_is_told_of_by_its_public_name_to_who_watches_it(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  struct ears *ears = listen_to(f), *other = listen_to(f);
  watch_resource(f, ears);
  say(f, MCP_RESOURCE_UPDATED, world->other.policy.id, "docs://a");
  say(f, MCP_RESOURCE_UPDATED, world->connection.policy.id, "docs://b");
  say(f, MCP_RESOURCE_UPDATED, world->connection.policy.id, "public://a");
  assert_int_equal(ears->n, 0);
  say(f, MCP_RESOURCE_UPDATED, world->connection.policy.id, "docs://a");
  assert_int_equal(ears->n, 1);
  assert_str(
      ears->texts[0],
      "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"public://a\"}}");
  f->snapshot.id = uuid_new(); /* another organisation's server says the same */
  say(f, MCP_RESOURCE_UPDATED, world->connection.policy.id, "docs://a");
  assert_int_equal(ears->n, 1);
  assert_int_equal(other->n, 0);
  watches_end(&f->worker);
}

static void what_may_no_longer_be_read_is_dropped(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  struct ears *ears = listen_to(f);
  watch_resource(f, ears);
  assert_null(watched_resource_new(&f->exchange, STR("docs://a")));
  assert_false(watch_add(&ears->watch, watched_resource_new(&f->exchange, STR("public://a")))); /* twice */
  watches_look(&f->worker);
  assert_int_equal(ears->watch.n_watched, 1);
  world->role.n_rules = 0;
  watches_look(&f->worker);
  assert_int_equal(ears->watch.n_watched, 0);
  say(f, MCP_RESOURCE_UPDATED, world->connection.policy.id, "docs://a");
  assert_int_equal(ears->n, 0);
  assert_null(watched_resource_new(&f->exchange, STR("public://a")));
  watches_end(&f->worker);
}

static void a_log_message_is_for_who_has_something_of_that_server_and_wants_that_level(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  struct ears *ears = listen_to(f);
  ears->watch.wants_messages = true;
  ears->level = 4; /* warning */
  say(f, MCP_MESSAGE, world->connection.policy.id, "{\"level\":\"info\",\"data\":1}");
  say(f, MCP_MESSAGE, world->other.policy.id, "{\"level\":\"error\",\"data\":1}");
  assert_int_equal(ears->n, 0);
  say(f, MCP_MESSAGE, world->connection.policy.id, "{\"level\":\"emergency\",\"data\":1}");
  assert_int_equal(ears->n, 1);
  watches_end(&f->worker);
}

static void watch_task(struct fixture *f, struct world *world, struct ears *ears) {
  const struct task task = {&world->connection, &world->tool, STR("7")};
  struct watched *watched = watched_task_new(&f->exchange, &task, STR("sealed"));
  assert_non_null(watched);
  assert_true(watch_add(&ears->watch, watched));
}

static void a_task_is_told_of_under_its_public_id_until_it_is_over(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  struct ears *ears = listen_to(f);
  watch_task(f, world, ears);
  say(f, MCP_TASK_CHANGED, world->connection.policy.id, "{\"taskId\":\"8\",\"status\":\"working\"}");
  say(f, MCP_TASK_CHANGED, world->other.policy.id, "{\"taskId\":\"7\",\"status\":\"working\"}");
  say(f, MCP_TASK_CHANGED, world->connection.policy.id, "{\"taskId\":\"sealed\",\"status\":\"working\"}");
  assert_int_equal(ears->n, 0);
  say(f, MCP_TASK_CHANGED, world->connection.policy.id, "{\"taskId\":\"7\",\"status\":\"working\"}");
  say(f, MCP_TASK_CHANGED, world->connection.policy.id,
      "{\"taskId\":\"7\",\"status\":\"completed\",\"result\":{\"content\":[{\"type\":\"resource_link\",\"uri\":\"docs:/"
      "/"
      "a\"}]}}");
  assert_int_equal(ears->n, 2);
  assert_str(ears->texts[0],
             "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tasks\",\"params\":{\"taskId\":\"sealed\","
             "\"status\":\"working\"}}");
  yyjson_doc *doc;
  assert_ok(json_read(&f->arena, ears->texts[1], &doc, &test_err));
  assert_str(json_get_str(json_get(yyjson_doc_get_root(doc), "params"), "status"), "completed");
  assert_int_equal(ears->watch.n_watched, 0);
  watches_end(&f->worker);
}

static void a_task_that_may_not_be_asked_about_is_not_told_of(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  struct ears *ears = listen_to(f);
  const char *working = "{\"taskId\":\"7\",\"status\":\"working\"}";
  watch_task(f, world, ears);
  world->role.max_result = 10; /* less than that */
  say(f, MCP_TASK_CHANGED, world->connection.policy.id, working);
  world->role.max_result = 0;
  world->rule.does = DOES_READ; /* the tool writes */
  say(f, MCP_TASK_CHANGED, world->connection.policy.id, working);
  assert_int_equal(ears->n, 0);
  watches_look(&f->worker);
  assert_int_equal(ears->watch.n_watched, 0);
  world->rule.does = DOES_ANY;
  watch_task(f, world, ears);
  world->catalogue.n_tools = 0;
  watches_look(&f->worker);
  assert_int_equal(ears->watch.n_watched, 0);
  watches_end(&f->worker);
}

static void so_many_are_watched_at_once(void **state) {
  struct fixture *f = *state;
  struct world *world = world_new(f);
  struct ears *ears = listen_to(f);
  for (int i = 0; i <= LIMIT_WATCHED; i++) {
    const struct task task = {&world->connection, &world->tool, arena_printf(&f->arena, "%d", i)};
    struct watched *watched = watched_task_new(&f->exchange, &task, task.id);
    assert_int_equal(watch_add(&ears->watch, watched), i < LIMIT_WATCHED);
  }
  watches_end(&f->worker);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      fixture_test(a_change_of_a_list_is_told_once_to_whom_it_matters),
      fixture_test(what_had_no_room_is_told_later),
      fixture_test(who_may_no_longer_listen_does_not),
      fixture_test(a_resource_is_told_of_by_its_public_name_to_who_watches_it),
      fixture_test(what_may_no_longer_be_read_is_dropped),
      fixture_test(a_log_message_is_for_who_has_something_of_that_server_and_wants_that_level),
      fixture_test(a_task_is_told_of_under_its_public_id_until_it_is_over),
      fixture_test(a_task_that_may_not_be_asked_about_is_not_told_of),
      fixture_test(so_many_are_watched_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
