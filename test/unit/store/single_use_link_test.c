#include "store/fixture.h"
#include "store/sign_in.h"

static struct single_use_link_record link_of(const char *kind, struct uuid user_id, struct uuid login_id,
                                             uint8_t hash) {
  struct single_use_link_record link = {.id = uuid_new(),
                                        .kind = str_of(kind),
                                        .user_id = user_id,
                                        .login_id = login_id,
                                        .created_at = 10,
                                        .expires_at = 20};
  memset(link.hash, hash, sizeof link.hash);
  return link;
}

static const struct uuid nobody = {{0}};

STORE_TEST(a_link_is_used_once) {
  struct single_use_link_record link = link_of("invitation", t->acme.user, t->acme.login, 1), found;
  assert_ok(store_link_insert(tx, &link, &test_err));
  assert_ok(store_link_find(ARENA, link.hash, &found, &test_err));
  assert_str(found.kind, "invitation");
  assert_true(uuid_eq(found.user_id, t->acme.user) && uuid_eq(found.login_id, t->acme.login));
  assert_int_equal(found.used_at, 0);
  assert_int_equal(found.expires_at, 20);
  assert_ok(store_link_use(tx, link.id, 15, &test_err));
  assert_int_equal(store_link_use(tx, link.id, 16, &test_err), ERR_CONFLICT);
  assert_ok(store_link_find(ARENA, link.hash, &found, &test_err));
  assert_int_equal(found.used_at, 15);
  link.hash[0] ^= 1;
  assert_int_equal(store_link_find(ARENA, link.hash, &found, &test_err), ERR_NOT_FOUND);
}

STORE_TEST(a_newer_link_takes_the_place_of_those_of_its_kind_and_person) {
  struct uuid bob;
  struct single_use_link_record found;
  assert_ok(store_login_ensure(ARENA, STR("bob@acme.example"), &bob, &test_err));
  struct single_use_link_record reset = link_of("reset", nobody, t->acme.login, 1),
                                bobs = link_of("reset", nobody, bob, 2),
                                invitation = link_of("invitation", t->acme.user, t->acme.login, 3),
                                setup = link_of("setup", nobody, nobody, 4);
  assert_ok(store_link_insert(tx, &reset, &test_err));
  assert_ok(store_link_insert(tx, &bobs, &test_err));
  assert_ok(store_link_insert(tx, &invitation, &test_err));
  assert_ok(store_link_insert(tx, &setup, &test_err));
  assert_ok(store_link_delete_all(tx, STR("reset"), t->acme.login, &test_err));
  assert_int_equal(store_link_find(ARENA, reset.hash, &found, &test_err), ERR_NOT_FOUND);
  assert_ok(store_link_find(ARENA, bobs.hash, &found, &test_err));
  assert_ok(store_link_find(ARENA, invitation.hash, &found, &test_err));
  assert_ok(store_link_delete_all(tx, STR("setup"), nobody, &test_err));
  assert_int_equal(store_link_find(ARENA, setup.hash, &found, &test_err), ERR_NOT_FOUND);
  assert_ok(store_link_find(ARENA, bobs.hash, &found, &test_err));
  assert_ok(store_link_delete_of_user(tx, t->acme.user, &test_err));
  assert_int_equal(store_link_find(ARENA, invitation.hash, &found, &test_err), ERR_NOT_FOUND);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_UNIT(a_link_is_used_once),
      STORE_UNIT(a_newer_link_takes_the_place_of_those_of_its_kind_and_person),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
