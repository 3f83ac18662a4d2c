/* What requests with an idempotency key were answered. */
#include "store/api.h"
#include "store/rows.h"

static bool read_answer(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct api_answer_record *record = ret_record;
  record->asker = db_uuid(rows, 0);
  record->status = db_int(rows, 3);
  record->created_at = db_int(rows, 6);
  return store_copy_fixed(rows, 1, record->key_hash, 32) && store_copy_fixed(rows, 2, record->request_hash, 32) &&
         store_copy_text(rows, 4, arena, &record->location) && store_copy_text(rows, 5, arena, &record->body);
}

enum err_code store_api_answer_find(STORE_TX, struct uuid asker, const uint8_t key_hash[32],
                                    struct api_answer_record *ret_record, struct err *err) {
  const struct db_value params[] = {DB_V_UUID(asker), store_v_hash(key_hash)};
  const struct store_select select = {
      "SELECT asker, key_hash, request_hash, status, location, body, created_at FROM "
      "api_answer WHERE asker = $1 AND key_hash = $2",
      params, 2, read_answer, sizeof(*ret_record)};
  return store_select_one(tx, arena, &select, ret_record, err);
}

enum err_code store_api_answer_put(struct db_tx *tx, const struct api_answer_record *record, struct err *err) {
  return db_exec(tx,
                 "INSERT INTO api_answer (asker, key_hash, request_hash, status, location, body, created_at) VALUES "
                 "($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (asker, key_hash) DO UPDATE SET request_hash = "
                 "excluded.request_hash, status = excluded.status, location = excluded.location, body = "
                 "excluded.body, created_at = excluded.created_at",
                 DB_PARAMS(DB_V_UUID(record->asker), store_v_hash(record->key_hash), store_v_hash(record->request_hash),
                           DB_V_INT(record->status), store_v_text(record->location), store_v_text(record->body),
                           DB_V_INT(record->created_at)),
                 err);
}

enum err_code store_api_answer_sweep(struct db_tx *tx, int64_t before, struct err *err) {
  return db_exec(tx,
                 "DELETE FROM api_answer WHERE (asker, key_hash) IN (SELECT asker, key_hash FROM api_answer WHERE "
                 "created_at < $1 LIMIT 500)",
                 DB_PARAMS(DB_V_INT(before)), err);
}
