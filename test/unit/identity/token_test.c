#include "identity/token.h"

#include <pthread.h>

#include "codec/base64.h"
#include "unit.h"

static void a_url_token_is_64_lower_case_hex_digits(void **state) {
  char text[TOKEN_TEXT_SIZE];
  token_new(TOKEN_URL, text);
  assert_int_equal(strlen(text), 64);
  assert_int_equal(strspn(text, "0123456789abcdef"), 64);
  assert_true(token_is_well_formed(TOKEN_URL, str_of(text)));
  assert_false(token_is_well_formed(TOKEN_KEY, str_of(text)));
}

static void a_key_has_prefix_body_and_checksum(void **state) {
  for (int i = 0; i < 200; i++) {
    char text[TOKEN_TEXT_SIZE];
    token_new(TOKEN_KEY, text);
    assert_int_equal(strlen(text), 3 + 43 + 8);
    assert_memory_equal(text, "ck_", 3);
    assert_true(token_is_well_formed(TOKEN_KEY, str_of(text)));
    assert_false(token_is_well_formed(TOKEN_URL, str_of(text)));
  }
}

static void the_body_of_a_key_is_base64url_of_32_bytes(void **state) {
  for (int i = 0; i < 50; i++) {
    char text[TOKEN_TEXT_SIZE];
    token_new(TOKEN_KEY, text);
    struct arena arena;
    arena_init(&arena, 0);
    struct str bytes = STR_NONE;
    assert_true(base64url_read(&arena, str_make(text + 3, 43), &bytes));
    assert_int_equal(bytes.n, 32);
    arena_release(&arena);
  }
}

static void two_tokens_differ(void **state) {
  char a[TOKEN_TEXT_SIZE], b[TOKEN_TEXT_SIZE];
  token_new(TOKEN_URL, a);
  token_new(TOKEN_URL, b);
  assert_string_not_equal(a, b);
  token_new(TOKEN_KEY, a);
  token_new(TOKEN_KEY, b);
  assert_string_not_equal(a, b);
}

static void any_single_changed_character_of_a_key_is_noticed(void **state) {
  char text[TOKEN_TEXT_SIZE];
  token_new(TOKEN_KEY, text);
  for (size_t i = 0; i < strlen(text); i++) {
    char was = text[i];
    text[i] = was == 'a' ? 'b' : 'a';
    assert_false(token_is_well_formed(TOKEN_KEY, str_of(text)));
    text[i] = was;
  }
  assert_true(token_is_well_formed(TOKEN_KEY, str_of(text)));
}

static void what_is_too_short_too_long_or_foreign_is_not_well_formed(void **state) {
  char text[TOKEN_TEXT_SIZE];
  for (int kind = TOKEN_URL; kind <= TOKEN_KEY; kind++) {
    token_new(kind, text);
    size_t n = strlen(text);
    for (size_t cut = 0; cut < n; cut++)
      assert_false(token_is_well_formed(kind, str_make(text, cut)));
    text[n] = '0';
    assert_false(token_is_well_formed(kind, str_make(text, n + 1)));
    assert_false(token_is_well_formed(kind, STR_NONE));
  }
}

static void upper_case_hex_is_not_a_url_token(void **state) {
  char text[TOKEN_TEXT_SIZE];
  memset(text, 'a', 64);
  assert_true(token_is_well_formed(TOKEN_URL, str_make(text, 64)));
  text[63] = 'A';
  assert_false(token_is_well_formed(TOKEN_URL, str_make(text, 64)));
  text[63] = '\0';
  assert_false(token_is_well_formed(TOKEN_URL, str_make(text, 64)));
  text[63] = 'g';
  assert_false(token_is_well_formed(TOKEN_URL, str_make(text, 64)));
}

/* FIPS 180-2, appendix B.1. */
static void the_hash_is_sha_256_of_the_text(void **state) {
  uint8_t hash[TOKEN_HASH_SIZE];
  char hex[65];
  for (int i = 0; i < 3; i++) { /* the thread's context is used again */
    token_hash(STR("abc"), hash);
    hex_format(hash, sizeof(hash), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    token_hash(STR_NONE, hash);
    hex_format(hash, sizeof(hash), hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  }
}

static void *hash_on_a_thread(void *out) {
  token_hash(STR("abc"), out);
  return NULL;
}

static void every_thread_hashes_alike_and_leaves_nothing_behind(void **state) {
  uint8_t here[TOKEN_HASH_SIZE], there[4][TOKEN_HASH_SIZE];
  pthread_t threads[4];
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, hash_on_a_thread, there[i]), 0);
  token_hash(STR("abc"), here);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_memory_equal(here, there[i], TOKEN_HASH_SIZE);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_url_token_is_64_lower_case_hex_digits),
      cmocka_unit_test(a_key_has_prefix_body_and_checksum),
      cmocka_unit_test(the_body_of_a_key_is_base64url_of_32_bytes),
      cmocka_unit_test(two_tokens_differ),
      cmocka_unit_test(any_single_changed_character_of_a_key_is_noticed),
      cmocka_unit_test(what_is_too_short_too_long_or_foreign_is_not_well_formed),
      cmocka_unit_test(upper_case_hex_is_not_a_url_token),
      cmocka_unit_test(the_hash_is_sha_256_of_the_text),
      cmocka_unit_test(every_thread_hashes_alike_and_leaves_nothing_behind),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
