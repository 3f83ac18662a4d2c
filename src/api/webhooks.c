/* Webhooks: who is told of what happens. A secret is shown once. Must not know how anything is sent. */
#include "api/webhooks.h"

#include "api/answer.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "base/limits.h"
#include "vault/places.h"
#include "webhook/webhook.h"

enum { WEBHOOKS_MAX = 20, OVERLAP_HOURS = 24 };
static const int64_t hour_us = INT64_C(3600) * 1000000;

enum err_code webhooks_find(struct api_request *request, struct db_tx *tx, struct webhook_record *ret_webhook,
                            struct err *err) {
  struct uuid id;
  enum err_code code = api_path_id(request, "webhook", &id, err);
  return code == ERR_NONE ? store_webhook_get(tx, &request->arena, request->organisation.id, id, ret_webhook, err)
                          : code;
}

/* ---- shown ---- */

static void write_editable(struct buf *out, const struct webhook_record *webhook) {
  struct str words = webhook->events;
  answer_uuid(out, "id", webhook->id);
  answer_text(out, "name", webhook->name);
  answer_text(out, "url", webhook->url);
  answer_name(out, "events");
  answer_open(out, '[');
  while (words.n > 0)
    answer_item(out, str_cut(&words, ' '));
  answer_close(out, ']');
  answer_bool(out, "is_on", webhook->is_on);
}

static struct str status_of(const struct webhook_record *webhook) {
  if (!webhook->is_on) return STR("off");
  if (webhook->failures > 0) return STR("failing");
  return webhook->delivered_at ? STR("ok") : STR("new");
}

static enum err_code write_webhook(struct api_request *request, const struct webhook_record *webhook, struct err *err) {
  struct buf text, *out = &request->out;
  struct str etag;
  buf_init(&text, &request->arena, 64 * KIB);
  answer_open(&text, '{');
  write_editable(&text, webhook);
  if (buf_failed(&text)) return err_no_memory(err);
  enum err_code code = api_etag(request, buf_str(&text), &etag, err);
  if (code != ERR_NONE) return code;
  answer_open(out, '{');
  write_editable(out, webhook);
  answer_text(out, "status", status_of(webhook));
  answer_time(out, "created_at", webhook->created_at);
  answer_time(out, "delivered_at", webhook->delivered_at);
  answer_time(out, "failed_at", webhook->failed_at);
  answer_time(out, "retry_at", webhook->retry_at);
  answer_int(out, "n_waiting", webhook->n_waiting);
  answer_int(out, "n_dropped", webhook->dropped);
  answer_text(out, "etag", etag);
  answer_close(out, '}');
  return ERR_NONE;
}

enum err_code webhooks_list(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct webhook_record *list = NULL;
  size_t n = 0;
  enum err_code code = store_webhook_list(tx, &request->arena, request->organisation.id, &list, &n, err);
  answer_open(&request->out, '{');
  answer_name(&request->out, "items");
  answer_open(&request->out, '[');
  for (size_t i = 0; i < n && code == ERR_NONE; i++)
    code = write_webhook(request, &list[i], err);
  request->etag = STR_NONE;
  answer_close(&request->out, ']');
  answer_null(&request->out, "next_cursor");
  answer_close(&request->out, '}');
  return code;
}

enum err_code webhooks_get(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct webhook_record webhook;
  enum err_code code = webhooks_find(request, tx, &webhook, err);
  return code == ERR_NONE ? write_webhook(request, &webhook, err) : code;
}

/* ---- changed ---- */

/* The body's members over what is there. Events are words that the document's schema has checked. */
static enum err_code read_draft(struct api_request *request, struct webhook_record *webhook, struct err *err) {
  yyjson_val *is_on = json_get(request->body, "is_on"), *events = json_get(request->body, "events"), *word;
  struct str name = json_get_str(request->body, "name"), address = json_get_str(request->body, "url");
  struct buf words;
  struct err why = {0};
  size_t i, n;
  if (name.p) webhook->name = name;
  if (is_on) webhook->is_on = yyjson_is_true(is_on);
  if (address.p && webhook_check_address(&request->arena, address, &why) != ERR_NONE)
    return api_wrong(err, "/url", "that is no address for this: %s", why.text);
  if (address.p) webhook->url = address;
  if (!events) return ERR_NONE;
  buf_init(&words, &request->arena, 4 * KIB);
  yyjson_arr_foreach(events, i, n, word) {
    if (i > 0) buf_append_byte(&words, ' ');
    buf_append_str(&words, json_str(word));
  }
  webhook->events = buf_str(&words);
  return buf_failed(&words) ? err_no_memory(err) : ERR_NONE;
}

/* {"webhook":...,"secret"}: twice, since a repeated answer is without what is shown once. */
static enum err_code answer_secret(struct api_request *request, struct db_tx *tx, struct uuid id, struct str secret,
                                   struct err *err) {
  struct webhook_record webhook;
  char text[UUID_TEXT_SIZE];
  enum err_code code = store_webhook_get(tx, &request->arena, request->organisation.id, id, &webhook, err);
  for (int is_shown = 0; is_shown < 2 && code == ERR_NONE; is_shown++) {
    buf_clear(&request->out);
    answer_open(&request->out, '{');
    answer_name(&request->out, "webhook");
    code = write_webhook(request, &webhook, err);
    answer_text_or_null(&request->out, "secret", is_shown ? secret : STR_NONE);
    answer_close(&request->out, '}');
    if (code == ERR_NONE && buf_failed(&request->out)) code = err_no_memory(err);
    if (!is_shown) request->repeated = arena_str(&request->arena, buf_str(&request->out));
  }
  request->etag = STR_NONE;
  uuid_format(id, text);
  struct str path = request->http->path;
  while (path.n && !str_ends(path, STR("/webhooks")))
    path.n--;
  request->location = arena_printf(&request->arena, "%.*s/%s", STR_ARG(path), text);
  return code != ERR_NONE || (request->repeated.p && request->location.p) ? code : err_no_memory(err);
}

