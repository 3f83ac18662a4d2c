#include "codec/base64.h"
#include "unit.h"
#include "webhook/webhook.h"

/* The example of the specification's own libraries. */
static const char secret[] = "whsec_plJ3nmyCDGBKInavdOK15jsl";
static const char body[] = "{\"event_type\":\"ping\",\"data\":{\"success\":true}}";
static const char signature[] = "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=";
enum { TIME_S = 1731705121 };

static void a_signature_is_the_one_of_the_specifications_example(void **state) {
  struct arena arena;
  struct buf out;
  arena_init(&arena, 0);
  buf_init(&out, &arena, 1000);
  assert_ok(webhook_sign(str_of(secret), STR("msg_loFOjxBNrRLzqYUf"), TIME_S, str_of(body), &out, &test_err));
  assert_str(buf_str(&out), signature);
  assert_ok(webhook_sign(str_of(secret), STR("msg_loFOjxBNrRLzqYUf"), TIME_S + 1, str_of(body), &out, &test_err));
  assert_true(str_starts(buf_str(&out), str_of(signature)));
  assert_int_equal(out.n, 2 * strlen(signature) + 1); /* a space between, and another one */
  assert_memory_not_equal(out.p, out.p + strlen(signature) + 1, strlen(signature));
  arena_release(&arena);
}

static void what_is_no_secret_signs_nothing(void **state) {
  const char *const cases[] = {"", "whsec_", "plJ3nmyCDGBKInavdOK15jsl", "whsec_***", "WHSEC_plJ3nmyCDGBKInavdOK15jsl"};
  struct arena arena;
  struct buf out;
  arena_init(&arena, 0);
  buf_init(&out, &arena, 1000);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    assert_int_equal(webhook_sign(str_of(cases[i]), STR("a"), 1, STR("b"), &out, &test_err), ERR_INVALID);
    assert_int_equal(out.n, 0);
  }
  arena_release(&arena);
}

static void a_new_secret_is_a_new_one_each_time(void **state) {
  struct arena arena;
  arena_init(&arena, 0);
  struct str one = webhook_secret_new(&arena), other = webhook_secret_new(&arena), bytes;
  assert_true(str_starts(one, STR("whsec_")));
  assert_true(base64_read(&arena, str_make(one.p + 6, one.n - 6), &bytes));
  assert_int_equal(bytes.n, WEBHOOK_SECRET_BYTES);
  assert_false(str_eq(one, other));
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_signature_is_the_one_of_the_specifications_example),
      cmocka_unit_test(what_is_no_secret_signs_nothing),
      cmocka_unit_test(a_new_secret_is_a_new_one_each_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
