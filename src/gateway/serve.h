/* The server as one call: starts everything on an opened data folder, serves until SIGTERM or SIGINT, drains, stops. */
#ifndef CONNEK_GATEWAY_SERVE_H
#define CONNEK_GATEWAY_SERVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "db/db.h"
#include "vault/vault.h"

struct serve_options {
  /* Opened by the command (src/cli/open.c), which holds the lock on DIR meanwhile and closes them afterwards. */
  struct db *db;
  struct vault *vault;
  const char *data_dir;
  const char *node;           /* names its audit chains */
  const char *listen;         /* HOST:PORT */
  const char *cluster_listen; /* HOST:PORT for other servers of this database, or NULL: none */
  const char *admin_listen;   /* HOST:PORT or NULL: none */
  const char *public_url;     /* NULL: http:// and the listener's address */
  unsigned workers;           /* 0: one a core */
  bool is_audit_relaxed;
  const char *const *allow_upstream; /* HOST[:PORT] each */
  size_t n_allow_upstream;
  const char *const *allow_origin;
  size_t n_allow_origin;
  const char *const *trusted_proxies; /* ADDRESS[/BITS] each */
  size_t n_trusted_proxies;
  const char *ca_file;                    /* NULL: the system's */
  const char *proxy;                      /* NULL: none */
  bool may_sign_up;                       /* strangers may make organisations */
  int64_t token_us;                       /* an OAuth access token's life; 0: the default */
  int64_t client_us;                      /* how long an unused client stays signed in; 0: the default */
  int64_t credential_kept_us;             /* how long an opened credential is kept for the next call */
  void (*on_setup_link)(const char *url); /* nobody can sign in as an owner yet: told once it listens */
  int peer_limit_per_minute;              /* failed authentications of one address; 0: LIMIT_PEER_FAILURES_PER_MINUTE */
};

/* Logs {"event":"listening","address":"127.0.0.1:8080"} (and "admin_listening") once requests are served. ERR_NONE
 * after an orderly stop. Blocks; on the main thread; once a process. Sets installation row "public_url". */
enum err_code serve_run(const struct serve_options *options, struct err *err) MUST_CHECK;

#endif
