#include "unit.h"

#include <pthread.h>
#include <stddef.h>

#include "base/asan.h"
#include "base/random.h"
#include "base/secret.h"

static void what_went_in_comes_out(void **state) {
  static char bytes[100000];
  random_bytes(bytes, sizeof(bytes));
  const size_t sizes[] = {0, 1, 32, 239, 240, 241, 4096, sizeof(bytes)};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    struct secret *secret = secret_new(bytes, sizes[i]);
    assert_non_null(secret);
    struct str open = secret_open(secret);
    assert_true(str_eq(open, str_make(bytes, sizes[i])));
    assert_ptr_not_equal(open.p, bytes);
    assert_int_equal((uintptr_t)open.p % _Alignof(max_align_t), 0); /* it may be a structure */
    secret_free(secret);
  }
  secret_free(NULL);
  assert_null(secret_new(bytes, SIZE_MAX - 8));
}

static void many_live_side_by_side(void **state) {
  struct secret *secrets[500];
  for (size_t i = 0; i < 500; i++) {
    secrets[i] = secret_new(&i, sizeof(i));
    assert_non_null(secrets[i]);
  }
  for (size_t i = 0; i < 500; i++)
    assert_memory_equal(secret_open(secrets[i]).p, &i, sizeof(i));
  for (size_t i = 0; i < 500; i++)
    secret_free(secrets[i]);
}

static void freed_memory_holds_nothing_of_it(void **state) {
  if (HAS_ASAN) skip_because("ASan forbids the look at freed memory; part bare runs it");
  struct secret *secret = secret_new("swordfish", 9);
  const volatile char *bytes = secret_open(secret).p;
  secret_free(secret);
  for (size_t i = 0; i < 9; i++)
    assert_int_equal(bytes[i], 0);
}

static void *free_it(void *secret) {
  secret_free(secret);
  return NULL;
}

static void another_thread_may_free_it(void **state) {
  for (int i = 0; i < 20; i++) {
    pthread_t thread;
    struct secret *secret = secret_new("swordfish", 9);
    assert_int_equal(pthread_create(&thread, NULL, free_it, secret), 0);
    pthread_join(thread, NULL);
  }
}

static void wiping_leaves_zeros(void **state) {
  char bytes[] = "swordfish";
  secret_wipe(bytes, 0);
  assert_string_equal(bytes, "swordfish");
  secret_wipe(bytes, sizeof(bytes));
  for (size_t i = 0; i < sizeof(bytes); i++)
    assert_int_equal(bytes[i], 0);
  secret_wipe(NULL, 0);
}

static void random_bytes_fill_all_of_it(void **state) {
  unsigned char seen[1000] = {0};
  for (int round = 0; round < 20; round++) {
    unsigned char bytes[1000] = {0};
    random_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
      seen[i] |= bytes[i];
  }
  for (size_t i = 0; i < sizeof(seen); i++)
    assert_int_not_equal(seen[i], 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_went_in_comes_out),
      cmocka_unit_test(many_live_side_by_side),
      cmocka_unit_test(freed_memory_holds_nothing_of_it),
      cmocka_unit_test(another_thread_may_free_it),
      cmocka_unit_test(wiping_leaves_zeros),
      cmocka_unit_test(random_bytes_fill_all_of_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
