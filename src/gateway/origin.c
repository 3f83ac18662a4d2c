/* Host and Origin checks. Pure. */
#include "gateway/origin.h"

#include <arpa/inet.h>

#include "codec/url.h"

static bool is_address(struct str host) {
  char text[64];
  struct in6_addr address;
  if (host.n == 0 || host.n >= sizeof(text)) return false;
  memcpy(text, host.p, host.n);
  text[host.n] = '\0';
  return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static bool is_loopback_name(struct str host) {
  return str_eq_fold(host, STR("localhost")) || str_eq(host, STR("127.0.0.1")) || str_eq(host, STR("::1"));
}

bool origin_allows_host(const struct origin_rules *rules, struct str host_field) {
  struct str host;
  uint16_t port;
  if (url_parse_authority(host_field, &host, &port, NULL) != ERR_NONE) return false;
  return is_address(host) || str_eq_fold(host, STR("localhost")) ||
         (rules->public_host.n && str_eq_fold(host, rules->public_host));
}

bool origin_allows(const struct origin_rules *rules, struct str origin) {
  if (rules->public_origin.n && str_eq_fold(origin, rules->public_origin)) return true;
  for (size_t i = 0; i < rules->n_allowed; i++) {
    if (str_eq_fold(origin, str_of(rules->allowed[i]))) return true;
  }
  const struct str http = STR("http://");
  struct str host;
  uint16_t port;
  if (!str_starts(origin, http)) return false;
  if (url_parse_authority(str_make(origin.p + http.n, origin.n - http.n), &host, &port, NULL) != ERR_NONE) return false;
  return is_loopback_name(host) && (port ? port : 80) == rules->port;
}
