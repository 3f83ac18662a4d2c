/* Asks the MCP servers behind Connek what they have, and makes rows of it (org/catalogue.h): when a connection is new
 * or another one, when its server says that something changed, and from time to time. A few at once; one that fails is
 * asked again later and later. The main loop's, but for discovery_notice. */
#ifndef CONNEK_GATEWAY_DISCOVERY_H
#define CONNEK_GATEWAY_DISCOVERY_H

#include "connector/mcp/upstream.h"
#include "db/db.h"
#include "grant/keeper.h"
#include "org/snapshot.h"

struct discovery;

struct discovery_options {
  struct db *db;
  struct loop *loop; /* the main one */
  struct mcp_upstreams *upstreams;
  struct grant_keeper *const *keeper; /* filled when discovery_start is called */
  void (*on_change)(void *context);   /* rows that decide what is seen have changed: the log is to be read */
  void *context;
};

/* NULL: no memory. */
struct discovery *discovery_new(const struct discovery_options *options);
/* An organisation as it is from now on; `slot` stays. Before discovery_start too. */
void discovery_published(struct discovery *discovery, struct org_slot *slot);
/* Begins to ask. On the main loop's thread, when the workers take requests. */
void discovery_start(struct discovery *discovery);
/* From any thread: a server said that its lists changed, or does better or worse than it did. */
void discovery_notice(struct discovery *discovery, const struct mcp_notice *notice);
/* Asks no more. The loop ends when what the store has under way is back. NULL is fine. */
void discovery_stop(struct discovery *discovery);
/* After the loops have ended and the main one's mailbox is empty. NULL is fine. */
void discovery_free(struct discovery *discovery);

#endif
