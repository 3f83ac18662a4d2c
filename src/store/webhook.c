/* Webhooks and what was sent to them. Must not know what an event is, nor how it is sent. */
#include "store/webhook.h"

#include "store/grant.h"
#include "store/rows.h"

/* ---- webhooks ---- */

#define TARGET_COLUMNS                                                                                           \
  "w.id, w.organisation_id, w.name, w.url, w.events, w.is_on, w.failures, w.retry_at, w.dropped, w.created_at, " \
  "o.name, o.data_key"
#define FROM_WEBHOOK " FROM webhook w JOIN organisation o ON o.id = w.organisation_id WHERE w.organisation_id = $1"
/* With the figures, each from the end of an index. */
#define SELECT_WEBHOOK                                                                                      \
  "SELECT " TARGET_COLUMNS                                                                                  \
  ", "                                                                                                      \
  "(SELECT count(*) FROM webhook_delivery d WHERE d.webhook_id = w.id AND d.status = 'waiting'), "          \
  "(SELECT max(d.tried_at) FROM webhook_delivery d WHERE d.webhook_id = w.id AND d.status = 'delivered'), " \
  "(SELECT max(d.tried_at) FROM webhook_delivery d WHERE d.webhook_id = w.id AND d.status = 'failed'), "    \
  "(SELECT max(d.tried_at) FROM webhook_delivery d WHERE d.webhook_id = w.id AND d.status = 'waiting')" FROM_WEBHOOK

static bool read_target(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct webhook_record *record = ret_record;
  record->id = db_uuid(rows, 0);
  record->organisation_id = db_uuid(rows, 1);
  record->is_on = db_int(rows, 5) != 0;
  record->failures = db_int(rows, 6);
  record->retry_at = db_int(rows, 7);
  record->dropped = db_int(rows, 8);
  record->created_at = db_int(rows, 9);
  return store_copy_text(rows, 2, arena, &record->name) && store_copy_text(rows, 3, arena, &record->url) &&
         store_copy_text(rows, 4, arena, &record->events) && store_copy_text(rows, 10, arena, &record->organisation) &&
         store_copy_blob(rows, 11, arena, &record->data_key);
}

static bool read_webhook(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct webhook_record *record = ret_record;
  record->n_waiting = db_int(rows, 12);
  record->delivered_at = db_int(rows, 13);
  int64_t failed_at = db_int(rows, 14), waiting_at = db_int(rows, 15);
  record->failed_at = failed_at > waiting_at ? failed_at : waiting_at;
  return read_target(rows, arena, ret_record);
}

enum err_code store_webhook_insert(struct db_tx *tx, const struct webhook_record *record, struct err *err) {
  return db_exec(tx,
                 "INSERT INTO webhook (id, organisation_id, name, url, events, is_on, created_at) VALUES ($1, $2, $3, "
                 "$4, $5, $6, $7)",
                 DB_PARAMS(DB_V_UUID(record->id), DB_V_UUID(record->organisation_id), DB_V_TEXT(record->name),
                           DB_V_TEXT(record->url), DB_V_TEXT(record->events), DB_V_INT(record->is_on),
                           DB_V_INT(record->created_at)),
                 err);
}

enum err_code store_webhook_update(struct db_tx *tx, const struct webhook_record *record, struct err *err) {
  return db_exec(tx,
                 "UPDATE webhook SET name = $3, url = $4, events = $5, is_on = $6, failures = 0, retry_at = NULL WHERE "
                 "organisation_id = $1 AND id = $2",
                 DB_PARAMS(DB_V_UUID(record->organisation_id), DB_V_UUID(record->id), DB_V_TEXT(record->name),
                           DB_V_TEXT(record->url), DB_V_TEXT(record->events), DB_V_INT(record->is_on)),
                 err);
}

enum err_code store_webhook_delete(struct db_tx *tx, struct uuid organisation_id, struct uuid id, struct err *err) {
  return db_exec(tx, "DELETE FROM webhook WHERE organisation_id = $1 AND id = $2",
                 DB_PARAMS(DB_V_UUID(organisation_id), DB_V_UUID(id)), err);
}

static enum err_code get(STORE_TX, const struct db_value params[2], const char *sql, store_read read,
                         struct webhook_record *ret_record, struct err *err) {
  const struct store_select select = {sql, params, 2, read, sizeof(*ret_record)};
  enum err_code code = store_select_one(tx, arena, &select, ret_record, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "there is no such webhook") : code;
}

enum err_code store_webhook_get(STORE_TX, struct uuid organisation_id, struct uuid id,
                                struct webhook_record *ret_record, struct err *err) {
  const struct db_value params[] = {DB_V_UUID(organisation_id), DB_V_UUID(id)};
  return get(tx, arena, params, SELECT_WEBHOOK " AND w.id = $2", read_webhook, ret_record, err);
}

