/* What people have switched off for themselves. Must not know which connectors there are. */
#include "base/clock.h"
#include "store/rows.h"

static bool read_switch(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct connector_switch_record *record = ret_record;
  record->user_id = db_uuid(rows, 0);
  return store_copy_text(rows, 1, arena, &record->connector_id);
}

enum err_code store_connector_switch_list(STORE_TX, struct uuid organisation_id, STORE_LIST(connector_switch_record)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {
      "SELECT user_id, connector FROM connector_switch WHERE organisation_id = $1 ORDER BY user_id, connector", params,
      1, read_switch, sizeof(struct connector_switch_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_connector_switch_list_of(STORE_TX, const struct uuid users[STORE_SOME],
                                             STORE_LIST(connector_switch_record)) {
  struct db_value params[STORE_SOME];
  store_v_some(users, params);
  const struct store_select select = {
      "SELECT user_id, connector FROM connector_switch WHERE user_id IN (" STORE_SOME_PARAMS
      ") ORDER BY user_id, connector",
      params, STORE_SOME, read_switch, sizeof(struct connector_switch_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

/* The foreign keys alone would let a row of one organisation speak of a user of another. */
static enum err_code switch_off(struct db_tx *tx, struct uuid organisation_id, struct uuid user_id,
                                struct str connector_id, struct err *err) {
  return db_exec(
      tx,
      "INSERT INTO connector_switch (organisation_id, user_id, connector, switched_at) "
      "SELECT u.organisation_id, u.id, $3, $4 FROM org_user u WHERE u.organisation_id = $1 AND u.id = $2 "
      "ON CONFLICT (organisation_id, user_id, connector) DO NOTHING",
      DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(user_id), DB_V_TEXT(connector_id), DB_V_INT(clock_utc_us())),
      err);
}

enum err_code store_connector_switch_set(struct db_tx *tx, struct uuid organisation_id, struct uuid user_id,
                                         struct str connector_id, bool is_on, bool *ret_has_changed, struct err *err) {
  enum err_code code =
      is_on ? db_exec(tx, "DELETE FROM connector_switch WHERE organisation_id = $1 AND user_id = $2 AND connector = $3",
                      DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(user_id), DB_V_TEXT(connector_id)), err)
            : switch_off(tx, organisation_id, user_id, connector_id, err);
  if (code == ERR_NONE) *ret_has_changed = db_changes(tx) > 0;
  return code;
}
