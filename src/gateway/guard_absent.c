/* A prompt or a resource that the user's set lacks: is it there for others, so that the record and the answer say that
 * it was denied? Other people's personal connections are as unknown as what nobody has. */
#include "gateway/guard.h"

static bool is_others(const struct call *call, const struct connector_connection *connection) {
  struct uuid owner = connection->policy.owner_user_id;
  return !uuid_is_nil(owner) && !uuid_eq(owner, call->exchange->principal.user->id);
}

static bool is_denied(const struct call *call, const struct connector_connection *connection,
                      enum policy_action_kind kind, struct str name, struct guard_absence *ret_absence) {
  const struct org_user *user = call->exchange->principal.user;
  struct policy_action action = {.kind = kind, .connection = &connection->policy, .name = name, .does = DOES_READ};
  policy_decide(&user->principal, &action, &ret_absence->decision);
  ret_absence->connection = connection;
  return ret_absence->decision.effect != POLICY_ALLOW;
}

bool guard_prompt_is_denied(const struct call *call, struct str public_name, struct guard_absence *ret_absence) {
  const struct org_snapshot *snapshot = call->exchange->principal.snapshot;
  for (size_t i = 0; i < snapshot->n_connections; i++) {
    const struct connector_connection *connection = &snapshot->connections[i];
    const struct connector_catalogue *catalogue = connection->catalogue;
    if (!catalogue || is_others(call, connection)) continue;
    for (size_t j = 0; j < catalogue->n_prompts; j++) {
      if (str_eq(catalogue->prompts[j]->public_name, public_name) &&
          is_denied(call, connection, POLICY_PROMPT, catalogue->prompts[j]->name, ret_absence))
        return true;
    }
  }
  return false;
}

/* Listed, a template itself, or what fits one. */
static bool has_resource(const struct call *call, const struct connector_catalogue *catalogue, struct str uri) {
  for (size_t i = 0; i < catalogue->n_resources; i++)
    if (str_eq(catalogue->resources[i].uri, uri)) return true;
  for (size_t i = 0; i < catalogue->n_templates; i++) {
    struct str template = catalogue->templates[i].uri;
    if (str_eq(template, uri) || toolset_uri_fits(call->exchange->arena, template, uri)) return true;
  }
  return false;
}

bool guard_resource_is_denied(const struct call *call, struct str uri, struct guard_absence *ret_absence) {
  const struct org_snapshot *snapshot = call->exchange->principal.snapshot;
  for (size_t i = 0; i < snapshot->n_connections; i++) {
    const struct connector_connection *connection = &snapshot->connections[i];
    const struct connector_catalogue *catalogue = connection->catalogue;
    if (!catalogue || is_others(call, connection)) continue;
    if (!has_resource(call, catalogue, uri)) continue;
    if (is_denied(call, connection, POLICY_RESOURCE, uri, ret_absence)) return true;
  }
  return false;
}
