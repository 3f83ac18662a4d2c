/* How far a change of data keys has come. */
#include "store/rows.h"
#include "store/sealed.h"

static bool read_rotation(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct key_rotation_record *record = ret_record;
  record->organisation_id = db_uuid(rows, 0);
  record->version = db_int(rows, 1);
  record->n_done = db_int(rows, 4);
  record->begun_at = db_int(rows, 5);
  record->finished_at = db_int(rows, 6);
  return store_copy_text(rows, 2, arena, &record->position) && store_copy_blob(rows, 3, arena, &record->last_row);
}

enum err_code store_key_rotation_get(STORE_TX, enum store_ring ring, struct uuid organisation_id,
                                     struct key_rotation_record *ret_record, struct err *err) {
  const struct db_value params[] = {DB_V_UUID(organisation_id), DB_V_TEXT(str_of(store_ring_name(ring)))};
  const struct store_select select = {
      "SELECT organisation_id, version, position, last_id, n_done, begun_at, "
      "finished_at FROM key_rotation WHERE organisation_id = $1 AND ring = $2",
      params, 2, read_rotation, sizeof(struct key_rotation_record)};
  enum err_code code = store_select_one(tx, arena, &select, ret_record, err);
  if (code == ERR_NONE) ret_record->ring = ring;
  return code == ERR_NOT_FOUND ? err_set(err, code, "the data key was never changed") : code;
}

enum err_code store_key_rotation_put(struct db_tx *tx, const struct key_rotation_record *record, struct err *err) {
  return db_exec(tx,
                 "INSERT INTO key_rotation (organisation_id, version, position, last_id, n_done, begun_at, "
                 "finished_at, ring) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (ring, organisation_id) DO "
                 "UPDATE SET version = excluded.version, position = excluded.position, last_id = excluded.last_id, "
                 "n_done = excluded.n_done, begun_at = excluded.begun_at, finished_at = excluded.finished_at",
                 DB_PARAMS(DB_V_UUID(record->organisation_id), DB_V_INT(record->version),
                           DB_V_TEXT(record->position.p ? record->position : STR("")),
                           DB_V_BLOB(record->last_row.p ? record->last_row : STR("")), DB_V_INT(record->n_done),
                           DB_V_INT(record->begun_at), store_v_time(record->finished_at),
                           DB_V_TEXT(str_of(store_ring_name(record->ring)))),
                 err);
}
