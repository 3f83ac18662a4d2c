/* Rows of signing in: passwords, browsers' sessions, single-use links; clients, what they were let do, and with what
 * they show it. The same rules as store.h. Hashes are SHA-256 of what was handed out. */
#ifndef CONNEK_STORE_SIGN_IN_H
#define CONNEK_STORE_SIGN_IN_H

#include "store/store.h"

enum { STORE_HASH = 32 };

/* login.c: a person's way in */
struct login_record {
  struct uuid id;
  struct str email;
  struct str password; /* argon2's encoded hash; STR_NONE: there is none */
  struct str totp;     /* sealed; STR_NONE: none */
  int64_t totp_last_step;
  int64_t totp_confirmed_at;             /* 0: not proven yet, and not asked for */
  int64_t totp_failures, totp_failed_at; /* wrong codes in a row; the last of them */
  int64_t n_recovery_codes;
};
enum err_code store_login_find(STORE_TX, struct str email, struct login_record *ret_record, struct err *err) MUST_CHECK;
enum err_code store_login_get(STORE_TX, struct uuid id, struct login_record *ret_record, struct err *err) MUST_CHECK;
enum err_code store_password_put(struct db_tx *tx, struct uuid login_id, struct str hash, int64_t now,
                                 struct err *err) MUST_CHECK;
/* Not yet proven. */
enum err_code store_totp_put(struct db_tx *tx, struct uuid login_id, struct str sealed, int64_t now,
                             struct err *err) MUST_CHECK;
enum err_code store_totp_confirm(struct db_tx *tx, struct uuid login_id, int64_t now, struct err *err) MUST_CHECK;
/* Takes a step later than the last one. False in *ret_is_taken: somebody has used it. */
enum err_code store_totp_take_step(struct db_tx *tx, struct uuid login_id, int64_t step, bool *ret_is_taken,
                                   struct err *err) MUST_CHECK;
/* With its recovery codes. */
enum err_code store_totp_failed(struct db_tx *tx, struct uuid login_id, int64_t now, struct err *err) MUST_CHECK;
/* Nothing was wrong lately. */
enum err_code store_totp_forgive(struct db_tx *tx, struct uuid login_id, struct err *err) MUST_CHECK;
enum err_code store_totp_delete(struct db_tx *tx, struct uuid login_id, struct err *err) MUST_CHECK;
enum err_code store_recovery_code_insert(struct db_tx *tx, struct uuid login_id, const uint8_t hash[STORE_HASH],
                                         struct err *err) MUST_CHECK;
enum err_code store_recovery_code_take(struct db_tx *tx, struct uuid login_id, const uint8_t hash[STORE_HASH],
                                       bool *ret_is_taken, struct err *err) MUST_CHECK;

/* A login's users: in which organisations it is somebody. */
struct membership_record {
  struct uuid user_id, organisation_id;
  struct str organisation;          /* its name */
  struct str kind;                  /* owner admin member auditor */
  int64_t disabled_at, accepted_at; /* 0: not */
};
enum err_code store_membership_list(STORE_TX, struct uuid login_id, STORE_LIST(membership_record)) MUST_CHECK;
enum err_code store_membership_accept(struct db_tx *tx, struct uuid user_id, int64_t now, struct err *err) MUST_CHECK;
/* Is there somebody who can sign in as an owner of any organisation? */
enum err_code store_owner_exists(struct db_tx *tx, bool *ret_exists, struct err *err) MUST_CHECK;

/* browser_session.c */
struct browser_session_record {
  struct uuid id, login_id;
  struct str email;
  uint8_t hash[STORE_HASH];
  bool needs_code;
  struct str agent;
  int64_t created_at, seen_at, expires_at;
};
enum err_code store_browser_session_insert(struct db_tx *tx, const struct browser_session_record *record,
                                           struct err *err) MUST_CHECK;
enum err_code store_browser_session_find(STORE_TX, const uint8_t hash[STORE_HASH],
                                         struct browser_session_record *ret_record, struct err *err) MUST_CHECK;
enum err_code store_browser_session_seen(struct db_tx *tx, struct uuid id, int64_t now, struct err *err) MUST_CHECK;
enum err_code store_browser_session_delete(struct db_tx *tx, struct uuid id, struct err *err) MUST_CHECK;
/* All of a login but `kept` (nil: all). */
enum err_code store_browser_session_delete_all(struct db_tx *tx, struct uuid login_id, struct uuid kept,
                                               struct err *err) MUST_CHECK;
/* Of a login (nil: of all), newest first. */
enum err_code store_browser_session_list(STORE_TX, struct uuid login_id, STORE_LIST(browser_session_record)) MUST_CHECK;

/* single_use_link.c */
struct single_use_link_record {
  struct uuid id;
  struct str kind; /* setup invitation reset */
  uint8_t hash[STORE_HASH];
  struct uuid user_id, login_id; /* nil: none */
  int64_t created_at, expires_at, used_at;
};
enum err_code store_link_insert(struct db_tx *tx, const struct single_use_link_record *record,
                                struct err *err) MUST_CHECK;
enum err_code store_link_find(STORE_TX, const uint8_t hash[STORE_HASH], struct single_use_link_record *ret_record,
                              struct err *err) MUST_CHECK;
/* ERR_CONFLICT: it was used already. */
enum err_code store_link_use(struct db_tx *tx, struct uuid id, int64_t now, struct err *err) MUST_CHECK;
/* Those of a kind that are for this login (nil: all of the kind): a new one takes their place. */
enum err_code store_link_delete_all(struct db_tx *tx, struct str kind, struct uuid login_id,
                                    struct err *err) MUST_CHECK;

