/* tools/list: what this user's assistant may call, in order of name, in pages. The cursor is the last name of the page
 * before, sealed for this user: a list that changes meanwhile loses and doubles nothing else. */
#include "base/limits.h"
#include "gateway/pipeline.h"
#include "gateway/seal.h"
#include "mcp/result.h"

/* The first tool after `name`. */
static size_t position_after(const struct toolset *toolset, struct str name) {
  size_t i = 0;
  while (i < toolset->n_tools && str_cmp(toolset->tools[i].tool->public_name, name) <= 0)
    i++;
  return i;
}

enum stage_verdict method_tools_list(struct call *call) {
  struct exchange *exchange = call->exchange;
  const struct principal *principal = &exchange->principal;
  struct arena *arena = exchange->arena;
  const struct toolset *toolset = exchange_toolset(exchange);
  if (!toolset) return call_fail(call, 503, 503, "Out of memory");

  size_t i = 0;
  yyjson_val *cursor = json_get(call->message.params, "cursor");
  struct str last_name;
  if (cursor) {
    if (!unseal_text(arena, principal->snapshot, principal->user, "cursor", json_str(cursor), &last_name))
      return call_fail(call, 0, JSONRPC_INVALID_PARAMS, "Invalid params: no such cursor");
    i = position_after(toolset, last_name);
  }

  struct buf *out = &call->result;
  enum mcp_era era = call->envelope.revision->era;
  mcp_result_open(out, era);
  mcp_result_comma(out);
  buf_append_c(out, "\"tools\":[");
  size_t end = toolset->n_tools - i > LIMIT_TOOLS_PAGE ? i + LIMIT_TOOLS_PAGE : toolset->n_tools;
  for (size_t first = i; i < end; i++) {
    if (i > first) buf_append_byte(out, ',');
    buf_append_str(out, toolset->tools[i].json);
  }
  buf_append_byte(out, ']');
  if (end < toolset->n_tools) {
    struct str next =
        seal_text(arena, principal->snapshot, principal->user, "cursor", toolset->tools[end - 1].tool->public_name);
    if (!next.p) return call_fail(call, 503, 503, "Out of memory");
    buf_append_c(out, ",\"nextCursor\":");
    json_write_str(out, next);
  }
  if (era == MCP_MODERN) mcp_write_cache_hints(out);
  buf_append_byte(out, '}');
  return STAGE_NEXT;
}
