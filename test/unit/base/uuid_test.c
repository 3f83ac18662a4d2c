#include "unit.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/uuid.h"

static void ids_are_version_7_of_now(void **state) {
  int64_t before_ms = clock_utc_us() / 1000;
  struct uuid id = uuid_new();
  assert_int_equal(id.b[6] >> 4, 7);
  assert_int_equal(id.b[8] >> 6, 2);
  int64_t ms = 0;
  for (int i = 0; i < 6; i++)
    ms = ms << 8 | id.b[i];
  assert_in_range(ms, before_ms, clock_utc_us() / 1000 + 1);
}

static void ids_of_a_thread_ascend(void **state) {
  struct uuid last = uuid_new();
  for (int i = 0; i < 100000; i++) {
    struct uuid next = uuid_new();
    if (memcmp(last.b, next.b, 8) >= 0) fail_msg("not ascending at %d", i);
    last = next;
  }
}

static void the_random_part_differs_each_time(void **state) {
  struct uuid ids[200];
  for (size_t i = 0; i < 200; i++)
    ids[i] = uuid_new();
  for (size_t i = 0; i < 200; i++) {
    for (size_t k = 0; k < i; k++)
      assert_memory_not_equal(ids[i].b + 8, ids[k].b + 8, 8);
  }
}

static void a_forked_child_makes_other_ids(void **state) {
  uuid_new();
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    struct uuid id = uuid_new();
    _exit(write(ends[1], id.b, 16) == 16 ? 0 : 1);
  }
  close(ends[1]); /* a child that says nothing is heard to end */
  struct uuid mine = uuid_new(), theirs;
  assert_int_equal(read(ends[0], theirs.b, 16), 16);
  waitpid(child, NULL, 0);
  close(ends[0]);
  assert_memory_not_equal(mine.b + 8, theirs.b + 8, 8);
}

static void text_goes_both_ways(void **state) {
  struct uuid id = uuid_new(), again;
  char text[UUID_TEXT_SIZE];
  uuid_format(id, text);
  assert_int_equal(strlen(text), 36);
  assert_true(uuid_parse(str_of(text), &again));
  assert_true(uuid_eq(id, again));
  assert_true(uuid_parse(STR("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), &again)); /* RFC 9562, A.6 */
  uuid_format(again, text);
  assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

static void only_the_canonical_form_is_read(void **state) {
  const char *const bad[] = {"",
                             "017f22e279b07cc398c4dc0c0c07398f",
                             "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
                             "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
                             "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
                             "017f22e2-79b0-7cc3-98c4dc-0c0c07398f",
                             "017f22e2 79b0 7cc3 98c4 dc0c0c07398f",
                             "g17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
                             "017f22e2-79b0-7cc3-98c4-dc0c0c07398 "};
  struct uuid id = {{1}};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    if (uuid_parse(str_of(bad[i]), &id)) fail_msg("accepted \"%s\"", bad[i]);
  }
  assert_int_equal(id.b[0], 1);
}

static void nil_is_all_zero(void **state) {
  struct uuid id = {{0}};
  assert_true(uuid_is_nil(id));
  id.b[15] = 1;
  assert_false(uuid_is_nil(id));
  assert_false(uuid_is_nil(uuid_new()));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ids_are_version_7_of_now),
      cmocka_unit_test(ids_of_a_thread_ascend),
      cmocka_unit_test(the_random_part_differs_each_time),
      cmocka_unit_test(a_forked_child_makes_other_ids),
      cmocka_unit_test(text_goes_both_ways),
      cmocka_unit_test(only_the_canonical_form_is_read),
      cmocka_unit_test(nil_is_all_zero),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
