/* Grants of connections: tokens, who renews them, and how that went. */
#include "store/grant.h"

#include "store/rows.h"

enum { EVENTS_KEPT = 50 };

#define GRANT_COLUMNS                                                                                                 \
  "connection_id, organisation_id, status, secret, version, scopes, captured, has_refresh, obtained_at, expires_at, " \
  "last_success_at, last_error_at, last_error, failures, retry_at, exchange_at, lease_owner, lease_version, "         \
  "lease_until, challenge"

static bool read_grant(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct grant_record *record = ret_record;
  record->connection_id = db_uuid(rows, 0);
  record->organisation_id = db_uuid(rows, 1);
  record->version = db_int(rows, 4);
  record->has_refresh = db_int(rows, 7) != 0;
  record->obtained_at = db_int(rows, 8);
  record->expires_at = db_int(rows, 9);
  record->last_success_at = db_int(rows, 10);
  record->last_error_at = db_int(rows, 11);
  record->failures = db_int(rows, 13);
  record->retry_at = db_int(rows, 14);
  record->exchange_at = db_int(rows, 15);
  record->lease_owner = db_uuid(rows, 16);
  record->lease_version = db_int(rows, 17);
  record->lease_until = db_int(rows, 18);
  return store_copy_text(rows, 2, arena, &record->status) && store_copy_blob(rows, 3, arena, &record->secret) &&
         store_copy_text(rows, 5, arena, &record->scopes) && store_copy_text(rows, 6, arena, &record->captured) &&
         store_copy_text(rows, 12, arena, &record->last_error) && store_copy_text(rows, 19, arena, &record->challenge);
}

enum err_code store_grant_get(STORE_TX, struct uuid organisation_id, struct uuid connection_id,
                              struct grant_record *ret_record, struct err *err) {
  const struct db_value params[] = {DB_V_UUID(organisation_id), DB_V_UUID(connection_id)};
  const struct store_select select = {"SELECT " GRANT_COLUMNS
                                      " FROM connection_grant WHERE organisation_id = $1 AND connection_id = $2",
                                      params, 2, read_grant, sizeof(struct grant_record)};
  enum err_code code = store_select_one(tx, arena, &select, ret_record, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "the connection was never connected") : code;
}

