#include "store/fixture.h"
#include "store/sign_in.h"

static struct browser_session_record session_of(struct uuid login_id, uint8_t hash, int64_t created_at) {
  struct browser_session_record session = {.id = uuid_new(),
                                           .login_id = login_id,
                                           .agent = STR("Mozilla/5.0"),
                                           .created_at = created_at,
                                           .seen_at = created_at,
                                           .expires_at = created_at + 1000};
  memset(session.hash, hash, sizeof session.hash);
  return session;
}

STORE_TEST(all_of_it_comes_back_by_its_whole_hash_alone) {
  struct browser_session_record session = session_of(t->acme.login, 1, 10), found;
  session.needs_code = true;
  assert_ok(store_browser_session_insert(tx, &session, &test_err));
  assert_ok(store_browser_session_seen(tx, session.id, 60, &test_err));
  assert_ok(store_browser_session_find(ARENA, session.hash, &found, &test_err));
  assert_true(uuid_eq(found.id, session.id) && uuid_eq(found.login_id, t->acme.login));
  assert_str(found.email, "ann@both.example");
  assert_str(found.agent, "Mozilla/5.0");
  assert_true(found.needs_code);
  assert_int_equal(found.created_at, 10);
  assert_int_equal(found.seen_at, 60);
  assert_int_equal(found.expires_at, 1010);
  session.hash[STORE_HASH - 1] ^= 1;
  assert_int_equal(store_browser_session_find(ARENA, session.hash, &found, &test_err), ERR_NOT_FOUND);
}

STORE_TEST(two_sessions_never_share_a_hash) {
  struct browser_session_record one = session_of(t->acme.login, 1, 10), two = session_of(t->acme.login, 1, 11);
  assert_ok(store_browser_session_insert(tx, &one, &test_err));
  assert_breaks(store_browser_session_insert(tx, &two, &test_err), ERR_CONFLICT);
}

STORE_TEST(all_of_a_person_end_but_the_one_that_is_kept_and_nobody_elses) {
  struct uuid bob;
  const struct browser_session_record *list;
  size_t n;
  assert_ok(store_login_ensure(ARENA, STR("bob@acme.example"), &bob, &test_err));
  struct browser_session_record kept = session_of(t->acme.login, 1, 10), other = session_of(t->acme.login, 2, 20),
                                bobs = session_of(bob, 3, 30);
  assert_ok(store_browser_session_insert(tx, &kept, &test_err));
  assert_ok(store_browser_session_insert(tx, &other, &test_err));
  assert_ok(store_browser_session_insert(tx, &bobs, &test_err));
  assert_ok(store_browser_session_list(ARENA, t->acme.login, &list, &n, &test_err));
  assert_int_equal(n, 2);
  assert_true(uuid_eq(list[0].id, other.id)); /* the newest first */
  assert_ok(store_browser_session_delete_all(tx, t->acme.login, kept.id, &test_err));
  assert_ok(store_browser_session_list(ARENA, (struct uuid){{0}}, &list, &n, &test_err));
  assert_int_equal(n, 2);
  assert_true(uuid_eq(list[0].id, bobs.id) && uuid_eq(list[1].id, kept.id));
  assert_ok(store_browser_session_delete_all(tx, t->acme.login, (struct uuid){{0}}, &test_err));
  assert_ok(store_browser_session_delete(tx, bobs.id, &test_err));
  assert_int_equal(store_browser_session_delete(tx, bobs.id, &test_err), ERR_NOT_FOUND);
  assert_ok(store_browser_session_list(ARENA, (struct uuid){{0}}, &list, &n, &test_err));
  assert_int_equal(n, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_UNIT(all_of_it_comes_back_by_its_whole_hash_alone),
      STORE_UNIT(two_sessions_never_share_a_hash),
      STORE_UNIT(all_of_a_person_end_but_the_one_that_is_kept_and_nobody_elses),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
