#include "store/oauth.h"

STORE_TEST(a_grant_is_a_users_of_that_organisation) {
  struct oauth_grant_record grant = grant_of(&t->acme, make_client(tx, t, "c-1", 10), 10), found;
  assert_ok(store_oauth_grant_insert(tx, &grant, &test_err));
  assert_ok(store_oauth_grant_get(ARENA, grant.id, &found, &test_err));
  assert_str(found.client_id, "c-1");
  assert_str(found.client_name, "Claude");
  assert_str(found.email, "ann@both.example");
  assert_str(found.resource, "https://connek.example/mcp");
  assert_true(found.may_refresh);
  assert_int_equal(found.scopes, 3);
  assert_int_equal(found.used_at + found.revoked_at + found.user_disabled_at, 0);
  grant.id = uuid_new();
  grant.user_id = t->globex.user;
  assert_int_equal(store_oauth_grant_insert(tx, &grant, &test_err), ERR_NOT_FOUND);
}

static int64_t revoked_at(struct db_tx *tx, struct store_test *t, struct uuid id) {
  struct access_token_record token;
  assert_ok(store_access_token_get(ARENA, id, &token, &test_err));
  return token.revoked_at;
}

STORE_TEST(revoking_ends_its_own_access_tokens_once_and_no_others) {
  struct uuid client = make_client(tx, t, "c-1", 10);
  struct oauth_grant_record one = grant_of(&t->acme, client, 10), other = grant_of(&t->acme, client, 11), found;
  assert_ok(store_oauth_grant_insert(tx, &one, &test_err));
  assert_ok(store_oauth_grant_insert(tx, &other, &test_err));
  struct uuid tokens[] = {make_access(tx, &t->acme, one.id, 11, 500), make_access(tx, &t->acme, one.id, 12, 500)};
  struct uuid kept = make_access(tx, &t->acme, other.id, 13, 500);
  int64_t before = 0, after = 0;
  assert_ok(store_change_last(tx, &before, &test_err));
  assert_ok(store_oauth_grant_revoke(ARENA, one.id, 100, &test_err));
  assert_ok(store_oauth_grant_revoke(ARENA, one.id, 200, &test_err));
  assert_ok(store_change_last(tx, &after, &test_err));
  assert_int_equal(after - before, 2); /* each worker hears of each token, once */
  assert_int_equal(revoked_at(tx, t, tokens[0]), 100);
  assert_int_equal(revoked_at(tx, t, tokens[1]), 100);
  assert_int_equal(revoked_at(tx, t, kept), 0);
  assert_ok(store_oauth_grant_get(ARENA, one.id, &found, &test_err));
  assert_int_equal(found.revoked_at, 100);
  assert_int_equal(store_oauth_grant_revoke(ARENA, uuid_new(), 100, &test_err), ERR_NOT_FOUND);
}

STORE_TEST(a_list_shows_what_was_taken_up_and_a_persons_own_what_still_holds) {
  struct uuid client = make_client(tx, t, "c-1", 10);
  const struct oauth_grant_record *list;
  size_t n;
  struct oauth_grant_record grants[] = {grant_of(&t->acme, client, 10), grant_of(&t->acme, client, 20),
                                        grant_of(&t->globex, client, 30), grant_of(&t->acme, client, 40)};
  for (size_t i = 0; i < 4; i++)
    assert_ok(store_oauth_grant_insert(tx, &grants[i], &test_err));
  for (size_t i = 0; i < 3; i++) /* nobody used the last one's code */
    assert_ok(store_oauth_grant_used(tx, grants[i].id, 50, 1000, &test_err));
  assert_ok(store_oauth_grant_revoke(ARENA, grants[0].id, 60, &test_err));
  assert_ok(store_oauth_grant_list(ARENA, t->acme.id, &list, &n, &test_err));
  assert_int_equal(n, 2);
  assert_true(uuid_eq(list[0].id, grants[1].id) && uuid_eq(list[1].id, grants[0].id));
  assert_ok(store_oauth_grant_list_of_login(ARENA, t->acme.login, 999, &list, &n, &test_err));
  assert_int_equal(n, 2);
  assert_true(uuid_eq(list[0].id, grants[2].id) && uuid_eq(list[1].id, grants[1].id));
  assert_ok(store_oauth_grant_list_of_login(ARENA, t->acme.login, 1000, &list, &n, &test_err));
  assert_int_equal(n, 0);
}

STORE_TEST(a_code_and_a_refresh_token_are_found_by_their_hash_and_keep_when_they_were_used) {
  struct oauth_grant_record grant = grant_of(&t->acme, make_client(tx, t, "c-1", 10), 10);
  struct oauth_code_record code = {.hash = {1},
                                   .grant_id = grant.id,
                                   .redirect_uri = STR("http://127.0.0.1/"),
                                   .challenge = STR("challenge"),
                                   .expires_at = 60},
                           found_code;
  struct oauth_refresh_record refresh = {.hash = {2}, .grant_id = grant.id, .created_at = 10}, found;
  assert_ok(store_oauth_grant_insert(tx, &grant, &test_err));
  assert_ok(store_oauth_code_insert(tx, &code, &test_err));
  assert_ok(store_oauth_code_use(tx, code.hash, 20, &test_err));
  assert_ok(store_oauth_code_find(ARENA, code.hash, &found_code, &test_err));
  assert_str(found_code.redirect_uri, "http://127.0.0.1/");
  assert_str(found_code.challenge, "challenge");
  assert_int_equal(found_code.used_at, 20);
  assert_int_equal(store_oauth_code_find(ARENA, refresh.hash, &found_code, &test_err), ERR_NOT_FOUND);
  assert_ok(store_oauth_refresh_insert(tx, &refresh, &test_err));
  assert_ok(store_oauth_refresh_replace(tx, refresh.hash, 30, &test_err));
  assert_ok(store_oauth_refresh_replace(tx, refresh.hash, 90, &test_err)); /* its grace does not begin anew */
  assert_ok(store_oauth_refresh_find(ARENA, refresh.hash, &found, &test_err));
  assert_true(uuid_eq(found.grant_id, grant.id));
  assert_int_equal(found.replaced_at, 30);
  assert_int_equal(store_oauth_refresh_find(ARENA, code.hash, &found, &test_err), ERR_NOT_FOUND);
}

STORE_TEST(what_a_removed_user_let_in_goes_with_them) {
  struct oauth_grant_record grant = grant_of(&t->acme, make_client(tx, t, "c-1", 10), 10), found;
  struct access_token_record token;
  assert_ok(store_oauth_grant_insert(tx, &grant, &test_err));
  struct uuid access = make_access(tx, &t->acme, grant.id, 11, 500);
  assert_ok(store_user_delete(tx, t->acme.id, t->acme.user, &test_err));
  assert_int_equal(store_oauth_grant_get(ARENA, grant.id, &found, &test_err), ERR_NOT_FOUND);
  assert_int_equal(store_access_token_get(ARENA, access, &token, &test_err), ERR_NOT_FOUND);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_UNIT(a_grant_is_a_users_of_that_organisation),
      STORE_UNIT(revoking_ends_its_own_access_tokens_once_and_no_others),
      STORE_UNIT(a_list_shows_what_was_taken_up_and_a_persons_own_what_still_holds),
      STORE_UNIT(a_code_and_a_refresh_token_are_found_by_their_hash_and_keep_when_they_were_used),
      STORE_UNIT(what_a_removed_user_let_in_goes_with_them),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
