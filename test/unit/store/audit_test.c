#include "store/fixture.h"

static void put(struct db_tx *tx, struct uuid organisation_id, const char *writer, int64_t seq, int64_t time) {
  struct audit_row row = {
      .organisation_id = organisation_id, .writer = str_of(writer), .seq = seq, .time = time, .record = STR("{}")};
  memset(row.mac, (int)seq, sizeof row.mac);
  if (seq % 2) row.personal = STR("sealed");
  assert_ok(store_audit_insert(tx, &row, &test_err));
}

struct seen {
  int n;
  struct audit_row rows[8];
};

static enum err_code see(const struct audit_row *row, void *context, struct err *err) {
  struct seen *seen = context;
  assert_str(row->record, "{}");
  assert_int_equal(row->personal.p != NULL, row->seq % 2);
  assert_int_equal(row->mac[31], row->seq);
  seen->rows[seen->n++] = *row;
  return seen->n == 8 ? err_set(err, ERR_CANCELLED, "enough") : ERR_NONE;
}

STORE_TEST(records_come_in_the_order_of_their_chains) {
  struct seen seen = {0};
  put(tx, t->globex.id, "node1", 1, 10);
  put(tx, t->acme.id, "node1", 2, 20);
  put(tx, t->acme.id, "node1", 1, 30);
  put(tx, t->acme.id, "command", 1, 40);
  assert_ok(store_audit_each(tx, (struct uuid){{0}}, see, &seen, &test_err));
  assert_int_equal(seen.n, 4);
  assert_int_equal(seen.rows[0].time, 40);
  assert_int_equal(seen.rows[1].time, 30);
  assert_int_equal(seen.rows[2].time, 20);
  assert_int_equal(seen.rows[3].time, 10);
}

STORE_TEST(by_time_they_come_of_one_organisation_or_all) {
  struct seen seen = {0};
  put(tx, t->globex.id, "node1", 1, 10);
  put(tx, t->acme.id, "node1", 2, 40);
  put(tx, t->acme.id, "node1", 1, 30);
  put(tx, t->acme.id, "command", 1, 20);
  assert_ok(store_audit_each_by_time(tx, t->acme.id, see, &seen, &test_err));
  assert_int_equal(seen.n, 3);
  for (int i = 0; i < 3; i++)
    assert_int_equal(seen.rows[i].time, 20 + 10 * i);
  seen.n = 0;
  assert_ok(store_audit_each_by_time(tx, (struct uuid){{0}}, see, &seen, &test_err));
  assert_int_equal(seen.n, 4);
  assert_int_equal(seen.rows[0].time, 10);
}

STORE_TEST(no_record_is_written_over_another) {
  put(tx, t->acme.id, "node1", 1, 10);
  struct audit_row row = {
      .organisation_id = t->acme.id, .writer = STR("node1"), .seq = 1, .time = 10, .record = STR("{}")};
  assert_breaks(store_audit_insert(tx, &row, &test_err), ERR_CONFLICT);
}

/* Where partitions let a number stand twice, this keeps two writers of one chain apart. */
STORE_TEST(a_head_grows_from_where_it_was_and_from_nowhere_else) {
  struct audit_head_row head = {.organisation_id = t->acme.id, .writer = STR("node1"), .seq = 3};
  assert_ok(store_audit_head_put(tx, &head, 0, &test_err));
  head.seq = 5;
  assert_ok(store_audit_head_put(tx, &head, 3, &test_err));
  head.seq = 6;
  assert_breaks(store_audit_head_put(tx, &head, 3, &test_err), ERR_INVALID);
}

STORE_TEST(a_chain_has_one_head_and_one_tail) {
  struct audit_head_row head = {.organisation_id = t->acme.id, .writer = STR("node1"), .seq = 3}, got;
  const struct audit_head_row *list;
  size_t n;
  int64_t seq;
  uint8_t mac[32];
  assert_int_equal(store_audit_head_get(tx, t->acme.id, STR("node1"), &got, &test_err), ERR_NOT_FOUND);
  assert_int_equal(store_audit_tail_get(tx, t->acme.id, STR("node1"), &seq, mac, &test_err), ERR_NOT_FOUND);
  assert_ok(store_audit_head_put(tx, &head, 0, &test_err));
  head.seq = 4;
  memset(head.mac, 1, sizeof head.mac);
  memset(head.head_mac, 2, sizeof head.head_mac);
  assert_ok(store_audit_head_put(tx, &head, 3, &test_err));
  assert_ok(store_audit_head_get(tx, t->acme.id, STR("node1"), &got, &test_err));
  assert_int_equal(got.seq, 4);
  assert_int_equal(got.mac[31] + got.head_mac[31], 3);
  assert_int_equal(store_audit_head_get(tx, t->globex.id, STR("node1"), &got, &test_err), ERR_NOT_FOUND);
  assert_ok(store_audit_head_list(ARENA, &list, &n, &test_err));
  assert_int_equal(n, 1);
  assert_str(list[0].writer, "node1");
  for (int64_t i = 1; i <= 3; i++)
    put(tx, t->acme.id, "node1", i, i);
  put(tx, t->acme.id, "other", 9, 9);
  assert_ok(store_audit_tail_get(tx, t->acme.id, STR("node1"), &seq, mac, &test_err));
  assert_int_equal(seq, 3);
  assert_int_equal(mac[0], 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_UNIT(records_come_in_the_order_of_their_chains),
      STORE_UNIT(by_time_they_come_of_one_organisation_or_all),
      STORE_UNIT(no_record_is_written_over_another),
      STORE_UNIT(a_head_grows_from_where_it_was_and_from_nowhere_else),
      STORE_UNIT(a_chain_has_one_head_and_one_tail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
