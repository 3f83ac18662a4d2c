/* Links by which a person connects an account, and the consents that were begun with them. */
#include "store/grant.h"
#include "store/rows.h"

static struct str bytes_of(const uint8_t hash[32]) {
  return str_make((const char *)hash, 32);
}

enum err_code store_connect_link_insert(struct db_tx *tx, const struct connect_link_record *record, struct err *err) {
  return db_exec(
      tx,
      "INSERT INTO connect_link (hash, organisation_id, connection_id, return_path, expires_at) "
      "VALUES ($1, $2, $3, $4, $5)",
      DB_PARAMS(DB_V_BLOB(bytes_of(record->hash)), DB_V_UUID(record->organisation_id), DB_V_UUID(record->connection_id),
                DB_V_TEXT(record->return_path.p ? record->return_path : STR("")), DB_V_INT(record->expires_at)),
      err);
}

static bool read_link(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct connect_link_record *record = ret_record;
  record->organisation_id = db_uuid(rows, 1);
  record->connection_id = db_uuid(rows, 2);
  record->expires_at = db_int(rows, 4);
  record->used_at = db_int(rows, 5);
  return store_copy_fixed(rows, 0, record->hash, 32) && store_copy_text(rows, 3, arena, &record->return_path);
}

enum err_code store_connect_link_get(STORE_TX, const uint8_t hash[32], struct connect_link_record *ret_record,
                                     struct err *err) {
  const struct db_value params[] = {DB_V_BLOB(bytes_of(hash))};
  const struct store_select select = {
      "SELECT hash, organisation_id, connection_id, return_path, expires_at, used_at "
      "FROM connect_link WHERE hash = $1",
      params, 1, read_link, sizeof(struct connect_link_record)};
  enum err_code code = store_select_one(tx, arena, &select, ret_record, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "this link is not known") : code;
}

static enum err_code used_before(struct db_tx *tx, enum err_code code, struct err *err) {
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_CONFLICT, "it was used before");
  return code;
}

enum err_code store_connect_link_use(struct db_tx *tx, const uint8_t hash[32], int64_t now, struct err *err) {
  enum err_code code = db_exec(tx, "UPDATE connect_link SET used_at = $2 WHERE hash = $1 AND used_at IS NULL",
                               DB_PARAMS(DB_V_BLOB(bytes_of(hash)), DB_V_INT(now)), err);
  return used_before(tx, code, err);
}

enum err_code store_oauth_state_insert(struct db_tx *tx, const struct oauth_state_record *record, struct err *err) {
  return db_exec(
      tx, "INSERT INTO oauth_state (hash, link, browser, verifier, expires_at) VALUES ($1, $2, $3, $4, $5)",
      DB_PARAMS(DB_V_BLOB(bytes_of(record->hash)), DB_V_BLOB(bytes_of(record->link)),
                DB_V_BLOB(bytes_of(record->browser)), DB_V_BLOB(record->verifier), DB_V_INT(record->expires_at)),
      err);
}

static bool read_state(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct oauth_state_record *record = ret_record;
  record->expires_at = db_int(rows, 4);
  record->used_at = db_int(rows, 5);
  return store_copy_fixed(rows, 0, record->hash, 32) && store_copy_fixed(rows, 1, record->link, 32) &&
         store_copy_fixed(rows, 2, record->browser, 32) && store_copy_blob(rows, 3, arena, &record->verifier);
}

enum err_code store_oauth_state_get(STORE_TX, const uint8_t hash[32], struct oauth_state_record *ret_record,
                                    struct err *err) {
  const struct db_value params[] = {DB_V_BLOB(bytes_of(hash))};
  const struct store_select select = {
      "SELECT hash, link, browser, verifier, expires_at, used_at FROM oauth_state WHERE hash = $1", params, 1,
      read_state, sizeof(struct oauth_state_record)};
  enum err_code code = store_select_one(tx, arena, &select, ret_record, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "this consent is not known") : code;
}

enum err_code store_oauth_state_use(struct db_tx *tx, const uint8_t hash[32], int64_t now, struct err *err) {
  enum err_code code = db_exec(tx, "UPDATE oauth_state SET used_at = $2 WHERE hash = $1 AND used_at IS NULL",
                               DB_PARAMS(DB_V_BLOB(bytes_of(hash)), DB_V_INT(now)), err);
  return used_before(tx, code, err);
}

enum err_code store_consent_sweep(struct db_tx *tx, int64_t before, struct err *err) {
  enum err_code code = db_exec(tx, "DELETE FROM oauth_state WHERE expires_at < $1", DB_PARAMS(DB_V_INT(before)), err);
  if (code != ERR_NONE) return code;
  return db_exec(tx, "DELETE FROM connect_link WHERE expires_at < $1", DB_PARAMS(DB_V_INT(before)), err);
}
