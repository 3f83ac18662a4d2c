/* Credentials of calls. Must not know how a service's grant is renewed (src/grant), nor what is sent to it. */
#include "gateway/credential.h"

#include <stdlib.h>

#include "connector/oauth.h"
#include "gateway/pipeline.h"
#include "gateway/reconnect.h"
#include "gateway/tool_answer.h"
#include "gateway/worker.h"
#include "grant/keeper.h"

/* One question to the keeper, and the calls that wait for its answer. */
struct credential_wait {
  struct grant_request request;
  struct worker *worker;
  int64_t version; /* of the connection */
  uint64_t generation;
  struct call *calls;
  struct credential_wait *next;
};

/* ---- waiting ---- */

static struct credential_wait *find_wait(struct worker *worker, const struct connector_connection *connection,
                                         int64_t refused_version, bool wants_scope) {
  for (struct credential_wait *wait = worker->credential_waits; wait; wait = wait->next)
    if (uuid_eq(wait->request.connection_id, connection->policy.id) && wait->version == connection->version &&
        wait->request.refused_version == refused_version && wait->request.wants_scope == wants_scope &&
        wait->generation == lease_cache_generation(worker->leases))
      return wait;
  return NULL;
}

static bool may_connect(const struct call *call) {
  const struct org_user *user = call->exchange->principal.user;
  struct uuid owner = call->connection->policy.owner_user_id;
  if (!uuid_is_nil(owner)) return uuid_eq(owner, user->id);
  return str_eq(user->kind, STR("owner")) || str_eq(user->kind, STR("admin"));
}

static void on_answered(struct grant_request *request);

static struct credential_wait *wait_new(struct worker *worker, const struct call *call, int64_t refused_version,
                                        bool wants_scope) {
  struct credential_wait *wait = calloc(1, sizeof(*wait));
  if (!wait) return NULL;
  wait->worker = worker;
  wait->version = call->connection->version;
  wait->generation = lease_cache_generation(worker->leases);
  wait->request.organisation_id = call->exchange->principal.snapshot->id;
  wait->request.connection_id = call->connection->policy.id;
  wait->request.refused_version = refused_version;
  wait->request.wants_scope = wants_scope;
  wait->request.loop = &worker->loop;
  wait->request.done = on_answered;
  wait->next = worker->credential_waits;
  worker->credential_waits = wait;
  return wait;
}

static enum stage_verdict wait_for(struct call *call, int64_t refused_version, bool wants_scope) {
  struct worker *worker = call->exchange->worker;
  struct credential_wait *wait = find_wait(worker, call->connection, refused_version, wants_scope);
  bool is_new = !wait;
  if (is_new) wait = wait_new(worker, call, refused_version, wants_scope);
  if (!wait) return call_fail(call, 503, 503, "Out of memory");
  call->lease_wait = wait;
  call->lease_next = wait->calls;
  wait->calls = call;
  call->lease = LEASE_WAITING;
  if (!is_new) return STAGE_WAIT;
  /* Who joins later does without the link: it is for the one who asks first, or the next one. */
  wait->request.wants_link = may_connect(call);
  grant_lease(worker->server->keeper, &wait->request);
  return STAGE_WAIT;
}

static void unlink_wait(struct credential_wait *wait) {
  struct credential_wait **at = &wait->worker->credential_waits;
  while (*at != wait)
    at = &(*at)->next;
  *at = wait->next;
}

static void give(struct call *call, const struct grant_request *request) {
  call->lease = request->code == ERR_NONE ? LEASE_GIVEN : LEASE_REFUSED;
  if (request->code == ERR_NONE) call->grant_version = request->grant_version;
  call->error = request->code;
  if (request->credential) {
    struct str bytes = secret_open(request->credential);
    call->credential = secret_new(bytes.p, bytes.n);
    if (!call->credential) call->lease = LEASE_REFUSED;
  }
  if (call->lease != LEASE_REFUSED) return;
  struct str text = arena_str(call->exchange->arena, str_of(request->err.text));
  struct str link =
      request->link[0] && may_connect(call) ? arena_str(call->exchange->arena, str_of(request->link)) : STR_NONE;
  call->lease_text = text.n ? text : STR("The connection's credential could not be opened");
  call->lease_link = link;
}

static int64_t kept_us(const struct worker *worker, int64_t valid_us) {
  return valid_us < worker->server->credential_kept_us ? valid_us : worker->server->credential_kept_us;
}

/* On the worker's loop. */
static void on_answered(struct grant_request *request) {
  struct credential_wait *wait = (struct credential_wait *)(void *)request;
  struct worker *worker = wait->worker;
  unlink_wait(wait);
  bool may_keep = worker->leases && request->code == ERR_NONE && request->credential && request->valid_us > 0 &&
                  wait->generation == lease_cache_generation(worker->leases);
  if (may_keep)
    lease_cache_put(worker->leases, request->connection_id, wait->version, request->grant_version, request->credential,
                    loop_now_us(&worker->loop) + kept_us(worker, request->valid_us));
  for (struct call *call = wait->calls, *next; call; call = next) {
    next = call->lease_next;
    call->lease_wait = NULL;
    give(call, request);
    call_run(call);
  }
  secret_free(request->credential);
  free(wait);
}

static void on_given_up(struct loop_task *task) {
  struct call *call = (struct call *)((char *)task - offsetof(struct call, lease_task));
  call_run(call);
}

