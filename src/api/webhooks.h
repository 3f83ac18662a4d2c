/* Webhooks, for the files that speak of one. */
#ifndef CONNEK_API_WEBHOOKS_H
#define CONNEK_API_WEBHOOKS_H

#include "api/request.h"
#include "store/webhook.h"

/* The webhook of the path. */
enum err_code webhooks_find(struct api_request *request, struct db_tx *tx, struct webhook_record *ret_webhook,
                            struct err *err) MUST_CHECK;
/* One delivery, as the document has it. */
void webhook_delivery_write(struct buf *out, const struct webhook_delivery_record *delivery);

#endif
