#include "vault/sha256.h"

#include "codec/base64.h"
#include "unit.h"

static void assert_hex(const uint8_t *bytes, const char *expected) {
  char text[2 * SHA256_SIZE + 1];
  hex_format(bytes, SHA256_SIZE, text);
  assert_string_equal(text, expected);
}

static void digests_are_those_of_fips_180(void **state) {
  uint8_t digest[SHA256_SIZE];
  sha256_digest(STR_NONE, digest);
  assert_hex(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  sha256_digest(STR("abc"), digest);
  assert_hex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  sha256_digest(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), digest);
  assert_hex(digest, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* RFC 4231, cases 1, 2, 6 (a key longer than a block). */
static void macs_are_those_of_rfc_4231(void **state) {
  struct hmac_key key;
  uint8_t mac[SHA256_SIZE];
  char bytes[131];
  memset(bytes, 0x0b, 20);
  hmac_key_init(&key, str_make(bytes, 20));
  hmac_digest(&key, STR("Hi There"), mac);
  assert_hex(mac, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  hmac_key_init(&key, STR("Jefe"));
  hmac_digest(&key, STR("what do ya want for nothing?"), mac);
  assert_hex(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  memset(bytes, 0xaa, 131);
  hmac_key_init(&key, str_make(bytes, 131));
  hmac_digest(&key, STR("Test Using Larger Than Block-Size Key - Hash Key First"), mac);
  assert_hex(mac, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void a_key_serves_many_times(void **state) {
  struct hmac_key key;
  uint8_t first[SHA256_SIZE], again[SHA256_SIZE];
  hmac_key_init(&key, STR("Jefe"));
  hmac_digest(&key, STR("one"), first);
  hmac_digest(&key, STR("two"), again);
  assert_memory_not_equal(first, again, SHA256_SIZE);
  hmac_digest(&key, STR("one"), again);
  assert_memory_equal(first, again, SHA256_SIZE);
}

/* RFC 5869, cases 1 and 3: their first 32 bytes. */
static void keys_are_those_of_rfc_5869(void **state) {
  struct hmac_key prk;
  uint8_t key[SHA256_SIZE], salt[13], info[10];
  char input[22];
  memset(input, 0x0b, sizeof input);
  for (size_t i = 0; i < sizeof salt; i++)
    salt[i] = (uint8_t)i;
  for (size_t i = 0; i < sizeof info; i++)
    info[i] = (uint8_t)(0xf0 + i);
  hkdf_extract(str_make((char *)salt, sizeof salt), str_make(input, sizeof input), &prk);
  hkdf_expand(&prk, str_make((char *)info, 4), str_make((char *)info + 4, 6), key);
  assert_hex(key, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
  hkdf_extract(STR_NONE, str_make(input, sizeof input), &prk);
  hkdf_expand(&prk, STR_NONE, STR_NONE, key);
  assert_hex(key, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(digests_are_those_of_fips_180),
      cmocka_unit_test(macs_are_those_of_rfc_4231),
      cmocka_unit_test(a_key_serves_many_times),
      cmocka_unit_test(keys_are_those_of_rfc_5869),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
