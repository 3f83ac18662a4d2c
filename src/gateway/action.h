/* What an action does while its connector works: what it hands over, what comes back, what is asked of the client
 * meanwhile. */
#ifndef CONNEK_GATEWAY_ACTION_H
#define CONNEK_GATEWAY_ACTION_H

#include "gateway/call.h"
#include "mcp/passed.h"

/* How results and notifications of this call's MCP server become its client's. */
void action_passing(struct call *call, struct mcp_passing *ret_passing);
/* What the client said that it can, in whichever era: an object, or NULL. */
yyjson_val *action_capabilities(const struct call *call);
/* What the client can be asked, and wants to hear. */
void action_client(const struct call *call, struct connector_client *ret_client);
/* connector_call.notify */
void action_notify(struct connector_call *invocation, struct str method, struct str params);

#endif
