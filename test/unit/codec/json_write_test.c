#include "unit.h"

#include "base/limits.h"
#include "codec/json.h"

static struct arena arena;
static struct buf out;

static int setup(void **state) {
  arena_init(&arena, 0);
  buf_init(&out, &arena, 1024 * 1024);
  return 0;
}

static int teardown(void **state) {
  arena_release(&arena);
  return 0;
}

static yyjson_val *read_ok(const char *text) {
  yyjson_doc *doc = NULL;
  assert_ok(json_read(&arena, str_of(text), &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

static struct str written(const char *text) {
  buf_clear(&out);
  json_write_value(&out, read_ok(text));
  assert_false(buf_failed(&out));
  return buf_str(&out);
}

static struct str canonical(const char *text) {
  buf_clear(&out);
  assert_ok(json_write_canonical(&out, read_ok(text), &test_err));
  return buf_str(&out);
}

static struct str escaped(struct str text) {
  buf_clear(&out);
  json_write_str(&out, text);
  return buf_str(&out);
}

static void strings_are_escaped_as_little_as_possible(void **state) {
  assert_str(escaped(STR("plain / gr\xC3\xBC\xC3\x9F \x7F\xF0\x9F\x98\x80")),
             "\"plain / gr\xC3\xBC\xC3\x9F \x7F\xF0\x9F\x98\x80\"");
  assert_str(escaped(STR("\"\\\b\f\n\r\t\x01\x1f")), "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\"");
  assert_str(escaped(str_make("\0", 1)), "\"\\u0000\"");
  assert_str(escaped(STR_NONE), "\"\"");
  assert_str(escaped(STR("\"")), "\"\\\"\"");
  assert_str(escaped(STR("a\nb")), "\"a\\nb\"");
}

static void invalid_bytes_become_the_replacement_character(void **state) {
  assert_str(escaped(STR("a\x80z")), "\"a\xEF\xBF\xBDz\"");
  assert_str(escaped(STR("\xE2\x82")), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
  assert_str(escaped(STR("\xED\xA0\x80")), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
  assert_str(escaped(STR("\xFF\"")), "\"\xEF\xBF\xBD\\\"\"");
}

/* What json_write_str promises, a byte at a time; none of them begins a character of UTF-8. */
static void escape_slowly(struct buf *slow, struct str text) {
  static const char *const spelled[0x60] = {
      ['"'] = "\\\"", ['\\'] = "\\\\", ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};
  buf_clear(slow);
  buf_append_byte(slow, '"');
  for (size_t i = 0; i < text.n; i++) {
    unsigned char c = (unsigned char)text.p[i];
    if (c < sizeof(spelled) / sizeof(spelled[0]) && spelled[c])
      buf_append_c(slow, spelled[c]);
    else if (c < 0x20)
      buf_printf(slow, "\\u%04x", c);
    else if (c < 0x80)
      buf_append_byte(slow, (char)c);
    else
      buf_append_c(slow, "\xEF\xBF\xBD");
  }
  buf_append_byte(slow, '"');
}

static void every_byte_is_treated_alike_wherever_it_stands(void **state) {
  static const char beside[] = "x\"\x01\x7F\xFF !#[]";
  char text[26];
  struct buf slow;
  buf_init(&slow, NULL, KIB);
  for (size_t n = 1; n <= sizeof(text); n += 5)
    for (size_t at = 0; at < n; at++)
      for (int c = 0; c < 256; c++)
        for (const char *other = beside; *other; other++) {
          memset(text, 'x', sizeof(text));
          if (at > 0) text[at - 1] = *other;
          if (at + 1 < n) text[at + 1] = *other;
          text[at] = (char)c;
          escape_slowly(&slow, str_make(text, n));
          struct str got = escaped(str_make(text, n));
          assert_int_equal(got.n, slow.n);
          assert_memory_equal(got.p, slow.p, slow.n);
        }
  buf_release(&slow);
}

static void a_string_may_fill_the_cap_to_its_last_byte(void **state) {
  static const char text[] = "0123456789\"123456789\x01yz\xC3\xA9\xFF",
                    whole[] = "\"0123456789\\\"123456789\\u0001yz\xC3\xA9\xEF\xBF\xBD\"";
  for (size_t max = 0; max <= sizeof(whole); max++) {
    struct buf capped;
    buf_init(&capped, NULL, max);
    json_write_str(&capped, str_of(text));
    assert_int_equal(buf_failed(&capped), max < sizeof(whole) - 1);
    if (!buf_failed(&capped)) assert_str(buf_str(&capped), whole);
    buf_release(&capped);
  }
}

static void values_keep_their_order_and_their_numbers(void **state) {
  const char *const same[] = {"{\"b\":1,\"a\":[true,false,null,{},[]],\"\":\"x\"}",
                              "[0,-1,18446744073709551615,-9223372036854775808]", "[1.0,0.5,-0.0,1e+21,1e-7,100.25]",
                              "\"alone\"", "null"};
  for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
    assert_str(written(same[i]), same[i]);
  assert_str(written(" [ 1 , { \"a\" : 2 } ] "), "[1,{\"a\":2}]");
  assert_str(written("[1E2,1.50,-0]"), "[100.0,1.5,0]");
}

static void what_is_no_value_fails(void **state) {
  buf_clear(&out);
  json_write_value(&out, NULL);
  assert_true(buf_failed(&out));
  buf_clear(&out);
  assert_int_equal(json_write_canonical(&out, NULL, &test_err), ERR_INVALID);
}

static void the_example_of_rfc_8785(void **state) {
  const char *text =
      "{\n  \"numbers\": [333333333.33333329, 1E30, 4.50,\n              2e-3, 0.000000000000000000000000001],\n"
      "  \"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\n  \"literals\": [null, true, "
      "false]\n}";
  assert_str(canonical(text),
             "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
             "\"string\":\"\xE2\x82\xAC$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

static void keys_are_sorted_by_utf16_as_in_rfc_8785(void **state) {
  const char *text =
      "{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew Letter Dalet With "
      "Dagesh\",\"1\":\"One\","
      "\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\",\"\\u00f6\":\"Latin Small Letter O With "
      "Diaeresis\"}";
  assert_str(canonical(text),
             "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xC2\x80\":\"Control\","
             "\"\xC3\xB6\":\"Latin Small Letter O With Diaeresis\",\"\xE2\x82\xAC\":\"Euro Sign\","
             "\"\xF0\x9F\x98\x80\":\"Emoji: Grinning Face\",\"\xEF\xAC\xB3\":\"Hebrew Letter Dalet With Dagesh\"}");
}

static void keys_are_sorted_at_every_depth(void **state) {
  assert_str(canonical("{\"b\":{\"d\":[{\"z\":1,\"y\":2}],\"c\":0},\"a\":1,\"aa\":2,\"A\":3,\"\":4}"),
             "{\"\":4,\"A\":3,\"a\":1,\"aa\":2,\"b\":{\"c\":0,\"d\":[{\"y\":2,\"z\":1}]}}");
  /* Behind an equal prefix; U+E000, U+FFFD and two characters beyond U+FFFF. */
  assert_str(
      canonical("{\"x\\uE000\":1,\"x\\uD800\\uDC01\":2,\"x\\uFFFD\":3,\"x\\uD800\\uDC00\":4,\"x\\uD7FF\":5}"),
      "{\"x\xED\x9F\xBF\":5,\"x\xF0\x90\x80\x80\":4,\"x\xF0\x90\x80\x81\":2,\"x\xEE\x80\x80\":1,\"x\xEF\xBF\xBD\":3}");
}

static void numbers_are_those_of_ecmascript(void **state) {
  assert_str(canonical("[1e21,1e20,1e-7,0.000001,100.0,-0,-0.0,1.0,-5]"),
             "[1e+21,100000000000000000000,1e-7,0.000001,100,0,0,1,-5]");
  /* Beyond 2^53 an integer is the double it becomes. */
  assert_str(
      canonical("[9007199254740992,9007199254740993,-9007199254740993,18446744073709551615,9223372036854775807]"),
      "[9007199254740992,9007199254740992,-9007199254740992,18446744073709552000,9223372036854776000]");
}

static void what_is_not_finite_has_no_canonical_form(void **state) {
  yyjson_val *root = read_ok("[1.5]");
  yyjson_set_real(yyjson_arr_get_first(root), 1e308 * 10);
  buf_clear(&out);
  assert_int_equal(json_write_canonical(&out, root, &test_err), ERR_INVALID);
  buf_clear(&out);
  json_write_value(&out, root);
  assert_true(buf_failed(&out));
}

static void a_full_buffer_is_noticed(void **state) {
  struct buf small;
  buf_init(&small, NULL, 10);
  assert_int_equal(json_write_canonical(&small, read_ok("{\"a\":\"0123456789\"}"), &test_err), ERR_TOO_LARGE);
  buf_release(&small);
}

static void depth_is_bounded_even_for_documents_that_json_read_never_saw(void **state) {
  for (size_t depth = LIMIT_JSON_DEPTH; depth <= LIMIT_JSON_DEPTH + 1; depth++) {
    char text[2 * LIMIT_JSON_DEPTH + 3];
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    yyjson_doc *doc = yyjson_read(text, 2 * depth, 0);
    buf_clear(&out);
    json_write_value(&out, yyjson_doc_get_root(doc));
    assert_int_equal(buf_failed(&out), depth > LIMIT_JSON_DEPTH);
    buf_clear(&out);
    assert_int_equal(json_write_canonical(&out, yyjson_doc_get_root(doc), NULL),
                     depth > LIMIT_JSON_DEPTH ? ERR_INVALID : ERR_NONE);
    yyjson_doc_free(doc);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(strings_are_escaped_as_little_as_possible),
      cmocka_unit_test(invalid_bytes_become_the_replacement_character),
      cmocka_unit_test(every_byte_is_treated_alike_wherever_it_stands),
      cmocka_unit_test(a_string_may_fill_the_cap_to_its_last_byte),
      cmocka_unit_test(values_keep_their_order_and_their_numbers),
      cmocka_unit_test(what_is_no_value_fails),
      cmocka_unit_test(the_example_of_rfc_8785),
      cmocka_unit_test(keys_are_sorted_by_utf16_as_in_rfc_8785),
      cmocka_unit_test(keys_are_sorted_at_every_depth),
      cmocka_unit_test(numbers_are_those_of_ecmascript),
      cmocka_unit_test(what_is_not_finite_has_no_canonical_form),
      cmocka_unit_test(a_full_buffer_is_noticed),
      cmocka_unit_test(depth_is_bounded_even_for_documents_that_json_read_never_saw),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
