/* How far a change of data keys has come, and the sealed values that it goes through. */
#include "store/grant.h"
#include "store/rows.h"

static bool read_rotation(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct key_rotation_record *record = ret_record;
  record->organisation_id = db_uuid(rows, 0);
  record->version = db_int(rows, 1);
  record->n_done = db_int(rows, 4);
  record->begun_at = db_int(rows, 5);
  record->finished_at = db_int(rows, 6);
  return store_copy_text(rows, 2, arena, &record->position) && store_copy_blob(rows, 3, arena, &record->last_row);
}

enum err_code store_key_rotation_get(STORE_TX, struct uuid organisation_id, struct key_rotation_record *ret_record,
                                     struct err *err) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {
      "SELECT organisation_id, version, position, last_id, n_done, begun_at, "
      "finished_at FROM key_rotation WHERE organisation_id = $1",
      params, 1, read_rotation, sizeof(struct key_rotation_record)};
  enum err_code code = store_select_one(tx, arena, &select, ret_record, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "the data key was never changed") : code;
}

enum err_code store_key_rotation_put(struct db_tx *tx, const struct key_rotation_record *record, struct err *err) {
  return db_exec(tx,
                 "INSERT INTO key_rotation (organisation_id, version, position, last_id, n_done, begun_at, "
                 "finished_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (organisation_id) DO UPDATE SET "
                 "version = excluded.version, position = excluded.position, last_id = excluded.last_id, "
                 "n_done = excluded.n_done, begun_at = excluded.begun_at, finished_at = excluded.finished_at",
                 DB_PARAMS(DB_V_UUID(record->organisation_id), DB_V_INT(record->version),
                           DB_V_TEXT(record->position.p ? record->position : STR("")),
                           DB_V_BLOB(record->last_row.p ? record->last_row : STR("")), DB_V_INT(record->n_done),
                           DB_V_INT(record->begun_at), store_v_time(record->finished_at)),
                 err);
}

enum err_code store_organisation_set_data_key(struct db_tx *tx, struct uuid id, struct str data_key, struct err *err) {
  return db_exec(tx, "UPDATE organisation SET data_key = $2 WHERE id = $1",
                 DB_PARAMS(DB_V_UUID(id), DB_V_BLOB(data_key)), err);
}

/* ---- sealed values ---- */

static const struct {
  const char *name, *list, *replace;
  bool is_text; /* the row's name is a text */
} columns[SEALED_COLUMNS] = {
    [SEALED_CONNECTION_CREDENTIAL] =
        {"connection.credential",
         "SELECT id, credential FROM connection WHERE organisation_id = $1 AND id > $2 AND credential IS NOT NULL "
         "ORDER BY id LIMIT $3",
         "UPDATE connection SET credential = $4 WHERE organisation_id = $1 AND id = $2 AND credential = $3", false},
    [SEALED_GRANT_SECRET] =
        {"connection_grant.secret",
         "SELECT connection_id, secret FROM connection_grant WHERE organisation_id = $1 AND connection_id > $2 AND "
         "secret IS NOT NULL ORDER BY connection_id LIMIT $3",
         "UPDATE connection_grant SET secret = $4 WHERE organisation_id = $1 AND connection_id = $2 AND secret = $3",
         false},
    [SEALED_CLIENT_APP_SECRET] =
        {"client_app.secret",
         "SELECT connector_id, secret FROM client_app WHERE organisation_id = $1 AND connector_id > $2 AND secret IS "
         "NOT NULL ORDER BY connector_id LIMIT $3",
         "UPDATE client_app SET secret = $4 WHERE organisation_id = $1 AND connector_id = $2 AND secret = $3", true},
    [SEALED_CONNECTOR_ENVIRONMENT] =
        {"connector.environment", /* all versions of an id together: their values have one place */
         "SELECT id, environment FROM connector WHERE organisation_id = $1 AND environment IS NOT NULL AND id IN "
         "(SELECT DISTINCT id FROM connector WHERE organisation_id = $1 AND id > $2 AND environment IS NOT NULL "
         "ORDER BY id LIMIT $3) ORDER BY id",
         "UPDATE connector SET environment = $4 WHERE organisation_id = $1 AND id = $2 AND environment = $3", true},
};

const char *store_sealed_name(enum sealed_column column) {
  return columns[column].name;
}

static struct db_value row_value(enum sealed_column column, struct str row) {
  struct str bytes = row.p ? row : STR("");
  return columns[column].is_text ? DB_V_TEXT(bytes) : DB_V_BLOB(bytes);
}

static bool read_blob_row(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct sealed_record *record = ret_record;
  return store_copy_blob(rows, 0, arena, &record->row) && store_copy_blob(rows, 1, arena, &record->sealed);
}

static bool read_text_row(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct sealed_record *record = ret_record;
  return store_copy_text(rows, 0, arena, &record->row) && store_copy_blob(rows, 1, arena, &record->sealed);
}

enum err_code store_sealed_list(STORE_TX, enum sealed_column column, struct uuid organisation_id, struct str after,
                                size_t max, STORE_LIST(sealed_record)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id), row_value(column, after), DB_V_INT((int64_t)max)};
  const struct store_select select = {columns[column].list, params, 3,
                                      columns[column].is_text ? read_text_row : read_blob_row,
                                      sizeof(struct sealed_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_sealed_replace(struct db_tx *tx, enum sealed_column column, struct uuid organisation_id,
                                   struct str row, struct str old, struct str sealed, struct err *err) {
  return db_exec(tx, columns[column].replace,
                 DB_PARAMS(DB_V_UUID(organisation_id), row_value(column, row), DB_V_BLOB(old), DB_V_BLOB(sealed)), err);
}
