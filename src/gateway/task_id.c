/* {"c": connection, "t": tool, "i": the server's id, "h": the server of ours (node_id) that began it, "l": true where
 * it was begun in the legacy era}, sealed. */
#include "gateway/task_id.h"

#include "base/limits.h"
#include "gateway/pipeline.h"
#include "gateway/seal.h"
#include "gateway/worker.h"

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
  buf_append_c(&out, ",\"i\":");
  json_write_str(&out, id);
  buf_printf(&out, ",\"h\":%u", call->exchange->worker->server->node_id);
  buf_append_c(&out, call->envelope.revision->era == MCP_LEGACY ? ",\"l\":true}" : "}");
  return buf_failed(&out) ? STR_NONE : seal_task(arena, principal->snapshot, principal->user, buf_str(&out));
}

static const struct connector_connection *find_connection(const struct org_snapshot *snapshot, struct uuid id) {
  for (size_t i = 0; i < snapshot->n_connections; i++) {
    if (uuid_eq(snapshot->connections[i].policy.id, id)) return &snapshot->connections[i];
  }
  return NULL;
}

/* What was not accepted, or is no more, is hidden: what it began is as well. */
static const struct connector_tool *find_tool(const struct connector_connection *connection, struct str name) {
  const struct connector_catalogue *catalogue = connection->catalogue;
  for (size_t i = 0; catalogue && i < catalogue->n_tools; i++) {
    if (str_eq(catalogue->tools[i]->name, name)) return catalogue->tools[i];
  }
  return NULL;
}

bool task_find(const struct org_snapshot *snapshot, struct str connector, struct uuid connection_id, struct str tool,
               struct task *ret_task) {
  struct task task = {.connection = find_connection(snapshot, connection_id)};
  if (!task.connection || (connector.n && !str_eq(task.connection->connector->id, connector))) return false;
  task.tool = find_tool(task.connection, tool);
  if (!task.tool) return false;
  *ret_task = task;
  return true;
}

bool task_id_open(const struct exchange *exchange, enum mcp_era era, struct str sealed, struct task *ret_task) {
  const struct principal *principal = &exchange->principal;
  struct str plain;
  struct uuid id;
  yyjson_doc *doc;
  if (!sealed.n || !unseal_task(exchange->arena, principal->snapshot, principal->user, sealed, &plain) ||
      json_read(exchange->arena, plain, &doc, NULL) != ERR_NONE)
    return false;
  yyjson_val *content = yyjson_doc_get_root(doc);
  bool is_legacy = yyjson_is_true(json_get(content, "l"));
  if (is_legacy != (era == MCP_LEGACY) || !uuid_parse(json_get_str(content, "c"), &id)) return false;
  if (!task_find(principal->snapshot, exchange->path_connector, id, json_get_str(content, "t"), ret_task)) return false;
  ret_task->id = json_get_str(content, "i");
  return true;
}
