/* What people let clients do, and the codes and refresh tokens by which clients show it. */
#include "store/rows.h"
#include "store/sign_in.h"

#define SELECT_GRANT                                                                                             \
  "SELECT g.id, g.organisation_id, g.user_id, g.oauth_client_id, c.client_id, c.name, l.email, c.may_refresh, "  \
  "u.disabled_at, g.scopes, g.resource, g.created_at, g.used_at, g.expires_at, g.revoked_at FROM oauth_grant g " \
  "JOIN oauth_client c ON c.id = g.oauth_client_id JOIN org_user u ON u.id = g.user_id "                         \
  "JOIN login l ON l.id = u.login_id "

static bool read_grant(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct oauth_grant_record *record = ret_record;
  record->id = db_uuid(rows, 0);
  record->organisation_id = db_uuid(rows, 1);
  record->user_id = db_uuid(rows, 2);
  record->oauth_client_id = db_uuid(rows, 3);
  record->may_refresh = db_int(rows, 7) != 0;
  record->user_disabled_at = db_int(rows, 8);
  record->scopes = db_int(rows, 9);
  record->created_at = db_int(rows, 11);
  record->used_at = db_int(rows, 12);
  record->expires_at = db_int(rows, 13);
  record->revoked_at = db_int(rows, 14);
  return store_copy_text(rows, 4, arena, &record->client_id) && store_copy_text(rows, 5, arena, &record->client_name) &&
         store_copy_text(rows, 6, arena, &record->email) && store_copy_text(rows, 10, arena, &record->resource);
}

enum err_code store_oauth_grant_insert(struct db_tx *tx, const struct oauth_grant_record *record, struct err *err) {
  enum err_code code =
      db_exec(tx,
              "INSERT INTO oauth_grant (id, organisation_id, user_id, oauth_client_id, scopes, resource, created_at, "
              "expires_at) SELECT $1, u.organisation_id, u.id, $4, $5, $6, $7, $8 FROM org_user u "
              "WHERE u.organisation_id = $2 AND u.id = $3",
              DB_PARAMS(DB_V_UUID(record->id), DB_V_UUID(record->organisation_id), DB_V_UUID(record->user_id),
                        DB_V_UUID(record->oauth_client_id), DB_V_INT(record->scopes), DB_V_TEXT(record->resource),
                        DB_V_INT(record->created_at), DB_V_INT(record->expires_at)),
              err);
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_NOT_FOUND, "there is no such user");
  return code;
}

enum err_code store_oauth_grant_get(STORE_TX, struct uuid id, struct oauth_grant_record *ret_record, struct err *err) {
  const struct db_value params[] = {DB_V_UUID(id)};
  const struct store_select select = {SELECT_GRANT "WHERE g.id = $1", params, 1, read_grant, sizeof *ret_record};
  enum err_code code = store_select_one(tx, arena, &select, ret_record, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "there is no such client that somebody let in") : code;
}

enum err_code store_oauth_grant_used(struct db_tx *tx, struct uuid id, int64_t now, int64_t expires_at,
                                     struct err *err) {
  return db_exec(tx, "UPDATE oauth_grant SET used_at = $2, expires_at = $3 WHERE id = $1",
                 DB_PARAMS(DB_V_UUID(id), DB_V_INT(now), DB_V_INT(expires_at)), err);
}

struct id_pair {
  struct uuid id, organisation_id;
};

static bool read_pair(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct id_pair *pair = ret_record;
  pair->id = db_uuid(rows, 0);
  pair->organisation_id = db_uuid(rows, 1);
  return true;
}

enum err_code store_oauth_grant_revoke(STORE_TX, struct uuid id, int64_t now, struct err *err) {
  enum err_code code = db_exec(tx, "UPDATE oauth_grant SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1",
                               DB_PARAMS(DB_V_UUID(id), DB_V_INT(now)), err);
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_NOT_FOUND, "there is no such client");
  const struct db_value params[] = {DB_V_UUID(id)};
  const struct store_select select = {
      "SELECT id, organisation_id FROM access_token WHERE grant_id = $1 AND revoked_at IS NULL", params, 1, read_pair,
      sizeof(struct id_pair)};
  const struct id_pair *tokens = NULL;
  size_t n = 0;
  if (code == ERR_NONE) code = store_select_list(tx, arena, &select, (const void **)&tokens, &n, err);
  for (size_t i = 0; i < n && code == ERR_NONE; i++) {
    code = store_access_token_revoke(tx, tokens[i].organisation_id, tokens[i].id, now, err);
    if (code == ERR_NONE)
      code = store_change_log(tx, tokens[i].organisation_id, CHANGE_ACCESS_TOKEN, tokens[i].id, err);
  }
  return code;
}

