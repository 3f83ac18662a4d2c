/* subscriptions/listen (modern): an acknowledgement, then what was asked for, until the client closes the stream or we
 * stop. The request ends here: what listens has a life of its own, and holds nothing of it. */
#include <stdlib.h>

#include "base/limits.h"
#include "gateway/capabilities.h"
#include "gateway/exchange_stream.h"
#include "gateway/pipeline.h"
#include "gateway/watch.h"
#include "gateway/worker.h"
#include "mcp/passed.h"
#include "mcp/result.h"

struct listener {
  struct watch watch;
  struct event_stream stream;
  struct str subscription; /* the request's id, as JSON: behind the struct */
};

static bool say(struct listener *listener, struct str method, struct str params) {
  struct arena scratch;
  struct buf out;
  arena_init(&scratch, LIMIT_HTTP_REQUEST_ARENA);
  buf_init(&out, &scratch, LIMIT_HTTP_REQUEST_ARENA);
  const struct mcp_passing passing = {.arena = &scratch, .era = MCP_MODERN};
  const struct mcp_notification notification = {
      .method = method, .subscription = listener->subscription, .passing = &passing};
  bool is_sent =
      event_stream_has_room(&listener->stream) && mcp_write_notification(&out, params, &notification, NULL) == ERR_NONE;
  if (is_sent) event_stream_send(&listener->stream, STR_NONE, buf_str(&out));
  arena_release(&scratch);
  return is_sent;
}

static bool tell(struct watch *watch, struct str method, struct str params) {
  return say((struct listener *)watch, method, params);
}

static void listener_free(struct listener *listener) {
  watch_end(&listener->watch);
  event_stream_end(&listener->stream);
  free(listener);
}

/* "it SHOULD respond to the original request with a completion result before closing the stream" */
static void end(struct watch *watch) {
  struct listener *listener = (struct listener *)watch;
  struct buf out;
  buf_init(&out, NULL, 16 * KIB);
  buf_append_c(&out, "{\"jsonrpc\":\"2.0\",\"id\":");
  buf_append_str(&out, listener->subscription);
  buf_append_c(&out, ",\"result\":{\"resultType\":\"complete\",\"_meta\":{");
  mcp_write_server_info(&out);
  buf_append_c(&out, ",\"" MCP_META_SUBSCRIPTION "\":");
  buf_append_str(&out, listener->subscription);
  buf_append_c(&out, "}}}");
  if (!buf_failed(&out)) event_stream_send(&listener->stream, STR_NONE, buf_str(&out));
  buf_release(&out);
  listener_free(listener);
}

static void on_departed(struct http_exchange *http) {
  listener_free(http->context);
}

static void want(struct buf *out, bool *ret_wants, yyjson_val *filter, const char *name, bool is_there) {
  if (!yyjson_is_true(json_get(filter, name)) || !is_there) return;
  *ret_wants = true;
  mcp_result_comma(out);
  buf_printf(out, "\"%s\":true", name);
}

/* The subset that is honoured: what this user has. */
static void want_uris(struct buf *out, struct listener *listener, struct exchange *exchange, yyjson_val *uris) {
  size_t i, n, n_taken = 0;
  yyjson_val *value;
  if (!yyjson_is_arr(uris)) return;
  mcp_result_comma(out);
  buf_append_c(out, "\"resourceSubscriptions\":[");
  yyjson_arr_foreach(uris, i, n, value) {
    struct watched_uri *uri = yyjson_is_str(value) ? watched_uri_new(exchange, json_str(value)) : NULL;
    if (!uri || !watch_add_uri(&listener->watch, uri)) continue;
    if (n_taken++) buf_append_byte(out, ',');
    json_write_value(out, value);
  }
  buf_append_byte(out, ']');
}

static bool acknowledge(struct listener *listener, struct exchange *exchange, yyjson_val *filter) {
  struct mcp_capabilities capabilities;
  struct watch *watch = &listener->watch;
  struct buf out;
  if (!capabilities_of(exchange, MCP_MODERN, &capabilities)) return false;
  buf_init(&out, exchange->arena, LIMIT_HTTP_REQUEST_ARENA);
  buf_append_c(&out, "{\"notifications\":{");
  want(&out, &watch->wants_tools, filter, "toolsListChanged", true);
  want(&out, &watch->wants_prompts, filter, "promptsListChanged", capabilities.has_prompts);
  want(&out, &watch->wants_resources, filter, "resourcesListChanged", capabilities.has_resources);
  if (capabilities.has_resources) want_uris(&out, listener, exchange, json_get(filter, "resourceSubscriptions"));
  buf_append_c(&out, "}}");
  return !buf_failed(&out) && say(listener, STR("notifications/subscriptions/acknowledged"), buf_str(&out));
}

static struct listener *listener_new(struct call *call) {
  struct buf id;
  buf_init(&id, call->exchange->arena, 8 * LIMIT_JSONRPC_ID);
  jsonrpc_write_id(&id, call->message.id);
  struct listener *listener = buf_failed(&id) ? NULL : calloc(1, sizeof(*listener) + id.n);
  if (!listener) return NULL;
  memcpy(listener + 1, id.p, id.n);
  listener->subscription = str_make((const char *)(listener + 1), id.n);
  listener->watch.tell = tell;
  listener->watch.end = end;
  return listener;
}

enum stage_verdict method_listen(struct call *call) {
  struct exchange *exchange = call->exchange;
  yyjson_val *filter = json_get(call->message.params, "notifications");
  struct watcher watcher;
  if (!yyjson_is_obj(filter))
    return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: notifications must be an object");
  if (!exchange->accepts_stream)
    return call_fail(call, 406, 406, "The answer is a stream: let Accept list text/event-stream");
  struct listener *listener = listener_new(call);
  if (!listener) return call_fail(call, 503, 503, "Out of memory");
  watcher_of(exchange, &watcher);
  if (!watch_begin(&listener->watch, exchange->worker, &watcher)) {
    free(listener);
    return call_fail(call, 503, 503, "Too many are listening; try again later");
  }
  if (exchange->http->has_departed || !exchange_stream_give(exchange, &listener->stream)) {
    watch_end(&listener->watch);
    free(listener);
    return call_fail(call, 503, 503, "Out of memory");
  }
  exchange->http->context = listener;
  exchange->http->on_departed = on_departed;
  if (!acknowledge(listener, exchange, filter)) end(&listener->watch);
  return STAGE_DONE;
}
