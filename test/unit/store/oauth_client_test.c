#include "store/oauth.h"

STORE_TEST(all_of_it_comes_back_by_what_it_is_called) {
  struct oauth_client_record client = client_of("registered", "c-1", 10), found;
  client.has_secret = true;
  memset(client.secret_hash, 9, sizeof client.secret_hash);
  assert_ok(store_oauth_client_put(ARENA, &client, &test_err));
  assert_ok(store_oauth_client_find(ARENA, STR("c-1"), &found, &test_err));
  assert_true(uuid_eq(found.id, client.id));
  assert_str(found.kind, "registered");
  assert_str(found.name, "Claude");
  assert_str(found.redirect_uris, "[\"http://127.0.0.1/\"]");
  assert_true(found.has_secret && found.may_refresh);
  assert_int_equal(found.secret_hash[0] + found.secret_hash[STORE_HASH - 1], 18);
  assert_int_equal(found.used_at + found.fetched_at, 0);
  assert_int_equal(store_oauth_client_find(ARENA, STR("C-1"), &found, &test_err), ERR_NOT_FOUND);
}

/* Whoever registers names nothing that is somebody's already, and a document cannot become a registration. */
STORE_TEST(a_document_follows_its_author_and_a_registration_is_never_changed) {
  struct oauth_client_record one = client_of("registered", "c-1", 10), two = client_of("registered", "c-1", 11);
  struct oauth_client_record first = client_of("document", "https://a.example/c", 10), later = first, found;
  assert_ok(store_oauth_client_put(ARENA, &one, &test_err));
  assert_int_equal(store_oauth_client_put(ARENA, &two, &test_err), ERR_CONFLICT);
  two.kind = STR("document");
  assert_int_equal(store_oauth_client_put(ARENA, &two, &test_err), ERR_CONFLICT);
  assert_ok(store_oauth_client_put(ARENA, &first, &test_err));
  struct uuid id = first.id;
  later.id = uuid_new();
  later.name = STR("Claude, renamed");
  later.redirect_uris = STR("[]");
  later.fetched_at = 50;
  assert_ok(store_oauth_client_put(ARENA, &later, &test_err));
  assert_true(uuid_eq(later.id, id));
  assert_ok(store_oauth_client_find(ARENA, STR("https://a.example/c"), &found, &test_err));
  assert_str(found.name, "Claude, renamed");
  assert_str(found.redirect_uris, "[]");
  assert_int_equal(found.fetched_at, 50);
  later.kind = STR("registered");
  assert_int_equal(store_oauth_client_put(ARENA, &later, &test_err), ERR_CONFLICT);
}

STORE_TEST(those_that_wait_to_be_let_in_are_counted) {
  int64_t n = -1;
  struct uuid used = make_client(tx, t, "c-1", 10);
  struct oauth_client_record document = client_of("document", "https://a.example/c", 10);
  (void)make_client(tx, t, "c-2", 10);
  assert_ok(store_oauth_client_put(ARENA, &document, &test_err));
  assert_ok(store_oauth_client_count_unused(tx, &n, &test_err));
  assert_int_equal(n, 2);
  assert_ok(store_oauth_client_used(tx, used, 20, &test_err));
  assert_ok(store_oauth_client_count_unused(tx, &n, &test_err));
  assert_int_equal(n, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_UNIT(all_of_it_comes_back_by_what_it_is_called),
      STORE_UNIT(a_document_follows_its_author_and_a_registration_is_never_changed),
      STORE_UNIT(those_that_wait_to_be_let_in_are_counted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
