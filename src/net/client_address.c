/* Reads X-Forwarded-For as client_address.h has it. Knows nothing of what an address is then used for. */
#include "net/client_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "codec/url.h"
#include "net/address_guard.h"

enum { IPV6_BITS = 128, IPV4_AT = 96 }; /* RFC 4291, 2.5.5.2: where a mapped address keeps its 32 bits */

static bool read_address(struct str text, uint8_t ret_bytes[16], bool *ret_is_ipv4) {
  uint8_t bytes[16];
  size_t n = address_literal_parse(text, bytes);
  if (n == 0) return false;
  *ret_is_ipv4 = n == 4;
  memset(ret_bytes, 0, 16);
  if (n == 4) ret_bytes[10] = ret_bytes[11] = 0xff;
  memcpy(ret_bytes + 16 - n, bytes, n);
  return true;
}

enum err_code trusted_proxy_parse(struct str text, struct trusted_proxy *ret_proxy, struct err *err) {
  struct trusted_proxy proxy = {.n_bits = IPV6_BITS};
  bool is_ipv4, has_bits = text.n > 0 && memchr(text.p, '/', text.n);
  uint64_t n = 0;
  struct str rest = text, address = str_cut(&rest, '/');
  if (!read_address(address, proxy.bytes, &is_ipv4))
    return err_set(err, ERR_INVALID, "it is an address, or a network such as 10.0.0.0/8");
  unsigned most = is_ipv4 ? IPV6_BITS - IPV4_AT : IPV6_BITS;
  if (has_bits && (!str_to_u64(rest, &n) || n > most))
    return err_set(err, ERR_INVALID, "the bits of the network are 1 to %u", most);
  if (has_bits && n == 0)
    return err_set(err, ERR_INVALID, "that is every address: anybody could say to be somebody else");
  if (has_bits) proxy.n_bits = (uint8_t)(n + (is_ipv4 ? IPV4_AT : 0));
  *ret_proxy = proxy;
  return ERR_NONE;
}

static bool is_trusted(const struct trusted_proxies *proxies, const uint8_t bytes[16]) {
  for (size_t i = 0; i < proxies->n; i++)
    if (address_bits_match(proxies->items[i].bytes, bytes, proxies->items[i].n_bits)) return true;
  return false;
}

static void bytes_of(const struct sockaddr_storage *address, uint8_t ret_bytes[16]) {
  memset(ret_bytes, 0, 16);
  if (address->ss_family == AF_INET6) {
    memcpy(ret_bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
  } else {
    ret_bytes[10] = ret_bytes[11] = 0xff;
    memcpy(ret_bytes + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
  }
}

/* As proxies write it: bare, in brackets, with a port. */
static bool read_hop(struct str text, uint8_t ret_bytes[16]) {
  bool is_ipv4;
  struct str host;
  uint16_t port;
  if (read_address(text, ret_bytes, &is_ipv4)) return true;
  return url_parse_authority(text, &host, &port, NULL) == ERR_NONE && read_address(host, ret_bytes, &is_ipv4);
}

/* Takes the last hop off. */
static struct str cut_last(struct str *list) {
  const char *comma = list->n ? memrchr(list->p, ',', list->n) : NULL;
  size_t n = comma ? (size_t)(comma - list->p) : 0, skipped = comma ? n + 1 : 0;
  struct str last = str_make(list->p + skipped, list->n - skipped);
  *list = str_make(list->p, n);
  return str_trim(last);
}

/* From the right. True: the client is found, or nothing more is believed. */
static bool walk(struct str list, const struct trusted_proxies *proxies, uint8_t client[16]) {
  do {
    uint8_t hop[16];
    if (!read_hop(cut_last(&list), hop)) return true;
    memcpy(client, hop, 16);
    if (!is_trusted(proxies, hop)) return true;
  } while (list.n > 0);
  return false;
}

void client_address_find(const struct http_exchange *http, const struct trusted_proxies *proxies,
                         struct sockaddr_storage *ret_address) {
  uint8_t client[16];
  *ret_address = *http->peer;
  bytes_of(http->peer, client);
  if (!is_trusted(proxies, client)) return;
  for (size_t i = http->n_fields; i-- > 0;)
    if (str_eq_fold(http->fields[i].name, STR("X-Forwarded-For")) && walk(http->fields[i].value, proxies, client))
      break;
  struct sockaddr_in6 address = {.sin6_family = AF_INET6};
  memcpy(&address.sin6_addr, client, 16);
  memset(ret_address, 0, sizeof(*ret_address));
  memcpy(ret_address, &address, sizeof(address));
}
