/* A call whose connection has to be connected again, by the person who made it: their client is asked to show them the
 * link (URL elicitation), where it can. */
#ifndef CONNEK_GATEWAY_RECONNECT_H
#define CONNEK_GATEWAY_RECONNECT_H

#include "gateway/call.h"

/* The call's answer is that question. STAGE_NEXT: its client cannot be asked, or has been just now, and nothing was
 * done. `text` says why, `link` where to. */
enum stage_verdict reconnect_ask(struct call *call, const char *text, struct str link);
/* The call goes on: an answer to our question is not for the one behind us. */
void reconnect_forget_answer(struct call *call);

#endif
