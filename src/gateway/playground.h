/* Calls that are asked for at the API, for a user or a role: the same way through the gateway as anybody's. */
#ifndef CONNEK_GATEWAY_PLAYGROUND_H
#define CONNEK_GATEWAY_PLAYGROUND_H

#include "api/api.h"

/* api_options.call; `context` is the struct worker. */
void playground_call(void *context, struct api_call *call);
/* api_options.node: how this server is; api_options.peers: and the others of its database. From any thread. */
void playground_node(void *context, struct api_node *ret_node);
size_t playground_peers(void *context, struct arena *arena, const struct api_peer **ret_list);

#endif
