#include "cluster/membership.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "db/fixture.h"

/* A server in miniature: it takes what it is told of at once, unless it is told not to. */
struct node {
  struct membership *membership;
  struct db *db;
  struct db_conn *conn, *own; /* `own`: of the membership's thread */
  atomic_bool is_deaf;
  atomic_uint_fast64_t ticket;
  atomic_int_fast64_t applied;
  atomic_int n_lost;
};

static struct node a, b;

static enum err_code last(struct db_tx *tx, void *context, struct err *err) {
  return store_change_last(tx, context, err);
}

static void on_change(void *context) {
  struct node *node = context;
  int64_t version = -1;
  struct err err;
  if (atomic_load(&node->is_deaf) || db_read(node->own, last, &version, &err) != ERR_NONE) return;
  membership_applied(node->membership, version);
}

static void on_looked(void *context, uint64_t ticket, int64_t applied) {
  struct node *node = context;
  atomic_store(&node->applied, applied);
  atomic_store(&node->ticket, ticket);
}

static void on_lease(void *context, const char *why) {
  struct node *node = context;
  if (why) atomic_fetch_add(&node->n_lost, 1);
}

static void leave(struct node *node) {
  membership_stop(node->membership);
  db_disconnect(node->own);
  db_disconnect(node->conn);
  *node = (struct node){0};
}

static enum err_code join(struct node *node, struct db *db, const char *name) {
  *node = (struct node){.db = db};
  assert_ok(db_connect(db, &node->conn, &test_err));
  assert_ok(db_connect(db, &node->own, &test_err));
  const struct membership_options options = {.db = db,
                                             .node = str_of(name),
                                             .address = STR(""),
                                             .on_change = on_change,
                                             .on_looked = on_looked,
                                             .on_lease = on_lease,
                                             .context = node};
  enum err_code code = membership_start(&options, &node->membership, &test_err);
  if (code != ERR_NONE) leave(node);
  return code;
}

static void serve(struct node *node) {
  membership_applied(node->membership, 0);
  assert_true(membership_await(node->membership, 20000));
}

/* What the others have taken, as found out after now. */
static int64_t ask(struct node *node) {
  uint64_t ticket = membership_ask(node->membership);
  while (atomic_load(&node->ticket) < ticket)
    usleep(1000);
  return atomic_load(&node->applied);
}

static enum err_code change(struct db_tx *tx, void *context, struct err *err) {
  struct uuid nobody = {{0}};
  return store_change_log(tx, nobody, CHANGE_ACCESS_TOKEN, nobody, err);
}

static void nothing_is_served_before_all_is_loaded(void **state) {
  struct fixture *f = *state;
  assert_ok(join(&a, f->db, "a"));
  assert_false(membership_await(a.membership, 50));
  serve(&a);
  leave(&a);
  assert_int_equal(test_raw(f->dir, "SELECT count(*) FROM node"), 0);
}

static void a_change_is_confirmed_when_the_other_has_taken_it(void **state) {
  struct fixture *f = *state;
  assert_ok(join(&a, f->db, "a"));
  assert_ok(join(&b, f->db, "b"));
  serve(&a);
  assert_true(ask(&a) == INT64_MAX); /* b does not serve yet: nobody waits for it */
  serve(&b);
  assert_int_equal(ask(&a), 0);
  atomic_store(&b.is_deaf, true);
  assert_ok(db_write(a.conn, change, NULL, &test_err));
  assert_int_equal(ask(&a), 0);
  assert_int_equal(membership_confirm(a.conn, 50, &test_err), ERR_TIMEOUT);
  atomic_store(&b.is_deaf, false);
  assert_ok(membership_confirm(a.conn, 20000, &test_err));
  assert_int_equal(ask(&a), 1);
  leave(&b);
  assert_true(ask(&a) == INT64_MAX);
  leave(&a);
}

static void a_name_is_of_one_at_a_time(void **state) {
  struct fixture *f = *state;
  assert_ok(join(&a, f->db, "a"));
  assert_int_equal(join(&b, f->db, "a"), ERR_CONFLICT);
  assert_non_null(strstr(test_err.text, "--node"));
  leave(&a);
  assert_ok(join(&b, f->db, "a"));
  leave(&b);
}

