/* What every kind of connector is to the gateway: definitions with tools, and one function that makes a call. A folder
 * a kind: http/ (manifests), sql/ (sqlite, postgres), self/ (Connek's own). They never include each other. */
#ifndef CONNEK_CONNECTOR_CONNECTOR_H
#define CONNEK_CONNECTOR_CONNECTOR_H

#include <yyjson.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/str.h"
#include "base/uuid.h"
#include "codec/schema.h"
#include "net/executor.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "net/timers.h"
#include "policy/policy.h"

struct connector_kind;
struct connector_call;
struct mcp_upstreams;
struct connector_oauth; /* oauth.h */

struct connector_tool {
  struct str name; /* local: "query" */
  struct str
      public_name;  /* "sqlite_query": slug_tool, at most LIMIT_TOOL_NAME, a stable hash where it would be longer */
  struct str title; /* or empty */
  struct str description;
  enum policy_does does;
  yyjson_val *input_schema; /* an object schema, without the added account argument */
  const struct schema *schema;
  /* It answers in pages, and its argument `cursor` is one of call->seal_page's. The gateway opens it, checks whose it
   * is, and restores the other arguments; the kind gets call->page. */
  bool has_pages;
  /* The upstream's own definition, as accepted: tools/list shows it with our name and the account argument put in.
   * NULL: there is none beyond the members above. */
  yyjson_val *shown;
  /* Of a kind without connections (self/): the kinds of users that it is for, spaces between; they need a rule that
   * names the connector as well. Empty: it is about its caller alone, and everybody's. */
  struct str kinds;
  const void *state; /* the kind's own, compiled */
};

/* A prompt of an MCP server. */
struct connector_prompt {
  struct str name;        /* the upstream's */
  struct str public_name; /* as tools' */
  struct str description;
  yyjson_val *shown; /* the whole definition, as accepted */
};

/* A resource, or a template of resources, of an MCP server. */
struct connector_resource {
  struct str uri;    /* or the template (RFC 6570), the upstream's */
  yyjson_val *shown; /* the whole definition, as accepted */
  struct str json;   /* the same as text: how a list shows it under this URI */
  uint64_t mark;     /* a digest of that, in this process */
};

/* A compiled definition: immutable, in the arena it was compiled into. Tools and prompts of an MCP server are those
 * that were accepted for any of its connections; a name with differing definitions is there once for each, the later
 * ones with a hash in their public names. */
struct connector {
  const struct connector_kind *kind;
  struct str id, name;
  int64_t version;
  const struct connector_tool *tools; /* by name */
  size_t n_tools;
  const struct connector_prompt *prompts; /* by name */
  size_t n_prompts;
  struct str probe;            /* the tool that its definition's `check` names; or empty */
  yyjson_val *probe_arguments; /* an object; NULL: none are said */
  /* A process's: a connection's credential is variables of it, leased as {"environment": {...}}. */
  bool has_environment;
  struct str sealed_environment;       /* the definition's secret variables, under the vault's seal, or empty */
  const struct connector_oauth *oauth; /* a server that says itself who grants access to it; NULL: it is none */
  const void *state;
};

/* What one connection of an MCP server has, as accepted. */
struct connector_catalogue {
  const struct connector_tool *const *tools; /* some of the connector's, by name */
  size_t n_tools;
  const struct connector_prompt *const *prompts; /* some of the connector's, by name */
  size_t n_prompts;
  const struct connector_resource *resources; /* by URI */
  size_t n_resources;
  const struct connector_resource *templates; /* by template */
  size_t n_templates;
  bool has_completion, has_subscriptions, has_logging; /* what the server said that it can */
  bool has_tasks;          /* of tools' calls, as 2025-11-25 has them; the later extension is one of `extensions` */
  yyjson_val *extensions;  /* its capabilities' `extensions`: what it said of each; NULL: none */
  struct str instructions; /* of the server, as accepted; or empty */
};

/* A connected account as calls see it: immutable. */
struct connector_connection {
  struct policy_connection policy; /* id, name, connector, labels, owner */
  const struct connector *connector;
  yyjson_val *settings;         /* an object */
  struct str sealed_credential; /* or empty; a JSON object under the vault's seal */
  int64_t version;
  bool has_grant; /* a service has granted something, or wants to be asked for it (src/grant) */
  const struct connector_catalogue *catalogue; /* NULL: it has all that its connector has */
  const void *state;                           /* the kind's own, compiled from the settings */
};

