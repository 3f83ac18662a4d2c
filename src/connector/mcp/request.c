/* One JSON-RPC request to an upstream: its place in the queue, its time, its end. Must not know how it travels, nor who
 * asks.
 *
 * States: QUEUED (on upstream->queued) -> ACTIVE (on upstream->active) -> ENDED (its `done` was called; on
 * upstream->lingering where something of it is still being read, else freed). One that the upstream did not let in goes
 * back from ACTIVE to QUEUED, a few times. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "connector/mcp/home.h"

enum { TRIES = 3 };

/* ---- lists ---- */

static void list_add(struct mcp_request **first, struct mcp_request *request) {
  request->previous = NULL;
  request->next = *first;
  if (*first) (*first)->previous = request;
  *first = request;
}

static void list_remove(struct mcp_request **first, struct mcp_request *request) {
  if (request->previous) request->previous->next = request->next;
  if (!request->previous) *first = request->next;
  if (request->next) request->next->previous = request->previous;
  request->previous = request->next = NULL;
}

static void queue_remove(struct mcp_request *request) {
  struct mcp_upstream *upstream = request->upstream;
  if (upstream->queued_last == request) upstream->queued_last = request->previous;
  list_remove(&upstream->queued, request);
  upstream->n_queued--;
}

static struct mcp_request *queue_take_first(struct mcp_upstream *upstream) {
  struct mcp_request *request = upstream->queued;
  upstream->queued = request->next;
  if (upstream->queued) upstream->queued->previous = NULL;
  if (!upstream->queued) upstream->queued_last = NULL;
  request->previous = request->next = NULL;
  upstream->n_queued--;
  return request;
}

static void queue_append(struct mcp_request *request) {
  struct mcp_upstream *upstream = request->upstream;
  request->state = MCP_REQUEST_QUEUED;
  request->previous = upstream->queued_last;
  request->next = NULL;
  if (upstream->queued_last) upstream->queued_last->next = request;
  if (!upstream->queued_last) upstream->queued = request;
  upstream->queued_last = request;
  upstream->n_queued++;
}

static void queue_prepend(struct mcp_request *request) {
  struct mcp_upstream *upstream = request->upstream;
  request->state = MCP_REQUEST_QUEUED;
  list_add(&upstream->queued, request);
  if (!upstream->queued_last) upstream->queued_last = request;
  upstream->n_queued++;
}

/* Those that find out how to speak, and streams without an end, take no place from others. */
static bool takes_place(const struct mcp_request *request) {
  return !request->is_shaking_hands && !request->is_endless && !request->is_held;
}

static void activate(struct mcp_request *request) {
  struct mcp_upstream *upstream = request->upstream;
  request->state = MCP_REQUEST_ACTIVE;
  request->id = ++upstream->last_id;
  list_add(&upstream->active, request);
  if (takes_place(request)) upstream->n_active++;
}

static void deactivate(struct mcp_request *request) {
  struct mcp_upstream *upstream = request->upstream;
  list_remove(&upstream->active, request);
  if (takes_place(request)) upstream->n_active--;
}

struct mcp_request *mcp_request_by_id(struct mcp_upstream *upstream, uint64_t id) {
  struct mcp_request *request = upstream->active;
  while (request && request->id != id)
    request = request->next;
  return request;
}

/* ---- its life ---- */

struct mcp_request *mcp_request_new(struct mcp_upstream *upstream) {
  struct mcp_request *request = calloc(1, sizeof(*request));
  if (!request) return NULL;
  request->upstream = upstream;
  request->retry_ms = -1;
  arena_init(&request->arena, LIMIT_MCP_REQUEST);
  return request;
}

void mcp_request_drop(struct mcp_request *request) {
  arena_release(&request->arena);
  free(request);
}

void mcp_request_free(struct mcp_request *request) {
  struct mcp_upstream *upstream = request->upstream;
  timers_cancel(upstream->home->host->timers, &request->timer);
  list_remove(&upstream->lingering, request);
  mcp_http_release(&request->http);
  mcp_request_drop(request);
  mcp_upstream_settle(upstream);
}

static void on_late(struct timer *timer) {
  struct mcp_request *request = (struct mcp_request *)(void *)((char *)timer - offsetof(struct mcp_request, timer));
  if (request->state == MCP_REQUEST_ENDED) {
    mcp_request_free(request);
    return;
  }
  char text[ERR_TEXT_SIZE];
  struct str name = mcp_upstream_name(request->upstream);
  snprintf(text, sizeof(text), "%.*s did not answer within %lld seconds", STR_ARG(name),
           (long long)(request->timeout_us / 1000000));
  mcp_request_cancel(request, ERR_TIMEOUT, text);
}

/* What came may be followed by an end that keeps the connection usable: it may take a moment, not more. */
static void linger(struct mcp_request *request) {
  struct mcp_upstream *upstream = request->upstream;
  list_add(&upstream->lingering, request);
  request->timer.run = on_late;
  timers_set(upstream->home->host->timers, &request->timer, mcp_now_us(upstream) + LIMIT_MCP_LINGER_MS * INT64_C(1000));
}

