/* A set while it is made, between the files that make it. For src/org alone. */
#ifndef CONNEK_ORG_TOOLSET_MAKING_H
#define CONNEK_ORG_TOOLSET_MAKING_H

#include "org/toolset.h"

/* Arrays are as long as the snapshot's own. */
struct toolset_making {
  const struct org_snapshot *snapshot;
  const struct org_user *user;
  struct toolset *set;
  struct arena scratch;
  bool *is_usable;  /* of connections: for anything at all; NULL: nothing is */
  size_t *n_usable; /* of connectors: their usable connections */
  struct toolset_tool *tools;
  struct toolset_prompt *prompts;
};

void toolset_mark_usable(struct toolset_making *making, size_t connection);
/* Has the user several connections of it? Known when all has been added. */
bool toolset_wants_account(const struct toolset_making *making, const struct connector *connector);
uint64_t toolset_mix(uint64_t mark, uint64_t more);

/* toolset_served.c: what MCP servers alone have. False: no memory. `connector` empty: all. */
bool toolset_add_prompts(struct toolset_making *making, struct str connector) MUST_CHECK;
bool toolset_add_resources(struct toolset_making *making, struct str connector) MUST_CHECK;
bool toolset_finish_prompts(struct toolset_making *making) MUST_CHECK;

/* connek://connection/NAME/ and the URI (the template), percent-encoded. STR_NONE: no memory. */
struct str toolset_own_uri(struct arena *arena, const struct connector_connection *connection, struct str uri);

#endif
