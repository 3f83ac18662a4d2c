#include "store/fixture.h"

STORE_TEST(all_of_it_comes_back) {
  struct access_token_record token;
  assert_ok(store_access_token_get(ARENA, t->acme.token, &token, &test_err));
  assert_true(uuid_eq(token.organisation_id, t->acme.id) && uuid_eq(token.user_id, t->acme.user));
  assert_str(token.kind, "url");
  assert_str(token.name, "laptop");
  assert_int_equal(token.hash[0] + token.hash[31], 2);
  assert_int_equal(token.expires_at + token.revoked_at, 0);
  assert_int_equal(token.created_at, 5);
}

STORE_TEST(revoking_twice_keeps_the_first_time) {
  struct access_token_record token;
  assert_ok(store_access_token_revoke(tx, t->acme.id, t->acme.token, 100, &test_err));
  assert_ok(store_access_token_revoke(tx, t->acme.id, t->acme.token, 200, &test_err));
  assert_ok(store_access_token_get(ARENA, t->acme.token, &token, &test_err));
  assert_int_equal(token.revoked_at, 100);
}

STORE_TEST(another_organisations_token_cannot_be_touched) {
  const struct access_token_record *list;
  size_t n;
  struct access_token_record token;
  assert_int_equal(store_access_token_revoke(tx, t->globex.id, t->acme.token, 100, &test_err), ERR_NOT_FOUND);
  assert_ok(store_access_token_get(ARENA, t->acme.token, &token, &test_err));
  assert_int_equal(token.revoked_at, 0);
  assert_ok(store_access_token_list(ARENA, t->globex.id, &list, &n, &test_err));
  assert_int_equal(n, 1);
  assert_true(uuid_eq(list[0].id, t->globex.token));
}

STORE_TEST(a_token_is_for_a_user_of_its_organisation) {
  struct access_token_record token = token_of(&t->acme, 9);
  token.user_id = t->globex.user;
  assert_int_equal(store_access_token_insert(tx, &token, &test_err), ERR_NOT_FOUND);
  token = token_of(&t->acme, 1); /* the hash of one that exists */
  assert_breaks(store_access_token_insert(tx, &token, &test_err), ERR_CONFLICT);
}

struct seen {
  int n, max;
  bool has_expiring;
};

static enum err_code see(const struct access_token_record *record, void *context, struct err *err) {
  struct seen *seen = context;
  assert_int_equal(record->revoked_at, 0);
  assert_str(record->kind, "url");
  if (record->expires_at) seen->has_expiring = true;
  if (++seen->n == seen->max) return err_set(err, ERR_CANCELLED, "enough");
  return ERR_NONE;
}

STORE_TEST(only_live_ones_are_visited) {
  struct access_token_record expiring = token_of(&t->acme, 3), revoked = token_of(&t->acme, 4);
  expiring.expires_at = 1000;
  revoked.revoked_at = 10;
  assert_ok(store_access_token_insert(tx, &expiring, &test_err));
  assert_ok(store_access_token_insert(tx, &revoked, &test_err));
  struct seen seen = {0};
  assert_ok(store_access_token_each(tx, 999, see, &seen, &test_err));
  assert_int_equal(seen.n, 3);
  assert_true(seen.has_expiring);
  seen = (struct seen){0};
  assert_ok(store_access_token_each(tx, 1000, see, &seen, &test_err));
  assert_int_equal(seen.n, 2);
  seen = (struct seen){.max = 1};
  assert_int_equal(store_access_token_each(tx, 999, see, &seen, &test_err), ERR_CANCELLED);
  assert_int_equal(seen.n, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_UNIT(all_of_it_comes_back),
      STORE_UNIT(revoking_twice_keeps_the_first_time),
      STORE_UNIT(another_organisations_token_cannot_be_touched),
      STORE_UNIT(a_token_is_for_a_user_of_its_organisation),
      STORE_UNIT(only_live_ones_are_visited),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
