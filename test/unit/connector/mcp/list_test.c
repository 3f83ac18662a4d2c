#include "fixture.h"

struct listed {
  atomic_int n_done;
  struct mcp_listing *listing;
  struct err err;
};

static void on_listed(void *context, struct mcp_listing *listing, const struct err *err) {
  struct listed *listed = context;
  listed->listing = listing;
  if (err) listed->err = *err;
  atomic_fetch_add(&listed->n_done, 1);
}

static void run_to_end(struct fixture *f, struct listed *listed) {
  while (!atomic_load(&listed->n_done))
    loop_turn(&f->loops[0]);
}

static void all_pages_of_all_lists_come_as_they_are(void **state) {
  const enum server_kind kinds[] = {SERVER_MODERN, SERVER_LEGACY, SERVER_STATELESS, SERVER_MODERN};
  for (int i = 0; i < 4; i++) {
    struct fixture *f = fixture_start(kinds[i], i == 3);
    struct listed listed = {0};
    assert_ok(mcp_list(f->upstreams, f->target, f->credential, on_listed, &listed, &test_err));
    run_to_end(f, &listed);
    if (!listed.listing) fail_msg("%s", listed.err.text);
    assert_str(listed.listing->tools, "[{\"name\":\"a\"},{\"name\":\"b\",\"x\":1.0}]");
    assert_str(listed.listing->resources, "[{\"uri\":\"a:b\",\"name\":\"r\"}]");
    assert_str(listed.listing->templates, "[]");
    assert_str(listed.listing->prompts, "[{\"name\":\"p\"}]");
    assert_str(listed.listing->instructions, "Be good.");
    assert_int_equal(listed.listing->is_modern, kinds[i] == SERVER_MODERN);
    assert_str(listed.listing->protocol_version, kinds[i] == SERVER_MODERN ? "2026-07-28" : "2025-06-18");
    assert_text(listed.listing->server_info, kinds[i] == SERVER_MODERN ? "modern" : "legacy");
    mcp_listing_free(listed.listing);
    fixture_stop(f);
  }
}

static void an_upstream_that_is_not_there_is_named(void **state) {
  struct fixture *f = fixture_start(SERVER_MODERN, false);
  struct listed listed = {0};
  f->target->url = STR("http://127.0.0.1:1/mcp");
  assert_ok(mcp_list(f->upstreams, f->target, f->credential, on_listed, &listed, &test_err));
  run_to_end(f, &listed);
  assert_null(listed.listing);
  assert_text(str_of(listed.err.text), "everything: cannot connect to 127.0.0.1");
  fixture_stop(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_pages_of_all_lists_come_as_they_are),
      cmocka_unit_test(an_upstream_that_is_not_there_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
