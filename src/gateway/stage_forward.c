/* Is what a request names at home at another server: a legacy session, a task, a question that waits to be answered?
 * Then it goes there. Where no others are, nobody looks. */
#include "gateway/forward.h"
#include "gateway/pipeline.h"
#include "gateway/seal.h"
#include "gateway/worker.h"

static bool is_initialize(yyjson_val *message) {
  return str_eq(json_get_str(message, "method"), STR("initialize"));
}

/* A client that begins anew may still say the id that it had. */
static bool begins_anew(const struct exchange *exchange) {
  yyjson_doc *doc;
  yyjson_val *message;
  size_t i, n;
  if (!str_eq(exchange->http->method, STR("POST")) ||
      json_read(exchange->arena, exchange->http->body, &doc, NULL) != ERR_NONE)
    return false;
  yyjson_val *root = yyjson_doc_get_root(doc);
  if (!yyjson_is_arr(root)) return is_initialize(root);
  yyjson_arr_foreach(root, i, n, message) if (is_initialize(message)) return true;
  return false;
}

static bool has_word(struct str body, const char *word) {
  return body.n && memmem(body.p, body.n, word, strlen(word));
}

/* The server that a state or a task's id names: of those that this user was given. */
static bool names_node(const struct exchange *exchange, uint32_t *ret_node) {
  const struct principal *principal = &exchange->principal;
  struct arena *arena = exchange->arena;
  struct str body = exchange->http->body, plain;
  yyjson_doc *doc;
  bool has_state = has_word(body, "\"requestState\"");
  if ((!has_state && !has_word(body, "\"taskId\"")) || json_read(arena, body, &doc, NULL) != ERR_NONE) return false;
  yyjson_val *params = json_get(yyjson_doc_get_root(doc), "params");
  struct str sealed = json_get_str(params, has_state ? "requestState" : "taskId");
  bool is_ours = sealed.n && (has_state ? unseal_state(arena, principal->snapshot, principal->user, sealed, &plain)
                                        : unseal_task(arena, principal->snapshot, principal->user, sealed, &plain));
  if (!is_ours || json_read(arena, plain, &doc, NULL) != ERR_NONE) return false;
  yyjson_val *node = json_get(yyjson_doc_get_root(doc), "h");
  if (!yyjson_is_uint(node) || yyjson_get_uint(node) > UINT32_MAX) return false;
  *ret_node = (uint32_t)yyjson_get_uint(node);
  return true;
}

/* A session's server that is gone has taken it along. */
static enum stage_verdict forward_session(struct exchange *exchange, uint32_t node) {
  char address[LIMIT_NODE_ADDRESS + 1];
  if (exchange->is_forwarded || !nodes_find(exchange->worker->server->nodes, node, address))
    return exchange_refuse(exchange, 404, 404, "No such session: begin again with initialize");
  /* One that nobody can forward to: what needs no state is served here. */
  return address[0] && exchange->worker->peers ? forward_begin(exchange, address) : STAGE_NEXT;
}

/* Whatever else is served here as well as it can be: the MCP server may know the task at another connection too. */
static enum stage_verdict forward_other(struct exchange *exchange) {
  char address[LIMIT_NODE_ADDRESS + 1];
  const struct worker *worker = exchange->worker;
  uint32_t node;
  bool is_elsewhere = !exchange->is_forwarded && worker->peers && names_node(exchange, &node) &&
                      node != worker->server->node_id && nodes_find(worker->server->nodes, node, address);
  return is_elsewhere && address[0] ? forward_begin(exchange, address) : STAGE_NEXT;
}

enum stage_verdict stage_forward(struct exchange *exchange) {
  const struct principal *principal = &exchange->principal;
  const struct server *server = exchange->worker->server;
  struct session session;
  bool is_modern = exchange->named && exchange->named->era == MCP_MODERN;
  if (!server->nodes || !nodes_are_several(server->nodes)) return STAGE_NEXT;
  if (is_modern || !exchange->session.n) return forward_other(exchange);
  if (!session_check(exchange->arena, principal->snapshot, principal->user, exchange->session, &session) ||
      session.node == server->node_id || begins_anew(exchange))
    return STAGE_NEXT;
  return forward_session(exchange, session.node);
}
