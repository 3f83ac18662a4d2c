#include "unit.h"

#include "codec/base64.h"

static struct arena arena;
static struct buf out;

static int setup(void **state) {
  arena_init(&arena, 0);
  buf_init(&out, &arena, 4096);
  return 0;
}

static int teardown(void **state) {
  arena_release(&arena);
  return 0;
}

static void the_vectors_of_rfc_4648(void **state) {
  const char *const vectors[][3] = {{"", "", ""},
                                    {"f", "Zg==", "Zg"},
                                    {"fo", "Zm8=", "Zm8"},
                                    {"foo", "Zm9v", "Zm9v"},
                                    {"foob", "Zm9vYg==", "Zm9vYg"},
                                    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
                                    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
                                    {"\xFB\xEF\xFF", "++//", "--__"}};
  for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
    struct str bytes;
    buf_clear(&out);
    base64_write(&out, str_of(vectors[i][0]));
    assert_str(buf_str(&out), vectors[i][1]);
    buf_clear(&out);
    base64url_write(&out, str_of(vectors[i][0]));
    assert_str(buf_str(&out), vectors[i][2]);
    assert_true(base64_read(&arena, str_of(vectors[i][1]), &bytes));
    assert_str(bytes, vectors[i][0]);
    assert_true(base64url_read(&arena, str_of(vectors[i][2]), &bytes));
    assert_str(bytes, vectors[i][0]);
  }
}

static void all_bytes_go_both_ways(void **state) {
  char bytes[300];
  for (size_t i = 0; i < sizeof(bytes); i++)
    bytes[i] = (char)(i * 37);
  for (size_t n = 0; n <= sizeof(bytes); n++) {
    struct str again;
    buf_clear(&out);
    base64_write(&out, str_make(bytes, n));
    assert_true(base64_read(&arena, buf_str(&out), &again));
    assert_true(str_eq(again, str_make(bytes, n)));
    buf_clear(&out);
    base64url_write(&out, str_make(bytes, n));
    assert_true(base64url_read(&arena, buf_str(&out), &again));
    assert_true(str_eq(again, str_make(bytes, n)));
  }
}

static void one_text_alone_stands_for_given_bytes(void **state) {
  const char *const bad[] = {"Zg",    "Zg=",   "Zh==",   "Zm9=", "Zm8",  "Zg===", "====",  "=", "Z===",  "Zg==Zg==",
                             "Zg= =", " Zg==", "Zg==\n", "Zm-v", "Zm_v", "Zm9v=", "Zm\nv", "Z", "Zm9vY", "=Zg="};
  struct str bytes = STR("untouched");
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    if (base64_read(&arena, str_of(bad[i]), &bytes)) fail_msg("accepted \"%s\"", bad[i]);
  }
  const char *const bad_url[] = {"Zg==", "Zh", "Zm9", "Z", "Zm9vY", "+a", "/a", "Zm8=", "Zg Zg", "\xFF\xFF\xFF\xFF"};
  for (size_t i = 0; i < sizeof(bad_url) / sizeof(bad_url[0]); i++) {
    if (base64url_read(&arena, str_of(bad_url[i]), &bytes)) fail_msg("accepted \"%s\"", bad_url[i]);
  }
  assert_false(base64_read(&arena, str_make("Zg\0=", 4), &bytes));
  assert_str(bytes, "untouched");
}

static void hex_is_exact(void **state) {
  char text[11];
  unsigned char bytes[5] = {0};
  hex_format("\x00\x9F\xAB\xFF\x10", 5, text);
  assert_string_equal(text, "009fabff10");
  assert_true(hex_parse(str_of(text), bytes, 5, false));
  assert_memory_equal(bytes, "\x00\x9F\xAB\xFF\x10", 5);
  assert_true(hex_parse(STR("00Ab"), bytes, 2, true));
  assert_memory_equal(bytes, "\x00\xAB", 2);
  memset(bytes, 7, sizeof(bytes));
  assert_false(hex_parse(STR("00Ab"), bytes, 2, false));
  assert_false(hex_parse(STR("00a"), bytes, 2, true));
  assert_false(hex_parse(STR("00a"), bytes, 1, true));
  assert_false(hex_parse(STR("00abcd"), bytes, 2, true));
  assert_false(hex_parse(STR("0g"), bytes, 1, true));
  assert_false(hex_parse(STR("00xg"), bytes, 2, true));
  assert_int_equal(bytes[0], 7);
  assert_true(hex_parse(STR(""), bytes, 0, false));
}

static void crc32_is_the_one_of_ieee_802_3(void **state) {
  assert_int_equal(crc32_of(STR("")), 0);
  assert_int_equal(crc32_of(STR("123456789")), 0xCBF43926);
  assert_int_equal(crc32_of(STR("The quick brown fox jumps over the lazy dog")), 0x414FA339);
  char bytes[256];
  for (size_t i = 0; i < 256; i++)
    bytes[i] = (char)i;
  assert_int_equal(crc32_of(str_make(bytes, 256)), 0x29058C73);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(the_vectors_of_rfc_4648, setup, teardown),
      cmocka_unit_test_setup_teardown(all_bytes_go_both_ways, setup, teardown),
      cmocka_unit_test_setup_teardown(one_text_alone_stands_for_given_bytes, setup, teardown),
      cmocka_unit_test(hex_is_exact),
      cmocka_unit_test(crc32_is_the_one_of_ieee_802_3),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
