/* A consent under way, between consent.c and account.c. Nobody else includes it. */
#ifndef CONNEK_GRANT_CONSENT_H
#define CONNEK_GRANT_CONSENT_H

#include "grant/discover.h"
#include "grant/inner.h"

struct consent_run {
  struct db_job db_job; /* first */
  struct grant_keeper *keeper;
  struct grant_consent *consent;
  struct arena *arena; /* the consent's: it holds secrets */
  struct grant_subject subject;
  bool has_subject;
  uint8_t link[32];
  struct grant_parameters callback; /* parameters, decoded */
  struct str code, verifier;
  struct grant_parameters sent; /* to the token endpoint */
  struct str authorization;     /* JSON: what was found out about the server; or empty (consent_find.c) */
  struct grant_discovery discovery;
  struct grant_authorization found;
  bool was_sent;
  struct http_transfer *transfer;
  struct grant_answer answer;
  struct str captured; /* JSON object */
  char choice_link[GRANT_TOKEN_SIZE];
  char state[GRANT_TOKEN_SIZE];   /* once it is made */
  struct str token, token_secret; /* OAuth 1.0a: of the request, then of the access; empty: it is another way */
};

/* Each ends the run: the browser is told, and `run` is gone. */
void consent_end(struct consent_run *run);
void consent_fail(struct consent_run *run, const struct err *err);
void consent_fail_with(struct consent_run *run, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);
/* Stores what the run has; then it ends. */
void consent_store(struct consent_run *run);
/* consent_find.c: asks the server who grants access to it, and makes us known there; goes on with consent_send, or
 * ends. */
void consent_find(struct consent_run *run);
/* Makes a state, and ends with the address to send the browser to. */
void consent_send(struct consent_run *run);
/* Fills run->state; consent_send does where it is empty. */
void consent_make_state(struct consent_run *run);
/* oauth1.c: gets a request token; goes on with consent_send, or ends. */
void consent_request_token(struct consent_run *run);
/* oauth1.c: gets the access; goes on with consent_store, or ends. `token` and `verifier` came with the browser. */
void consent_exchange_token(struct consent_run *run, struct str token, struct str verifier);
/* account.c: asks which accounts there are; goes on with consent_store, or ends. */
void consent_discover(struct consent_run *run, struct str access_token);

#endif
