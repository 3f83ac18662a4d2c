/* Whose request it is, where proxies stand in front: X-Forwarded-For, believed of those alone that the operator named.
 * Pure.
 *
 * A request whose peer is no trusted proxy is that peer's, whatever it says. Of a trusted one the addresses are read
 * from the right, over all fields of that name, each the word of whoever stands right of it: the first that is no
 * trusted proxy is the client. What stands left of it, the client may have written itself. At what is no address
 * reading ends, and the request is the last proxy's that is known. Forwarded (RFC 7239), X-Real-IP and their like are
 * never read. */
#ifndef CONNEK_NET_CLIENT_ADDRESS_H
#define CONNEK_NET_CLIENT_ADDRESS_H

#include "net/http_server.h"

/* Addresses that begin with the same bits. IPv4 is held as ::ffff:a.b.c.d, so that one rule serves listeners of both.
 */
struct trusted_proxy {
  uint8_t bytes[16];
  uint8_t n_bits;
};

struct trusted_proxies {
  const struct trusted_proxy *items;
  size_t n;
};

/* "ADDRESS" or "ADDRESS/BITS". Refused: /0, which would let anybody say who they are. */
enum err_code trusted_proxy_parse(struct str text, struct trusted_proxy *ret_proxy, struct err *err) MUST_CHECK;

/* The peer, or what the proxies say. */
void client_address_find(const struct http_exchange *http, const struct trusted_proxies *proxies,
                         struct sockaddr_storage *ret_address);

#endif
