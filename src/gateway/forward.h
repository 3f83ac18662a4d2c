/* A request of a legacy session that is at home at another server goes there as it is, and its answer comes back: over
 * the listener that servers of one installation have for each other (--cluster-listen), which nobody else can speak to
 * (base/channel.h). So what a session has of state is in one place, however its requests are spread.
 *
 * A session whose server has gone is unknown: 404, and its client begins anew (2025-11-25, transports). Where the
 * server is there and does not answer, 503: it may only be a moment. */
#ifndef CONNEK_GATEWAY_FORWARD_H
#define CONNEK_GATEWAY_FORWARD_H

#include "gateway/call.h"

/* Says who the client is, from server to server. */
#define FORWARD_CLIENT "Connek-Client"

/* The exchange's reply is the forwarding's from now on. STAGE_FAIL: it could not be begun. */
enum stage_verdict forward_begin(struct exchange *exchange, const char *address);
/* Of a request that was forwarded to this server: the client's address in place of the other server's. */
void forward_find_client(struct http_exchange *http);

#endif
