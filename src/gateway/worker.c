/* A worker's life: made on the main thread, run on its own, drained and stopped by posted tasks.
 *
 * Its loop ends when its last exchange has: what a call needs (connectors, the audit writer, its client's connection)
 * is there as long as there are calls. */
#include "gateway/worker.h"

#include "connector/mcp/upstream.h"

#include "base/limits.h"
#include "gateway/credential.h"
#include "gateway/endpoint.h"
#include "gateway/limit_wait.h"

/* What streams leave behind goes by itself, in time. */
static bool beat(struct worker *worker) {
  watches_beat(worker);
  session_homes_sweep(worker);
  event_logs_sweep(worker);
  return worker->logs.by_id.count > 0 || worker->homes.by_nonce.count > 0;
}

/* A request of signing in or of the API keeps the loop as a call does. */
static void request_begun(void *context) {
  worker_exchange_begun(context);
}

static void request_ended(void *context) {
  worker_exchange_ended(context);
}

/* To the other servers, and for them. */
static enum err_code open_inner(struct worker *worker, struct err *err) {
  struct server *server = worker->server;
  if (!server->nodes || !nodes_are_several(server->nodes)) return ERR_NONE;
  const struct http_client_options client = {.channel_key = server->channel_key};
  enum err_code code = http_client_new(&worker->loop, &client, &worker->peers, err);
  if (code != ERR_NONE || !server->inner_host.n) return code;
  const struct http_server_options options = {
      .on_request = endpoint_on_forwarded_request, .context = worker, .channel_key = server->channel_key};
  code = http_server_start(&worker->loop, server->inner_host, server->inner_port, true, &options, &worker->inner, err);
  if (code != ERR_NONE) err_prefix(err, "--cluster-listen");
  return code;
}

enum err_code worker_init(struct worker *worker, struct server *server, unsigned index, struct str host, uint16_t port,
                          struct err *err) {
  worker->server = server;
  worker->index = index;
  trace_source_init(&worker->traces);
  worker->streams.on_beat = beat;
  enum err_code code = loop_init(&worker->loop, err);
  if (code != ERR_NONE) return code;
  worker->has_loop = true;
  code = http_client_new(&worker->loop, &server->client, &worker->client, err);
  if (code != ERR_NONE) return code;
  worker->leases = lease_cache_new();
  if (!worker->leases) return err_no_memory(err);
  worker->timers = timers_new(&worker->loop);
  if (!worker->timers) return err_no_memory(err);
  worker->host = (struct connector_host){.loop = &worker->loop,
                                         .http = worker->client,
                                         .timers = worker->timers,
                                         .rates = server->rates,
                                         .sql = server->sql,
                                         .postgres = server->postgres,
                                         .upstreams = server->upstreams,
                                         .worker = index,
                                         .operate = api_operate,
                                         .operate_context = &worker->api};
  code = mcp_upstreams_join(server->upstreams, &worker->host, err);
  if (code != ERR_NONE) return code;
  worker->signin = (struct signin_worker){.signin = &server->signin,
                                          .loop = &worker->loop,
                                          .client = worker->client,
                                          .context = worker,
                                          .begun = request_begun,
                                          .ended = request_ended};
  worker->api = (struct api_worker){.api = &server->api,
                                    .loop = &worker->loop,
                                    .timers = worker->timers,
                                    .host = &worker->host,
                                    .context = worker,
                                    .begun = request_begun,
                                    .ended = request_ended};
  const struct http_server_options options = {.on_request = endpoint_on_request,
                                              .on_head = endpoint_on_head,
                                              .context = worker,
                                              .counts = &worker->metrics.http};
  code = http_server_start(&worker->loop, host, port, true, &options, &worker->http, err);
  return code == ERR_NONE ? open_inner(worker, err) : code;
}

static void *run(void *argument) {
  struct worker *worker = argument;
  char name[16];
  snprintf(name, sizeof(name), "worker-%u", worker->index);
  pthread_setname_np(pthread_self(), name);
  loop_run(&worker->loop);
  return NULL;
}

enum err_code worker_start(struct worker *worker, struct err *err) {
  if (pthread_create(&worker->thread, NULL, run, worker) != 0)
    return err_set(err, ERR_UNAVAILABLE, "no thread can be started for worker %u", worker->index);
  worker->has_thread = true;
  return ERR_NONE;
}

/* Neither listener has a connection left. */
static void end_serving(struct worker *worker) {
  struct server *server = worker->server;
  if (worker->http || worker->inner) return;
  if (atomic_fetch_sub(&server->n_serving, 1) == 1) loop_post(server->main_loop, &server->drained_task);
}

static void on_drained(void *context) {
  struct worker *worker = context;
  worker->http = NULL;
  end_serving(worker);
}

