/* Rates where several servers share a database: calls that wait until the bucket of their access token has been asked,
 * and what is asked for ahead. One ask at a time for a token and worker; who comes meanwhile is asked for together with
 * the next one. */
#ifndef CONNEK_GATEWAY_LIMIT_WAIT_H
#define CONNEK_GATEWAY_LIMIT_WAIT_H

#include "gateway/call.h"

/* STAGE_NEXT: the call may go on. STAGE_WAIT: call_run comes when it is known, and this is asked again. STAGE_FAIL:
 * call->failure. */
enum stage_verdict limit_share_call(struct call *call, struct limit_rate rate);
/* On the worker's loop, as it ends: nobody waits any more. */
void limit_waits_free(struct worker *worker);

/* stage_limit_principal.c: STAGE_FAIL, for a call over its rate. `token` may be NULL: it is not there any more. */
enum stage_verdict limit_refuse(struct call *call, struct limit_rate rate, int64_t retry_us, struct token_entry *token);

#endif