void credential_give_up(struct call *call) {
  struct credential_wait *wait = call->lease_wait;
  if (!wait) return;
  struct call **at = &wait->calls;
  while (*at != call)
    at = &(*at)->lease_next;
  *at = call->lease_next;
  call->lease_wait = NULL;
  call->lease = LEASE_REFUSED;
  call->error = ERR_CANCELLED;
  call->lease_text = STR("The call was cancelled.");
  call->lease_task.run = on_given_up;
  loop_post(&call->exchange->worker->loop, &call->lease_task);
}

/* ---- the stage ---- */

enum stage_verdict credential_refuse(struct call *call) {
  char text[2 * ERR_TEXT_SIZE];
  const struct org_snapshot *snapshot = call->exchange->principal.snapshot;
  bool is_cancelled = call->error == ERR_CANCELLED;
  call->outcome = is_cancelled ? AUDIT_CANCELLED : AUDIT_ERROR;
  if (call->lease_link.n > 0) {
    (void)snprintf(text, sizeof(text), "%.*s. Open this link within 15 minutes to connect it, then try again",
                   STR_ARG(call->lease_text));
    enum stage_verdict asked = reconnect_ask(call, text, call->lease_link);
    if (asked != STAGE_NEXT) return asked;
    (void)snprintf(text, sizeof(text), "%.*s. To connect it, open this link within 15 minutes: %.*s",
                   STR_ARG(call->lease_text), STR_ARG(call->lease_link));
  } else if (is_cancelled || may_connect(call)) {
    (void)snprintf(text, sizeof(text), "%.*s", STR_ARG(call->lease_text));
  } else {
    (void)snprintf(text, sizeof(text), "%.*s. Tell an admin of %.*s.", STR_ARG(call->lease_text),
                   STR_ARG(snapshot->name));
  }
  if (call_verb(call) != CONNECTOR_TOOL) return call_fail(call, 0, JSONRPC_INTERNAL_ERROR, "%s", text);
  tool_answer_error(call, text);
  return STAGE_DONE;
}

static enum stage_verdict open_here(struct call *call) {
  struct worker *worker = call->exchange->worker;
  const struct connector_connection *connection = call->connection;
  struct err err;
  enum err_code code = org_lease_credential(call->exchange->principal.snapshot, connection, &call->credential, &err);
  if (code == ERR_NONE) {
    if (call->credential)
      lease_cache_put(worker->leases, connection->policy.id, connection->version, 0, call->credential,
                      loop_now_us(&worker->loop) + worker->server->credential_kept_us);
    return STAGE_NEXT;
  }
  call->outcome = AUDIT_ERROR;
  call->error = code;
  return call_fail(call, 0, JSONRPC_INTERNAL_ERROR,
                   "The credential of %.*s could not be opened. An admin has to replace it",
                   STR_ARG(connection->policy.name));
}

enum stage_verdict credential_lease(struct call *call) {
  struct worker *worker = call->exchange->worker;
  const struct connector_connection *connection = call->connection;
  if (!connection) return STAGE_NEXT;
  if (call->lease == LEASE_GIVEN) {
    reconnect_forget_answer(call);
    return STAGE_NEXT;
  }
  if (call->lease == LEASE_REFUSED) return credential_refuse(call);
  int64_t now = loop_now_us(&worker->loop);
  lease_cache_sweep(worker->leases, now);
  call->credential =
      lease_cache_take(worker->leases, connection->policy.id, connection->version, now, &call->grant_version);
  if (call->credential) {
    reconnect_forget_answer(call);
    return STAGE_NEXT;
  }
  /* What an MCP server's definition adds is the organisation's; the keeper knows services' grants alone. */
  return connector_is_granted(connection) ? wait_for(call, 0, false) : open_here(call);
}

/* A server that says itself who grants has said so just now: its connection may have no grant yet. */
static bool may_be_granted(const struct call *call) {
  const struct connector_connection *connection = call->connection;
  return call->grant_version || (connection->connector->oauth && connection->sealed_credential.n == 0);
}

enum credential_renewal credential_renew(struct call *call) {
  struct worker *worker = call->exchange->worker;
  const struct connector_result *result = &call->invocation.result;
  if (call->has_renewed) {
    if (call->lease == LEASE_GIVEN && call->credential) return CREDENTIAL_RENEWED;
    if (call->lease == LEASE_REFUSED && call->error == ERR_UNAVAILABLE) return CREDENTIAL_REFUSED;
    call->error = result->error;
    return CREDENTIAL_NO_OTHER;
  }
  if (!may_be_granted(call)) return CREDENTIAL_NO_OTHER;
  call->has_renewed = true;
  lease_cache_drop(worker->leases, call->connection->policy.id);
  secret_free(call->credential);
  call->credential = NULL;
  return wait_for(call, call->grant_version, result->wants_scope) == STAGE_WAIT ? CREDENTIAL_WAIT : CREDENTIAL_NO_OTHER;
}

/* ---- forgetting ---- */

static void forget(struct loop_task *task) {
  struct worker *worker = (struct worker *)((char *)task - offsetof(struct worker, forget_task));
  atomic_store(&worker->is_forgetting, false);
  if (worker->leases) lease_cache_clear(worker->leases);
}

void credentials_forget(struct server *server) {
  for (unsigned i = 0; i < server->n_workers; i++) {
    struct worker *worker = &server->workers[i];
    if (!worker->has_thread || atomic_exchange(&worker->is_forgetting, true)) continue;
    worker->forget_task.run = forget;
    loop_post(&worker->loop, &worker->forget_task);
  }
}

void credentials_release(struct worker *worker) {
  lease_cache_free(worker->leases);
  worker->leases = NULL;
}
