/* The only SQL. One file a record; every function runs inside a transaction (db.h) and names the organisation whose
 * rows it may see. Strings in returned records live in the arena given. "Not found" is ERR_NOT_FOUND with a text that
 * names what. */
#ifndef CONNEK_STORE_STORE_H
#define CONNEK_STORE_STORE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/uuid.h"
#include "db/db.h"

struct organisation_record {
  struct uuid id;
  struct str name;
  struct str data_key; /* sealed */
  int64_t version;
  int64_t created_at;
};

struct user_record {
  struct uuid id, organisation_id, login_id;
  struct str email;
  struct str kind;     /* owner admin member auditor */
  int64_t disabled_at; /* 0: is not */
  int64_t created_at;
};

struct role_record {
  struct uuid id, organisation_id;
  struct str name;
  int64_t max_result; /* bytes; 0: as the tools give */
};

struct user_role_record {
  struct uuid user_id, role_id;
};

/* A connector that its user has switched off for themselves. */
struct connector_switch_record {
  struct uuid user_id;
  struct str connector_id;
};

struct access_rule_record {
  struct uuid id, organisation_id, role_id;
  int64_t position;
  struct str effect;      /* allow deny ask */
  struct str target_kind; /* connection connector label */
  struct str target;
  struct str does;               /* JSON array, or STR_NONE */
  struct str tools;              /* JSON array, or STR_NONE */
  struct str resources, prompts; /* the same */
};

struct connector_record {
  struct uuid organisation_id; /* nil: the installation's */
  struct str id;
  int64_t version;
  uint8_t hash[32];
  struct str status, kind, source, definition;
  struct str environment; /* sealed JSON object, or STR_NONE */
};

struct connection_record {
  struct uuid id, organisation_id;
  struct str name, connector_id;
  struct str labels;         /* JSON object */
  struct uuid owner_user_id; /* nil: shared */
  bool is_made_by_owner;     /* written once, when it is made */
  struct str settings;       /* JSON object */
  struct str credential;     /* sealed, or STR_NONE */
  struct str names;          /* prefixed plain; empty: prefixed */
  struct str trust;          /* review accept accept-read; empty: review */
  struct str captured;       /* read only: settings that the service gave, a JSON object; or empty */
  int64_t credential_at;     /* read only: since when it has this one; 0: it has none */
  int64_t version, created_at, updated_at;
};

/* What the MCP server of a connection last said of itself. */
struct catalogue_record {
  struct uuid connection_id, organisation_id;
  struct str protocol, server_info, capabilities;
  int64_t listed_at;   /* 0: never */
  struct str error;    /* why it did not answer, the last time; or STR_NONE */
  struct str left_out; /* what of its answer was not taken, or STR_NONE */
};

struct catalogue_item_record {
  struct uuid id, organisation_id, connection_id;
  struct str kind;   /* tool resource template prompt instructions */
  struct str name;   /* or URI, or template; "" for instructions */
  struct str status; /* pending accepted quarantined rejected refused */
  struct str does, hint;
  struct str definition; /* JSON, the latest as it is shown */
  uint8_t hash[32];      /* of what the server sent, canonical */
  bool is_pinned;        /* the next two are there */
  struct str accepted_definition;
  uint8_t accepted_hash[32];
  struct str notes;                        /* a line each, or empty */
  bool was_rejected;                       /* somebody said no, of this definition or of one before */
  int64_t gone_at, created_at, updated_at; /* 0: it is there */
};

struct access_token_record {
  struct uuid id, organisation_id, user_id;
  struct str kind; /* url key oauth */
  struct str name;
  uint8_t hash[32];
  int64_t expires_at, revoked_at, created_at; /* 0: none */
  struct uuid grant_id;                       /* oauth: what it was given under; else nil */
  int64_t scopes;                             /* bits of policy_does; 0: not limited */
  struct str audience;                        /* whose resource it is for (RFC 8707); STR_NONE: ours */
};

