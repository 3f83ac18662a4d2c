/* One apply under way: what its parts share. Private to this folder. */
#ifndef CONNEK_CONFIG_APPLY_H
#define CONNEK_CONFIG_APPLY_H

#include "base/buf.h"
#include "base/map.h"
#include "config/config.h"
#include "config/model.h"
#include "store/store.h"

/* By name: what the file names (struct config_*), and what the database holds (struct *_record), which grows as the
 * apply goes on. */
struct apply_set {
  struct map file, stored;
};

struct apply {
  struct db_tx *tx;
  const struct vault *vault;
  const struct config *config;
  struct arena *arena; /* of this apply alone */
  struct buf *out;
  struct err *err;
  bool may_prune;
  const struct audit_author *author; /* or NULL */
  int64_t now;
  size_t n_changes;
  struct organisation_record organisation;
  struct vault_keys *keys;
  struct apply_set connectors, connections, roles, users;
  /* as the database held them at the start */
  const struct connector_record *old_connectors;
  size_t n_old_connectors;
  const struct connection_record *old_connections;
  size_t n_old_connections;
  const struct role_record *old_roles;
  size_t n_old_roles;
  const struct user_record *old_users;
  size_t n_old_users;
};

/* One change: its line, its audit record. */
struct apply_change {
  char sign;        /* '+', '~' or '-' */
  const char *what; /* "role" */
  struct str name;
  struct str detail;                          /* "settings, credential", or empty */
  const char *word;                           /* "role.create" */
  struct str arguments;                       /* JSON without secrets, or empty: {"WHAT": NAME} */
  const struct connection_record *connection; /* or NULL */
  const struct connector_record *connector;   /* or NULL */
};
enum err_code apply_change(struct apply *apply, const struct apply_change *change) MUST_CHECK;
/* A line for what the file does not name and may not be removed. */
void apply_kept(struct apply *apply, const char *what, struct str name);
/* ERR_INVALID at `place` + `pointer`. */
enum err_code apply_fail(struct apply *apply, struct str place, const char *pointer, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* Loads the organisation's lists, into `stored` too. */
enum err_code apply_index_stored(struct apply *apply) MUST_CHECK;
/* Will it be there when this apply has ended? */
bool apply_has(const struct apply *apply, const struct apply_set *set, struct str name);
enum err_code apply_put(struct apply *apply, struct map *map, struct str name, const void *record) MUST_CHECK;

/* Each makes one part of the organisation equal to the file. They run in this order. */
enum err_code apply_limits(struct apply *apply) MUST_CHECK;
enum err_code apply_audit(struct apply *apply) MUST_CHECK;
enum err_code apply_connectors(struct apply *apply) MUST_CHECK;
enum err_code apply_personal(struct apply *apply) MUST_CHECK;
enum err_code apply_roles(struct apply *apply) MUST_CHECK;
enum err_code apply_users(struct apply *apply) MUST_CHECK;
enum err_code apply_connections(struct apply *apply) MUST_CHECK;
/* Then what the file does not name is removed, or listed. */
enum err_code prune_connections(struct apply *apply) MUST_CHECK;
enum err_code prune_users(struct apply *apply) MUST_CHECK;
enum err_code prune_roles(struct apply *apply) MUST_CHECK;
enum err_code prune_connectors(struct apply *apply) MUST_CHECK;
enum err_code prune_personal(struct apply *apply) MUST_CHECK;
enum err_code prune_limits(struct apply *apply) MUST_CHECK;
enum err_code prune_audit(struct apply *apply) MUST_CHECK;

/* One of what is stored goes, with its record. */
enum err_code remove_connection(struct apply *apply, const struct connection_record *old) MUST_CHECK;
enum err_code remove_role(struct apply *apply, const struct role_record *old) MUST_CHECK;
enum err_code remove_connector(struct apply *apply, const struct connector_record *old) MUST_CHECK;
/* A user, with their tokens: `tokens` are the organisation's. */
enum err_code remove_user(struct apply *apply, const struct user_record *old, const struct access_token_record *tokens,
                          size_t n_tokens) MUST_CHECK;

/* apply_limit.c: the limit that config files speak of, every access token's own; id nil: none is set. */
enum err_code limit_find(struct db_tx *tx, struct arena *arena, struct uuid organisation_id,
                         struct call_limit_record *ret_limit, struct err *err) MUST_CHECK;

#endif
