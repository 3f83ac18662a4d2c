/* Placeholders until upstreams are there. */
#include "connector/mcp/mcp.h"

__attribute__((weak)) void mcp_invoke(struct connector_call *call) {
  connector_fail(call, ERR_UNAVAILABLE, "MCP servers cannot be called yet.");
  call->done(call);
}
__attribute__((weak)) void mcp_cancel(struct connector_call *call) {}
__attribute__((weak)) void mcp_listing_free(struct mcp_listing *listing) {}
__attribute__((weak)) enum err_code mcp_list(struct mcp_upstreams *upstreams, struct mcp_target *target,
                                             const struct secret *credential, mcp_listed done, void *context,
                                             struct err *err) {
  return err_set(err, ERR_UNAVAILABLE, "MCP servers cannot be asked yet");
}
__attribute__((weak)) void mcp_upstreams_drop(struct mcp_upstreams *upstreams, struct uuid connection_id) {}
