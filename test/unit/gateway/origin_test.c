/* Host and Origin against DNS rebinding. */
#include "unit.h"

#include "gateway/origin.h"

static const char *const extra[] = {"https://app.example.com"};
static const struct origin_rules rules = {.public_host = {"connek.example.com", 18},
                                          .public_origin = {"https://connek.example.com", 26},
                                          .port = 8080,
                                          .allowed = extra,
                                          .n_allowed = 1};

static void a_host_is_an_address_localhost_or_the_public_name(void **state) {
  static const char *const good[] = {"127.0.0.1:8080", "localhost",          "LOCALHOST:8080",        "[::1]:8080",
                                     "10.1.2.3",       "connek.example.com", "Connek.Example.com:443"};
  static const char *const bad[] = {
      "evil.example",      "localhost.evil.example", "connek.example.com.evil.example", "127.0.0.1.evil.example", "",
      "evil.example:8080", "localhost@evil.example"};
  for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
    if (!origin_allows_host(&rules, str_of(good[i]))) fail_msg("%s", good[i]);
  }
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    if (origin_allows_host(&rules, str_of(bad[i]))) fail_msg("%s", bad[i]);
  }
}

static void an_origin_is_our_own_or_one_the_operator_named(void **state) {
  static const char *const good[] = {"https://connek.example.com", "http://localhost:8080", "http://127.0.0.1:8080",
                                     "http://[::1]:8080", "https://app.example.com"};
  static const char *const bad[] = {"null",
                                    "http://localhost",
                                    "http://localhost:3000",
                                    "https://evil.example",
                                    "http://connek.example.com",
                                    "https://connek.example.com.evil.example",
                                    "https://connek.example.com:444",
                                    "http://10.1.2.3:8080",
                                    ""};
  for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
    if (!origin_allows(&rules, str_of(good[i]))) fail_msg("%s", good[i]);
  }
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    if (origin_allows(&rules, str_of(bad[i]))) fail_msg("%s", bad[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_host_is_an_address_localhost_or_the_public_name),
      cmocka_unit_test(an_origin_is_our_own_or_one_the_operator_named),
  };
  return cmocka_run_group_tests_name("gateway/origin", tests, NULL, NULL);
}
