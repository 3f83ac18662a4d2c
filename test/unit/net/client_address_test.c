/* Whose request it is: what proxies say, and what anybody says to be a proxy. */
#include "net/client_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "net/address_guard.h"
#include "unit.h"

static void make_address(const char *text, struct sockaddr_storage *ret_address) {
  struct sockaddr_in v4 = {.sin_family = AF_INET};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
  memset(ret_address, 0, sizeof(*ret_address));
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    memcpy(ret_address, &v4, sizeof(v4));
  } else {
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    memcpy(ret_address, &v6, sizeof(v6));
  }
}

enum { FIELDS_MAX = 4, PROXIES_MAX = 3 };

struct told {
  const char *peer;
  const char *fields[FIELDS_MAX]; /* of X-Forwarded-For, in order */
  const char *client;
};

/* The networks are compared, as rates do: IPv4 in whatever form is one. */
static void expect(const struct told *told, const struct trusted_proxies *proxies) {
  struct sockaddr_storage peer, wanted, found;
  struct http_field fields[FIELDS_MAX + 2] = {{STR("Host"), STR("a")}, {STR("X-Real-IP"), STR("6.6.6.6")}};
  struct http_exchange http = {.fields = fields, .n_fields = 2, .peer = &peer};
  make_address(told->peer, &peer);
  make_address(told->client, &wanted);
  for (size_t i = 0; i < FIELDS_MAX && told->fields[i]; i++)
    fields[http.n_fields++] =
        (struct http_field){i % 2 ? STR("x-forwarded-for") : STR("X-Forwarded-For"), str_of(told->fields[i])};
  client_address_find(&http, proxies, &found);
  struct str one = address_network(&found), other = address_network(&wanted);
  if (!str_eq(one, other)) fail_msg("%s with \"%s\" is not %s", told->peer, told->fields[0], told->client);
}

static struct trusted_proxies trust(struct trusted_proxy list[PROXIES_MAX], const char *const texts[PROXIES_MAX]) {
  struct trusted_proxies proxies = {list, 0};
  for (size_t i = 0; i < PROXIES_MAX && texts[i]; i++)
    assert_int_equal(trusted_proxy_parse(str_of(texts[i]), &list[proxies.n++], NULL), ERR_NONE);
  return proxies;
}

static void nobody_is_believed_who_was_not_named(void **state) {
  struct trusted_proxy list[PROXIES_MAX];
  const struct trusted_proxies none = {NULL, 0},
                               some = trust(list, (const char *[PROXIES_MAX]){"10.0.0.0/8", "fd00::1"});
  const struct told told[] = {
      {"198.51.100.7", {"203.0.113.9"}, "198.51.100.7"},
      {"198.51.100.7", {"10.0.0.1, 203.0.113.9"}, "198.51.100.7"},
      {"127.0.0.1", {"203.0.113.9"}, "127.0.0.1"},
      {"11.0.0.1", {"203.0.113.9"}, "11.0.0.1"},
      {"fd00::2", {"203.0.113.9"}, "fd00::2"},
      {"::a00:1", {"203.0.113.9"}, "::a00:1"}, /* 10.0.0.1 in the obsolete form is not that address */
  };
  for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
    expect(&told[i], &none);
    expect(&told[i], &some);
  }
}

static void the_first_from_the_right_that_is_no_proxy_is_the_client(void **state) {
  struct trusted_proxy list[PROXIES_MAX];
  const struct trusted_proxies proxies =
      trust(list, (const char *[PROXIES_MAX]){"10.0.0.0/8", "fd00::/16", "192.0.2.1"});
  const struct told told[] = {
      {"10.0.0.1", {"203.0.113.9"}, "203.0.113.9"},
      {"::ffff:10.0.0.1", {"203.0.113.9"}, "203.0.113.9"},
      {"fd00:1::1", {"2001:db8:1:2::3"}, "2001:db8:1:2::4"}, /* its /64 */
      {"10.0.0.1", {"[2001:db8:1:2::3]:443"}, "2001:db8:1:2::3"},
      {"10.0.0.1", {"203.0.113.9:5000"}, "203.0.113.9"},
      {"10.0.0.1", {"::ffff:203.0.113.9"}, "203.0.113.9"},
      {"10.0.0.1", {"  203.0.113.9\t,10.3.4.5 ,  10.200.0.1"}, "203.0.113.9"},
      /* what the client wrote itself */
      {"10.0.0.1", {"1.1.1.1, 203.0.113.9"}, "203.0.113.9"},
      {"10.0.0.1", {"1.1.1.1", "2.2.2.2, 203.0.113.9"}, "203.0.113.9"},
      {"10.0.0.1", {"1.1.1.1", "203.0.113.9", "10.9.9.9, 192.0.2.1"}, "203.0.113.9"},
      {"10.0.0.1", {"10.0.0.2, 203.0.113.9, 10.0.0.3"}, "203.0.113.9"},
      {"10.0.0.1", {"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
      {"10.0.0.1", {NULL}, "10.0.0.1"},
  };
  for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
    expect(&told[i], &proxies);
}

static void at_what_is_no_address_nothing_more_is_believed(void **state) {
  struct trusted_proxy list[PROXIES_MAX];
  const struct trusted_proxies proxies = trust(list, (const char *[PROXIES_MAX]){"10.0.0.0/8"});
  static const char *const odd[] = {"",
                                    "unknown",
                                    "_hidden",
                                    "localhost",
                                    "203.0.113",
                                    "203.0.113.256",
                                    "0x7f.1",
                                    "1,",
                                    "203.0.113.9 x",
                                    "\"203.0.113.9\"",
                                    "for=203.0.113.9",
                                    "fe80::1%1",
                                    "[::1",
                                    "203.0.113.9:x",
                                    "203.0.113.9:70000"};
  for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
    char beyond[100], after[100];
    (void)snprintf(beyond, sizeof(beyond), "203.0.113.9, %s", odd[i]);
    (void)snprintf(after, sizeof(after), "%s, 10.0.0.2", odd[i]);
    expect(&(struct told){"10.0.0.1", {odd[i]}, "10.0.0.1"}, &proxies);
    expect(&(struct told){"10.0.0.1", {beyond}, "10.0.0.1"}, &proxies);
    expect(&(struct told){"10.0.0.1", {"203.0.113.9", odd[i]}, "10.0.0.1"}, &proxies);
    expect(&(struct told){"10.0.0.1", {after}, "10.0.0.2"}, &proxies);
  }
}

static void what_names_no_proxy_is_refused(void **state) {
  static const char *const wrong[] = {
      "",   "proxy",       "10.0.0.0/",   "10.0.0.0/33",  "10.0.0.0/0",  "::/0",      "fd00::/129", "10/8",
      "/8", "10.0.0.0/8x", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0:80", "[fd00::1]", "*",          "0.0.0.0/0"};
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    struct trusted_proxy proxy;
    struct err err = {0};
    assert_int_equal(trusted_proxy_parse(str_of(wrong[i]), &proxy, &err), ERR_INVALID);
    assert_true(err.text[0]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nobody_is_believed_who_was_not_named),
      cmocka_unit_test(the_first_from_the_right_that_is_no_proxy_is_the_client),
      cmocka_unit_test(at_what_is_no_address_nothing_more_is_believed),
      cmocka_unit_test(what_names_no_proxy_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
