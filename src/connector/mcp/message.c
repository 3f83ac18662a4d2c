/* What an upstream sends, told apart: answers go to the request they name, notifications to the request they belong to
 * or to whoever listens, questions to park.c. Nothing of it is trusted: an answer to anything but what was asked on
 * that stream is a fault. */
#include "codec/json_span.h"
#include "connector/mcp/home.h"

static struct mcp_request *owner_by_id(struct mcp_upstream *upstream, struct mcp_request *request, yyjson_val *id) {
  uint64_t n;
  struct str text = yyjson_is_raw(id) ? str_make(yyjson_get_raw(id), yyjson_get_len(id)) : STR_NONE;
  if (!str_to_u64(text, &n)) return NULL;
  if (request) return request->id == n ? request : NULL;
  return mcp_request_by_id(upstream, n);
}

static enum err_code on_response(struct mcp_upstream *upstream, struct mcp_request *request,
                                 const struct jsonrpc_message *message, yyjson_val *value, struct str text,
                                 struct err *err) {
  struct mcp_reply reply = {.result = json_get(value, "result"), .error = json_get(value, "error")};
  struct mcp_request *asked = owner_by_id(upstream, request, message->id);
  /* What could not be read is answered without an id (JSON-RPC 2.0, 5). */
  if (!asked && request && !message->id && reply.error) asked = request;
  if (!asked && request) return err_set(err, ERR_UPSTREAM, "answered what was not asked: its answer has another id");
  if (!asked || asked->state != MCP_REQUEST_ACTIVE) return ERR_NONE; /* too late, or twice */
  if (reply.result && !yyjson_is_obj(reply.result))
    return err_set(err, ERR_UPSTREAM, "answered a result that is no object");
  reply.status = asked->http.status;
  if (reply.result) reply.result_text = json_span_get(text, STR("result"));
  mcp_request_finish(asked, &reply);
  return ERR_NONE;
}

/* On a channel that all share, what is said of no request can belong to one only where there is just one. */
static struct mcp_request *only_one(struct mcp_upstream *upstream) {
  struct mcp_request *found = NULL;
  for (struct mcp_request *request = upstream->active; request; request = request->next) {
    if (!request->notified) continue;
    if (found) return NULL;
    found = request;
  }
  return found;
}

static void on_progress(struct mcp_upstream *upstream, struct mcp_request *request, yyjson_val *params,
                        struct str method) {
  struct mcp_request *owner = owner_by_id(upstream, request, json_get(params, "progressToken"));
  if (!owner || owner->state != MCP_REQUEST_ACTIVE || !owner->wants_progress) return;
  mcp_request_prolong(owner);
  if (owner->notified) owner->notified(owner, method, params);
}

static bool is_change(struct str method, enum mcp_notice_kind *ret_kind) {
  static const struct {
    const char *method;
    enum mcp_notice_kind kind;
  } changes[] = {{"notifications/tools/list_changed", MCP_TOOLS_CHANGED},
                 {"notifications/prompts/list_changed", MCP_PROMPTS_CHANGED},
                 {"notifications/resources/list_changed", MCP_RESOURCES_CHANGED},
                 {"notifications/resources/updated", MCP_RESOURCE_UPDATED}};
  for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
    if (!str_eq_c(method, changes[i].method)) continue;
    *ret_kind = changes[i].kind;
    return true;
  }
  return false;
}

static void tell_whole(struct mcp_upstream *upstream, enum mcp_notice_kind kind, yyjson_val *params) {
  struct buf text;
  buf_init(&text, NULL, LIMIT_MCP_NOTICE);
  json_write_value(&text, params);
  if (!buf_failed(&text)) mcp_notice(upstream, kind, buf_str(&text));
  buf_release(&text);
}

static void on_notification(struct mcp_upstream *upstream, struct mcp_request *request,
                            const struct jsonrpc_message *message) {
  enum mcp_notice_kind kind;
  if (str_eq(message->method, STR("notifications/progress"))) {
    on_progress(upstream, request, message->params, message->method);
  } else if (is_change(message->method, &kind)) {
    mcp_notice(upstream, kind, kind == MCP_RESOURCE_UPDATED ? json_get_str(message->params, "uri") : STR_NONE);
  } else if (str_eq(message->method, STR("notifications/tasks"))) {
    if (yyjson_is_obj(message->params)) tell_whole(upstream, MCP_TASK_CHANGED, message->params);
  } else if (str_eq(message->method, STR("notifications/cancelled"))) {
    mcp_question_cancelled(upstream, message->params);
  } else {
    bool is_log = str_eq(message->method, STR("notifications/message"));
    struct mcp_request *owner = request && request->notified ? request : only_one(upstream);
    if (request && !request->notified) return;
    if (owner)
      owner->notified(owner, message->method, message->params);
    else if (is_log && upstream->n_active == 0)
      tell_whole(upstream, MCP_MESSAGE, message->params);
  }
}

/* `text`: as the message came, where it may be passed on as that; or STR_NONE. */
static enum err_code receive_one(struct mcp_upstream *upstream, struct mcp_request *request, yyjson_val *value,
                                 struct str text, struct err *err) {
  struct jsonrpc_message message;
  struct err problem;
  if (jsonrpc_classify(value, &message, &problem) != ERR_NONE)
    return err_set(err, ERR_UPSTREAM, "sent what is no JSON-RPC message: %s", problem.text);
  if (message.kind == JSONRPC_RESPONSE) return on_response(upstream, request, &message, value, text, err);
  if (message.kind == JSONRPC_NOTIFICATION)
    on_notification(upstream, request, &message);
  else
    mcp_question(upstream, request, &message);
  return ERR_NONE;
}

enum err_code mcp_receive(struct mcp_upstream *upstream, struct mcp_request *request, struct str text,
                          struct err *err) {
  struct arena arena;
  struct err problem;
  yyjson_doc *doc;
  arena_init(&arena, LIMIT_MCP_PARSE);
  enum err_code code = json_read_verbatim(&arena, text, &doc, &problem);
  if (code != ERR_NONE) {
    err_set(err, code == ERR_INVALID ? ERR_UPSTREAM : code, "sent what is no JSON: %s", problem.text);
    arena_release(&arena);
    return err->code;
  }
  if (mcp_credential_blot(upstream->credential, yyjson_doc_get_root(doc)) || !json_span_is_line(text)) text = STR_NONE;
  if (yyjson_is_arr(yyjson_doc_get_root(doc))) { /* batches were in 2025-03-26 */
    size_t i, n;
    yyjson_val *item;
    yyjson_arr_foreach(yyjson_doc_get_root(doc), i, n, item) {
      if (code == ERR_NONE && i < LIMIT_JSONRPC_BATCH) code = receive_one(upstream, request, item, STR_NONE, err);
    }
  } else {
    code = receive_one(upstream, request, yyjson_doc_get_root(doc), text, err);
  }
  arena_release(&arena);
  return code == ERR_NONE ? ERR_NONE : err->code;
}
