/* The REST API, /api/v1: what gateway/ needs of it. One struct api a server, one struct api_worker a worker, and
 * functions that endpoint.c calls for the paths that are ours. schema/api.json is its source: what is asked, by whom,
 * and what comes back. docs/api.md tells the rest.
 *
 * All of a request is on its worker's loop; whatever it does with the database is one transaction on a store thread. */
#ifndef CONNEK_API_API_H
#define CONNEK_API_API_H

#include "signin/signin.h"

struct api_document;
struct grant_keeper;
struct api_stream;
struct connector_host;
struct connector_operation;
struct timers;

/* A call for somebody: the asker's own, the gateway's until `done`, which comes on the worker's loop. */
struct api_call {
  struct http_exchange *http;
  struct org_snapshot *snapshot; /* a reference, given away */
  struct org_user *user;         /* for whom: made for this call, in the request's arena */
  struct str tool, arguments;    /* arguments: a JSON object */
  struct str client;             /* what its record says of who asked */
  void (*done)(struct api_call *call);
  /* out */
  struct str response; /* JSON-RPC; empty: there was no memory */
  struct uuid call_id; /* of its record; nil: there is none */
  bool is_allowed;
  struct str reason;
  int64_t duration_us;
};

/* A node, as its operator is told of it. */
struct api_node {
  const char *name;
  const char *problem; /* why it is not ready; NULL: it is. May stand in `text` */
  char text[ERR_TEXT_SIZE];
  int64_t started_at;               /* UTC microseconds */
  int64_t n_workers, n_connections; /* connections: open ones, of HTTP */
};

/* Another server of the same database, as the one that answers has last seen it. */
struct api_peer {
  const char *name;
  bool has_lease, has_loaded; /* has_loaded: it began to serve */
  int64_t started_at;         /* UTC microseconds */
};

struct api_options {
  struct db *db;
  const struct vault *vault;
  struct signin *signin;
  struct str public_url;                                       /* as commands print it; settled before requests come */
  void (*on_problem)(const char *what, const struct err *err); /* for the log; from any thread */
  void (*node)(void *worker_context, struct api_node *ret_node); /* from any thread */
  /* How many there are; 0 too where there is no memory. From any thread. */
  size_t (*peers)(void *worker_context, struct arena *arena, const struct api_peer **ret_list);
  void (*call)(void *worker_context, struct api_call *call); /* makes it, on the worker's loop */
};

struct api {
  struct api_options options;
  struct coherence *coherence; /* set before a request comes, as the keeper is */
  struct grant_keeper *keeper;
  struct api_document *document;
  struct arena arena; /* the document's */
};

/* Compiles the document. On failure api_stop lets go of what there is. */
enum err_code api_start(struct api *api, const struct api_options *options, struct err *err) MUST_CHECK;
/* When no worker is left. */
void api_stop(struct api *api);

struct api_worker {
  struct api *api;
  struct loop *loop;
  struct timers *timers;
  const struct connector_host *host; /* for calls of its own */
  struct api_stream *streams;        /* of events, open */
  size_t n_streams;
  bool is_ending;
  void *context; /* for the two below: a request has begun, and has ended; the loop must live until then */
  void (*begun)(void *context);
  void (*ended)(void *context);
};

/* Is the path one of ours? */
bool api_serves(struct str path);
/* Before the body is read: may this request be? False refuses it. */
bool api_on_head(struct http_exchange *http, struct http_reply *ret_refusal) MUST_CHECK;
/* On the worker's loop, before it drains: streams of events end. */
void api_worker_end(struct api_worker *worker);
void api_serve(struct api_worker *worker, struct http_exchange *http);
/* One operation as a call's own user, within the worker's turn or later: for connector_host. Those that only read
 * alone. */
void api_operate(void *worker, struct connector_operation *operation);

#endif
