/* An authorization request under way (OAuth 2.1, 4.1), between authorize.c, which checks and answers it, and consent.c,
 * which asks the person. For src/signin alone. */
#ifndef CONNEK_SIGNIN_AUTHORIZE_H
#define CONNEK_SIGNIN_AUTHORIZE_H

#include "identity/token.h"
#include "signin/client.h"
#include "signin/person.h"

/* What the user's roles allow in one organisation. */
struct allowance {
  const struct membership_record *membership;
  size_t n_read, n_write, n_destroy;
  struct str connections; /* "ledger, orders", cut where there are many */
};

struct authorize_flow {
  struct client_lookup lookup; /* first: client.c expects it there */
  struct str text;             /* the whole query, as it came */
  struct form asked;
  struct str redirect_uri, state, challenge, resource;
  unsigned scopes; /* asked for */
  const struct allowance *allowances;
  size_t n_allowances;

  /* the person's answer */
  struct uuid user_id;
  unsigned given;
  char code[TOKEN_TEXT_SIZE];
};

/* db_work: where the visitor is somebody, and what they may do there. */
enum err_code consent_load(struct request *request, struct db_tx *tx, struct err *err) MUST_CHECK;
/* Asks. Replies. */
void consent_show(struct request *request, int status);

#endif
