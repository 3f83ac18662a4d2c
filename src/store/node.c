/* Servers of one database. A name is of one at a time: its row is changed by that one alone, and taken away by whoever
 * has seen it be still for too long. */
#include "store/node.h"

#include "base/clock.h"
#include "store/rows.h"

static bool read_node(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct node_record *record = ret_record;
  record->run = db_uuid(rows, 1);
  record->beat = db_int(rows, 3);
  record->applied = db_int(rows, 4);
  record->started_at = db_int(rows, 5);
  return store_copy_text(rows, 0, arena, &record->name) && store_copy_text(rows, 2, arena, &record->address);
}

enum err_code store_node_list(STORE_TX, STORE_LIST(node_record)) {
  const struct store_select select = {"SELECT name, run_id, address, beat, applied, started_at FROM node ORDER BY name",
                                      NULL, 0, read_node, sizeof(struct node_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

static enum err_code has_row(struct db_rows *rows, bool *ret_has_row, struct err *err) {
  int got = db_next(rows, err);
  enum err_code code = store_rows_end(got, err);
  db_rows_close(rows);
  if (code == ERR_NONE) *ret_has_row = got == 1;
  return code;
}

enum err_code store_node_join(struct db_tx *tx, const struct node_record *record, bool *ret_is_new, struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code = db_query(
      tx,
      "INSERT INTO node (name, run_id, address, beat, applied, started_at) "
      "VALUES ($1, $2, $3, 0, -1, $4) ON CONFLICT (name) DO NOTHING RETURNING beat",
      DB_PARAMS(DB_V_TEXT(record->name), DB_V_UUID(record->run), DB_V_TEXT(record->address), DB_V_INT(clock_utc_us())),
      &rows, err);
  return code == ERR_NONE ? has_row(rows, ret_is_new, err) : code;
}

enum err_code store_node_beat(struct db_tx *tx, const struct node_record *record, bool *ret_is_there, struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code =
      db_query(tx, "UPDATE node SET beat = beat + 1, applied = $3 WHERE name = $1 AND run_id = $2 RETURNING beat",
               DB_PARAMS(DB_V_TEXT(record->name), DB_V_UUID(record->run), DB_V_INT(record->applied)), &rows, err);
  return code == ERR_NONE ? has_row(rows, ret_is_there, err) : code;
}

enum err_code store_node_leave(struct db_tx *tx, struct str name, struct uuid run, struct err *err) {
  return db_exec(tx, "DELETE FROM node WHERE name = $1 AND run_id = $2", DB_PARAMS(DB_V_TEXT(name), DB_V_UUID(run)),
                 err);
}

enum err_code store_node_forget(struct db_tx *tx, const struct node_record *record, struct err *err) {
  return db_exec(tx, "DELETE FROM node WHERE name = $1 AND run_id = $2 AND beat = $3",
                 DB_PARAMS(DB_V_TEXT(record->name), DB_V_UUID(record->run), DB_V_INT(record->beat)), err);
}
