/* /connect/<link>: a person connects one account, by the service's consent page, which sends them back to
 * /oauth/callback. */
#ifndef CONNEK_GATEWAY_CONNECT_H
#define CONNEK_GATEWAY_CONNECT_H

#include "net/http_server.h"

struct worker;

void connect_serve_link(struct worker *worker, struct http_exchange *http);
void connect_serve_callback(struct worker *worker, struct http_exchange *http);
/* /client-metadata.json: as whom we go to the authorization servers of MCP servers (grant/register.h). */
void connect_serve_document(struct worker *worker, struct http_exchange *http);

#endif
