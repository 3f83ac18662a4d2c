/* Who grants access to a server that says so itself (MCP, 2026-07-28, basic/authorization): the server names its
 * authorization servers (RFC 9728), and those describe themselves (RFC 8414, OpenID Connect Discovery). A server of
 * 2025-03-26 names none: there its own host is asked. */
#ifndef CONNEK_GRANT_DISCOVER_H
#define CONNEK_GRANT_DISCOVER_H

#include "connector/oauth.h"
#include "net/http_client.h"

/* ---- documents (discover_document.c): pure. Slices live in the arena. ---- */

enum { GRANT_ISSUERS_MAX = 8, GRANT_WELL_KNOWN_MAX = 3 };

/* Protected resource metadata. */
struct grant_resource {
  struct str resource;                   /* as published: tokens are asked for with this very text */
  struct str issuers[GRANT_ISSUERS_MAX]; /* in its order */
  size_t n_issuers;
  struct str scopes; /* scopes_supported, spaces between; empty: not said */
};
/* Authorization server metadata. */
struct grant_server {
  struct str issuer, token;
  struct str authorize;                        /* empty: it gives no codes */
  struct str registration, revoke;             /* or empty */
  struct str scopes;                           /* as above */
  bool has_documents;                          /* client_id_metadata_document_supported */
  bool requires_iss;                           /* authorization_response_iss_parameter_supported */
  bool has_basic, has_post, has_none, has_jwt; /* token_endpoint_auth_methods_supported; not said: basic */
};

/* Addresses to ask in turn: a server's metadata (RFC 9728, 3.1: with the path put in, then without), and an
 * authorization server's (MCP: RFC 8414 and OpenID Connect, with the path put in or put before). */
enum err_code grant_resource_places(struct arena *arena, struct str server, struct str ret_urls[GRANT_WELL_KNOWN_MAX],
                                    size_t *ret_n, struct err *err) MUST_CHECK;
enum err_code grant_server_places(struct arena *arena, struct str issuer, struct str ret_urls[GRANT_WELL_KNOWN_MAX],
                                  size_t *ret_n, struct err *err) MUST_CHECK;
/* "https://host:port" of a URL. */
enum err_code grant_origin(struct arena *arena, struct str url, struct str *ret_origin, struct err *err) MUST_CHECK;
/* ERR_UPSTREAM, ERR_DENIED: the text says what is wrong with it. */
enum err_code grant_resource_read(struct arena *arena, struct str body, struct str server,
                                  struct grant_resource *ret_resource, struct err *err) MUST_CHECK;
enum err_code grant_server_read(struct arena *arena, struct str body, struct str issuer,
                                struct grant_server *ret_server, struct err *err) MUST_CHECK;
/* Is it an address that a token, a code or a secret may be sent to: https, or this very machine? */
enum err_code grant_check_endpoint(struct arena *arena, struct str url, const char *what, struct err *err) MUST_CHECK;

/* ---- asking (discover.c): on the keeper's loop ---- */

struct grant_discovery {
  /* in */
  struct http_client *http;
  struct arena *arena;     /* what is found lives in it */
  struct str organisation; /* by name: its exceptions from the address guard hold */
  struct str server;       /* the MCP server's URL */
  struct str metadata_url; /* that it named when it refused; or empty */
  struct str issuer;       /* that is wanted, where it is among those that it names; or empty */
  bool is_resource_alone;  /* whom it names, and not more */
  /* Once, never from within grant_discover. `err` NULL: all is found. */
  void (*done)(struct grant_discovery *discovery, const struct err *err);
  void *context;
  /* out */
  bool has_resource; /* false: it publishes nothing, and its own host grants (2025-03-26) */
  struct grant_resource resource;
  struct grant_server about;

  struct http_transfer *transfer;
  struct str places[GRANT_WELL_KNOWN_MAX];
  size_t n_places, place;
  struct str expected_issuer;
  bool is_asking_server, is_elsewhere;
};
/* The caller's own, and its arena's, until `done`. Failing at once: `done` is not called. */
enum err_code grant_discover(struct grant_discovery *discovery, struct err *err) MUST_CHECK;

#endif
