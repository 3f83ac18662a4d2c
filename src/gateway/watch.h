/* What a client wants to hear of unasked: that its lists changed, that a resource did, what a server logs. A watch
 * outlives the request that began it, so it holds no snapshot: it knows whose it is, and looks at what that user may
 * have each time something changes. On one worker's loop. */
#ifndef CONNEK_GATEWAY_WATCH_H
#define CONNEK_GATEWAY_WATCH_H

#include "connector/mcp/upstream.h"
#include "gateway/call.h"

struct watch;
struct mcp_passing;
struct task;

enum { WATCHER_CONNECTOR = 72 };

/* Whose: copied out of a request. */
struct watcher {
  struct org_slot *slot;
  struct uuid organisation_id, user_id;
  uint8_t token_hash[32];
  int64_t expires_at;                /* the token's; UTC microseconds, 0: never */
  char connector[WATCHER_CONNECTOR]; /* of /mcp/<token>/<connector>; "" : all */
};

/* What a watcher may have now. */
struct watcher_sight {
  struct org_snapshot *snapshot;
  const struct org_user *user;
  struct str connector; /* of its URL, or empty */
  const struct toolset *toolset;
  struct toolset *own; /* made for this look alone; or NULL */
};

/* A resource or a task that is subscribed to. */
struct watched {
  struct watched *next;
  enum mcp_subject subject;
  struct uuid connection_id;
  struct mcp_target *target; /* a reference, where the server was asked to tell; else NULL */
  struct str name;           /* the server's own URI or id, and as this user knows it: behind the struct */
  struct str public_name;
  struct str tool; /* of a task: whose call began it */
};

struct watch {
  struct worker *worker;
  struct watch *previous, *next;
  struct watcher watcher;
  bool wants_tools, wants_prompts, wants_resources, wants_messages;
  bool owes_tools, owes_prompts, owes_resources; /* changed, and not told yet */
  uint64_t tools_mark, prompts_mark, resources_mark;
  struct watched *watched;
  size_t n_watched;
  /* False: there is no room now. `params`: JSON; `names` (arena and era aside): what is called otherwise in it, or
   * NULL.
   */
  bool (*tell)(struct watch *watch, struct str method, struct str params, const struct mcp_passing *names);
  int (*log_level)(struct watch *watch); /* of messages that it wants; NULL with none */
  void (*end)(struct watch *watch);      /* its user may no longer listen: ends it */
};

/* A worker's. */
struct watches {
  struct watch *first;
  size_t n;
};

/* Whoever has made the request. */
void watcher_of(const struct exchange *exchange, struct watcher *ret_watcher);
/* `wants_...`, `tell` and `end` are the owner's. False: too many, or its user may not. */
bool watch_begin(struct watch *watch, struct worker *worker, const struct watcher *watcher) MUST_CHECK;
/* Lets go of what it holds; not of the struct. */
void watch_end(struct watch *watch);

/* What a request subscribes to: judged by the request's own user, and the server asked to tell. NULL: this user has no
 * such resource, or no memory. The caller's, or watch_add's. */
struct watched *watched_resource_new(struct exchange *exchange, struct str public_uri);
/* The same for a task that was judged already. NULL: no memory. */
struct watched *watched_task_new(struct exchange *exchange, const struct task *task, struct str public_id);
void watched_free(struct worker *worker, struct watched *watched);
/* May who watches still have it? */
bool watched_is_allowed(const struct watched *watched, const struct watcher_sight *sight);
/* Takes it. False: it has it already, or too many. */
bool watch_add(struct watch *watch, struct watched *watched);
void watch_drop_resource(struct watch *watch, struct str public_uri);

/* Something of an organisation changed: looks at all. From a task in the worker's mailbox. */
void watches_look(struct worker *worker);
/* Every few seconds: what was owed, and whose token has expired. */
void watches_beat(struct worker *worker);
void watches_notice(struct worker *worker, const struct mcp_notice *notice);
void watches_end(struct worker *worker);

#endif
