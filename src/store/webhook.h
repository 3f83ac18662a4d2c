/* Records of webhooks, of their secrets, and of what was sent. As store.h says. */
#ifndef CONNEK_STORE_WEBHOOK_H
#define CONNEK_STORE_WEBHOOK_H

#include "store/store.h"

struct webhook_record {
  struct uuid id, organisation_id;
  struct str name, url;
  struct str events; /* words, spaces between */
  bool is_on;
  int64_t failures, retry_at, dropped, created_at; /* 0: none */
  /* read only */
  struct str organisation;                    /* its name */
  struct str data_key;                        /* its keys, sealed */
  int64_t n_waiting, delivered_at, failed_at; /* when something was last delivered, and when an attempt failed */
};
enum err_code store_webhook_insert(struct db_tx *tx, const struct webhook_record *record, struct err *err) MUST_CHECK;
/* Name, URL, events and is_on; it is sent to at once again. */
enum err_code store_webhook_update(struct db_tx *tx, const struct webhook_record *record, struct err *err) MUST_CHECK;
enum err_code store_webhook_delete(struct db_tx *tx, struct uuid organisation_id, struct uuid id,
                                   struct err *err) MUST_CHECK;
enum err_code store_webhook_get(STORE_TX, struct uuid organisation_id, struct uuid id,
                                struct webhook_record *ret_record, struct err *err) MUST_CHECK;
/* What sending to it takes: without n_waiting, delivered_at, failed_at, for which all that was sent is looked through.
 */
enum err_code store_webhook_target(STORE_TX, struct uuid organisation_id, struct uuid id,
                                   struct webhook_record *ret_record, struct err *err) MUST_CHECK;
enum err_code store_webhook_list(STORE_TX, struct uuid organisation_id,
                                 STORE_LIST(webhook_record)) MUST_CHECK; /* by time of making */
/* Those that are on, by id, events and waiting alone. */
enum err_code store_webhook_list_on(STORE_TX, struct uuid organisation_id, STORE_LIST(webhook_record)) MUST_CHECK;
enum err_code store_webhook_drop(struct db_tx *tx, struct uuid id, struct err *err) MUST_CHECK; /* counts one event */
/* How it went: nothing is sent before `retry_at` (0: it went well). Once for all that was tried at `tried_at`. */
enum err_code store_webhook_result(struct db_tx *tx, struct uuid id, int64_t tried_at, int64_t retry_at,
                                   struct err *err) MUST_CHECK;
enum err_code store_webhook_switch_off(struct db_tx *tx, struct uuid id, struct err *err) MUST_CHECK;

struct webhook_secret_record {
  struct uuid id, webhook_id, organisation_id;
  struct str secret; /* sealed */
  int64_t created_at, expires_at;
};
/* The ones before it end at `others_end`, unless they end sooner. */
enum err_code store_webhook_secret_insert(struct db_tx *tx, const struct webhook_secret_record *record,
                                          int64_t others_end, struct err *err) MUST_CHECK;
enum err_code store_webhook_secret_list(STORE_TX, struct uuid webhook_id, int64_t now,
                                        STORE_LIST(webhook_secret_record)) MUST_CHECK; /* newest first */

struct webhook_delivery_record {
  struct uuid id, webhook_id, organisation_id;
  struct str event, body;
  struct str status; /* waiting delivered failed */
  int64_t attempts, created_at, tried_at, next_at, response, duration_us;
  struct str text;
};
/* With the job that sends it at once. */
enum err_code store_webhook_delivery_insert(struct db_tx *tx, const struct webhook_delivery_record *record,
                                            struct err *err) MUST_CHECK;
enum err_code store_webhook_delivery_get(STORE_TX, struct uuid organisation_id, struct uuid id,
                                         struct webhook_delivery_record *ret_record, struct err *err) MUST_CHECK;
/* Newest first, those before `after` (nil: from the newest); `status` empty: all. */
enum err_code store_webhook_delivery_page(STORE_TX, struct uuid webhook_id, struct str status, struct uuid after,
                                          size_t max, STORE_LIST(webhook_delivery_record)) MUST_CHECK;
/* status, attempts, tried_at, next_at, response, text, duration_us */
enum err_code store_webhook_delivery_update(struct db_tx *tx, const struct webhook_delivery_record *record,
                                            struct err *err) MUST_CHECK;
/* Waits for its first attempt again, which is now. */
enum err_code store_webhook_delivery_repeat(struct db_tx *tx, const struct webhook_delivery_record *record, int64_t now,
                                            struct err *err) MUST_CHECK;
/* Those that are over and were made before `before`, some of them. */
enum err_code store_webhook_delivery_sweep(struct db_tx *tx, int64_t before, struct err *err) MUST_CHECK;

#define WEBHOOK_JOB "webhook"

#endif