static void a_name_whose_server_died_is_taken_when_its_lease_is_over(void **state) {
  struct fixture *f = *state;
  test_raw(f->dir, "INSERT INTO node VALUES ('a', x'00000000000000000000000000000001', '', 7, 0, 0)");
  int64_t began_us = clock_boottime_us();
  assert_ok(join(&a, f->db, "a"));
  assert_true(clock_boottime_us() - began_us > LIMIT_NODE_LEASE_MS * INT64_C(1000));
  leave(&a);
}

/* What peers do to one that was still for too long: from then on it renews nothing. */
static void one_that_the_others_went_on_without_serves_again_when_it_has_caught_up(void **state) {
  struct fixture *f = *state;
  assert_ok(join(&a, f->db, "a"));
  serve(&a);
  atomic_store(&a.is_deaf, true);
  assert_ok(db_write(a.conn, change, NULL, &test_err));
  test_raw(f->dir, "DELETE FROM node");
  while (atomic_load(&a.n_lost) == 0)
    usleep(1000);
  assert_false(membership_await(a.membership, 700)); /* it is there again, and lacks what was committed meanwhile */
  assert_int_equal(test_raw(f->dir, "SELECT count(*) FROM node"), 1);
  atomic_store(&a.is_deaf, false);
  assert_true(membership_await(a.membership, 20000));
  leave(&a);
}

/* Its row is held by somebody: no renewal gets through. */
static enum err_code hold_until_it_serves_no_more(struct db_tx *tx, void *context, struct err *err) {
  const struct node *node = context;
  enum err_code code = db_exec(tx, "UPDATE node SET started_at = started_at", DB_NO_PARAMS, err);
  int64_t deadline_us = clock_boottime_us() + 2 * LIMIT_NODE_LEASE_MS * INT64_C(1000);
  while (code == ERR_NONE && membership_holds(node->membership)) {
    if (clock_boottime_us() > deadline_us) return err_set(err, ERR_TIMEOUT, "it serves without a lease");
    usleep(1000);
  }
  return code;
}

static void a_server_whose_renewals_stop_serves_no_longer_than_its_lease(void **state) {
  struct fixture *f = *state;
  assert_ok(join(&a, f->db, "a"));
  serve(&a);
  enum err_code code = db_write(f->conn, hold_until_it_serves_no_more, &a, &test_err);
  assert_int_equal(code, ERR_NONE);
  assert_true(membership_await(a.membership, 20000)); /* by itself */
  leave(&a);
}

static enum err_code forget_an_old_beat(struct db_tx *tx, void *context, struct err *err) {
  struct node_record record = {.name = STR("a"), .beat = 6};
  record.run.b[15] = 1;
  return store_node_forget(tx, &record, err);
}

static void one_that_has_beaten_since_it_was_looked_at_is_not_taken_away(void **state) {
  struct fixture *f = *state;
  test_raw(f->dir, "INSERT INTO node VALUES ('a', x'00000000000000000000000000000001', '', 7, 0, 0)");
  assert_ok(db_write(f->conn, forget_an_old_beat, NULL, &test_err));
  assert_int_equal(test_raw(f->dir, "SELECT count(*) FROM node"), 1);
}

static void a_command_waits_for_none_that_died(void **state) {
  struct fixture *f = *state;
  struct db_conn *conn;
  test_raw(f->dir, "INSERT INTO node VALUES ('a', x'00000000000000000000000000000001', '', 7, 0, 0)");
  assert_ok(db_connect(f->db, &conn, &test_err));
  assert_ok(db_write(conn, change, NULL, &test_err));
  assert_ok(membership_confirm(conn, 20000, &test_err));
  assert_int_equal(test_raw(f->dir, "SELECT count(*) FROM node"), 0);
  db_disconnect(conn);
}

/* Also those that a test which failed has left. */
static int tear_down_all(void **state) {
  leave(&a);
  leave(&b);
  return tear_down(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down_all)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(nothing_is_served_before_all_is_loaded),
      TEST(a_change_is_confirmed_when_the_other_has_taken_it),
      TEST(a_name_is_of_one_at_a_time),
      TEST(a_name_whose_server_died_is_taken_when_its_lease_is_over),
      TEST(one_that_the_others_went_on_without_serves_again_when_it_has_caught_up),
      TEST(a_server_whose_renewals_stop_serves_no_longer_than_its_lease),
      TEST(one_that_has_beaten_since_it_was_looked_at_is_not_taken_away),
      TEST(a_command_waits_for_none_that_died),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
