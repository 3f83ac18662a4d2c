/* What an upstream's three wires have in common. */
#include "connector/mcp/home.h"

void mcp_wire_open(struct mcp_upstream *upstream) {
  upstream->wire = upstream->target->command ? MCP_WIRE_CHILD : MCP_WIRE_HTTP;
  if (upstream->wire == MCP_WIRE_CHILD)
    mcp_child_open(upstream);
  else
    mcp_shake_hands(upstream);
}

void mcp_wire_send(struct mcp_request *request) {
  switch (request->upstream->wire) {
    case MCP_WIRE_HTTP:
      mcp_http_send(request);
      return;
    case MCP_WIRE_SSE:
      mcp_sse_send(request);
      return;
    case MCP_WIRE_CHILD:
      mcp_child_send(request);
      return;
  }
}

void mcp_wire_post(struct mcp_upstream *upstream, struct str message) {
  if (upstream->wire == MCP_WIRE_CHILD)
    mcp_child_post(upstream, message);
  else
    mcp_http_post(upstream, message);
}

void mcp_wire_close(struct mcp_upstream *upstream) {
  if (upstream->wire == MCP_WIRE_CHILD)
    mcp_child_close(upstream);
  else if (upstream->wire == MCP_WIRE_SSE)
    mcp_sse_close(upstream);
  else
    mcp_http_end_session(upstream);
}

void mcp_wire_quiet(struct mcp_upstream *upstream) {
  if (upstream->wire == MCP_WIRE_CHILD)
    mcp_child_close(upstream);
  else
    mcp_listen_rest(upstream);
}

bool mcp_wire_is_closed(const struct mcp_upstream *upstream) {
  return !upstream->child && upstream->n_streams == 0;
}

/* 2026-07-28, basic/patterns/cancellation: over HTTP the end of the stream says it. */
void mcp_wire_cancel(struct mcp_request *request, const char *why) {
  struct mcp_upstream *upstream = request->upstream;
  if (request->is_shaking_hands && !request->is_modern) return; /* initialize must not be cancelled */
  if (upstream->wire == MCP_WIRE_HTTP && mcp_request_is_modern(request)) return;
  struct buf out;
  buf_init(&out, NULL, 4 * KIB);
  buf_append_c(&out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":");
  buf_append_u64(&out, request->id);
  buf_append_c(&out, ",\"reason\":");
  json_write_str(&out, str_of(why));
  buf_append_c(&out, "}}");
  if (!buf_failed(&out)) mcp_wire_post(upstream, buf_str(&out));
  buf_release(&out);
}
