/* The parts of the kind "mcp". For src/connector/mcp alone. */
#ifndef CONNEK_CONNECTOR_MCP_MCP_H
#define CONNEK_CONNECTOR_MCP_MCP_H

#include "connector/mcp/target.h"

/* invoke.c: the kind's `invoke` and `cancel`. The connection's state is its target (mcp_target_of). */
void mcp_invoke(struct connector_call *call);
void mcp_cancel(struct connector_call *call);

#endif