struct http_rates; /* connector/http/rate.c: what connections may do, and have done; one a process, for all workers */
struct postgres_pools; /* connector/sql/postgres_pool.c */

/* One operation of the REST API, for self/: asked as the caller, and decided anew there. The asker's own, until `done`
 * runs on the worker's loop; what comes back is in `arena`. */
struct connector_caller;
struct connector_operation {
  struct str method, path; /* behind the organisation: "/users/{user}/tools" */
  yyjson_val *arguments;   /* those that the path names go there; the rest is the query, or the body */
  const struct connector_caller *caller;
  struct arena *arena;
  void (*done)(struct connector_operation *operation);
  void *state; /* the asker's */
  enum err_code code;
  struct str body; /* JSON; of a failure: for people */
};

/* What calls share on one worker. */
struct connector_host {
  struct loop *loop;
  struct http_client *http;
  struct timers *timers;           /* NULL: nothing is waited for, so nothing is repeated */
  struct http_rates *rates;        /* NULL: connections have no limits */
  struct executor *sql;            /* threads for SQLite files */
  struct postgres_pools *postgres; /* sessions with PostgreSQL servers; one a process; NULL: there are none */
  struct mcp_upstreams *upstreams; /* MCP servers behind us; NULL: there are none (mcp/upstream.h) */
  unsigned worker;                 /* which of the workers this is */
  void (*operate)(void *context, struct connector_operation *operation); /* NULL: there is no REST API here */
  void *operate_context;
};

/* What a caller may know of themselves: for self/. Made by the gateway, read-only. */
struct connector_caller_tool {
  struct str public_name, description;
  enum policy_does does;
};
struct connector_caller_connection {
  struct str name, connector_id, connector_name;
  const struct policy_label *labels;
  size_t n_labels;
  bool is_personal;
};
struct connector_caller {
  struct str organisation, email, kind;
  const struct str *roles;
  size_t n_roles;
  const struct connector_caller_tool *tools;
  size_t n_tools;
  const struct connector_caller_connection *connections;
  size_t n_connections;
  struct uuid organisation_id, user_id;
};

/* What is asked for. Every kind has tools; the others are MCP servers' alone. */
enum connector_verb {
  CONNECTOR_TOOL,       /* tools/call */
  CONNECTOR_PROMPT,     /* prompts/get */
  CONNECTOR_RESOURCE,   /* resources/read */
  CONNECTOR_COMPLETION, /* completion/complete, of a prompt or a template */
  CONNECTOR_TASK,       /* tasks/get, tasks/cancel; tasks/update of the Tasks extension, tasks/result of 2025-11-25 */
};

/* What the caller's client can be asked, in the modern form: its capabilities object as MCP has it, or NULL. What it
 * cannot do is answered to the upstream with an error. */
struct connector_client {
  yyjson_val *capabilities;
  struct str name, version; /* or empty */
  struct str log_level;     /* the least severe log message it wants of this call ("info"); empty: none */
  bool wants_progress;      /* it gave a progress token: what `notify` is told of progress reaches it */
};

/* A result, as the tools' part of MCP has it. Slices live in the call's arena. */
struct connector_result {
  bool is_error;
  struct str text;       /* becomes one text block, where `content` is empty */
  struct str content;    /* or: a JSON array of content blocks, verbatim */
  struct str structured; /* a JSON object, or empty */
  enum err_code error;   /* of a failed call: for the record */
  bool is_refused;       /* the service did not accept the token, and did nothing: another one may be tried */
  bool wants_scope;      /* the token is good, and not for this: nothing was done (RFC 6750, 3.1: insufficient_scope) */
  struct str detail;     /* of a failed call, or empty: for the operator's log alone */
  struct str notice;     /* what the connection's admin should know beside the answer; or empty */
  bool is_unknown;       /* it may or may not have happened (a write whose reply was lost) */

  /* From MCP servers. At most one of the three. */
  struct str whole; /* the upstream's result, a JSON object, verbatim but for what the gateway must own */
  int rpc_code;     /* not 0: the upstream answered with a JSON-RPC error, which goes to the client */
  struct str rpc_text, rpc_data;
  /* Not finished: the client is to be asked. A JSON object, MCP's InputRequests (2026-07-28, multi round-trip
   * requests). The same call is then invoked again with `input_responses` and with `request_state` set to what `state`
   * is here. */
  struct str input_requests;
  struct str state;
};