struct call_limit_record {
  struct uuid id, organisation_id;
  struct str scope;
  struct str scope_key; /* 16 bytes, or empty */
  int64_t window_us, cap;
};

enum change_kind { CHANGE_ORGANISATION, CHANGE_ACCESS_TOKEN };

struct change_record {
  int64_t seq;
  struct uuid organisation_id;
  enum change_kind kind;
  struct uuid object_id;
};

#define STORE_TX struct db_tx *tx, struct arena *arena
#define STORE_LIST(type) const struct type **ret_list, size_t *ret_n, struct err *err

/* installation.c */
enum err_code store_installation_get(STORE_TX, const char *name, struct str *ret_value, struct err *err) MUST_CHECK;
enum err_code store_installation_set(struct db_tx *tx, const char *name, struct str value, struct err *err) MUST_CHECK;

/* organisation.c */
enum err_code store_organisation_insert(struct db_tx *tx, const struct organisation_record *record,
                                        struct err *err) MUST_CHECK;
enum err_code store_organisation_get(STORE_TX, struct uuid id, struct organisation_record *ret_record,
                                     struct err *err) MUST_CHECK;
enum err_code store_organisation_find(STORE_TX, struct str name, struct organisation_record *ret_record,
                                      struct err *err) MUST_CHECK;
enum err_code store_organisation_list(STORE_TX, STORE_LIST(organisation_record)) MUST_CHECK;

/* user.c: logins and users */
enum err_code store_login_ensure(STORE_TX, struct str email, struct uuid *ret_id, struct err *err) MUST_CHECK;
enum err_code store_user_insert(struct db_tx *tx, const struct user_record *record, struct err *err) MUST_CHECK;
enum err_code store_user_set_kind(struct db_tx *tx, struct uuid organisation_id, struct uuid id, struct str kind,
                                  struct err *err) MUST_CHECK;
enum err_code store_user_delete(struct db_tx *tx, struct uuid organisation_id, struct uuid id,
                                struct err *err) MUST_CHECK;
enum err_code store_user_find(STORE_TX, struct uuid organisation_id, struct str email, struct user_record *ret_record,
                              struct err *err) MUST_CHECK;
enum err_code store_user_list(STORE_TX, struct uuid organisation_id, STORE_LIST(user_record)) MUST_CHECK;

/* role.c: roles, who has them, their rules */
enum err_code store_role_insert(struct db_tx *tx, const struct role_record *record, struct err *err) MUST_CHECK;
enum err_code store_role_limit_result(struct db_tx *tx, const struct role_record *record, struct err *err) MUST_CHECK;
enum err_code store_role_delete(struct db_tx *tx, struct uuid organisation_id, struct uuid id,
                                struct err *err) MUST_CHECK;
enum err_code store_role_list(STORE_TX, struct uuid organisation_id, STORE_LIST(role_record)) MUST_CHECK;
enum err_code store_user_role_list(STORE_TX, struct uuid organisation_id, STORE_LIST(user_role_record)) MUST_CHECK;
/* Those of some users alone; a nil id is nobody's. */
enum { STORE_SOME = 32 };
enum err_code store_user_role_list_of(STORE_TX, const struct uuid users[STORE_SOME],
                                      STORE_LIST(user_role_record)) MUST_CHECK;
enum err_code store_user_role_insert(struct db_tx *tx, struct uuid organisation_id, struct uuid user_id,
                                     struct uuid role_id, struct err *err) MUST_CHECK;
enum err_code store_user_role_delete(struct db_tx *tx, struct uuid organisation_id, struct uuid user_id,
                                     struct uuid role_id, struct err *err) MUST_CHECK;
enum err_code store_access_rule_list(STORE_TX, struct uuid organisation_id,
                                     STORE_LIST(access_rule_record)) MUST_CHECK; /* by role, position */
