/* Clients that are registered with services: client id and sealed secret. */
#include "store/grant.h"
#include "store/rows.h"

static bool read_app(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct client_app_record *record = ret_record;
  record->organisation_id = db_uuid(rows, 0);
  record->created_at = db_int(rows, 4);
  return store_copy_text(rows, 1, arena, &record->connector_id) &&
         store_copy_text(rows, 2, arena, &record->client_id) && store_copy_blob(rows, 3, arena, &record->secret) &&
         store_copy_text(rows, 5, arena, &record->issuer);
}

enum err_code store_client_app_find(STORE_TX, struct uuid organisation_id, struct str connector_id,
                                    struct client_app_record *ret_record, struct err *err) {
  const struct uuid nil = {{0}};
  const struct db_value params[] = {DB_V_UUID(organisation_id), DB_V_TEXT(connector_id), DB_V_UUID(nil)};
  /* The installation's id is all zeroes: in descending order an organisation's own comes first. */
  const struct store_select select = {
      "SELECT organisation_id, connector_id, client_id, secret, created_at, issuer FROM "
      "client_app WHERE (organisation_id = $1 OR organisation_id = $3) AND "
      "connector_id = $2 ORDER BY organisation_id DESC LIMIT 1",
      params, 3, read_app, sizeof(struct client_app_record)};
  enum err_code code = store_select_one(tx, arena, &select, ret_record, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "no client id is set for %.*s", STR_ARG(connector_id)) : code;
}

enum err_code store_client_app_list(STORE_TX, struct uuid organisation_id, STORE_LIST(client_app_record)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {
      "SELECT organisation_id, connector_id, client_id, secret, created_at, issuer FROM "
      "client_app WHERE organisation_id = $1 ORDER BY connector_id",
      params, 1, read_app, sizeof(struct client_app_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_client_app_put(struct db_tx *tx, const struct client_app_record *record, struct err *err) {
  return db_exec(tx,
                 "INSERT INTO client_app (organisation_id, connector_id, client_id, secret, created_at, issuer) "
                 "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (organisation_id, connector_id) DO UPDATE SET "
                 "client_id = excluded.client_id, secret = excluded.secret, created_at = excluded.created_at, issuer = "
                 "excluded.issuer",
                 DB_PARAMS(DB_V_UUID(record->organisation_id), DB_V_TEXT(record->connector_id),
                           DB_V_TEXT(record->client_id), store_v_blob(record->secret), DB_V_INT(record->created_at),
                           DB_V_TEXT(record->issuer.p ? record->issuer : STR(""))),
                 err);
}

enum err_code store_client_app_delete(struct db_tx *tx, struct uuid organisation_id, struct str connector_id,
                                      struct err *err) {
  enum err_code code = db_exec(tx, "DELETE FROM client_app WHERE organisation_id = $1 AND connector_id = $2",
                               DB_PARAMS(DB_V_UUID(organisation_id), DB_V_TEXT(connector_id)), err);
  if (code == ERR_NONE && db_changes(tx) == 0)
    return err_set(err, ERR_NOT_FOUND, "no client id is set for %.*s", STR_ARG(connector_id));
  return code;
}
