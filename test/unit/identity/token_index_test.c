#include "identity/token_index.h"

#include <pthread.h>

#include "identity/token.h"
#include "unit.h"

/* Token number n, with a hash as uniform as real ones. */
static struct token_entry entry_of(uint64_t n) {
  struct token_entry entry = {.expires_at = (int64_t)n};
  token_hash(str_make((const char *)&n, sizeof(n)), entry.hash);
  memcpy(entry.id.b, &n, sizeof(n));
  return entry;
}

static struct token_entry *find(struct token_index *index, uint64_t n) {
  struct token_entry entry = entry_of(n);
  return token_index_find(index, entry.hash);
}

static void put(struct token_index *index, uint64_t n) {
  struct token_entry entry = entry_of(n);
  assert_ok(token_index_put(index, &entry, &test_err));
}

static void drop(struct token_index *index, uint64_t n) {
  struct token_entry entry = entry_of(n);
  assert_ok(token_index_remove(index, entry.hash, &test_err));
}

static struct token_index *index_new(void) {
  struct token_index *index = NULL;
  assert_ok(token_index_new(&index, &test_err));
  return index;
}

static void an_empty_index_finds_nothing(void **state) {
  struct token_index *index = index_new();
  assert_null(find(index, 1));
  drop(index, 1);
  assert_int_equal(token_index_count(index), 0);
  token_index_reclaim(index);
  token_index_free(index);
  token_index_free(NULL);
}

static void what_was_put_is_found_whole(void **state) {
  struct token_index *index = index_new();
  int owner;
  struct token_entry entry = entry_of(7);
  entry.user_id = uuid_new();
  entry.organisation_id = uuid_new();
  entry.organisation = &owner;
  assert_ok(token_index_put(index, &entry, &test_err));
  struct token_entry *found = token_index_find(index, entry.hash);
  assert_non_null(found);
  assert_ptr_not_equal(found, &entry);
  assert_memory_equal(found->hash, entry.hash, 32);
  assert_true(uuid_eq(found->id, entry.id) && uuid_eq(found->user_id, entry.user_id));
  assert_true(uuid_eq(found->organisation_id, entry.organisation_id));
  assert_int_equal(found->expires_at, 7);
  assert_ptr_equal(found->organisation, &owner);
  token_index_free(index);
}

static void only_the_whole_hash_matches(void **state) {
  struct token_index *index = index_new();
  put(index, 7);
  for (size_t i = 0; i < 32; i++) {
    struct token_entry near = entry_of(7);
    near.hash[i] ^= 1;
    assert_null(token_index_find(index, near.hash));
  }
  token_index_free(index);
}

static void a_replaced_entry_keeps_its_buckets(void **state) {
  struct token_index *index = index_new();
  put(index, 7);
  struct token_entry *first = find(index, 7);
  atomic_store(&first->bucket.full_at_us, 4242);
  atomic_store(&first->refusals.full_at_us, 4343);
  struct token_entry changed = entry_of(7);
  changed.expires_at = 99;
  assert_ok(token_index_put(index, &changed, &test_err));
  struct token_entry *second = find(index, 7);
  assert_ptr_not_equal(first, second);
  assert_int_equal(second->expires_at, 99);
  assert_int_equal(atomic_load(&second->bucket.full_at_us), 4242);
  assert_int_equal(atomic_load(&second->refusals.full_at_us), 4343);
  assert_int_equal(token_index_count(index), 1);
  assert_int_equal(first->expires_at, 7); /* still readable: reclaim has not run */
  token_index_reclaim(index);
  assert_ptr_equal(find(index, 7), second);
  token_index_free(index);
}

static void a_removed_entry_is_not_found_but_readable_until_reclaimed(void **state) {
  struct token_index *index = index_new();
  put(index, 7);
  struct token_entry *held = find(index, 7);
  drop(index, 7);
  assert_null(find(index, 7));
  assert_int_equal(token_index_count(index), 0);
  assert_int_equal(held->expires_at, 7);
  drop(index, 7); /* again: no harm */
  token_index_reclaim(index);
  put(index, 7);
  assert_non_null(find(index, 7));
  token_index_free(index);
}

