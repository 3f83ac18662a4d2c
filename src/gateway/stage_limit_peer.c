/* Before anything is believed: an address that failed to authenticate too often waits. Only failures count, so that a
 * proxy's many users do not limit each other. */
#include "gateway/pipeline.h"
#include "gateway/worker.h"

struct str peer_address(const struct sockaddr_storage *peer) {
  return address_network(peer);
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