static void on_inner_drained(void *context) {
  struct worker *worker = context;
  worker->inner = NULL;
  end_serving(worker);
}

static void drain(struct loop_task *task) {
  struct worker *worker = (struct worker *)((char *)task - offsetof(struct worker, drain_task));
  worker->patience_ends_us = loop_now_us(&worker->loop) + LIMIT_HTTP_DRAIN_MS * INT64_C(1000);
  stream_pipes_end(worker);
  watches_end(worker);
  api_worker_end(&worker->api);
  http_server_drain(worker->http, on_drained, worker);
  if (worker->inner) http_server_drain(worker->inner, on_inner_drained, worker);
}

void worker_drain(struct worker *worker) {
  worker->drain_task.run = drain;
  loop_post(&worker->loop, &worker->drain_task);
}

/* No call is left that could use them. */
static void end_parts(struct worker *worker) {
  http_client_free(worker->client);
  http_client_free(worker->peers);
  worker->client = worker->peers = NULL;
  worker->host.http = NULL;
  event_streams_close(worker);
  timers_free(worker->timers);
  worker->timers = NULL;
  worker->host.timers = NULL;
  loop_stop(&worker->loop);
}

/* Its MCP servers have ended: no worker has calls any more. */
static void on_upstreams_left(void *context) {
  struct worker *worker = context;
  uv_close((uv_handle_t *)&worker->patience, NULL);
  end_parts(worker);
}

static void end(struct loop_task *task) {
  struct worker *worker = (struct worker *)((char *)task - offsetof(struct worker, stop_task));
  mcp_upstreams_leave(worker->server->upstreams, worker->index, on_upstreams_left, worker);
}

static void end_when_idle(struct worker *worker) {
  if (!worker->is_stopping || worker->http || worker->inner || worker->n_exchanges > 0 || worker->is_ending) return;
  worker->is_ending = true;
  worker->stop_task.run = end; /* in a turn of its own: this may be a callback of the HTTP client's */
  loop_post(&worker->loop, &worker->stop_task);
}

void worker_exchange_begun(struct worker *worker) {
  worker->n_exchanges++;
}

void worker_exchange_ended(struct worker *worker) {
  worker->n_exchanges--;
  end_when_idle(worker);
}

static void on_patience_ended(uv_timer_t *timer) {
  struct worker *worker = timer->data;
  for (struct call *call = worker->calls; call; call = call->next)
    call_cancel(call);
}

/* Where the server did not come to serve: nobody has drained it. */
static void on_unserved_drained(void *context) {
  struct worker *worker = context;
  worker->http = NULL;
  end_when_idle(worker);
}

static void on_unserved_inner_drained(void *context) {
  struct worker *worker = context;
  worker->inner = NULL;
  end_when_idle(worker);
}

static void drain_unserved(struct worker *worker) {
  if (worker->http) http_server_drain(worker->http, on_unserved_drained, worker);
  if (worker->inner) http_server_drain(worker->inner, on_unserved_inner_drained, worker);
}

static void stop(struct loop_task *task) {
  struct worker *worker = (struct worker *)((char *)task - offsetof(struct worker, stop_task));
  int64_t left_ms = (worker->patience_ends_us - loop_now_us(&worker->loop)) / 1000;
  worker->is_stopping = true;
  uv_timer_init(&worker->loop.uv, &worker->patience);
  worker->patience.data = worker;
  uv_timer_start(&worker->patience, on_patience_ended, left_ms > 0 ? (uint64_t)left_ms : 0, 0);
  drain_unserved(worker);
  end_when_idle(worker);
}

void worker_stop(struct worker *worker) {
  worker->stop_task.run = stop;
  loop_post(&worker->loop, &worker->stop_task);
}

/* One that never ran: its listener and loop end on this thread. */
static void end_unserved(struct worker *worker) {
  drain_unserved(worker);
  end_parts(worker);
  loop_run(&worker->loop);
}

void worker_release(struct worker *worker) {
  if (!worker->has_loop) return;
  if (!worker->has_thread) end_unserved(worker);
  loop_release(&worker->loop);
  stream_pipes_free(worker);
  session_homes_free(worker);
  credentials_release(worker);
  limit_waits_free(worker);
  event_logs_free(worker);
  map_release(&worker->questions);
  session_book_free(worker);
}

const char *server_not_ready(const struct server *server, char text[ERR_TEXT_SIZE]) {
  if (atomic_load_explicit(&server->is_draining, memory_order_relaxed)) return "stopping";
  if (server->nodes && !nodes_hold(server->nodes)) {
    nodes_problem(server->nodes, text);
    return text[0] ? text : "the database does not answer";
  }
  if (!audit_is_healthy(server->audit)) return "calls cannot be recorded: look at the disk and the log";
  if (!coherence_is_current(server->coherence)) return "the database cannot be read";
  return NULL;
}
