/* Rows into peers, and judgement of how long one has been still. Must not know why anybody asks. */
#include "cluster/peers.h"

static void copy(char *to, size_t max, struct str text) {
  size_t n = text.n < max ? text.n : max;
  if (n) memcpy(to, text.p, n);
  to[n] = '\0';
}

/* FNV-1a: short, and nobody gains by two names that meet. */
uint32_t node_id(struct str name) {
  uint32_t id = UINT32_C(2166136261);
  for (size_t i = 0; i < name.n; i++)
    id = (id ^ (uint8_t)name.p[i]) * UINT32_C(16777619);
  return id;
}

const struct peer *peers_find(const struct peers *peers, struct str name) {
  for (size_t i = 0; i < peers->n; i++)
    if (str_eq_c(name, peers->items[i].name)) return &peers->items[i];
  return NULL;
}

void peers_take(struct peers *peers, const struct node_record *rows, size_t n, int64_t now_us) {
  struct peers before = *peers;
  peers->n = 0;
  for (size_t i = 0; i < n && peers->n < LIMIT_NODES; i++) {
    struct peer *peer = &peers->items[peers->n++];
    const struct peer *known = peers_find(&before, rows[i].name);
    bool is_still = known && uuid_eq(known->run, rows[i].run) && known->beat == rows[i].beat;
    int64_t seen_us = is_still ? known->seen_us : now_us;
    *peer = (struct peer){.run = rows[i].run,
                          .beat = rows[i].beat,
                          .applied = rows[i].applied,
                          .seen_us = seen_us,
                          .started_at = rows[i].started_at};
    copy(peer->name, NODE_NAME_MAX, rows[i].name);
    copy(peer->address, LIMIT_NODE_ADDRESS, rows[i].address);
  }
}

bool peer_may_hold(const struct peer *peer, int64_t now_us) {
  return now_us - peer->seen_us <= LIMIT_NODE_LEASE_MS * INT64_C(1000);
}

bool peer_is_gone(const struct peer *peer, int64_t now_us) {
  return now_us - peer->seen_us > LIMIT_NODE_GONE_MS * INT64_C(1000);
}

int64_t peers_applied(const struct peers *peers, struct str own) {
  int64_t least = INT64_MAX;
  for (size_t i = 0; i < peers->n; i++) {
    const struct peer *peer = &peers->items[i];
    if (peer->applied >= 0 && peer->applied < least && !str_eq_c(own, peer->name)) least = peer->applied;
  }
  return least;
}

static bool is_to_forget(const struct peers_gone *gone, const struct peer *peer) {
  return peer_is_gone(peer, gone->now_us) && !str_eq_c(gone->own, peer->name);
}

bool peers_have_gone(const struct peers_gone *gone) {
  for (size_t i = 0; i < gone->peers->n; i++)
    if (is_to_forget(gone, &gone->peers->items[i])) return true;
  return false;
}

enum err_code peers_forget(struct db_tx *tx, void *context, struct err *err) {
  const struct peers_gone *gone = context;
  enum err_code code = ERR_NONE;
  for (size_t i = 0; code == ERR_NONE && i < gone->peers->n; i++) {
    const struct peer *peer = &gone->peers->items[i];
    if (!is_to_forget(gone, peer)) continue;
    const struct node_record record = {.name = str_of(peer->name), .run = peer->run, .beat = peer->beat};
    code = store_node_forget(tx, &record, err);
  }
  return code == ERR_NONE ? db_notify(tx, err) : code;
}
