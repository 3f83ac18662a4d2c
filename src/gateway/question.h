/* What is asked of a legacy client while its call runs (elicitation, sampling, roots): JSON-RPC requests on the call's
 * stream. The answers are POSTs of their own and may arrive at any worker: a request's id names worker and question,
 * and nobody can guess it. Modern clients are asked by the call's result instead (request_state.h). */
#ifndef CONNEK_GATEWAY_QUESTION_H
#define CONNEK_GATEWAY_QUESTION_H

#include "gateway/call.h"

/* Asks for all of `requests` (MCP's InputRequests, JSON). STAGE_WAIT: call_run is called when all is answered;
 * STAGE_NEXT: it is already, with errors, since the client can be asked nothing of it; STAGE_FAIL: no memory, or it is
 * nothing that can be asked. */
enum stage_verdict question_ask(struct call *call, struct str requests);
bool question_is_open(const struct call *call);
/* The answers as MCP's InputResponses; {"error"} where there was one (connector.h). NULL: no memory. */
yyjson_val *question_answers(struct call *call);
/* The call is no longer interested: its client cancelled, or it ends. The first answers what is open with an error and
 * goes on in a later turn. */
void question_give_up(struct call *call);
void question_forget(struct call *call);
/* A response came from a client: to whom is it? Unknown ones are passed over. */
void question_take_answer(struct exchange *exchange, const struct jsonrpc_message *message);

#endif
