/* One thing less, or with another name, without a file: what the API's deletions and renamings are. All in the caller's
 * transaction. */
#include "config/apply.h"

#include "base/clock.h"
#include "base/limits.h"
#include "codec/json.h"
#include "config/words.h"

struct edit {
  struct uuid organisation_id;
  enum config_part part;
  struct str name, to; /* to: .p NULL: it is removed */
};

static enum err_code missing(struct apply *apply, const char *what) {
  return err_set(apply->err, ERR_NOT_FOUND, "there is no such %s", what);
}

static enum err_code retire_connection(struct apply *apply, const struct edit *edit) {
  const struct connection_record *old = map_get(&apply->connections.stored, edit->name);
  const struct access_rule_record *rules;
  size_t n;
  if (!old) return missing(apply, "connection");
  enum err_code code = store_access_rule_list(apply->tx, apply->arena, apply->organisation.id, &rules, &n, apply->err);
  if (code) return code;
  for (size_t i = 0; i < n; i++) {
    if (!str_eq_c(rules[i].target_kind, "connection") || !str_eq(rules[i].target, old->name)) continue;
    for (size_t k = 0; k < apply->n_old_roles; k++) {
      if (!uuid_eq(apply->old_roles[k].id, rules[i].role_id)) continue;
      return err_set(apply->err, ERR_CONFLICT, "a rule of role \"%.*s\" names this connection: change that first",
                     STR_ARG(apply->old_roles[k].name));
    }
  }
  return remove_connection(apply, old);
}

static enum err_code retire_connector(struct apply *apply, const struct edit *edit) {
  const struct connector_record *old = map_get(&apply->connectors.stored, edit->name);
  if (!old) return missing(apply, "connector");
  if (uuid_is_nil(old->organisation_id)) return err_set(apply->err, ERR_CONFLICT, "a built-in connector stays");
  for (size_t i = 0; i < apply->n_old_connections; i++) {
    if (str_eq(apply->old_connections[i].connector_id, old->id))
      return err_set(apply->err, ERR_CONFLICT, "the connection \"%.*s\" is of this connector: delete that first",
                     STR_ARG(apply->old_connections[i].name));
  }
  return remove_connector(apply, old);
}

static enum err_code retire_user(struct apply *apply, const struct edit *edit) {
  const struct user_record *old = map_get(&apply->users.stored, edit->name);
  const struct access_token_record *tokens = NULL;
  size_t n = 0;
  if (!old) return missing(apply, "user");
  enum err_code code =
      store_access_token_list(apply->tx, apply->arena, apply->organisation.id, &tokens, &n, apply->err);
  return code ? code : remove_user(apply, old, tokens, n);
}

static enum err_code retire(struct apply *apply, const struct edit *edit) {
  const struct role_record *role;
  switch (edit->part) {
    case CONFIG_CONNECTION:
      return retire_connection(apply, edit);
    case CONFIG_CONNECTOR:
      return retire_connector(apply, edit);
    case CONFIG_USER:
      return retire_user(apply, edit);
    case CONFIG_ROLE:
      role = map_get(&apply->roles.stored, edit->name);
      return role ? remove_role(apply, role) : missing(apply, "role");
  }
  return err_set(apply->err, ERR_INTERNAL, "no such part");
}

static enum err_code record_rename(struct apply *apply, const struct edit *edit, const char *what, const char *word,
                                   const struct connection_record *connection) {
  struct buf arguments;
  buf_init(&arguments, apply->arena, 4 * KIB);
  buf_append_c(&arguments, "{\"from\":");
  json_write_str(&arguments, edit->name);
  buf_append_c(&arguments, ",\"to\":");
  json_write_str(&arguments, edit->to);
  buf_append_byte(&arguments, '}');
  if (buf_failed(&arguments)) return err_no_memory(apply->err);
  return apply_change(apply, &(struct apply_change){.sign = '~',
                                                    .what = what,
                                                    .name = edit->name,
                                                    .detail = edit->to,
                                                    .word = word,
                                                    .arguments = buf_str(&arguments),
                                                    .connection = connection});
}

static enum err_code rename_in(struct apply *apply, const struct edit *edit) {
  struct uuid organisation = apply->organisation.id;
  enum err_code code = config_name_check(edit->to, apply->err);
  if (code) return code;
  if (edit->part == CONFIG_ROLE) {
    const struct role_record *role = map_get(&apply->roles.stored, edit->name);
    if (!role) return missing(apply, "role");
    code = store_role_rename(apply->tx, organisation, role->id, edit->to, apply->err);
    return code ? code : record_rename(apply, edit, "role", "role.rename", NULL);
  }
  const struct connection_record *connection = map_get(&apply->connections.stored, edit->name);
  if (edit->part != CONFIG_CONNECTION || !connection) return missing(apply, "connection");
  if (connection->is_made_by_owner)
    return err_set(apply->err, ERR_CONFLICT, "a user made this connection for themselves: nobody else changes it");
  code = store_connection_rename(apply->tx, organisation, connection->id, edit->to, apply->err);
  if (!code) code = store_access_rule_retarget(apply->tx, organisation, edit->name, edit->to, apply->err);
  return code ? code : record_rename(apply, edit, "connection", "connection.rename", connection);
}

static enum err_code run(struct apply *apply, const struct edit *edit) {
  enum err_code code =
      store_organisation_get(apply->tx, apply->arena, edit->organisation_id, &apply->organisation, apply->err);
  if (!code) {
    code =
        vault_keys_open(apply->vault, apply->organisation.id, apply->organisation.data_key, &apply->keys, apply->err);
  }
  if (!code) code = apply_index_stored(apply);
  if (!code) code = edit->to.p ? rename_in(apply, edit) : retire(apply, edit);
  if (code) return code;
  return store_change_log(apply->tx, apply->organisation.id, CHANGE_ORGANISATION, apply->organisation.id, apply->err);
}

static enum err_code edit(struct db_tx *tx, const struct vault *vault, const struct edit *edit,
                          const struct audit_author *author, struct err *err) {
  struct arena arena;
  struct buf lines; /* nobody reads them here */
  arena_init(&arena, 0);
  buf_init(&lines, &arena, 64 * KIB);
  struct apply apply = {
      .tx = tx, .vault = vault, .arena = &arena, .out = &lines, .err = err, .author = author, .now = clock_utc_us()};
  struct apply_set *const sets[] = {&apply.connectors, &apply.connections, &apply.roles, &apply.users};
  for (size_t i = 0; i < 4; i++) {
    map_init(&sets[i]->file);
    map_init(&sets[i]->stored);
  }
  enum err_code code = run(&apply, edit);
  for (size_t i = 0; i < 4; i++) {
    map_release(&sets[i]->file);
    map_release(&sets[i]->stored);
  }
  vault_keys_free(apply.keys);
  arena_release(&arena);
  return code;
}

enum err_code config_remove(struct db_tx *tx, const struct vault *vault, struct uuid organisation_id,
                            enum config_part part, struct str name, const struct audit_author *author,
                            struct err *err) {
  return edit(tx, vault, &(struct edit){organisation_id, part, name, STR_NONE}, author, err);
}

enum err_code config_rename(struct db_tx *tx, const struct vault *vault, struct uuid organisation_id,
                            enum config_part part, struct str from, struct str to, const struct audit_author *author,
                            struct err *err) {
  return edit(tx, vault, &(struct edit){organisation_id, part, from, to}, author, err);
}
