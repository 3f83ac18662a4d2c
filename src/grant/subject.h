/* A connection with all that is needed to get and renew what its service grants: read whole from the database, on a
 * store thread, in one transaction. */
#ifndef CONNEK_GRANT_SUBJECT_H
#define CONNEK_GRANT_SUBJECT_H

#include "grant/authorization.h"
#include "store/grant.h"
#include "vault/vault.h"

struct grant_subject {
  struct connection_record record;
  struct str organisation; /* its name */
  struct vault_keys *keys;
  struct connector connector;
  struct connector_connection connection;
  const struct connector_oauth *oauth; /* NULL: its credential is used as it is */
  const struct connector_oauth *fixed; /* the same, without what was found out */
  bool is_builtin;                     /* the connector is the one that ships with this program, unchanged */
  bool has_grant;
  struct grant_record grant;
  yyjson_val *credential;              /* the connection's own, opened; or NULL */
  yyjson_val *tokens;                  /* the grant's, opened; or NULL */
  bool is_damaged;                     /* the grant's do not open: `tokens` is NULL */
  struct str client_id, client_secret; /* empty: none */
  struct err client_problem;           /* why there is none */
  bool has_authorization;              /* `oauth` holds what was found out; false: it has to be yet */
  struct grant_authorization authorization;
  bool has_moved; /* the definition names another server than when it was granted: `tokens` is withheld, NULL */
  struct client_app_record app; /* of a server that says itself who grants: registered by hand; no client_id: none */
  struct str app_secret;
};

/* The arena gets secrets: end it with arena_wipe. ERR_NOT_FOUND: no such connection. */
enum err_code grant_subject_load(struct db_tx *tx, struct arena *arena, const struct vault *vault,
                                 struct uuid organisation_id, struct uuid connection_id,
                                 struct grant_subject *ret_subject, struct err *err) MUST_CHECK;
void grant_subject_release(struct grant_subject *subject);
/* The organisation's keys as they are now, for sealing in this transaction. */
enum err_code grant_keys(struct db_tx *tx, struct arena *arena, const struct vault *vault, struct uuid organisation_id,
                         struct vault_keys **ret_keys, struct err *err) MUST_CHECK;
/* The keys of what belongs to the whole installation; `may_create`: in a write transaction. ERR_NOT_FOUND: there are
 * none yet. */
enum err_code grant_installation_keys(struct db_tx *tx, struct arena *arena, const struct vault *vault, bool may_create,
                                      struct vault_keys **ret_keys, struct err *err) MUST_CHECK;
/* A sealed JSON object, opened into the arena. */
enum err_code grant_open(struct arena *arena, const struct vault_keys *keys, struct vault_place place,
                         struct str sealed, yyjson_val **ret_object, struct err *err) MUST_CHECK;
/* What was found out about its server is this: its addresses, and as whom we go there. ERR_NO_MEMORY. */
enum err_code grant_subject_authorize(struct arena *arena, struct grant_subject *subject,
                                      const struct grant_authorization *authorization, struct err *err) MUST_CHECK;
/* Can a person connect it by a consent? ERR_CONFLICT, saying what to do instead. */
enum err_code grant_check_consent(const struct grant_subject *subject, struct err *err) MUST_CHECK;
/* Does its credential do without a token from the service? */
bool grant_is_static(const struct grant_subject *subject);

#endif