enum err_code store_grant_list(STORE_TX, struct uuid organisation_id, STORE_LIST(grant_record)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {"SELECT " GRANT_COLUMNS
                                      " FROM connection_grant WHERE organisation_id = $1 ORDER BY connection_id",
                                      params, 1, read_grant, sizeof(struct grant_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

static struct str object_or_empty(struct str json) {
  return json.n ? json : STR("{}");
}

static struct str text_or_empty(struct str text) {
  return text.p ? text : STR("");
}

enum err_code store_grant_put(struct db_tx *tx, const struct grant_record *record, struct err *err) {
  return db_exec(
      tx,
      "INSERT INTO connection_grant (connection_id, organisation_id, status, secret, version, scopes, captured, "
      "has_refresh, obtained_at, expires_at, last_success_at, last_error_at, last_error, challenge) "
      "VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9, $10, $11, $12, $13) "
      "ON CONFLICT (connection_id) DO UPDATE SET status = excluded.status, secret = excluded.secret, "
      "version = connection_grant.version + 1, scopes = excluded.scopes, captured = excluded.captured, "
      "has_refresh = excluded.has_refresh, obtained_at = excluded.obtained_at, expires_at = excluded.expires_at, "
      "last_success_at = excluded.last_success_at, last_error_at = excluded.last_error_at, "
      "last_error = excluded.last_error, challenge = excluded.challenge, failures = 0, retry_at = NULL, exchange_at = "
      "NULL, lease_owner = NULL, "
      "lease_version = connection_grant.lease_version + 1, lease_until = NULL",
      DB_PARAMS(DB_V_UUID(record->connection_id), DB_V_UUID(record->organisation_id), DB_V_TEXT(record->status),
                store_v_blob(record->secret), DB_V_TEXT(text_or_empty(record->scopes)),
                DB_V_TEXT(object_or_empty(record->captured)), DB_V_INT(record->has_refresh),
                store_v_time(record->obtained_at), store_v_time(record->expires_at),
                store_v_time(record->last_success_at), store_v_time(record->last_error_at),
                store_v_text(record->last_error), DB_V_TEXT(object_or_empty(record->challenge))),
      err);
}

enum err_code store_grant_take(struct db_tx *tx, struct uuid connection_id, struct uuid owner, int64_t now,
                               int64_t until, struct err *err) {
  enum err_code code =
      db_exec(tx,
              "UPDATE connection_grant SET lease_owner = $2, lease_version = lease_version + 1, lease_until = $4, "
              "exchange_at = COALESCE(exchange_at, $3) WHERE connection_id = $1 AND (lease_until IS NULL OR "
              "lease_until < $3)",
              DB_PARAMS(DB_V_UUID(connection_id), DB_V_UUID(owner), DB_V_INT(now), DB_V_INT(until)), err);
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_CONFLICT, "the connection is being refreshed");
  return code;
}

enum err_code store_grant_free_leases(struct db_tx *tx, struct uuid owner, struct err *err) {
  enum err_code code = db_exec(tx,
                               "UPDATE connection_grant SET lease_owner = NULL, lease_until = NULL, "
                               "lease_version = lease_version + 1 WHERE lease_owner = $1",
                               DB_PARAMS(DB_V_UUID(owner)), err);
  if (code != ERR_NONE) return code;
  return db_exec(tx,
                 "UPDATE job SET lease_owner = NULL, lease_until = NULL, lease_version = lease_version + 1 "
                 "WHERE lease_owner = $1",
                 DB_PARAMS(DB_V_UUID(owner)), err);
}

static enum err_code changed_meanwhile(struct db_tx *tx, enum err_code code, struct err *err) {
  if (code == ERR_NONE && db_changes(tx) == 0)
    return err_set(err, ERR_CONFLICT, "the connection was renewed by somebody else meanwhile");
  return code;
}

enum err_code store_grant_refreshed(struct db_tx *tx, const struct grant_record *record, struct err *err) {
  enum err_code code = db_exec(
      tx,
      "UPDATE connection_grant SET status = 'active', secret = $4, version = version + 1, scopes = $5, captured = $6, "
      "has_refresh = $7, obtained_at = $8, expires_at = $9, last_success_at = $8, last_error = NULL, failures = 0, "
      "retry_at = NULL, exchange_at = NULL, lease_owner = NULL, lease_until = NULL WHERE connection_id = $1 AND "
      "organisation_id = $2 AND version = $3",
      DB_PARAMS(DB_V_UUID(record->connection_id), DB_V_UUID(record->organisation_id), DB_V_INT(record->version),
                store_v_blob(record->secret), DB_V_TEXT(text_or_empty(record->scopes)),
                DB_V_TEXT(object_or_empty(record->captured)), DB_V_INT(record->has_refresh),
                store_v_time(record->obtained_at), store_v_time(record->expires_at)),
      err);
  return changed_meanwhile(tx, code, err);
}

enum err_code store_grant_failed(struct db_tx *tx, const struct grant_record *record, bool is_known, struct err *err) {
  enum err_code code = db_exec(
      tx,
      "UPDATE connection_grant SET status = $4, last_error_at = $5, last_error = $6, failures = $7, retry_at = $8, "
      "exchange_at = CASE WHEN $9 = 1 THEN NULL ELSE exchange_at END, lease_owner = NULL, lease_until = NULL "
      "WHERE connection_id = $1 AND organisation_id = $2 AND version = $3",
      DB_PARAMS(DB_V_UUID(record->connection_id), DB_V_UUID(record->organisation_id), DB_V_INT(record->version),
                DB_V_TEXT(record->status), store_v_time(record->last_error_at), store_v_text(record->last_error),
                DB_V_INT(record->failures), store_v_time(record->retry_at), DB_V_INT(is_known)),
      err);
  return changed_meanwhile(tx, code, err);
}

enum err_code store_grant_challenged(struct db_tx *tx, const struct grant_record *record, struct err *err) {
  enum err_code code =
      db_exec(tx,
              "UPDATE connection_grant SET status = $4, challenge = $5, last_error = $6, "
              "last_error_at = $7 WHERE connection_id = $1 AND organisation_id = $2 AND version = $3",
              DB_PARAMS(DB_V_UUID(record->connection_id), DB_V_UUID(record->organisation_id), DB_V_INT(record->version),
                        DB_V_TEXT(record->status), DB_V_TEXT(object_or_empty(record->challenge)),
                        store_v_text(record->last_error), store_v_time(record->last_error_at)),
              err);
  return changed_meanwhile(tx, code, err);
}

enum err_code store_grant_capture(struct db_tx *tx, struct uuid organisation_id, struct uuid connection_id,
                                  struct str captured, struct err *err) {
  return db_exec(tx, "UPDATE connection_grant SET captured = $3 WHERE organisation_id = $1 AND connection_id = $2",
                 DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(connection_id), DB_V_TEXT(captured)), err);
}

enum err_code store_connection_touch(struct db_tx *tx, struct uuid organisation_id, struct uuid connection_id,
                                     int64_t now, struct err *err) {
  return db_exec(tx,
                 "UPDATE connection SET version = version + 1, updated_at = $3 WHERE organisation_id = $1 AND id = $2",
                 DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(connection_id), DB_V_INT(now)), err);
}

