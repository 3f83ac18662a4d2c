/* Revisions and their negotiation. Knows nothing of HTTP or of who asks. */
#include "mcp/protocol.h"

static const struct mcp_revision revisions[] = {
    {STR("2026-07-28"), MCP_MODERN, false}, {STR("2025-11-25"), MCP_LEGACY, false},
    {STR("2025-06-18"), MCP_LEGACY, false}, {STR("2025-03-26"), MCP_LEGACY, true},
    {STR("2024-11-05"), MCP_LEGACY, false},
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
