#include "store/api.h"
#include "store/fixture.h"

enum { MORE_THAN_A_SWEEP = 520 };

static struct api_answer_record answer_of(uint8_t key, int64_t created_at) {
  return (struct api_answer_record){.asker = {{7}},
                                    .key_hash = {key, (uint8_t)created_at, (uint8_t)(created_at >> 8)},
                                    .request_hash = {9},
                                    .status = 201,
                                    .location = STR_NONE,
                                    .body = STR("{\"id\":1}"),
                                    .created_at = created_at};
}

STORE_TEST(an_answer_is_found_by_who_asked_and_its_key_alone) {
  struct api_answer_record kept = answer_of(1, 50), found = {.status = -1};
  assert_ok(store_api_answer_put(tx, &kept, &test_err));
  assert_ok(store_api_answer_find(ARENA, kept.asker, kept.key_hash, &found, &test_err));
  assert_int_equal(found.status, 201);
  assert_int_equal(found.created_at, 50);
  assert_memory_equal(found.request_hash, kept.request_hash, 32);
  assert_str(found.body, "{\"id\":1}");
  assert_null(found.location.p);
  struct api_answer_record other = answer_of(2, 50);
  assert_int_equal(store_api_answer_find(ARENA, kept.asker, other.key_hash, &found, &test_err), ERR_NOT_FOUND);
  other.asker.b[0] = 8;
  assert_int_equal(store_api_answer_find(ARENA, other.asker, kept.key_hash, &found, &test_err), ERR_NOT_FOUND);
  kept.status = 409;
  assert_ok(store_api_answer_put(tx, &kept, &test_err)); /* its time was over, and the key is used anew */
  assert_ok(store_api_answer_find(ARENA, kept.asker, kept.key_hash, &found, &test_err));
  assert_int_equal(found.status, 409);
}

/* A sweep takes some: so many that what is made in the meantime never piles up. */
STORE_TEST(what_is_too_old_is_swept_away_in_steps_and_the_rest_stays) {
  struct api_answer_record found;
  for (int64_t i = 0; i < MORE_THAN_A_SWEEP; i++) {
    struct api_answer_record old = answer_of(1, i);
    assert_ok(store_api_answer_put(tx, &old, &test_err));
  }
  struct api_answer_record young = answer_of(2, MORE_THAN_A_SWEEP);
  assert_ok(store_api_answer_put(tx, &young, &test_err));
  assert_ok(store_api_answer_sweep(tx, MORE_THAN_A_SWEEP, &test_err));
  assert_ok(store_api_answer_sweep(tx, MORE_THAN_A_SWEEP, &test_err));
  for (int64_t i = 0; i < MORE_THAN_A_SWEEP; i++) {
    struct api_answer_record old = answer_of(1, i);
    assert_int_equal(store_api_answer_find(ARENA, old.asker, old.key_hash, &found, &test_err), ERR_NOT_FOUND);
  }
  assert_ok(store_api_answer_find(ARENA, young.asker, young.key_hash, &found, &test_err));
}

int main(void) {
  const struct CMUnitTest tests[] = {STORE_UNIT(an_answer_is_found_by_who_asked_and_its_key_alone),
                                     STORE_UNIT(what_is_too_old_is_swept_away_in_steps_and_the_rest_stays)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
