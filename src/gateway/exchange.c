/* One HTTP request to the MCP endpoint: from its first stage to its reply. */
#include "base/limits.h"
#include "gateway/exchange_stream.h"
#include "gateway/pipeline.h"
#include "gateway/worker.h"

/* Of a request's memory, for what must be said whatever its messages took. */
enum { ANSWER_ROOM = 256 * KIB };

/* /mcp, /mcp/<token>, /mcp/<token>/<connector>; endpoint.c has seen to it that the path begins so. */
static void read_path(struct exchange *exchange) {
  struct str rest = exchange->http->path;
  rest = str_make(rest.p + STR("/mcp").n, rest.n - STR("/mcp").n);
  if (rest.n == 0) return;
  rest = str_make(rest.p + 1, rest.n - 1);
  exchange->path_token = str_cut(&rest, '/');
  exchange->path_connector = rest;
}

static void read_field(struct exchange *exchange, const char *name, struct str *ret_value) {
  if (!http_field_once(exchange->http, name, ret_value)) exchange->headers.is_repeated = true;
}

static void read_headers(struct exchange *exchange) {
  struct str traceparent = STR_NONE;
  read_field(exchange, "MCP-Protocol-Version", &exchange->headers.protocol_version);
  read_field(exchange, "Mcp-Method", &exchange->headers.method);
  read_field(exchange, "Mcp-Name", &exchange->headers.name);
  if (exchange->headers.protocol_version.p) exchange->named = mcp_revision_find(exchange->headers.protocol_version);
  if (!http_field_once(exchange->http, "Mcp-Session-Id", &exchange->session)) exchange->session = STR("");
  if (!http_field_once(exchange->http, "traceparent", &traceparent)) traceparent = STR_NONE;
  trace_begin(&exchange->trace, &exchange->worker->traces, traceparent);
}

enum stage_verdict exchange_refuse(struct exchange *exchange, int http_status, int code, const char *format, ...) {
  va_list arguments;
  char text[ERR_TEXT_SIZE];
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  struct str copy = arena_str(exchange->arena, str_of(text));
  exchange->refusal =
      (struct failure){.http_status = http_status, .code = code, .text = copy.p ? copy : STR("Out of memory")};
  return STAGE_FAIL;
}

const struct toolset *exchange_toolset(struct exchange *exchange) {
  const struct principal *principal = &exchange->principal;
  if (!exchange->path_connector.n) return toolset_of(principal->snapshot, principal->user);
  if (!exchange->one_connector)
    exchange->one_connector = toolset_make(principal->snapshot, principal->user, exchange->path_connector);
  return exchange->one_connector;
}

enum { MAX_FIELDS = 8 };

const struct http_field *exchange_fields(struct http_exchange *http, int status, int64_t retry_after_s,
                                         struct str new_session, struct str challenge, size_t *ret_n) {
  struct http_field *fields = arena_new_n(&http->arena, struct http_field, MAX_FIELDS);
  struct str origin;
  size_t n = 0;
  *ret_n = 0;
  if (!fields) return NULL;
  fields[n++] = (struct http_field){STR("Cache-Control"), STR("no-store")};
  if (new_session.n) fields[n++] = (struct http_field){STR("Mcp-Session-Id"), new_session};
  if (challenge.n) fields[n++] = (struct http_field){STR("WWW-Authenticate"), challenge};
  if (status == 405) fields[n++] = (struct http_field){STR("Allow"), STR("POST, OPTIONS")};
  if (retry_after_s > 0)
    fields[n++] = (struct http_field){STR("Retry-After"), arena_printf(&http->arena, "%lld", (long long)retry_after_s)};
  /* endpoint.c has refused every origin that is not allowed. */
  if (http_field_once(http, "Origin", &origin) && origin.n) {
    fields[n++] = (struct http_field){STR("Access-Control-Allow-Origin"), origin};
    fields[n++] =
        (struct http_field){STR("Access-Control-Expose-Headers"), STR("Mcp-Session-Id, Retry-After, WWW-Authenticate")};
    fields[n++] = (struct http_field){STR("Vary"), STR("Origin")};
  }
  *ret_n = n;
  return fields;
}

struct str exchange_challenge(const struct worker *worker, struct http_exchange *http) {
  struct str shown;
  bool has_token = !http_field_once(http, "Authorization", &shown) || shown.p;
  return signin_challenge(&worker->server->signin, http, has_token);
}

