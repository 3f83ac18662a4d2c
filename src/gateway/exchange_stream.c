/* A POST's stream: in the modern era it is its request's alone and ends with its client; in the legacy era its events
 * are kept, where there is a session, so that a client whose connection broke can read on by GET. */
#include "gateway/exchange_stream.h"

#include "base/limits.h"
#include "gateway/event_log.h"
#include "gateway/pipeline.h"
#include "gateway/worker.h"

bool exchange_accepts_stream(struct str accept) {
  while (accept.n) {
    struct str range = str_cut(&accept, ',');
    if (str_eq_fold(str_trim(str_cut(&range, ';')), STR("text/event-stream"))) return true;
  }
  return false;
}

static struct exchange *exchange_of(struct event_reader *reader) {
  return (struct exchange *)((char *)reader - offsetof(struct exchange, reader));
}

static void on_event(struct event_reader *reader, struct str id, struct str data) {
  event_stream_send(&exchange_of(reader)->stream, id, data);
}

/* Somebody reads on elsewhere: here nothing more is said, and the connection ends with the call. */
static void on_end(struct event_reader *reader, bool is_replaced) {}

static const struct mcp_revision *revision_of(const struct exchange *exchange) {
  const struct mcp_revision *revision = exchange->calls[0].envelope.revision;
  return revision ? revision : mcp_revision_unnamed();
}

static void begin_log(struct exchange *exchange, const struct mcp_revision *revision) {
  if (revision->era != MCP_LEGACY || !exchange->has_session) return;
  exchange->log = event_log_new(exchange->worker, exchange->principal.user->id, &exchange->held);
  if (!exchange->log) return; /* it goes on without: the client cannot read on, that is all */
  exchange->reader = (struct event_reader){on_event, on_end};
  event_log_read(exchange->log, &exchange->reader, 0);
  if (!revision->primes_streams) return;
  event_log_prime(exchange->log);
  event_stream_retry(&exchange->stream, LIMIT_STREAM_RETRY_MS);
}

static bool begin(struct exchange *exchange, struct event_stream *stream) {
  size_t n;
  const struct http_field *fields = exchange_fields(exchange->http, 200, 0, exchange->new_session, STR_NONE, &n);
  struct http_field *all = arena_new_n(exchange->arena, struct http_field, n + 1);
  if (!fields || !all) return false;
  memcpy(all, fields, n * sizeof(*all));
  all[n] = (struct http_field){STR("X-Accel-Buffering"), STR("no")};
  event_stream_begin(stream, exchange->worker, exchange->http, all, n + 1);
  return true;
}

bool exchange_stream_give(struct exchange *exchange, struct event_stream *stream) {
  if (!begin(exchange, stream)) return false;
  exchange->is_given = true;
  event_stream_outlive(stream);
  return true;
}

bool exchange_stream_open(struct exchange *exchange) {
  if (exchange->is_streaming) return true;
  if (!exchange->accepts_stream || exchange->http->has_departed) return false;
  if (!begin(exchange, &exchange->stream)) return false;
  exchange->is_streaming = true;
  begin_log(exchange, revision_of(exchange));
  return true;
}

static void append(struct exchange *exchange, struct str message) {
  if (exchange->log)
    event_log_append(exchange->log, message);
  else
    event_stream_send(&exchange->stream, STR_NONE, message);
}

bool exchange_send(struct exchange *exchange, struct str message, bool may_drop) {
  if (!exchange_stream_open(exchange)) return false;
  if (may_drop && !event_stream_has_room(&exchange->stream)) return false;
  append(exchange, message);
  return true;
}

#define NO_ROOM                                                                                             \
  STR("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":503,\"message\":\"The answer is larger than one request's " \
      "memory. What was asked may have been done\"}}")

void exchange_stream_finish(struct exchange *exchange) {
  for (size_t i = 0; i < exchange->n_calls; i++) {
    const struct call *call = &exchange->calls[i];
    if (!call_wants_response(call)) continue;
    append(exchange, call->reply.n && !buf_failed(&call->reply) ? buf_str(&call->reply) : NO_ROOM);
  }
  if (exchange->log) event_log_end(exchange->log);
  event_stream_end(&exchange->stream);
}
