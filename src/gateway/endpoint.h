/* What the listeners serve: paths to handlers. */
#ifndef CONNEK_GATEWAY_ENDPOINT_H
#define CONNEK_GATEWAY_ENDPOINT_H

#include "net/http_server.h"

/* For http_server_options; the context is the struct worker. */
void endpoint_on_request(struct http_exchange *exchange, void *context);
bool endpoint_on_head(struct http_exchange *exchange, void *context, struct http_reply *ret_refusal);
/* The same at the listener of the other servers, for what they forward: of the MCP endpoint alone, whose head they have
 * looked at. */
void endpoint_on_forwarded_request(struct http_exchange *exchange, void *context);

/* The admin listener: health and metrics; the context is the struct server. On the main loop. */
void endpoint_on_admin_request(struct http_exchange *exchange, void *context);

#endif
