/* Calls of a day, counted. Must not know how durations are kept. */
#include "store/call_fact.h"
#include "store/rows.h"

#define COLUMNS "organisation_id, day, user_id, tool, connection, connector, ok, errors, denied, limited, durations"

static bool read_day(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct usage_day *row = ret_record;
  row->organisation_id = db_uuid(rows, 0);
  row->day = db_int(rows, 1);
  row->user_id = db_uuid(rows, 2);
  row->ok = db_int(rows, 6);
  row->errors = db_int(rows, 7);
  row->denied = db_int(rows, 8);
  row->limited = db_int(rows, 9);
  return store_copy_text(rows, 3, arena, &row->tool) && store_copy_text(rows, 4, arena, &row->connection) &&
         store_copy_text(rows, 5, arena, &row->connector) && store_copy_blob(rows, 10, arena, &row->durations);
}

enum err_code store_usage_get(STORE_TX, const struct usage_day *key, struct usage_day *ret_row, struct err *err) {
  const struct db_value params[] = {DB_V_UUID(key->organisation_id), DB_V_INT(key->day), DB_V_UUID(key->user_id),
                                    DB_V_TEXT(key->tool), DB_V_TEXT(key->connection)};
  const struct store_select select = {"SELECT " COLUMNS
                                      " FROM usage_day WHERE organisation_id = $1 AND day = $2 AND "
                                      "user_id = $3 AND tool = $4 AND connection = $5",
                                      params, 5, read_day, sizeof(*ret_row)};
  return store_select_one(tx, arena, &select, ret_row, err);
}

enum err_code store_usage_put(struct db_tx *tx, const struct usage_day *row, struct err *err) {
  return db_exec(
      tx,
      "INSERT INTO usage_day (" COLUMNS
      ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (organisation_id, day, user_id, "
      "tool, connection) DO UPDATE SET ok = excluded.ok, errors = excluded.errors, denied = "
      "excluded.denied, limited = excluded.limited, durations = excluded.durations",
      DB_PARAMS(DB_V_UUID(row->organisation_id), DB_V_INT(row->day), DB_V_UUID(row->user_id), DB_V_TEXT(row->tool),
                DB_V_TEXT(row->connection), DB_V_TEXT(row->connector), DB_V_INT(row->ok), DB_V_INT(row->errors),
                DB_V_INT(row->denied), DB_V_INT(row->limited), DB_V_BLOB(row->durations)),
      err);
}

enum err_code store_usage_list(STORE_TX, const struct usage_filter *filter, STORE_LIST(usage_day)) {
  const struct db_value params[] = {DB_V_UUID(filter->organisation_id),
                                    DB_V_INT(filter->from_day),
                                    DB_V_INT(filter->to_day),
                                    store_v_uuid(&filter->user_id),
                                    filter->tool.n ? DB_V_TEXT(filter->tool) : DB_V_NULL,
                                    filter->connection.n ? DB_V_TEXT(filter->connection) : DB_V_NULL};
  const struct store_select select = {
      "SELECT " COLUMNS
      " FROM usage_day WHERE organisation_id = $1 AND day >= $2 AND day <= $3 AND "
      "(user_id = $4 OR $4 IS NULL) AND (tool = $5 OR $5 IS NULL) AND (connection = $6 OR $6 IS NULL) ORDER BY day",
      params, 6, read_day, sizeof(struct usage_day)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

static bool read_use(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct connection_use *use = ret_record;
  use->n_calls = db_int(rows, 1);
  use->last_at = db_int(rows, 2);
  return store_copy_text(rows, 0, arena, &use->connection);
}

enum err_code store_connection_use_list(STORE_TX, struct uuid organisation_id, int64_t from_day,
                                        STORE_LIST(connection_use)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id), DB_V_INT(from_day)};
  const struct store_select select = {
      "SELECT c.name, (SELECT CAST(COALESCE(sum(u.ok + u.errors + u.denied), 0) AS BIGINT) FROM usage_day u WHERE "
      "u.organisation_id = $1 AND u.day >= $2 AND u.connection = c.name), (SELECT f.time FROM call_fact f WHERE "
      "f.organisation_id = $1 "
      "AND f.connection = c.name AND f.kind = 'call' ORDER BY f.time DESC LIMIT 1) FROM connection c WHERE "
      "c.organisation_id = $1",
      params, 2, read_use, sizeof(struct connection_use)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

static bool read_tool_use(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct tool_use *use = ret_record;
  use->n_calls = db_int(rows, 1);
  use->n_errors = db_int(rows, 2);
  return store_copy_text(rows, 0, arena, &use->tool);
}

enum err_code store_tool_use_list(STORE_TX, struct uuid organisation_id, struct str connection, int64_t from_day,
                                  STORE_LIST(tool_use)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id), DB_V_INT(from_day), DB_V_TEXT(connection)};
  const struct store_select select = {
      "SELECT tool, CAST(sum(ok + errors + denied) AS BIGINT), CAST(sum(errors) AS BIGINT) FROM usage_day WHERE "
      "organisation_id = $1 AND day >= $2 AND "
      "connection = $3 GROUP BY tool",
      params, 3, read_tool_use, sizeof(struct tool_use)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_usage_total(struct db_tx *tx, struct uuid organisation_id, int64_t from_day, int64_t *ret_calls,
                                int64_t *ret_users, struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code =
      db_query(tx,
               "SELECT CAST(COALESCE(sum(ok + errors + denied), 0) AS BIGINT), count(DISTINCT user_id) FROM usage_day "
               "WHERE (organisation_id = $1 OR $1 IS NULL) AND day >= $2",
               DB_PARAMS(store_v_uuid(&organisation_id), DB_V_INT(from_day)), &rows, err);
  if (code != ERR_NONE) return code;
  int got = db_next(rows, err);
  if (got == 1) {
    *ret_calls = db_int(rows, 0);
    *ret_users = db_int(rows, 1);
  }
  code = store_rows_end(got, err);
  db_rows_close(rows);
  return code;
}
