/* The other servers of a database, as their rows were last read, and who of them is gone. By beats and our own clock
 * alone: whatever a machine believes the time to be does not matter.
 *
 * Why that is enough: a server measures its lease from before it renews. A beat that we have read was therefore begun
 * before we read it, and its lease is over LIMIT_NODE_LEASE_MS after that at the latest. Who then takes the row away,
 * on the condition that its beat is still the same, knows that its server serves no more; and that one, renewing too
 * late, finds no row. */
#ifndef CONNEK_CLUSTER_PEERS_H
#define CONNEK_CLUSTER_PEERS_H

#include "base/limits.h"
#include "store/node.h"

enum { NODE_NAME_MAX = 64 };

struct peer {
  char name[NODE_NAME_MAX + 1], address[LIMIT_NODE_ADDRESS + 1];
  struct uuid run;
  int64_t beat, applied;
  int64_t seen_us;    /* when this beat was first read: after it was, on our clock */
  int64_t started_at; /* UTC microseconds, on its own clock: for people alone */
};

struct peers {
  struct peer items[LIMIT_NODES];
  size_t n;
};

/* What a server's name is in ids that name it. */
uint32_t node_id(struct str name);

/* What has just been read. Rows beyond LIMIT_NODES cannot be (membership refuses to join them). */
void peers_take(struct peers *peers, const struct node_record *rows, size_t n, int64_t now_us);
/* Its lease may still run. False: it has ended for certain, and nobody has taken its row away yet. */
bool peer_may_hold(const struct peer *peer, int64_t now_us);
bool peer_is_gone(const struct peer *peer, int64_t now_us);
/* The change that all but the one named `own` have taken, of those that serve: INT64_MAX where there are none. */
int64_t peers_applied(const struct peers *peers, struct str own);
/* NULL: there is none of that name. */
const struct peer *peers_find(const struct peers *peers, struct str name);

/* Takes the rows of those away that are gone, as a db_work: `context` is a struct peers_gone. */
struct peers_gone {
  const struct peers *peers;
  struct str own; /* never this one */
  int64_t now_us;
};
bool peers_have_gone(const struct peers_gone *gone);
enum err_code peers_forget(struct db_tx *tx, void *gone, struct err *err) MUST_CHECK;

#endif
