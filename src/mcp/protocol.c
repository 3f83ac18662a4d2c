/* Revisions and their negotiation. Knows nothing of HTTP or of who asks. */
#include "mcp/protocol.h"

static const struct mcp_revision revisions[] = {
    {.name = STR("2026-07-28"), .era = MCP_MODERN},
    {.name = STR("2025-11-25"), .era = MCP_LEGACY, .primes_streams = true, .has_tasks = true},
    {.name = STR("2025-06-18"), .era = MCP_LEGACY, .has_null_ids = true},
    {.name = STR("2025-03-26"), .era = MCP_LEGACY, .has_null_ids = true, .takes_batches = true},
    {.name = STR("2024-11-05"), .era = MCP_LEGACY, .has_null_ids = true},
};

enum { N_REVISIONS = sizeof(revisions) / sizeof(revisions[0]), NEWEST_LEGACY = 1, UNNAMED = 3 };

const struct mcp_revision *mcp_revisions(size_t *ret_n) {
  *ret_n = N_REVISIONS;
  return revisions;
}

const struct mcp_revision *mcp_revision_find(struct str name) {
  for (size_t i = 0; i < N_REVISIONS; i++) {
    if (str_eq(revisions[i].name, name)) return &revisions[i];
  }
  return NULL;
}

const struct mcp_revision *mcp_negotiate(struct str requested) {
  const struct mcp_revision *revision = mcp_revision_find(requested);
  return revision && revision->era == MCP_LEGACY ? revision : &revisions[NEWEST_LEGACY];
}

const struct mcp_revision *mcp_revision_unnamed(void) {
  return &revisions[UNNAMED];
}

struct str mcp_revisions_json(void) {
  return STR("[\"2026-07-28\",\"2025-11-25\",\"2025-06-18\",\"2025-03-26\",\"2024-11-05\"]");
}
