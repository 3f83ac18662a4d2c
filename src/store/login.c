/* A person's way in: password, second factor, and in which organisations they are somebody. */
#include "store/rows.h"
#include "store/sign_in.h"

#define SELECT_LOGIN                                                                   \
  "SELECT l.id, l.email, p.hash, t.secret, COALESCE(t.last_step, 0), t.confirmed_at, " \
  "(SELECT COUNT(*) FROM recovery_code r WHERE r.login_id = l.id), "                   \
  "COALESCE(t.failures, 0), t.failed_at FROM login l "                                 \
  "LEFT JOIN login_password p ON p.login_id = l.id LEFT JOIN login_totp t ON t.login_id = l.id "

static bool read_login(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct login_record *record = ret_record;
  record->id = db_uuid(rows, 0);
  record->totp_last_step = db_int(rows, 4);
  record->totp_confirmed_at = db_int(rows, 5);
  record->n_recovery_codes = db_int(rows, 6);
  record->totp_failures = db_int(rows, 7);
  record->totp_failed_at = db_int(rows, 8);
  return store_copy_text(rows, 1, arena, &record->email) && store_copy_text(rows, 2, arena, &record->password) &&
         store_copy_blob(rows, 3, arena, &record->totp);
}

enum err_code store_login_find(STORE_TX, struct str email, struct login_record *ret_record, struct err *err) {
  const struct db_value params[] = {DB_V_TEXT(email)};
  const struct store_select select = {SELECT_LOGIN "WHERE l.email = $1", params, 1, read_login, sizeof *ret_record};
  enum err_code code = store_select_one(tx, arena, &select, ret_record, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "nobody has the address %.*s", STR_ARG(email)) : code;
}

enum err_code store_login_get(STORE_TX, struct uuid id, struct login_record *ret_record, struct err *err) {
  const struct db_value params[] = {DB_V_UUID(id)};
  const struct store_select select = {SELECT_LOGIN "WHERE l.id = $1", params, 1, read_login, sizeof *ret_record};
  enum err_code code = store_select_one(tx, arena, &select, ret_record, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "there is no such login") : code;
}

enum err_code store_password_put(struct db_tx *tx, struct uuid login_id, struct str hash, int64_t now,
                                 struct err *err) {
  return db_exec(tx,
                 "INSERT INTO login_password (login_id, hash, changed_at) VALUES ($1, $2, $3) "
                 "ON CONFLICT (login_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at",
                 DB_PARAMS(DB_V_UUID(login_id), DB_V_TEXT(hash), DB_V_INT(now)), err);
}

enum err_code store_totp_put(struct db_tx *tx, struct uuid login_id, struct str sealed, int64_t now, struct err *err) {
  enum err_code code = store_totp_delete(tx, login_id, err);
  if (code != ERR_NONE) return code;
  return db_exec(tx, "INSERT INTO login_totp (login_id, secret, created_at) VALUES ($1, $2, $3)",
                 DB_PARAMS(DB_V_UUID(login_id), DB_V_BLOB(sealed), DB_V_INT(now)), err);
}

enum err_code store_totp_confirm(struct db_tx *tx, struct uuid login_id, int64_t now, struct err *err) {
  return db_exec(tx, "UPDATE login_totp SET confirmed_at = $2 WHERE login_id = $1",
                 DB_PARAMS(DB_V_UUID(login_id), DB_V_INT(now)), err);
}

enum err_code store_totp_take_step(struct db_tx *tx, struct uuid login_id, int64_t step, bool *ret_is_taken,
                                   struct err *err) {
  enum err_code code = db_exec(tx, "UPDATE login_totp SET last_step = $2 WHERE login_id = $1 AND last_step < $2",
                               DB_PARAMS(DB_V_UUID(login_id), DB_V_INT(step)), err);
  if (code == ERR_NONE) *ret_is_taken = db_changes(tx) == 1;
  return code;
}

