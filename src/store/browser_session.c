/* Browsers in which somebody has signed in. */
#include "store/rows.h"
#include "store/sign_in.h"

#define SELECT_SESSION                                                                                      \
  "SELECT s.id, s.login_id, l.email, s.hash, s.needs_code, s.agent, s.created_at, s.seen_at, s.expires_at " \
  "FROM browser_session s JOIN login l ON l.id = s.login_id "

static bool read_session(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct browser_session_record *record = ret_record;
  record->id = db_uuid(rows, 0);
  record->login_id = db_uuid(rows, 1);
  record->needs_code = db_int(rows, 4) != 0;
  record->created_at = db_int(rows, 6);
  record->seen_at = db_int(rows, 7);
  record->expires_at = db_int(rows, 8);
  return store_copy_fixed(rows, 3, record->hash, sizeof record->hash) &&
         store_copy_text(rows, 2, arena, &record->email) && store_copy_text(rows, 5, arena, &record->agent);
}

enum err_code store_browser_session_insert(struct db_tx *tx, const struct browser_session_record *record,
                                           struct err *err) {
  return db_exec(tx,
                 "INSERT INTO browser_session (id, login_id, hash, needs_code, agent, created_at, seen_at, expires_at) "
                 "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                 DB_PARAMS(DB_V_UUID(record->id), DB_V_UUID(record->login_id), store_v_hash(record->hash),
                           DB_V_INT(record->needs_code), DB_V_TEXT(record->agent), DB_V_INT(record->created_at),
                           DB_V_INT(record->seen_at), DB_V_INT(record->expires_at)),
                 err);
}

enum err_code store_browser_session_find(STORE_TX, const uint8_t hash[STORE_HASH],
                                         struct browser_session_record *ret_record, struct err *err) {
  const struct db_value params[] = {store_v_hash(hash)};
  const struct store_select select = {SELECT_SESSION "WHERE s.hash = $1", params, 1, read_session, sizeof *ret_record};
  return store_select_one(tx, arena, &select, ret_record, err);
}

enum err_code store_browser_session_seen(struct db_tx *tx, struct uuid id, int64_t now, struct err *err) {
  return db_exec(tx, "UPDATE browser_session SET seen_at = $2 WHERE id = $1", DB_PARAMS(DB_V_UUID(id), DB_V_INT(now)),
                 err);
}

enum err_code store_browser_session_delete(struct db_tx *tx, struct uuid id, struct err *err) {
  enum err_code code = db_exec(tx, "DELETE FROM browser_session WHERE id = $1", DB_PARAMS(DB_V_UUID(id)), err);
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_NOT_FOUND, "there is no such session");
  return code;
}

enum err_code store_browser_session_delete_all(struct db_tx *tx, struct uuid login_id, struct uuid kept,
                                               struct err *err) {
  return db_exec(tx, "DELETE FROM browser_session WHERE login_id = $1 AND id <> $2",
                 DB_PARAMS(DB_V_UUID(login_id), DB_V_UUID(kept)), err);
}

enum err_code store_browser_session_list(STORE_TX, struct uuid login_id, STORE_LIST(browser_session_record)) {
  const struct db_value params[] = {store_v_uuid(&login_id)};
  const struct store_select select = {SELECT_SESSION "WHERE s.login_id = $1 OR $1 IS NULL ORDER BY s.created_at DESC",
                                      params, 1, read_session, sizeof(struct browser_session_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}
