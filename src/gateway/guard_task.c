/* May this principal ask about this task, answer it, cancel it? Who may call its tool may. In the modern era tasks are
 * an extension (io.modelcontextprotocol/tasks), in the legacy one a part of 2025-11-25; an id is good in the era where
 * the task was begun. */
#include "base/limits.h"
#include "gateway/guard.h"
#include "gateway/task_id.h"

bool guard_knows_tasks(const struct call *call) {
  yyjson_val *extensions = json_get(call->envelope.client_capabilities, "extensions");
  return call->envelope.revision->era == MCP_LEGACY || yyjson_is_obj(json_get(extensions, TASKS_EXTENSION));
}

enum stage_verdict guard_refuse_undeclared(struct call *call) {
  call_fail(call, 400, MCP_MISSING_CLIENT_CAPABILITY, "Tasks need the client's capability " TASKS_EXTENSION);
  call->failure.data = STR("{\"requiredCapabilities\":{\"extensions\":{\"" TASKS_EXTENSION "\":{}}}}");
  return STAGE_FAIL;
}

static enum stage_verdict refuse_unknown(struct call *call) {
  call->does = DOES_READ;
  call->reason = STR("unknown_task");
  return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: there is no such task");
}

/* To look is no deed. */
static bool is_deed(struct str method) {
  return str_eq(method, STR("tasks/update")) || str_eq(method, STR("tasks/cancel"));
}

enum stage_verdict guard_task_named(struct call *call, struct str id) {
  struct task task;
  if (!task_id_open(call->exchange, call->envelope.revision->era, id, &task)) return refuse_unknown(call);
  call->connection = task.connection;
  call->connector = task.connection->connector;
  call->uri = task.id;
  call->task_tool = task.tool;
  call->does = task.tool->does;
  enum stage_verdict verdict = guard_decide(call, POLICY_TASK, task.tool->name, task.tool->public_name);
  if (!is_deed(call->message.method)) call->does = DOES_READ;
  return verdict;
}

enum stage_verdict guard_task(struct call *call) {
  yyjson_val *params = call->message.params;
  if (!guard_knows_tasks(call)) return guard_refuse_undeclared(call);
  /* What the person answered is on record as arguments are. */
  if (!guard_read_arguments(call, json_get(params, "inputResponses"))) return STAGE_FAIL;
  return guard_task_named(call, json_get_str(params, "taskId"));
}
