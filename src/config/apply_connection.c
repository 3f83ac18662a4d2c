/* Connections: connector, labels, owner, settings, credential. A credential is compared opened and stored sealed; a
 * connection that moves to another connector does not take its old one along. */
#include "codec/json.h"
#include "config/apply.h"
#include "config/bind.h"
#include "config/credential.h"
#include "config/destination.h"
#include "vault/places.h"

/* Where the connection stands in the database and what the file wants of it. */
struct difference {
  bool connector, labels, owner, names, trust, settings, credential;
  bool place; /* where its credential goes, or whose it is: not a member of the file */
};

static enum err_code compile_stored(struct apply *apply, const struct connector_record *record,
                                    struct connector *ret_connector) {
  yyjson_doc *doc = NULL;
  enum err_code code = json_read_file_text(apply->arena, record->definition, &doc, apply->err);
  if (!code) code = connector_compile(apply->arena, yyjson_doc_get_root(doc), ret_connector, apply->err);
  return code;
}

/* The settings as stored: bound when the file was read, or now, for a connector that only the database knows. */
static enum err_code settings_of(struct apply *apply, const struct config_connection *connection,
                                 struct str *ret_settings) {
  if (connection->bound.p) {
    *ret_settings = connection->bound;
    return ERR_NONE;
  }
  struct connector *connector = arena_new(apply->arena, struct connector);
  if (!connector) return err_no_memory(apply->err);
  const struct connector_record *record = map_get(&apply->connectors.stored, connection->connector_id);
  enum err_code code = compile_stored(apply, record, connector);
  if (code) {
    err_prefix(apply->err, "the stored connector \"%.*s\"", STR_ARG(record->id));
    err_place(apply->err, "%.*s/connector", STR_ARG(connection->place));
    return code;
  }
  return config_bind(apply->arena, apply->config, connection, connector, ret_settings, apply->err);
}

static enum err_code is_same_json(struct apply *apply, struct str stored, struct str wanted, bool *ret_is_same) {
  *ret_is_same = str_eq(stored, wanted);
  if (*ret_is_same) return ERR_NONE;
  yyjson_doc *doc = NULL;
  struct buf canonical;
  buf_init(&canonical, apply->arena, stored.n * 6 + 1024);
  enum err_code code = json_read(apply->arena, stored, &doc, apply->err);
  if (!code) code = json_write_canonical(&canonical, yyjson_doc_get_root(doc), apply->err);
  if (code) return code;
  if (buf_failed(&canonical)) return err_no_memory(apply->err);
  *ret_is_same = str_eq(buf_str(&canonical), wanted);
  return ERR_NONE;
}

static enum err_code credential_differs(struct apply *apply, const struct connection_record *old,
                                        const struct config_connection *connection, bool is_connector_changed,
                                        bool *ret_differs) {
  bool has_old = old->credential.n > 0;
  if (connection->credential_state != CONFIG_CREDENTIAL_SET) {
    *ret_differs = has_old && (connection->credential_state == CONFIG_CREDENTIAL_REMOVED || is_connector_changed);
    return ERR_NONE;
  }
  *ret_differs = true;
  if (!has_old) return ERR_NONE;
  struct secret *plain = NULL;
  enum err_code code = vault_unseal(apply->keys, vault_place_credential(&old->id), old->credential, &plain, apply->err);
  if (code == ERR_INVALID) return ERR_NONE; /* what does not open is replaced by what the file gives */
  bool is_same = false;
  if (!code) code = credential_is_same(plain, connection->credential, &is_same, apply->err);
  secret_free(plain);
  if (!code) *ret_differs = !is_same;
  return code;
}

