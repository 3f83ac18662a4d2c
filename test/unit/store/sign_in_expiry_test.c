#include "store/oauth.h"

static const int64_t hour = INT64_C(3600) * 1000000, day = 24 * INT64_C(3600) * 1000000;
#define NOW (1000 * day)

static bool has_client(struct db_tx *tx, struct store_test *t, const char *client_id) {
  struct oauth_client_record found;
  return store_oauth_client_find(ARENA, str_of(client_id), &found, &test_err) == ERR_NONE;
}

static bool has_grant(struct db_tx *tx, struct store_test *t, struct uuid id) {
  struct oauth_grant_record found;
  return store_oauth_grant_get(ARENA, id, &found, &test_err) == ERR_NONE;
}

STORE_TEST(a_client_that_nobody_let_in_goes_after_a_day) {
  struct uuid used = make_client(tx, t, "used", NOW - 2 * day);
  (void)make_client(tx, t, "fresh", NOW - day + hour);
  (void)make_client(tx, t, "old", NOW - day - hour);
  assert_ok(store_oauth_client_used(tx, used, NOW - 2 * day, &test_err));
  assert_ok(store_sign_in_expire(ARENA, NOW, &test_err));
  assert_true(has_client(tx, t, "used") && has_client(tx, t, "fresh"));
  assert_false(has_client(tx, t, "old"));
}

/* Programs that register anew each time would else fill the table. */
STORE_TEST(a_client_whose_every_grant_is_gone_goes_after_half_a_year) {
  struct uuid held = make_client(tx, t, "held", NOW - 300 * day), left = make_client(tx, t, "left", NOW - 300 * day),
              recent = make_client(tx, t, "recent", NOW - 300 * day);
  struct oauth_grant_record grant = grant_of(&t->acme, held, NOW - 200 * day);
  assert_ok(store_oauth_grant_insert(tx, &grant, &test_err));
  assert_ok(store_oauth_grant_used(tx, grant.id, NOW - day, NOW + day, &test_err));
  assert_ok(store_oauth_client_used(tx, held, NOW - 200 * day, &test_err));
  assert_ok(store_oauth_client_used(tx, left, NOW - 200 * day, &test_err));
  assert_ok(store_oauth_client_used(tx, recent, NOW - 100 * day, &test_err));
  assert_ok(store_sign_in_expire(ARENA, NOW, &test_err));
  assert_true(has_client(tx, t, "held") && has_client(tx, t, "recent"));
  assert_false(has_client(tx, t, "left"));
}

STORE_TEST(a_grant_whose_code_was_not_used_goes_soon_and_one_that_ended_after_a_month) {
  struct uuid client = make_client(tx, t, "c", NOW);
  struct oauth_grant_record untaken = grant_of(&t->acme, client, NOW - 2 * hour),
                            fresh = grant_of(&t->acme, client, NOW - hour / 2),
                            ended = grant_of(&t->acme, client, NOW - 90 * day),
                            lately = grant_of(&t->acme, client, NOW - 90 * day);
  assert_ok(store_oauth_grant_insert(tx, &untaken, &test_err));
  assert_ok(store_oauth_grant_insert(tx, &fresh, &test_err));
  assert_ok(store_oauth_grant_insert(tx, &ended, &test_err));
  assert_ok(store_oauth_grant_insert(tx, &lately, &test_err));
  assert_ok(store_oauth_grant_used(tx, ended.id, NOW - 40 * day, NOW - 31 * day, &test_err));
  assert_ok(store_oauth_grant_used(tx, lately.id, NOW - 40 * day, NOW - 29 * day, &test_err));
  assert_ok(store_sign_in_expire(ARENA, NOW, &test_err));
  assert_false(has_grant(tx, t, untaken.id) || has_grant(tx, t, ended.id));
  assert_true(has_grant(tx, t, fresh.id) && has_grant(tx, t, lately.id));
}

/* A refresh token that was replaced is kept as long as its use may tell of a theft. */
STORE_TEST(what_was_replaced_is_known_for_a_month) {
  struct oauth_grant_record grant = grant_of(&t->acme, make_client(tx, t, "c", NOW), NOW - 90 * day);
  struct oauth_refresh_record old = {.hash = {1}, .grant_id = grant.id, .created_at = NOW - 90 * day},
                              known = {.hash = {2}, .grant_id = grant.id, .created_at = NOW - 60 * day},
                              live = {.hash = {3}, .grant_id = grant.id, .created_at = NOW - 60 * day}, found;
  assert_ok(store_oauth_grant_insert(tx, &grant, &test_err));
  assert_ok(store_oauth_grant_used(tx, grant.id, NOW, NOW + day, &test_err));
  assert_ok(store_oauth_refresh_insert(tx, &old, &test_err));
  assert_ok(store_oauth_refresh_insert(tx, &known, &test_err));
  assert_ok(store_oauth_refresh_insert(tx, &live, &test_err));
  assert_ok(store_oauth_refresh_replace(tx, old.hash, NOW - 31 * day, &test_err));
  assert_ok(store_oauth_refresh_replace(tx, known.hash, NOW - 29 * day, &test_err));
  assert_ok(store_sign_in_expire(ARENA, NOW, &test_err));
  assert_int_equal(store_oauth_refresh_find(ARENA, old.hash, &found, &test_err), ERR_NOT_FOUND);
  assert_ok(store_oauth_refresh_find(ARENA, known.hash, &found, &test_err));
  assert_ok(store_oauth_refresh_find(ARENA, live.hash, &found, &test_err));
}