enum err_code store_grant_disconnect(struct db_tx *tx, struct uuid organisation_id, struct uuid connection_id,
                                     int64_t now, struct err *err) {
  enum err_code code =
      db_exec(tx,
              "INSERT INTO connection_grant (connection_id, organisation_id, status, version) "
              "VALUES ($1, $2, 'disconnected', 1) "
              "ON CONFLICT (connection_id) DO UPDATE SET status = 'disconnected', secret = NULL, "
              "version = connection_grant.version + 1, has_refresh = 0, obtained_at = NULL, expires_at = NULL, "
              "failures = 0, retry_at = NULL, exchange_at = NULL, lease_owner = NULL, lease_until = NULL, "
              "lease_version = connection_grant.lease_version + 1",
              DB_PARAMS(DB_V_UUID(connection_id), DB_V_UUID(organisation_id)), err);
  return code == ERR_NONE ? store_connection_touch(tx, organisation_id, connection_id, now, err) : code;
}

/* ---- history ---- */

enum err_code store_grant_event_insert(struct db_tx *tx, const struct grant_event_record *record, struct err *err) {
  enum err_code code = db_exec(tx, "INSERT INTO grant_event (connection_id, time, what, text) VALUES ($1, $2, $3, $4)",
                               DB_PARAMS(DB_V_UUID(record->connection_id), DB_V_INT(record->time),
                                         DB_V_TEXT(record->what), DB_V_TEXT(text_or_empty(record->text))),
                               err);
  if (code != ERR_NONE) return code;
  return db_exec(tx,
                 "DELETE FROM grant_event WHERE connection_id = $1 AND time < (SELECT MIN(time) FROM (SELECT time FROM "
                 "grant_event WHERE connection_id = $1 ORDER BY time DESC LIMIT $2) AS kept)",
                 DB_PARAMS(DB_V_UUID(record->connection_id), DB_V_INT(EVENTS_KEPT)), err);
}

static bool read_event(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct grant_event_record *record = ret_record;
  record->connection_id = db_uuid(rows, 0);
  record->time = db_int(rows, 1);
  return store_copy_text(rows, 2, arena, &record->what) && store_copy_text(rows, 3, arena, &record->text);
}

enum err_code store_grant_event_list(STORE_TX, struct uuid connection_id, STORE_LIST(grant_event_record)) {
  const struct db_value params[] = {DB_V_UUID(connection_id)};
  const struct store_select select = {
      "SELECT connection_id, time, what, text FROM grant_event WHERE connection_id = $1 ORDER BY time DESC", params, 1,
      read_event, sizeof(struct grant_event_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}
