/* What one user's assistant sees: every tool that policy allows on at least one connection, in order of public name.
 * Made once per snapshot and user, immutable, shared by workers. Several connections of one connector are one set of
 * tools with a required `account` argument ("connection" where the tool has an `account` of its own); where the user
 * may use one connection of the connector alone, there is none. */
#ifndef CONNEK_ORG_TOOLSET_H
#define CONNEK_ORG_TOOLSET_H

#include "org/snapshot.h"

struct toolset_tool {
  const struct connector_tool *tool;
  const struct connector *connector;
  const struct connector_connection *const *connections; /* allowed ones, by name; none for self/ */
  size_t n_connections;
  /* "account"; "connection" where the tool has an `account` of its own, "connek_connection" where it has both; NULL:
   * there is none */
  const char *account_argument;
  struct str json; /* as tools/list shows it: {"name","title"?,"description","inputSchema","annotations"} */
  uint64_t mark;   /* a digest of that */
};

/* A prompt of an MCP server; its connections and account argument are a tool's. */
struct toolset_prompt {
  const struct connector_prompt *prompt;
  const struct connector *connector;
  const struct connector_connection *const *connections;
  size_t n_connections;
  const char *account_argument;
  struct str json; /* as prompts/list shows it */
  uint64_t mark;
};

/* A resource, or a template, of one connection. Its URI is the upstream's own, unless two connections that this user
 * may read have the same: then all of them are connek://connection/NAME/ and the upstream's URI, percent-encoded. */
struct toolset_resource {
  const struct connector_connection *connection;
  const struct connector_resource *resource;
  struct str public_uri; /* or the public template */
  struct str json;       /* as resources/list (resources/templates/list) shows it */
  uint64_t mark;
};

struct toolset {
  struct arena arena;
  const struct toolset_tool *tools; /* by public name */
  size_t n_tools;
  const struct toolset_prompt *prompts; /* by public name */
  size_t n_prompts;
  const struct toolset_resource *resources; /* by public URI */
  size_t n_resources;
  const struct toolset_resource *templates; /* by public template */
  size_t n_templates;
  /* Digests of what each list shows (resources: with templates): two sets of one process with the same one show the
   * same. */
  uint64_t tools_mark, prompts_mark, resources_mark;
  struct map by_name;             /* public name -> struct toolset_tool */
  struct connector_caller caller; /* for self/ */
};

/* Empty for a disabled user, and where the policy could not be loaded: self/ tools are gone then as well.
 *
 * `connector`: only that connector's tools (/mcp/<token>/<connector>), not cached by the user: the caller frees it.
 * NULL: no memory. */
struct toolset *toolset_make(const struct org_snapshot *snapshot, const struct org_user *user, struct str connector);
void toolset_free(struct toolset *toolset);
/* The user's whole set, made at first use. Valid as long as the snapshot. NULL: no memory. */
const struct toolset *toolset_of(const struct org_snapshot *snapshot, struct org_user *user);
const struct toolset_tool *toolset_find(const struct toolset *toolset, struct str public_name);

const struct toolset_prompt *toolset_find_prompt(const struct toolset *toolset, struct str public_name);
/* Is it one of the template's, and spelt as nothing else is? For URIs of the server's own. */
bool toolset_uri_fits(struct arena *arena, struct str template, struct str uri);
/* The connection that a public URI means, and the URI there: one that is listed, or one that fits a template, of which
 * the caller must still ask policy. Of several templates the first in order. URIs that another spelling could be of
 * what a rule forbids (dot segments, needless escapes, braces) fit no template. False: none that this user may read.
 * `ret_uri` is in the arena, or the caller's own text. */
bool toolset_find_resource(const struct toolset *toolset, struct arena *arena, struct str public_uri,
                           const struct connector_connection **ret_connection, struct str *ret_uri) MUST_CHECK;
const struct toolset_resource *toolset_find_template(const struct toolset *toolset, struct str public_template);
/* Is anything of this connection in it? */
bool toolset_has_connection(const struct toolset *toolset, struct uuid connection_id);
/* A connection's own URI as this user sees it: for results and notifications of it. In the arena, or `uri` itself. */
struct str toolset_public_uri(const struct toolset *toolset, struct arena *arena,
                              const struct connector_connection *connection, struct str uri);

/* May it be called? Of a tool without connections (self/). `kind`: the user's; STR_NONE: only the rules are asked. */
void toolset_decide_own(const struct policy_principal *principal, struct str kind, const struct connector *connector,
                        const struct connector_tool *tool, struct policy_decision *ret_decision);

/* Why a name is not in the set, for the record and the answer. */
enum toolset_absence { TOOLSET_UNKNOWN, TOOLSET_DENIED };
/* Looks in all of the organisation's connectors; where it is one that the user may not call, tells the tool, a
 * connection of it and the decision. Unknown as well: where the connector has no connection but other people's
 * personal ones, and where the user may call the tool (it was looked for in another connector's set). The decision is
 * never POLICY_ALLOW. */
struct toolset_denial {
  const struct connector_tool *tool;
  const struct connector_connection *connection; /* or NULL: the connector has none */
  struct policy_decision decision;
};
enum toolset_absence toolset_why_absent(const struct org_snapshot *snapshot, const struct org_user *user,
                                        struct str public_name, struct toolset_denial *ret_denial);

#endif