enum err_code store_webhook_target(STORE_TX, struct uuid organisation_id, struct uuid id,
                                   struct webhook_record *ret_record, struct err *err) {
  const struct db_value params[] = {DB_V_UUID(organisation_id), DB_V_UUID(id)};
  return get(tx, arena, params, "SELECT " TARGET_COLUMNS FROM_WEBHOOK " AND w.id = $2", read_target, ret_record, err);
}

enum err_code store_webhook_list(STORE_TX, struct uuid organisation_id, STORE_LIST(webhook_record)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {SELECT_WEBHOOK " ORDER BY w.id", params, 1, read_webhook,
                                      sizeof(struct webhook_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

static bool read_webhook_on(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct webhook_record *record = ret_record;
  record->id = db_uuid(rows, 0);
  record->n_waiting = db_int(rows, 2);
  return store_copy_text(rows, 1, arena, &record->events);
}

enum err_code store_webhook_list_on(STORE_TX, struct uuid organisation_id, STORE_LIST(webhook_record)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id)};
  const struct store_select select = {
      "SELECT w.id, w.events, (SELECT count(*) FROM webhook_delivery d WHERE d.webhook_id = w.id AND d.status = "
      "'waiting') FROM webhook w WHERE w.organisation_id = $1 AND w.is_on = 1 ORDER BY w.id",
      params, 1, read_webhook_on, sizeof(struct webhook_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_webhook_drop(struct db_tx *tx, struct uuid id, struct err *err) {
  return db_exec(tx, "UPDATE webhook SET dropped = dropped + 1 WHERE id = $1", DB_PARAMS(DB_V_UUID(id)), err);
}

enum err_code store_webhook_result(struct db_tx *tx, struct uuid id, int64_t tried_at, int64_t retry_at,
                                   struct err *err) {
  if (retry_at == 0)
    return db_exec(tx, "UPDATE webhook SET failures = 0, retry_at = NULL WHERE id = $1", DB_PARAMS(DB_V_UUID(id)), err);
  return db_exec(tx,
                 "UPDATE webhook SET failures = failures + 1, retry_at = $3 WHERE id = $1 AND (retry_at <= $2 OR "
                 "retry_at IS NULL)",
                 DB_PARAMS(DB_V_UUID(id), DB_V_INT(tried_at), DB_V_INT(retry_at)), err);
}

enum err_code store_webhook_switch_off(struct db_tx *tx, struct uuid id, struct err *err) {
  return db_exec(tx, "UPDATE webhook SET is_on = 0 WHERE id = $1", DB_PARAMS(DB_V_UUID(id)), err);
}

/* ---- secrets ---- */

static bool read_secret(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct webhook_secret_record *record = ret_record;
  record->id = db_uuid(rows, 0);
  record->webhook_id = db_uuid(rows, 1);
  record->organisation_id = db_uuid(rows, 2);
  record->created_at = db_int(rows, 4);
  record->expires_at = db_int(rows, 5);
  return store_copy_blob(rows, 3, arena, &record->secret);
}

enum err_code store_webhook_secret_insert(struct db_tx *tx, const struct webhook_secret_record *record,
                                          int64_t others_end, struct err *err) {
  enum err_code code =
      db_exec(tx,
              "UPDATE webhook_secret SET expires_at = $3 WHERE organisation_id = $1 AND webhook_id = "
              "$2 AND (expires_at > $3 OR expires_at IS NULL)",
              DB_PARAMS(DB_V_UUID(record->organisation_id), DB_V_UUID(record->webhook_id), DB_V_INT(others_end)), err);
  if (code != ERR_NONE) return code;
  return db_exec(tx,
                 "INSERT INTO webhook_secret (id, webhook_id, organisation_id, secret, created_at) VALUES ($1, $2, $3, "
                 "$4, $5)",
                 DB_PARAMS(DB_V_UUID(record->id), DB_V_UUID(record->webhook_id), DB_V_UUID(record->organisation_id),
                           DB_V_BLOB(record->secret), DB_V_INT(record->created_at)),
                 err);
}

enum err_code store_webhook_secret_list(STORE_TX, struct uuid webhook_id, int64_t now,
                                        STORE_LIST(webhook_secret_record)) {
  const struct db_value params[] = {DB_V_UUID(webhook_id), DB_V_INT(now)};
  const struct store_select select = {
      "SELECT id, webhook_id, organisation_id, secret, created_at, expires_at FROM webhook_secret WHERE webhook_id = "
      "$1 AND (expires_at > $2 OR expires_at IS NULL) ORDER BY id DESC",
      params, 2, read_secret, sizeof(struct webhook_secret_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

/* ---- deliveries ---- */

#define SELECT_DELIVERY                                                                                              \
  "SELECT id, webhook_id, organisation_id, event, body, status, attempts, created_at, tried_at, next_at, response, " \
  "text, duration_us FROM webhook_delivery "

static bool read_delivery(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct webhook_delivery_record *record = ret_record;
  record->id = db_uuid(rows, 0);
  record->webhook_id = db_uuid(rows, 1);
  record->organisation_id = db_uuid(rows, 2);
  record->attempts = db_int(rows, 6);
  record->created_at = db_int(rows, 7);
  record->tried_at = db_int(rows, 8);
  record->next_at = db_int(rows, 9);
  record->response = db_int(rows, 10);
  record->duration_us = db_int(rows, 12);
  return store_copy_text(rows, 3, arena, &record->event) && store_copy_text(rows, 4, arena, &record->body) &&
         store_copy_text(rows, 5, arena, &record->status) && store_copy_text(rows, 11, arena, &record->text);
}

static enum err_code put_job(struct db_tx *tx, const struct webhook_delivery_record *record, int64_t due_at,
                             struct err *err) {
  const struct job_record job = {.kind = STR(WEBHOOK_JOB),
                                 .subject = uuid_bytes(&record->id),
                                 .organisation_id = record->organisation_id,
                                 .due_at = due_at};
  return store_job_put(tx, &job, err);
}

enum err_code store_webhook_delivery_insert(struct db_tx *tx, const struct webhook_delivery_record *record,
                                            struct err *err) {
  enum err_code code =
      db_exec(tx,
              "INSERT INTO webhook_delivery (id, webhook_id, organisation_id, event, body, status, created_at, "
              "next_at) VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $6)",
              DB_PARAMS(DB_V_UUID(record->id), DB_V_UUID(record->webhook_id), DB_V_UUID(record->organisation_id),
                        DB_V_TEXT(record->event), DB_V_TEXT(record->body), DB_V_INT(record->created_at)),
              err);
  return code == ERR_NONE ? put_job(tx, record, record->created_at, err) : code;
}

enum err_code store_webhook_delivery_get(STORE_TX, struct uuid organisation_id, struct uuid id,
                                         struct webhook_delivery_record *ret_record, struct err *err) {
  const struct db_value params[] = {DB_V_UUID(organisation_id), DB_V_UUID(id)};
  const struct store_select select = {SELECT_DELIVERY "WHERE organisation_id = $1 AND id = $2", params, 2,
                                      read_delivery, sizeof(*ret_record)};
  enum err_code code = store_select_one(tx, arena, &select, ret_record, err);
  return code == ERR_NOT_FOUND ? err_set(err, code, "there is no such delivery") : code;
}

enum err_code store_webhook_delivery_page(STORE_TX, struct uuid webhook_id, struct str status, struct uuid after,
                                          size_t max, STORE_LIST(webhook_delivery_record)) {
  const struct db_value params[] = {DB_V_UUID(webhook_id), store_v_before(&after), DB_V_INT((int64_t)max),
                                    store_v_filled(status)};
  const struct store_select all = {SELECT_DELIVERY "WHERE webhook_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
                                   params, 3, read_delivery, sizeof(struct webhook_delivery_record)};
  const struct store_select some = {SELECT_DELIVERY
                                    "WHERE webhook_id = $1 AND status = $4 AND id < $2 ORDER BY id DESC LIMIT $3",
                                    params, 4, read_delivery, sizeof(struct webhook_delivery_record)};
  return store_select_list(tx, arena, status.n ? &some : &all, (const void **)ret_list, ret_n, err);
}

enum err_code store_webhook_delivery_update(struct db_tx *tx, const struct webhook_delivery_record *record,
                                            struct err *err) {
  return db_exec(
      tx,
      "UPDATE webhook_delivery SET status = $3, attempts = $4, tried_at = $5, next_at = $6, response = $7, text = $8, "
      "duration_us = $9 WHERE organisation_id = $1 AND id = $2",
      DB_PARAMS(DB_V_UUID(record->organisation_id), DB_V_UUID(record->id), DB_V_TEXT(record->status),
                DB_V_INT(record->attempts), store_v_time(record->tried_at), store_v_time(record->next_at),
                record->response ? DB_V_INT(record->response) : DB_V_NULL, store_v_filled(record->text),
                DB_V_INT(record->duration_us)),
      err);
}

enum err_code store_webhook_delivery_repeat(struct db_tx *tx, const struct webhook_delivery_record *record, int64_t now,
                                            struct err *err) {
  struct webhook_delivery_record again = *record;
  again.status = STR("waiting");
  again.attempts = 0;
  again.next_at = now;
  enum err_code code = store_webhook_delivery_update(tx, &again, err);
  if (code == ERR_NONE)
    code = db_exec(tx, "UPDATE webhook SET retry_at = NULL WHERE organisation_id = $1 AND id = $2",
                   DB_PARAMS(DB_V_UUID(record->organisation_id), DB_V_UUID(record->webhook_id)), err);
  return code == ERR_NONE ? put_job(tx, record, now, err) : code;
}

enum err_code store_webhook_delivery_sweep(struct db_tx *tx, int64_t before, struct err *err) {
  return db_exec(tx,
                 "DELETE FROM webhook_delivery WHERE id IN (SELECT id FROM webhook_delivery WHERE created_at < $1 AND "
                 "status <> 'waiting' LIMIT 500)",
                 DB_PARAMS(DB_V_INT(before)), err);
}