static void judge(const struct mcp_request *request, const struct mcp_reply *reply) {
  struct mcp_upstream *upstream = request->upstream;
  if (request->ask) upstream->used_us = mcp_now_us(upstream);
  bool was_tried = request->state == MCP_REQUEST_ACTIVE && takes_place(request) && !request->is_greeting;
  upstream->breaker.is_probing = false;
  if (was_tried && reply->code == ERR_NONE)
    mcp_breaker_succeeded(upstream);
  else if (was_tried && (reply->code == ERR_UPSTREAM || reply->code == ERR_TIMEOUT || reply->code == ERR_TOO_LARGE))
    mcp_breaker_failed(upstream, reply->text);
}

void mcp_request_finish(struct mcp_request *request, const struct mcp_reply *reply) {
  struct mcp_upstream *upstream = request->upstream;
  if (request->state == MCP_REQUEST_ENDED) return;
  judge(request, reply);
  if (request->state == MCP_REQUEST_QUEUED) queue_remove(request);
  if (request->state == MCP_REQUEST_ACTIVE) deactivate(request);
  request->state = MCP_REQUEST_ENDED;
  if (upstream->handshake == request) upstream->handshake = NULL;
  timers_cancel(upstream->home->host->timers, &request->timer);
  timers_cancel(upstream->home->host->timers, &request->resumption);
  linger(request);
  bool is_read_on = reply->code == ERR_NONE && request->http.transfer;
  if (!is_read_on) mcp_http_stop(&request->http);
  request->done(request, reply);
  if (!is_read_on && !request->http.is_inside) mcp_request_free(request);
  mcp_requests_pump(upstream);
  mcp_upstream_settle(upstream);
}

static bool was_sent(const struct mcp_request *request) {
  return request->was_sent || request->http.was_sent;
}

