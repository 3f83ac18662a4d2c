/* Makes the database equal to a configuration that has been read: the order of the parts, what they refer to, and what
 * every change leaves behind (a line, an audit record, one row of the change log). All in the caller's transaction. */
#include "config/apply.h"

#include <stdarg.h>
#include <stdio.h>

#include "audit/audit.h"
#include "base/clock.h"
#include "base/limits.h"
#include "codec/json.h"
#include "config/destination.h"
#include "keyring/keyring.h"

static enum err_code change_arguments(struct apply *apply, const struct apply_change *change, struct str *ret_text) {
  struct buf text, canonical;
  buf_init(&text, apply->arena, LIMIT_JSON_FILE);
  buf_init(&canonical, apply->arena, LIMIT_JSON_FILE);
  if (change->arguments.n) {
    buf_append_str(&text, change->arguments);
  } else {
    buf_append_byte(&text, '{');
    json_write_str(&text, str_of(change->what));
    buf_append_byte(&text, ':');
    json_write_str(&text, change->name);
    buf_append_byte(&text, '}');
  }
  if (buf_failed(&text)) return err_no_memory(apply->err);
  yyjson_doc *doc = NULL;
  enum err_code code = json_read(apply->arena, buf_str(&text), &doc, apply->err);
  if (!code) code = json_write_canonical(&canonical, yyjson_doc_get_root(doc), apply->err);
  if (code) return code;
  if (buf_failed(&canonical)) return err_no_memory(apply->err);
  *ret_text = buf_str(&canonical);
  return ERR_NONE;
}

enum err_code apply_change(struct apply *apply, const struct apply_change *change) {
  buf_printf(apply->out, "%c %s %.*s", change->sign, change->what, STR_ARG(change->name));
  if (change->detail.n) buf_printf(apply->out, ": %.*s", STR_ARG(change->detail));
  buf_append_byte(apply->out, '\n');
  apply->n_changes++;

  struct audit_event event = {.kind = AUDIT_CHANGE,
                              .organisation_id = apply->organisation.id,
                              .keys = apply->keys,
                              .time = apply->now,
                              .call_id = uuid_new(),
                              .roles = STR("[]"),
                              .policy_version = apply->organisation.version,
                              .tool = str_of(change->word),
                              .may_keep_arguments = true,
                              .decision = AUDIT_ALLOWED,
                              .outcome = AUDIT_OK};
  audit_event_by(&event, apply->author);
  if (change->connection) {
    event.connection_id = change->connection->id;
    event.connection = change->connection->name;
    event.connector = change->connection->connector_id;
  }
  if (change->connector) {
    event.connector = change->connector->id;
    event.connector_version = change->connector->version;
  }
  enum err_code code = change_arguments(apply, change, &event.arguments);
  return code ? code : audit_record_in(apply->tx, &event, apply->err);
}

void apply_kept(struct apply *apply, const char *what, struct str name) {
  buf_printf(apply->out, "  not in the file: %s %.*s (kept; --prune removes it)\n", what, STR_ARG(name));
}

enum err_code apply_fail(struct apply *apply, struct str place, const char *pointer, const char *format, ...) {
  char text[ERR_TEXT_SIZE];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  (void)err_set(apply->err, ERR_INVALID, "%s", text);
  err_place(apply->err, "%.*s%s", STR_ARG(place), pointer);
  return ERR_INVALID;
}

bool apply_has(const struct apply *apply, const struct apply_set *set, struct str name) {
  return map_get(&set->file, name) || (!apply->may_prune && map_get(&set->stored, name));
}

enum err_code apply_put(struct apply *apply, struct map *map, struct str name, const void *record) {
  return map_put(map, name, (void *)(uintptr_t)record) ? err_no_memory(apply->err) : ERR_NONE;
}

/* --- what the file names, what the database holds --- */

