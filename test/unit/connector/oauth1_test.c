/* OAuth 1.0a, by the examples of RFC 5849 itself. */
#include "connector/oauth1.h"
#include "unit.h"

static struct arena arena;

static int setup(void **state) {
  arena_init(&arena, 0);
  return 0;
}

static int teardown(void **state) {
  arena_release(&arena);
  return 0;
}

static struct str header_of(const struct oauth1_request *request) {
  struct buf out;
  buf_init(&out, &arena, 8192);
  assert_ok(oauth1_write(&arena, request, &out, &test_err));
  return buf_str(&out);
}

/* RFC 5849, 1.2: the three requests of the example, with the signatures that stand there. */
static void the_requests_of_the_rfc_get_its_signatures(void **state) {
  struct oauth1_request request = {.method = STR("POST"),
                                   .url = STR("https://photos.example.net/initiate"),
                                   .realm = STR("Photos"),
                                   .consumer_key = STR("dpf43f3p2l4k3l03"),
                                   .consumer_secret = STR("kd94hf93k423kf44"),
                                   .callback = STR("http://printer.example.com/ready"),
                                   .nonce = STR("wIjqoS"),
                                   .time_s = 137131200};
  assert_str(header_of(&request),
             "realm=\"Photos\", oauth_consumer_key=\"dpf43f3p2l4k3l03\", oauth_signature_method=\"HMAC-SHA1\", "
             "oauth_timestamp=\"137131200\", oauth_nonce=\"wIjqoS\", "
             "oauth_callback=\"http%3A%2F%2Fprinter.example.com%2Fready\", "
             "oauth_signature=\"74KNZJeDHnMBp0EMJ9ZHt%2FXKycU%3D\"");
  request.url = STR("https://photos.example.net/token");
  request.token = STR("hh5s93j4hdidpola");
  request.token_secret = STR("hdhd0244k9j7ao03");
  request.callback = STR_NONE;
  request.verifier = STR("hfdp7dh39dks9884");
  request.nonce = STR("walatlh");
  request.time_s = 137131201;
  assert_true(str_ends(header_of(&request), STR("oauth_signature=\"gKgrFCywp7rO0OXSjdot%2FIHF7IU%3D\"")));
  request.method = STR("GET");
  request.url = STR("http://photos.example.net/photos?file=vacation.jpg&size=original");
  request.token = STR("nnch734d00sl2jdk");
  request.token_secret = STR("pfkkdhi9sl3r4s00");
  request.verifier = STR_NONE;
  request.nonce = STR("chapoH");
  request.time_s = 137131202;
  assert_true(str_ends(header_of(&request), STR("oauth_signature=\"MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D\"")));
}

/* RFC 5849, 3.4.1.1: parameters of query and form, some twice, some empty, some encoded twice. */
static void the_base_string_of_the_rfc_is_written(void **state) {
  const struct oauth1_request request = {.method = STR("POST"),
                                         .url = STR("http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b"),
                                         .form = STR("c2&a3=2+q"),
                                         .realm = STR("Example"),
                                         .consumer_key = STR("9djdj82h48djs9d2"),
                                         .token = STR("kkk9d7dh3k39sjv7"),
                                         .nonce = STR("7d8f3e4a"),
                                         .time_s = 137131201};
  struct buf out;
  buf_init(&out, &arena, 8192);
  assert_ok(oauth1_base_string(&arena, &request, &out, &test_err));
  assert_str(
      buf_str(&out),
      "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%"
      "3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%"
      "3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7");
}

static void ports_and_other_digests_count(void **state) {
  struct oauth1_request request = {.method = STR("GET"),
                                   .url = STR("https://example.com:8443/a"),
                                   .consumer_key = STR("k"),
                                   .consumer_secret = STR("s"),
                                   .nonce = STR("n"),
                                   .time_s = 1};
  struct buf out;
  buf_init(&out, &arena, 8192);
  assert_ok(oauth1_base_string(&arena, &request, &out, &test_err));
  assert_true(str_starts(buf_str(&out), STR("GET&https%3A%2F%2Fexample.com%3A8443%2Fa&")));
  struct str by_sha1 = header_of(&request);
  request.signature = OAUTH1_HMAC_SHA256;
  struct str by_sha256 = header_of(&request);
  assert_non_null(memmem(by_sha256.p, by_sha256.n, "HMAC-SHA256", 11));
  assert_true(by_sha256.n > by_sha1.n);
  request.signature = OAUTH1_PLAINTEXT; /* 3.4.4 */
  request.consumer_secret = STR("djr9rjt0jd78jf88");
  request.token_secret = STR("jjd999tj88uiths3");
  assert_true(str_ends(header_of(&request), STR("oauth_signature=\"djr9rjt0jd78jf88%26jjd999tj88uiths3\"")));
}

static void more_parameters_than_can_be_signed_are_refused(void **state) {
  struct buf url, out;
  buf_init(&url, &arena, 65536);
  buf_init(&out, &arena, 65536);
  buf_append_c(&url, "https://example.com/?a=1");
  for (int i = 0; i < 600; i++)
    buf_append_c(&url, "&b=2");
  const struct oauth1_request request = {.method = STR("GET"), .url = buf_str(&url), .consumer_key = STR("k")};
  assert_int_equal(oauth1_write(&arena, &request, &out, &test_err), ERR_TOO_LARGE);
}

static void signature_methods_are_read(void **state) {
  enum oauth1_signature signature;
  assert_true(oauth1_signature_read(STR_NONE, &signature));
  assert_int_equal(signature, OAUTH1_HMAC_SHA1);
  assert_true(oauth1_signature_read(STR("HMAC-SHA256"), &signature));
  assert_int_equal(signature, OAUTH1_HMAC_SHA256);
  assert_false(oauth1_signature_read(STR("MD5"), &signature));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(the_requests_of_the_rfc_get_its_signatures, setup, teardown),
      cmocka_unit_test_setup_teardown(the_base_string_of_the_rfc_is_written, setup, teardown),
      cmocka_unit_test_setup_teardown(ports_and_other_digests_count, setup, teardown),
      cmocka_unit_test_setup_teardown(more_parameters_than_can_be_signed_are_refused, setup, teardown),
      cmocka_unit_test_setup_teardown(signature_methods_are_read, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
