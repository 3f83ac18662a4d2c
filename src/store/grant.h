/* Records of what services have granted to connections, of clients registered with them, of consents under way, and of
 * what is to be done later. As store.h says. */
#ifndef CONNEK_STORE_GRANT_H
#define CONNEK_STORE_GRANT_H

#include "store/store.h"

struct grant_record {
  struct uuid connection_id, organisation_id;
  struct str status;    /* active reconnect error disconnected */
  struct str secret;    /* sealed, or STR_NONE */
  int64_t version;      /* grows with every token stored */
  struct str scopes;    /* spaces between */
  struct str captured;  /* JSON object */
  struct str challenge; /* JSON object: what its server last said when it refused (src/grant/challenge.c) */
  bool has_refresh;     /* Connek renews it by itself */
  int64_t obtained_at, expires_at, last_success_at, last_error_at; /* 0: none */
  struct str last_error;
  int64_t failures, retry_at;
  int64_t exchange_at; /* an exchange began then, and nothing is known of its outcome; 0: none */
  struct uuid lease_owner;
  int64_t lease_version, lease_until;
};

/* grant.c */
enum err_code store_grant_get(STORE_TX, struct uuid organisation_id, struct uuid connection_id,
                              struct grant_record *ret_record, struct err *err) MUST_CHECK;
enum err_code store_grant_list(STORE_TX, struct uuid organisation_id, STORE_LIST(grant_record)) MUST_CHECK;
/* After a person's consent: whatever was there is replaced; the version grows. No lease survives it. */
enum err_code store_grant_put(struct db_tx *tx, const struct grant_record *record, struct err *err) MUST_CHECK;
/* Takes the lease where nobody has it, and marks that an exchange is about to begin. ERR_CONFLICT: somebody has it. */
enum err_code store_grant_take(struct db_tx *tx, struct uuid connection_id, struct uuid owner, int64_t now,
                               int64_t until, struct err *err) MUST_CHECK;
/* What `owner` held before it was started anew: of grants and of jobs. Markers stay. What others hold is theirs until
 * it ends: a server beside this one may be in the middle of an exchange. */
enum err_code store_grant_free_leases(struct db_tx *tx, struct uuid owner, struct err *err) MUST_CHECK;
/* Stores what a refresh brought (secret, scopes, captured, has_refresh, obtained_at, expires_at) and gives the lease
 * back, where the grant still has record->version. ERR_CONFLICT: it does not, and nothing was changed. */
enum err_code store_grant_refreshed(struct db_tx *tx, const struct grant_record *record, struct err *err) MUST_CHECK;
/* An exchange failed: status, last_error, failures, retry_at of the record; the lease is given back. `is_known`: the
 * service certainly did not renew anything. ERR_CONFLICT: the grant is another already. */
enum err_code store_grant_failed(struct db_tx *tx, const struct grant_record *record, bool is_known,
                                 struct err *err) MUST_CHECK;
/* Its server has refused what was sent: status, challenge, last_error, last_error_at of the record, where the grant
 * still has record->version. ERR_CONFLICT: it has not. */
enum err_code store_grant_challenged(struct db_tx *tx, const struct grant_record *record, struct err *err) MUST_CHECK;
/* Settings that the service gave. */
enum err_code store_grant_capture(struct db_tx *tx, struct uuid organisation_id, struct uuid connection_id,
                                  struct str captured, struct err *err) MUST_CHECK;
/* The secret is forgotten; version and connection.version grow. */
enum err_code store_grant_disconnect(struct db_tx *tx, struct uuid organisation_id, struct uuid connection_id,
                                     int64_t now, struct err *err) MUST_CHECK;
/* Makes connection.version grow: whoever keeps its credential opened has an old one. */
enum err_code store_connection_touch(struct db_tx *tx, struct uuid organisation_id, struct uuid connection_id,
                                     int64_t now, struct err *err) MUST_CHECK;

struct grant_event_record {
  struct uuid connection_id;
  int64_t time;
  struct str what; /* connected refreshed failed reconnect disconnected */
  struct str text;
};
/* Keeps the newest 50 of the connection. */
enum err_code store_grant_event_insert(struct db_tx *tx, const struct grant_event_record *record,
                                       struct err *err) MUST_CHECK;
enum err_code store_grant_event_list(STORE_TX, struct uuid connection_id,
                                     STORE_LIST(grant_event_record)) MUST_CHECK; /* newest first */

/* What became of an organisation's connections since then, whatever told of it: by time, `max` at most. `what` is also
 * "checked" and "failed". */
