/* Until upstreams can be subscribed to. */
#include "connector/mcp/upstream.h"

__attribute__((weak)) enum err_code mcp_subscribe(struct mcp_upstreams *upstreams, struct mcp_target *target,
                                                  const struct secret *credential, struct str uri, struct err *err) {
  return err_set(err, ERR_UNAVAILABLE, "MCP servers cannot be subscribed to yet");
}

__attribute__((weak)) void mcp_unsubscribe(struct mcp_upstreams *upstreams, struct mcp_target *target, struct str uri) {
}
