/* What a legacy upstream asks of the client. */
#include "connector/mcp/home.h"

static void answer(struct mcp_upstream *upstream, yyjson_val *id, struct str result, int code, const char *text) {
  struct buf out;
  buf_init(&out, NULL, LIMIT_MCP_MESSAGE);
  if (text)
    jsonrpc_write_error(&out, true, id, code, str_of(text), STR_NONE);
  else
    jsonrpc_write_result(&out, id, result);
  if (!buf_failed(&out)) mcp_wire_post(upstream, buf_str(&out));
  buf_release(&out);
}

void mcp_question(struct mcp_upstream *upstream, struct mcp_request *request, const struct jsonrpc_message *message) {
  if (str_eq(message->method, STR("ping")))
    answer(upstream, message->id, STR("{}"), 0, NULL);
  else
    answer(upstream, message->id, STR_NONE, JSONRPC_METHOD_NOT_FOUND, "the client cannot do that");
}

void mcp_question_cancelled(struct mcp_upstream *upstream, yyjson_val *params) {}
