/* Limits: how many calls in which window, for whom. */
#include "store/rows.h"

static bool read_limit(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct call_limit_record *record = ret_record;
  record->id = db_uuid(rows, 0);
  record->organisation_id = db_uuid(rows, 1);
  record->window_us = db_int(rows, 4);
  record->cap = db_int(rows, 5);
  return store_copy_text(rows, 2, arena, &record->scope) && store_copy_blob(rows, 3, arena, &record->scope_key);
}

enum err_code store_call_limit_list(STORE_TX, struct uuid organisation_id, STORE_LIST(call_limit_record)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {
      "SELECT id, organisation_id, scope, scope_key, window_us, cap FROM call_limit WHERE organisation_id = $1 "
      "ORDER BY scope, scope_key, window_us",
      params, 1, read_limit, sizeof(struct call_limit_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_call_limit_page(STORE_TX, const struct call_limit_record *after, size_t max,
                                    STORE_LIST(call_limit_record)) {
  const struct db_value params[] = {
      DB_V_UUID(after->organisation_id), DB_V_TEXT(after->scope.p ? after->scope : STR("")),
      DB_V_BLOB(after->scope_key.p ? after->scope_key : STR("")), DB_V_INT(after->window_us), DB_V_INT((int64_t)max)};
  const struct store_select select = {
      "SELECT id, organisation_id, scope, scope_key, window_us, cap FROM call_limit WHERE organisation_id = $1 AND "
      "(scope, scope_key, window_us) > ($2, $3, $4) ORDER BY scope, scope_key, window_us LIMIT $5",
      params, 5, read_limit, sizeof(struct call_limit_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

/* One that exists for the same scope, key and window keeps its id and gets the new cap. */
enum err_code store_call_limit_put(struct db_tx *tx, const struct call_limit_record *record, struct err *err) {
  return db_exec(tx,
                 "INSERT INTO call_limit (id, organisation_id, scope, scope_key, window_us, cap) "
                 "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (organisation_id, scope, scope_key, window_us) "
                 "DO UPDATE SET cap = excluded.cap",
                 DB_PARAMS(DB_V_UUID(record->id), DB_V_UUID(record->organisation_id), DB_V_TEXT(record->scope),
                           DB_V_BLOB(record->scope_key), DB_V_INT(record->window_us), DB_V_INT(record->cap)),
                 err);
}

enum err_code store_call_limit_delete(struct db_tx *tx, struct uuid organisation_id, struct uuid id, struct err *err) {
  enum err_code code = db_exec(tx, "DELETE FROM call_limit WHERE organisation_id = $1 AND id = $2",
                               DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(id)), err);
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_NOT_FOUND, "there is no such limit");
  return code;
}
