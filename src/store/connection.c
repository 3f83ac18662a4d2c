/* Connections: a connector with settings and a credential. */
#include "store/rows.h"

static bool read_connection(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct connection_record *record = ret_record;
  record->id = db_uuid(rows, 0);
  record->organisation_id = db_uuid(rows, 1);
  record->owner_user_id = db_uuid(rows, 5);
  record->version = db_int(rows, 8);
  record->created_at = db_int(rows, 9);
  record->updated_at = db_int(rows, 10);
  record->credential_at = db_int(rows, 14);
  record->is_made_by_owner = db_int(rows, 15) != 0;
  return store_copy_text(rows, 11, arena, &record->names) && store_copy_text(rows, 12, arena, &record->trust) &&
         store_copy_text(rows, 2, arena, &record->name) && store_copy_text(rows, 3, arena, &record->connector_id) &&
         store_copy_text(rows, 4, arena, &record->labels) && store_copy_text(rows, 6, arena, &record->settings) &&
         store_copy_blob(rows, 7, arena, &record->credential) && store_copy_text(rows, 13, arena, &record->captured);
}

#define SELECT_CONNECTIONS                                                                                         \
  "SELECT c.id, c.organisation_id, c.name, c.connector_id, c.labels, c.owner_user_id, c.settings, c.credential, "  \
  "c.version, c.created_at, c.updated_at, c.names, c.trust, g.captured, c.credential_at, c.is_made_by_owner FROM " \
  "connection c LEFT JOIN "                                                                                        \
  "connection_grant "                                                                                              \
  "g ON "                                                                                                          \
  "g.connection_id = c.id WHERE c.organisation_id = $1 "

