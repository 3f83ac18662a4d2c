/* Signing in to Connek: persons by browser, and the clients that they let in (OAuth 2.1; MCP 2025-11-25 and 2026-07-28,
 * authorization). docs/signing-in.md tells the story.
 *
 * What gateway/ needs of it: one struct signin a server, one struct signin_worker a worker, and two functions that
 * endpoint.c calls for the paths that are ours. All of a request is on its worker's loop; what touches the database is
 * a job on a store thread, and what touches a password one on threads of its own. */
#ifndef CONNEK_SIGNIN_SIGNIN_H
#define CONNEK_SIGNIN_SIGNIN_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "limit/limit.h"
#include "net/executor.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "org/coherence.h"
#include "vault/vault.h"

struct signin_options {
  struct db *db;
  const struct vault *vault;
  struct str public_url; /* of --public-url, without a slash at its end; or empty */
  struct str listen_host;
  bool may_sign_up;  /* strangers may make organisations */
  int64_t token_us;  /* an access token's life; 0: an hour */
  int64_t client_us; /* how long a client that is not used stays signed in; 0: 90 days */
  void (*on_problem)(const char *what, const struct err *err); /* for the log; from any thread */
};

struct signin {
  struct signin_options options;
  struct coherence *coherence; /* set before a request comes */
  struct str url;              /* what we are called where a request does not tell: public_url, or the listener's */
  uint16_t port;               /* the listener's; 0: not known yet */
  bool is_loopback_listener;
  struct executor *passwords;
  atomic_uint n_hashing;
  struct limit_peers *by_address, *by_account, *by_both, *registrations;
};

/* Makes the keys of second steps where they are not there yet, and starts the threads for passwords. On
 * failure signin_stop lets go of what there is. */
enum err_code signin_start(struct signin *signin, const struct signin_options *options, struct db_conn *conn,
                           struct err *err) MUST_CHECK;
/* When the listener's port is known, or known already from the options. */
enum err_code signin_settle(struct signin *signin, struct arena *arena, struct str url, uint16_t port,
                            struct err *err) MUST_CHECK;
/* When no worker is left. */
void signin_stop(struct signin *signin);

/* For coherence_options: is a token for this audience one for us? The context is the struct signin. */
bool signin_is_own_audience(void *signin, struct str audience);

/* A one-time link for the first owner, where nobody can sign in as an owner yet and it is clear of which organisation;
 * else STR_NONE. Those made before end. In the arena. */
enum err_code signin_setup_link(struct signin *signin, struct db_conn *conn, struct arena *arena, struct str *ret_url,
                                struct err *err) MUST_CHECK;

struct signin_worker {
  struct signin *signin;
  struct loop *loop;
  struct http_client *client;
  void *context; /* for the two below: a request has begun, and has ended; the loop must live until then */
  void (*begun)(void *context);
  void (*ended)(void *context);
};

/* Is the path one of ours? */
bool signin_serves(struct str path);
/* Before the body is read: may this request be? False refuses it. */
bool signin_on_head(struct signin_worker *worker, struct http_exchange *http,
                    struct http_reply *ret_refusal) MUST_CHECK;
void signin_serve(struct signin_worker *worker, struct http_exchange *http);

/* The value of WWW-Authenticate for a 401 (`has_token`: what was shown is wrong), and for a 403 for lack of a scope
 * (RFC 6750, 3; RFC 9728, 5.1). In the request's arena. */
struct str signin_challenge(const struct signin *signin, struct http_exchange *http, bool has_token);
struct str signin_scope_challenge(const struct signin *signin, struct http_exchange *http, uint32_t scopes);

/* Every few minutes, on a store thread: a db_work without context that takes away what is over. */
enum err_code signin_expire(struct db_tx *tx, void *nothing, struct err *err);

#endif
