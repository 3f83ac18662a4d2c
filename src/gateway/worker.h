/* A worker: one thread with its own loop, listener, HTTP client and calls. What workers share is in struct server,
 * which does not change while it serves, but for what is atomic. */
#ifndef CONNEK_GATEWAY_WORKER_H
#define CONNEK_GATEWAY_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "base/channel.h"
#include "gateway/call.h"
#include "gateway/metrics.h"
#include "gateway/nodes.h"
#include "gateway/origin.h"
#include "gateway/session_book.h"
#include "gateway/session_home.h"
#include "gateway/stream_get.h"
#include "gateway/watch.h"
#include "limit/limit.h"
#include "net/client_address.h"
#include "net/executor.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "org/coherence.h"
#include "signin/signin.h"
#include "vault/lease.h"

struct credential_wait;
struct grant_keeper;
struct shares;

struct server {
  struct db *db;
  struct audit_writer *audit;
  struct coherence *coherence;
  struct nodes *nodes;   /* NULL in tests: alone */
  struct shares *shares; /* NULL: rates are this server's own */
  uint32_t node_id;      /* this one's, in sessions' ids */
  struct str inner_host; /* where other servers forward to; empty: nowhere */
  uint16_t inner_port;
  uint8_t channel_key[CHANNEL_KEY]; /* what they prove to each other with */
  struct discovery *discovery;
  struct token_index *tokens;
  struct limit_peers *peers;
  struct limit_rate peer_rate;
  struct executor *sql;
  struct http_rates *rates;
  struct postgres_pools *postgres;
  struct grant_keeper *keeper;
  int64_t credential_kept_us; /* how long a worker keeps one opened */
  struct str public_url;      /* no '/' at its end */
  struct mcp_upstreams *upstreams;
  struct origin_rules origins;
  struct trusted_proxies proxies;
  struct address_guard guard;
  struct http_client_options client;
  struct signin signin;
  struct api api;
  atomic_bool is_draining;
  struct worker *workers;
  unsigned n_workers;
  struct loop *main_loop;
  atomic_uint n_serving;         /* workers that still have connections */
  int64_t started_at;            /* UTC microseconds */
  const char *node;              /* its name */
  struct loop_task drained_task; /* posted to the main loop by the last of them */
};

struct worker {
  struct server *server;
  unsigned index;
  pthread_t thread;
  struct loop loop;
  struct http_server *http;
  struct http_server *inner; /* of what other servers forward; NULL: none */
  struct http_client *client;
  struct http_client *peers; /* to other servers; NULL: there are none */
  struct timers *timers;
  struct connector_host host;
  struct signin_worker signin;
  struct api_worker api;
  struct call *calls; /* under way */
  size_t n_calls;
  size_t n_exchanges; /* not answered yet: their calls, and what waits for its record */
  size_t held_bytes;  /* their memory, where they wait for something */
  struct event_streams streams;
  struct event_logs logs;
  struct map questions; /* those that wait for an answer, by the secret part of their ids */
  struct session_book sessions;
  struct session_homes homes;
  struct watches watches;
  struct stream_pipes pipes;
  uint64_t n_pipes;                         /* ever: their ids */
  struct lease_cache *leases;               /* credentials kept opened */
  struct credential_wait *credential_waits; /* questions to the keeper */
  struct map limit_waits;                   /* by token: asks for its rate's bucket */
  struct loop_task forget_task;
  atomic_bool is_forgetting; /* forget_task is posted */
  struct trace_source traces;
  struct metrics metrics;
  struct loop_task drain_task, stop_task;
  bool has_loop, has_thread; /* how far it has come */
  bool is_stopping, is_ending;
  int64_t patience_ends_us; /* monotonic: until then calls whose clients have gone may still run */
  uv_timer_t patience;
};

/* Loop, listener and client, on the calling thread. After a failure worker_release lets go of what there is. */
enum err_code worker_init(struct worker *worker, struct server *server, unsigned index, struct str host, uint16_t port,
                          struct err *err) MUST_CHECK;
/* Runs the loop on a thread of its own. */
enum err_code worker_start(struct worker *worker, struct err *err) MUST_CHECK;
/* From any thread: no new connection; when the last one is closed, server->n_serving falls. The loop goes on, so that
 * changes still reach it while others drain. */
void worker_drain(struct worker *worker);
/* From any thread, when all have drained: ends the worker's thread, once the calls that are still under way (legacy
 * clients may leave theirs) have ended and are on record. LIMIT_HTTP_DRAIN_MS after worker_drain they are cancelled. */
void worker_stop(struct worker *worker);
/* On the worker's loop, by exchange.c. */
void worker_exchange_begun(struct worker *worker);
void worker_exchange_ended(struct worker *worker);
/* Frees what it holds; its thread, if it had one, must have been joined. */
void worker_release(struct worker *worker);

/* What tells one host from another. A slice of `peer`. */
struct str peer_address(const struct sockaddr_storage *peer);
/* The bucket of failed authentications of an address. */
struct limit_bucket *worker_peer_bucket(struct worker *worker, const struct sockaddr_storage *peer);

/* Can this server do its work now? NULL: yes; else why not, in a few words, which may stand in `text`. */
const char *server_not_ready(const struct server *server, char text[ERR_TEXT_SIZE]);

#endif
