/* Several servers on one database: each has a row with a lease, which a thread of its own renews, and each learns at
 * once of what the others commit. What is promised:
 *
 *  1. Who answers "it holds everywhere" has read, after the change was committed, that every server that may serve has
 *     taken it, or that its row is gone.
 *  2. A row is taken away only once its server's lease has ended for certain (peers.h says why no clock is compared).
 *  3. A server whose lease has ended serves nothing, from the next request on, also when it was stopped meanwhile: each
 *     request looks at the clock. It serves again when it has renewed and taken in what was committed before.
 *  4. A name is of one server at a time.
 *
 * One thread a server, with a connection of its own, on which it also listens. */
#ifndef CONNEK_CLUSTER_MEMBERSHIP_H
#define CONNEK_CLUSTER_MEMBERSHIP_H

#include "cluster/peers.h"

struct membership;

struct membership_options {
  struct db *db;
  struct str node;
  struct str address; /* where others forward to, or empty; borrowed */
  /* All on the membership's thread. Once membership_applied was called: somebody has committed a change that was not
   * told to membership_applied yet. */
  void (*on_change)(void *context);
  /* The rows were read after `ticket` was given: those that serve have all taken `applied`. -1: they cannot be read. */
  void (*on_looked)(void *context, uint64_t ticket, int64_t applied);
  /* The lease was lost (`why`), or is there again (NULL). */
  void (*on_lease)(void *context, const char *why);
  void *context;
};

/* Takes the name. Waits, for as long as a lease may last, where a row of that name is there and still; ERR_CONFLICT
 * where it beats. It does not serve before membership_applied was called. */
enum err_code membership_start(const struct membership_options *options, struct membership **ret_membership,
                               struct err *err) MUST_CHECK;
/* Gives the row back, ends the thread. NULL is fine. */
void membership_stop(struct membership *membership);

/* From any thread. */
void membership_applied(struct membership *membership, int64_t version); /* all workers have taken it */
uint64_t membership_ask(struct membership *membership);     /* on_looked comes with this ticket, or a later one */
bool membership_holds(const struct membership *membership); /* may this server serve, now? */
/* Waits until it does. False: not within that time. */
bool membership_await(const struct membership *membership, int timeout_ms);
/* As the rows were last read: where the server of this id takes what is forwarded to it. False: it is not there. */
bool membership_find(struct membership *membership, uint32_t id, char ret_address[LIMIT_NODE_ADDRESS + 1]) MUST_CHECK;
/* All rows as they were last read, this server's own among them. */
void membership_peers(struct membership *membership, struct peers *ret_peers);
/* Why it does not hold, for people; "" where nothing is known. */
void membership_problem(struct membership *membership, char ret_text[ERR_TEXT_SIZE]);

/* For a command, which is no server: waits until every server that may serve has taken what was committed before.
 * ERR_TIMEOUT: one has not, though it renews its lease. */
enum err_code membership_confirm(struct db_conn *conn, int timeout_ms, struct err *err) MUST_CHECK;

#endif
