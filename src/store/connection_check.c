/* How connections were found when they were last checked. */
#include "store/grant.h"
#include "store/rows.h"

enum err_code store_connection_check_put(struct db_tx *tx, const struct connection_check_record *record,
                                         struct err *err) {
  return db_exec(tx,
                 "INSERT INTO connection_check (connection_id, organisation_id, checked_at, is_ok, text) "
                 "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (connection_id) DO UPDATE SET "
                 "checked_at = excluded.checked_at, is_ok = excluded.is_ok, text = excluded.text",
                 DB_PARAMS(DB_V_UUID(record->connection_id), DB_V_UUID(record->organisation_id),
                           DB_V_INT(record->checked_at), DB_V_INT(record->is_ok), DB_V_TEXT(record->text)),
                 err);
}

static bool read_check(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct connection_check_record *record = ret_record;
  record->connection_id = db_uuid(rows, 0);
  record->organisation_id = db_uuid(rows, 1);
  record->checked_at = db_int(rows, 2);
  record->is_ok = db_int(rows, 3) != 0;
  return store_copy_text(rows, 4, arena, &record->text);
}

enum err_code store_connection_check_list(STORE_TX, struct uuid organisation_id, STORE_LIST(connection_check_record)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {
      "SELECT connection_id, organisation_id, checked_at, is_ok, text FROM "
      "connection_check WHERE organisation_id = $1 ORDER BY connection_id",
      params, 1, read_check, sizeof(struct connection_check_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}
