/* The table of operations against the document, both ways: nothing is served that is not described, with the permission
 * that is described, and whatever is described is served. */
#include "api/route.h"

#include "api/document.h"
#include "connector/self/self.h"
#include "unit.h"
#include "webhook/webhook.h"

static struct arena arena;
static struct api_document *document;

static int setup(void **state) {
  struct err err = {0};
  arena_init(&arena, 0);
  enum err_code code = api_document_open(&arena, &document, &err);
  if (code != ERR_NONE) print_error("%s (%s)\n", err.text, err.place);
  return code;
}

static int teardown(void **state) {
  arena_release(&arena);
  return 0;
}

static const struct api_route *find(struct str method, struct str path) {
  for (size_t i = 0; i < api_routes_n; i++)
    if (str_eq_fold(str_of(api_routes[i].method), method) && str_eq_c(path, api_routes[i].path)) return &api_routes[i];
  return NULL;
}

static void every_described_operation_is_served_with_its_permission(void **state) {
  size_t i, n, k, m, n_operations = 0;
  yyjson_val *path, *methods, *method, *operation;
  yyjson_obj_foreach(json_get(api_document_root(document), "paths"), i, n, path, methods) {
    yyjson_obj_foreach(methods, k, m, method, operation) {
      const struct api_route *route = find(json_str(method), json_str(path));
      bool is_planned = yyjson_is_true(json_get(operation, "x-planned"));
      struct str permission = json_get_str(operation, "x-permission");
      if ((route == NULL) != is_planned ||
          (route && !str_eq_c(permission, api_permission_row(route->permission)->word)))
        print_error("%s %s: %.*s\n", json_str(method).p, json_str(path).p, STR_ARG(permission));
      assert_int_equal(route == NULL, is_planned);
      n_operations++;
      if (!route) continue;
      assert_true(str_eq_c(permission, api_permission_row(route->permission)->word));
      char status[8];
      (void)snprintf(status, sizeof(status), "%d", route->status);
      assert_non_null(json_get(json_get(operation, "responses"), status));
      assert_int_equal(api_document_body(document, route) != NULL, json_get(operation, "requestBody") != NULL);
    }
  }
  assert_true(n_operations >= api_routes_n);
}

static bool is_described(yyjson_val *words, const char *event) {
  size_t i, n;
  yyjson_val *word;
  yyjson_arr_foreach(words, i, n, word) if (str_eq_c(json_str(word), event)) return true;
  return false;
}

static void events_of_webhooks_are_those_of_the_document(void **state) {
  yyjson_val *schemas = json_get(json_get(api_document_root(document), "components"), "schemas");
  yyjson_val *words = json_get(json_get(schemas, "WebhookEvent"), "enum"), *word;
  size_t i, n;
  for (i = 0; webhook_event_at(i); i++)
    assert_true(is_described(words, webhook_event_at(i)) != str_eq_c(STR("webhook.test"), webhook_event_at(i)));
  yyjson_arr_foreach(words, i, n, word)
      assert_true(str_eq(json_str(word), STR("*")) || webhook_is_event(json_str(word)));
}

/* Whom the list of tools shows them to is whom the API would answer; and they change nothing. */
static void own_tools_are_for_whom_their_operations_are(void **state) {
  for (size_t i = 0; self_operation_at(i); i++) {
    const struct self_operation *operation = self_operation_at(i);
    struct str path = arena_printf(&arena, "/organisations/{organisation}%s", operation->path);
    struct str kinds = str_of(operation->kinds);
    const struct api_route *route = find(str_of(operation->method), path);
    unsigned mask = 0;
    while (kinds.n > 0)
      mask |= api_kind_of(str_cut(&kinds, ' '));
    assert_non_null(route);
    assert_int_equal(route->mode, API_READ);
    assert_null(route->then);
    assert_int_equal(mask, api_permission_row(route->permission)->kinds);
  }
}

static void no_operation_is_served_twice(void **state) {
  for (size_t i = 0; i < api_routes_n; i++) {
    struct str values[API_PATH_VALUES] = {STR_NONE};
    bool is_path;
    const struct api_route *found =
        api_route_find(str_of(api_routes[i].method), str_of(api_routes[i].path), values, &is_path);
    assert_ptr_equal(found, &api_routes[i]);
  }
}

static void permissions_are_those_of_the_document(void **state) {
  yyjson_val *rows = json_get(api_document_root(document), "x-permissions"), *kind;
  assert_int_equal(yyjson_obj_size(rows), API_PERMISSIONS);
  for (unsigned i = 0; i < API_PERMISSIONS; i++) {
    const struct api_permission_row *row = api_permission_row((enum api_permission)i);
    yyjson_val *described = json_get(rows, row->word);
    size_t k, n;
    unsigned kinds = 0;
    assert_non_null(described);
    yyjson_arr_foreach(json_get(described, "kinds"), k, n, kind) kinds |= api_kind_of(json_str(kind));
    assert_int_equal(kinds, row->kinds);
    assert_int_equal(yyjson_is_true(json_get(described, "key")), row->is_scope);
    enum api_permission found;
    assert_true(api_permission_find(str_of(row->word), &found));
    assert_int_equal(found, i);
  }
}

/* Reading is for whoever may look; what changes something is never an auditor's or a member's. */
static void only_owners_and_admins_change_what_is_not_their_own(void **state) {
  for (size_t i = 0; i < api_routes_n; i++) {
    const struct api_route *route = &api_routes[i];
    unsigned kinds = api_permission_row(route->permission)->kinds;
    bool is_own = route->permission == API_SELF || route->permission == API_PERSON;
    if (route->mode == API_WRITE && !is_own) assert_int_equal(kinds & (API_AUDITOR | API_MEMBER), 0);
  }
}

static void paths_are_found_segment_by_segment(void **state) {
  struct str values[API_PATH_VALUES] = {STR_NONE};
  bool is_path;
  const struct api_route *route = api_route_find(STR("GET"), STR("/organisations/a/users/b"), values, &is_path);
  assert_non_null(route);
  assert_string_equal(route->path, "/organisations/{organisation}/users/{user}");
  assert_true(str_eq(values[0], STR("a")) && str_eq(values[1], STR("b")));
  assert_null(api_route_find(STR("PUT"), STR("/organisations/a/users/b"), values, &is_path));
  assert_true(is_path);
  static const char *const nowhere[] = {
      "",          "/",      "/organisations//users", "/organisations/a/users/", "/organisations/a/users/b/c",
      "/session/", "session"};
  for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
    assert_null(api_route_find(STR("GET"), str_of(nowhere[i]), values, &is_path));
    assert_false(is_path);
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_described_operation_is_served_with_its_permission),
      cmocka_unit_test(no_operation_is_served_twice),
      cmocka_unit_test(own_tools_are_for_whom_their_operations_are),
      cmocka_unit_test(events_of_webhooks_are_those_of_the_document),
      cmocka_unit_test(permissions_are_those_of_the_document),
      cmocka_unit_test(only_owners_and_admins_change_what_is_not_their_own),
      cmocka_unit_test(paths_are_found_segment_by_segment),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
