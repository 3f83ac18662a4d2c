/* One user's tools, made from a snapshot. Must not know protocols, sessions or calls; what may be seen is
 * policy_decide's answer alone. */
#include "org/toolset.h"

#include <stdlib.h>

#include "base/limits.h"
#include "org/tool_json.h"
#include "org/toolset_making.h"

static size_t connector_index(const struct org_snapshot *snapshot, const struct connector *connector) {
  return (size_t)(connector - snapshot->connectors);
}

void toolset_mark_usable(struct toolset_making *making, size_t connection) {
  const struct connector *connector = making->snapshot->connections[connection].connector;
  if (!making->is_usable[connection]) making->n_usable[connector_index(making->snapshot, connector)]++;
  making->is_usable[connection] = true;
}

bool toolset_wants_account(const struct toolset_making *making, const struct connector *connector) {
  return making->n_usable[connector_index(making->snapshot, connector)] >= 2;
}

uint64_t toolset_mix(uint64_t mark, uint64_t more) {
  return (mark ^ more) * UINT64_C(0x100000001b3) + 1; /* order counts */
}

static bool may_use(const struct org_user *user, const struct connector_connection *connection,
                    const struct connector_tool *tool, struct policy_decision *ret_decision) {
  struct policy_action action = {
      .kind = POLICY_TOOL, .connection = &connection->policy, .name = tool->name, .does = tool->does};
  policy_decide(&user->principal, &action, ret_decision);
  return ret_decision->effect == POLICY_ALLOW; /* what needs asking is not there yet */
}

static bool is_kind_of(struct str kinds, struct str kind) {
  while (kinds.n > 0)
    if (str_eq(str_cut(&kinds, ' '), kind)) return true;
  return false;
}

void toolset_decide_own(const struct policy_principal *principal, struct str kind, const struct connector *connector,
                        const struct connector_tool *tool, struct policy_decision *ret_decision) {
  const struct policy_connection none = {.name = connector->id, .connector = connector->id};
  const struct policy_action action = {
      .kind = POLICY_TOOL, .connection = &none, .name = tool->name, .does = tool->does};
  *ret_decision = (struct policy_decision){.effect = POLICY_DENY, .reason = POLICY_NO_PERMISSION};
  if (!principal->is_loaded)
    ret_decision->reason = POLICY_NOT_LOADED;
  else if (tool->kinds.n == 0)
    *ret_decision = (struct policy_decision){.effect = POLICY_ALLOW, .reason = POLICY_OWN};
  else if (!kind.p || is_kind_of(tool->kinds, kind))
    policy_decide(principal, &action, ret_decision);
}

static bool has_own(const struct org_user *user, const struct org_tool *tool) {
  struct policy_decision decision;
  toolset_decide_own(&user->principal, user->kind, tool->connector, tool->tool, &decision);
  return decision.effect == POLICY_ALLOW;
}

/* The connections on which the tool is allowed. False: no memory. */
static bool add_tool(struct toolset_making *making, const struct org_tool *tool) {
  const struct org_snapshot *snapshot = making->snapshot;
  const struct connector_connection **allowed = NULL;
  size_t n = 0;
  for (size_t i = 0; tool->connector->kind->needs_rule && i < snapshot->n_connections; i++) {
    const struct connector_connection *connection = &snapshot->connections[i];
    struct policy_decision decision;
    if (connection->connector != tool->connector || !org_has_tool(connection, tool->tool)) continue;
    if (!may_use(making->user, connection, tool->tool, &decision)) continue;
    if (!allowed)
      allowed = arena_new_n(&making->set->arena, const struct connector_connection *, snapshot->n_connections - i);
    if (!allowed) return false;
    allowed[n++] = connection;
    toolset_mark_usable(making, i);
  }
  if (n == 0 && (tool->connector->kind->needs_rule || !has_own(making->user, tool))) return true;
  making->tools[making->set->n_tools++] = (struct toolset_tool){.tool = tool->tool,
                                                                .connector = tool->connector,
                                                                .connections = allowed,
                                                                .n_connections = n,
                                                                .json = tool->json,
                                                                .mark = tool->mark};
  return true;
}