/* The exchange lets go of what it holds; the reply that follows ends it. */
static void let_go(struct exchange *exchange) {
  exchange->worker->held_bytes -= exchange->held_bytes;
  toolset_free(exchange->one_connector);
  org_snapshot_unref(exchange->principal.snapshot);
}

/* Sends what there is to send and lets go of everything that the exchange holds; it is gone afterwards. */
static void finish(struct exchange *exchange, int status, struct str content_type, struct str body,
                   int64_t retry_after_s) {
  struct worker *worker = exchange->worker;
  struct http_reply reply = {.status = status, .content_type = content_type, .body = body};
  exchange->arena->max += ANSWER_ROOM;
  struct str challenge = status == 401 ? exchange_challenge(worker, exchange->http) : exchange->challenge;
  reply.fields =
      exchange_fields(exchange->http, status, retry_after_s, exchange->new_session, challenge, &reply.n_fields);
  let_go(exchange);
  if (exchange->answered) {
    exchange->http->on_departed = NULL;
    exchange->answered(exchange, body);
  } else {
    http_reply(exchange->http, &reply);
  }
  worker_exchange_ended(worker);
}

bool exchange_has_null_ids(const struct exchange *exchange) {
  return (exchange->named ? exchange->named : mcp_revision_unnamed())->has_null_ids;
}

static void finish_refused(struct exchange *exchange) {
  const struct failure *refusal = &exchange->refusal;
  struct buf body;
  buf_init(&body, exchange->arena, 4 * KIB);
  jsonrpc_write_error(&body, exchange_has_null_ids(exchange), NULL, refusal->code, refusal->text, refusal->data);
  finish(exchange, refusal->http_status, STR("application/json"), buf_str(&body), refusal->retry_after_s);
}

/* The response, or a batch's as one array in the order of its messages; empty where none is due. False: one that is due
 * found no room in the request's memory. */
static bool write_body(const struct exchange *exchange, struct str *ret_body) {
  struct buf batch;
  buf_init(&batch, exchange->arena, LIMIT_HTTP_REQUEST_ARENA);
  *ret_body = STR_NONE;
  for (size_t i = 0; i < exchange->n_calls; i++) {
    const struct call *call = &exchange->calls[i];
    if (!call_wants_response(call)) continue;
    if (!call->reply.n || buf_failed(&call->reply)) return false;
    *ret_body = buf_str(&call->reply);
    if (!exchange->is_batch) return true;
    buf_append_byte(&batch, batch.n ? ',' : '[');
    buf_append_str(&batch, *ret_body);
  }
  if (!batch.n) return true;
  buf_append_byte(&batch, ']');
  *ret_body = buf_str(&batch);
  return !buf_failed(&batch);
}

static bool has_request(const struct exchange *exchange) {
  for (size_t i = 0; i < exchange->n_calls; i++) {
    if (exchange->calls[i].message.kind == JSONRPC_REQUEST) return true;
  }
  return false;
}

#define NO_ROOM                                                                                             \
  STR("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":503,\"message\":\"The answer is larger than one request's " \
      "memory. What was asked may have been done\"}}")

static void finish_streamed(struct exchange *exchange) {
  struct worker *worker = exchange->worker;
  let_go(exchange);
  exchange_stream_finish(exchange);
  worker_exchange_ended(worker);
}

static void finish_given(struct exchange *exchange) {
  struct worker *worker = exchange->worker;
  let_go(exchange);
  worker_exchange_ended(worker);
}

void exchange_reply_empty(struct exchange *exchange, int status) {
  finish(exchange, status, STR_NONE, STR_NONE, 0);
}

static void finish_answered(struct exchange *exchange) {
  int status = 200;
  int64_t retry_after_s = 0;
  struct str body;
  if (exchange->is_streaming) {
    finish_streamed(exchange);
    return;
  }
  if (exchange->is_given) {
    finish_given(exchange);
    return;
  }
  if (!exchange->is_batch && exchange->calls[0].failure.http_status) {
    status = exchange->calls[0].failure.http_status;
    retry_after_s = exchange->calls[0].failure.retry_after_s;
  }
  if (!write_body(exchange, &body)) {
    finish(exchange, 503, STR("application/json"), NO_ROOM, 0);
  } else if (body.n) {
    finish(exchange, status, STR("application/json"), body, retry_after_s);
  } else if (has_request(exchange)) {
    /* All were cancelled by their client, and so get no response (2025-11-25, cancellation): a stream that ends. */
    finish(exchange, 200, STR("text/event-stream"), STR_NONE, 0);
  } else {
    finish(exchange, status == 200 ? 202 : status, STR_NONE, STR_NONE, retry_after_s);
  }
}

