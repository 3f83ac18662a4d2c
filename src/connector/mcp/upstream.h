/* MCP servers behind Connek, as they run: sessions over HTTP, old HTTP+SSE, and child processes over stdio.
 *
 * Each connection of kind "mcp" has one upstream, and each upstream one home: the worker that its connection's id falls
 * to. Everything of it (session, child, breaker, requests under way) is touched on the home's loop alone. A request is
 * handed to the home's mailbox and comes back through its asker's; where both are one worker it is called directly.
 * Texts cross threads as buffers of their own, given away with the message. */
#ifndef CONNEK_CONNECTOR_MCP_UPSTREAM_H
#define CONNEK_CONNECTOR_MCP_UPSTREAM_H

#include "connector/connector.h"

/* How an upstream is reached: compiled from definition and connection, immutable, reference-counted, because requests
 * under way and the upstream itself may outlive the snapshot that it came from. */
struct mcp_target;
struct mcp_target *mcp_target_ref(struct mcp_target *target);
void mcp_target_unref(struct mcp_target *target); /* NULL is fine */
/* Of a connection of kind "mcp" (its `state`). Borrowed: valid as long as the snapshot. */
struct mcp_target *mcp_target_of(const struct connector_connection *connection);

/* What an upstream says unasked, or of itself. */
enum mcp_notice_kind {
  MCP_TOOLS_CHANGED,
  MCP_PROMPTS_CHANGED,
  MCP_RESOURCES_CHANGED,
  MCP_RESOURCE_UPDATED, /* text: its URI */
  MCP_TASK_CHANGED,     /* text: params of notifications/tasks */
  MCP_MESSAGE,          /* text: params of notifications/message, of no request */
  MCP_HEALTH_CHANGED,   /* our own: it is left alone from now on, or answers again */
};
struct mcp_notice {
  enum mcp_notice_kind kind;
  struct uuid organisation_id, connection_id;
  struct str text; /* valid during the call */
};

/* Valid during the call. */
struct mcp_challenge {
  struct uuid organisation_id, connection_id;
  int64_t grant_version;               /* of the credential {"access_token", "grant_version"} that was sent; 0: none */
  bool wants_scope;                    /* the token is good, and not for this */
  struct str resource_metadata, scope; /* or empty */
};

struct mcp_upstreams_options {
  unsigned n_workers;
  /* On the home's loop: the owner spreads it. */
  void (*on_notice)(void *context, const struct mcp_notice *notice);
  /* On the home's loop: a remote server does not let in what was sent to it (MCP, basic/authorization). NULL: nobody
   * can do anything about it. */
  void (*on_challenge)(void *context, const struct mcp_challenge *challenge);
  /* For the log: one line about an upstream (a child's stderr, a crash, a breaker that opened), rate-limited. */
  void (*on_line)(void *context, struct uuid connection_id, const char *line);
  void *context;
  /* Children get a folder each in its folder "children", and see nothing else of it where they are sandboxed. Borrowed.
   * NULL: beneath /tmp, for tests. */
  const char *data_dir;
};

/* NULL: no memory. */
struct mcp_upstreams *mcp_upstreams_new(const struct mcp_upstreams_options *options);
/* Once for each worker, before any request. The host is borrowed until mcp_upstreams_leave. */
enum err_code mcp_upstreams_join(struct mcp_upstreams *upstreams, const struct connector_host *host,
                                 struct err *err) MUST_CHECK;
/* On the worker's loop, before it stops: ends the upstreams at home there (children: the whole group), and their
 * requests with ERR_CANCELLED. `left` is called on the loop when all is closed. */
void mcp_upstreams_leave(struct mcp_upstreams *upstreams, unsigned worker, void (*left)(void *context), void *context);
/* After every worker has left. */
void mcp_upstreams_free(struct mcp_upstreams *upstreams);
/* From any thread: the connection is gone or changed (another version): its upstream ends when its requests have. */
void mcp_upstreams_drop(struct mcp_upstreams *upstreams, struct uuid connection_id);

/* Removes the folders of children whose connection is no more. From any thread; not without end, so it may take more
 * than one round. `is_kept` says whether there is such a connection. */
typedef enum err_code (*mcp_folder_is_kept)(void *context, struct uuid connection_id, bool *ret_is_kept,
                                            struct err *err);
enum err_code mcp_folders_clear(const char *data_dir, mcp_folder_is_kept is_kept, void *context, size_t *ret_n_removed,
                                struct err *err) MUST_CHECK;

/* ---- asking for what there is: on connecting, and when the upstream says that it changed ---- */

/* What an upstream says of itself: JSON texts as they came (arrays of definitions, all pages), nothing cleaned or
 * judged. In memory of its own. */
struct mcp_listing {
  struct arena arena;
  bool is_modern;
  struct str protocol_version;
  struct str server_info;                          /* object, or empty */
  struct str capabilities;                         /* object, or empty */
  struct str instructions;                         /* text, or empty */
  struct str tools, resources, templates, prompts; /* arrays; empty: the server has no such thing */
};
void mcp_listing_free(struct mcp_listing *listing); /* NULL is fine */

/* From any thread. `credential`: the opened JSON object or NULL; copied, wiped after use. `done` is called once on the
 * home's loop; `listing` is then the callee's; NULL with `err` on failure. */
typedef void (*mcp_listed)(void *context, struct mcp_listing *listing, const struct err *err);
enum err_code mcp_list(struct mcp_upstreams *upstreams, struct mcp_target *target, const struct secret *credential,
                       mcp_listed done, void *context, struct err *err) MUST_CHECK;

/* ---- subscriptions: what clients of ours want to hear of ---- */

enum mcp_subject {
  MCP_SUBJECT_RESOURCE, /* by its URI */
  MCP_SUBJECT_TASK,     /* of the Tasks extension, by its id: modern upstreams alone tell */
};

/* From any thread; counted: the upstream is subscribed to what is named while the count is over 0. Best effort: an
 * upstream that cannot is left alone. */
enum err_code mcp_subscribe(struct mcp_upstreams *upstreams, struct mcp_target *target, const struct secret *credential,
                            enum mcp_subject subject, struct str name, struct err *err) MUST_CHECK;
void mcp_unsubscribe(struct mcp_upstreams *upstreams, struct mcp_target *target, enum mcp_subject subject,
                     struct str name);

#endif