/* Sees what comes back, for `connector try`. */
struct connector_watch {
  /* Each response as it came, before anything is cut away; `body` has the credential removed. */
  void (*response)(void *context, const struct http_client_response *response, struct str body);
  void *context;
};

/* One invocation. Made by the gateway, which keeps it and everything it points to until `done`. */
struct connector_call {
  const struct connector_host *host;
  const struct connector_connection *connection; /* NULL for self/ */
  enum connector_verb verb;
  const struct connector_tool *tool;     /* CONNECTOR_TOOL */
  const struct connector_prompt *prompt; /* CONNECTOR_PROMPT, and completion of one */
  struct str uri; /* CONNECTOR_RESOURCE: the upstream's own; completion: its template; CONNECTOR_TASK: the task's id */
  yyjson_val *arguments;                 /* checked against the tool's schema; the account argument taken out */
  const struct secret *credential;       /* opened JSON object, or NULL */
  const struct connector_caller *caller; /* for self/; of the others their organisation's name, for its exceptions */
  struct arena *arena;
  int64_t deadline_us;                 /* monotonic */
  const char *traceparent;             /* W3C, for upstream requests */
  const struct connector_watch *watch; /* NULL in the gateway */
  /* For kinds that pass the protocol through; others ignore them. */
  yyjson_val *params;             /* the request's, as they came; NULL: none. Names in it are ours. */
  struct str method;              /* as it came */
  struct connector_client client; /* what can be asked of the caller */
  bool wants_task;                /* CONNECTOR_TOOL: params.task is passed on (2025-11-25, tasks) */
  /* MCP's InputResponses, where this goes on from `request_state` (a client may also send some unasked, without a
   * state); else NULL. {"error": {"code", "message"}} in place of a result: the client answered with that error. */
  yyjson_val *input_responses;
  struct str request_state; /* what an earlier result's `state` was; or empty */
  /* Passes a notification (progress, a log message) while the call runs: method and params, a JSON object, valid during
   * this call alone. Any number of times before `done`; never from within invoke. NULL: the caller can take none. */
  void (*notify)(struct connector_call *call, struct str method, struct str params);
  size_t max_result; /* bytes, where its caller may get less than the tool gives; 0: no such cap. What a kind does not
                        cut to it, the gateway refuses */
  struct str page;   /* what seal_page was given, where a cursor goes on; else empty */
  /* The cursor that goes on from `state`: good for this user, tool, connection and arguments alone. STR_NONE: no
   * memory, or too long. NULL: there are no cursors here. */
  struct str (*seal_page)(struct connector_call *call, struct str state);
  void *state;                               /* the kind's own, in the arena */
  struct connector_result result;            /* filled before `done` */
  void (*done)(struct connector_call *call); /* exactly once, on the worker's loop; may be called from within invoke */
};

/* What is wrong with a definition, or doubtful: all of it, in the order of the file. */
struct connector_finding {
  const struct connector_finding *next;
  bool is_warning;
  struct str place; /* JSON pointer */
  struct str text;  /* what is wrong, and how to mend it */
};
struct connector_findings {
  struct arena *arena; /* of texts; in a compile that wants the first error alone the rest is only counted */
  bool wants_all;      /* warnings too */
  const struct connector_finding *first;
  struct connector_finding *last;
  size_t n_errors, n_warnings;
  bool has_no_memory;
};

