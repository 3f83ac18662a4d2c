/* The HTTP client: which transport carries a request, until when, and who is told. It must not know what is asked or
 * why, nor how bytes travel: http_plain.c is HTTP/1.1 over a stream of bytes, http_curl.c is libcurl, for all that
 * needs TLS or a proxy. */
#include "net/http_client.h"

#include <stdlib.h>

#include "base/limits.h"
#include "net/http_transfer.h"

enum { TICK_MS = 50 /* how often deadlines are looked at, while there are transfers */ };

/* ---- the guard, and what may be sent twice ---- */

bool http_transfer_may_connect(struct http_transfer *transfer, const struct sockaddr *address) {
  if (transfer->client->channel_key) return true; /* who is there proves to be one of us */
  if (address_guard_allows_for(transfer->client->guard, transfer->organisation, transfer->url.host, transfer->url.port,
                               address))
    return true;
  transfer->failure = ERR_DENIED;
  transfer->refused_kind = address_classify(address);
  const void *bytes = address->sa_family == AF_INET ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
                                                    : (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr;
  if (!inet_ntop(address->sa_family, bytes, transfer->refused_address, sizeof(transfer->refused_address)))
    transfer->refused_address[0] = '\0';
  return false;
}

bool http_transfer_begin_sending(struct http_transfer *transfer) {
  if (transfer->is_sent && !transfer->may_repeat) return false;
  transfer->is_sent = true;
  if (transfer->ret_was_sent) *transfer->ret_was_sent = true;
  /* An address that was refused does not matter any more: another one of the host's was not. */
  transfer->failure = ERR_NONE;
  return true;
}

/* ---- the end of a transfer ---- */

static void transfer_end(struct http_transfer *transfer) {
  if (transfer->previous) transfer->previous->next = transfer->next;
  if (!transfer->previous) transfer->client->active = transfer->next;
  if (transfer->next) transfer->next->previous = transfer->previous;
  transfer->transport->end(transfer);
}

void http_transfer_finish(struct http_transfer *transfer, enum http_failure failure, const char *detail) {
  http_client_done done = transfer->done;
  void *context = transfer->context;
  if (failure == HTTP_FAILURE_NONE) {
    const struct http_client_response response = {.status = transfer->status,
                                                  .body = buf_str(&transfer->body),
                                                  .content_type = http_transfer_field(transfer, "content-type"),
                                                  .fields = transfer->fields,
                                                  .n_fields = transfer->n_fields};
    transfer_end(transfer);
    done(context, &response, NULL);
    return;
  }
  struct err err;
  (void)http_transfer_describe(transfer, failure, detail, &err);
  transfer_end(transfer);
  done(context, NULL, &err);
}

static struct http_transfer *find_late(const struct http_client *client, int64_t now_us) {
  struct http_transfer *transfer = client->active;
  for (; transfer; transfer = transfer->next)
    if (now_us >= transfer->deadline_us || (!transfer->is_sent && now_us >= transfer->connect_deadline_us)) break;
  return transfer;
}

/* Absolute deadlines. One look at all transfers every TICK_MS is cheaper than a timer each, as nearly all of them are
 * over long before. */
static void on_tick(uv_timer_t *tick) {
  struct http_client *client = tick->data;
  int64_t now_us = loop_now_us(client->loop);
  struct http_transfer *late;
  while ((late = find_late(client, now_us)))
    http_transfer_finish(late, HTTP_FAILURE_LATE, "its time was up"); /* `done` may change the list */
  http_curl_trim(client->curl);
  if (!client->active) {
    uv_timer_stop(client->tick);
    client->is_ticking = false;
  }
}

/* ---- its beginning ---- */

void http_transfer_begin_connecting(struct http_transfer *transfer) {
  if (!http_transfer_is_queued(transfer)) return;
  transfer->connect_deadline_us = loop_now_us(transfer->client->loop) + LIMIT_UPSTREAM_CONNECT_MS * 1000;
}

static void activate(struct http_client *client, struct http_transfer *transfer) {
  transfer->next = client->active;
  if (client->active) client->active->previous = transfer;
  client->active = transfer;
  if (client->is_ticking) return;
  uv_timer_start(client->tick, on_tick, TICK_MS, TICK_MS);
  client->is_ticking = true;
}

static enum err_code plan_make(struct http_transfer *plan, const struct http_client_request *request, struct err *err) {
  struct http_client *client = plan->client;
  int64_t now_us = loop_now_us(client->loop);
  enum err_code code = url_parse(plan->arena, request->url, &plan->url, err);
  if (code != ERR_NONE) return code;
  plan->may_repeat = str_eq(request->method, STR("GET")) || str_eq(request->method, STR("HEAD"));
  if (!plan->may_repeat && !str_is_token(request->method)) return err_set(err, ERR_INVALID, "not an HTTP method");
  plan->needs_new_connection = request->needs_new_connection;
  plan->organisation = request->organisation;
  plan->timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : LIMIT_UPSTREAM_TOTAL_MS;
  plan->deadline_us = now_us + plan->timeout_ms * 1000;
  plan->connect_deadline_us = INT64_MAX;
  plan->ret_was_sent = request->ret_was_sent;
  bool is_plain = client->plain && http_plain_takes(&plan->url);
  if (client->channel_key && !is_plain) return err_set(err, ERR_INVALID, "not the address of a server of ours");
  plan->transport = is_plain ? &http_plain_transport : &http_curl_transport;
  plan->receiver = request->stream;
  plan->max_streamed = request->max_body;
  buf_init(&plan->body, plan->arena, request->max_body > 0 ? request->max_body : LIMIT_UPSTREAM_BODY);
  return ERR_NONE;
}

enum err_code http_client_send(struct http_client *client, struct arena *arena,
                               const struct http_client_request *request, http_client_done done, void *context,
                               struct http_transfer **ret_transfer, struct err *err) {
  struct http_transfer plan = {.client = client, .arena = arena, .done = done, .context = context}, *transfer;
  if (request->ret_was_sent) *request->ret_was_sent = false;
  enum err_code code = plan_make(&plan, request, err);
  if (code == ERR_NONE) code = plan.transport->begin(&plan, request, &transfer, err);
  if (code != ERR_NONE) return code;
  activate(client, transfer);
  *ret_transfer = transfer;
  return ERR_NONE;
}

void http_client_cancel(struct http_transfer *transfer) {
  transfer_end(transfer);
}

/* ---- the client ---- */

enum err_code http_client_new(struct loop *loop, const struct http_client_options *options,
                              struct http_client **ret_client, struct err *err) {
  struct http_client *client = calloc(1, sizeof(*client));
  if (!client) return err_no_memory(err);
  client->loop = loop;
  client->guard = options->guard;
  client->channel_key = options->channel_key;
  client->tick = calloc(1, sizeof(*client->tick));
  enum err_code code = client->tick ? ERR_NONE : err_no_memory(err);
  if (code == ERR_NONE) code = http_curl_new(client, options, &client->curl, err);
  if (code == ERR_NONE && !options->proxy && !options->uses_curl_alone)
    code = http_plain_new(client, &client->plain, err);
  if (code != ERR_NONE) {
    http_curl_free(client->curl);
    free(client->tick);
    free(client);
    return code;
  }
  uv_timer_init(&loop->uv, client->tick);
  client->tick->data = client;
  *ret_client = client;
  return ERR_NONE;
}

static void on_tick_closed(uv_handle_t *handle) {
  free(handle);
}

void http_client_free(struct http_client *client) {
  if (!client) return;
  while (client->active)
    transfer_end(client->active);
  http_plain_free(client->plain);
  http_curl_free(client->curl);
  uv_close((uv_handle_t *)client->tick, on_tick_closed);
  free(client);
}
