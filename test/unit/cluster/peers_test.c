#include "cluster/peers.h"

#include "unit.h"

#define MS INT64_C(1000)

static struct node_record row(const char *name, uint8_t run, int64_t beat, int64_t applied) {
  struct node_record record = {.name = str_of(name), .address = STR("127.0.0.1:1"), .beat = beat, .applied = applied};
  record.run.b[0] = run;
  return record;
}

static void take(struct peers *peers, struct node_record record, int64_t at_us) {
  peers_take(peers, &record, 1, at_us);
}

static void one_is_gone_when_its_beat_was_still_for_longer_than_a_lease(void **state) {
  struct peers peers = {0};
  take(&peers, row("b", 1, 7, 3), 0);
  assert_false(peer_is_gone(&peers.items[0], LIMIT_NODE_GONE_MS * MS));
  assert_true(peer_is_gone(&peers.items[0], LIMIT_NODE_GONE_MS * MS + 1));
  take(&peers, row("b", 1, 7, 3), LIMIT_NODE_GONE_MS * MS);
  assert_true(peer_is_gone(&peers.items[0], LIMIT_NODE_GONE_MS * MS + 1)); /* counted from when it was first seen */
  assert_true(LIMIT_NODE_GONE_MS > LIMIT_NODE_LEASE_MS);
}

static void one_that_was_still_for_a_lease_holds_none_though_its_row_is_there(void **state) {
  struct peers peers = {0};
  take(&peers, row("b", 1, 7, 3), 0);
  assert_true(peer_may_hold(&peers.items[0], LIMIT_NODE_LEASE_MS * MS));
  assert_false(peer_may_hold(&peers.items[0], LIMIT_NODE_LEASE_MS * MS + 1));
  assert_false(peer_is_gone(&peers.items[0], LIMIT_NODE_LEASE_MS * MS + 1));
}

static void a_new_beat_and_a_new_life_begin_the_time_anew(void **state) {
  struct peers peers = {0};
  take(&peers, row("b", 1, 7, 3), 0);
  take(&peers, row("b", 1, 8, 3), 1000 * MS);
  assert_int_equal(peers.items[0].seen_us, 1000 * MS);
  take(&peers, row("b", 2, 8, 3), 2000 * MS);
  assert_int_equal(peers.items[0].seen_us, 2000 * MS);
  take(&peers, row("c", 2, 8, 3), 3000 * MS);
  assert_int_equal(peers.items[0].seen_us, 3000 * MS);
}

static void what_all_others_have_taken_is_the_least_of_those_that_serve(void **state) {
  struct peers peers = {0};
  const struct node_record rows[] = {row("a", 1, 0, 2), row("b", 2, 0, 9), row("c", 3, 0, 5), row("d", 4, 0, -1)};
  assert_true(peers_applied(&peers, STR("a")) == INT64_MAX);
  peers_take(&peers, rows, 4, 0);
  assert_int_equal(peers_applied(&peers, STR("a")), 5);
  assert_int_equal(peers_applied(&peers, STR("")), 2);
  peers_take(&peers, rows, 1, 0);
  assert_true(peers_applied(&peers, STR("a")) == INT64_MAX);
}

static void a_row_is_found_by_its_whole_name(void **state) {
  struct peers peers = {0};
  take(&peers, row("node1", 1, 0, 0), 0);
  assert_non_null(peers_find(&peers, STR("node1")));
  assert_null(peers_find(&peers, STR("node")));
  assert_null(peers_find(&peers, STR("node11")));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_is_gone_when_its_beat_was_still_for_longer_than_a_lease),
      cmocka_unit_test(one_that_was_still_for_a_lease_holds_none_though_its_row_is_there),
      cmocka_unit_test(a_new_beat_and_a_new_life_begin_the_time_anew),
      cmocka_unit_test(what_all_others_have_taken_is_the_least_of_those_that_serve),
      cmocka_unit_test(a_row_is_found_by_its_whole_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
