/* Access tokens: their hashes, never their texts. */
#include "store/rows.h"
#include "store/sign_in.h"

#define COLUMNS                                                                          \
  "id, organisation_id, user_id, kind, name, hash, expires_at, revoked_at, created_at, " \
  "grant_id, scopes, audience"

/* All but the strings. A hash of another length leaves zeros, which no token has. */
static void read_fixed(struct db_rows *rows, struct access_token_record *record) {
  record->id = db_uuid(rows, 0);
  record->organisation_id = db_uuid(rows, 1);
  record->user_id = db_uuid(rows, 2);
  if (!store_copy_fixed(rows, 5, record->hash, sizeof record->hash)) memset(record->hash, 0, sizeof record->hash);
  record->expires_at = db_int(rows, 6);
  record->revoked_at = db_int(rows, 7);
  record->created_at = db_int(rows, 8);
  record->grant_id = db_uuid(rows, 9);
  record->scopes = db_int(rows, 10);
}

static bool read_token(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct access_token_record *record = ret_record;
  read_fixed(rows, record);
  return store_copy_text(rows, 3, arena, &record->kind) && store_copy_text(rows, 4, arena, &record->name) &&
         store_copy_text(rows, 11, arena, &record->audience);
}

/* The user must be the organisation's own. */
enum err_code store_access_token_insert(struct db_tx *tx, const struct access_token_record *record, struct err *err) {
  enum err_code code = db_exec(
      tx,
      "INSERT INTO access_token (" COLUMNS
      ") SELECT $1, u.organisation_id, u.id, $4, $5, $6, $7, $8, $9, $10, $11, $12 "
      "FROM org_user u WHERE u.organisation_id = $2 AND u.id = $3",
      DB_PARAMS(DB_V_UUID(record->id), DB_V_UUID(record->organisation_id), DB_V_UUID(record->user_id),
                DB_V_TEXT(record->kind), DB_V_TEXT(record->name),
                DB_V_BLOB(str_make((const char *)record->hash, sizeof record->hash)), store_v_time(record->expires_at),
                store_v_time(record->revoked_at), DB_V_INT(record->created_at), store_v_uuid(&record->grant_id),
                store_v_time(record->scopes), store_v_text(record->audience)),
      err);
  if (code == ERR_CONFLICT) return err_set(err, code, "this access token exists already");
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_NOT_FOUND, "there is no such user");
  return code;
}

enum err_code store_access_token_get(STORE_TX, struct uuid id, struct access_token_record *ret_record,
                                     struct err *err) {
  const struct db_value params[] = {DB_V_UUID(id)};
  const struct store_select select = {"SELECT " COLUMNS " FROM access_token WHERE id = $1", params, 1, read_token,
                                      sizeof *ret_record};
  enum err_code code = store_select_one(tx, arena, &select, ret_record, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "there is no such access token") : code;
}

enum err_code store_access_token_find(STORE_TX, const uint8_t hash[STORE_HASH], struct access_token_record *ret_record,
                                      struct err *err) {
  const struct db_value params[] = {store_v_hash(hash)};
  const struct store_select select = {"SELECT " COLUMNS " FROM access_token WHERE hash = $1", params, 1, read_token,
                                      sizeof *ret_record};
  return store_select_one(tx, arena, &select, ret_record, err);
}

/* Revoking twice keeps the first time. */
enum err_code store_access_token_revoke(struct db_tx *tx, struct uuid organisation_id, struct uuid id, int64_t now,
                                        struct err *err) {
  enum err_code code = db_exec(tx,
                               "UPDATE access_token SET revoked_at = COALESCE(revoked_at, $3) "
                               "WHERE organisation_id = $1 AND id = $2",
                               DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(id), DB_V_INT(now)), err);
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_NOT_FOUND, "there is no such access token");
  return code;
}

enum err_code store_access_token_list(STORE_TX, struct uuid organisation_id, STORE_LIST(access_token_record)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {"SELECT " COLUMNS
                                      " FROM access_token WHERE organisation_id = $1 ORDER BY created_at, id",
                                      params, 1, read_token, sizeof(struct access_token_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_access_token_each(struct db_tx *tx, int64_t now, store_access_token_visit visit, void *context,
                                      struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code = db_query(tx,
                                "SELECT " COLUMNS
                                " FROM access_token "
                                "WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)",
                                DB_PARAMS(DB_V_INT(now)), &rows, err);
  if (code != ERR_NONE) return code;
  int got = 0;
  while (code == ERR_NONE && (got = db_next(rows, err)) == 1) {
    struct access_token_record record = {.kind = db_text(rows, 3), .name = db_text(rows, 4)};
    if (!db_is_null(rows, 11)) record.audience = db_text(rows, 11);
    read_fixed(rows, &record);
    code = visit(&record, context, err);
  }
  if (code == ERR_NONE) code = store_rows_end(got, err);
  db_rows_close(rows);
  return code;
}

enum err_code store_access_token_expire(struct db_tx *tx, struct uuid organisation_id, struct uuid id,
                                        int64_t expires_at, struct err *err) {
  return db_exec(tx, "UPDATE access_token SET expires_at = $3 WHERE organisation_id = $1 AND id = $2",
                 DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(id), DB_V_INT(expires_at)), err);
}
