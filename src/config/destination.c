/* A credential is entered for a place, and goes nowhere else: who may change a URL may not thereby read what others
 * have entered. Must not know what credentials look like. */
#include "config/destination.h"

#include "codec/json.h"
#include "store/grant.h"

enum { DESTINATION_MAX = 64 * 1024 };

enum err_code destination_of(struct apply *apply, const struct connector_record *record, struct str settings,
                             struct str captured, struct str *ret_destination) {
  yyjson_doc *definition, *own, *given;
  struct connector *connector = arena_new(apply->arena, struct connector);
  const void *state = NULL;
  struct err why = {0};
  struct buf out;
  *ret_destination = STR("");
  if (!record) return ERR_NONE;
  buf_init(&out, apply->arena, DESTINATION_MAX);
  enum err_code code = connector ? ERR_NONE : ERR_NO_MEMORY;
  if (!code) code = json_read_file_text(apply->arena, record->definition, &definition, &why);
  if (!code) code = connector_compile(apply->arena, yyjson_doc_get_root(definition), connector, &why);
  if (!code) code = json_read(apply->arena, settings.n ? settings : STR("{}"), &own, &why);
  if (!code) code = json_read(apply->arena, captured.n ? captured : STR("{}"), &given, &why);
  if (code == ERR_NO_MEMORY) return err_no_memory(apply->err);
  if (code || !connector->kind->destination) return ERR_NONE;
  yyjson_val *all = connector_settings_with(apply->arena, yyjson_doc_get_root(own), yyjson_doc_get_root(given));
  if (!all) return err_no_memory(apply->err);
  /* Settings that do not fit lead nowhere. */
  if (connector->kind->connect && connector->kind->connect(apply->arena, connector, all, &state, &why) != ERR_NONE)
    return why.code == ERR_NO_MEMORY ? err_no_memory(apply->err) : ERR_NONE;
  connector->kind->destination(connector, state, &out);
  if (buf_failed(&out)) return err_no_memory(apply->err);
  *ret_destination = buf_str(&out);
  return ERR_NONE;
}

enum err_code destination_disconnect(struct apply *apply, const struct connection_record *connection) {
  struct grant_record grant;
  struct err missing = {0};
  enum err_code code =
      store_grant_get(apply->tx, apply->arena, connection->organisation_id, connection->id, &grant, &missing);
  if (code == ERR_NOT_FOUND || (!code && grant.secret.n == 0)) return ERR_NONE;
  if (code) {
    if (apply->err) *apply->err = missing;
    return code;
  }
  code = store_grant_disconnect(apply->tx, connection->organisation_id, connection->id, apply->now, apply->err);
  if (code) return code;
  const struct grant_event_record event = {connection->id, apply->now, STR("disconnected"),
                                           STR("It was connected for another place, or for somebody else.")};
  return store_grant_event_insert(apply->tx, &event, apply->err);
}

const struct connector_record *destination_old_connector(const struct apply *apply, struct str id) {
  for (size_t i = 0; i < apply->n_old_connectors; i++)
    if (str_eq(apply->old_connectors[i].id, id)) return &apply->old_connectors[i];
  return NULL;
}

/* Nobody but its owner can enter it anew, and they are not here. */
static enum err_code take_credential(struct apply *apply, const struct connection_record *old) {
  struct connection_record record = *old;
  if (old->credential.n == 0) return ERR_NONE;
  record.credential = STR_NONE;
  record.updated_at = apply->now;
  enum err_code code = store_connection_update(apply->tx, &record, apply->err);
  return code ? code
              : apply_change(apply, &(struct apply_change){
                                        .sign = '~',
                                        .what = "connection",
                                        .name = old->name,
                                        .detail = STR("credential taken away: it was entered for another place"),
                                        .word = "connection.update",
                                        .connection = old});
}

enum err_code destination_check_others(struct apply *apply) {
  for (size_t i = 0; i < apply->n_old_connections; i++) {
    const struct connection_record *connection = &apply->old_connections[i];
    const struct connector_record *old = destination_old_connector(apply, connection->connector_id);
    const struct connector_record *now = map_get(&apply->connectors.stored, connection->connector_id);
    struct str before, after;
    if (map_get(&apply->connections.file, connection->name) || !old || !now || old->version == now->version) continue;
    enum err_code code = destination_of(apply, old, connection->settings, connection->captured, &before);
    if (!code) code = destination_of(apply, now, connection->settings, connection->captured, &after);
    if (code) return code;
    if (str_eq(before, after)) continue;
    if (connection->is_made_by_owner) {
      code = take_credential(apply, connection);
      if (code) return code;
    } else if (connection->credential.n > 0) {
      const struct config_connector *connector = map_get(&apply->connectors.file, connection->connector_id);
      return apply_fail(apply, connector ? connector->place : STR(""), "",
                        "the credential of the connection \"%.*s\" would go to another place: name that connection, "
                        "with its credential anew or null",
                        STR_ARG(connection->name));
    }
    code = destination_disconnect(apply, connection);
    if (code) return code;
  }
  return ERR_NONE;
}
