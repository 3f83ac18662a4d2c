/* An organisation as calls see it: one immutable, reference-counted snapshot, swapped whole when something changes.
 * Built on a store thread, read by every worker without a lock. */
#ifndef CONNEK_ORG_SNAPSHOT_H
#define CONNEK_ORG_SNAPSHOT_H

#include <stdatomic.h>

#include "base/map.h"
#include "connector/connector.h"
#include "limit/limit.h"
#include "policy/policy.h"
#include "store/store.h"
#include "vault/vault.h"

struct toolset;

struct org_user {
  struct uuid id;
  struct str email, kind;
  bool is_disabled;
  struct policy_principal principal;
  struct str roles_json;             /* JSON array of the roles' names, for the audit */
  _Atomic(struct toolset *) toolset; /* made on first use, then shared; see toolset.h */
};

/* A tool of the organisation, whoever may see it. */
struct org_tool {
  const struct connector *connector;
  const struct connector_tool *tool;
  struct str json; /* as tools/list shows it where there is no account argument: shared by all users' toolsets */
  uint64_t mark;   /* a digest of it */
};

struct org_prompt {
  const struct connector *connector;
  const struct connector_prompt *prompt;
  struct str json; /* as prompts/list shows it where there is no account argument */
  uint64_t mark;
};

struct org_snapshot {
  atomic_uint references;
  struct arena arena; /* holds everything below */
  struct uuid id;
  struct str name;
  int64_t version;
  struct vault_keys *keys;
  struct org_user *users;
  size_t n_users;
  struct map users_by_id; /* uuid_bytes -> struct org_user */
  struct policy_role *roles;
  size_t n_roles;
  struct connector *connectors; /* those that compile; by id */
  size_t n_connectors;
  const struct org_tool *const *tools; /* of all connectors, by public name */
  size_t n_tools;
  struct map tools_by_name;                /* public name -> struct org_tool */
  const struct org_prompt *const *prompts; /* of all connectors, by public name */
  size_t n_prompts;
  struct map prompts_by_name;               /* public name -> struct org_prompt */
  struct connector_connection *connections; /* by name */
  size_t n_connections;
  struct limit_rate token_rate; /* the organisation's default per access token */
  struct map token_rates;       /* token id (16 bytes) -> struct limit_rate: exceptions */
  const char *problem;          /* why its policy could not be loaded: all is denied; NULL: it was */
  const char *warnings;         /* what is hidden because it is broken, a line each, for the log; NULL: nothing */
};

/* On a store thread. What is broken (a definition that no longer compiles, a rule that cannot be read) never makes more
 * visible: a broken rule or role makes `problem`, a broken connector hides its connections, and so does a connector
 * whose tools' public names are another's already (by id, the later one is hidden). An organisation's own connector
 * stands before the installation's of the same id. ERR_NOT_FOUND: no such organisation. */
enum err_code org_snapshot_load(struct db_tx *tx, const struct vault *vault, struct uuid organisation_id,
                                struct org_snapshot **ret_snapshot, struct err *err) MUST_CHECK;
struct org_snapshot *org_snapshot_ref(struct org_snapshot *snapshot);
void org_snapshot_unref(struct org_snapshot *snapshot); /* frees with the last; NULL is fine */
struct org_user *org_snapshot_user(const struct org_snapshot *snapshot, struct uuid user_id); /* NULL: there is none */

/* A role that is no row: its rules as they would be. All in the arena. ERR_INVALID: one cannot be understood. */
enum err_code org_role_compile(struct arena *arena, const struct role_record *role,
                               const struct access_rule_record *rules, size_t n_rules, struct policy_role *ret_role,
                               struct err *err) MUST_CHECK;

/* Does this connection have the tool (the prompt) of its connector? */
bool org_has_tool(const struct connector_connection *connection, const struct connector_tool *tool);
bool org_has_prompt(const struct connector_connection *connection, const struct connector_prompt *prompt);

/* lease.c: the connection's credential, opened for one use, with what its connector's definition adds: for a process
 * {"environment": {...}}, else as it is stored. *ret_credential NULL: there is none. The caller frees it. */
enum err_code org_lease_credential(const struct org_snapshot *snapshot, const struct connector_connection *connection,
                                   struct secret **ret_credential, struct err *err) MUST_CHECK;

/* Where the current snapshot of one organisation is found: made once, kept as long as the server. */
struct org_slot {
  struct uuid id;
  _Atomic(struct org_snapshot *) current; /* NULL: gone */
};
/* A reference of the caller's own, or NULL. On a worker, within one turn of its loop. */
struct org_snapshot *org_slot_take(struct org_slot *slot);

#endif
