/* Links that work once: to set up, to accept an invitation, to choose a new password. */
#include "store/rows.h"
#include "store/sign_in.h"

static bool read_link(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct single_use_link_record *record = ret_record;
  record->id = db_uuid(rows, 0);
  record->user_id = db_uuid(rows, 3);
  record->login_id = db_uuid(rows, 4);
  record->created_at = db_int(rows, 5);
  record->expires_at = db_int(rows, 6);
  record->used_at = db_int(rows, 7);
  return store_copy_text(rows, 1, arena, &record->kind) && store_copy_fixed(rows, 2, record->hash, sizeof record->hash);
}

enum err_code store_link_insert(struct db_tx *tx, const struct single_use_link_record *record, struct err *err) {
  return db_exec(tx,
                 "INSERT INTO single_use_link (id, kind, hash, user_id, login_id, created_at, expires_at) "
                 "VALUES ($1, $2, $3, $4, $5, $6, $7)",
                 DB_PARAMS(DB_V_UUID(record->id), DB_V_TEXT(record->kind), store_v_hash(record->hash),
                           store_v_uuid(&record->user_id), store_v_uuid(&record->login_id),
                           DB_V_INT(record->created_at), DB_V_INT(record->expires_at)),
                 err);
}

enum err_code store_link_find(STORE_TX, const uint8_t hash[STORE_HASH], struct single_use_link_record *ret_record,
                              struct err *err) {
  const struct db_value params[] = {store_v_hash(hash)};
  const struct store_select select = {
      "SELECT id, kind, hash, user_id, login_id, created_at, expires_at, used_at "
      "FROM single_use_link WHERE hash = $1",
      params, 1, read_link, sizeof *ret_record};
  return store_select_one(tx, arena, &select, ret_record, err);
}

enum err_code store_link_use(struct db_tx *tx, struct uuid id, int64_t now, struct err *err) {
  enum err_code code = db_exec(tx, "UPDATE single_use_link SET used_at = $2 WHERE id = $1 AND used_at IS NULL",
                               DB_PARAMS(DB_V_UUID(id), DB_V_INT(now)), err);
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_CONFLICT, "this link was used already");
  return code;
}

enum err_code store_link_delete_all(struct db_tx *tx, struct str kind, struct uuid login_id, struct err *err) {
  return db_exec(tx, "DELETE FROM single_use_link WHERE kind = $1 AND (login_id = $2 OR $2 IS NULL)",
                 DB_PARAMS(DB_V_TEXT(kind), store_v_uuid(&login_id)), err);
}

enum err_code store_link_delete_of_user(struct db_tx *tx, struct uuid user_id, struct err *err) {
  return db_exec(tx, "DELETE FROM single_use_link WHERE user_id = $1", DB_PARAMS(DB_V_UUID(user_id)), err);
}