/* The invitations of one user. */
enum err_code store_link_delete_of_user(struct db_tx *tx, struct uuid user_id, struct err *err) MUST_CHECK;

/* oauth_client.c */
struct oauth_client_record {
  struct uuid id;
  struct str client_id;
  struct str kind; /* registered document */
  struct str name;
  struct str redirect_uris; /* JSON array */
  bool has_secret;
  uint8_t secret_hash[STORE_HASH];
  bool may_refresh;
  int64_t created_at, fetched_at, used_at;
};
/* A document's replaces what was known of it; `record->id` becomes the row's. */
enum err_code store_oauth_client_put(STORE_TX, struct oauth_client_record *record, struct err *err) MUST_CHECK;
enum err_code store_oauth_client_find(STORE_TX, struct str client_id, struct oauth_client_record *ret_record,
                                      struct err *err) MUST_CHECK;
enum err_code store_oauth_client_list(STORE_TX, STORE_LIST(oauth_client_record)) MUST_CHECK;
enum err_code store_oauth_client_used(struct db_tx *tx, struct uuid id, int64_t now, struct err *err) MUST_CHECK;
/* Registered ones that nobody has let in: how many. */
enum err_code store_oauth_client_count_unused(struct db_tx *tx, int64_t *ret_n, struct err *err) MUST_CHECK;

/* oauth_grant.c: grants, codes, refresh tokens */
struct oauth_grant_record {
  struct uuid id, organisation_id, user_id, oauth_client_id;
  struct str client_id, client_name, email;
  bool may_refresh;         /* the client's */
  int64_t user_disabled_at; /* 0: is not */
  int64_t scopes;
  struct str resource;
  int64_t created_at, used_at, expires_at, revoked_at;
};
enum err_code store_oauth_grant_insert(struct db_tx *tx, const struct oauth_grant_record *record,
                                       struct err *err) MUST_CHECK;
enum err_code store_oauth_grant_get(STORE_TX, struct uuid id, struct oauth_grant_record *ret_record,
                                    struct err *err) MUST_CHECK;
enum err_code store_oauth_grant_used(struct db_tx *tx, struct uuid id, int64_t now, int64_t expires_at,
                                     struct err *err) MUST_CHECK;
/* With its access tokens, each of which gets its change log's row. Revoking twice keeps the first time. */
enum err_code store_oauth_grant_revoke(STORE_TX, struct uuid id, int64_t now, struct err *err) MUST_CHECK;
/* Of an organisation, newest first. Those whose code was never used are left out. */
enum err_code store_oauth_grant_list(STORE_TX, struct uuid organisation_id, STORE_LIST(oauth_grant_record)) MUST_CHECK;
/* The same of a login, in all of its organisations; live ones. */
/* Those that were used, newest first, behind `after`. */
struct oauth_grant_filter {
  struct uuid organisation_id, user_id, after; /* user nil: all; after nil: from the start */
};
enum err_code store_oauth_grant_page(STORE_TX, const struct oauth_grant_filter *filter, size_t max,
                                     STORE_LIST(oauth_grant_record)) MUST_CHECK;
enum err_code store_oauth_grant_list_of_login(STORE_TX, struct uuid login_id, int64_t now,
                                              STORE_LIST(oauth_grant_record)) MUST_CHECK;

struct oauth_code_record {
  uint8_t hash[STORE_HASH];
  struct uuid grant_id;
  struct str redirect_uri, challenge;
  int64_t expires_at, used_at;
};
enum err_code store_oauth_code_insert(struct db_tx *tx, const struct oauth_code_record *record,
                                      struct err *err) MUST_CHECK;
enum err_code store_oauth_code_find(STORE_TX, const uint8_t hash[STORE_HASH], struct oauth_code_record *ret_record,
                                    struct err *err) MUST_CHECK;
enum err_code store_oauth_code_use(struct db_tx *tx, const uint8_t hash[STORE_HASH], int64_t now,
                                   struct err *err) MUST_CHECK;

struct oauth_refresh_record {
  uint8_t hash[STORE_HASH];
  struct uuid grant_id;
  int64_t created_at, replaced_at; /* 0: it was not */
};
enum err_code store_oauth_refresh_insert(struct db_tx *tx, const struct oauth_refresh_record *record,
                                         struct err *err) MUST_CHECK;
enum err_code store_oauth_refresh_find(STORE_TX, const uint8_t hash[STORE_HASH],
                                       struct oauth_refresh_record *ret_record, struct err *err) MUST_CHECK;
/* Keeps the first time. */
enum err_code store_oauth_refresh_replace(struct db_tx *tx, const uint8_t hash[STORE_HASH], int64_t now,
                                          struct err *err) MUST_CHECK;
/* The access token with this hash; ERR_NOT_FOUND. */
enum err_code store_access_token_find(STORE_TX, const uint8_t hash[STORE_HASH], struct access_token_record *ret_record,
                                      struct err *err) MUST_CHECK;

/* sign_in_expiry.c: takes away what is over, a bounded number of rows at a time: sessions, links, codes, grants that
 * nobody took up, OAuth access tokens that ran out a day ago (each with its change log's row), and clients that
 * registered a day ago or longer and were never let in, or not for half a year and nothing is left of it. */
enum err_code store_sign_in_expire(STORE_TX, int64_t now, struct err *err) MUST_CHECK;

#endif
