/* A reply that becomes a stream, because there is something to say before its result. */
#ifndef CONNEK_GATEWAY_EXCHANGE_STREAM_H
#define CONNEK_GATEWAY_EXCHANGE_STREAM_H

#include "gateway/call.h"

/* Makes the reply a stream, if it is none yet. False: the client takes none. */
bool exchange_stream_open(struct exchange *exchange) MUST_CHECK;
/* By its value of Accept. */
bool exchange_accepts_stream(struct str accept);
/* Begins a stream that is not the exchange's: whoever has it ends it. False: no memory. */
bool exchange_stream_give(struct exchange *exchange, struct event_stream *stream) MUST_CHECK;
/* A JSON-RPC message before the result. `may_drop`: it is left out where the client does not keep up. False: it was not
 * sent. */
bool exchange_send(struct exchange *exchange, struct str message, bool may_drop);
/* The responses, then the end. After this call the exchange may be gone. */
void exchange_stream_finish(struct exchange *exchange);

#endif
