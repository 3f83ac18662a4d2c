/* The audit trail's beginning, as it goes with time. Must not know what may go: src/audit decides. */
#include "store/retention.h"

#include "store/rows.h"

#define TOMBSTONE_COLUMNS "organisation_id, writer, seq, mac, first_time, last_time, days, removed_at, tombstone_mac"

/* ---- the setting ---- */

static bool read_retention(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct audit_retention_record *record = ret_record;
  (void)arena;
  record->organisation_id = db_uuid(rows, 0);
  record->days = db_int(rows, 1);
  record->set_at = db_int(rows, 2);
  store_copy_mac(rows, 3, record->mac);
  return true;
}

enum err_code store_audit_retention_get(STORE_TX, struct uuid organisation_id,
                                        struct audit_retention_record *ret_record, struct err *err) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {
      "SELECT organisation_id, days, set_at, mac FROM audit_retention WHERE organisation_id = $1", params, 1,
      read_retention, sizeof(*ret_record)};
  return store_select_one(tx, arena, &select, ret_record, err);
}

enum err_code store_audit_retention_put(struct db_tx *tx, const struct audit_retention_record *record,
                                        struct err *err) {
  return db_exec(tx,
                 "INSERT INTO audit_retention (organisation_id, days, set_at, mac) VALUES ($1, $2, $3, $4) ON CONFLICT "
                 "(organisation_id) DO UPDATE SET days = excluded.days, set_at = excluded.set_at, mac = excluded.mac",
                 DB_PARAMS(DB_V_UUID(record->organisation_id), DB_V_INT(record->days), DB_V_INT(record->set_at),
                           store_v_hash(record->mac)),
                 err);
}

enum err_code store_audit_retention_delete(struct db_tx *tx, struct uuid organisation_id, struct err *err) {
  return db_exec(tx, "DELETE FROM audit_retention WHERE organisation_id = $1", DB_PARAMS(DB_V_UUID(organisation_id)),
                 err);
}

enum err_code store_audit_retention_plan(struct db_tx *tx, struct str kind, int64_t now, struct err *err) {
  return db_exec(tx,
                 "INSERT INTO job (kind, subject, organisation_id, due_at) SELECT CAST($1 AS TEXT), "
                 "organisation_id, organisation_id, CAST($2 AS BIGINT) FROM audit_retention WHERE NOT EXISTS (SELECT 1 "
                 "FROM job WHERE kind = $1 AND "
                 "subject = audit_retention.organisation_id)",
                 DB_PARAMS(DB_V_TEXT(kind), DB_V_INT(now)), err);
}

/* ---- what is left ---- */

static bool read_tombstone(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct audit_tombstone_row *row = ret_record;
  row->organisation_id = db_uuid(rows, 0);
  row->seq = db_int(rows, 2);
  store_copy_mac(rows, 3, row->mac);
  row->first_time = db_int(rows, 4);
  row->last_time = db_int(rows, 5);
  row->days = db_int(rows, 6);
  row->removed_at = db_int(rows, 7);
  store_copy_mac(rows, 8, row->tombstone_mac);
  return store_copy_text(rows, 1, arena, &row->writer);
}

enum err_code store_audit_tombstone_get(STORE_TX, struct uuid organisation_id, struct str writer,
                                        struct audit_tombstone_row *ret_row, struct err *err) {
  const struct db_value params[] = {DB_V_UUID(organisation_id), DB_V_TEXT(writer)};
  const struct store_select select = {"SELECT " TOMBSTONE_COLUMNS
                                      " FROM audit_tombstone WHERE organisation_id = $1 AND writer = $2",
                                      params, 2, read_tombstone, sizeof(*ret_row)};
  return store_select_one(tx, arena, &select, ret_row, err);
}

enum err_code store_audit_tombstone_put(struct db_tx *tx, const struct audit_tombstone_row *row, struct err *err) {
  return db_exec(
      tx,
      "INSERT INTO audit_tombstone (" TOMBSTONE_COLUMNS
      ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (organisation_id, writer) DO UPDATE SET seq = "
      "excluded.seq, mac = excluded.mac, first_time = excluded.first_time, last_time = excluded.last_time, days = "
      "excluded.days, removed_at = excluded.removed_at, tombstone_mac = excluded.tombstone_mac",
      DB_PARAMS(DB_V_UUID(row->organisation_id), DB_V_TEXT(row->writer), DB_V_INT(row->seq), store_v_hash(row->mac),
                DB_V_INT(row->first_time), DB_V_INT(row->last_time), DB_V_INT(row->days), DB_V_INT(row->removed_at),
                store_v_hash(row->tombstone_mac)),
      err);
}

