/* A thing that is watched: whose it is at the server, what its watcher calls it, and whether the server is asked to
 * tell. Must not know who is told, or how. */
#include <stdlib.h>

#include "base/limits.h"
#include "gateway/task_id.h"
#include "gateway/watch.h"
#include "gateway/worker.h"

/* ---- may it be had? ---- */

static bool is_allowed(const struct org_user *user, enum policy_action_kind kind,
                       const struct connector_connection *connection, struct str name, enum policy_does does) {
  const struct policy_action action = {.kind = kind, .connection = &connection->policy, .name = name, .does = does};
  struct policy_decision decision;
  policy_decide(&user->principal, &action, &decision);
  return decision.effect == POLICY_ALLOW;
}

static bool resource_is_allowed(const struct watched *watched, const struct watcher_sight *sight) {
  const struct connector_connection *connection;
  struct arena scratch;
  struct str uri;
  arena_init(&scratch, 0);
  bool is_there = toolset_find_resource(sight->toolset, &scratch, watched->public_name, &connection, &uri) &&
                  uuid_eq(connection->policy.id, watched->connection_id) && str_eq(uri, watched->name) &&
                  is_allowed(sight->user, POLICY_RESOURCE, connection, uri, DOES_READ);
  arena_release(&scratch);
  return is_there;
}

bool watched_is_allowed(const struct watched *watched, const struct watcher_sight *sight) {
  struct task task;
  if (watched->subject == MCP_SUBJECT_RESOURCE) return resource_is_allowed(watched, sight);
  return task_find(sight->snapshot, sight->connector, watched->connection_id, watched->tool, &task) &&
         is_allowed(sight->user, POLICY_TASK, task.connection, task.tool->name, task.tool->does);
}

/* ---- its life ---- */

/* Best effort: a server that tells nothing has nothing to tell. */
static void subscribe(const struct exchange *exchange, const struct connector_connection *connection,
                      struct watched *watched) {
  struct mcp_upstreams *upstreams = exchange->worker->host.upstreams;
  struct mcp_target *target = upstreams ? mcp_target_of(connection) : NULL;
  struct secret *credential = NULL;
  struct err err;
  if (!target || org_lease_credential(exchange->principal.snapshot, connection, &credential, &err) != ERR_NONE) return;
  if (mcp_subscribe(upstreams, target, credential, watched->subject, watched->name, &err) == ERR_NONE)
    watched->target = mcp_target_ref(target);
  secret_free(credential);
}

static struct str put(char **at, struct str text) {
  struct str copy = str_make(*at, text.n);
  if (text.n) memcpy(*at, text.p, text.n);
  *at += text.n;
  return copy;
}

static struct watched *watched_new(enum mcp_subject subject, struct uuid connection_id, struct str name,
                                   struct str public_name, struct str tool) {
  struct watched *watched = malloc(sizeof(*watched) + name.n + public_name.n + tool.n);
  if (!watched) return NULL;
  char *text = (char *)(watched + 1);
  *watched = (struct watched){.subject = subject, .connection_id = connection_id};
  watched->name = put(&text, name);
  watched->public_name = put(&text, public_name);
  watched->tool = put(&text, tool);
  return watched;
}

struct watched *watched_resource_new(struct exchange *exchange, struct str public_uri) {
  const struct toolset *set = exchange_toolset(exchange);
  const struct connector_connection *connection;
  struct str uri;
  if (!set || public_uri.n > LIMIT_WATCHED_NAME ||
      !toolset_find_resource(set, exchange->arena, public_uri, &connection, &uri) ||
      !is_allowed(exchange->principal.user, POLICY_RESOURCE, connection, uri, DOES_READ))
    return NULL;
  struct watched *watched = watched_new(MCP_SUBJECT_RESOURCE, connection->policy.id, uri, public_uri, STR_NONE);
  bool tells = connection->catalogue && connection->catalogue->has_subscriptions;
  if (watched && tells) subscribe(exchange, connection, watched);
  return watched;
}

struct watched *watched_task_new(struct exchange *exchange, const struct task *task, struct str public_id) {
  struct watched *watched =
      watched_new(MCP_SUBJECT_TASK, task->connection->policy.id, task->id, public_id, task->tool->name);
  if (watched) subscribe(exchange, task->connection, watched);
  return watched;
}

void watched_free(struct worker *worker, struct watched *watched) {
  if (watched->target && worker->host.upstreams)
    mcp_unsubscribe(worker->host.upstreams, watched->target, watched->subject, watched->name);
  mcp_target_unref(watched->target);
  free(watched);
}
