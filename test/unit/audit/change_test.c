#include "audit/fixture.h"

static enum err_code record_then_fail(struct db_tx *tx, void *context, struct err *err) {
  assert_ok(audit_record_in(tx, context, err));
  return err_set(err, ERR_DENIED, "changed my mind");
}

static void a_record_falls_with_its_change(void **state) {
  struct audit_test *t = *state;
  struct audit_event event = event_of(t, &t->acme, 1);
  record(t, event);
  assert_int_equal(db_write(t->db->conn, record_then_fail, &event, &test_err), ERR_DENIED);
  assert_holds(t, 1, 1);
  record(t, event);
  assert_holds(t, 2, 1);
}

static enum err_code record_three(struct db_tx *tx, void *context, struct err *err) {
  for (int i = 0; i < 3; i++)
    assert_ok(audit_record_in(tx, context, err));
  return ERR_NONE;
}

static void several_may_stand_in_one_transaction(void **state) {
  struct audit_test *t = *state;
  struct audit_event event = event_of(t, &t->acme, 1);
  assert_ok(db_write(t->db->conn, record_three, &event, &test_err));
  assert_holds(t, 3, 1);
}

static enum err_code record_one(struct db_tx *tx, void *context, struct err *err) {
  return audit_record_in(tx, context, err);
}

static void nothing_is_put_after_what_was_changed(void **state) {
  struct audit_test *t = *state;
  struct audit_event event = event_of(t, &t->acme, 1);
  record(t, event);
  record(t, event);
  raw(t->db, "DELETE FROM audit_record WHERE seq = 2");
  assert_int_equal(db_write(t->db->conn, record_one, &event, &test_err), ERR_CONFLICT);
  assert_non_null(strstr(test_err.text, "connek audit verify"));
  struct audit_event other = event_of(t, &t->globex, 1);
  record(t, other);
}

static void without_keys_nothing_is_written(void **state) {
  struct audit_test *t = *state;
  struct audit_event event = event_of(t, &t->acme, 1);
  event.keys = NULL;
  assert_int_equal(db_write(t->db->conn, record_one, &event, &test_err), ERR_INTERNAL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      AUDIT_UNIT(a_record_falls_with_its_change),
      AUDIT_UNIT(several_may_stand_in_one_transaction),
      AUDIT_UNIT(nothing_is_put_after_what_was_changed),
      AUDIT_UNIT(without_keys_nothing_is_written),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
