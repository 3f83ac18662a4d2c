/* What MCP servers behind us say of themselves (their `instructions`), as an admin accepted it: it follows what we say
 * of ourselves, each under the names of the connections that it is about, of those alone that this request sees. */
#ifndef CONNEK_GATEWAY_INSTRUCTIONS_H
#define CONNEK_GATEWAY_INSTRUCTIONS_H

#include "gateway/call.h"

/* Cut at LIMIT_INSTRUCTIONS_EACH, and left out beyond LIMIT_INSTRUCTIONS. Empty: nothing, or no memory. In the
 * request's arena. */
struct str instructions_of(struct exchange *exchange);

#endif