enum err_code store_oauth_grant_list(STORE_TX, struct uuid organisation_id, STORE_LIST(oauth_grant_record)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {
      SELECT_GRANT "WHERE g.organisation_id = $1 AND g.used_at IS NOT NULL ORDER BY g.created_at DESC", params, 1,
      read_grant, sizeof(struct oauth_grant_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

#define PAGE "AND g.used_at IS NOT NULL AND g.id < $2 ORDER BY g.id DESC LIMIT $3"

enum err_code store_oauth_grant_page(STORE_TX, const struct oauth_grant_filter *filter, size_t max,
                                     STORE_LIST(oauth_grant_record)) {
  const struct db_value params[] = {DB_V_UUID(filter->organisation_id), store_v_before(&filter->after),
                                    DB_V_INT((int64_t)max), DB_V_UUID(filter->user_id)};
  const size_t size = sizeof(struct oauth_grant_record);
  const struct store_select all = {SELECT_GRANT "WHERE g.organisation_id = $1 " PAGE, params, 3, read_grant, size};
  const struct store_select theirs = {SELECT_GRANT "WHERE g.organisation_id = $1 AND g.user_id = $4 " PAGE, params, 4,
                                      read_grant, size};
  return store_select_list(tx, arena, uuid_is_nil(filter->user_id) ? &all : &theirs, (const void **)ret_list, ret_n,
                           err);
}

enum err_code store_oauth_grant_list_of_login(STORE_TX, struct uuid login_id, int64_t now,
                                              STORE_LIST(oauth_grant_record)) {
  const struct db_value params[] = {DB_V_UUID(login_id), DB_V_INT(now)};
  const struct store_select select = {SELECT_GRANT
                                      "WHERE u.login_id = $1 AND g.used_at IS NOT NULL AND g.revoked_at IS NULL AND "
                                      "g.expires_at > $2 ORDER BY g.created_at DESC",
                                      params, 2, read_grant, sizeof(struct oauth_grant_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

/* --- codes --- */

static bool read_code(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct oauth_code_record *record = ret_record;
  record->grant_id = db_uuid(rows, 1);
  record->expires_at = db_int(rows, 4);
  record->used_at = db_int(rows, 5);
  return store_copy_fixed(rows, 0, record->hash, sizeof record->hash) &&
         store_copy_text(rows, 2, arena, &record->redirect_uri) && store_copy_text(rows, 3, arena, &record->challenge);
}

enum err_code store_oauth_code_insert(struct db_tx *tx, const struct oauth_code_record *record, struct err *err) {
  return db_exec(tx,
                 "INSERT INTO oauth_code (hash, grant_id, redirect_uri, challenge, expires_at) "
                 "VALUES ($1, $2, $3, $4, $5)",
                 DB_PARAMS(store_v_hash(record->hash), DB_V_UUID(record->grant_id), DB_V_TEXT(record->redirect_uri),
                           DB_V_TEXT(record->challenge), DB_V_INT(record->expires_at)),
                 err);
}

enum err_code store_oauth_code_find(STORE_TX, const uint8_t hash[STORE_HASH], struct oauth_code_record *ret_record,
                                    struct err *err) {
  const struct db_value params[] = {store_v_hash(hash)};
  const struct store_select select = {
      "SELECT hash, grant_id, redirect_uri, challenge, expires_at, used_at FROM oauth_code WHERE hash = $1", params, 1,
      read_code, sizeof *ret_record};
  return store_select_one(tx, arena, &select, ret_record, err);
}

enum err_code store_oauth_code_use(struct db_tx *tx, const uint8_t hash[STORE_HASH], int64_t now, struct err *err) {
  return db_exec(tx, "UPDATE oauth_code SET used_at = $2 WHERE hash = $1", DB_PARAMS(store_v_hash(hash), DB_V_INT(now)),
                 err);
}

/* --- refresh tokens --- */

static bool read_refresh(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct oauth_refresh_record *record = ret_record;
  record->grant_id = db_uuid(rows, 1);
  record->created_at = db_int(rows, 2);
  record->replaced_at = db_int(rows, 3);
  return store_copy_fixed(rows, 0, record->hash, sizeof record->hash);
}

enum err_code store_oauth_refresh_insert(struct db_tx *tx, const struct oauth_refresh_record *record, struct err *err) {
  return db_exec(tx, "INSERT INTO oauth_refresh (hash, grant_id, created_at) VALUES ($1, $2, $3)",
                 DB_PARAMS(store_v_hash(record->hash), DB_V_UUID(record->grant_id), DB_V_INT(record->created_at)), err);
}

enum err_code store_oauth_refresh_find(STORE_TX, const uint8_t hash[STORE_HASH],
                                       struct oauth_refresh_record *ret_record, struct err *err) {
  const struct db_value params[] = {store_v_hash(hash)};
  const struct store_select select = {
      "SELECT hash, grant_id, created_at, replaced_at FROM oauth_refresh WHERE hash = $1", params, 1, read_refresh,
      sizeof *ret_record};
  return store_select_one(tx, arena, &select, ret_record, err);
}

enum err_code store_oauth_refresh_replace(struct db_tx *tx, const uint8_t hash[STORE_HASH], int64_t now,
                                          struct err *err) {
  return db_exec(tx, "UPDATE oauth_refresh SET replaced_at = COALESCE(replaced_at, $2) WHERE hash = $1",
                 DB_PARAMS(store_v_hash(hash), DB_V_INT(now)), err);
}
