/* The other servers of the same database, as this one's threads meet them: its membership's thread tells the main loop,
 * and the workers ask whether they may still serve. Nothing of it is there where the database is this server's alone.
 */
#ifndef CONNEK_GATEWAY_NODES_H
#define CONNEK_GATEWAY_NODES_H

#include <pthread.h>

#include "cluster/membership.h"
#include "net/loop.h"
#include "org/coherence.h"

struct nodes {
  struct membership *membership; /* NULL: alone */
  struct loop *main_loop;
  struct coherence **coherence; /* where it is, once it is there */
  struct loop_task change_task, looked_task;
  atomic_bool is_change_posted, is_looked_posted;
  pthread_mutex_t lock; /* of what was looked at last */
  uint64_t ticket;
  int64_t applied;
};

/* Takes this server's name among those that share `db`; does nothing where none can. */
enum err_code nodes_start(struct nodes *nodes, struct db *db, const char *name, struct str address,
                          struct loop *main_loop, struct coherence **coherence, struct err *err) MUST_CHECK;
/* What coherence tells and asks. */
void nodes_fill(struct nodes *nodes, struct coherence_options *options);
/* All that was committed so far has been loaded, and no worker runs yet: waits a while for the lease. */
void nodes_ready(struct nodes *nodes, int64_t version);
/* Gives the name back. On the main loop's thread; again is fine. */
void nodes_stop(struct nodes *nodes);
/* May this server serve? Asked with each request. */
bool nodes_hold(const struct nodes *nodes);
/* Are there others, or could there be? */
bool nodes_are_several(const struct nodes *nodes);
/* Where the server of this id takes what is forwarded to it; "": nowhere. False: it is not there. From any thread. */
bool nodes_find(struct nodes *nodes, uint32_t id, char ret_address[LIMIT_NODE_ADDRESS + 1]) MUST_CHECK;
/* All servers of the database as they were last seen; none where this one is alone. From any thread. */
void nodes_peers(struct nodes *nodes, struct peers *ret_peers);
/* Why not; "" where nothing is known. */
void nodes_problem(struct nodes *nodes, char ret_text[ERR_TEXT_SIZE]);

#endif