struct connector_kind {
  const char *name; /* "http", "mcp", "sqlite", "postgres", "self" */
  bool needs_rule;  /* false: about the caller alone, no connection, no rule (self/) */
  /* Its tools are those that were accepted of each connection (org/catalogue.h), not its definition's. */
  bool has_catalogue;
  /* Definition (JSON, already parsed by json_read) -> compiled. All of it in the arena; borrows `definition`. */
  enum err_code (*compile)(struct arena *arena, yyjson_val *definition, struct connector *ret_connector,
                           struct err *err);
  /* Checks a connection's settings and names of credential members (`credential` may be NULL: not looked at), at apply
   * and at load. */
  enum err_code (*connect)(struct arena *arena, const struct connector *connector, yyjson_val *settings,
                           const void **ret_state, struct err *err);
  /* Of a connection's state: how its service grants access (oauth.h). NULL: its credential is used as it is. */
  const struct connector_oauth *(*oauth)(const void *state);
  enum err_code (*check_credential)(const struct connector *connector, yyjson_val *credential, struct err *err);
  /* Where a connection's credential goes, as a text to be compared: hosts, or a program. NULL: it goes nowhere. */
  void (*destination)(const struct connector *connector, const void *state, struct buf *out);
  /* For a kind whose connections are more than their settings (mcp/): called when a snapshot has filled a connection,
   * to make its `state`; and `close` when the snapshot is freed. NULL: nothing to do. */
  enum err_code (*open)(struct arena *arena, struct uuid organisation_id, struct str organisation,
                        struct connector_connection *connection, struct err *err);
  void (*close)(struct connector_connection *connection);
  void (*invoke)(struct connector_call *call);
  /* Compiles and looks for whatever a person should know; NULL: compile's first error is all. */
  void (*check)(struct arena *arena, yyjson_val *definition, struct connector *ret_connector,
                struct connector_findings *findings);
  /* Writes the request that invoke would begin with, secrets masked, for a person. NULL: there is none. */
  enum err_code (*show)(struct connector_call *call, struct buf *out, struct err *err);
  /* Asks it to end soon; `done` still comes, later, never from within; with ERR_CANCELLED where it had not finished. */
  void (*cancel)(struct connector_call *call);
};

/* registry.c is the one place that knows all kinds. */
const struct connector_kind *connector_kind_find(struct str name);
/* The definitions that ship in the binary, JSON texts, by id. An id of theirs is nobody else's to take. */
struct connector_builtin {
  const char *id;
  const char *kind;
  const char *definition;
};
const struct connector_builtin *connector_builtins(size_t *ret_n);
const struct connector_builtin *connector_builtin_find(struct str id); /* or NULL */

/* definition.c: what all kinds' definitions share:
 * {"id","name","version"?,"kind"?,"tools":[{"name","title"?,"description","does","input"?...}]}. Checks ids, names,
 * does, descriptions; compiles schemas; public names; sorts tools by name. `does` defaults to destroy. */
enum err_code connector_definition_read(struct arena *arena, yyjson_val *definition, struct connector *ret_connector,
                                        struct err *err) MUST_CHECK;
/* Compiles with the kind named by "kind" (absent: "http"). */
enum err_code connector_compile(struct arena *arena, yyjson_val *definition, struct connector *ret_connector,
                                struct err *err) MUST_CHECK;
/* The same, without stopping at the first mistake. `ret_connector` may be used where findings->n_errors is 0. */
void connector_check(struct arena *arena, yyjson_val *definition, struct connector *ret_connector,
                     struct connector_findings *findings);
/* What shows that a connection works, and changes nothing: the tool that the definition names, else the first that
 * reads and needs no arguments. NULL: there is none, or no memory. */
const struct connector_tool *connector_probe(struct arena *arena, const struct connector *connector,
                                             yyjson_val **ret_arguments);
/* public_name.c: names as clients may have them: [A-Za-z0-9_-], at most LIMIT_TOOL_NAME. What had to be changed carries
 * a stable hash of what it was. STR_NONE: no memory. */
struct str connector_public_name(struct arena *arena, struct str slug, struct str tool);
struct str connector_plain_name(struct arena *arena, struct str tool);
/* The same name with a hash behind it, for the second of that name. */
struct str connector_hashed_name(struct arena *arena, struct str public_name, uint32_t hash);

/* settings.c: an admin's settings, and over them those that the service gave (`captured`: an object or NULL). NULL: no
 * memory. */
yyjson_val *connector_settings_with(struct arena *arena, yyjson_val *settings, yyjson_val *captured);

/* http/rate.c. NULL: no memory. Freed when no call is under way. */
struct http_rates *http_rates_new(void);
void http_rates_free(struct http_rates *rates);

/* connector/sql/postgres_pool.c, with the client's guard and certificates. NULL: no memory. Freed when no call is under
 * way and before the loops of those that were: it waits a moment for sessions that their servers keep busy. False: one
 * is still at work, within libraries that exit() would take down under it: the process has to end by _exit(). */
struct postgres_pools *postgres_pools_new(const struct http_client_options *options);
bool postgres_pools_free(struct postgres_pools *pools) MUST_CHECK;

/* Fills an error result; the text is for a person. */
void connector_fail(struct connector_call *call, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
