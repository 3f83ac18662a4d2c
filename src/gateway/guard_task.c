/* Tasks (the extension io.modelcontextprotocol/tasks): a task's id is ours, sealed for the user whose call began it. It
 * names connection, tool and the server's own id, so that any worker finds the server again and policy is asked each
 * time, by the tool. Another's id is unknown. {"c": connection, "t": tool, "d": does, "i": the server's id} */
#include "base/limits.h"
#include "gateway/guard.h"
#include "gateway/seal.h"
#include "gateway/task_id.h"

#define EXTENSION "io.modelcontextprotocol/tasks"

enum { PLAIN_MAX = 2 * KIB };

struct str task_id_seal(struct call *call, struct str id) {
  const struct principal *principal = &call->exchange->principal;
  struct arena *arena = call->exchange->arena;
  char connection[UUID_TEXT_SIZE];
  struct buf out;
  if (call_verb(call) == CONNECTOR_TASK) return json_get_str(call->message.params, "taskId");
  buf_init(&out, arena, PLAIN_MAX);
  uuid_format(call->connection->policy.id, connection);
  buf_printf(&out, "{\"c\":\"%s\",\"t\":", connection);
  json_write_str(&out, call->tool->tool->name);
  buf_printf(&out, ",\"d\":\"%s\",\"i\":", policy_does_name(call->tool->tool->does));
  json_write_str(&out, id);
  buf_append_byte(&out, '}');
  return buf_failed(&out) ? STR_NONE : seal_task(arena, principal->snapshot, principal->user, buf_str(&out));
}

static const struct connector_connection *find_connection(const struct org_snapshot *snapshot, struct uuid id) {
  for (size_t i = 0; i < snapshot->n_connections; i++) {
    if (uuid_eq(snapshot->connections[i].policy.id, id)) return &snapshot->connections[i];
  }
  return NULL;
}

static bool read_id(struct call *call, struct str sealed, struct str *ret_tool) {
  struct exchange *exchange = call->exchange;
  const struct principal *principal = &exchange->principal;
  struct str plain;
  struct uuid connection;
  yyjson_doc *doc;
  if (!unseal_task(exchange->arena, principal->snapshot, principal->user, sealed, &plain) ||
      json_read(exchange->arena, plain, &doc, NULL) != ERR_NONE)
    return false;
  yyjson_val *content = yyjson_doc_get_root(doc);
  if (!uuid_parse(json_get_str(content, "c"), &connection) ||
      !policy_does_parse(json_get_str(content, "d"), &call->does))
    return false;
  call->connection = find_connection(principal->snapshot, connection);
  call->uri = json_get_str(content, "i");
  *ret_tool = json_get_str(content, "t");
  return call->connection != NULL;
}

static enum stage_verdict refuse_undeclared(struct call *call) {
  call_fail(call, 400, MCP_MISSING_CLIENT_CAPABILITY, "Tasks need the client's capability " EXTENSION);
  call->failure.data = STR("{\"requiredCapabilities\":{\"extensions\":{\"" EXTENSION "\":{}}}}");
  return STAGE_FAIL;
}

enum stage_verdict guard_task(struct call *call) {
  struct str sealed = json_get_str(call->message.params, "taskId"), tool;
  yyjson_val *extensions = json_get(call->envelope.client_capabilities, "extensions");
  if (!yyjson_is_obj(json_get(extensions, EXTENSION))) return refuse_undeclared(call);
  if (!sealed.n || !read_id(call, sealed, &tool)) {
    call->connection = NULL;
    call->does = DOES_READ;
    call->reason = STR("unknown_task");
    return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: there is no such task");
  }
  call->connector = call->connection->connector;
  enum stage_verdict verdict = guard_decide(call, POLICY_TASK, tool, tool);
  if (str_eq(call->message.method, STR("tasks/get"))) call->does = DOES_READ; /* to look is no deed */
  return verdict;
}
