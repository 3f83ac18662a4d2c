/* A call's credential: kept opened on its worker for a short time, else opened here, else asked of the keeper of
 * grants; calls that ask for the same one meanwhile wait together. */
#ifndef CONNEK_GATEWAY_CREDENTIAL_H
#define CONNEK_GATEWAY_CREDENTIAL_H

#include "gateway/call.h"

struct credential_wait;
struct server;

/* STAGE_NEXT: call->credential is there (or NULL: none is needed). STAGE_WAIT: call_run comes when it has. STAGE_DONE,
 * STAGE_FAIL: the call has its answer. */
enum stage_verdict credential_lease(struct call *call);
/* The service has just refused the token that was sent: asks for another. */
enum credential_renewal {
  CREDENTIAL_NO_OTHER, /* there is none to be had: what the service said stands */
  CREDENTIAL_WAIT,     /* call_run comes when it is known */
  CREDENTIAL_RENEWED,  /* another is in call->credential */
  CREDENTIAL_REFUSED,  /* and it is known why there is none: credential_refuse says it */
};
enum credential_renewal credential_renew(struct call *call);
/* The call's answer is why it has no credential: STAGE_DONE or STAGE_FAIL. */
enum stage_verdict credential_refuse(struct call *call);
/* Ends the wait of a call that is cancelled; call_run comes later, never from within. */
void credential_give_up(struct call *call);
/* Wipes all that workers keep opened, before whoever changed something is told that it is done. From the main loop. */
void credentials_forget(struct server *server);
/* On the worker's loop, as it ends. */
void credentials_release(struct worker *worker);

#endif
