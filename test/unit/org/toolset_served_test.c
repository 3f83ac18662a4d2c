/* Prompts and resources of MCP servers in a user's set, from snapshots made by hand. */
#include "codec/json.h"
#include "org/toolset.h"
#include "unit.h"

static const struct connector_kind served = {.name = "mcp", .needs_rule = true, .has_catalogue = true};

enum { CONNECTIONS = 3, PER_CONNECTION = 4 };

/* Three connections, a b c, each of its own connector; what they serve is the test's to say. */
struct world {
  struct org_snapshot snapshot;
  struct connector connectors[CONNECTIONS];
  struct connector_connection connections[CONNECTIONS];
  struct connector_catalogue catalogues[CONNECTIONS];
  struct connector_resource resources[CONNECTIONS][PER_CONNECTION], templates[CONNECTIONS][PER_CONNECTION];
  struct policy_rule rules[CONNECTIONS];
  struct policy_role role;
  const struct policy_role *roles[1];
  struct org_user ann;
  struct arena arena;
};

static int setup(void **state) {
  static const char *const names[CONNECTIONS] = {"a", "b", "c"};
  struct world *world = calloc(1, sizeof(*world));
  assert_non_null(world);
  arena_init(&world->arena, 0);
  arena_init(&world->snapshot.arena, 0);
  world->role.rules = world->rules;
  world->roles[0] = &world->role;
  for (size_t i = 0; i < CONNECTIONS; i++) {
    world->connectors[i] = (struct connector){.kind = &served, .id = str_of(names[i]), .name = str_of(names[i])};
    world->catalogues[i] =
        (struct connector_catalogue){.resources = world->resources[i], .templates = world->templates[i]};
    world->connections[i] = (struct connector_connection){
        .policy = {.name = str_of(names[i])}, .connector = &world->connectors[i], .catalogue = &world->catalogues[i]};
    world->rules[world->role.n_rules++] = (struct policy_rule){
        .effect = POLICY_ALLOW, .target_kind = POLICY_TARGET_CONNECTION, .target = str_of(names[i]), .does = DOES_READ};
  }
  world->snapshot.connectors = world->connectors;
  world->snapshot.n_connectors = CONNECTIONS;
  world->snapshot.connections = world->connections;
  world->snapshot.n_connections = CONNECTIONS;
  world->ann =
      (struct org_user){.email = STR("ann"), .principal = {.roles = world->roles, .n_roles = 1, .is_loaded = true}};
  *state = world;
  return 0;
}

static int teardown(void **state) {
  struct world *world = *state;
  arena_release(&world->snapshot.arena);
  arena_release(&world->arena);
  free(world);
  return 0;
}

static struct connector_resource item(struct world *world, const char *member, const char *uri) {
  yyjson_doc *doc;
  struct buf text;
  buf_init(&text, &world->arena, 4096);
  buf_printf(&text, "{\"%s\":\"%s\",\"name\":\"n\"}", member, uri);
  assert_ok(json_read(&world->arena, buf_str(&text), &doc, &test_err));
  return (struct connector_resource){
      .uri = str_of(uri), .shown = yyjson_doc_get_root(doc), .json = buf_str(&text), .mark = str_hash(buf_str(&text))};
}

static void serve(struct world *world, size_t connection, const char *uri) {
  struct connector_catalogue *catalogue = &world->catalogues[connection];
  world->resources[connection][catalogue->n_resources++] = item(world, "uri", uri);
}

static void serve_template(struct world *world, size_t connection, const char *uri) {
  struct connector_catalogue *catalogue = &world->catalogues[connection];
  world->templates[connection][catalogue->n_templates++] = item(world, "uriTemplate", uri);
}

static struct toolset *make(struct world *world) {
  struct toolset *set = toolset_make(&world->snapshot, &world->ann, STR_NONE);
  assert_non_null(set);
  return set;
}

/* "b docs://x", or "". */
static const char *found(struct world *world, const struct toolset *set, const char *uri) {
  static char text[512];
  const struct connector_connection *connection;
  struct str own;
  if (!toolset_find_resource(set, &world->arena, str_of(uri), &connection, &own)) return "";
  snprintf(text, sizeof(text), "%.*s %.*s", STR_ARG(connection->policy.name), STR_ARG(own));
  return text;
}

