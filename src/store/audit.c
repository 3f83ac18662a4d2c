/* Audit records and their chains' heads. Must not know what a record says nor how it is chained. */
#include "store/rows.h"

#define RECORD_COLUMNS "organisation_id, writer, seq, time, record, mac, personal"
#define HEAD_COLUMNS "organisation_id, writer, seq, mac, head_mac"

enum err_code store_audit_insert(struct db_tx *tx, const struct audit_row *row, struct err *err) {
  return db_exec(
      tx, "INSERT INTO audit_record (" RECORD_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7)",
      DB_PARAMS(DB_V_UUID(row->organisation_id), DB_V_TEXT(row->writer), DB_V_INT(row->seq), DB_V_INT(row->time),
                DB_V_TEXT(row->record), store_v_hash(row->mac), store_v_blob(row->personal)),
      err);
}

/* From any other number there is no way: NULL is refused, which nobody overlooks, in a pipeline neither. */
enum err_code store_audit_head_put(struct db_tx *tx, const struct audit_head_row *row, int64_t before,
                                   struct err *err) {
  return db_exec(tx,
                 "INSERT INTO audit_head (" HEAD_COLUMNS
                 ") VALUES ($1, $2, $3, $4, $5) ON CONFLICT (organisation_id, writer) DO UPDATE SET seq = CASE WHEN "
                 "audit_head.seq = $6 THEN excluded.seq END, mac = excluded.mac, head_mac = excluded.head_mac",
                 DB_PARAMS(DB_V_UUID(row->organisation_id), DB_V_TEXT(row->writer), DB_V_INT(row->seq),
                           store_v_hash(row->mac), store_v_hash(row->head_mac), DB_V_INT(before)),
                 err);
}

static bool read_head(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct audit_head_row *row = ret_record;
  row->organisation_id = db_uuid(rows, 0);
  row->seq = db_int(rows, 2);
  store_copy_mac(rows, 3, row->mac);
  store_copy_mac(rows, 4, row->head_mac);
  return store_copy_text(rows, 1, arena, &row->writer);
}

enum err_code store_audit_head_get(struct db_tx *tx, struct uuid organisation_id, struct str writer,
                                   struct audit_head_row *ret_row, struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code =
      db_query(tx, "SELECT seq, mac, head_mac FROM audit_head WHERE organisation_id = $1 AND writer = $2",
               DB_PARAMS(DB_V_UUID(organisation_id), DB_V_TEXT(writer)), &rows, err);
  if (code != ERR_NONE) return code;
  int got = db_next(rows, err);
  code = got == 0 ? err_set(err, ERR_NOT_FOUND, "the audit chain has no head") : store_rows_end(got, err);
  if (got == 1) {
    *ret_row = (struct audit_head_row){.organisation_id = organisation_id, .writer = writer, .seq = db_int(rows, 0)};
    store_copy_mac(rows, 1, ret_row->mac);
    store_copy_mac(rows, 2, ret_row->head_mac);
  }
  db_rows_close(rows);
  return code;
}

enum err_code store_audit_tail_get(struct db_tx *tx, struct uuid organisation_id, struct str writer, int64_t *ret_seq,
                                   uint8_t ret_mac[32], struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code = db_query(
      tx, "SELECT seq, mac FROM audit_record WHERE organisation_id = $1 AND writer = $2 ORDER BY seq DESC LIMIT 1",
      DB_PARAMS(DB_V_UUID(organisation_id), DB_V_TEXT(writer)), &rows, err);
  if (code != ERR_NONE) return code;
  int got = db_next(rows, err);
  code = got == 0 ? err_set(err, ERR_NOT_FOUND, "the audit chain has no record") : store_rows_end(got, err);
  if (got == 1) {
    *ret_seq = db_int(rows, 0);
    store_copy_mac(rows, 1, ret_mac);
  }
  db_rows_close(rows);
  return code;
}

