/* May this principal call this tool? */
#include "codec/utf8.h"
#include "gateway/arguments.h"
#include "gateway/guard.h"
#include "gateway/page_cursor.h"
#include "gateway/parameter_headers.h"
#include "org/tool_json.h"

enum { NAME_SHOWN = 128 };

static enum stage_verdict refuse_absent(struct call *call, struct str name) {
  struct exchange *exchange = call->exchange;
  struct toolset_denial denial;
  if (toolset_why_absent(exchange->principal.snapshot, exchange->principal.user, name, &denial) == TOOLSET_DENIED) {
    call->does = denial.tool->does;
    return guard_deny_by_policy(call, name, denial.connection, &denial.decision);
  }
  call->reason = STR("unknown_tool");
  return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Unknown tool: %.*s", STR_ARG(utf8_cut(name, NAME_SHOWN)));
}

/* Nothing was decided yet: it is not known what the call would be. */
static enum stage_verdict refuse_cursor(struct call *call, const struct err *err) {
  call->reason = STR("unknown_cursor");
  return guard_refuse_arguments(call, err);
}

/* An MCP server's tool that says so means something of its own by any word. */
static bool takes_any_argument(const struct connector_tool *tool) {
  yyjson_val *more = json_get(tool->input_schema, "additionalProperties");
  return json_get(tool->input_schema, "patternProperties") || (more && !yyjson_is_false(more));
}

/* Where one connection is left of several, or is the first of them, clients name the one that they know: another is
 * never taken in its place. */
static const char *account_argument(const struct call *call) {
  const struct toolset_tool *tool = call->tool;
  bool has_own = tool->tool->shown && takes_any_argument(tool->tool);
  if (tool->account_argument || has_own || !call->connector->kind->needs_rule) return tool->account_argument;
  const char *name = tool_json_account_argument(tool->tool);
  return name && json_get(call->arguments, name) ? name : NULL;
}

static enum stage_verdict decide_own(struct call *call, struct str name) {
  const struct org_user *user = call->exchange->principal.user;
  struct policy_decision decision;
  toolset_decide_own(&user->principal, user->kind, call->connector, call->tool->tool, &decision);
  if (decision.effect != POLICY_ALLOW) return guard_deny_by_policy(call, name, NULL, &decision);
  call->reason = policy_reason_text(call->exchange->arena, &decision);
  if (!call->reason.p) return call_fail(call, 503, 503, "Out of memory");
  call->max_result = decision.obligations.max_result;
  call->is_allowed = true;
  return STAGE_NEXT;
}

static enum stage_verdict decide(struct call *call, struct str name) {
  const struct toolset_tool *tool = call->tool;
  struct err err = {0};
  if (!call->connector->kind->needs_rule) return decide_own(call, name);
  call->connection = guard_choose(call, tool->connections, tool->n_connections, account_argument(call), &err);
  if (!call->connection) return guard_deny(call, STR("unknown_account"), "%s", err.text);
  if (page_cursor_check(call, &err) != ERR_NONE) return refuse_cursor(call, &err);
  return guard_decide(call, POLICY_TOOL, tool->tool->name, name);
}

/* To an MCP server null may be as good as nothing (2026-07-28, transports, Custom Headers from Tool Parameters: it has
 * no header then), so whether it takes one is its own to say. All else is held against its schema here. */
static enum err_code check_arguments(struct call *call, struct err *err) {
  const struct connector_tool *tool = call->tool->tool;
  enum err_code code = schema_check(tool->schema, call->arguments, err);
  if (code == ERR_NONE || !tool->shown) return code;
  yyjson_val *given = arguments_without_nulls(call->exchange->arena, call->arguments);
  struct err unused;
  bool fits = given && schema_check(tool->schema, given, &unused) == ERR_NONE;
  return fits ? ERR_NONE : code;
}

/* 2025-11-25, tasks: the client says that it wants one, the tool's definition whether it may. Since 2026-07-28 servers
 * decide that, by an extension; there is no bridge between the two, as the older one's questions come on a stream of
 * its own. */
static enum stage_verdict decide_task(struct call *call) {
  const struct connector_catalogue *catalogue = call->connection ? call->connection->catalogue : NULL;
  const struct connector_tool *tool = call->tool->tool;
  struct str support = json_get_str(json_get(tool->shown, "execution"), "taskSupport");
  bool must_be = str_eq(support, STR("required")), may_be = must_be || str_eq(support, STR("optional"));
  if (!catalogue || !catalogue->has_tasks) return STAGE_NEXT;
  if (call->envelope.revision->era == MCP_MODERN) {
    struct err err = {0};
    if (!must_be) return STAGE_NEXT;
    err_set(
        &err, ERR_INVALID,
        "%.*s runs only as a task of MCP 2025-11-25, which this client cannot begin: it speaks a later revision. Use "
        "one that speaks 2025-11-25",
        STR_ARG(tool->public_name));
    return guard_refuse_arguments(call, &err);
  }
  call->wants_task = yyjson_is_obj(json_get(call->message.params, "task"));
  if (!call->wants_task || may_be) return STAGE_NEXT;
  return call_fail(call, 0, JSONRPC_METHOD_NOT_FOUND, "%.*s cannot run as a task: call it without one",
                   STR_ARG(tool->public_name));
}

enum stage_verdict guard_tool(struct call *call) {
  struct err err = {0};
  struct str name = json_get_str(call->message.params, "name");
  if (!name.n) return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: name is missing");
  if (!guard_read_arguments(call, json_get(call->message.params, "arguments"))) return STAGE_FAIL;
  const struct toolset *toolset = exchange_toolset(call->exchange);
  if (!toolset) return call_fail(call, 503, 503, "Out of memory");
  call->tool = toolset_find(toolset, name);
  if (!call->tool) return refuse_absent(call, name);
  call->connector = call->tool->connector;
  call->does = call->tool->tool->does;
  if (!parameter_headers_match(call, &err)) return call_fail(call, 400, MCP_HEADER_MISMATCH, "%s", err.text);
  if (page_cursor_open(call, &err) != ERR_NONE) return refuse_cursor(call, &err);
  enum stage_verdict verdict = decide(call, name);
  if (verdict != STAGE_NEXT) return verdict;
  if (!guard_drop_account(call, account_argument(call))) return STAGE_FAIL;
  return check_arguments(call, &err) == ERR_NONE ? decide_task(call) : guard_refuse_arguments(call, &err);
}
