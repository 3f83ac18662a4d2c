#include "vault/lease.h"

#include "unit.h"

struct fixture {
  struct lease_cache *cache;
  struct secret *secret;
  struct uuid id;
};

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  f->cache = lease_cache_new();
  f->secret = secret_new("s3cret", 6);
  f->id = uuid_new();
  assert_non_null(f->cache);
  assert_non_null(f->secret);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  lease_cache_free(f->cache);
  secret_free(f->secret);
  free(f);
  return 0;
}

static bool has(struct fixture *f, int64_t version, int64_t now) {
  int64_t note = 0;
  struct secret *taken = lease_cache_take(f->cache, f->id, version, now, &note);
  bool is_there = taken != NULL;
  if (taken) assert_str(secret_open(taken), "s3cret");
  if (taken) assert_int_equal(note, 7);
  secret_free(taken);
  return is_there;
}

static void what_was_put_is_given_until_its_time(void **state) {
  struct fixture *f = *state;
  assert_false(has(f, 1, 0));
  lease_cache_put(f->cache, f->id, 1, 7, f->secret, 100);
  assert_true(has(f, 1, 99));
  assert_false(has(f, 1, 100));
  assert_false(has(f, 1, 99)); /* it was wiped */
}

static void another_version_of_the_connection_gets_nothing(void **state) {
  struct fixture *f = *state;
  lease_cache_put(f->cache, f->id, 1, 7, f->secret, 100);
  assert_false(has(f, 2, 0));
  assert_false(has(f, 1, 0));
}

static void clearing_leaves_nothing_and_is_seen(void **state) {
  struct fixture *f = *state;
  uint64_t before = lease_cache_generation(f->cache);
  lease_cache_put(f->cache, f->id, 1, 7, f->secret, 100);
  lease_cache_clear(f->cache);
  assert_false(has(f, 1, 0));
  assert_true(lease_cache_generation(f->cache) != before);
}

static void sweeping_ends_what_is_old_alone(void **state) {
  struct fixture *f = *state;
  struct uuid other = uuid_new();
  lease_cache_put(f->cache, other, 1, 7, f->secret, 50);
  lease_cache_put(f->cache, f->id, 1, 7, f->secret, 100);
  lease_cache_sweep(f->cache, 60);
  int64_t note;
  assert_null(lease_cache_take(f->cache, other, 1, 0, &note));
  assert_true(has(f, 1, 60));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(what_was_put_is_given_until_its_time, set_up, tear_down),
      cmocka_unit_test_setup_teardown(another_version_of_the_connection_gets_nothing, set_up, tear_down),
      cmocka_unit_test_setup_teardown(clearing_leaves_nothing_and_is_seen, set_up, tear_down),
      cmocka_unit_test_setup_teardown(sweeping_ends_what_is_old_alone, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