enum err_code store_audit_tombstone_list(STORE_TX, struct uuid organisation_id, STORE_LIST(audit_tombstone_row)) {
  const struct db_value params[] = {store_v_uuid(&organisation_id)};
  const struct store_select select = {"SELECT " TOMBSTONE_COLUMNS
                                      " FROM audit_tombstone WHERE (organisation_id = $1 OR $1 IS NULL) ORDER BY "
                                      "organisation_id, writer",
                                      params, 1, read_tombstone, sizeof(struct audit_tombstone_row)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

/* ---- what may go ---- */

static bool read_state(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct audit_chain_state *state = ret_record;
  state->removed = db_int(rows, 1);
  state->facts = db_int(rows, 2);
  return store_copy_text(rows, 0, arena, &state->writer);
}

enum err_code store_audit_chain_state_list(STORE_TX, struct uuid organisation_id, STORE_LIST(audit_chain_state)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {
      "SELECT h.writer, COALESCE(t.seq, 0), COALESCE(m.seq, 0) FROM audit_head h LEFT JOIN audit_tombstone t ON "
      "t.organisation_id = h.organisation_id AND t.writer = h.writer LEFT JOIN call_fact_mark m ON m.organisation_id = "
      "h.organisation_id AND m.writer = h.writer WHERE h.organisation_id = $1 ORDER BY h.writer",
      params, 1, read_state, sizeof(struct audit_chain_state)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

static enum err_code read_number(struct db_rows *rows, int64_t *ret_number, struct err *err) {
  int got = db_next(rows, err);
  int64_t number = got == 1 ? db_int(rows, 0) : 0;
  enum err_code code = store_rows_end(got, err);
  db_rows_close(rows);
  if (code == ERR_NONE) *ret_number = number;
  return code;
}

enum err_code store_audit_first_time(struct db_tx *tx, struct uuid organisation_id, struct str writer, int64_t after,
                                     int64_t *ret_time, struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code = db_query(
      tx, "SELECT time FROM audit_record WHERE organisation_id = $1 AND writer = $2 AND seq > $3 ORDER BY seq LIMIT 1",
      DB_PARAMS(DB_V_UUID(organisation_id), DB_V_TEXT(writer), DB_V_INT(after)), &rows, err);
  return code == ERR_NONE ? read_number(rows, ret_time, err) : code;
}

/* By the facts' own key, which begins with their time: no index has their number in front. */
#define FACTS \
  "call_fact WHERE organisation_id = $1 AND time >= $5 AND time <= $6 AND writer = $2 AND seq > $3 AND seq <= $4"
#define REMOVAL_PARAMS(removal)                                                                              \
  DB_PARAMS(DB_V_UUID((removal)->organisation_id), DB_V_TEXT((removal)->writer), DB_V_INT((removal)->after), \
            DB_V_INT((removal)->to), DB_V_INT((removal)->from_time), DB_V_INT((removal)->to_time))

enum err_code store_audit_removal_unknown(struct db_tx *tx, const struct audit_removal *removal, int64_t *ret_n,
                                          struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code =
      db_query(tx, "SELECT count(*) FROM " FACTS " AND kind = 'call' AND decision = 'allowed' AND outcome = 'unknown'",
               REMOVAL_PARAMS(removal), &rows, err);
  return code == ERR_NONE ? read_number(rows, ret_n, err) : code;
}

enum err_code store_audit_remove(struct db_tx *tx, const struct audit_removal *removal, struct err *err) {
  enum err_code code =
      db_exec(tx,
              "DELETE FROM audit_record WHERE organisation_id = $1 AND writer = $2 AND seq > $3 AND seq <= $4 AND "
              "time >= $5 AND time <= $6",
              REMOVAL_PARAMS(removal), err);
  if (code == ERR_NONE && db_changes(tx) != removal->to - removal->after)
    code = err_set(err, ERR_CONFLICT, "the audit trail is not what it was a moment ago");
  return code == ERR_NONE ? db_exec(tx, "DELETE FROM " FACTS, REMOVAL_PARAMS(removal), err) : code;
}