static enum err_code compare(struct apply *apply, const struct connection_record *old,
                             const struct connection_record *wanted, const struct config_connection *connection,
                             struct difference *ret_difference) {
  bool is_same_labels = false, is_same_settings = false;
  ret_difference->connector = !str_eq(old->connector_id, wanted->connector_id);
  ret_difference->owner = !uuid_eq(old->owner_user_id, wanted->owner_user_id);
  ret_difference->names = !str_eq(old->names, wanted->names);
  ret_difference->trust = !str_eq(old->trust, wanted->trust);
  enum err_code code = is_same_json(apply, old->labels, wanted->labels, &is_same_labels);
  if (!code) code = is_same_json(apply, old->settings, wanted->settings, &is_same_settings);
  ret_difference->labels = !is_same_labels;
  ret_difference->settings = !is_same_settings;
  if (code) return code;
  return credential_differs(apply, old, connection, ret_difference->connector, &ret_difference->credential);
}

static enum err_code compare_places(struct apply *apply, const struct connection_record *old,
                                    const struct connection_record *wanted, struct difference *difference) {
  struct str before, after;
  const struct connector_record *now = map_get(&apply->connectors.stored, wanted->connector_id);
  bool has_other_owner = !uuid_is_nil(old->owner_user_id) && difference->owner;
  const struct connector_record *then = destination_old_connector(apply, old->connector_id);
  enum err_code code = destination_of(apply, then, old->settings, old->captured, &before);
  if (!code) code = destination_of(apply, now, wanted->settings, old->captured, &after);
  difference->place = difference->connector || has_other_owner || (!code && !str_eq(before, after));
  return code;
}

/* What was entered for one place, or by one person, is not sent to another, nor for another. */
static enum err_code check_place(struct apply *apply, const struct config_connection *connection,
                                 const struct connection_record *old, const struct difference *difference) {
  bool is_kept = old->credential.n > 0 && connection->credential_state == CONFIG_CREDENTIAL_KEPT;
  if (!difference->place || difference->connector || !is_kept) return ERR_NONE;
  return apply_fail(apply, connection->place, "",
                    "its credential was entered for another place or person: give \"credential\" anew, or null");
}

static enum err_code list_differences(struct apply *apply, const struct difference *difference,
                                      const struct connection_record *record, struct apply_change *change) {
  const struct {
    bool is_changed;
    const char *name;
  } parts[] = {{difference->connector, "connector"},  {difference->labels, "labels"},
               {difference->owner, "owner"},          {difference->names, "names"},
               {difference->trust, "trust"},          {difference->settings, "settings"},
               {difference->credential, "credential"}};
  struct buf list, json;
  buf_init(&list, apply->arena, 128);
  buf_init(&json, apply->arena, 4096);
  buf_append_c(&json, "{\"connection\":");
  json_write_str(&json, record->name);
  buf_append_c(&json, ",\"changed\":[");
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    if (!parts[i].is_changed) continue;
    buf_printf(&json, "%s\"%s\"", list.n ? "," : "", parts[i].name);
    buf_printf(&list, "%s%s", list.n ? ", " : "", parts[i].name);
  }
  buf_append_c(&json, "]}");
  if (buf_failed(&list) || buf_failed(&json)) return err_no_memory(apply->err);
  change->detail = buf_str(&list);
  change->arguments = buf_str(&json);
  return ERR_NONE;
}

static enum err_code seal(struct apply *apply, const struct config_connection *connection,
                          struct connection_record *record) {
  return vault_seal(apply->keys, apply->arena, vault_place_credential(&record->id), secret_open(connection->credential),
                    &record->credential, apply->err);
}

static enum err_code connection_new(struct apply *apply, const struct config_connection *connection,
                                    struct connection_record *record) {
  record->id = uuid_new();
  record->version = 1;
  record->created_at = record->updated_at = apply->now;
  enum err_code code = connection->credential ? seal(apply, connection, record) : ERR_NONE;
  if (!code) code = store_connection_insert(apply->tx, record, apply->err);
  if (code) return code;
  return apply_change(apply,
                      &(struct apply_change){.sign = '+',
                                             .what = "connection",
                                             .name = record->name,
                                             .word = "connection.create",
                                             .connection = record,
                                             .connector = map_get(&apply->connectors.stored, record->connector_id)});
}