STORE_TEST(access_tokens_of_clients_go_a_day_after_their_end_and_workers_hear_of_it) {
  struct oauth_grant_record grant = grant_of(&t->acme, make_client(tx, t, "c", NOW), NOW - 2 * day);
  struct access_token_record token;
  int64_t before = 0, after = 0;
  assert_ok(store_oauth_grant_insert(tx, &grant, &test_err));
  assert_ok(store_oauth_grant_used(tx, grant.id, NOW, NOW + day, &test_err));
  struct uuid dead = make_access(tx, &t->acme, grant.id, 11, NOW - day - hour),
              dying = make_access(tx, &t->acme, grant.id, 12, NOW - day + hour);
  struct access_token_record personal = token_of(&t->acme, 13);
  personal.expires_at = NOW - 90 * day; /* an admin's to see */
  assert_ok(store_access_token_insert(tx, &personal, &test_err));
  assert_ok(store_change_last(tx, &before, &test_err));
  assert_ok(store_sign_in_expire(ARENA, NOW, &test_err));
  assert_ok(store_change_last(tx, &after, &test_err));
  assert_int_equal(after - before, 1);
  assert_int_equal(store_access_token_get(ARENA, dead, &token, &test_err), ERR_NOT_FOUND);
  assert_ok(store_access_token_get(ARENA, dying, &token, &test_err));
  assert_ok(store_access_token_get(ARENA, personal.id, &token, &test_err));
}

STORE_TEST(sessions_links_and_codes_go_when_they_are_over) {
  struct oauth_grant_record grant = grant_of(&t->acme, make_client(tx, t, "c", NOW), NOW);
  struct browser_session_record over = {.id = uuid_new(),
                                        .login_id = t->acme.login,
                                        .agent = STR(""),
                                        .hash = {1},
                                        .created_at = 1,
                                        .seen_at = 1,
                                        .expires_at = NOW - 1},
                                live = over;
  struct single_use_link_record link = {.id = uuid_new(),
                                        .kind = STR("reset"),
                                        .login_id = t->acme.login,
                                        .hash = {1},
                                        .created_at = 1,
                                        .expires_at = NOW - 31 * day},
                                later = link;
  struct oauth_code_record code = {.hash = {1},
                                   .grant_id = grant.id,
                                   .redirect_uri = STR("http://127.0.0.1/"),
                                   .challenge = STR("x"),
                                   .expires_at = NOW - 2 * day},
                           newer = code;
  live.id = uuid_new(), live.hash[0] = 2, live.expires_at = NOW + 1;
  later.id = uuid_new(), later.hash[0] = 2, later.expires_at = NOW - 29 * day;
  newer.hash[0] = 2, newer.expires_at = NOW - hour;
  assert_ok(store_oauth_grant_insert(tx, &grant, &test_err));
  assert_ok(store_browser_session_insert(tx, &over, &test_err));
  assert_ok(store_browser_session_insert(tx, &live, &test_err));
  assert_ok(store_link_insert(tx, &link, &test_err));
  assert_ok(store_link_insert(tx, &later, &test_err));
  assert_ok(store_oauth_code_insert(tx, &code, &test_err));
  assert_ok(store_oauth_code_insert(tx, &newer, &test_err));
  assert_ok(store_sign_in_expire(ARENA, NOW, &test_err));
  assert_int_equal(store_browser_session_find(ARENA, over.hash, &over, &test_err), ERR_NOT_FOUND);
  assert_ok(store_browser_session_find(ARENA, live.hash, &live, &test_err));
  assert_int_equal(store_link_find(ARENA, link.hash, &link, &test_err), ERR_NOT_FOUND);
  assert_ok(store_link_find(ARENA, later.hash, &later, &test_err));
  assert_int_equal(store_oauth_code_find(ARENA, code.hash, &code, &test_err), ERR_NOT_FOUND);
  assert_ok(store_oauth_code_find(ARENA, newer.hash, &newer, &test_err));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_UNIT(a_client_that_nobody_let_in_goes_after_a_day),
      STORE_UNIT(a_client_whose_every_grant_is_gone_goes_after_half_a_year),
      STORE_UNIT(a_grant_whose_code_was_not_used_goes_soon_and_one_that_ended_after_a_month),
      STORE_UNIT(what_was_replaced_is_known_for_a_month),
      STORE_UNIT(access_tokens_of_clients_go_a_day_after_their_end_and_workers_hear_of_it),
      STORE_UNIT(sessions_links_and_codes_go_when_they_are_over),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
