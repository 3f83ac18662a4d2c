#include "store/fixture.h"

static struct access_rule_record rule_of(const struct org *org, int64_t position) {
  return (struct access_rule_record){.id = uuid_new(),
                                     .organisation_id = org->id,
                                     .role_id = org->role,
                                     .position = position,
                                     .effect = STR("allow"),
                                     .target_kind = STR("connection"),
                                     .target = STR("ledger"),
                                     .does = STR("[\"read\"]")};
}

STORE_TEST(rules_come_in_their_order) {
  const struct access_rule_record *list;
  size_t n;
  for (int64_t position = 3; position > 0; position--) {
    struct access_rule_record rule = rule_of(&t->acme, position);
    assert_ok(store_access_rule_insert(tx, &rule, &test_err));
  }
  assert_ok(store_access_rule_list(ARENA, t->acme.id, &list, &n, &test_err));
  assert_int_equal(n, 3);
  for (size_t i = 0; i < n; i++)
    assert_int_equal(list[i].position, i + 1);
  assert_str(list[0].effect, "allow");
  assert_str(list[0].target_kind, "connection");
  assert_str(list[0].target, "ledger");
  assert_str(list[0].does, "[\"read\"]");
  assert_null(list[0].tools.p); /* not limited is not the same as none */
  struct access_rule_record again = rule_of(&t->acme, 1);
  assert_breaks(store_access_rule_insert(tx, &again, &test_err), ERR_CONFLICT);
  assert_ok(store_access_rule_delete_all(tx, t->acme.id, t->acme.role, &test_err));
  assert_ok(store_access_rule_list(ARENA, t->acme.id, &list, &n, &test_err));
  assert_int_equal(n, 0);
}

STORE_TEST(a_rule_cannot_be_put_into_another_organisations_role) {
  struct access_rule_record rule = rule_of(&t->acme, 1);
  rule.organisation_id = t->globex.id;
  assert_int_equal(store_access_rule_insert(tx, &rule, &test_err), ERR_NOT_FOUND);
  rule = rule_of(&t->acme, 1);
  assert_ok(store_access_rule_insert(tx, &rule, &test_err));
  const struct access_rule_record *list;
  size_t n;
  assert_ok(store_access_rule_delete_all(tx, t->globex.id, t->acme.role, &test_err));
  assert_ok(store_access_rule_list(ARENA, t->globex.id, &list, &n, &test_err));
  assert_int_equal(n, 0);
  assert_ok(store_access_rule_list(ARENA, t->acme.id, &list, &n, &test_err));
  assert_int_equal(n, 1);
}

STORE_TEST(a_role_is_given_and_taken) {
  const struct user_role_record *list;
  size_t n;
  assert_ok(store_user_role_insert(tx, t->acme.id, t->acme.user, t->acme.role, &test_err));
  assert_breaks(store_user_role_insert(tx, t->acme.id, t->acme.user, t->acme.role, &test_err), ERR_CONFLICT);
  assert_ok(store_user_role_list(ARENA, t->acme.id, &list, &n, &test_err));
  assert_int_equal(n, 1);
  assert_true(uuid_eq(list[0].user_id, t->acme.user) && uuid_eq(list[0].role_id, t->acme.role));
  assert_int_equal(store_user_role_delete(tx, t->globex.id, t->acme.user, t->acme.role, &test_err), ERR_NOT_FOUND);
  assert_ok(store_user_role_delete(tx, t->acme.id, t->acme.user, t->acme.role, &test_err));
  assert_int_equal(store_user_role_delete(tx, t->acme.id, t->acme.user, t->acme.role, &test_err), ERR_NOT_FOUND);
}

STORE_TEST(a_role_of_another_organisation_cannot_be_given) {
  assert_int_equal(store_user_role_insert(tx, t->acme.id, t->acme.user, t->globex.role, &test_err), ERR_NOT_FOUND);
  assert_int_equal(store_user_role_insert(tx, t->globex.id, t->acme.user, t->globex.role, &test_err), ERR_NOT_FOUND);
  assert_int_equal(store_user_role_insert(tx, t->globex.id, t->acme.user, t->acme.role, &test_err), ERR_NOT_FOUND);
}

STORE_TEST(what_somebody_switched_off_is_their_own_and_their_organisations) {
  const struct connector_switch_record *list;
  size_t n;
  bool has_changed = false;
  const struct str crm = STR("crm");
  assert_ok(store_connector_switch_set(tx, t->acme.id, t->acme.user, crm, false, &has_changed, &test_err));
  assert_true(has_changed);
  assert_ok(store_connector_switch_set(tx, t->acme.id, t->acme.user, crm, false, &has_changed, &test_err));
  assert_false(has_changed);
  assert_ok(store_connector_switch_set(tx, t->globex.id, t->acme.user, crm, false, &has_changed, &test_err));
  assert_false(has_changed); /* a user of another organisation */
  assert_ok(store_connector_switch_list(ARENA, t->globex.id, &list, &n, &test_err));
  assert_int_equal(n, 0);
  assert_ok(store_connector_switch_set(tx, t->globex.id, t->acme.user, crm, true, &has_changed, &test_err));
  assert_false(has_changed);
  assert_ok(store_connector_switch_list(ARENA, t->acme.id, &list, &n, &test_err));
  assert_int_equal(n, 1);
  assert_true(uuid_eq(list[0].user_id, t->acme.user));
  assert_str(list[0].connector_id, "crm");
  assert_ok(store_connector_switch_set(tx, t->acme.id, t->acme.user, crm, true, &has_changed, &test_err));
  assert_true(has_changed);
  assert_ok(store_connector_switch_list(ARENA, t->acme.id, &list, &n, &test_err));
  assert_int_equal(n, 0);
}

STORE_TEST(roles_are_the_organisations_own) {
  const struct role_record *list;
  size_t n;
  struct role_record again = {uuid_new(), t->acme.id, STR("finance")};
  assert_breaks(store_role_insert(tx, &again, &test_err), ERR_CONFLICT);
  assert_says("\"finance\"");
  assert_int_equal(store_role_delete(tx, t->globex.id, t->acme.role, &test_err), ERR_NOT_FOUND);
  assert_ok(store_role_delete(tx, t->acme.id, t->acme.role, &test_err));
  assert_ok(store_role_list(ARENA, t->acme.id, &list, &n, &test_err));
  assert_int_equal(n, 0);
  assert_ok(store_role_list(ARENA, t->globex.id, &list, &n, &test_err));
  assert_int_equal(n, 1);
  assert_str(list[0].name, "finance");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_UNIT(rules_come_in_their_order),
      STORE_UNIT(a_rule_cannot_be_put_into_another_organisations_role),
      STORE_UNIT(a_role_is_given_and_taken),
      STORE_UNIT(a_role_of_another_organisation_cannot_be_given),
      STORE_UNIT(what_somebody_switched_off_is_their_own_and_their_organisations),
      STORE_UNIT(roles_are_the_organisations_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
