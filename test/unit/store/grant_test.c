#include "store/grant.h"
#include "store/fixture.h"

enum { NOW = 100, UNTIL = 200 };

static struct grant_record grant_of(const struct org *org) {
  return (struct grant_record){.connection_id = org->connection, .organisation_id = org->id, .status = STR("active")};
}

static void hold(struct db_tx *tx, struct store_test *t, const struct org *org, struct uuid owner) {
  const struct grant_record grant = grant_of(org);
  const struct job_record job = {
      .kind = STR("refresh"), .subject = uuid_bytes(&org->connection), .organisation_id = org->id, .due_at = NOW};
  const struct job_record *list;
  size_t n;
  assert_ok(store_grant_put(tx, &grant, &test_err));
  assert_ok(store_grant_take(tx, org->connection, owner, NOW, UNTIL, &test_err));
  assert_ok(store_job_put(tx, &job, &test_err));
  assert_ok(
      store_job_claim(ARENA, &(struct job_claim){STR("webhook"), true, owner, NOW, UNTIL, 10}, &list, &n, &test_err));
  assert_int_equal(n, 1);
}

STORE_TEST(a_lease_is_one_owners_until_it_ends) {
  hold(tx, t, &t->acme, uuid_new());
  assert_int_equal(store_grant_take(tx, t->acme.connection, uuid_new(), UNTIL, UNTIL + 9, &test_err), ERR_CONFLICT);
  assert_ok(store_grant_take(tx, t->acme.connection, uuid_new(), UNTIL + 1, UNTIL + 9, &test_err));
}

STORE_TEST(a_start_frees_what_that_server_held_and_nothing_of_another) {
  const struct job_record *list;
  size_t n;
  struct uuid mine = uuid_new(), others = uuid_new();
  hold(tx, t, &t->acme, mine);
  hold(tx, t, &t->globex, others);
  assert_ok(store_grant_free_leases(tx, mine, &test_err));
  assert_ok(store_grant_take(tx, t->acme.connection, mine, NOW, UNTIL, &test_err));
  assert_int_equal(store_grant_take(tx, t->globex.connection, mine, NOW, UNTIL, &test_err), ERR_CONFLICT);
  assert_ok(
      store_job_claim(ARENA, &(struct job_claim){STR("refresh"), false, mine, NOW, UNTIL, 10}, &list, &n, &test_err));
  assert_int_equal(n, 1);
  assert_true(str_eq(list[0].subject, uuid_bytes(&t->acme.connection)));
}

STORE_TEST(jobs_of_one_kind_are_claimed_without_those_of_others) {
  const struct job_record *list;
  struct uuid owner = uuid_new();
  struct job_claim claim = {STR("webhook"), false, owner, NOW, UNTIL, 10};
  const struct job_record renewal = {STR("refresh"), uuid_bytes(&t->acme.id), t->acme.id, NOW};
  const struct job_record delivery = {STR("webhook"), uuid_bytes(&t->acme.user), t->acme.id, NOW};
  bool is_due = true;
  size_t n;
  assert_ok(store_job_put(tx, &renewal, &test_err));
  assert_ok(store_job_is_due(tx, STR("webhook"), NOW, &is_due, &test_err));
  assert_false(is_due);
  assert_ok(store_job_put(tx, &delivery, &test_err));
  assert_ok(store_job_is_due(tx, STR("webhook"), NOW - 1, &is_due, &test_err));
  assert_false(is_due);
  assert_ok(store_job_is_due(tx, STR("webhook"), NOW, &is_due, &test_err));
  assert_true(is_due);
  assert_ok(store_job_claim(ARENA, &claim, &list, &n, &test_err));
  assert_int_equal(n, 1);
  assert_str(list[0].kind, "webhook");
  assert_ok(store_job_is_due(tx, STR("webhook"), NOW, &is_due, &test_err));
  assert_false(is_due); /* it is somebody's */
  claim.is_other = true;
  assert_ok(store_job_claim(ARENA, &claim, &list, &n, &test_err));
  assert_int_equal(n, 1);
  assert_str(list[0].kind, "refresh");
}

STORE_TEST(a_marker_outlives_the_lease_that_set_it) {
  struct grant_record grant;
  struct uuid mine = uuid_new();
  hold(tx, t, &t->acme, mine);
  assert_ok(store_grant_free_leases(tx, mine, &test_err));
  assert_ok(store_grant_get(ARENA, t->acme.id, t->acme.connection, &grant, &test_err));
  assert_int_equal(grant.exchange_at, NOW);
  assert_int_equal(grant.lease_until, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_UNIT(a_lease_is_one_owners_until_it_ends),
      STORE_UNIT(a_start_frees_what_that_server_held_and_nothing_of_another),
      STORE_UNIT(jobs_of_one_kind_are_claimed_without_those_of_others),
      STORE_UNIT(a_marker_outlives_the_lease_that_set_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