enum err_code store_access_rule_insert(struct db_tx *tx, const struct access_rule_record *record,
                                       struct err *err) MUST_CHECK;
enum err_code store_access_rule_delete_all(struct db_tx *tx, struct uuid organisation_id, struct uuid role_id,
                                           struct err *err) MUST_CHECK;

enum err_code store_role_rename(struct db_tx *tx, struct uuid organisation_id, struct uuid id, struct str name,
                                struct err *err) MUST_CHECK;
/* Rules that name a connection. */
enum err_code store_access_rule_retarget(struct db_tx *tx, struct uuid organisation_id, struct str from, struct str to,
                                         struct err *err) MUST_CHECK;

/* connector_switch.c: what people have switched off, by user, connector */
enum err_code store_connector_switch_list(STORE_TX, struct uuid organisation_id,
                                          STORE_LIST(connector_switch_record)) MUST_CHECK;
enum err_code store_connector_switch_list_of(STORE_TX, const struct uuid users[STORE_SOME],
                                             STORE_LIST(connector_switch_record)) MUST_CHECK;
enum err_code store_connector_switch_set(struct db_tx *tx, struct uuid organisation_id, struct uuid user_id,
                                         struct str connector_id, bool is_on, bool *ret_has_changed,
                                         struct err *err) MUST_CHECK;

/* connector.c */
/* Of each id the newest version that is not deprecated: the organisation's own and the installation's (nil). */
enum err_code store_connector_list(STORE_TX, struct uuid organisation_id, STORE_LIST(connector_record)) MUST_CHECK;
/* The same without those of the installation that no connection of the organisation is of: calls need no others. Those
 * of the kind "self" take no connections, and are everybody's. */
enum err_code store_connector_list_used(STORE_TX, struct uuid organisation_id, STORE_LIST(connector_record)) MUST_CHECK;
/* The one that counts for the organisation: its own, else the installation's. */
enum err_code store_connector_find(STORE_TX, struct uuid organisation_id, struct str id,
                                   struct connector_record *ret_record, struct err *err) MUST_CHECK;
enum err_code store_connector_insert(struct db_tx *tx, const struct connector_record *record,
                                     struct err *err) MUST_CHECK;
enum err_code store_connector_delete(struct db_tx *tx, struct uuid organisation_id, struct str id,
                                     struct err *err) MUST_CHECK;

/* personal_connector.c: ids, in order. */
enum err_code store_personal_connector_list(STORE_TX, struct uuid organisation_id, STORE_LIST(str)) MUST_CHECK;
/* Nothing happens where it is there, or is not there, already. */
enum err_code store_personal_connector_insert(struct db_tx *tx, struct uuid organisation_id, struct str connector_id,
                                              struct err *err) MUST_CHECK;
enum err_code store_personal_connector_delete(struct db_tx *tx, struct uuid organisation_id, struct str connector_id,
                                              struct err *err) MUST_CHECK;

/* connection.c */
enum err_code store_connection_list(STORE_TX, struct uuid organisation_id,
                                    STORE_LIST(connection_record)) MUST_CHECK; /* by name */
enum err_code store_connection_get(STORE_TX, struct uuid organisation_id, struct uuid id,
                                   struct connection_record *ret_record, struct err *err) MUST_CHECK;
enum err_code store_connection_find(STORE_TX, struct uuid organisation_id, struct str name,
                                    struct connection_record *ret_record, struct err *err) MUST_CHECK;
/* Whatever organisation it is of: for what is not in the database, and named by its id alone. */
enum err_code store_connection_exists(struct db_tx *tx, struct uuid id, bool *ret_exists, struct err *err) MUST_CHECK;
enum err_code store_connection_insert(struct db_tx *tx, const struct connection_record *record,
                                      struct err *err) MUST_CHECK;
enum err_code store_connection_update(struct db_tx *tx, const struct connection_record *record,
                                      struct err *err) MUST_CHECK; /* version grows by one */
