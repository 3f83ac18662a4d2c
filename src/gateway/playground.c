/* Makes a message of what is asked for, gives it to the pipeline as its principal's, and takes the answer. Must not
 * know who may ask: the API has seen to that. */
#include "gateway/playground.h"

#include "base/clock.h"
#include "base/limits.h"
#include "gateway/worker.h"

struct play {
  struct exchange exchange; /* first */
  struct api_call *call;
  struct token_entry token; /* nobody's: a rate of its own */
  struct str body;          /* of the request, meanwhile */
};

static void on_answered(struct exchange *exchange, struct str body) {
  struct play *play = (struct play *)(void *)exchange;
  struct api_call *call = play->call;
  const struct call *made = exchange->n_calls > 0 ? &exchange->calls[0] : NULL;
  call->http->body = play->body;
  call->response = body;
  if (made) {
    call->call_id = made->id;
    call->is_allowed = made->is_allowed;
    call->reason = made->reason;
    call->duration_us = clock_monotonic_us() - made->begun_us;
  }
  toolset_free(atomic_load(&call->user->toolset)); /* the user was made for this call */
  call->done(call);
}

void playground_call(void *context, struct api_call *call) {
  struct worker *worker = context;
  struct http_exchange *http = call->http;
  struct play *play = arena_new(&http->arena, struct play);
  struct buf message;
  buf_init(&message, &http->arena, LIMIT_HTTP_BODY);
  buf_append_c(&message, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":");
  json_write_str(&message, call->tool);
  buf_append_c(&message, ",\"arguments\":");
  buf_append_str(&message, call->arguments);
  buf_append_c(&message, "}}");
  if (!play || buf_failed(&message)) {
    org_snapshot_unref(call->snapshot);
    call->done(call);
    return;
  }
  play->call = call;
  play->body = http->body;
  http->body = buf_str(&message);
  play->exchange.principal =
      (struct principal){.snapshot = call->snapshot, .user = call->user, .scopes = DOES_ANY, .token = &play->token};
  play->exchange.client = call->client;
  play->exchange.answered = on_answered;
  exchange_begin_as(&play->exchange, worker, http);
}

void playground_node(void *context, struct api_node *ret_node) {
  const struct worker *worker = context;
  const struct server *server = worker->server;
  *ret_node = (struct api_node){.name = server->node, .started_at = server->started_at, .n_workers = server->n_workers};
  ret_node->problem = server_not_ready(worker->server, ret_node->text);
  for (unsigned i = 0; i < server->n_workers; i++) {
    const struct metrics *metrics = &server->workers[i].metrics;
    ret_node->n_connections += (int64_t)atomic_load_explicit(&metrics->http.connections, memory_order_relaxed);
  }
}

size_t playground_peers(void *context, struct arena *arena, const struct api_peer **ret_list) {
  const struct worker *worker = context;
  const struct server *server = worker->server;
  struct peers *peers = server->nodes ? arena_new(arena, struct peers) : NULL;
  struct api_peer *list = peers ? arena_new_n(arena, struct api_peer, LIMIT_NODES) : NULL;
  size_t n = 0;
  if (!list) return 0;
  nodes_peers(server->nodes, peers);
  for (size_t i = 0; i < peers->n; i++) {
    const struct peer *peer = &peers->items[i];
    if (strcmp(peer->name, server->node) == 0) continue;
    list[n++] = (struct api_peer){.name = peer->name,
                                  .has_lease = peer_may_hold(peer, clock_boottime_us()),
                                  .has_loaded = peer->applied >= 0,
                                  .started_at = peer->started_at};
  }
  *ret_list = list;
  return n;
}
