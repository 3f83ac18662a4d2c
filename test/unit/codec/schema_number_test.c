#include "unit.h"

#include "codec/schema_equal.h"
#include "codec/schema_number.h"
#include "codec/schema_work.h"

static struct arena arena;

static int setup(void **state) {
  arena_init(&arena, 0);
  return 0;
}

static int teardown(void **state) {
  arena_release(&arena);
  return 0;
}

/* Not by json_read, which takes no number that a double changes. */
static yyjson_val *value_of(const char *text) {
  yyjson_alc alc = json_alc(&arena);
  char *copy = arena_strdup(&arena, text);
  yyjson_doc *doc = yyjson_read_opts(copy, strlen(copy), YYJSON_READ_BIGNUM_AS_RAW, &alc, NULL);
  if (!doc) fail_msg("not JSON: %s", text);
  return yyjson_doc_get_root(doc);
}

static void numbers_compare_by_their_digits(void **state) {
  static const char *const ordered[] = {
      "-1e400",
      "-100000000000000000000000000000000000001",
      "-100000000000000000000000000000000000000",
      "-1e20",
      "-9223372036854775808",
      "-9223372036854775807",
      "-1.5",
      "-1",
      "-0.1",
      "0",
      "1e-300",
      "0.1",
      "0.30000000000000004",
      "1",
      "9007199254740992",
      "9007199254740993",
      "18446744073709551614",
      "18446744073709551615",
      "18446744073709551616",
      "98249283749234923498293171823948729348710298301928331",
      "98249283749234923498293171823948729348710298301928332",
      "1e400",
  };
  const int n = sizeof(ordered) / sizeof(ordered[0]);
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < n; k++) {
      int order = schema_number_cmp(value_of(ordered[i]), value_of(ordered[k]));
      if ((order > 0) != (i > k) || (order < 0) != (i < k)) fail_msg("%s and %s: %d", ordered[i], ordered[k], order);
    }
  }
}

static void the_same_number_written_otherwise_is_equal(void **state) {
  static const char *const pairs[][2] = {
      {"1", "1.0"},
      {"1", "10e-1"},
      {"0", "-0.0"},
      {"100000000000000000000000000000000000000", "1e38"},
      {"100", "1e2"},
      {"-5", "-5.0"},
      {"9007199254740992", "9007199254740992.0"},
  };
  for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
    yyjson_val *a = value_of(pairs[i][0]), *b = value_of(pairs[i][1]);
    assert_int_equal(schema_number_cmp(a, b), 0);
    assert_true(schema_number_rounded(a) == schema_number_rounded(b));
  }
}

static void integers_are_told_by_value(void **state) {
  static const char *const integers[] = {"0",    "-1", "1.0", "1e3", "1e300", "1e400", "123456789012345678901234567890",
                                         "1.5e1"};
  static const char *const others[] = {"0.5", "1e-3", "1.5e0", "4503599627370495.5"};
  for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++)
    if (!schema_number_is_integer(value_of(integers[i]))) fail_msg("%s", integers[i]);
  for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
    if (schema_number_is_integer(value_of(others[i]))) fail_msg("%s", others[i]);
}

static void multiples_are_exact(void **state) {
  static const struct {
    const char *value, *divisor;
    bool is_multiple;
  } cases[] = {
      {"0.3", "0.1", true},
      {"19.99", "0.01", true},
      {"4.35", "0.01", true},
      {"1.1", "0.1", true},
      {"0.0075", "0.0001", true},
      {"0.00751", "0.0001", false},
      {"35", "1.5", false},
      {"36", "1.5", true},
      {"-4.5", "1.5", true},
      {"0", "7", true},
      {"-0.0", "0.3", true},
      {"1e308", "0.123456789", false},
      {"1e308", "1e308", true},
      {"1e308", "1e-300", true},
      {"12391239123", "1e-8", true},
      {"18446744073709551615", "5", true},
      {"18446744073709551615", "18446744073709551615", true},
      {"18446744073709551614", "18446744073709551615", false},
      {"184467440737095516150", "18446744073709551615", true},
      {"184467440737095516151", "18446744073709551615", false},
      {"1e38", "12157665459056928801", false},
      {"99999999999999999999999999999999999999", "18446744073709551557", false},
      {"1844674407370955155700000", "18446744073709551557", true},
      {"18446744073709551557e400", "18446744073709551557", true},
      {"340282366920938463426481119284349108225", "18446744073709551615", true},
      {"340282366920938463426481119284349108226", "18446744073709551615", false},
      {"1e27", "7450580596923828125", true},
      {"1e26", "7450580596923828125", false},
      {"9007199254740993", "2", false},
      {"-9223372036854775808", "2", true},
      {"100000000000000000000000000000000000003", "3", false},
      {"100000000000000000000000000000000000002", "3", true},
      {"100", "1e3", false},
      {"3000", "1e3", true},
      {"1e999999999", "7", false},
      {"1e999999999", "8", true},
      {"1e99999999999999999999", "2", true},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct schema_divisor divisor;
    assert_true(schema_divisor_read(value_of(cases[i].divisor), &divisor));
    if (schema_number_is_multiple(value_of(cases[i].value), &divisor) != cases[i].is_multiple)
      fail_msg("%s of %s", cases[i].value, cases[i].divisor);
  }
}