/* All in one shard and with one home slot: probes run over each other's entries and tombstones. */
static struct token_entry crowded(uint8_t n) {
  struct token_entry entry = {.expires_at = n};
  entry.hash[31] = n;
  return entry;
}

static void removal_never_hides_what_was_probed_past_it(void **state) {
  struct token_index *index = index_new();
  for (unsigned n = 1; n <= 200; n++) {
    struct token_entry entry = crowded((uint8_t)n);
    assert_ok(token_index_put(index, &entry, &test_err));
  }
  for (unsigned n = 1; n <= 200; n += 3)
    assert_ok(token_index_remove(index, crowded((uint8_t)n).hash, &test_err));
  for (unsigned n = 1; n <= 200; n++) {
    struct token_entry entry = crowded((uint8_t)n);
    struct token_entry *found = token_index_find(index, entry.hash);
    if (n % 3 == 1) {
      assert_null(found);
    } else {
      assert_non_null(found);
      assert_int_equal(found->expires_at, n);
    }
  }
  token_index_free(index);
}

static void a_tombstone_on_the_way_never_makes_a_second_copy(void **state) {
  struct token_index *index = index_new();
  for (uint8_t n = 1; n <= 5; n++) {
    struct token_entry entry = crowded(n);
    assert_ok(token_index_put(index, &entry, &test_err));
  }
  assert_ok(token_index_remove(index, crowded(1).hash, &test_err));
  struct token_entry again = crowded(5); /* there is a free place before the one it has */
  assert_ok(token_index_put(index, &again, &test_err));
  assert_int_equal(token_index_count(index), 4);
  assert_ok(token_index_remove(index, again.hash, &test_err));
  assert_null(token_index_find(index, again.hash));
  token_index_free(index);
}

static void endless_coming_and_going_keeps_every_probe_finite(void **state) {
  struct token_index *index = index_new();
  for (unsigned round = 0; round < 50; round++) {
    for (unsigned n = 1; n <= 100; n++) {
      struct token_entry entry = crowded((uint8_t)n);
      entry.hash[8] = (uint8_t)(n + round); /* its home: every slot gets its tombstone */
      assert_ok(token_index_put(index, &entry, &test_err));
      assert_ok(token_index_remove(index, entry.hash, &test_err));
      assert_null(token_index_find(index, entry.hash));
    }
    token_index_reclaim(index);
  }
  assert_int_equal(token_index_count(index), 0);
  token_index_free(index);
}

static bool is_odd(const struct token_entry *entry, void *context) {
  ++*(unsigned *)context;
  return entry->expires_at % 2 == 1;
}

static void what_a_question_fits_is_removed_and_nothing_else(void **state) {
  struct token_index *index = index_new();
  unsigned n_asked = 0;
  assert_int_equal(token_index_remove_where(index, is_odd, &n_asked), 0);
  for (uint64_t n = 0; n < 1000; n++)
    put(index, n);
  assert_int_equal(token_index_remove_where(index, is_odd, &n_asked), 500);
  assert_int_equal(n_asked, 1000);
  assert_int_equal(token_index_count(index), 500);
  for (uint64_t n = 0; n < 1000; n++)
    assert_int_equal(find(index, n) != NULL, n % 2 == 0);
  assert_int_equal(token_index_remove_where(index, is_odd, &n_asked), 0);
  token_index_free(index);
}

static void two_hundred_thousand_are_all_found_and_none_else(void **state) {
  enum { MANY = 200 * 1000 };
  struct token_index *index = index_new();
  for (uint64_t n = 0; n < MANY; n++)
    put(index, n);
  assert_int_equal(token_index_count(index), MANY);
  token_index_reclaim(index);
  for (uint64_t n = 0; n < MANY; n += 2)
    drop(index, n);
  assert_int_equal(token_index_count(index), MANY / 2);
  token_index_reclaim(index);
  for (uint64_t n = 0; n < MANY; n++) {
    struct token_entry *found = find(index, n);
    if (n % 2 == 0) assert_null(found);
    if (n % 2 == 1) assert_non_null(found);
    if (found) assert_int_equal(found->expires_at, (int64_t)n);
  }
  assert_null(find(index, MANY + 1));
  token_index_free(index);
}

