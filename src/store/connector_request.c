/* What people ask for that is not there yet. */
#include "store/api.h"
#include "store/rows.h"

#define SELECT_REQUEST                                                                                            \
  "SELECT r.id, r.organisation_id, r.user_id, l.email, r.name, r.reason, r.status, r.answer, r.created_at, "      \
  "r.answered_at FROM connector_request r JOIN org_user u ON u.id = r.user_id JOIN login l ON l.id = u.login_id " \
  "WHERE r.organisation_id = $1 "

static bool read_request(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct connector_request_record *record = ret_record;
  record->id = db_uuid(rows, 0);
  record->organisation_id = db_uuid(rows, 1);
  record->user_id = db_uuid(rows, 2);
  record->created_at = db_int(rows, 8);
  record->answered_at = db_int(rows, 9);
  return store_copy_text(rows, 3, arena, &record->email) && store_copy_text(rows, 4, arena, &record->name) &&
         store_copy_text(rows, 5, arena, &record->reason) && store_copy_text(rows, 6, arena, &record->status) &&
         store_copy_text(rows, 7, arena, &record->answer);
}

/* The foreign keys alone would take a user of another organisation. */
enum err_code store_connector_request_insert(struct db_tx *tx, const struct connector_request_record *record,
                                             struct err *err) {
  enum err_code code = db_exec(
      tx,
      "INSERT INTO connector_request (id, organisation_id, user_id, name, reason, status, created_at) SELECT $1, "
      "u.organisation_id, u.id, $4, $5, 'open', $6 FROM org_user u WHERE u.organisation_id = $2 AND u.id = $3",
      DB_PARAMS(DB_V_UUID(record->id), DB_V_UUID(record->organisation_id), DB_V_UUID(record->user_id),
                DB_V_TEXT(record->name), DB_V_TEXT(record->reason), DB_V_INT(record->created_at)),
      err);
  if (code == ERR_NONE && db_changes(tx) == 0) return err_set(err, ERR_NOT_FOUND, "there is no such user");
  return code;
}

enum err_code store_connector_request_get(STORE_TX, struct uuid organisation_id, struct uuid id,
                                          struct connector_request_record *ret_record, struct err *err) {
  const struct db_value params[] = {DB_V_UUID(organisation_id), DB_V_UUID(id)};
  const struct store_select select = {SELECT_REQUEST "AND r.id = $2", params, 2, read_request, sizeof(*ret_record)};
  enum err_code code = store_select_one(tx, arena, &select, ret_record, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "there is no such request") : code;
}

#define PAGE "AND r.id < $2 ORDER BY r.id DESC LIMIT $3"

/* Of one user there are few. */
enum err_code store_connector_request_page(STORE_TX, const struct connector_request_filter *filter, size_t max,
                                           STORE_LIST(connector_request_record)) {
  const struct db_value params[] = {DB_V_UUID(filter->organisation_id), store_v_before(&filter->after),
                                    DB_V_INT((int64_t)max), store_v_filled(filter->status), DB_V_UUID(filter->user_id)};
  const size_t size = sizeof(struct connector_request_record);
  const struct store_select all = {SELECT_REQUEST PAGE, params, 3, read_request, size};
  const struct store_select some = {SELECT_REQUEST "AND r.status = $4 " PAGE, params, 4, read_request, size};
  const struct store_select theirs = {SELECT_REQUEST "AND r.user_id = $5 AND (r.status = $4 OR $4 IS NULL) " PAGE,
                                      params, 5, read_request, size};
  const struct store_select *select = !uuid_is_nil(filter->user_id) ? &theirs : filter->status.n ? &some : &all;
  return store_select_list(tx, arena, select, (const void **)ret_list, ret_n, err);
}

enum err_code store_connector_request_answer(struct db_tx *tx, const struct connector_request_record *record,
                                             struct err *err) {
  return db_exec(
      tx,
      "UPDATE connector_request SET status = $3, answer = $4, answered_at = $5 WHERE organisation_id = $1 AND "
      "id = $2",
      DB_PARAMS(DB_V_UUID(record->organisation_id), DB_V_UUID(record->id), DB_V_TEXT(record->status),
                DB_V_TEXT(record->answer), DB_V_INT(record->answered_at)),
      err);
}
