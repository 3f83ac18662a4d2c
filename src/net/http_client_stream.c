/* Bodies that are passed on as they come: what holds for them whichever transport carries them. Must not know how bytes
 * travel. */
#include "net/http_transfer.h"

/* Whoever is made to wait is not late. */
void http_transfer_begin_idle(struct http_transfer *transfer) {
  int64_t idle_ms = transfer->receiver->idle_ms;
  bool has_limit = idle_ms > 0 && !transfer->is_paused;
  transfer->deadline_us = has_limit ? loop_now_us(transfer->client->loop) + idle_ms * 1000 : INT64_MAX;
  if (idle_ms > 0) transfer->timeout_ms = idle_ms;
}

void http_transfer_tell_head(struct http_transfer *transfer) {
  const struct http_client_response head = {.status = transfer->status,
                                            .content_type = http_transfer_field(transfer, "content-type"),
                                            .fields = transfer->fields,
                                            .n_fields = transfer->n_fields};
  transfer->is_head_told = true;
  transfer->receiver->on_head(transfer->context, &head);
}

bool http_transfer_add_streamed(struct http_transfer *transfer, size_t n) {
  transfer->n_streamed += n;
  if (transfer->max_streamed > 0 && transfer->n_streamed > transfer->max_streamed) {
    transfer->failure = ERR_TOO_LARGE;
    return false;
  }
  http_transfer_begin_idle(transfer);
  return true;
}

void http_client_pause(struct http_transfer *transfer) {
  transfer->is_paused = true;
  if (transfer->has_head) http_transfer_begin_idle(transfer);
  transfer->transport->pause(transfer);
}

void http_client_resume(struct http_transfer *transfer) {
  transfer->is_paused = false;
  if (transfer->has_head) http_transfer_begin_idle(transfer);
  transfer->transport->resume(transfer);
}