static enum err_code index_file(struct apply *apply) {
  const struct config *config = apply->config;
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < config->n_connectors && !code; i++) {
    code = apply_put(apply, &apply->connectors.file, config->connectors[i].id, &config->connectors[i]);
  }
  for (size_t i = 0; i < config->n_connections && !code; i++) {
    code = apply_put(apply, &apply->connections.file, config->connections[i].name, &config->connections[i]);
  }
  for (size_t i = 0; i < config->n_roles && !code; i++) {
    code = apply_put(apply, &apply->roles.file, config->roles[i].name, &config->roles[i]);
  }
  for (size_t i = 0; i < config->n_users && !code; i++) {
    code = apply_put(apply, &apply->users.file, config->users[i].email, &config->users[i]);
  }
  return code;
}

enum err_code apply_index_stored(struct apply *apply) {
  struct uuid id = apply->organisation.id;
  enum err_code code =
      store_connector_list(apply->tx, apply->arena, id, &apply->old_connectors, &apply->n_old_connectors, apply->err);
  if (!code) {
    code = store_connection_list(apply->tx, apply->arena, id, &apply->old_connections, &apply->n_old_connections,
                                 apply->err);
  }
  if (!code) code = store_role_list(apply->tx, apply->arena, id, &apply->old_roles, &apply->n_old_roles, apply->err);
  if (!code) code = store_user_list(apply->tx, apply->arena, id, &apply->old_users, &apply->n_old_users, apply->err);
  for (size_t i = 0; i < apply->n_old_connectors && !code; i++) {
    code = apply_put(apply, &apply->connectors.stored, apply->old_connectors[i].id, &apply->old_connectors[i]);
    /* What belongs to the installation is never pruned: it counts as named. */
    if (!code && uuid_is_nil(apply->old_connectors[i].organisation_id)) {
      code = apply_put(apply, &apply->connectors.file, apply->old_connectors[i].id, &apply->old_connectors[i]);
    }
  }
  for (size_t i = 0; i < apply->n_old_connections && !code; i++) {
    code = apply_put(apply, &apply->connections.stored, apply->old_connections[i].name, &apply->old_connections[i]);
  }
  for (size_t i = 0; i < apply->n_old_roles && !code; i++) {
    code = apply_put(apply, &apply->roles.stored, apply->old_roles[i].name, &apply->old_roles[i]);
  }
  for (size_t i = 0; i < apply->n_old_users && !code; i++) {
    code = apply_put(apply, &apply->users.stored, apply->old_users[i].email, &apply->old_users[i]);
  }
  return code;
}

/* --- references: each must lead somewhere once this apply has ended --- */

static enum err_code check_rules(struct apply *apply, const struct config_role *role) {
  for (size_t i = 0; i < role->n_rules; i++) {
    const struct config_rule *rule = &role->rules[i];
    bool is_connection = str_eq_c(rule->target_kind, "connection");
    if (!is_connection && !str_eq_c(rule->target_kind, "connector")) continue;
    const struct apply_set *set = is_connection ? &apply->connections : &apply->connectors;
    if (apply_has(apply, set, rule->target)) continue;
    return apply_fail(apply, rule->place, is_connection ? "/connection" : "/connector", "there is no %s \"%.*s\"",
                      is_connection ? "connection" : "connector", STR_ARG(rule->target));
  }
  return ERR_NONE;
}

static enum err_code check_references(struct apply *apply) {
  const struct config *config = apply->config;
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < config->n_connections && !code; i++) {
    const struct config_connection *connection = &config->connections[i];
    if (!apply_has(apply, &apply->connectors, connection->connector_id)) {
      code = apply_fail(apply, connection->place, "/connector", "there is no connector \"%.*s\"",
                        STR_ARG(connection->connector_id));
    } else if (connection->owner_email.p && !apply_has(apply, &apply->users, connection->owner_email)) {
      code = apply_fail(apply, connection->place, "/owner", "there is no user %.*s", STR_ARG(connection->owner_email));
    }
  }
  for (size_t i = 0; i < config->n_roles && !code; i++)
    code = check_rules(apply, &config->roles[i]);
  for (size_t i = 0; i < config->n_users; i++) {
    const struct config_user *user = &config->users[i];
    for (size_t k = 0; k < user->n_roles && !code; k++) {
      if (apply_has(apply, &apply->roles, user->roles[k])) continue;
      char pointer[32];
      (void)snprintf(pointer, sizeof(pointer), "/roles/%zu", k);
      code = apply_fail(apply, user->place, pointer, "there is no role \"%.*s\"", STR_ARG(user->roles[k]));
    }
  }
  return code;
}

