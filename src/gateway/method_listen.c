/* subscriptions/listen (modern): an acknowledgement, then what was asked for, until the client closes the stream or we
 * stop. The request ends here: what listens has a life of its own, and holds nothing of it.
 *
 * What is told of a task is its whole state, result and all: so to listen to one is on record, as tasks/get is, before
 * anything is told. */
#include <stdlib.h>

#include "base/limits.h"
#include "gateway/capabilities.h"
#include "gateway/exchange_stream.h"
#include "gateway/guard.h"
#include "gateway/pipeline.h"
#include "gateway/task_id.h"
#include "gateway/watch.h"
#include "gateway/worker.h"
#include "mcp/passed.h"
#include "mcp/result.h"

struct listener {
  struct watch watch;
  struct event_stream stream;
  struct str subscription; /* the request's id, as JSON: behind the struct */
};

/* The tasks that a request wants to hear of. */
struct task_wishes {
  yyjson_val *ids;
  size_t at; /* the next one to be judged and recorded */
  struct task tasks[LIMIT_WATCHED];
  struct str public_ids[LIMIT_WATCHED];
  size_t n;
};

static bool say(struct listener *listener, struct str method, struct str params, const struct mcp_passing *names) {
  struct arena scratch;
  struct buf out;
  arena_init(&scratch, LIMIT_HTTP_REQUEST_ARENA);
  buf_init(&out, &scratch, LIMIT_HTTP_REQUEST_ARENA);
  struct mcp_passing passing = names ? *names : (struct mcp_passing){0};
  passing.arena = &scratch;
  passing.era = MCP_MODERN;
  const struct mcp_notification notification = {
      .method = method, .subscription = listener->subscription, .passing = &passing};
  bool is_sent =
      event_stream_has_room(&listener->stream) && mcp_write_notification(&out, params, &notification, NULL) == ERR_NONE;
  if (is_sent) event_stream_send(&listener->stream, STR_NONE, buf_str(&out));
  arena_release(&scratch);
  return is_sent;
}

static bool tell(struct watch *watch, struct str method, struct str params, const struct mcp_passing *names) {
  return say((struct listener *)watch, method, params, names);
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
    struct watched *watched = yyjson_is_str(value) ? watched_resource_new(exchange, json_str(value)) : NULL;
    if (!watched || !watch_add(&listener->watch, watched)) continue;
    if (n_taken++) buf_append_byte(out, ',');
    json_write_value(out, value);
  }
  buf_append_byte(out, ']');
}

static void want_tasks(struct buf *out, struct listener *listener, struct exchange *exchange,
                       const struct task_wishes *wishes) {
  size_t n_taken = 0;
  mcp_result_comma(out);
  buf_append_c(out, "\"taskIds\":[");
  for (size_t i = 0; i < wishes->n; i++) {
    struct watched *watched = watched_task_new(exchange, &wishes->tasks[i], wishes->public_ids[i]);
    if (!watched || !watch_add(&listener->watch, watched)) continue;
    if (n_taken++) buf_append_byte(out, ',');
    json_write_str(out, wishes->public_ids[i]);
  }
  buf_append_byte(out, ']');
}

static bool acknowledge(struct listener *listener, struct call *call, yyjson_val *filter) {
  struct exchange *exchange = call->exchange;
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
  if (call->wishes) want_tasks(&out, listener, exchange, call->wishes);
  buf_append_c(&out, "}}");
  return !buf_failed(&out) && say(listener, STR("notifications/subscriptions/acknowledged"), buf_str(&out), NULL);
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

/* Judges the next one. False: nobody's, or this client was not let look. */
static bool judge(struct call *call, struct str id) {
  call->connection = NULL;
  call->task_tool = NULL;
  call->is_allowed = false; /* the one before was perhaps */
  enum stage_verdict verdict = guard_task_named(call, id);
  call->failure = (struct failure){0};
  if (verdict == STAGE_NEXT) call->outcome = AUDIT_OK;
  call->id = uuid_new();
  return call->task_tool && (call->exchange->principal.scopes & DOES_READ);
}

/* One after the other. STAGE_NEXT: all are on record. */
static enum stage_verdict record_tasks(struct call *call) {
  struct task_wishes *wishes = call->wishes;
  for (; wishes->at < yyjson_arr_size(wishes->ids) && wishes->at < LIMIT_WATCHED; wishes->at++) {
    struct str id = json_str(yyjson_arr_get(wishes->ids, wishes->at));
    if (call->intent == INTENT_NONE && !judge(call, id)) continue;
    enum stage_verdict verdict = call_record(call, AUDIT_CALL);
    if (verdict != STAGE_NEXT) return verdict;
    call->intent = INTENT_NONE;
    if (!call->is_allowed) continue;
    wishes->tasks[wishes->n] = (struct task){call->connection, call->task_tool, call->uri};
    wishes->public_ids[wishes->n++] = id;
  }
  return STAGE_NEXT;
}

static enum stage_verdict read_tasks(struct call *call, yyjson_val *filter) {
  yyjson_val *ids = json_get(filter, "taskIds");
  if (call->wishes || !yyjson_is_arr(ids) || yyjson_arr_size(ids) == 0) return STAGE_NEXT;
  if (!guard_knows_tasks(call)) return guard_refuse_undeclared(call);
  call->wishes = arena_new(call->exchange->arena, struct task_wishes);
  if (!call->wishes) return call_fail(call, 503, 503, "Out of memory");
  call->wishes->ids = ids;
  return STAGE_NEXT;
}

static enum stage_verdict begin_listening(struct call *call, yyjson_val *filter) {
  struct exchange *exchange = call->exchange;
  struct watcher watcher;
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
  if (!acknowledge(listener, call, filter)) end(&listener->watch);
  return STAGE_DONE;
}

enum stage_verdict method_listen(struct call *call) {
  yyjson_val *filter = json_get(call->message.params, "notifications");
  if (!yyjson_is_obj(filter))
    return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: notifications must be an object");
  if (!call->exchange->accepts_stream)
    return call_fail(call, 406, 406, "The answer is a stream: let Accept list text/event-stream");
  enum stage_verdict verdict = read_tasks(call, filter);
  if (verdict == STAGE_NEXT && call->wishes) verdict = record_tasks(call);
  return verdict == STAGE_NEXT ? begin_listening(call, filter) : verdict;
}
