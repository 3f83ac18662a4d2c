/* Rows of the REST API, and lists as it shows them: page by page, by keyset. The same rules as store.h. */
#ifndef CONNEK_STORE_API_H
#define CONNEK_STORE_API_H

#include "store/store.h"

/* api_key.c */
struct api_key_record {
  struct uuid id, organisation_id, user_id;
  struct str name;
  uint8_t hash[32];
  struct str scopes;                                        /* words, spaces between */
  int64_t created_at, expires_at, revoked_at, last_used_at; /* 0: none */
  struct str email, kind;                                   /* read only: of the user */
  int64_t user_disabled_at;
};
enum err_code store_api_key_insert(struct db_tx *tx, const struct api_key_record *record, struct err *err) MUST_CHECK;
enum err_code store_api_key_find(STORE_TX, const uint8_t hash[32], struct api_key_record *ret_record,
                                 struct err *err) MUST_CHECK;
enum err_code store_api_key_get(STORE_TX, struct uuid organisation_id, struct uuid id,
                                struct api_key_record *ret_record, struct err *err) MUST_CHECK;
/* Newest first, behind `after` (nil: from the start). */
enum err_code store_api_key_page(STORE_TX, struct uuid organisation_id, struct uuid after, size_t max,
                                 STORE_LIST(api_key_record)) MUST_CHECK;
/* Keeps the first time. */
enum err_code store_api_key_revoke(struct db_tx *tx, struct uuid organisation_id, struct uuid id, int64_t now,
                                   struct err *err) MUST_CHECK;
enum err_code store_api_key_used(struct db_tx *tx, struct uuid id, int64_t now, struct err *err) MUST_CHECK;

/* api_answer.c */
struct api_answer_record {
  struct uuid asker;
  uint8_t key_hash[32], request_hash[32];
  int64_t status;
  struct str location, body; /* or STR_NONE */
  int64_t created_at;
};
enum err_code store_api_answer_find(STORE_TX, struct uuid asker, const uint8_t key_hash[32],
                                    struct api_answer_record *ret_record, struct err *err) MUST_CHECK;
enum err_code store_api_answer_put(struct db_tx *tx, const struct api_answer_record *record,
                                   struct err *err) MUST_CHECK;
/* Some of those older than `before`. */
enum err_code store_api_answer_sweep(struct db_tx *tx, int64_t before, struct err *err) MUST_CHECK;

/* user_page.c: users with what is known of them */
struct user_view {
  struct user_record user;
  int64_t accepted_at, last_call_at; /* 0: not */
  int64_t n_tokens, n_clients;       /* live ones */
};
struct user_filter {
  struct uuid organisation_id;
  struct str after; /* an e-mail; empty: from the start */
  struct uuid id;   /* this one alone; nil: all */
  struct str part, kind, status;
  struct uuid role_id;
  int64_t now;
};
enum err_code store_user_page(STORE_TX, const struct user_filter *filter, size_t max,
                              STORE_LIST(user_view)) MUST_CHECK; /* by e-mail */
enum err_code store_user_get(STORE_TX, struct uuid organisation_id, struct uuid id, int64_t now,
                             struct user_view *ret_view, struct err *err) MUST_CHECK;
/* disabled_at: 0: they may come again. */
enum err_code store_user_disable(struct db_tx *tx, struct uuid organisation_id, struct uuid id, int64_t disabled_at,
                                 struct err *err) MUST_CHECK;
/* Owners who can sign in: have taken the membership, are not disabled. */
enum err_code store_owner_count(struct db_tx *tx, struct uuid organisation_id, int64_t *ret_n,
                                struct err *err) MUST_CHECK;

/* token_page.c: personal URLs and keys; those of OAuth clients are their grants' */
struct token_view {
  struct access_token_record token; /* without its hash */
  struct str email;
  int64_t last_call_at; /* 0: never */
  int64_t per_minute;   /* 0: as the others */
};
struct token_filter {
  struct uuid organisation_id, after, user_id; /* nil: from the start; of all */
  struct str status;                           /* live expired revoked; or empty */
  int64_t now;
};
enum err_code store_token_page(STORE_TX, const struct token_filter *filter, size_t max,
                               STORE_LIST(token_view)) MUST_CHECK; /* newest first */
enum err_code store_token_get(STORE_TX, struct uuid organisation_id, struct uuid id, struct token_view *ret_view,
                              struct err *err) MUST_CHECK;

/* organisation_view.c */
struct organisation_view {
  int64_t n_users, n_roles, n_rules, n_connections, n_connectors; /* connectors: its own */
  int64_t n_tokens, n_clients;                                    /* live ones; tokens without those of clients */
};
enum err_code store_organisation_view(struct db_tx *tx, struct uuid id, int64_t now, struct organisation_view *ret_view,
                                      struct err *err) MUST_CHECK;
enum err_code store_organisation_rename(struct db_tx *tx, struct uuid id, struct str name, struct err *err) MUST_CHECK;
/* With all it has, its trail included; the change log gets the rows that a server needs to forget it. */
enum err_code store_organisation_delete(STORE_TX, struct uuid id, int64_t now, struct err *err) MUST_CHECK;

/* An organisation in figures, for the operator: by name, those behind `after`. */
struct organisation_figures {
  struct uuid id;
  struct str name;
  int64_t created_at, n_users, n_active, n_calls, n_connections, n_in_trouble;
};
enum err_code store_organisation_page(STORE_TX, struct str after, int64_t from_day, size_t max,
                                      STORE_LIST(organisation_figures)) MUST_CHECK;

/* connector_request.c: connectors that people miss */
struct connector_request_record {
  struct uuid id, organisation_id, user_id;
  struct str email; /* read only */
  struct str name, reason;
  struct str status, answer;       /* open done declined */
  int64_t created_at, answered_at; /* 0: not yet */
};
struct connector_request_filter {
  struct uuid organisation_id, after, user_id; /* nil: from the newest; of all */
  struct str status;                           /* or empty */
};
enum err_code store_connector_request_insert(struct db_tx *tx, const struct connector_request_record *record,
                                             struct err *err) MUST_CHECK;
enum err_code store_connector_request_get(STORE_TX, struct uuid organisation_id, struct uuid id,
                                          struct connector_request_record *ret_record, struct err *err) MUST_CHECK;
enum err_code store_connector_request_page(STORE_TX, const struct connector_request_filter *filter, size_t max,
                                           STORE_LIST(connector_request_record)) MUST_CHECK; /* newest first */
/* status, answer, answered_at */
enum err_code store_connector_request_answer(struct db_tx *tx, const struct connector_request_record *record,
                                             struct err *err) MUST_CHECK;

#endif