static void a_uri_of_one_is_kept_one_of_two_is_nobodys(void **state) {
  struct world *world = *state;
  serve(world, 0, "docs://x");
  serve(world, 1, "docs://x");
  serve(world, 2, "docs://y");
  struct toolset *set = make(world);
  assert_int_equal(set->n_resources, 3);
  assert_str(set->resources[0].public_uri, "connek://connection/a/docs%3A%2F%2Fx");
  assert_str(set->resources[0].json, "{\"uri\":\"connek://connection/a/docs%3A%2F%2Fx\",\"name\":\"n\"}");
  assert_string_equal(found(world, set, "docs://x"), "");
  assert_string_equal(found(world, set, "connek://connection/b/docs%3A%2F%2Fx"), "b docs://x");
  assert_string_equal(found(world, set, "docs://y"), "c docs://y");
  const struct connector_connection *of = world->connections;
  assert_str(toolset_public_uri(set, &world->arena, &of[1], STR("docs://x")), "connek://connection/b/docs%3A%2F%2Fx");
  assert_str(toolset_public_uri(set, &world->arena, &of[2], STR("docs://y")), "docs://y");
  /* What one server gives out must not lead to another one's. */
  assert_str(toolset_public_uri(set, &world->arena, &of[0], STR("docs://y")), "connek://connection/a/docs%3A%2F%2Fy");
  assert_str(toolset_public_uri(set, &world->arena, &of[0], STR("other://z")), "other://z");
  toolset_free(set);

  /* Who may read one of the two sees its own URI. */
  world->rules[1].effect = POLICY_DENY;
  set = make(world);
  assert_int_equal(set->n_resources, 2);
  assert_string_equal(found(world, set, "docs://x"), "a docs://x");
  toolset_free(set);
}

static void a_template_leads_to_its_own_server(void **state) {
  struct world *world = *state;
  serve_template(world, 0, "docs://{page}");
  serve_template(world, 1, "docs://{page}");
  serve_template(world, 2, "c://{+path}");
  serve(world, 0, "c://listed");
  struct toolset *set = make(world);
  assert_int_equal(set->n_templates, 3);
  assert_string_equal(found(world, set, "docs://x"), "");
  assert_string_equal(found(world, set, "connek://connection/b/docs%3A%2F%2Fa%20b"), "b docs://a%20b");
  assert_string_equal(found(world, set, "c://deep/er?q=1"), "c c://deep/er?q=1");
  assert_string_equal(found(world, set, "c://listed"), "a c://listed");
  assert_str(toolset_public_uri(set, &world->arena, &world->connections[1], STR("docs://q")),
             "connek://connection/b/docs%3A%2F%2Fq");
  assert_non_null(toolset_find_template(set, STR("c://{+path}")));
  assert_null(toolset_find_template(set, STR("c://{path}")));
  toolset_free(set);
}

static void what_could_be_spelt_otherwise_fits_no_template(void **state) {
  static const char *const bad[] = {"c://a/../b", "c://a/%2e%2e/b", "c://a/.%2E/b",   "c://a%2F..%2Fb", "c://..",
                                    "c://a/./b",  "c://%61",        "c://a%5c..%5cb", "c://a\\..\\b",   "c://{a}",
                                    "c://a b",    "c://a\"",        "c://%zz",        "c://%0",         "c://\xC3\xA4"};
  static const char *const good[] = {"c://a/b..c/d", "c://a%20b", "c://a%2Fb", "c://...", "c://a?x=..y"};
  struct world *world = *state;
  serve_template(world, 2, "c://{+path}");
  struct toolset *set = make(world);
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    if (found(world, set, bad[i])[0]) fail_msg("%s", bad[i]);
  for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
    if (!found(world, set, good[i])[0]) fail_msg("%s", good[i]);
  toolset_free(set);
}

static void marks_tell_whether_lists_differ(void **state) {
  struct world *world = *state;
  serve(world, 0, "docs://x");
  struct toolset *one = make(world), *same = make(world);
  assert_true(one->resources_mark == same->resources_mark);
  serve(world, 1, "docs://y");
  struct toolset *more = make(world);
  assert_true(one->resources_mark != more->resources_mark);
  assert_true(one->tools_mark == more->tools_mark);
  toolset_free(one);
  toolset_free(same);
  toolset_free(more);
}

#define world_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      world_test(a_uri_of_one_is_kept_one_of_two_is_nobodys),
      world_test(a_template_leads_to_its_own_server),
      world_test(what_could_be_spelt_otherwise_fits_no_template),
      world_test(marks_tell_whether_lists_differ),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
