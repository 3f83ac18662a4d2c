/* Messages over HTTP+SSE, the transport of 2024-11-05. */
#include "connector/mcp/home.h"

void mcp_sse_open(struct mcp_upstream *upstream) {
  mcp_era_failed(upstream, ERR_UPSTREAM, "not yet");
}
