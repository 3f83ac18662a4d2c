#include "unit.h"

#include <pthread.h>

#include "base/arena.h"
#include "base/asan.h"

static void nothing_is_taken_before_the_first_allocation(void **state) {
  struct arena arena;
  arena_init(&arena, 0);
  assert_null(arena.first);
  assert_int_equal(arena.used, 0);
  arena_release(&arena);
}

static void allocations_are_aligned_distinct_and_keep_their_content(void **state) {
  struct arena arena;
  arena_init(&arena, 0);
  enum { N = 3000 };
  unsigned char *p[N];
  size_t sizes[N];
  for (size_t i = 0; i < N; i++) {
    sizes[i] = i % 97 == 0 ? 20000 + i : i % 61;
    p[i] = arena_alloc(&arena, sizes[i]);
    assert_non_null(p[i]);
    assert_int_equal((uintptr_t)p[i] % _Alignof(max_align_t), 0);
    memset(p[i], (int)(i % 251), sizes[i]);
  }
  for (size_t i = 0; i < N; i++) {
    for (size_t k = 0; k < sizes[i]; k++)
      assert_int_equal(p[i][k], i % 251);
  }
  arena_release(&arena);
}

static void zero_bytes_are_an_allocation_of_their_own(void **state) {
  struct arena arena;
  arena_init(&arena, 0);
  void *a = arena_alloc(&arena, 0);
  void *b = arena_alloc(&arena, 0);
  assert_non_null(a);
  assert_ptr_not_equal(a, b);
  arena_release(&arena);
}

static void the_cap_holds_and_what_fails_costs_nothing(void **state) {
  struct arena arena;
  arena_init(&arena, 1000);
  assert_non_null(arena_alloc(&arena, 900));
  size_t used = arena.used;
  assert_null(arena_alloc(&arena, 200));
  assert_int_equal(arena.used, used);
  assert_non_null(arena_alloc(&arena, 50));
  assert_null(arena_zalloc(&arena, 100));
  assert_null(arena_strdup(&arena, "more than sixty characters, which is certainly more than is left here"));
  assert_null(arena_str(&arena, str_make("x", SIZE_MAX / 4)).p);
  arena_release(&arena);
  assert_int_equal(arena.used, 0);
  assert_non_null(arena_alloc(&arena, 900));
  arena_release(&arena);
}

static void sizes_that_overflow_are_refused(void **state) {
  struct arena arena;
  arena_init(&arena, 0);
  assert_null(arena_alloc(&arena, SIZE_MAX));
  assert_null(arena_alloc(&arena, SIZE_MAX - 8));
  assert_null(arena_zalloc_n(&arena, SIZE_MAX / 2, 3));
  assert_null(arena_zalloc_n(&arena, (size_t)1 << 33, (size_t)1 << 33));
  void *p = arena_alloc(&arena, 16);
  assert_null(arena_realloc(&arena, p, 16, SIZE_MAX - 4));
  assert_int_equal(arena.used, 16);
  arena_release(&arena);
}

static void zeroed_memory_is_zero_even_where_it_was_used_before(void **state) {
  for (int round = 0; round < 3; round++) {
    struct arena arena;
    arena_init(&arena, 0);
    unsigned char *p = arena_zalloc(&arena, 5000);
    for (size_t i = 0; i < 5000; i++)
      assert_int_equal(p[i], 0);
    memset(p, 0xFF, 5000);
    arena_release(&arena);
  }
}

static void a_released_arena_can_be_used_again(void **state) {
  struct arena arena;
  arena_init(&arena, 0);
  for (int i = 0; i < 10; i++) {
    assert_non_null(arena_alloc(&arena, 100000));
    assert_non_null(arena_alloc(&arena, 10));
    arena_release(&arena);
    assert_null(arena.first);
  }
}

static void standard_blocks_are_used_again_by_their_thread(void **state) {
  if (HAS_ASAN) skip_because("under ASan blocks go back to malloc, which finds uses after release; part bare runs it");
  struct arena arena;
  arena_init(&arena, 0);
  void *p = arena_alloc(&arena, 10);
  arena_release(&arena);
  assert_ptr_equal(arena_alloc(&arena, 10), p);
  arena_release(&arena);
}

static void *many_arenas(void *unused) {
  (void)unused;
  struct arena arenas[200];
  for (size_t i = 0; i < 200; i++) {
    arena_init(&arenas[i], 0);
    memset(arena_alloc(&arenas[i], 100), 7, 100);
  }
  for (size_t i = 0; i < 200; i++)
    arena_release(&arenas[i]);
  return NULL;
}

static void a_thread_that_ends_leaves_nothing_behind(void **state) {
  for (int i = 0; i < 4; i++) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, many_arenas, NULL), 0);
    pthread_join(thread, NULL);
  }
}

static void growing_the_last_allocation_keeps_its_place(void **state) {
  struct arena arena;
  arena_init(&arena, 0);
  char *p = arena_alloc(&arena, 10);
  memcpy(p, "0123456789", 10);
  char *q = arena_realloc(&arena, p, 10, 1000);
  assert_ptr_equal(q, p);
  assert_int_equal(arena.used, 1008);
  memset(q + 10, 'x', 990);
  assert_memory_equal(q, "0123456789", 10);
  arena_release(&arena);
}