/* Only now is it known how many connections of its connector the user has. ERR_NONE, or no memory. */
static bool add_account(struct toolset_making *making, struct toolset_tool *tool, struct buf *out) {
  tool->account_argument = tool_json_account_argument(tool->tool);
  if (!tool->account_argument) return true;
  buf_clear(out);
  tool_json_write(out, tool->connector, tool->tool, tool->account_argument, tool->connections, tool->n_connections);
  if (buf_failed(out)) return false;
  tool->json = arena_str(&making->set->arena, buf_str(out));
  tool->mark = str_hash(tool->json);
  return tool->json.p != NULL;
}

/* Takes out what has several connections but no argument to choose by (all names are taken). */
static bool finish_tools(struct toolset_making *making) {
  struct buf out;
  bool is_done = true;
  size_t n = 0;
  buf_init(&out, NULL, LIMIT_JSON_FILE);
  for (size_t i = 0; i < making->set->n_tools && is_done; i++) {
    struct toolset_tool tool = making->tools[i];
    if (toolset_wants_account(making, tool.connector)) {
      is_done = add_account(making, &tool, &out);
      if (!tool.account_argument) continue;
    }
    making->tools[n++] = tool;
    making->set->tools_mark = toolset_mix(making->set->tools_mark, tool.mark);
  }
  buf_release(&out);
  making->set->n_tools = n;
  for (size_t i = 0; i < n && is_done; i++) {
    is_done = map_put(&making->set->by_name, making->tools[i].tool->public_name, &making->tools[i]) == ERR_NONE;
  }
  return is_done;
}

static bool make_tools(struct toolset_making *making, struct str connector) {
  const struct org_snapshot *snapshot = making->snapshot;
  struct arena *scratch = &making->scratch;
  if (making->user->is_disabled || !making->user->principal.is_loaded || snapshot->n_connectors == 0) return true;
  making->is_usable = arena_new_n(scratch, bool, snapshot->n_connections + 1);
  making->n_usable = arena_new_n(scratch, size_t, snapshot->n_connectors);
  making->tools = arena_new_n(scratch, struct toolset_tool, snapshot->n_tools + 1);
  if (!making->is_usable || !making->n_usable || !making->tools) return false;
  for (size_t i = 0; i < snapshot->n_tools; i++) {
    if (connector.n > 0 && !str_eq(snapshot->tools[i]->connector->id, connector)) continue;
    if (!add_tool(making, snapshot->tools[i])) return false;
  }
  struct toolset *set = making->set;
  if (!toolset_add_prompts(making, connector) || !toolset_add_resources(making, connector)) return false;
  if (set->n_tools == 0) return true;
  making->tools = arena_memdup(&set->arena, making->tools, set->n_tools * sizeof(making->tools[0]));
  set->tools = making->tools;
  return making->tools && finish_tools(making);
}

static bool make_caller_tools(const struct toolset *set, struct arena *arena, struct connector_caller *caller) {
  struct connector_caller_tool *tools = arena_new_n(arena, struct connector_caller_tool, set->n_tools);
  if (!tools) return false;
  for (size_t i = 0; i < set->n_tools; i++) {
    const struct connector_tool *tool = set->tools[i].tool;
    tools[i] = (struct connector_caller_tool){tool->public_name, tool->description, tool->does};
  }
  caller->tools = tools;
  caller->n_tools = set->n_tools;
  return true;
}

static bool make_caller_connections(const struct toolset_making *making, struct arena *arena,
                                    struct connector_caller *caller) {
  const struct org_snapshot *snapshot = making->snapshot;
  struct connector_caller_connection *list =
      arena_new_n(arena, struct connector_caller_connection, snapshot->n_connections);
  if (!list) return false;
  for (size_t i = 0; i < snapshot->n_connections; i++) {
    const struct connector_connection *connection = &snapshot->connections[i];
    if (!making->is_usable[i]) continue;
    list[caller->n_connections++] =
        (struct connector_caller_connection){.name = connection->policy.name,
                                             .connector_id = connection->connector->id,
                                             .connector_name = connection->connector->name,
                                             .labels = connection->policy.labels,
                                             .n_labels = connection->policy.n_labels,
                                             .is_personal = !uuid_is_nil(connection->policy.owner_user_id)};
  }
  caller->connections = list;
  return true;
}

