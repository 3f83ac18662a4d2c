/* notifications/cancelled (legacy): stops the call that the same client named. It may run on any worker: all are asked,
 * and the one that has it is told. Calls are told apart by session; clients without one by access token, and then only
 * where no two calls share the id: another client's call is never stopped on a guess. */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/limits.h"
#include "gateway/pipeline.h"
#include "gateway/worker.h"

struct inquiry {
  struct loop_task task;
  struct cancellation *cancellation;
  struct worker *worker;
};

/* Goes from worker to worker's mailbox; whoever answers last decides, and it ends there or with the one that is told.
 */
struct cancellation {
  struct uuid token_id;
  struct str session, request_id; /* both behind the inquiries, the id as JSON */
  atomic_size_t n_found, n_unanswered;
  _Atomic(struct inquiry *) finder; /* one of those that found something */
  struct inquiry inquiries[];       /* a worker each */
};

static bool names(const struct cancellation *cancellation, const struct call *call) {
  const struct exchange *exchange = call->exchange;
  if (!call->method || call->method->set != FOR_ACTIONS || call->envelope.revision->era != MCP_LEGACY) return false;
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

static size_t count_on(const struct inquiry *inquiry, struct call **ret_call) {
  size_t n = 0;
  for (struct call *call = inquiry->worker->calls; call; call = call->next) {
    if (!names(inquiry->cancellation, call)) continue;
    *ret_call = call;
    n++;
  }
  return n;
}

static void tell(struct loop_task *task) {
  struct inquiry *inquiry = (struct inquiry *)task;
  struct call *found = NULL;
  if (count_on(inquiry, &found) == 1) call_cancel(found); /* it may have ended meanwhile */
  free(inquiry->cancellation);
}

static void ask(struct loop_task *task) {
  struct inquiry *inquiry = (struct inquiry *)task;
  struct cancellation *cancellation = inquiry->cancellation;
  struct call *found = NULL;
  size_t n = count_on(inquiry, &found);
  if (n) {
    atomic_fetch_add_explicit(&cancellation->n_found, n, memory_order_relaxed);
    atomic_store_explicit(&cancellation->finder, inquiry, memory_order_relaxed);
  }
  if (atomic_fetch_sub_explicit(&cancellation->n_unanswered, 1, memory_order_acq_rel) != 1) return;
  if (atomic_load_explicit(&cancellation->n_found, memory_order_relaxed) != 1) {
    free(cancellation);
    return;
  }
  struct inquiry *finder = atomic_load_explicit(&cancellation->finder, memory_order_relaxed);
  finder->task.run = tell;
  loop_post(&finder->worker->loop, &finder->task);
}

static struct cancellation *cancellation_new(const struct exchange *exchange, struct str id) {
  struct server *server = exchange->worker->server;
  struct str session = exchange->session;
  size_t fixed = sizeof(struct cancellation) + server->n_workers * sizeof(struct inquiry);
  struct cancellation *cancellation = calloc(1, fixed + session.n + id.n);
  if (!cancellation) return NULL;
  char *text = (char *)cancellation + fixed;
  if (session.n) memcpy(text, session.p, session.n);
  memcpy(text + session.n, id.p, id.n);
  cancellation->token_id = exchange->principal.token_id;
  cancellation->session = str_make(text, session.n);
  cancellation->request_id = str_make(text + session.n, id.n);
  atomic_init(&cancellation->n_unanswered, server->n_workers);
  for (unsigned i = 0; i < server->n_workers; i++)
    cancellation->inquiries[i] = (struct inquiry){{.run = ask}, cancellation, &server->workers[i]};
  return cancellation;
}

enum stage_verdict method_cancelled(struct call *call) {
  struct exchange *exchange = call->exchange;
  yyjson_val *request_id = json_get(call->message.params, "requestId");
  struct buf id;
  buf_init(&id, exchange->arena, 8 * LIMIT_JSONRPC_ID);
  if (!yyjson_is_str(request_id) && !yyjson_is_int(request_id)) return STAGE_NEXT;
  jsonrpc_write_id(&id, request_id);
  if (buf_failed(&id)) return STAGE_NEXT;
  struct cancellation *cancellation = cancellation_new(exchange, buf_str(&id));
  if (!cancellation) return STAGE_NEXT; /* a receiver may ignore a cancellation */
  unsigned n = exchange->worker->server->n_workers;
  for (unsigned i = 0; i < n; i++) /* with the last post it may be gone */
    loop_post(&cancellation->inquiries[i].worker->loop, &cancellation->inquiries[i].task);
  return STAGE_NEXT;
}