static void growing_another_allocation_copies_it(void **state) {
  struct arena arena;
  arena_init(&arena, 0);
  char *p = arena_alloc(&arena, 10);
  memcpy(p, "0123456789", 10);
  char *other = arena_alloc(&arena, 10);
  memcpy(other, "untouched!", 10);
  char *q = arena_realloc(&arena, p, 10, 500);
  assert_ptr_not_equal(q, p);
  memset(q + 10, 'x', 490);
  assert_memory_equal(q, "0123456789", 10);
  assert_memory_equal(other, "untouched!", 10);
  arena_release(&arena);
}

static void growing_by_steps_keeps_the_content_and_counts_once(void **state) {
  struct arena arena;
  arena_init(&arena, 8 * 1024 * 1024);
  size_t n = 1;
  unsigned char *p = arena_alloc(&arena, n);
  p[0] = 0;
  void *between = arena_alloc(&arena, 24); /* so that the first steps have to copy */
  memset(between, 1, 24);
  while (n < 2 * 1024 * 1024) {
    size_t more = n * 2 + 3;
    p = arena_realloc(&arena, p, n, more);
    assert_non_null(p);
    for (size_t i = n; i < more; i++)
      p[i] = (unsigned char)(i * 7);
    n = more;
  }
  for (size_t i = 1; i < n; i++) {
    if (p[i] != (unsigned char)(i * 7)) fail_msg("byte %zu", i);
  }
  /* What grew in a block of its own was not counted twice. */
  assert_in_range(arena.used, n, n + 64 * 1024);
  arena_release(&arena);
}

static void shrinking_gives_the_same_memory(void **state) {
  struct arena arena;
  arena_init(&arena, 0);
  void *p = arena_alloc(&arena, 100);
  assert_ptr_equal(arena_realloc(&arena, p, 100, 10), p);
  assert_non_null(arena_realloc(&arena, NULL, 0, 10));
  arena_release(&arena);
}

static void growth_that_the_cap_forbids_leaves_the_old_one(void **state) {
  struct arena arena;
  arena_init(&arena, 60000);
  char *small = arena_alloc(&arena, 10);
  memcpy(small, "012345678", 10);
  char *large = arena_alloc(&arena, 30000);
  memset(large, 'l', 30000);
  assert_null(arena_realloc(&arena, large, 30000, 60000));
  assert_null(arena_realloc(&arena, small, 10, 60000));
  assert_string_equal(small, "012345678");
  for (size_t i = 0; i < 30000; i++)
    assert_int_equal(large[i], 'l');
  arena_release(&arena);
}

static void copies_end_with_a_nul(void **state) {
  struct arena arena;
  arena_init(&arena, 0);
  struct str copy = arena_str(&arena, str_make("abc", 2));
  assert_int_equal(copy.n, 2);
  assert_string_equal(copy.p, "ab");
  copy = arena_str(&arena, STR_NONE);
  assert_non_null(copy.p);
  assert_string_equal(copy.p, "");
  assert_string_equal(arena_strdup(&arena, "text"), "text");
  assert_memory_equal(arena_memdup(&arena, "\0\1\2", 3), "\0\1\2", 3);
  assert_non_null(arena_memdup(&arena, NULL, 0));
  arena_release(&arena);
}

static void formatted_text_may_be_short_or_long(void **state) {
  struct arena arena;
  arena_init(&arena, 0);
  assert_str(arena_printf(&arena, "%d-%s", 5, "x"), "5-x");
  for (int n = 253; n < 260; n++) {
    struct str text = arena_printf(&arena, "%*d", n, 1);
    assert_int_equal(text.n, n);
    assert_int_equal(strlen(text.p), n);
    assert_int_equal(text.p[n - 1], '1');
  }
  arena_release(&arena);
  arena_init(&arena, 64);
  assert_null(arena_printf(&arena, "%*d", 1000, 1).p);
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_is_taken_before_the_first_allocation),
      cmocka_unit_test(allocations_are_aligned_distinct_and_keep_their_content),
      cmocka_unit_test(zero_bytes_are_an_allocation_of_their_own),
      cmocka_unit_test(the_cap_holds_and_what_fails_costs_nothing),
      cmocka_unit_test(sizes_that_overflow_are_refused),
      cmocka_unit_test(zeroed_memory_is_zero_even_where_it_was_used_before),
      cmocka_unit_test(a_released_arena_can_be_used_again),
      cmocka_unit_test(standard_blocks_are_used_again_by_their_thread),
      cmocka_unit_test(a_thread_that_ends_leaves_nothing_behind),
      cmocka_unit_test(growing_the_last_allocation_keeps_its_place),
      cmocka_unit_test(growing_another_allocation_copies_it),
      cmocka_unit_test(growing_by_steps_keeps_the_content_and_counts_once),
      cmocka_unit_test(shrinking_gives_the_same_memory),
      cmocka_unit_test(growth_that_the_cap_forbids_leaves_the_old_one),
      cmocka_unit_test(copies_end_with_a_nul),
      cmocka_unit_test(formatted_text_may_be_short_or_long),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