static bool make_caller(const struct toolset_making *making) {
  struct toolset *set = making->set;
  const struct policy_principal *principal = &making->user->principal;
  struct connector_caller *caller = &set->caller;
  caller->organisation_id = making->snapshot->id;
  caller->user_id = making->user->id;
  caller->organisation = making->snapshot->name;
  caller->email = making->user->email;
  caller->kind = making->user->kind;
  if (principal->n_roles > 0) {
    struct str *roles = arena_new_n(&set->arena, struct str, principal->n_roles);
    if (!roles) return false;
    for (size_t i = 0; i < principal->n_roles; i++)
      roles[i] = principal->roles[i]->name;
    caller->roles = roles;
    caller->n_roles = principal->n_roles;
  }
  if (set->n_tools > 0 && !make_caller_tools(set, &set->arena, caller)) return false;
  return !making->is_usable || making->snapshot->n_connections == 0 ||
         make_caller_connections(making, &set->arena, caller);
}

struct toolset *toolset_make(const struct org_snapshot *snapshot, const struct org_user *user, struct str connector) {
  struct toolset *set = calloc(1, sizeof(*set));
  if (!set) return NULL;
  arena_init(&set->arena, 0);
  map_init(&set->by_name);
  struct toolset_making making = {.snapshot = snapshot, .user = user, .set = set};
  arena_init(&making.scratch, 0);
  bool is_made = make_tools(&making, connector) && toolset_finish_prompts(&making) && make_caller(&making);
  arena_release(&making.scratch);
  if (is_made) return set;
  toolset_free(set);
  return NULL;
}

void toolset_free(struct toolset *toolset) {
  if (!toolset) return;
  map_release(&toolset->by_name);
  arena_release(&toolset->arena);
  free(toolset);
}

const struct toolset *toolset_of(const struct org_snapshot *snapshot, struct org_user *user) {
  struct toolset *set = atomic_load_explicit(&user->toolset, memory_order_acquire);
  if (set) return set;
  set = toolset_make(snapshot, user, STR_NONE);
  if (!set) return NULL;
  struct toolset *first = NULL;
  if (atomic_compare_exchange_strong_explicit(&user->toolset, &first, set, memory_order_acq_rel,
                                              memory_order_acquire)) {
    return set;
  }
  toolset_free(set); /* another worker was first */
  return first;
}

const struct toolset_tool *toolset_find(const struct toolset *toolset, struct str public_name) {
  return map_get(&toolset->by_name, public_name);
}

static bool is_others(const struct connector_connection *connection, const struct org_user *user) {
  return !uuid_is_nil(connection->policy.owner_user_id) && !uuid_eq(connection->policy.owner_user_id, user->id);
}

enum toolset_absence toolset_why_absent(const struct org_snapshot *snapshot, const struct org_user *user,
                                        struct str public_name, struct toolset_denial *ret_denial) {
  const struct org_tool *tool = map_get(&snapshot->tools_by_name, public_name);
  if (!tool) return TOOLSET_UNKNOWN;
  struct toolset_denial denial = {.tool = tool->tool};
  bool may_none = user->is_disabled || !user->principal.is_loaded;
  struct policy_decision not_loaded = {.effect = POLICY_DENY, .reason = POLICY_NOT_LOADED};
  if (!tool->connector->kind->needs_rule) {
    toolset_decide_own(&user->principal, user->kind, tool->connector, tool->tool, &denial.decision);
    bool is_allowed = denial.decision.effect == POLICY_ALLOW;
    if (is_allowed && !may_none) return TOOLSET_UNKNOWN;
    if (is_allowed) denial.decision = not_loaded;
    *ret_denial = denial;
    return TOOLSET_DENIED;
  }
  for (size_t i = 0; i < snapshot->n_connections; i++) {
    const struct connector_connection *connection = &snapshot->connections[i];
    struct policy_decision decision;
    if (connection->connector != tool->connector || is_others(connection, user)) continue;
    if (!org_has_tool(connection, tool->tool)) continue;
    bool is_allowed = may_use(user, connection, tool->tool, &decision);
    if (is_allowed && !may_none) return TOOLSET_UNKNOWN;
    if (denial.connection && decision.reason != POLICY_SWITCHED_OFF) continue; /* nothing else stood in the way */
    denial.connection = connection;
    denial.decision = is_allowed ? not_loaded : decision;
  }
  if (!denial.connection) return TOOLSET_UNKNOWN;
  *ret_denial = denial;
  return TOOLSET_DENIED;
}