enum err_code store_connection_list(STORE_TX, struct uuid organisation_id, STORE_LIST(connection_record)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {SELECT_CONNECTIONS "ORDER BY c.name", params, 1, read_connection,
                                      sizeof(struct connection_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_connection_get(STORE_TX, struct uuid organisation_id, struct uuid id,
                                   struct connection_record *ret_record, struct err *err) {
  const struct db_value params[] = {DB_V_UUID(organisation_id), DB_V_UUID(id)};
  const struct store_select select = {SELECT_CONNECTIONS "AND c.id = $2", params, 2, read_connection,
                                      sizeof(struct connection_record)};
  enum err_code code = store_select_one(tx, arena, &select, ret_record, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "there is no such connection") : code;
}

enum err_code store_connection_find(STORE_TX, struct uuid organisation_id, struct str name,
                                    struct connection_record *ret_record, struct err *err) {
  const struct db_value params[] = {DB_V_UUID(organisation_id), DB_V_TEXT(name)};
  const struct store_select select = {SELECT_CONNECTIONS "AND c.name = $2", params, 2, read_connection,
                                      sizeof(struct connection_record)};
  enum err_code code = store_select_one(tx, arena, &select, ret_record, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "there is no connection \"%.*s\"", STR_ARG(name)) : code;
}

enum err_code store_connection_exists(struct db_tx *tx, struct uuid id, bool *ret_exists, struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code = db_query(tx, "SELECT 1 FROM connection WHERE id = $1", DB_PARAMS(DB_V_UUID(id)), &rows, err);
  if (code != ERR_NONE) return code;
  int got = db_next(rows, err);
  db_rows_close(rows);
  if (got < 0) return err->code;
  *ret_exists = got > 0;
  return ERR_NONE;
}

/* A personal connection's owner must be a user of the same organisation; the foreign key alone would take any. */
static enum err_code check_owner(struct db_tx *tx, const struct connection_record *record, struct err *err) {
  if (uuid_is_nil(record->owner_user_id)) return ERR_NONE;
  struct db_rows *rows = NULL;
  enum err_code code =
      db_query(tx, "SELECT 1 FROM org_user WHERE organisation_id = $1 AND id = $2",
               DB_PARAMS(DB_V_UUID(record->organisation_id), DB_V_UUID(record->owner_user_id)), &rows, err);
  if (code != ERR_NONE) return code;
  int got = db_next(rows, err);
  code = got == 0
             ? err_set(err, ERR_NOT_FOUND, "there is no such user to own connection \"%.*s\"", STR_ARG(record->name))
             : store_rows_end(got, err);
  db_rows_close(rows);
  return code;
}

static struct str object_or_empty(struct str json) {
  return json.n ? json : STR("{}");
}

static struct str word_or(struct str word, struct str fallback) {
  return word.n ? word : fallback;
}

static enum err_code name_taken(const struct connection_record *record, struct err *err) {
  return err_set(err, ERR_CONFLICT, "a connection named \"%.*s\" exists already", STR_ARG(record->name));
}

enum err_code store_connection_insert(struct db_tx *tx, const struct connection_record *record, struct err *err) {
  enum err_code code = check_owner(tx, record, err);
  if (code != ERR_NONE) return code;
  code = db_exec(
      tx,
      "INSERT INTO connection (id, organisation_id, name, connector_id, labels, owner_user_id, settings, "
      "credential, version, created_at, updated_at, names, trust, credential_at, is_made_by_owner) VALUES ($1, $2, $3, "
      "$4, "
      "$5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
      DB_PARAMS(DB_V_UUID(record->id), DB_V_UUID(record->organisation_id), DB_V_TEXT(record->name),
                DB_V_TEXT(record->connector_id), DB_V_TEXT(object_or_empty(record->labels)),
                store_v_uuid(&record->owner_user_id), DB_V_TEXT(object_or_empty(record->settings)),
                store_v_blob(record->credential), DB_V_INT(record->version), DB_V_INT(record->created_at),
                DB_V_INT(record->updated_at), DB_V_TEXT(word_or(record->names, STR("prefixed"))),
                DB_V_TEXT(word_or(record->trust, STR("review"))),
                store_v_time(record->credential.p ? record->updated_at : 0), DB_V_INT(record->is_made_by_owner)),
      err);
  return code == ERR_CONFLICT ? name_taken(record, err) : code;
}

enum err_code store_connection_update(struct db_tx *tx, const struct connection_record *record, struct err *err) {
  enum err_code code = check_owner(tx, record, err);
  if (code != ERR_NONE) return code;
  code = db_exec(
      tx,
      "UPDATE connection SET name = $3, connector_id = $4, labels = $5, owner_user_id = $6, settings = $7, "
      "credential = $8, credential_at = CASE WHEN credential IS NOT DISTINCT FROM $8 THEN credential_at WHEN $8 IS "
      "NULL THEN NULL ELSE $9 END, updated_at = $9, names = $10, trust = $11, version = version + 1 WHERE "
      "organisation_id = $1 "
      "AND id = $2",
      DB_PARAMS(DB_V_UUID(record->organisation_id), DB_V_UUID(record->id), DB_V_TEXT(record->name),
                DB_V_TEXT(record->connector_id), DB_V_TEXT(object_or_empty(record->labels)),
                store_v_uuid(&record->owner_user_id), DB_V_TEXT(object_or_empty(record->settings)),
                store_v_blob(record->credential), DB_V_INT(record->updated_at),
                DB_V_TEXT(word_or(record->names, STR("prefixed"))), DB_V_TEXT(word_or(record->trust, STR("review")))),
      err);
  if (code == ERR_CONFLICT) return name_taken(record, err);
  if (code == ERR_NONE && db_changes(tx) == 0)
    return err_set(err, ERR_NOT_FOUND, "there is no connection \"%.*s\"", STR_ARG(record->name));
  return code;
}

enum err_code store_connection_delete(struct db_tx *tx, struct uuid organisation_id, struct uuid id, struct err *err) {
  enum err_code code = db_exec(tx, "DELETE FROM connection WHERE organisation_id = $1 AND id = $2",
                               DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(id)), err);
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_NOT_FOUND, "there is no such connection");
  return code;
}

enum err_code store_connection_rename(struct db_tx *tx, struct uuid organisation_id, struct uuid id, struct str name,
                                      struct err *err) {
  enum err_code code =
      db_exec(tx, "UPDATE connection SET name = $3, version = version + 1 WHERE organisation_id = $1 AND id = $2",
              DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(id), DB_V_TEXT(name)), err);
  return code == ERR_CONFLICT ? err_set(err, code, "there is a connection \"%.*s\" already", STR_ARG(name)) : code;
}
