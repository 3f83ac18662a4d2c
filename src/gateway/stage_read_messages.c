/* The body becomes JSON-RPC messages, a call each. One message, or in 2025-03-26 a batch. */
#include "base/clock.h"
#include "base/limits.h"
#include "gateway/exchange_stream.h"
#include "gateway/pipeline.h"
#include "gateway/worker.h"

/* "application/json" with or without parameters. Also keeps plain HTML forms from reaching us across sites. */
static bool is_json(struct str content_type) {
  return str_eq_fold(str_trim(str_cut(&content_type, ';')), STR("application/json"));
}

/* Accept must leave room for JSON (clients list both JSON and event streams; plain tools send nothing or any type). */
static bool accepts_json(struct str accept) {
  if (!accept.p) return true;
  while (accept.n) {
    struct str range = str_cut(&accept, ',');
    range = str_trim(str_cut(&range, ';'));
    if (str_eq_fold(range, STR("application/json")) || str_eq(range, STR("*/*")) ||
        str_eq_fold(range, STR("application/*")))
      return true;
  }
  return false;
}

static void begin_call(struct exchange *exchange, struct call *call, yyjson_val *value) {
  struct err err;
  call->exchange = exchange;
  call->begun_us = exchange->http->received_us;
  call->begun_utc_us = clock_utc_us();
  call->outcome = AUDIT_NONE;
  buf_init(&call->reply, exchange->arena, LIMIT_HTTP_REQUEST_ARENA);
  buf_init(&call->result, exchange->arena, LIMIT_HTTP_REQUEST_ARENA);
  if (jsonrpc_classify(value, &call->message, &err) != ERR_NONE) {
    /* What cannot be understood is answered, also where it might have been a notification. */
    call->message.kind = JSONRPC_REQUEST;
    call_fail(call, 400, JSONRPC_INVALID_REQUEST, "%s", err.text);
  } else if (exchange->is_batch && str_eq(call->message.method, STR("initialize"))) {
    call_fail(call, 400, JSONRPC_INVALID_REQUEST, "initialize cannot be part of a batch");
  }
}

static bool takes_batches(const struct exchange *exchange) {
  if (!exchange->headers.protocol_version.p) return mcp_revision_unnamed()->takes_batches;
  return exchange->named && exchange->named->takes_batches;
}

static enum stage_verdict begin_batch(struct exchange *exchange, yyjson_val *array) {
  size_t n = yyjson_arr_size(array);
  if (!takes_batches(exchange))
    return exchange_refuse(exchange, 400, JSONRPC_INVALID_REQUEST,
                           "Batches belong to revision 2025-03-26 alone: send one message");
  if (n == 0) return exchange_refuse(exchange, 400, JSONRPC_INVALID_REQUEST, "An empty batch");
  if (n > LIMIT_JSONRPC_BATCH)
    return exchange_refuse(exchange, 400, JSONRPC_INVALID_REQUEST, "A batch of %zu messages: at most %d are taken", n,
                           LIMIT_JSONRPC_BATCH);
  exchange->calls = arena_new_n(exchange->arena, struct call, n);
  if (!exchange->calls) return exchange_refuse(exchange, 503, 503, "Out of memory");
  exchange->n_calls = n;
  exchange->is_batch = true;
  size_t i, max;
  yyjson_val *value;
  yyjson_arr_foreach(array, i, max, value) begin_call(exchange, &exchange->calls[i], value);
  return STAGE_NEXT;
}

enum stage_verdict stage_read_messages(struct exchange *exchange) {
  struct http_exchange *http = exchange->http;
  struct worker *worker = exchange->worker;
  struct str content_type, accept;
  if (!str_eq(http->method, STR("POST")))
    return exchange_refuse(exchange, 405, 405,
                           "This endpoint takes POST; GET and DELETE are for the sessions that initialize begins");
  if (!http_field_once(http, "Content-Type", &content_type) || !is_json(content_type))
    return exchange_refuse(exchange, 415, 415, "The body must be JSON: send Content-Type: application/json");
  if (!http_field_once(http, "Accept", &accept)) accept = STR_NONE;
  if (!accepts_json(accept))
    return exchange_refuse(exchange, 406, 406, "The answer is JSON: let Accept list application/json");
  exchange->accepts_stream = exchange_accepts_stream(accept);
  if (worker->n_calls >= LIMIT_CALLS_IN_FLIGHT || worker->held_bytes >= LIMIT_CALLS_BYTES ||
      atomic_load_explicit(&worker->server->is_draining, memory_order_relaxed)) {
    exchange_refuse(exchange, 503, 503, "The server is busy or stopping; try again");
    exchange->refusal.retry_after_s = 1;
    return STAGE_FAIL;
  }

  struct err err;
  yyjson_doc *document;
  enum err_code code = json_read(exchange->arena, http->body, &document, &err);
  if (code == ERR_NO_MEMORY) return exchange_refuse(exchange, 503, 503, "Out of memory");
  if (code == ERR_TOO_LARGE) return exchange_refuse(exchange, 413, JSONRPC_INVALID_REQUEST, "Too large: %s", err.text);
  if (code != ERR_NONE)
    return exchange_refuse(exchange, 400, JSONRPC_PARSE_ERROR, "Parse error: %s%s%s", err.text,
                           err.place[0] ? " at " : "", err.place);

  yyjson_val *root = yyjson_doc_get_root(document);
  if (yyjson_is_arr(root)) return begin_batch(exchange, root);
  exchange->calls = arena_new(exchange->arena, struct call);
  if (!exchange->calls) return exchange_refuse(exchange, 503, 503, "Out of memory");
  exchange->n_calls = 1;
  begin_call(exchange, exchange->calls, root);
  return STAGE_NEXT;
}
