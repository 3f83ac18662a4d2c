/* Bodies that are passed on as they come. curl calls from inside itself, where no transfer may begin or end: so what
 * comes is kept, little at a time, and told once curl has returned. Must not know what the bytes mean.
 *
 * Invariants:
 * 1. A stream with something to tell is on curl->ready, unless its receiver has paused it.
 * 2. `pending` holds at most PENDING_MAX and what curl gives at once: over PENDING_MAX curl is told to stop reading.
 * 3. `done` comes after the last piece. */
#include <stdlib.h>

#include "base/limits.h"
#include "net/http_curl.h"

enum { PENDING_MAX = 128 * KIB, PENDING_HARD_MAX = 4 * MIB /* what one call of curl's may add to it */ };

static struct http_inflow *inflow_of(struct curl_transfer *transfer) {
  return &transfer->inflow;
}

static void ready_add(struct curl_transfer *transfer) {
  struct http_inflow *inflow = inflow_of(transfer);
  if (inflow->is_ready || transfer->base.is_paused) return;
  inflow->is_ready = true;
  inflow->next_ready = transfer->curl->ready;
  transfer->curl->ready = transfer;
}

static void ready_remove(struct curl_transfer *transfer) {
  if (!transfer->inflow.is_ready) return;
  struct curl_transfer **link = &transfer->curl->ready;
  while (*link != transfer)
    link = &(*link)->inflow.next_ready;
  *link = transfer->inflow.next_ready;
  transfer->inflow.is_ready = false;
}

void http_inflow_init(struct curl_transfer *transfer) {
  buf_init(&transfer->inflow.pending, NULL, PENDING_HARD_MAX);
}

void http_inflow_release(struct curl_transfer *transfer) {
  ready_remove(transfer);
  if (transfer->curl->telling == transfer) transfer->curl->telling = NULL;
  buf_release(&transfer->inflow.pending);
}

/* ---- from within curl ---- */

void http_inflow_on_head(struct curl_transfer *transfer) {
  long status = 0;
  curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
  if (status < 200) return; /* RFC 9110, 15.2: another head follows */
  transfer->base.status = (int)status;
  http_transfer_begin_idle(&transfer->base);
  ready_add(transfer);
}

size_t http_inflow_on_body(struct curl_transfer *transfer, const char *bytes, size_t n) {
  struct http_inflow *inflow = inflow_of(transfer);
  if (inflow->pending.n >= PENDING_MAX) {
    inflow->is_stalled = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  if (!http_transfer_add_streamed(&transfer->base, n)) return CURL_WRITEFUNC_ERROR;
  buf_append(&inflow->pending, bytes, n);
  if (buf_failed(&inflow->pending)) {
    transfer->base.failure = ERR_NO_MEMORY;
    return CURL_WRITEFUNC_ERROR;
  }
  ready_add(transfer);
  return n;
}

void http_inflow_on_ended(struct curl_transfer *transfer, CURLcode code) {
  transfer->inflow.has_ended = true;
  transfer->inflow.end_code = code;
  transfer->base.deadline_us = transfer->base.connect_deadline_us = INT64_MAX;
  ready_add(transfer);
}

/* ---- outside of it ---- */

/* False: the transfer may be gone, or its receiver wants no more for now. */
static bool tell_pending(struct curl_transfer *transfer) {
  struct http_curl *curl = transfer->curl;
  struct buf told = transfer->inflow.pending;
  buf_init(&transfer->inflow.pending, NULL, PENDING_HARD_MAX);
  transfer->base.receiver->on_piece(transfer->base.context, buf_str(&told));
  buf_release(&told);
  return curl->telling && !transfer->base.is_paused;
}

static void tell(struct curl_transfer *transfer) {
  struct http_curl *curl = transfer->curl;
  struct http_inflow *inflow = inflow_of(transfer);
  curl->telling = transfer;
  if (transfer->base.has_head && !transfer->base.is_head_told) {
    http_transfer_tell_head(&transfer->base);
    if (!curl->telling || transfer->base.is_paused) return;
  }
  if (inflow->pending.n > 0 && !tell_pending(transfer)) return;
  if (inflow->has_ended) {
    http_curl_finish(transfer, inflow->end_code);
  } else if (inflow->is_stalled) {
    inflow->is_stalled = false;
    (void)curl_easy_pause(transfer->easy, CURLPAUSE_CONT); /* what it kept comes from within */
  }
}

void http_inflow_tell(void *context) {
  struct http_curl *curl = context;
  struct curl_transfer *transfer;
  while ((transfer = curl->ready)) {
    ready_remove(transfer);
    tell(transfer);
  }
  curl->telling = NULL;
}

void http_inflow_pause(struct http_transfer *base) {
  ready_remove((struct curl_transfer *)base);
}

void http_inflow_resume(struct http_transfer *base) {
  struct curl_transfer *transfer = (struct curl_transfer *)base;
  ready_add(transfer);
  curl_loop_kick(transfer->curl->loop);
}