enum err_code store_audit_head_list(STORE_TX, STORE_LIST(audit_head_row)) {
  const struct store_select select = {"SELECT " HEAD_COLUMNS " FROM audit_head ORDER BY organisation_id, writer",
                                      DB_NO_PARAMS, read_head, sizeof(struct audit_head_row)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

static enum err_code visit_all(struct db_rows *rows, store_audit_visit visit, void *context, struct err *err) {
  enum err_code code = ERR_NONE;
  int got = 0;
  while (code == ERR_NONE && (got = db_next(rows, err)) == 1) {
    struct audit_row row = {.organisation_id = db_uuid(rows, 0),
                            .writer = db_text(rows, 1),
                            .seq = db_int(rows, 2),
                            .time = db_int(rows, 3),
                            .record = db_text(rows, 4),
                            .personal = db_blob(rows, 6)};
    store_copy_mac(rows, 5, row.mac);
    if (!row.personal.p && !db_is_null(rows, 6)) row.personal = STR("");
    code = visit(&row, context, err);
  }
  if (code == ERR_NONE) code = store_rows_end(got, err);
  db_rows_close(rows);
  return code;
}

enum err_code store_audit_each(struct db_tx *tx, struct uuid organisation_id, store_audit_visit visit, void *context,
                               struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code;
  if (uuid_is_nil(organisation_id))
    code = db_query_large(tx, "SELECT " RECORD_COLUMNS " FROM audit_record ORDER BY organisation_id, writer, seq",
                          DB_NO_PARAMS, &rows, err);
  else
    code = db_query_large(tx,
                          "SELECT " RECORD_COLUMNS " FROM audit_record WHERE organisation_id = $1 ORDER BY writer, seq",
                          DB_PARAMS(DB_V_UUID(organisation_id)), &rows, err);
  return code == ERR_NONE ? visit_all(rows, visit, context, err) : code;
}

enum err_code store_audit_each_after(struct db_tx *tx, struct uuid organisation_id, struct str writer, int64_t after,
                                     size_t max, store_audit_visit visit, void *context, struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code = db_query(
      tx,
      "SELECT " RECORD_COLUMNS
      " FROM audit_record WHERE organisation_id = $1 AND writer = $2 AND seq > $3 ORDER BY seq LIMIT $4",
      DB_PARAMS(DB_V_UUID(organisation_id), DB_V_TEXT(writer), DB_V_INT(after), DB_V_INT((int64_t)max)), &rows, err);
  return code == ERR_NONE ? visit_all(rows, visit, context, err) : code;
}

struct kept_row {
  struct arena *arena;
  struct audit_row *row;
  bool is_there;
};

static enum err_code keep_row(const struct audit_row *row, void *context, struct err *err) {
  struct kept_row *kept = context;
  *kept->row = *row;
  kept->row->writer = arena_str(kept->arena, row->writer);
  kept->row->record = arena_str(kept->arena, row->record);
  if (row->personal.p) kept->row->personal = arena_str(kept->arena, row->personal);
  kept->is_there = true;
  return kept->row->writer.p && kept->row->record.p ? ERR_NONE : err_no_memory(err);
}

enum err_code store_audit_get(STORE_TX, struct uuid organisation_id, struct str writer, int64_t seq, int64_t time,
                              struct audit_row *ret_row, struct err *err) {
  struct kept_row kept = {.arena = arena, .row = ret_row};
  struct db_rows *rows = NULL;
  enum err_code code =
      db_query(tx,
               "SELECT " RECORD_COLUMNS
               " FROM audit_record WHERE organisation_id = $1 AND writer = $2 AND seq = $3 AND time = $4",
               DB_PARAMS(DB_V_UUID(organisation_id), DB_V_TEXT(writer), DB_V_INT(seq), DB_V_INT(time)), &rows, err);
  if (code == ERR_NONE) code = visit_all(rows, keep_row, &kept, err);
  return code == ERR_NONE && !kept.is_there ? err_set(err, ERR_NOT_FOUND, "there is no such record") : code;
}

enum err_code store_audit_each_by_time(struct db_tx *tx, struct uuid organisation_id, store_audit_visit visit,
                                       void *context, struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code;
  if (uuid_is_nil(organisation_id))
    code = db_query_large(tx, "SELECT " RECORD_COLUMNS " FROM audit_record ORDER BY time, organisation_id, writer, seq",
                          DB_NO_PARAMS, &rows, err);
  else
    code = db_query_large(
        tx, "SELECT " RECORD_COLUMNS " FROM audit_record WHERE organisation_id = $1 ORDER BY time, writer, seq",
        DB_PARAMS(DB_V_UUID(organisation_id)), &rows, err);
  return code == ERR_NONE ? visit_all(rows, visit, context, err) : code;
}
