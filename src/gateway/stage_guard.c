/* May this principal call this tool, on this connection, with these arguments? The tools that tools/list shows and
 * those that can be called come from the same set, made by the same policy_decide. */
#include "base/limits.h"
#include "codec/utf8.h"
#include "gateway/arguments.h"
#include "gateway/page_cursor.h"
#include "gateway/pipeline.h"
#include "gateway/tool_answer.h"
#include "gateway/worker.h"

/* Says no as a tool's result, which the assistant can read to its person (MCP, tools, Error Handling). */
PRINTF_LIKE(3, 4) static enum stage_verdict deny(struct call *call, struct str reason, const char *format, ...) {
  va_list arguments;
  char text[ERR_TEXT_SIZE];
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  call->is_allowed = false;
  call->reason = reason.p ? reason : STR("denied");
  call->outcome = AUDIT_NONE;
  tool_answer_error(call, text);
  return STAGE_DONE;
}

static enum stage_verdict deny_by_policy(struct call *call, const struct connector_connection *connection,
                                         const struct policy_decision *decision) {
  struct exchange *exchange = call->exchange;
  const struct org_snapshot *snapshot = exchange->principal.snapshot;
  struct str name = json_get_str(call->message.params, "name");
  struct str reason = policy_reason_text(exchange->arena, decision);
  call->connection = connection;
  if (decision->effect == POLICY_ASK)
    return deny(call, reason, "%.*s needs an approval, and approvals are not available yet: it was not done.",
                STR_ARG(name));
  if (decision->reason == POLICY_NOT_LOADED)
    return deny(call, reason, "The access rules of %.*s could not be loaded, so every call is refused. Tell an admin.",
                STR_ARG(snapshot->name));
  return deny(call, reason,
              "You are not permitted to use %.*s: no role of yours allows it. This was recorded. Ask an admin of %.*s "
              "for access.",
              STR_ARG(name), STR_ARG(snapshot->name));
}

static enum stage_verdict refuse_absent(struct call *call, struct str name) {
  struct exchange *exchange = call->exchange;
  struct toolset_denial denial;
  if (toolset_why_absent(exchange->principal.snapshot, exchange->principal.user, name, &denial) == TOOLSET_DENIED) {
    call->does = denial.tool->does;
    return deny_by_policy(call, denial.connection, &denial.decision);
  }
  call->reason = STR("unknown_tool");
  return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Unknown tool: %.*s", STR_ARG(utf8_cut(name, 128)));
}

/* Which connection does the call mean? NULL: none of those it may use; `err` says what to name. */
static const struct connector_connection *choose_connection(struct call *call, struct err *err) {
  const struct toolset_tool *tool = call->tool;
  if (!tool->account_argument) return tool->n_connections ? tool->connections[0] : NULL;
  struct str wanted = json_get_str(call->arguments, tool->account_argument);
  for (size_t i = 0; i < tool->n_connections; i++) {
    if (str_eq(tool->connections[i]->policy.name, wanted)) return tool->connections[i];
  }
  struct buf names;
  buf_init(&names, call->exchange->arena, ERR_TEXT_SIZE);
  for (size_t i = 0; i < tool->n_connections && names.n < ERR_TEXT_SIZE / 2; i++)
    buf_printf(&names, "%s%.*s", i ? ", " : "", STR_ARG(tool->connections[i]->policy.name));
  err_set(err, ERR_INVALID, "%s: must be one of %.*s", tool->account_argument, STR_ARG(buf_str(&names)));
  return NULL;
}

static enum stage_verdict refuse_arguments(struct call *call, const struct err *err) {
  call->outcome = AUDIT_ERROR;
  call->error = ERR_INVALID;
  tool_answer_error(call, err->text);
  return STAGE_DONE;
}

/* Nothing was decided yet: it is not known what the call would be. */
static enum stage_verdict refuse_cursor(struct call *call, const struct err *err) {
  call->reason = STR("unknown_cursor");
  return refuse_arguments(call, err);
}

static bool read_params(struct call *call, struct str *ret_name) {
  struct arena *arena = call->exchange->arena;
  *ret_name = json_get_str(call->message.params, "name");
  yyjson_val *arguments = json_get(call->message.params, "arguments");
  if (!ret_name->n) return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: name is missing") == STAGE_NEXT;
  if (arguments && !yyjson_is_obj(arguments))
    return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: arguments must be an object") == STAGE_NEXT;
  if (!arguments) {
    yyjson_doc *empty;
    if (json_read(arena, STR("{}"), &empty, NULL) != ERR_NONE)
      return call_fail(call, 503, 503, "Out of memory") == STAGE_NEXT;
    arguments = yyjson_doc_get_root(empty);
  }
  struct buf canonical;
  buf_init(&canonical, arena, 2 * LIMIT_HTTP_BODY);
  struct err err;
  if (json_write_canonical(&canonical, arguments, &err) != ERR_NONE || buf_failed(&canonical))
    return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: %s", err.text) == STAGE_NEXT;
  call->arguments = arguments;
  call->arguments_canonical = buf_str(&canonical);
  return true;
}

enum stage_verdict stage_guard(struct call *call) {
  struct exchange *exchange = call->exchange;
  struct err err = {0};
  struct str name;
  call->id = uuid_new();
  call->reason = STR("invalid_params");
  if (!read_params(call, &name)) return STAGE_FAIL;
  const struct toolset *toolset = exchange_toolset(exchange);
  if (!toolset) return call_fail(call, 503, 503, "Out of memory");
  call->tool = toolset_find(toolset, name);
  if (!call->tool) return refuse_absent(call, name);
  call->does = call->tool->tool->does;
  if (page_cursor_open(call, &err) != ERR_NONE) return refuse_cursor(call, &err);

  if (call->tool->connector->kind->needs_rule) {
    call->connection = choose_connection(call, &err);
    if (!call->connection) {
      call->reason = STR("unknown_account");
      return deny(call, call->reason, "%s", err.text);
    }
    if (page_cursor_check(call, &err) != ERR_NONE) return refuse_cursor(call, &err);
    struct policy_action action = {.kind = POLICY_TOOL,
                                   .connection = &call->connection->policy,
                                   .name = call->tool->tool->name,
                                   .does = call->does,
                                   .arguments = call->arguments};
    struct policy_decision decision;
    policy_decide(&exchange->principal.user->principal, &action, &decision);
    if (decision.effect != POLICY_ALLOW) return deny_by_policy(call, call->connection, &decision);
    struct str reason = policy_reason_text(exchange->arena, &decision);
    if (!reason.p) return call_fail(call, 503, 503, "Out of memory");
    call->reason = reason;
  } else {
    call->reason = STR("about_the_caller");
  }
  call->is_allowed = true;

  if (call->tool->account_argument) {
    call->arguments = arguments_without(exchange->arena, call->arguments, call->tool->account_argument);
    if (!call->arguments) return call_fail(call, 503, 503, "Out of memory");
  }
  if (schema_check(call->tool->tool->schema, call->arguments, &err) != ERR_NONE) return refuse_arguments(call, &err);
  return STAGE_NEXT;
}
