/* What was sent to a webhook, and how that went; and sending it again. */
#include "api/answer.h"
#include "api/handlers.h"
#include "api/page.h"
#include "api/webhooks.h"
#include "base/clock.h"

void webhook_delivery_write(struct buf *out, const struct webhook_delivery_record *delivery) {
  answer_open(out, '{');
  answer_uuid(out, "id", delivery->id);
  answer_text(out, "event", delivery->event);
  answer_text(out, "status", delivery->status);
  answer_int(out, "attempts", delivery->attempts);
  answer_time(out, "created_at", delivery->created_at);
  answer_time(out, "tried_at", delivery->tried_at);
  answer_time(out, "next_at", delivery->next_at);
  answer_int_or_null(out, "response_status", delivery->response);
  answer_text_or_null(out, "text", delivery->text);
  answer_ms(out, "duration_ms", delivery->duration_us);
  answer_json(out, "payload", delivery->body);
  answer_close(out, '}');
}

enum err_code webhook_deliveries_list(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct webhook_delivery_record *list = NULL;
  struct webhook_record webhook;
  struct api_page page;
  struct uuid after = {{0}};
  size_t n = 0;
  enum err_code code = api_page_read(request, &page, err);
  if (code == ERR_NONE && page.after.n == sizeof(after.b)) memcpy(after.b, page.after.p, sizeof(after.b));
  if (code == ERR_NONE) code = webhooks_find(request, tx, &webhook, err);
  if (code == ERR_NONE)
    code = store_webhook_delivery_page(tx, &request->arena, webhook.id, api_query(request, "status"), after,
                                       page.limit + 1, &list, &n, err);
  if (code != ERR_NONE) return code;
  size_t n_shown = n < page.limit ? n : page.limit;
  api_page_open(request);
  for (size_t i = 0; i < n_shown; i++)
    webhook_delivery_write(&request->out, &list[i]);
  api_page_close(request, &page, n, n_shown ? uuid_bytes(&list[n_shown - 1].id) : STR_NONE);
  return ERR_NONE;
}

/* The delivery of the path, which is the webhook's. */
static enum err_code find(struct api_request *request, struct db_tx *tx, struct webhook_record *ret_webhook,
                          struct webhook_delivery_record *ret_delivery, struct err *err) {
  struct uuid id;
  enum err_code code = webhooks_find(request, tx, ret_webhook, err);
  if (code == ERR_NONE) code = api_path_id(request, "delivery", &id, err);
  if (code == ERR_NONE)
    code = store_webhook_delivery_get(tx, &request->arena, request->organisation.id, id, ret_delivery, err);
  if (code == ERR_NONE && !uuid_eq(ret_delivery->webhook_id, ret_webhook->id))
    return err_set(err, ERR_NOT_FOUND, "there is no such delivery");
  return code;
}

enum err_code webhook_deliveries_get(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct webhook_delivery_record delivery;
  struct webhook_record webhook;
  enum err_code code = find(request, tx, &webhook, &delivery, err);
  if (code == ERR_NONE) webhook_delivery_write(&request->out, &delivery);
  return code;
}

/* The same message: who has it already knows it by its id. */
enum err_code webhook_deliveries_repeat(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct webhook_delivery_record delivery;
  struct webhook_record webhook;
  enum err_code code = find(request, tx, &webhook, &delivery, err);
  if (code == ERR_NONE && !webhook.is_on) return err_set(err, ERR_CONFLICT, "it is switched off: switch it on first");
  if (code == ERR_NONE) code = store_webhook_delivery_repeat(tx, &delivery, clock_utc_us(), err);
  if (code == ERR_NONE)
    code = store_webhook_delivery_get(tx, &request->arena, request->organisation.id, delivery.id, &delivery, err);
  if (code == ERR_NONE) code = api_record_one(request, tx, "webhook.repeat", "name", webhook.name, err);
  if (code == ERR_NONE) webhook_delivery_write(&request->out, &delivery);
  return code;
}