void mcp_request_fail(struct mcp_request *request, enum err_code code, const char *format, ...) {
  char text[ERR_TEXT_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  const struct mcp_reply reply = {.code = code, .text = text, .is_uncertain = was_sent(request)};
  mcp_request_finish(request, &reply);
}

void mcp_request_cancel(struct mcp_request *request, enum err_code code, const char *text) {
  if (request->state == MCP_REQUEST_ACTIVE && was_sent(request)) mcp_wire_cancel(request, text);
  mcp_request_fail(request, code, "%s", text);
}

/* ---- its time ---- */

void mcp_request_prolong(struct mcp_request *request) {
  struct mcp_upstream *upstream = request->upstream;
  int64_t cap_us = request->begun_us + LIMIT_MCP_CALL_MS * INT64_C(1000);
  int64_t at_us = mcp_now_us(upstream) + request->timeout_us;
  if (request->is_endless || request->is_held || request->state == MCP_REQUEST_ENDED) return;
  request->timer.run = on_late;
  timers_set(upstream->home->host->timers, &request->timer, at_us < cap_us ? at_us : cap_us);
}

void mcp_request_hold(struct mcp_request *request) {
  timers_cancel(request->upstream->home->host->timers, &request->timer);
  if (takes_place(request)) request->upstream->n_active--;
  request->is_held = true;
}

void mcp_request_unhold(struct mcp_request *request, int64_t timeout_us) {
  request->is_held = false;
  if (takes_place(request)) request->upstream->n_active++;
  request->timeout_us = timeout_us;
  request->begun_us = mcp_now_us(request->upstream);
  mcp_request_prolong(request);
}

/* ---- the queue ---- */

static unsigned places(const struct mcp_upstream *upstream) {
  return upstream->target->max_concurrent ? upstream->target->max_concurrent : LIMIT_MCP_CONCURRENT;
}

static void dispatch(struct mcp_request *request) {
  activate(request);
  if (request->is_greeting) {
    mcp_request_finish(request, &(struct mcp_reply){.code = ERR_NONE});
    return;
  }
  request->n_tries++;
  request->session = request->upstream->session;
  request->is_sent_modern = mcp_request_is_modern(request);
  request->has_session_id = request->upstream->session_id[0] != '\0';
  if (request->log_level.n > 0) mcp_session_log_level(request->upstream, request->log_level);
  mcp_wire_send(request);
}

void mcp_requests_pump(struct mcp_upstream *upstream) {
  if (upstream->is_failing) return;
  while (upstream->queued && upstream->phase == MCP_PHASE_READY) {
    if (takes_place(upstream->queued) && upstream->n_active >= places(upstream)) return;
    dispatch(queue_take_first(upstream));
  }
  if (upstream->queued && upstream->phase == MCP_PHASE_NEW) mcp_connect(upstream, upstream->queued->credential);
}

void mcp_request_begin(struct mcp_request *request) {
  struct mcp_upstream *upstream = request->upstream;
  struct str name = mcp_upstream_name(upstream);
  int64_t wait_us = 0;
  request->begun_us = mcp_now_us(upstream);
  if (request->ask) upstream->used_us = request->begun_us;
  if (request->timeout_us <= 0) request->timeout_us = LIMIT_MCP_REQUEST_MS * INT64_C(1000);
  mcp_request_prolong(request);
  if (request->is_shaking_hands) {
    dispatch(request);
    return;
  }
  bool is_let = request->is_endless || mcp_breaker_lets(upstream, &wait_us),
       has_room = upstream->n_queued < LIMIT_MCP_QUEUE;
  queue_append(request);
  if (upstream->is_ending) {
    mcp_request_fail(request, ERR_UNAVAILABLE, "%.*s has just changed; call again", STR_ARG(name));
  } else if (!is_let) {
    mcp_request_fail(request, ERR_UNAVAILABLE,
                     "%.*s has failed several times and is left alone for now; it is tried again in %lld seconds (%s)",
                     STR_ARG(name), (long long)(wait_us / 1000000 + 1), upstream->breaker.why);
  } else if (!has_room) {
    mcp_request_fail(request, ERR_LIMITED, "%.*s has too many calls waiting; try again later", STR_ARG(name));
  } else {
    mcp_requests_pump(upstream);
  }
}

void mcp_request_again(struct mcp_request *request) {
  struct mcp_upstream *upstream = request->upstream;
  deactivate(request);
  mcp_http_release(&request->http);
  request->was_sent = false;
  queue_prepend(request);
  if (request->n_tries >= TRIES)
    mcp_request_fail(request, ERR_UPSTREAM, "%.*s keeps refusing its own sessions",
                     STR_ARG(mcp_upstream_name(upstream)));
  else
    mcp_requests_pump(upstream);
}

void mcp_requests_fail(struct mcp_upstream *upstream, enum err_code code, const char *text) {
  if (upstream->handshake) mcp_request_cancel(upstream->handshake, code, text);
  while (upstream->queued)
    mcp_request_fail(upstream->queued, code, "%s", text);
  while (upstream->active)
    mcp_request_cancel(upstream->active, code, text);
}

/* ---- its text ---- */

bool mcp_request_is_modern(const struct mcp_request *request) {
  if (request->is_bare) return false;
  return request->is_modern || request->upstream->era == MCP_ERA_MODERN;
}

static void comma(struct buf *out) {
  if (out->n > 0 && out->p[out->n - 1] != '{') buf_append_byte(out, ',');
}

static void member(struct buf *out, const char *name, struct str json) {
  comma(out);
  json_write_str(out, str_of(name));
  buf_append_byte(out, ':');
  buf_append_str(out, json);
}

static void text_member(struct buf *out, const char *name, struct str text) {
  comma(out);
  json_write_str(out, str_of(name));
  buf_append_byte(out, ':');
  json_write_str(out, text);
}

#define OWN_INFO STR("{\"name\":\"connek\",\"title\":\"Connek\",\"version\":\"" CONNEK_VERSION "\"}")

static void meta_write(struct buf *out, const struct mcp_request *request) {
  buf_append_str(out, request->meta);
  if (request->traceparent) text_member(out, "traceparent", str_of(request->traceparent));
  if (request->wants_progress) {
    comma(out);
    buf_append_c(out, "\"progressToken\":");
    buf_append_u64(out, request->id);
  }
  if (!mcp_request_is_modern(request)) return;
  text_member(out, "io.modelcontextprotocol/protocolVersion", STR(MCP_VERSION_MODERN));
  member(out, "io.modelcontextprotocol/clientInfo", request->client_info.n > 0 ? request->client_info : OWN_INFO);
  member(out, "io.modelcontextprotocol/clientCapabilities",
         request->capabilities.n > 0 ? request->capabilities : STR("{}"));
  if (request->log_level.n > 0) text_member(out, "io.modelcontextprotocol/logLevel", request->log_level);
}

struct str mcp_request_text(struct mcp_request *request, struct arena *arena) {
  struct buf out;
  buf_init(&out, arena, LIMIT_MCP_MESSAGE);
  (void)buf_reserve(&out, 512 + request->members.n + request->meta.n + request->capabilities.n);
  buf_append_c(&out, "{\"jsonrpc\":\"2.0\",\"id\":");
  buf_append_u64(&out, request->id);
  buf_append_c(&out, ",\"method\":");
  json_write_str(&out, request->method);
  buf_append_c(&out, ",\"params\":{");
  buf_append_str(&out, request->members);
  if (mcp_request_is_modern(request) && request->members_modern.n > 0) {
    comma(&out);
    buf_append_str(&out, request->members_modern);
  }
  size_t before = out.n;
  comma(&out);
  buf_append_c(&out, "\"_meta\":{");
  size_t empty = out.n;
  meta_write(&out, request);
  if (out.n == empty)
    out.n = before;
  else
    buf_append_byte(&out, '}');
  buf_append_c(&out, "}}");
  return buf_failed(&out) ? STR_NONE : buf_str(&out);
}
