/* Where a call and its MCP server call things differently. */
#include "gateway/action.h"

#include "base/limits.h"
#include "gateway/exchange_stream.h"
#include "gateway/pipeline.h"
#include "gateway/task_id.h"
#include "gateway/worker.h"
#include "mcp/log_level.h"

static struct str public_uri(void *context, struct str uri) {
  struct call *call = context;
  const struct toolset *toolset = exchange_toolset(call->exchange);
  return toolset ? toolset_public_uri(toolset, call->exchange->arena, call->connection, uri) : STR_NONE;
}

/* Tools begin them, and they are asked about. */
static bool may_have_task(const struct call *call) {
  bool may_begin = call->tool && (call->wants_task || call->envelope.revision->era == MCP_MODERN);
  return call->connection && (call_verb(call) == CONNECTOR_TASK || may_begin);
}

static struct str public_task(void *context, struct str id) {
  return task_id_seal(context, id);
}

void action_passing(struct call *call, struct mcp_passing *ret_passing) {
  struct exchange *exchange = call->exchange;
  const struct toolset *toolset = exchange_toolset(exchange);
  bool has_resources = toolset && call->connection && toolset->n_resources + toolset->n_templates > 0;
  *ret_passing = (struct mcp_passing){.arena = exchange->arena,
                                      .era = call->envelope.revision->era,
                                      .is_cacheable = call_verb(call) == CONNECTOR_RESOURCE,
                                      .public_uri = has_resources ? public_uri : NULL,
                                      .public_task = may_have_task(call) ? public_task : NULL,
                                      .context = call};
}

yyjson_val *action_capabilities(const struct call *call) {
  struct exchange *exchange = call->exchange;
  yyjson_doc *doc;
  if (call->envelope.revision->era == MCP_MODERN) return call->envelope.client_capabilities;
  if (!exchange->has_session || json_read(exchange->arena, exchange->held.capabilities, &doc, NULL) != ERR_NONE)
    return NULL;
  return yyjson_doc_get_root(doc);
}

/* Until it says otherwise, a legacy client hears all. */
static int level_of_session(const struct exchange *exchange) {
  int level = exchange->has_session ? session_log_level(exchange->worker, &exchange->held) : -1;
  return level < 0 ? 0 : level;
}

static int level_of(const struct call *call) {
  return call->envelope.revision->era == MCP_LEGACY ? level_of_session(call->exchange) : call->envelope.log_level;
}

void action_client(const struct call *call, struct connector_client *ret_client) {
  const struct mcp_envelope *envelope = &call->envelope;
  bool is_legacy = envelope->revision->era == MCP_LEGACY;
  /* Parsed for those alone who ask through us: MCP servers. */
  bool is_passed_on = call->connection && call->connection->catalogue;
  *ret_client =
      (struct connector_client){.capabilities = is_legacy && !is_passed_on ? NULL : action_capabilities(call),
                                .name = is_legacy ? call->exchange->held.client : envelope->client_name,
                                .version = envelope->client_version,
                                .wants_progress = envelope->progress_token != NULL && call->exchange->accepts_stream};
  if (call->exchange->accepts_stream) ret_client->log_level = mcp_log_level_name(level_of(call));
}

/* Progress is for who gave a token, log messages for who wants this level; what is not about this call is for others:
 * of tasks too, since on a channel that all share one could be anybody's. */
static bool is_wanted(const struct call *call, struct str method, struct str params, struct arena *scratch) {
  yyjson_doc *doc;
  if (str_eq(method, STR("notifications/progress"))) return call->envelope.progress_token != NULL;
  if (str_eq(method, STR("notifications/message"))) {
    int wanted = level_of(call);
    if (wanted < 0 || json_read_verbatim(scratch, params, &doc, NULL) != ERR_NONE) return false;
    return mcp_log_level(json_get_str(yyjson_doc_get_root(doc), "level")) >= wanted;
  }
  return str_starts(method, STR("notifications/")) && !str_ends(method, STR("/list_changed")) &&
         !str_starts(method, STR("notifications/tasks")) && !str_eq(method, STR("notifications/cancelled")) &&
         !str_eq(method, STR("notifications/resources/updated"));
}

static void write_token(struct buf *out, const struct call *call, struct str method) {
  if (str_eq(method, STR("notifications/progress"))) json_write_value(out, call->envelope.progress_token);
}

void action_notify(struct connector_call *invocation, struct str method, struct str params) {
  struct call *call = (struct call *)((char *)invocation - offsetof(struct call, invocation));
  struct arena scratch;
  struct buf message, token;
  struct mcp_passing passing;
  if (call->is_cancelled || call->n_notified >= LIMIT_NOTIFICATIONS) return;
  arena_init(&scratch, LIMIT_HTTP_REQUEST_ARENA);
  if (is_wanted(call, method, params, &scratch)) {
    buf_init(&message, &scratch, LIMIT_HTTP_REQUEST_ARENA);
    buf_init(&token, &scratch, 8 * LIMIT_JSONRPC_ID);
    write_token(&token, call, method);
    action_passing(call, &passing);
    passing.arena = &scratch;
    const struct mcp_notification notification = {
        .method = method, .progress_token = buf_str(&token), .passing = &passing};
    if (mcp_write_notification(&message, params, &notification, NULL) == ERR_NONE &&
        exchange_send(call->exchange, buf_str(&message), true))
      call->n_notified++;
  }
  arena_release(&scratch);
}
