#include "cluster/shares.h"

#include <semaphore.h>
#include <unistd.h>

#include "db/fixture.h"

/* Long enough that nothing fills again while a test runs. */
enum { CAP = 30 };
static const int64_t cost_us = INT64_C(86400) * 1000000;

/* Asks, and a loop that they are answered on. */
struct asker {
  struct loop loop;
  struct share_ask asks[400];
  size_t n, n_answered;
};

static struct asker *asker; /* of the test that runs */

static void on_answered(struct share_ask *ask) {
  if (++asker->n_answered == asker->n) loop_stop(&asker->loop);
}

static void ask(struct shares *shares, uint8_t token, int64_t wanted) {
  struct share_ask *one = &asker->asks[asker->n++];
  *one = (struct share_ask){
      .bucket = {.cap = CAP, .cost_us = cost_us, .wanted = wanted}, .loop = &asker->loop, .done = on_answered};
  memset(one->bucket.token_id.b, token, sizeof one->bucket.token_id.b);
  shares_ask(shares, one);
}

static void begin(void) {
  asker = calloc(1, sizeof *asker);
  assert_ok(loop_init(&asker->loop, &test_err));
}

static void await(void) {
  loop_run(&asker->loop);
  assert_int_equal(asker->n_answered, asker->n);
}

static void end(void) {
  loop_release(&asker->loop);
  free(asker);
}

static void two_servers_together_get_exactly_what_the_bucket_has(void **state) {
  struct fixture *f = *state;
  struct shares *a = NULL, *b = NULL;
  int64_t granted[3] = {0};
  begin();
  assert_ok(shares_start(f->db, &a, &test_err));
  assert_ok(shares_start(f->db, &b, &test_err));
  for (uint8_t i = 0; i < 120; i++)
    ask(i % 2 ? a : b, i % 3, 1 + i % 2);
  await();
  for (size_t i = 0; i < asker->n; i++) {
    const struct share_ask *one = &asker->asks[i];
    assert_int_equal(one->code, ERR_NONE);
    assert_true(one->bucket.granted <= one->bucket.wanted);
    assert_true(one->bucket.granted == one->bucket.wanted || one->bucket.retry_us > 0);
    granted[i % 3] += one->bucket.granted;
  }
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(granted[i], CAP);
  shares_stop(a);
  shares_stop(b);
  end();
}

/* More tokens than are asked together. */
static void every_token_has_a_bucket_of_its_own(void **state) {
  struct fixture *f = *state;
  struct shares *shares = NULL;
  begin();
  assert_ok(shares_start(f->db, &shares, &test_err));
  for (unsigned i = 0; i < 200; i++)
    ask(shares, (uint8_t)i, 20);
  for (unsigned i = 0; i < 200; i++)
    ask(shares, (uint8_t)i, 20);
  await();
  for (size_t i = 0; i < 400; i++)
    assert_int_equal(asker->asks[i].bucket.granted, i < 200 ? 20 : 10);
  shares_stop(shares);
  end();
}

static void what_the_database_does_not_answer_grants_nothing(void **state) {
  struct fixture *f = *state;
  struct shares *shares = NULL;
  begin();
  assert_ok(shares_start(f->db, &shares, &test_err));
  raw(f, "ALTER TABLE limit_bucket RENAME TO away");
  ask(shares, 1, 5);
  await();
  assert_int_not_equal(asker->asks[0].code, ERR_NONE);
  assert_int_equal(asker->asks[0].bucket.granted, 0);
  shares_stop(shares);
  end();
}

static void what_was_asked_is_answered_before_the_end(void **state) {
  struct fixture *f = *state;
  struct shares *shares = NULL;
  begin();
  assert_ok(shares_start(f->db, &shares, &test_err));
  for (uint8_t i = 0; i < 100; i++)
    ask(shares, i, 1);
  shares_stop(shares);
  await();
  shares_stop(NULL);
  end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(two_servers_together_get_exactly_what_the_bucket_has, set_up, tear_down),
      cmocka_unit_test_setup_teardown(every_token_has_a_bucket_of_its_own, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_the_database_does_not_answer_grants_nothing, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_was_asked_is_answered_before_the_end, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
