/* Pages of lists: each is what the whole list has there, however long it is and whatever it is filtered by. */
#include "store/api.h"
#include "store/fixture.h"
#include "store/oauth.h"

enum { MANY = 2100, PAGE = 500 }; /* more than are looked at one by one (user_page.c) */

static void add_users(struct db_tx *tx, struct store_test *t, size_t n) {
  char email[32];
  for (size_t i = 0; i < n; i++) {
    struct uuid login;
    (void)snprintf(email, sizeof email, "u%05zu@many.example", i);
    assert_ok(store_login_ensure(ARENA, str_of(email), &login, &test_err));
    struct user_record user = {uuid_new(), t->acme.id, login, str_of(email), STR("member"), 0, (int64_t)(i + 1)};
    assert_ok(store_user_insert(tx, &user, &test_err));
    if (i % 1000 == 1) assert_ok(store_user_role_insert(tx, t->acme.id, user.id, t->acme.role, &test_err));
    if (i % 1000 == 2) assert_ok(store_user_set_kind(tx, t->acme.id, user.id, STR("auditor"), &test_err));
  }
}

/* How many there are, page by page: each address once, in order. */
static size_t walk(struct db_tx *tx, struct store_test *t, struct user_filter filter) {
  size_t n_all = 0, n = 0;
  filter.organisation_id = t->acme.id;
  filter.after = STR("");
  filter.now = 10;
  do {
    const struct user_view *list;
    assert_ok(store_user_page(ARENA, &filter, PAGE, &list, &n, &test_err));
    for (size_t i = 0; i < n; i++) {
      assert_true(str_cmp(list[i].user.email, filter.after) > 0);
      filter.after = list[i].user.email;
    }
    n_all += n;
  } while (n == PAGE);
  return n_all;
}

static void all_of_them_are_found(struct db_tx *tx, struct store_test *t, size_t n) {
  assert_int_equal(walk(tx, t, (struct user_filter){0}), n + 1);
  assert_int_equal(walk(tx, t, (struct user_filter){.part = STR("u0000")}), n < 10 ? n : 10);
  assert_int_equal(walk(tx, t, (struct user_filter){.kind = STR("auditor")}), (n + 997) / 1000);
  assert_int_equal(walk(tx, t, (struct user_filter){.kind = STR("member")}), n + 1 - (n + 997) / 1000);
  assert_int_equal(walk(tx, t, (struct user_filter){.role_id = t->acme.role}), (n + 998) / 1000);
  assert_int_equal(walk(tx, t, (struct user_filter){.role_id = t->acme.role, .kind = STR("auditor")}), 0);
  assert_int_equal(walk(tx, t, (struct user_filter){.status = STR("invited")}), n + 1);
  assert_int_equal(walk(tx, t, (struct user_filter){.status = STR("disabled")}), 0);
}

STORE_TEST(users_are_found_page_by_page_where_there_are_few) {
  add_users(tx, t, 20);
  all_of_them_are_found(tx, t, 20);
}

STORE_TEST(and_where_there_are_many) {
  add_users(tx, t, MANY);
  all_of_them_are_found(tx, t, MANY);
}

STORE_TEST(what_some_users_have_is_theirs_alone) {
  const struct user_role_record *pairs;
  const struct connector_switch_record *switches;
  size_t n;
  bool has_changed;
  add_users(tx, t, 3);
  assert_ok(store_user_role_insert(tx, t->acme.id, t->acme.user, t->acme.role, &test_err));
  assert_ok(store_connector_switch_set(tx, t->acme.id, t->acme.user, STR("sqlite"), false, &has_changed, &test_err));
  const struct uuid some[STORE_SOME] = {[3] = t->acme.user, [31] = t->globex.user}, none[STORE_SOME] = {0};
  assert_ok(store_user_role_list_of(ARENA, some, &pairs, &n, &test_err));
  assert_int_equal(n, 1);
  assert_true(uuid_eq(pairs[0].user_id, t->acme.user) && uuid_eq(pairs[0].role_id, t->acme.role));
  assert_ok(store_connector_switch_list_of(ARENA, some, &switches, &n, &test_err));
  assert_int_equal(n, 1);
  assert_str(switches[0].connector_id, "sqlite");
  assert_ok(store_user_role_list_of(ARENA, none, &pairs, &n, &test_err));
  assert_int_equal(n, 0);
}

