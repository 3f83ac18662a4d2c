#include "unit.h"

#include "base/map.h"

enum { KEYS = 500 };
static char names[KEYS][12];

static struct str name_of(size_t i) {
  return str_of(names[i]);
}

static int names_make(void **state) {
  for (size_t i = 0; i < KEYS; i++)
    snprintf(names[i], sizeof(names[i]), "key %zu", i);
  return 0;
}

static void what_was_put_is_found_and_nothing_else(void **state) {
  struct map map;
  map_init(&map);
  assert_null(map_get(&map, STR("a")));
  assert_null(map_remove(&map, STR("a")));
  for (size_t i = 0; i < KEYS; i++) {
    assert_int_equal(map_put(&map, name_of(i), names[i]), ERR_NONE);
    assert_int_equal(map.count, i + 1);
  }
  for (size_t i = 0; i < KEYS; i++)
    assert_ptr_equal(map_get(&map, name_of(i)), names[i]);
  assert_null(map_get(&map, STR("key 500")));
  assert_null(map_get(&map, STR("")));
  map_release(&map);
  assert_null(map_get(&map, STR("key 1")));
}

static void a_second_put_replaces(void **state) {
  struct map map;
  map_init(&map);
  char first[] = "k", second[] = "k";
  assert_int_equal(map_put(&map, str_of(first), names[0]), ERR_NONE);
  assert_int_equal(map_put(&map, str_of(second), names[1]), ERR_NONE);
  first[0] = '?'; /* the key of the value that is gone may be gone as well */
  assert_int_equal(map.count, 1);
  assert_ptr_equal(map_get(&map, STR("k")), names[1]);
  map_release(&map);
}

static void the_empty_key_is_a_key(void **state) {
  struct map map;
  map_init(&map);
  assert_int_equal(map_put(&map, STR_NONE, names[0]), ERR_NONE);
  assert_ptr_equal(map_get(&map, STR("")), names[0]);
  assert_ptr_equal(map_remove(&map, STR_NONE), names[0]);
  assert_int_equal(map.count, 0);
  map_release(&map);
}

/* Against a plain array, through many puts and removals. */
static void removal_never_loses_another_key(void **state) {
  struct map map;
  map_init(&map);
  bool is_in[KEYS] = {false};
  size_t count = 0;
  uint32_t random = 1;
  for (int step = 0; step < 20000; step++) {
    random = random * 1664525 + 1013904223;
    size_t i = (random >> 8) % 60; /* few keys, so that the table stays small and full */
    if (is_in[i]) {
      assert_ptr_equal(map_remove(&map, name_of(i)), names[i]);
      count--;
    } else {
      assert_int_equal(map_put(&map, name_of(i), names[i]), ERR_NONE);
      count++;
    }
    is_in[i] = !is_in[i];
    assert_int_equal(map.count, count);
    size_t probe = (random >> 16) % 60;
    assert_ptr_equal(map_get(&map, name_of(probe)), is_in[probe] ? names[probe] : NULL);
  }
  for (size_t i = 0; i < 60; i++)
    assert_ptr_equal(map_get(&map, name_of(i)), is_in[i] ? names[i] : NULL);
  map_release(&map);
}

static void iteration_sees_each_entry_once(void **state) {
  struct map map;
  map_init(&map);
  size_t at = 0;
  struct str key;
  void *value;
  assert_false(map_next(&map, &at, &key, &value));
  for (size_t i = 0; i < 100; i++)
    assert_int_equal(map_put(&map, name_of(i), names[i]), ERR_NONE);
  unsigned seen[100] = {0};
  for (at = 0; map_next(&map, &at, &key, &value);) {
    assert_ptr_equal(key.p, value);
    seen[((char *)value - names[0]) / (ptrdiff_t)sizeof(names[0])]++;
  }
  for (size_t i = 0; i < 100; i++)
    assert_int_equal(seen[i], 1);
  map_release(&map);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_put_is_found_and_nothing_else),
      cmocka_unit_test(a_second_put_replaces),
      cmocka_unit_test(the_empty_key_is_a_key),
      cmocka_unit_test(removal_never_loses_another_key),
      cmocka_unit_test(iteration_sees_each_entry_once),
  };
  return cmocka_run_group_tests(tests, names_make, NULL);
}
