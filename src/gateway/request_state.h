/* requestState: what a client of the modern era brings back when it has answered what it was asked (2026-07-28,
 * multi round-trip requests). Ours is an envelope around the MCP server's own: sealed for this user, good for the same
 * request (method, name, arguments) on the same connection, for LIMIT_INPUT_MS. */
#ifndef CONNEK_GATEWAY_REQUEST_STATE_H
#define CONNEK_GATEWAY_REQUEST_STATE_H

#include "gateway/call.h"

/* Once it is known what the call means: fills call->state. False: there is no such state, or
 * it is another request's, another connection's, another person's, or too old. True as well where there is none. */
bool request_state_open(struct call *call) MUST_CHECK;
/* inputResponses, with or without a state. False: malformed. */
bool request_state_responses(struct call *call) MUST_CHECK;
/* The envelope around `state`. STR_NONE: no memory, or too long. */
struct str request_state_seal(const struct call *call, struct str state);

#endif
