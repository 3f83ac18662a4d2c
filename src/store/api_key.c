/* Keys of the REST API. Must not know what their scopes mean. */
#include "store/api.h"
#include "store/rows.h"

#define SELECT_KEY                                                                                                   \
  "SELECT k.id, k.organisation_id, k.user_id, k.name, k.hash, k.scopes, k.created_at, k.expires_at, "                \
  "k.revoked_at, k.last_used_at, l.email, u.kind, u.disabled_at FROM api_key k JOIN org_user u ON u.id = k.user_id " \
  "JOIN login l ON l.id = u.login_id "

static bool read_key(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct api_key_record *record = ret_record;
  record->id = db_uuid(rows, 0);
  record->organisation_id = db_uuid(rows, 1);
  record->user_id = db_uuid(rows, 2);
  record->created_at = db_int(rows, 6);
  record->expires_at = db_int(rows, 7);
  record->revoked_at = db_int(rows, 8);
  record->last_used_at = db_int(rows, 9);
  record->user_disabled_at = db_int(rows, 12);
  return store_copy_fixed(rows, 4, record->hash, sizeof(record->hash)) &&
         store_copy_text(rows, 3, arena, &record->name) && store_copy_text(rows, 5, arena, &record->scopes) &&
         store_copy_text(rows, 10, arena, &record->email) && store_copy_text(rows, 11, arena, &record->kind);
}

enum err_code store_api_key_insert(struct db_tx *tx, const struct api_key_record *record, struct err *err) {
  return db_exec(
      tx,
      "INSERT INTO api_key (id, organisation_id, user_id, name, hash, scopes, created_at, expires_at) VALUES ($1, $2, "
      "$3, $4, $5, $6, $7, $8)",
      DB_PARAMS(DB_V_UUID(record->id), DB_V_UUID(record->organisation_id), DB_V_UUID(record->user_id),
                DB_V_TEXT(record->name), store_v_hash(record->hash), DB_V_TEXT(record->scopes),
                DB_V_INT(record->created_at), store_v_time(record->expires_at)),
      err);
}

static enum err_code missing(enum err_code code, struct err *err) {
  return code == ERR_NOT_FOUND ? err_set(err, code, "there is no such API key") : code;
}

enum err_code store_api_key_find(STORE_TX, const uint8_t hash[32], struct api_key_record *ret_record, struct err *err) {
  const struct db_value params[] = {store_v_hash(hash)};
  const struct store_select select = {SELECT_KEY "WHERE k.hash = $1", params, 1, read_key, sizeof(*ret_record)};
  return missing(store_select_one(tx, arena, &select, ret_record, err), err);
}

enum err_code store_api_key_get(STORE_TX, struct uuid organisation_id, struct uuid id,
                                struct api_key_record *ret_record, struct err *err) {
  const struct db_value params[] = {DB_V_UUID(organisation_id), DB_V_UUID(id)};
  const struct store_select select = {SELECT_KEY "WHERE k.organisation_id = $1 AND k.id = $2", params, 2, read_key,
                                      sizeof(*ret_record)};
  return missing(store_select_one(tx, arena, &select, ret_record, err), err);
}

/* Ids are UUIDv7: by time of making. */
enum err_code store_api_key_page(STORE_TX, struct uuid organisation_id, struct uuid after, size_t max,
                                 STORE_LIST(api_key_record)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id), store_v_before(&after), DB_V_INT((int64_t)max)};
  const struct store_select select = {SELECT_KEY
                                      "WHERE k.organisation_id = $1 AND k.id < $2 ORDER BY k.id DESC LIMIT $3",
                                      params, 3, read_key, sizeof(struct api_key_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_api_key_revoke(struct db_tx *tx, struct uuid organisation_id, struct uuid id, int64_t now,
                                   struct err *err) {
  return db_exec(tx, "UPDATE api_key SET revoked_at = $3 WHERE organisation_id = $1 AND id = $2 AND revoked_at IS NULL",
                 DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(id), DB_V_INT(now)), err);
}

enum err_code store_api_key_used(struct db_tx *tx, struct uuid id, int64_t now, struct err *err) {
  return db_exec(tx, "UPDATE api_key SET last_used_at = $2 WHERE id = $1", DB_PARAMS(DB_V_UUID(id), DB_V_INT(now)),
                 err);
}