static enum err_code connection_update(struct apply *apply, const struct config_connection *connection,
                                       const struct connection_record *old, struct connection_record *record) {
  struct difference difference = {0};
  enum err_code code = compare(apply, old, record, connection, &difference);
  if (!code) code = compare_places(apply, old, record, &difference);
  if (!code) code = check_place(apply, connection, old, &difference);
  if (!code && difference.place) code = destination_disconnect(apply, old);
  if (code) return code;
  if (!difference.connector && !difference.labels && !difference.owner && !difference.names && !difference.trust &&
      !difference.settings && !difference.credential) {
    return ERR_NONE;
  }
  record->id = old->id;
  record->version = old->version;
  record->created_at = old->created_at;
  record->updated_at = apply->now;
  if (!difference.credential) {
    record->credential = old->credential;
  } else if (connection->credential) {
    code = seal(apply, connection, record);
  }
  struct apply_change change = {.sign = '~',
                                .what = "connection",
                                .name = record->name,
                                .word = "connection.update",
                                .connection = record,
                                .connector = map_get(&apply->connectors.stored, record->connector_id)};
  if (!code) code = list_differences(apply, &difference, record, &change);
  if (!code) code = store_connection_update(apply->tx, record, apply->err);
  /* What was accepted of one server says nothing about another. */
  if (!code && difference.connector)
    code = store_catalogue_delete(apply->tx, record->organisation_id, record->id, apply->err);
  return code ? code : apply_change(apply, &change);
}

/* What somebody made for themselves is theirs alone to change: else an admin could lead it elsewhere, or give it labels
 * that rules speak of. */
static enum err_code check_maker(struct apply *apply, const struct config_connection *connection,
                                 const struct connection_record *old) {
  bool is_theirs = apply->config->is_owners && apply->author && uuid_eq(old->owner_user_id, apply->author->user_id);
  if (old->is_made_by_owner ? is_theirs : !apply->config->is_owners) return ERR_NONE;
  return apply_fail(apply, connection->place, "/name",
                    "\"%.*s\" is a connection that a user made for themselves: nobody else changes it",
                    STR_ARG(old->name));
}

static enum err_code apply_connection(struct apply *apply, const struct config_connection *connection) {
  struct connection_record record = {.organisation_id = apply->organisation.id,
                                     .name = connection->name,
                                     .connector_id = connection->connector_id,
                                     .labels = connection->labels,
                                     .names = connection->names.p ? connection->names : STR("prefixed"),
                                     .trust = connection->trust.p ? connection->trust : STR("review"),
                                     .is_made_by_owner = apply->config->is_owners};
  if (connection->owner_email.p) {
    const struct user_record *owner = map_get(&apply->users.stored, connection->owner_email);
    record.owner_user_id = owner->id; /* check_references saw that they are there */
  }
  const struct connection_record *old = map_get(&apply->connections.stored, connection->name);
  enum err_code code = old ? check_maker(apply, connection, old) : ERR_NONE;
  if (!code) code = settings_of(apply, connection, &record.settings);
  if (code) return code;
  return old ? connection_update(apply, connection, old, &record) : connection_new(apply, connection, &record);
}

enum err_code apply_connections(struct apply *apply) {
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < apply->config->n_connections && !code; i++) {
    code = apply_connection(apply, &apply->config->connections[i]);
  }
  return code;
}

enum err_code remove_connection(struct apply *apply, const struct connection_record *old) {
  enum err_code code = store_connection_delete(apply->tx, apply->organisation.id, old->id, apply->err);
  return code ? code
              : apply_change(apply, &(struct apply_change){.sign = '-',
                                                           .what = "connection",
                                                           .name = old->name,
                                                           .word = "connection.delete",
                                                           .connection = old});
}

enum err_code prune_connections(struct apply *apply) {
  for (size_t i = 0; i < apply->n_old_connections; i++) {
    const struct connection_record *old = &apply->old_connections[i];
    if (map_get(&apply->connections.file, old->name)) continue;
    /* It goes with its connector, or with its owner. */
    if (old->is_made_by_owner && apply_has(apply, &apply->connectors, old->connector_id)) continue;
    if (!apply->may_prune) {
      apply_kept(apply, "connection", old->name);
      continue;
    }
    enum err_code code = remove_connection(apply, old);
    if (code) return code;
  }
  return ERR_NONE;
}