static void what_cannot_divide_is_refused(void **state) {
  static const char *const bad[] = {"0", "-0.0", "-1", "-0.5", "184467440737095516151", "0e5"};
  struct schema_divisor divisor = {.whole = 42};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    if (schema_divisor_read(value_of(bad[i]), &divisor)) fail_msg("%s", bad[i]);
  assert_int_equal(divisor.whole, 42);
}

static bool has_twins(const char *text, size_t *ret_first, size_t *ret_second) {
  size_t work = 1000 * 1000;
  bool is_found = false;
  assert_int_equal(schema_find_twins(value_of(text), &work, &is_found, ret_first, ret_second), ERR_NONE);
  assert_false(schema_is_spent(&work));
  return is_found;
}

/* Short lists pair by pair, long ones by hash: both find the same. */
static void twins_are_found_in_lists_of_any_length(void **state) {
  static const char *const items[] = {
      "1",
      "true",
      "\"1\"",
      "[1]",
      "{\"a\":1}",
      "null",
      "[[]]",
      "{}",
      "[]",
      "\"\"",
      "false",
      "0",
      "[1,2]",
      "[2,1]",
      "{\"a\":[1]}",
      "{\"b\":1}",
      "{\"a\":1,\"b\":2}",
      "1.5",
      "\"true\"",
      "[null]",
      "{\"a\":{}}",
      "{\"a\":null}",
      "9007199254740993",
      "9007199254740992",
      "-1",
      "\"\\u00e9\"",
      "[[1],[2]]",
      "[[1,2]]",
      "{\"a\":1,\"b\":null}",
      "1e300",
  };
  static const char *const again[][2] = {{"1.0", "1"},
                                         {"{\"b\":2.0,\"a\":1}", "{\"a\":1,\"b\":2}"},
                                         {"\"é\"", "\"\\u00e9\""},
                                         {"[[1.0],[2]]", "[[1],[2]]"},
                                         {"9007199254740992.0", "9007199254740992"},
                                         {"10e299", "1e300"}};
  const size_t n = sizeof(items) / sizeof(items[0]);
  for (size_t length = 2; length <= n; length++) {
    struct buf list;
    size_t first = 0, second = 0;
    buf_init(&list, &arena, 1 << 20);
    for (size_t i = 0; i < length; i++)
      buf_printf(&list, "%c%s", i ? ',' : '[', items[i]);
    size_t end = list.n;
    buf_append_c(&list, "]");
    buf_append_byte(&list, '\0');
    assert_false(has_twins(list.p, &first, &second));
    for (size_t k = 0; k < sizeof(again) / sizeof(again[0]); k++) {
      list.n = end;
      buf_printf(&list, ",%s]", again[k][0]);
      buf_append_byte(&list, '\0');
      bool is_found = has_twins(list.p, &first, &second);
      size_t original = 0;
      while (original < length && strcmp(items[original], again[k][1]) != 0)
        original++;
      assert_int_equal(is_found, original < length);
      if (is_found) assert_true(first == original && second == length);
    }
  }
}

/* 2048 integers that round to the same double share a hash: all pairs are looked at, and paid for. */
static void colliding_items_are_paid_for(void **state) {
  struct buf list;
  buf_init(&list, &arena, 1 << 20);
  for (unsigned i = 0; i < 1024; i++)
    buf_printf(&list, "%c%llu", i ? ',' : '[', 9223372036854775808ULL + i);
  buf_append_c(&list, "]");
  buf_append_byte(&list, '\0');
  size_t work = 10 * 1000, first, second;
  bool is_found = true;
  assert_int_equal(schema_find_twins(value_of(list.p), &work, &is_found, &first, &second), ERR_NONE);
  assert_true(schema_is_spent(&work));
  assert_false(is_found);
}

static void equality_spends_work(void **state) {
  size_t work = 3;
  assert_false(schema_equal(value_of("[1,2,3]"), value_of("[1,2,3]"), &work));
  assert_true(schema_is_spent(&work));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_compare_by_their_digits), cmocka_unit_test(the_same_number_written_otherwise_is_equal),
      cmocka_unit_test(integers_are_told_by_value),      cmocka_unit_test(multiples_are_exact),
      cmocka_unit_test(what_cannot_divide_is_refused),   cmocka_unit_test(twins_are_found_in_lists_of_any_length),
      cmocka_unit_test(colliding_items_are_paid_for),    cmocka_unit_test(equality_spends_work),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
