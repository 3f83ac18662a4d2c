/* Facts of calls. Each list has an index that ends in its time, whatever it is filtered by: a page costs the same
 * however many there are. */
#include "store/call_fact.h"

#include "store/rows.h"

#define COLUMNS                                                                                               \
  "organisation_id, time, writer, seq, call_id, kind, user_id, token_id, tool, does, connector, connection, " \
  "decision, "                                                                                                \
  "outcome, error, duration_us"

static bool read_fact(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct call_fact *fact = ret_record;
  fact->organisation_id = db_uuid(rows, 0);
  fact->time = db_int(rows, 1);
  fact->seq = db_int(rows, 3);
  fact->call_id = db_uuid(rows, 4);
  fact->user_id = db_uuid(rows, 6);
  fact->token_id = db_uuid(rows, 7);
  fact->duration_us = db_int(rows, 15);
  return store_copy_text(rows, 2, arena, &fact->writer) && store_copy_text(rows, 5, arena, &fact->kind) &&
         store_copy_text(rows, 8, arena, &fact->tool) && store_copy_text(rows, 9, arena, &fact->does) &&
         store_copy_text(rows, 10, arena, &fact->connector) && store_copy_text(rows, 11, arena, &fact->connection) &&
         store_copy_text(rows, 12, arena, &fact->decision) && store_copy_text(rows, 13, arena, &fact->outcome) &&
         store_copy_text(rows, 14, arena, &fact->error);
}

static bool read_lag(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct call_fact_lag *lag = ret_record;
  lag->organisation_id = db_uuid(rows, 0);
  lag->done = db_int(rows, 2);
  lag->head = db_int(rows, 3);
  return store_copy_text(rows, 1, arena, &lag->writer);
}

