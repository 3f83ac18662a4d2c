/* Whom a server named as granting access to it, and as whom we are known there. Found by discover.c, made known by
 * register.c, and kept sealed: with the state while a person is on the way, then with the tokens that came of it. A
 * refresh token or a client's secret goes to the very addresses that stand beside it there, and nowhere else. */
#ifndef CONNEK_GRANT_AUTHORIZATION_H
#define CONNEK_GRANT_AUTHORIZATION_H

#include "connector/oauth.h"

enum grant_client {
  GRANT_CLIENT_APP,        /* registered by hand: client-app, or the connection's own credential */
  GRANT_CLIENT_DOCUMENT,   /* our client id metadata document */
  GRANT_CLIENT_REGISTERED, /* registered by us (RFC 7591) */
};

struct grant_authorization {
  struct str server;                           /* whose it is: the URL that the definition named then */
  struct str issuer, authorize, token, revoke; /* `revoke` may be empty */
  struct str resource;                         /* or empty: 2025-03-26 knew none */
  struct str scopes;                           /* that were asked for, spaces between */
  enum grant_client known_by;
  struct str client_id, client_secret; /* of GRANT_CLIENT_APP the secret is not kept here */
  enum connector_client_auth client;
  bool requires_iss;
};

/* As a JSON object, into the arena, which then holds a secret. */
enum err_code grant_authorization_write(struct arena *arena, const struct grant_authorization *authorization,
                                        struct str *ret_json, struct err *err) MUST_CHECK;
/* False: `object` is none. Slices into its document. */
bool grant_authorization_read(yyjson_val *object, struct grant_authorization *ret_authorization);
/* `fixed` with what was found filled in. NULL: no memory. */
const struct connector_oauth *grant_authorization_oauth(struct arena *arena, const struct connector_oauth *fixed,
                                                        const struct grant_authorization *authorization);
/* Are all words of `scopes` among those of `known`? Spaces between. */
bool grant_scopes_within(struct str scopes, struct str known);

#endif