struct connection_news {
  struct uuid connection_id;
  struct str name, what, text;
  int64_t time;
};
enum err_code store_connection_news_list(STORE_TX, struct uuid organisation_id, int64_t after, size_t max,
                                         STORE_LIST(connection_news)) MUST_CHECK;

/* connection_check.c: how a connection was found when it was last checked */
struct connection_check_record {
  struct uuid connection_id, organisation_id;
  int64_t checked_at;
  bool is_ok;
  struct str text; /* for people; names no secret */
};
enum err_code store_connection_check_put(struct db_tx *tx, const struct connection_check_record *record,
                                         struct err *err) MUST_CHECK;
enum err_code store_connection_check_list(STORE_TX, struct uuid organisation_id,
                                          STORE_LIST(connection_check_record)) MUST_CHECK;

/* client_app.c */
struct client_app_record {
  struct uuid organisation_id; /* nil: the installation's */
  struct str connector_id, client_id;
  struct str secret; /* sealed, or STR_NONE */
  struct str issuer; /* the authorization server that it is for; empty: not said */
  int64_t created_at;
};
/* The organisation's own, else the installation's. */
enum err_code store_client_app_find(STORE_TX, struct uuid organisation_id, struct str connector_id,
                                    struct client_app_record *ret_record, struct err *err) MUST_CHECK;
enum err_code store_client_app_list(STORE_TX, struct uuid organisation_id, STORE_LIST(client_app_record)) MUST_CHECK;
enum err_code store_client_app_put(struct db_tx *tx, const struct client_app_record *record,
                                   struct err *err) MUST_CHECK;
enum err_code store_client_app_delete(struct db_tx *tx, struct uuid organisation_id, struct str connector_id,
                                      struct err *err) MUST_CHECK;

/* consent.c */
struct connect_link_record {
  uint8_t hash[32];
  struct uuid organisation_id, connection_id;
  struct str return_path; /* relative, or empty */
  int64_t expires_at, used_at;
};
struct oauth_state_record {
  uint8_t hash[32], link[32], browser[32];
  struct str verifier; /* sealed */
  int64_t expires_at, used_at;
};
enum err_code store_connect_link_insert(struct db_tx *tx, const struct connect_link_record *record,
                                        struct err *err) MUST_CHECK;
enum err_code store_connect_link_get(STORE_TX, const uint8_t hash[32], struct connect_link_record *ret_record,
                                     struct err *err) MUST_CHECK;
/* ERR_CONFLICT: it was used before. */
enum err_code store_connect_link_use(struct db_tx *tx, const uint8_t hash[32], int64_t now, struct err *err) MUST_CHECK;
enum err_code store_oauth_state_insert(struct db_tx *tx, const struct oauth_state_record *record,
                                       struct err *err) MUST_CHECK;
enum err_code store_oauth_state_get(STORE_TX, const uint8_t hash[32], struct oauth_state_record *ret_record,
                                    struct err *err) MUST_CHECK;
/* ERR_CONFLICT: it was used before. */
enum err_code store_oauth_state_use(struct db_tx *tx, const uint8_t hash[32], int64_t now, struct err *err) MUST_CHECK;
/* Links and states that ended before `before`. */
enum err_code store_consent_sweep(struct db_tx *tx, int64_t before, struct err *err) MUST_CHECK;

/* job.c */
struct job_record {
  struct str kind;
  struct str subject; /* the id of what it is about */
  struct uuid organisation_id;
  int64_t due_at, attempts, lease_version;
};
/* One row for each kind and subject: a later call moves it, begins its attempts anew and takes it from whoever had
 * it. */
enum err_code store_job_put(struct db_tx *tx, const struct job_record *record, struct err *err) MUST_CHECK;
enum err_code store_job_delete(struct db_tx *tx, struct str kind, struct str subject, struct err *err) MUST_CHECK;
/* Is any of this kind due and nobody's? */
enum err_code store_job_is_due(struct db_tx *tx, struct str kind, int64_t now, bool *ret_is_due,
                               struct err *err) MUST_CHECK;
/* Whose jobs: those of one kind, or all but those (is_other). */
struct job_claim {
  struct str kind;
  bool is_other;
  struct uuid owner;
  int64_t now, until;
  size_t max;
};
/* Up to `max` that are due and nobody's: theirs is the lease until `until`; attempts has grown. */
enum err_code store_job_claim(STORE_TX, const struct job_claim *claim, STORE_LIST(job_record)) MUST_CHECK;
/* Where the lease is still this one: due again at `due_at` (0: it is done, and gone). */
enum err_code store_job_end(struct db_tx *tx, const struct job_record *record, int64_t due_at,
                            struct err *err) MUST_CHECK;

#endif