enum err_code store_totp_failed(struct db_tx *tx, struct uuid login_id, int64_t now, struct err *err) {
  return db_exec(tx, "UPDATE login_totp SET failures = failures + 1, failed_at = $2 WHERE login_id = $1",
                 DB_PARAMS(DB_V_UUID(login_id), DB_V_INT(now)), err);
}

enum err_code store_totp_forgive(struct db_tx *tx, struct uuid login_id, struct err *err) {
  return db_exec(tx, "UPDATE login_totp SET failures = 0, failed_at = NULL WHERE login_id = $1",
                 DB_PARAMS(DB_V_UUID(login_id)), err);
}

enum err_code store_totp_delete(struct db_tx *tx, struct uuid login_id, struct err *err) {
  enum err_code code =
      db_exec(tx, "DELETE FROM recovery_code WHERE login_id = $1", DB_PARAMS(DB_V_UUID(login_id)), err);
  if (code != ERR_NONE) return code;
  return db_exec(tx, "DELETE FROM login_totp WHERE login_id = $1", DB_PARAMS(DB_V_UUID(login_id)), err);
}

enum err_code store_recovery_code_insert(struct db_tx *tx, struct uuid login_id, const uint8_t hash[STORE_HASH],
                                         struct err *err) {
  return db_exec(tx, "INSERT INTO recovery_code (hash, login_id) VALUES ($1, $2)",
                 DB_PARAMS(store_v_hash(hash), DB_V_UUID(login_id)), err);
}

enum err_code store_recovery_code_take(struct db_tx *tx, struct uuid login_id, const uint8_t hash[STORE_HASH],
                                       bool *ret_is_taken, struct err *err) {
  enum err_code code = db_exec(tx, "DELETE FROM recovery_code WHERE hash = $1 AND login_id = $2",
                               DB_PARAMS(store_v_hash(hash), DB_V_UUID(login_id)), err);
  if (code == ERR_NONE) *ret_is_taken = db_changes(tx) == 1;
  return code;
}

static bool read_membership(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct membership_record *record = ret_record;
  record->user_id = db_uuid(rows, 0);
  record->organisation_id = db_uuid(rows, 1);
  record->disabled_at = db_int(rows, 4);
  record->accepted_at = db_int(rows, 5);
  return store_copy_text(rows, 2, arena, &record->organisation) && store_copy_text(rows, 3, arena, &record->kind);
}

enum err_code store_membership_list(STORE_TX, struct uuid login_id, STORE_LIST(membership_record)) {
  const struct db_value params[] = {DB_V_UUID(login_id)};
  const struct store_select select = {
      "SELECT u.id, u.organisation_id, o.name, u.kind, u.disabled_at, u.accepted_at "
      "FROM org_user u JOIN organisation o ON o.id = u.organisation_id "
      "WHERE u.login_id = $1 ORDER BY o.name",
      params, 1, read_membership, sizeof(struct membership_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_membership_accept(struct db_tx *tx, struct uuid user_id, int64_t now, struct err *err) {
  enum err_code code = db_exec(tx, "UPDATE org_user SET accepted_at = COALESCE(accepted_at, $2) WHERE id = $1",
                               DB_PARAMS(DB_V_UUID(user_id), DB_V_INT(now)), err);
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_NOT_FOUND, "there is no such user");
  return code;
}

enum err_code store_owner_exists(struct db_tx *tx, bool *ret_exists, struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code = db_query(tx,
                                "SELECT 1 FROM org_user u JOIN login_password p ON p.login_id = u.login_id "
                                "WHERE u.kind = 'owner' AND u.accepted_at IS NOT NULL LIMIT 1",
                                DB_NO_PARAMS, &rows, err);
  if (code != ERR_NONE) return code;
  int got = db_next(rows, err);
  code = store_rows_end(got, err);
  if (code == ERR_NONE) *ret_exists = got == 1;
  db_rows_close(rows);
  return code;
}
