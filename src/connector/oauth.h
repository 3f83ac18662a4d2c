/* How a service grants access to a connection, with the connection's settings filled in: what src/grant needs of a
 * definition to get a token and to keep it fresh. Kinds make it; nobody here talks to the service. */
#ifndef CONNEK_CONNECTOR_OAUTH_H
#define CONNEK_CONNECTOR_OAUTH_H

#include "codec/json_path.h"
#include "connector/connector.h"
#include "connector/oauth1.h"

enum connector_grant {
  CONNECTOR_GRANT_CODE,   /* a person consents (RFC 6749, 4.1) */
  CONNECTOR_GRANT_CLIENT, /* the client's own (RFC 6749, 4.4) */
  CONNECTOR_GRANT_JWT,    /* a signed assertion (RFC 7523), or one that is the token itself */
  CONNECTOR_GRANT_OAUTH1, /* a person consents (RFC 5849, 2): what is got signs every request */
};

enum connector_client_auth {
  CONNECTOR_CLIENT_BASIC,
  CONNECTOR_CLIENT_BODY,
  CONNECTOR_CLIENT_NONE,
  CONNECTOR_CLIENT_JWT, /* private_key_jwt (RFC 7523, 2.2) */
};

struct connector_parameter {
  struct str name, value;
};

/* A setting that the service gives: where in its answer. */
struct connector_capture {
  struct str name;
  struct json_path path;
  struct str text; /* the path as written: also a parameter of the callback */
};

/* Which of several accounts is meant: a GET whose answer lists them. */
struct connector_discover {
  struct str url; /* empty: nothing is asked */
  const struct connector_parameter *fields;
  size_t n_fields;
  struct json_path items, label;
  const struct connector_capture *set;
  size_t n_set;
};

/* Members of a JWT that the connection's own credential may fill in: templates with {credential.NAME} alone. */
struct connector_claim {
  struct str name, text;
};

struct connector_oauth {
  enum connector_grant grant;
  struct str request; /* OAUTH1: where a way begins */
  enum oauth1_signature signature;
  struct str realm;
  struct str authorize, token, revoke; /* `token` empty: the JWT itself is what is sent */
  struct str issuer;                   /* or empty */
  bool is_fixed;                       /* no setting stands in a URL of these */
  bool has_pkce, is_json;
  enum connector_client_auth client;
  struct str scopes, scope_parameter; /* joined as the service wants them, or empty */
  char scope_separator;
  const struct connector_parameter *extra; /* of the authorize URL */
  size_t n_extra;
  struct json_path token_path; /* where in the answer the token is */
  const struct connector_capture *captures;
  size_t n_captures;
  struct connector_discover discover;
  bool may_refresh;                        /* false: the manifest says that the service never renews */
  int64_t before_us, idle_us, lifetime_us; /* 0: not said */

  /* JWT */
  struct str algorithm, issuer_claim, subject_claim, audience, key_id, grant_type;
  const struct connector_claim *claims;
  size_t n_claims;
  int64_t jwt_lifetime_us;

  /* A server that says itself who grants access to it: the above is what of that its definition fixes (`issuer`,
   * `scopes`), and what was found out when it was connected (src/grant/discover.h). */
  bool is_discovered;
  struct str server;   /* its URL */
  struct str resource; /* RFC 8707: for whom tokens are; empty: not said */
  bool requires_iss;   /* RFC 9207: the browser has to bring back whom it was with */
};

/* Is it a person who gives it? */
static inline bool connector_oauth_has_consent(const struct connector_oauth *oauth) {
  return oauth && (oauth->grant == CONNECTOR_GRANT_CODE || oauth->grant == CONNECTOR_GRANT_OAUTH1);
}

/* NULL: the connection's credential is used as it is. */
static inline const struct connector_oauth *connector_oauth_of(const struct connector_connection *connection) {
  const struct connector *connector = connection->connector;
  return connector->kind->oauth ? connector->kind->oauth(connection->state) : connector->oauth;
}
/* Is it the keeper of grants who has its credential? A server that wants no grant is not asked about for each call. */
static inline bool connector_is_granted(const struct connector_connection *connection) {
  const struct connector_oauth *oauth = connector_oauth_of(connection);
  return oauth && (!oauth->is_discovered || connection->has_grant || oauth->grant == CONNECTOR_GRANT_CLIENT);
}

#endif
