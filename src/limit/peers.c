/* Buckets of strangers: a table that no number of addresses can make larger. Two addresses that share a bucket share
 * its rate; the hash is keyed, so nobody can choose whom to share with. */
#include <stdlib.h>

#include "limit/limit.h"

enum { PEER_BUCKETS = 4096 };

struct limit_peers {
  struct limit_bucket buckets[PEER_BUCKETS];
};

struct limit_peers *limit_peers_new(void) {
  return calloc(1, sizeof(struct limit_peers));
}

void limit_peers_free(struct limit_peers *peers) {
  free(peers);
}

struct limit_bucket *limit_peers_bucket(struct limit_peers *peers, struct str address) {
  return &peers->buckets[str_hash(address) % PEER_BUCKETS];
}