/* --- the whole --- */

static enum err_code organisation_new(struct apply *apply) {
  apply->organisation = (struct organisation_record){
      .id = uuid_new(), .name = apply->config->organisation, .version = 1, .created_at = apply->now};
  bool is_new = false;
  /* The master key may have been changed since this command began. */
  enum err_code code =
      keyring_check_master(apply->tx, apply->arena, apply->vault, "the data folder", &is_new, apply->err);
  if (!code)
    code = vault_data_key_new(apply->vault, apply->arena, apply->organisation.id, &apply->organisation.data_key,
                              apply->err);
  if (!code) code = store_organisation_insert(apply->tx, &apply->organisation, apply->err);
  return code;
}

static enum err_code open_organisation(struct apply *apply) {
  enum err_code code =
      store_organisation_find(apply->tx, apply->arena, apply->config->organisation, &apply->organisation, apply->err);
  bool is_new = code == ERR_NOT_FOUND;
  if (is_new) code = organisation_new(apply);
  if (!code) {
    db_scope(apply->tx, apply->organisation.id);
    code =
        vault_keys_open(apply->vault, apply->organisation.id, apply->organisation.data_key, &apply->keys, apply->err);
  }
  if (code || !is_new) return code;
  return apply_change(
      apply, &(struct apply_change){
                 .sign = '+', .what = "organisation", .name = apply->organisation.name, .word = "organisation.create"});
}

static enum err_code run(struct apply *apply) {
  typedef enum err_code (*part)(struct apply *apply);
  static const part parts[] = {open_organisation, index_file,   apply_index_stored, check_references,
                               apply_limits,      apply_audit,  apply_connectors,   apply_personal,
                               apply_roles,       apply_users,  apply_connections,  destination_check_others,
                               prune_connections, prune_users,  prune_roles,        prune_personal,
                               prune_connectors,  prune_limits, prune_audit};
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    enum err_code code = parts[i](apply);
    if (code) return code;
  }
  if (apply->n_changes == 0) return ERR_NONE;
  return store_change_log(apply->tx, apply->organisation.id, CHANGE_ORGANISATION, apply->organisation.id, apply->err);
}

enum err_code config_apply(struct db_tx *tx, const struct vault *vault, const struct config *config, bool may_prune,
                           const struct audit_author *author, struct buf *out, size_t *ret_n_changes, struct err *err) {
  struct arena arena;
  arena_init(&arena, 0);
  struct apply apply = {.tx = tx,
                        .vault = vault,
                        .config = config,
                        .arena = &arena,
                        .out = out,
                        .err = err,
                        .may_prune = may_prune,
                        .author = author,
                        .now = clock_utc_us()};
  struct apply_set *const sets[] = {&apply.connectors, &apply.connections, &apply.roles, &apply.users};
  for (size_t i = 0; i < 4; i++) {
    map_init(&sets[i]->file);
    map_init(&sets[i]->stored);
  }
  enum err_code code = run(&apply);
  if (!code && buf_failed(out)) code = err_set(err, ERR_TOO_LARGE, "the list of changes is too long");
  for (size_t i = 0; i < 4; i++) {
    map_release(&sets[i]->file);
    map_release(&sets[i]->stored);
  }
  vault_keys_free(apply.keys);
  arena_release(&arena);
  if (!code) *ret_n_changes = apply.n_changes;
  return code;
}