/* Readers against the one writer. Tokens below STABLE are never removed: they must be found at every moment, whatever
 * is replaced, removed and grown around them. A quiet point is counted per reader, as the barrier of org/coherence.h
 * does it with tasks. */
enum { N_READERS = 3, STABLE = 500, ROUNDS = 60, CHURN = 400 };

struct reader {
  pthread_t thread;
  struct token_index *index;
  atomic_uint quiet_points;
  unsigned n_missing, n_wrong;
};

static struct reader readers[N_READERS];
static atomic_uint is_over;

static void *reader_run(void *argument) {
  struct reader *reader = argument;
  while (!atomic_load(&is_over)) {
    for (uint64_t n = 0; n < STABLE + CHURN; n++) {
      struct token_entry *found = find(reader->index, n);
      if (!found && n < STABLE) reader->n_missing++;
      if (found && found->expires_at != (int64_t)n) reader->n_wrong++;
      if (found) atomic_fetch_add(&found->bucket.full_at_us, 1);
    }
    atomic_fetch_add(&reader->quiet_points, 1);
  }
  return NULL;
}

static void wait_for_quiet_points(void) {
  unsigned seen[N_READERS];
  for (int i = 0; i < N_READERS; i++)
    seen[i] = atomic_load(&readers[i].quiet_points);
  for (int i = 0; i < N_READERS; i++) {
    while (atomic_load(&readers[i].quiet_points) - seen[i] < 2)
      sched_yield();
  }
}

static int end_readers(void **state) {
  atomic_store(&is_over, 1);
  for (int i = 0; i < N_READERS; i++)
    if (readers[i].thread) pthread_join(readers[i].thread, NULL);
  for (int i = 0; i < N_READERS; i++)
    readers[i].thread = 0;
  return 0;
}

static void readers_always_find_what_stays_while_the_writer_works(void **state) {
  struct token_index *index = index_new();
  for (uint64_t n = 0; n < STABLE; n++)
    put(index, n);
  for (int i = 0; i < N_READERS; i++) {
    readers[i].index = index;
    assert_int_equal(pthread_create(&readers[i].thread, NULL, reader_run, &readers[i]), 0);
  }
  for (unsigned round = 0; round < ROUNDS; round++) {
    for (uint64_t n = 0; n < CHURN; n++)
      put(index, STABLE + n);
    for (uint64_t n = round % 7; n < STABLE; n += 7)
      put(index, n);
    for (uint64_t n = 0; n < CHURN; n++)
      drop(index, STABLE + n);
    /* grows some shards */
    for (uint64_t n = 0; n < CHURN; n++)
      put(index, 1000 * 1000 + round * CHURN + n);
    if (round % 10 == 9) {
      wait_for_quiet_points();
      token_index_reclaim(index);
    }
  }
  end_readers(state);
  for (int i = 0; i < N_READERS; i++) {
    assert_int_equal(readers[i].n_missing, 0);
    assert_int_equal(readers[i].n_wrong, 0);
  }
  assert_int_equal(token_index_count(index), STABLE + ROUNDS * CHURN);
  token_index_free(index);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_empty_index_finds_nothing),
      cmocka_unit_test(what_was_put_is_found_whole),
      cmocka_unit_test(only_the_whole_hash_matches),
      cmocka_unit_test(a_replaced_entry_keeps_its_buckets),
      cmocka_unit_test(a_removed_entry_is_not_found_but_readable_until_reclaimed),
      cmocka_unit_test(removal_never_hides_what_was_probed_past_it),
      cmocka_unit_test(a_tombstone_on_the_way_never_makes_a_second_copy),
      cmocka_unit_test(endless_coming_and_going_keeps_every_probe_finite),
      cmocka_unit_test(what_a_question_fits_is_removed_and_nothing_else),
      cmocka_unit_test(two_hundred_thousand_are_all_found_and_none_else),
      cmocka_unit_test_teardown(readers_always_find_what_stays_while_the_writer_works, end_readers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