STORE_TEST(tokens_of_all_and_of_one_are_found_page_by_page) {
  const struct token_view *list;
  struct token_filter filter = {.organisation_id = t->acme.id, .now = 10};
  size_t n;
  add_users(tx, t, 1);
  for (uint8_t i = 0; i < 5; i++) {
    struct access_token_record token = token_of(&t->acme, (uint8_t)(10 + i));
    assert_ok(store_access_token_insert(tx, &token, &test_err));
  }
  assert_ok(store_token_page(ARENA, &filter, 4, &list, &n, &test_err));
  assert_int_equal(n, 4);
  filter.after = list[3].token.id;
  assert_ok(store_token_page(ARENA, &filter, 4, &list, &n, &test_err));
  assert_int_equal(n, 2);
  assert_true(uuid_eq(list[1].token.id, t->acme.token)); /* newest first */
  filter.user_id = t->acme.user;
  assert_ok(store_token_page(ARENA, &filter, 4, &list, &n, &test_err));
  assert_int_equal(n, 2);
  filter.user_id = t->globex.user;
  assert_ok(store_token_page(ARENA, &filter, 4, &list, &n, &test_err));
  assert_int_equal(n, 0);
  filter = (struct token_filter){.organisation_id = t->acme.id, .now = 10, .status = STR("revoked")};
  assert_ok(store_token_page(ARENA, &filter, 4, &list, &n, &test_err));
  assert_int_equal(n, 0);
}

STORE_TEST(clients_that_were_used_are_found_page_by_page) {
  struct uuid client = make_client(tx, t, "c-1", 10);
  struct oauth_grant_filter filter = {.organisation_id = t->acme.id};
  const struct oauth_grant_record *list;
  struct uuid ids[4];
  size_t n;
  for (size_t i = 0; i < 4; i++) {
    struct oauth_grant_record grant = grant_of(&t->acme, client, 10);
    ids[i] = grant.id;
    assert_ok(store_oauth_grant_insert(tx, &grant, &test_err));
    if (i != 2) assert_ok(store_oauth_grant_used(tx, grant.id, 50, 1000, &test_err));
  }
  assert_ok(store_oauth_grant_page(ARENA, &filter, 2, &list, &n, &test_err));
  assert_int_equal(n, 2);
  assert_true(uuid_eq(list[0].id, ids[3]) && uuid_eq(list[1].id, ids[1]));
  filter.after = ids[1];
  filter.user_id = t->acme.user;
  assert_ok(store_oauth_grant_page(ARENA, &filter, 2, &list, &n, &test_err));
  assert_int_equal(n, 1);
  assert_true(uuid_eq(list[0].id, ids[0]));
  filter.user_id = t->globex.user;
  assert_ok(store_oauth_grant_page(ARENA, &filter, 2, &list, &n, &test_err));
  assert_int_equal(n, 0);
}

STORE_TEST(limits_are_found_page_by_page_also_where_the_last_one_has_gone) {
  const struct uuid keys[] = {{{1}}, {{2}}, {{' '}}};
  struct call_limit_record after = {.organisation_id = t->acme.id};
  const struct call_limit_record *list;
  size_t n;
  struct call_limit_record limit = {uuid_new(), t->acme.id, STR("token"), STR_NONE, 60000000, 60};
  assert_ok(store_call_limit_put(tx, &limit, &test_err));
  for (size_t i = 0; i < 3; i++) {
    limit.id = uuid_new();
    limit.scope_key = uuid_bytes(&keys[i]);
    assert_ok(store_call_limit_put(tx, &limit, &test_err));
  }
  assert_ok(store_call_limit_page(ARENA, &after, 2, &list, &n, &test_err));
  assert_int_equal(n, 2);
  assert_int_equal(list[0].scope_key.n, 0);
  after = list[1];
  assert_ok(store_call_limit_delete(tx, t->acme.id, list[1].id, &test_err));
  assert_ok(store_call_limit_page(ARENA, &after, 3, &list, &n, &test_err));
  assert_int_equal(n, 2);
  assert_true(str_eq(list[0].scope_key, uuid_bytes(&keys[1])) && str_eq(list[1].scope_key, uuid_bytes(&keys[2])));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_UNIT(users_are_found_page_by_page_where_there_are_few),
      STORE_UNIT(and_where_there_are_many),
      STORE_UNIT(what_some_users_have_is_theirs_alone),
      STORE_UNIT(tokens_of_all_and_of_one_are_found_page_by_page),
      STORE_UNIT(clients_that_were_used_are_found_page_by_page),
      STORE_UNIT(limits_are_found_page_by_page_also_where_the_last_one_has_gone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
