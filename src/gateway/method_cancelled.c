/* notifications/cancelled (legacy): stops the call that the same client named. It may run on any worker, so each is
 * told. Calls are told apart by session; clients without one by access token, and then only where no two calls share
 * the id: another client's call is never stopped on a guess. */
#include <stdlib.h>

#include "base/limits.h"
#include "gateway/pipeline.h"
#include "gateway/worker.h"

struct cancellation {
  struct loop_task task;
  struct worker *worker;
  struct uuid token_id;
  struct str session, request_id; /* both in `text`, the id as JSON */
  char text[];
};

static bool names(const struct cancellation *cancellation, const struct call *call) {
  const struct exchange *exchange = call->exchange;
  if (!call->method || call->method->set != FOR_TOOLS || call->envelope.revision->era != MCP_LEGACY) return false;
  if (!uuid_eq(exchange->principal.token_id, cancellation->token_id) ||
      !str_eq(exchange->session, cancellation->session))
    return false;
  struct buf id;
  buf_init(&id, NULL, 8 * LIMIT_JSONRPC_ID);
  jsonrpc_write_id(&id, call->message.id);
  bool is_equal = !buf_failed(&id) && str_eq(buf_str(&id), cancellation->request_id);
  buf_release(&id);
  return is_equal;
}

static void cancel_on_worker(struct loop_task *task) {
  struct cancellation *cancellation = (struct cancellation *)task;
  struct call *found = NULL;
  size_t n = 0;
  for (struct call *call = cancellation->worker->calls; call; call = call->next) {
    if (names(cancellation, call)) {
      found = call;
      n++;
    }
  }
  if (n == 1) call_cancel(found);
  free(cancellation);
}

enum stage_verdict method_cancelled(struct call *call) {
  struct exchange *exchange = call->exchange;
  struct server *server = exchange->worker->server;
  yyjson_val *request_id = json_get(call->message.params, "requestId");
  struct buf id;
  buf_init(&id, exchange->arena, 8 * LIMIT_JSONRPC_ID);
  if (!yyjson_is_str(request_id) && !yyjson_is_int(request_id)) return STAGE_NEXT;
  jsonrpc_write_id(&id, request_id);
  if (buf_failed(&id)) return STAGE_NEXT;
  for (unsigned i = 0; i < server->n_workers; i++) {
    struct cancellation *cancellation = malloc(sizeof(*cancellation) + exchange->session.n + id.n);
    if (!cancellation) return STAGE_NEXT; /* a receiver may ignore a cancellation */
    memcpy(cancellation->text, exchange->session.p ? exchange->session.p : "", exchange->session.n);
    memcpy(cancellation->text + exchange->session.n, id.p, id.n);
    cancellation->task.run = cancel_on_worker;
    cancellation->worker = &server->workers[i];
    cancellation->token_id = exchange->principal.token_id;
    cancellation->session = str_make(cancellation->text, exchange->session.n);
    cancellation->request_id = str_make(cancellation->text + exchange->session.n, id.n);
    loop_post(&server->workers[i].loop, &cancellation->task);
  }
  return STAGE_NEXT;
}
