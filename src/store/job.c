/* What is to be done later. */
#include "store/grant.h"
#include "store/rows.h"

enum err_code store_job_put(struct db_tx *tx, const struct job_record *record, struct err *err) {
  return db_exec(tx,
                 "INSERT INTO job (kind, subject, organisation_id, due_at) VALUES ($1, $2, $3, $4) "
                 "ON CONFLICT (kind, subject) DO UPDATE SET due_at = excluded.due_at, attempts = 0, "
                 "lease_owner = NULL, lease_until = NULL, lease_version = job.lease_version + 1",
                 DB_PARAMS(DB_V_TEXT(record->kind), DB_V_BLOB(record->subject), DB_V_UUID(record->organisation_id),
                           DB_V_INT(record->due_at)),
                 err);
}

enum err_code store_job_delete(struct db_tx *tx, struct str kind, struct str subject, struct err *err) {
  return db_exec(tx, "DELETE FROM job WHERE kind = $1 AND subject = $2", DB_PARAMS(DB_V_TEXT(kind), DB_V_BLOB(subject)),
                 err);
}

static bool read_job(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct job_record *record = ret_record;
  record->organisation_id = db_uuid(rows, 2);
  record->due_at = db_int(rows, 3);
  record->attempts = db_int(rows, 4);
  record->lease_version = db_int(rows, 5);
  return store_copy_text(rows, 0, arena, &record->kind) && store_copy_blob(rows, 1, arena, &record->subject);
}

enum err_code store_job_is_due(struct db_tx *tx, struct str kind, int64_t now, bool *ret_is_due, struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code = db_query(tx,
                                "SELECT 1 FROM job WHERE kind = $1 AND due_at <= $2 AND (lease_until IS NULL OR "
                                "lease_until < $2) LIMIT 1",
                                DB_PARAMS(DB_V_TEXT(kind), DB_V_INT(now)), &rows, err);
  if (code != ERR_NONE) return code;
  int got = db_next(rows, err);
  code = got == 1 ? ERR_NONE : store_rows_end(got, err);
  db_rows_close(rows);
  if (code == ERR_NONE) *ret_is_due = got == 1;
  return code;
}

enum err_code store_job_claim(STORE_TX, const struct job_claim *claim, STORE_LIST(job_record)) {
  const struct db_value params[] = {DB_V_UUID(claim->owner),       DB_V_INT(claim->now),   DB_V_INT(claim->until),
                                    DB_V_INT((int64_t)claim->max), DB_V_TEXT(claim->kind), DB_V_INT(!claim->is_other)};
  const struct store_select select = {
      "UPDATE job SET lease_owner = $1, lease_until = $3, lease_version = lease_version + 1, attempts = attempts + 1 "
      "WHERE (kind, subject) IN (SELECT kind, subject FROM job WHERE due_at <= $2 AND (lease_until IS NULL OR "
      "lease_until < $2) AND (kind = $5) = ($6 = 1) ORDER BY due_at LIMIT $4) "
      "RETURNING kind, subject, organisation_id, due_at, attempts, lease_version",
      params, 6, read_job, sizeof(struct job_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_job_end(struct db_tx *tx, const struct job_record *record, int64_t due_at, struct err *err) {
  if (due_at == 0)
    return db_exec(tx, "DELETE FROM job WHERE kind = $1 AND subject = $2 AND lease_version = $3",
                   DB_PARAMS(DB_V_TEXT(record->kind), DB_V_BLOB(record->subject), DB_V_INT(record->lease_version)),
                   err);
  return db_exec(
      tx,
      "UPDATE job SET due_at = $4, lease_owner = NULL, lease_until = NULL WHERE kind = $1 AND subject = $2 "
      "AND lease_version = $3",
      DB_PARAMS(DB_V_TEXT(record->kind), DB_V_BLOB(record->subject), DB_V_INT(record->lease_version), DB_V_INT(due_at)),
      err);
}
