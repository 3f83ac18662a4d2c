#include "unit.h"

#include "base/buf.h"

static void it_grows_on_the_heap_and_in_an_arena(void **state) {
  struct arena arena;
  arena_init(&arena, 0);
  struct arena *const places[] = {NULL, &arena};
  for (size_t p = 0; p < 2; p++) {
    struct buf buf;
    buf_init(&buf, places[p], 1024 * 1024);
    for (int i = 0; i < 100000; i++)
      buf_append_byte(&buf, (char)i);
    assert_false(buf_failed(&buf));
    assert_int_equal(buf.n, 100000);
    for (int i = 0; i < 100000; i++)
      assert_int_equal(buf.p[i], (char)i);
    buf_release(&buf);
    assert_null(buf.p);
    assert_int_equal(buf.n, 0);
  }
  arena_release(&arena);
}

static void exactly_the_cap_fits_and_no_byte_more(void **state) {
  for (size_t max = 0; max < 600; max += 37) {
    struct buf buf;
    buf_init(&buf, NULL, max);
    for (size_t i = 0; i < max; i++)
      buf_append_byte(&buf, 'x');
    assert_false(buf_failed(&buf));
    buf_append(&buf, "", 0);
    assert_false(buf_failed(&buf));
    buf_append_byte(&buf, 'x');
    assert_true(buf_failed(&buf));
    assert_int_equal(buf.n, max);
    buf_release(&buf);
  }
}

static void the_first_failure_sticks(void **state) {
  struct buf buf;
  buf_init(&buf, NULL, 4);
  buf_append_c(&buf, "abc");
  buf_append_c(&buf, "de");
  buf_append_c(&buf, "f"); /* would fit */
  assert_true(buf_failed(&buf));
  assert_str(buf_str(&buf), "abc");
  assert_null(buf_reserve(&buf, 1));
  buf_clear(&buf);
  assert_false(buf_failed(&buf));
  buf_append_c(&buf, "wxyz");
  assert_str(buf_str(&buf), "wxyz");
  buf_release(&buf);
}

static void a_full_arena_is_a_failure_too(void **state) {
  struct arena arena;
  arena_init(&arena, 1000);
  struct buf buf;
  buf_init(&buf, &arena, 100000);
  for (int i = 0; i < 2000; i++)
    buf_append_byte(&buf, 'x');
  assert_true(buf_failed(&buf));
  buf_release(&buf);
  arena_release(&arena);
}

static void numbers_are_decimal_to_the_edges(void **state) {
  struct buf buf;
  buf_init(&buf, NULL, 1000);
  buf_append_u64(&buf, 0);
  buf_append_byte(&buf, ' ');
  buf_append_u64(&buf, UINT64_MAX);
  buf_append_byte(&buf, ' ');
  buf_append_i64(&buf, INT64_MIN);
  buf_append_byte(&buf, ' ');
  buf_append_i64(&buf, -1);
  buf_append_byte(&buf, ' ');
  buf_append_i64(&buf, INT64_MAX);
  assert_str(buf_str(&buf), "0 18446744073709551615 -9223372036854775808 -1 9223372036854775807");
  buf_release(&buf);
}

static void formatting_fills_the_cap_to_its_last_byte(void **state) {
  for (int n = 250; n < 262; n++) {
    struct buf buf;
    buf_init(&buf, NULL, (size_t)n);
    buf_printf(&buf, "%*d", n, 1);
    assert_false(buf_failed(&buf));
    assert_int_equal(buf.n, n);
    buf_printf(&buf, "%s", "");
    assert_false(buf_failed(&buf));
    buf_printf(&buf, "%c", 'x');
    assert_true(buf_failed(&buf));
    buf_release(&buf);
  }
}

static void reserved_room_is_the_callers_to_fill(void **state) {
  struct buf buf;
  buf_init(&buf, NULL, 10000);
  buf_append_c(&buf, "ab");
  char *room = buf_reserve(&buf, 5000);
  assert_non_null(room);
  assert_int_equal(buf.n, 2);
  memset(room, 'c', 5000);
  buf.n += 3;
  assert_str(buf_str(&buf), "abccc");
  assert_null(buf_reserve(&buf, SIZE_MAX));
  assert_true(buf_failed(&buf));
  buf_release(&buf);
}

static void the_cap_may_be_as_large_as_a_size(void **state) {
  struct buf buf;
  buf_init(&buf, NULL, SIZE_MAX);
  buf_append_c(&buf, "x");
  assert_null(buf_reserve(&buf, SIZE_MAX - 1));
  assert_str(buf_str(&buf), "x");
  buf_release(&buf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_grows_on_the_heap_and_in_an_arena),
      cmocka_unit_test(exactly_the_cap_fits_and_no_byte_more),
      cmocka_unit_test(the_first_failure_sticks),
      cmocka_unit_test(a_full_arena_is_a_failure_too),
      cmocka_unit_test(numbers_are_decimal_to_the_edges),
      cmocka_unit_test(formatting_fills_the_cap_to_its_last_byte),
      cmocka_unit_test(reserved_room_is_the_callers_to_fill),
      cmocka_unit_test(the_cap_may_be_as_large_as_a_size),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
