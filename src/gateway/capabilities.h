/* What a user's server can: of what is announced, nothing is missing, and nothing else is there. */
#ifndef CONNEK_GATEWAY_CAPABILITIES_H
#define CONNEK_GATEWAY_CAPABILITIES_H

#include "gateway/call.h"
#include "mcp/result.h"

/* Of the tools, prompts and resources that this request sees, as clients of an era have them. False: no memory. */
bool capabilities_of(struct exchange *exchange, enum mcp_era era, struct mcp_capabilities *ret_capabilities) MUST_CHECK;
/* A method that belongs to a capability which this user's server lacks is no method of it. */
bool capabilities_have(struct exchange *exchange, enum mcp_era era, struct str method) MUST_CHECK;

#endif