enum err_code store_connection_rename(struct db_tx *tx, struct uuid organisation_id, struct uuid id, struct str name,
                                      struct err *err) MUST_CHECK; /* version grows by one */
enum err_code store_connection_delete(struct db_tx *tx, struct uuid organisation_id, struct uuid id,
                                      struct err *err) MUST_CHECK;

/* catalogue.c */
enum err_code store_catalogue_list(STORE_TX, struct uuid organisation_id, STORE_LIST(catalogue_record)) MUST_CHECK;
enum err_code store_catalogue_put(struct db_tx *tx, const struct catalogue_record *record, struct err *err) MUST_CHECK;
/* With its items; ERR_NONE also where there is nothing. */
enum err_code store_catalogue_delete(struct db_tx *tx, struct uuid organisation_id, struct uuid connection_id,
                                     struct err *err) MUST_CHECK;
enum err_code store_catalogue_item_list(STORE_TX, struct uuid organisation_id, struct uuid connection_id,
                                        STORE_LIST(catalogue_item_record)) MUST_CHECK; /* by kind, name */
/* What is there and accepted, of all connections: by connection's id, kind, name. */
enum err_code store_catalogue_item_list_accepted(STORE_TX, struct uuid organisation_id,
                                                 STORE_LIST(catalogue_item_record)) MUST_CHECK;
/* What was decided of the very same definition (kind, name, hash) at other connections of the connector: a rejection
 * before an acceptance, of these the one that thinks it does most. ERR_NOT_FOUND: nothing. */
enum err_code store_catalogue_item_find_decided(STORE_TX, const struct catalogue_item_record *item,
                                                struct str connector_id, struct catalogue_item_record *ret_record,
                                                struct err *err) MUST_CHECK;
/* Inserts, or updates the item of that connection, kind and name (whose id stays). `updated_at` becomes now. */
enum err_code store_catalogue_item_put(struct db_tx *tx, const struct catalogue_item_record *record,
                                       struct err *err) MUST_CHECK;
/* How many of each connection wait for a decision; connections without any are left out. */
struct connection_waiting {
  struct uuid connection_id;
  int64_t n;
};
enum err_code store_connection_waiting_list(STORE_TX, struct uuid organisation_id,
                                            STORE_LIST(connection_waiting)) MUST_CHECK;
enum err_code store_catalogue_item_delete(struct db_tx *tx, struct uuid organisation_id, struct uuid id,
                                          struct err *err) MUST_CHECK;

/* access_token.c */
enum err_code store_access_token_insert(struct db_tx *tx, const struct access_token_record *record,
                                        struct err *err) MUST_CHECK;
enum err_code store_access_token_get(STORE_TX, struct uuid id, struct access_token_record *ret_record,
                                     struct err *err) MUST_CHECK;
enum err_code store_access_token_revoke(struct db_tx *tx, struct uuid organisation_id, struct uuid id, int64_t now,
                                        struct err *err) MUST_CHECK;
/* Ends it then, in place of when it would have. */
enum err_code store_access_token_expire(struct db_tx *tx, struct uuid organisation_id, struct uuid id,
                                        int64_t expires_at, struct err *err) MUST_CHECK;
enum err_code store_access_token_list(STORE_TX, struct uuid organisation_id,
                                      STORE_LIST(access_token_record)) MUST_CHECK;
/* Every live one of the installation, for a server's start; the record is valid during the call. Stops at the first
 * error returned. */
typedef enum err_code (*store_access_token_visit)(const struct access_token_record *record, void *context,
                                                  struct err *err);
enum err_code store_access_token_each(struct db_tx *tx, int64_t now, store_access_token_visit visit, void *context,
                                      struct err *err) MUST_CHECK;

/* call_limit.c */
enum err_code store_call_limit_list(STORE_TX, struct uuid organisation_id, STORE_LIST(call_limit_record)) MUST_CHECK;
/* By scope, key and window, behind those of `after`, of its organisation. */
enum err_code store_call_limit_page(STORE_TX, const struct call_limit_record *after, size_t max,
                                    STORE_LIST(call_limit_record)) MUST_CHECK;
