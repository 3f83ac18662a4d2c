/* How connections were found when they were last checked. */
#include "store/grant.h"
#include "store/rows.h"

enum err_code store_connection_check_put(struct db_tx *tx, const struct connection_check_record *record,
                                         struct err *err) {
  return db_exec(tx,
                 "INSERT INTO connection_check (connection_id, organisation_id, checked_at, is_ok, text) "
                 "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (connection_id) DO UPDATE SET "
                 "checked_at = excluded.checked_at, is_ok = excluded.is_ok, text = excluded.text",
                 DB_PARAMS(DB_V_UUID(record->connection_id), DB_V_UUID(record->organisation_id),
                           DB_V_INT(record->checked_at), DB_V_INT(record->is_ok), DB_V_TEXT(record->text)),
                 err);
}

static bool read_check(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct connection_check_record *record = ret_record;
  record->connection_id = db_uuid(rows, 0);
  record->organisation_id = db_uuid(rows, 1);
  record->checked_at = db_int(rows, 2);
  record->is_ok = db_int(rows, 3) != 0;
  return store_copy_text(rows, 4, arena, &record->text);
}

enum err_code store_connection_check_list(STORE_TX, struct uuid organisation_id, STORE_LIST(connection_check_record)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {
      "SELECT connection_id, organisation_id, checked_at, is_ok, text FROM "
      "connection_check WHERE organisation_id = $1 ORDER BY connection_id",
      params, 1, read_check, sizeof(struct connection_check_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

static bool read_news(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct connection_news *news = ret_record;
  news->connection_id = db_uuid(rows, 0);
  news->time = db_int(rows, 4);
  return store_copy_text(rows, 1, arena, &news->name) && store_copy_text(rows, 2, arena, &news->what) &&
         store_copy_text(rows, 3, arena, &news->text);
}

enum err_code store_connection_news_list(STORE_TX, struct uuid organisation_id, int64_t after, size_t max,
                                         STORE_LIST(connection_news)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id), DB_V_INT(after), DB_V_INT((int64_t)max)};
  const struct store_select select = {
      "SELECT c.id, c.name, e.what, e.text, e.time FROM connection c JOIN grant_event e ON e.connection_id = c.id "
      "WHERE "
      "c.organisation_id = $1 AND e.time > $2 UNION ALL SELECT c.id, c.name, CASE WHEN k.is_ok = 1 THEN 'checked' ELSE "
      "'failed' END, k.text, k.checked_at FROM connection_check k JOIN connection c ON c.id = k.connection_id WHERE "
      "k.organisation_id = $1 AND k.checked_at > $2 ORDER BY 5 LIMIT $3",
      params, 3, read_news, sizeof(struct connection_news)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}
