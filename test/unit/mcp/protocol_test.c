/* Revisions. */
#include "mcp/protocol.h"

#include "codec/json.h"
#include "unit.h"

static void revisions_are_listed_newest_first_and_found_by_name(void **state) {
  size_t n;
  const struct mcp_revision *revisions = mcp_revisions(&n);
  assert_int_equal(n, 5);
  for (size_t i = 0; i < n; i++) {
    assert_ptr_equal(mcp_revision_find(revisions[i].name), &revisions[i]);
    if (i > 0) assert_true(str_cmp(revisions[i - 1].name, revisions[i].name) > 0);
  }
  static const char *const unknown[] = {"", "2025-11-2", "2025-11-255", "2025-11-26", "DRAFT-2026-v1"};
  for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
    assert_null(mcp_revision_find(str_of(unknown[i])));
  assert_null(mcp_revision_find(STR_NONE));
}

static void the_list_that_clients_are_shown_is_the_table(void **state) {
  struct arena arena;
  yyjson_doc *doc;
  size_t n, i, count;
  yyjson_val *name;
  const struct mcp_revision *revisions = mcp_revisions(&n);
  arena_init(&arena, 0);
  assert_ok(json_read(&arena, mcp_revisions_json(), &doc, &test_err));
  assert_int_equal(yyjson_arr_size(yyjson_doc_get_root(doc)), n);
  yyjson_arr_foreach(yyjson_doc_get_root(doc), i, count, name) assert_true(str_eq(json_str(name), revisions[i].name));
  arena_release(&arena);
}

static void one_revision_demands_batches_and_the_unnamed_is_it(void **state) {
  size_t n, n_batches = 0;
  const struct mcp_revision *revisions = mcp_revisions(&n);
  for (size_t i = 0; i < n; i++)
    n_batches += revisions[i].takes_batches;
  assert_int_equal(n_batches, 1);
  assert_str(mcp_revision_unnamed()->name, "2025-03-26");
  assert_true(mcp_revision_unnamed()->takes_batches);
}

static void initialize_never_negotiates_a_modern_revision(void **state) {
  size_t n;
  const struct mcp_revision *revisions = mcp_revisions(&n);
  for (size_t i = 0; i < n; i++) {
    const struct mcp_revision *negotiated = mcp_negotiate(revisions[i].name);
    assert_int_equal(negotiated->era, MCP_LEGACY);
    if (revisions[i].era == MCP_LEGACY) assert_ptr_equal(negotiated, &revisions[i]);
  }
  assert_str(mcp_negotiate(STR("2026-07-28"))->name, "2025-11-25");
  assert_str(mcp_negotiate(STR_NONE)->name, "2025-11-25");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(revisions_are_listed_newest_first_and_found_by_name),
      cmocka_unit_test(the_list_that_clients_are_shown_is_the_table),
      cmocka_unit_test(one_revision_demands_batches_and_the_unnamed_is_it),
      cmocka_unit_test(initialize_never_negotiates_a_modern_revision),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