void exchange_call_finished(struct call *call) {
  struct exchange *exchange = call->exchange;
  if (--exchange->n_open == 0) finish_answered(exchange);
}

/* The client has gone. In the modern era that cancels (2026-07-28, cancellation); a legacy call runs to its end. */
static void on_departed(struct http_exchange *http) {
  struct exchange *exchange = http->context;
  for (size_t i = 0; i < exchange->n_calls; i++) {
    struct call *call = &exchange->calls[i];
    if (call->envelope.revision && call->envelope.revision->era == MCP_MODERN) call_cancel(call);
  }
}

static void begin(struct exchange *exchange, struct worker *worker, struct http_exchange *http) {
  exchange->http = http;
  exchange->worker = worker;
  exchange->arena = &http->arena;
  exchange->arena->max -= ANSWER_ROOM;
  http->context = exchange;
  worker_exchange_begun(worker);
}

static void run(struct exchange *exchange, size_t first_stage) {
  struct worker *worker = exchange->worker;
  struct http_exchange *http = exchange->http;
  size_t n_stages;
  const struct exchange_stage *stages = exchange_stages(&n_stages);
  for (size_t i = first_stage; i < n_stages; i++) {
    enum stage_verdict verdict = stages[i].run(exchange);
    metric_add(&worker->metrics.exchange_stages[i][verdict], 1);
    if (verdict == STAGE_NEXT) continue;
    if (verdict == STAGE_FAIL) finish_refused(exchange);
    if (verdict == STAGE_DONE) finish_given(exchange);
    return;
  }

  if (exchange->answered) exchange->accepts_stream = false; /* the answer is one */
  http->on_departed = on_departed;
  /* One more than there are calls, so that the exchange outlives this loop even when each ends at once. */
  exchange->n_open = exchange->n_calls + 1;
  for (size_t i = 0; i < exchange->n_calls; i++) {
    struct call *call = &exchange->calls[i];
    call->next = worker->calls;
    if (call->next) call->next->previous = call;
    worker->calls = call;
    worker->n_calls++;
    call_run(call);
  }
  exchange->principal.token = NULL; /* not valid after this turn */
  if (exchange->n_open > 1) exchange->held_bytes = exchange->arena->used;
  worker->held_bytes += exchange->held_bytes;
  /* Who has left before we began is not told of again. */
  if (http->has_departed && !exchange->is_given) on_departed(http);
  if (--exchange->n_open == 0) finish_answered(exchange);
}

static void begin_endpoint(struct worker *worker, struct http_exchange *http, bool is_forwarded) {
  struct exchange *exchange = arena_new(&http->arena, struct exchange);
  if (!exchange) {
    http_reply(http, &(struct http_reply){.status = 503});
    return;
  }
  begin(exchange, worker, http);
  exchange->is_forwarded = is_forwarded;
  read_path(exchange);
  read_headers(exchange);
  run(exchange, 0);
}

void exchange_begin(struct worker *worker, struct http_exchange *http) {
  begin_endpoint(worker, http, false);
}

void exchange_begin_forwarded(struct worker *worker, struct http_exchange *http) {
  begin_endpoint(worker, http, true);
}

void exchange_begin_as(struct exchange *exchange, struct worker *worker, struct http_exchange *http) {
  size_t n, first = 0;
  const struct exchange_stage *stages = exchange_stages(&n);
  while (first + 1 < n && stages[first].run != stage_read_messages)
    first++;
  begin(exchange, worker, http);
  trace_begin(&exchange->trace, &worker->traces, STR_NONE);
  run(exchange, first);
}

bool exchange_check_head(struct worker *worker, struct http_exchange *http, struct failure *ret_refusal) {
  struct exchange exchange = {.http = http, .worker = worker, .arena = &http->arena};
  read_path(&exchange);
  if (stage_limit_peer(&exchange) == STAGE_NEXT && stage_authenticate(&exchange) == STAGE_NEXT) {
    org_snapshot_unref(exchange.principal.snapshot);
    return true;
  }
  *ret_refusal = exchange.refusal;
  return false;
}
