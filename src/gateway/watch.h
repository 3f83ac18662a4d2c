/* What a client wants to hear of unasked: that its lists changed, that a resource did, what a server logs. A watch
 * outlives the request that began it, so it holds no snapshot: it knows whose it is, and looks at what that user may
 * have each time something changes. On one worker's loop. */
#ifndef CONNEK_GATEWAY_WATCH_H
#define CONNEK_GATEWAY_WATCH_H

#include "connector/mcp/upstream.h"
#include "gateway/call.h"

struct watch;

enum { WATCHER_CONNECTOR = 72 };

/* Whose: copied out of a request. */
struct watcher {
  struct org_slot *slot;
  struct uuid organisation_id, user_id;
  uint8_t token_hash[32];
  int64_t expires_at;                /* the token's; UTC microseconds, 0: never */
  char connector[WATCHER_CONNECTOR]; /* of /mcp/<token>/<connector>; "" : all */
};

/* A resource that is subscribed to. */
struct watched_uri {
  struct watched_uri *next;
  struct uuid connection_id;
  struct mcp_target *target; /* a reference, where the server was asked to tell; else NULL */
  struct str uri;            /* the server's own, and as this user knows it: behind the struct */
  struct str public_uri;
};

struct watch {
  struct worker *worker;
  struct watch *previous, *next;
  struct watcher watcher;
  bool wants_tools, wants_prompts, wants_resources, wants_messages;
  bool owes_tools, owes_prompts, owes_resources; /* changed, and not told yet */
  uint64_t tools_mark, prompts_mark, resources_mark;
  struct watched_uri *uris;
  size_t n_uris;
  /* False: there is no room now. `params`: JSON. */
  bool (*tell)(struct watch *watch, struct str method, struct str params);
  int (*log_level)(struct watch *watch); /* of messages that it wants; NULL with none */
  void (*end)(struct watch *watch);      /* its user may no longer listen: ends it */
};

/* A worker's. */
struct watches {
  struct watch *first;
  size_t n;
};

/* From a request that was authenticated in this turn of the loop. */
void watcher_of(const struct exchange *exchange, struct watcher *ret_watcher);
/* `wants_...`, `tell` and `end` are the owner's. False: too many, or its user may not. */
bool watch_begin(struct watch *watch, struct worker *worker, const struct watcher *watcher) MUST_CHECK;
/* Lets go of what it holds; not of the struct. */
void watch_end(struct watch *watch);

/* What a request subscribes to: judged by the request's own user, and the server asked to tell. NULL: this user has no
 * such resource, or no memory. The caller's, or watch_add_uri's. */
struct watched_uri *watched_uri_new(struct exchange *exchange, struct str public_uri);
void watched_uri_free(struct worker *worker, struct watched_uri *uri);
/* Takes it. False: it has it already, or too many. */
bool watch_add_uri(struct watch *watch, struct watched_uri *uri);
void watch_drop_uri(struct watch *watch, struct str public_uri);

/* Something of an organisation changed: looks at all. From a task in the worker's mailbox. */
void watches_look(struct worker *worker);
/* Every few seconds: what was owed, and whose token has expired. */
void watches_beat(struct worker *worker);
void watches_notice(struct worker *worker, const struct mcp_notice *notice);
void watches_end(struct worker *worker);

#endif
