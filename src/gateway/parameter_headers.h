/* Mcp-Param-* fields: what an MCP server's tool wants repeated beside the body (2026-07-28, transports, Custom Headers
 * from Tool Parameters). */
#ifndef CONNEK_GATEWAY_PARAMETER_HEADERS_H
#define CONNEK_GATEWAY_PARAMETER_HEADERS_H

#include "gateway/call.h"

/* For a tool that has been found, with its arguments as they came. False: one is missing, malformed or differs. */
bool parameter_headers_match(const struct call *call, struct err *err) MUST_CHECK;

#endif
