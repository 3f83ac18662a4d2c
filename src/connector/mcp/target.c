/* The life of a target: how an MCP server is reached. Must not know what is said to it. */
#include "connector/mcp/target.h"

#include <stdlib.h>

struct mcp_target *mcp_target_new(void) {
  struct mcp_target *target = calloc(1, sizeof(*target));
  if (!target) return NULL;
  atomic_init(&target->references, 1);
  arena_init(&target->arena, 0);
  return target;
}

struct mcp_target *mcp_target_ref(struct mcp_target *target) {
  atomic_fetch_add_explicit(&target->references, 1, memory_order_relaxed);
  return target;
}

void mcp_target_unref(struct mcp_target *target) {
  if (!target || atomic_fetch_sub_explicit(&target->references, 1, memory_order_acq_rel) != 1) return;
  arena_release(&target->arena);
  free(target);
}

struct mcp_target *mcp_target_of(const struct connector_connection *connection) {
  return (struct mcp_target *)(uintptr_t)connection->state;
}
