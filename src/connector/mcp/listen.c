/* The stream of what an upstream says unasked. */
#include "connector/mcp/home.h"

void mcp_listen_begin(struct mcp_upstream *upstream) {}

void mcp_listen_end(struct mcp_upstream *upstream) {}