static enum err_code add_secret(struct api_request *request, struct db_tx *tx, struct uuid webhook_id,
                                int64_t others_end, struct str *ret_secret, struct err *err) {
  const struct vault_keys *keys = NULL;
  struct webhook_secret_record record = {.id = uuid_new(),
                                         .webhook_id = webhook_id,
                                         .organisation_id = request->organisation.id,
                                         .created_at = clock_utc_us()};
  struct str secret = webhook_secret_new(&request->arena);
  if (!secret.p) return err_no_memory(err);
  enum err_code code = api_keys(request, &keys, err);
  if (code == ERR_NONE)
    code = vault_seal(keys, &request->arena, vault_place_webhook(&record.id), secret, &record.secret, err);
  if (code == ERR_NONE) code = store_webhook_secret_insert(tx, &record, others_end, err);
  if (code == ERR_NONE) *ret_secret = secret;
  return code;
}

enum err_code webhooks_create(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct webhook_record *list = NULL;
  struct webhook_record webhook = {
      .id = uuid_new(), .organisation_id = request->organisation.id, .is_on = true, .created_at = clock_utc_us()};
  struct str secret;
  size_t n = 0;
  enum err_code code = store_webhook_list(tx, &request->arena, request->organisation.id, &list, &n, err);
  if (code == ERR_NONE && n >= WEBHOOKS_MAX)
    return err_set(err, ERR_CONFLICT, "there are %d webhooks already, which is as many as there can be", WEBHOOKS_MAX);
  if (code == ERR_NONE) code = read_draft(request, &webhook, err);
  if (code == ERR_NONE) code = store_webhook_insert(tx, &webhook, err);
  if (code == ERR_NONE) code = add_secret(request, tx, webhook.id, webhook.created_at, &secret, err);
  if (code == ERR_NONE) code = api_record_one(request, tx, "webhook.create", "name", webhook.name, err);
  return code == ERR_NONE ? answer_secret(request, tx, webhook.id, secret, err) : code;
}

enum err_code webhooks_update(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct webhook_record webhook;
  enum err_code code = webhooks_find(request, tx, &webhook, err);
  if (code == ERR_NONE) code = write_webhook(request, &webhook, err); /* for its ETag */
  if (code == ERR_NONE) code = api_check_match(request, request->etag, err);
  if (code == ERR_NONE) code = read_draft(request, &webhook, err);
  if (code == ERR_NONE) code = store_webhook_update(tx, &webhook, err);
  if (code == ERR_NONE) code = api_record_one(request, tx, "webhook.update", "name", webhook.name, err);
  if (code != ERR_NONE) return code;
  buf_clear(&request->out);
  webhook.failures = webhook.retry_at = 0;
  return write_webhook(request, &webhook, err);
}

enum err_code webhooks_delete(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct webhook_record webhook;
  enum err_code code = webhooks_find(request, tx, &webhook, err);
  if (code == ERR_NONE) code = store_webhook_delete(tx, request->organisation.id, webhook.id, err);
  return code == ERR_NONE ? api_record_one(request, tx, "webhook.delete", "name", webhook.name, err) : code;
}

/* Both sign for a while, so that the receiver can change over at any time within it. */
enum err_code webhooks_rotate(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct webhook_record webhook;
  struct str secret;
  yyjson_val *hours = json_get(request->body, "overlap_hours");
  int64_t overlap_us = (hours ? yyjson_get_sint(hours) : OVERLAP_HOURS) * hour_us;
  enum err_code code = webhooks_find(request, tx, &webhook, err);
  if (code == ERR_NONE) code = add_secret(request, tx, webhook.id, clock_utc_us() + overlap_us, &secret, err);
  if (code == ERR_NONE) code = api_record_one(request, tx, "webhook.rotate", "name", webhook.name, err);
  return code == ERR_NONE ? answer_secret(request, tx, webhook.id, secret, err) : code;
}

enum err_code webhooks_test(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct webhook_record webhook;
  struct webhook_delivery_record delivery;
  struct uuid id;
  enum err_code code = webhooks_find(request, tx, &webhook, err);
  if (code == ERR_NONE && !webhook.is_on) return err_set(err, ERR_CONFLICT, "it is switched off: switch it on first");
  if (code == ERR_NONE) code = webhook_ping(tx, &webhook, &id, err);
  if (code == ERR_NONE)
    code = store_webhook_delivery_get(tx, &request->arena, request->organisation.id, id, &delivery, err);
  if (code == ERR_NONE) code = api_record_one(request, tx, "webhook.ping", "name", webhook.name, err);
  if (code == ERR_NONE) webhook_delivery_write(&request->out, &delivery);
  return code;
}
