/* Connectors that people may connect accounts of their own to. Must not know what a connector is. */
#include "store/rows.h"

static bool read_id(struct db_rows *rows, struct arena *arena, void *ret_record) {
  return store_copy_text(rows, 0, arena, ret_record);
}

enum err_code store_personal_connector_list(STORE_TX, struct uuid organisation_id, STORE_LIST(str)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {
      "SELECT connector_id FROM personal_connector WHERE organisation_id = $1 ORDER BY connector_id", params, 1,
      read_id, sizeof(struct str)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_personal_connector_insert(struct db_tx *tx, struct uuid organisation_id, struct str connector_id,
                                              struct err *err) {
  return db_exec(tx,
                 "INSERT INTO personal_connector (organisation_id, connector_id) VALUES ($1, $2) "
                 "ON CONFLICT (organisation_id, connector_id) DO NOTHING",
                 DB_PARAMS(DB_V_UUID(organisation_id), DB_V_TEXT(connector_id)), err);
}

enum err_code store_personal_connector_delete(struct db_tx *tx, struct uuid organisation_id, struct str connector_id,
                                              struct err *err) {
  return db_exec(tx, "DELETE FROM personal_connector WHERE organisation_id = $1 AND connector_id = $2",
                 DB_PARAMS(DB_V_UUID(organisation_id), DB_V_TEXT(connector_id)), err);
}
