/* The change log: what a running server must read again. */
#include "base/clock.h"
#include "store/rows.h"

static const char *const kinds[] = {[CHANGE_ORGANISATION] = "organisation", [CHANGE_ACCESS_TOKEN] = "access_token"};

/* The next number is taken under the write lock, so that numbers appear in their order: a reader that has seen n will
 * never find one below it later. */
enum err_code store_change_log(struct db_tx *tx, struct uuid organisation_id, enum change_kind kind,
                               struct uuid object_id, struct err *err) {
  enum err_code code = db_exec(tx,
                               "INSERT INTO change_log (seq, organisation_id, kind, object_id, time) "
                               "SELECT COALESCE(MAX(seq), 0) + 1, $1, $2, $3, $4 FROM change_log",
                               DB_PARAMS(DB_V_UUID(organisation_id), DB_V_TEXT(str_of(kinds[kind])),
                                         DB_V_UUID(object_id), DB_V_INT(clock_utc_us())),
                               err);
  if (code == ERR_NONE) code = db_notify(tx, err);
  if (code != ERR_NONE || kind != CHANGE_ORGANISATION) return code;
  return db_exec(tx, "UPDATE organisation SET version = version + 1 WHERE id = $1",
                 DB_PARAMS(DB_V_UUID(organisation_id)), err);
}

static bool read_change(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct change_record *record = ret_record;
  record->seq = db_int(rows, 0);
  record->organisation_id = db_uuid(rows, 1);
  /* Whatever is no token's makes the whole organisation be read again: the safe side. */
  record->kind = str_eq_c(db_text(rows, 2), kinds[CHANGE_ACCESS_TOKEN]) ? CHANGE_ACCESS_TOKEN : CHANGE_ORGANISATION;
  record->object_id = db_uuid(rows, 3);
  return true;
}

enum err_code store_change_list(STORE_TX, int64_t after_seq, size_t max, STORE_LIST(change_record)) {
  const struct db_value params[] = {DB_V_INT(after_seq), DB_V_INT((int64_t)max)};
  const struct store_select select = {
      "SELECT seq, organisation_id, kind, object_id FROM change_log WHERE seq > $1 ORDER BY seq LIMIT $2", params, 2,
      read_change, sizeof(struct change_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_change_last(struct db_tx *tx, int64_t *ret_seq, struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code = db_query(tx, "SELECT COALESCE(MAX(seq), 0) FROM change_log", DB_NO_PARAMS, &rows, err);
  if (code != ERR_NONE) return code;
  int got = db_next(rows, err);
  code = store_rows_end(got, err);
  if (got == 1) *ret_seq = db_int(rows, 0);
  db_rows_close(rows);
  return code;
}

enum err_code store_change_prune(struct db_tx *tx, int64_t passed, int64_t before, struct err *err) {
  return db_exec(tx,
                 "DELETE FROM change_log WHERE seq IN (SELECT seq FROM change_log WHERE seq <= $1 AND time < $2 AND "
                 "seq < (SELECT MAX(seq) FROM change_log) ORDER BY seq LIMIT 10000)",
                 DB_PARAMS(DB_V_INT(passed), DB_V_INT(before)), err);
}
