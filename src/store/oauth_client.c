/* Programs that people may let in: those that registered, and those that are known by a document of their own. */
#include "store/rows.h"
#include "store/sign_in.h"

#define COLUMNS "id, client_id, kind, name, redirect_uris, secret_hash, may_refresh, created_at, fetched_at, used_at"

static bool read_client(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct oauth_client_record *record = ret_record;
  record->id = db_uuid(rows, 0);
  record->has_secret = !db_is_null(rows, 5);
  record->may_refresh = db_int(rows, 6) != 0;
  record->created_at = db_int(rows, 7);
  record->fetched_at = db_int(rows, 8);
  record->used_at = db_int(rows, 9);
  if (record->has_secret && !store_copy_fixed(rows, 5, record->secret_hash, sizeof record->secret_hash)) return false;
  return store_copy_text(rows, 1, arena, &record->client_id) && store_copy_text(rows, 2, arena, &record->kind) &&
         store_copy_text(rows, 3, arena, &record->name) && store_copy_text(rows, 4, arena, &record->redirect_uris);
}

enum err_code store_oauth_client_find(STORE_TX, struct str client_id, struct oauth_client_record *ret_record,
                                      struct err *err) {
  const struct db_value params[] = {DB_V_TEXT(client_id)};
  const struct store_select select = {"SELECT " COLUMNS " FROM oauth_client WHERE client_id = $1", params, 1,
                                      read_client, sizeof *ret_record};
  enum err_code code = store_select_one(tx, arena, &select, ret_record, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "there is no such client") : code;
}

enum err_code store_oauth_client_put(STORE_TX, struct oauth_client_record *record, struct err *err) {
  enum err_code code = db_exec(
      tx,
      "INSERT INTO oauth_client (" COLUMNS
      ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL) "
      "ON CONFLICT (client_id) DO UPDATE SET name = excluded.name, redirect_uris = excluded.redirect_uris, "
      "may_refresh = excluded.may_refresh, fetched_at = excluded.fetched_at "
      "WHERE oauth_client.kind = 'document' AND excluded.kind = 'document'",
      DB_PARAMS(DB_V_UUID(record->id), DB_V_TEXT(record->client_id), DB_V_TEXT(record->kind), DB_V_TEXT(record->name),
                DB_V_TEXT(record->redirect_uris), record->has_secret ? store_v_hash(record->secret_hash) : DB_V_NULL,
                DB_V_INT(record->may_refresh), DB_V_INT(record->created_at), store_v_time(record->fetched_at)),
      err);
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_CONFLICT, "this client exists already");
  struct oauth_client_record stored;
  if (code == ERR_NONE) code = store_oauth_client_find(tx, arena, record->client_id, &stored, err);
  if (code == ERR_NONE) *record = stored;
  return code;
}

enum err_code store_oauth_client_list(STORE_TX, STORE_LIST(oauth_client_record)) {
  const struct store_select select = {"SELECT " COLUMNS " FROM oauth_client ORDER BY created_at, id", DB_NO_PARAMS,
                                      read_client, sizeof(struct oauth_client_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_oauth_client_used(struct db_tx *tx, struct uuid id, int64_t now, struct err *err) {
  return db_exec(tx, "UPDATE oauth_client SET used_at = $2 WHERE id = $1", DB_PARAMS(DB_V_UUID(id), DB_V_INT(now)),
                 err);
}

enum err_code store_oauth_client_count_unused(struct db_tx *tx, int64_t *ret_n, struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code = db_query(tx, "SELECT COUNT(*) FROM oauth_client WHERE used_at IS NULL AND kind = 'registered'",
                                DB_NO_PARAMS, &rows, err);
  if (code != ERR_NONE) return code;
  int got = db_next(rows, err);
  code = store_rows_end(got, err);
  if (got == 1) *ret_n = db_int(rows, 0);
  db_rows_close(rows);
  return code;
}