enum err_code store_call_fact_lag_list(STORE_TX, struct uuid organisation_id, STORE_LIST(call_fact_lag)) {
  const struct db_value params[] = {store_v_uuid(&organisation_id)};
  const struct store_select select = {
      "SELECT h.organisation_id, h.writer, COALESCE(m.seq, 0), h.seq FROM audit_head h JOIN organisation o ON o.id = "
      "h.organisation_id LEFT JOIN call_fact_mark m ON m.organisation_id = h.organisation_id AND m.writer = h.writer "
      "WHERE (h.organisation_id = $1 OR $1 IS NULL) AND h.seq > COALESCE(m.seq, 0)",
      params, 1, read_lag, sizeof(struct call_fact_lag)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_call_fact_mark(struct db_tx *tx, struct uuid organisation_id, struct str writer, int64_t seq,
                                   struct err *err) {
  return db_exec(tx,
                 "INSERT INTO call_fact_mark (organisation_id, writer, seq) VALUES ($1, $2, $3) ON CONFLICT "
                 "(organisation_id, writer) DO UPDATE SET seq = excluded.seq",
                 DB_PARAMS(DB_V_UUID(organisation_id), DB_V_TEXT(writer), DB_V_INT(seq)), err);
}

enum err_code store_call_fact_insert(struct db_tx *tx, const struct call_fact *fact, struct err *err) {
  return db_exec(
      tx,
      "INSERT INTO call_fact (" COLUMNS
      ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT DO NOTHING",
      DB_PARAMS(DB_V_UUID(fact->organisation_id), DB_V_INT(fact->time), DB_V_TEXT(fact->writer), DB_V_INT(fact->seq),
                DB_V_UUID(fact->call_id), DB_V_TEXT(fact->kind), store_v_uuid(&fact->user_id),
                store_v_uuid(&fact->token_id), DB_V_TEXT(fact->tool), store_v_filled(fact->does),
                store_v_filled(fact->connector), store_v_filled(fact->connection), DB_V_TEXT(fact->decision),
                DB_V_TEXT(fact->outcome), store_v_filled(fact->error), DB_V_INT(fact->duration_us)),
      err);
}

enum err_code store_call_fact_finish(STORE_TX, const struct call_fact *outcome, struct call_fact *ret_fact,
                                     struct err *err) {
  const struct db_value params[] = {DB_V_UUID(outcome->organisation_id), DB_V_UUID(outcome->call_id)};
  const struct store_select select = {
      "SELECT " COLUMNS " FROM call_fact WHERE organisation_id = $1 AND call_id = $2 AND kind = 'call' LIMIT 1", params,
      2, read_fact, sizeof(*ret_fact)};
  enum err_code code = store_select_one(tx, arena, &select, ret_fact, err);
  if (code != ERR_NONE) return code;
  return db_exec(tx,
                 "UPDATE call_fact SET outcome = $3, error = $4, duration_us = $5 WHERE organisation_id = $1 AND "
                 "call_id = $2 AND kind = 'call'",
                 DB_PARAMS(DB_V_UUID(outcome->organisation_id), DB_V_UUID(outcome->call_id),
                           DB_V_TEXT(outcome->outcome), store_v_filled(outcome->error), DB_V_INT(outcome->duration_us)),
                 err);
}

/* ---- a page ---- */

/* Places first, by the index that begins with `lead` behind the organisation and ends in the time; then the rows, which
 * are looked at one by one. In one step SQLite would walk the primary key instead, since it holds the rows. */
#define PAGE(lead)                                                                                                    \
  "SELECT f.organisation_id, f.time, f.writer, f.seq, f.call_id, f.kind, f.user_id, f.token_id, f.tool, f.does, "     \
  "f.connector, f.connection, f.decision, f.outcome, f.error, f.duration_us FROM (SELECT organisation_id, time, "     \
  "writer, seq FROM call_fact WHERE organisation_id = $1 AND " lead                                                   \
  " time <= $2 AND time >= $3) k JOIN call_fact f ON f.organisation_id = k.organisation_id AND f.time = k.time "      \
  "AND f.writer = k.writer AND f.seq = k.seq WHERE (k.time < $2 OR (k.writer, k.seq) < ($4, $5)) AND "                \
  "(f.user_id = $6 OR $6 IS NULL) AND (f.token_id = $7 OR $7 IS NULL) AND (f.tool = $8 OR $8 IS NULL) AND "           \
  "(f.connection = $9 OR $9 IS NULL) AND (f.decision = $10 OR $10 IS NULL) AND (f.outcome = $11 OR $11 IS NULL) AND " \
  "(f.kind = $12 OR $12 IS NULL) AND (f.connector = $13 OR $13 IS NULL) AND (f.call_id = $14 OR $14 IS NULL) "        \
  "ORDER BY k.time DESC, k.writer DESC, k.seq DESC LIMIT $15"

static const char *statement_of(const struct call_fact_filter *filter) {
  if (!uuid_is_nil(filter->call_id)) return PAGE("call_id = $14 AND");
  if (!uuid_is_nil(filter->token_id)) return PAGE("token_id = $7 AND");
  if (filter->connection.n) return PAGE("connection = $9 AND");
  if (!uuid_is_nil(filter->user_id)) return PAGE("user_id = $6 AND");
  if (filter->tool.n) return PAGE("tool = $8 AND");
  if (filter->decision.n && filter->outcome.n) return PAGE("decision = $10 AND outcome = $11 AND");
  return PAGE("");
}

enum err_code store_call_fact_page(STORE_TX, const struct call_fact_filter *filter, size_t max, STORE_LIST(call_fact)) {
  int64_t to = filter->to ? filter->to - 1 : INT64_MAX;
  bool is_behind = filter->before_time && filter->before_time <= to;
  const struct db_value params[] = {DB_V_UUID(filter->organisation_id),
                                    DB_V_INT(is_behind ? filter->before_time : to),
                                    DB_V_INT(filter->from),
                                    DB_V_TEXT(is_behind ? filter->before_writer : STR("\x7f")),
                                    DB_V_INT(is_behind ? filter->before_seq : INT64_MAX),
                                    store_v_uuid(&filter->user_id),
                                    store_v_uuid(&filter->token_id),
                                    store_v_filled(filter->tool),
                                    store_v_filled(filter->connection),
                                    store_v_filled(filter->decision),
                                    store_v_filled(filter->outcome),
                                    store_v_filled(filter->kind),
                                    store_v_filled(filter->connector),
                                    store_v_uuid(&filter->call_id),
                                    DB_V_INT((int64_t)max)};
  const struct store_select select = {statement_of(filter), params, sizeof(params) / sizeof(params[0]), read_fact,
                                      sizeof(struct call_fact)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_call_fact_first(struct db_tx *tx, struct uuid organisation_id, int64_t *ret_time, struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code = db_query(
      tx, "SELECT time FROM call_fact WHERE organisation_id = $1 AND kind = 'call' ORDER BY time, writer, seq LIMIT 1",
      DB_PARAMS(DB_V_UUID(organisation_id)), &rows, err);
  if (code != ERR_NONE) return code;
  int got = db_next(rows, err);
  *ret_time = got == 1 ? db_int(rows, 0) : 0;
  code = store_rows_end(got, err);
  db_rows_close(rows);
  return code;
}

static bool read_group(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct call_fact_group *group = ret_record;
  group->n = db_int(rows, 3);
  group->last_at = db_int(rows, 4);
  return store_copy_text(rows, 0, arena, &group->tool) && store_copy_text(rows, 1, arena, &group->connection) &&
         store_copy_text(rows, 2, arena, &group->decision);
}

enum err_code store_call_fact_group(STORE_TX, struct uuid organisation_id, struct uuid user_id, int64_t from,
                                    STORE_LIST(call_fact_group)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id), DB_V_UUID(user_id), DB_V_INT(from)};
  const struct store_select select = {
      "SELECT tool, connection, decision, count(*), max(time) FROM call_fact WHERE organisation_id = $1 AND user_id = "
      "$2 AND time >= $3 AND kind = 'call' GROUP BY tool, connection, decision ORDER BY tool, connection, decision",
      params, 3, read_group, sizeof(struct call_fact_group)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}
