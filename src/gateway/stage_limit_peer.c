/* Before anything is believed: an address that failed to authenticate too often waits. Only failures count, so that a
 * proxy's many users do not limit each other. */
#include <netinet/in.h>

#include "gateway/pipeline.h"
#include "gateway/worker.h"

/* What one host has for itself: an IPv4 address, or an IPv6 network of /64. On a listener for both, IPv4 comes as
 * ::ffff:a.b.c.d (RFC 4291, 2.5.5.2): one network that all of them would share. */
struct str peer_address(const struct sockaddr_storage *peer) {
  if (peer->ss_family != AF_INET6)
    return str_make((const char *)&((const struct sockaddr_in *)(const void *)peer)->sin_addr, 4);
  const struct in6_addr *address = &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(address)) return str_make((const char *)address + 12, 4);
  return str_make((const char *)address, 8);
}

struct limit_bucket *worker_peer_bucket(struct worker *worker, const struct sockaddr_storage *peer) {
  return limit_peers_bucket(worker->server->peers, peer_address(peer));
}

enum stage_verdict stage_limit_peer(struct exchange *exchange) {
  struct worker *worker = exchange->worker;
  int64_t retry_us;
  if (limit_peek(worker_peer_bucket(worker, exchange->http->peer), worker->server->peer_rate,
                 loop_now_us(&worker->loop), &retry_us))
    return STAGE_NEXT;
  exchange_refuse(exchange, 429, 429, "Too many failed attempts to authenticate from this address; try again later");
  exchange->refusal.retry_after_s = retry_us / 1000000 + 1;
  return STAGE_FAIL;
}