enum err_code store_call_limit_put(struct db_tx *tx, const struct call_limit_record *record,
                                   struct err *err) MUST_CHECK;
enum err_code store_call_limit_delete(struct db_tx *tx, struct uuid organisation_id, struct uuid id,
                                      struct err *err) MUST_CHECK;

/* change.c: written in the change's own transaction */
/* CHANGE_ORGANISATION also grows organisation.version. */
enum err_code store_change_log(struct db_tx *tx, struct uuid organisation_id, enum change_kind kind,
                               struct uuid object_id, struct err *err) MUST_CHECK;
enum err_code store_change_list(STORE_TX, int64_t after_seq, size_t max, STORE_LIST(change_record)) MUST_CHECK;
enum err_code store_change_last(struct db_tx *tx, int64_t *ret_seq, struct err *err) MUST_CHECK;
/* Some of the oldest rows go: up to `passed`, which this server has read, and none written since `before`: others that
 * share the database may be behind. The newest row stays whatever is passed, since the next number comes from it. */
enum err_code store_change_prune(struct db_tx *tx, int64_t passed, int64_t before, struct err *err) MUST_CHECK;

/* audit.c */
struct audit_row {
  struct uuid organisation_id;
  struct str writer;
  int64_t seq, time;
  struct str record;
  uint8_t mac[32];
  struct str personal; /* sealed, or STR_NONE */
};
struct audit_head_row {
  struct uuid organisation_id;
  struct str writer;
  int64_t seq;
  uint8_t mac[32], head_mac[32];
};
enum err_code store_audit_insert(struct db_tx *tx, const struct audit_row *row, struct err *err) MUST_CHECK;
/* `before`: what its seq was; it fails where somebody else has put records into the chain meanwhile. */
enum err_code store_audit_head_put(struct db_tx *tx, const struct audit_head_row *row, int64_t before,
                                   struct err *err) MUST_CHECK;
/* Of one chain: its head, and its last record's seq and mac. ERR_NOT_FOUND: there is none. `writer` is borrowed. */
enum err_code store_audit_head_get(struct db_tx *tx, struct uuid organisation_id, struct str writer,
                                   struct audit_head_row *ret_row, struct err *err) MUST_CHECK;
enum err_code store_audit_tail_get(struct db_tx *tx, struct uuid organisation_id, struct str writer, int64_t *ret_seq,
                                   uint8_t ret_mac[32], struct err *err) MUST_CHECK;
enum err_code store_audit_head_list(STORE_TX, STORE_LIST(audit_head_row)) MUST_CHECK;
/* Every record of one organisation (nil: of all), by organisation, writer, seq. */
typedef enum err_code (*store_audit_visit)(const struct audit_row *row, void *context, struct err *err);
enum err_code store_audit_each(struct db_tx *tx, struct uuid organisation_id, store_audit_visit visit, void *context,
                               struct err *err) MUST_CHECK;
/* Of one chain those behind `after`, by seq, `max` at most. */
enum err_code store_audit_each_after(struct db_tx *tx, struct uuid organisation_id, struct str writer, int64_t after,
                                     size_t max, store_audit_visit visit, void *context, struct err *err) MUST_CHECK;
/* One record, written at that time; its strings in the arena. ERR_NOT_FOUND. */
enum err_code store_audit_get(STORE_TX, struct uuid organisation_id, struct str writer, int64_t seq, int64_t time,
                              struct audit_row *ret_row, struct err *err) MUST_CHECK;
/* One organisation's (nil: all), by time. */
enum err_code store_audit_each_by_time(struct db_tx *tx, struct uuid organisation_id, store_audit_visit visit,
                                       void *context, struct err *err) MUST_CHECK;

#endif
