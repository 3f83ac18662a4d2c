/* Which log messages a legacy server sends: one level for a session that many share, the least severe that anybody has
 * asked for. What is more than a client wants is left out for it later on. Modern servers are told with each request.
 */
#include "connector/mcp/home.h"

/* From the most severe on; 0: none of them. */
static unsigned rank_of(struct str level) {
  static const char *const levels[] = {"emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"};
  for (unsigned i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
    if (str_eq_c(level, levels[i])) return i + 1;
  return 0;
}

void mcp_session_log_level(struct mcp_upstream *upstream, struct str level) {
  unsigned rank = rank_of(level);
  if (upstream->era != MCP_ERA_LEGACY || !upstream->has_logging || rank <= upstream->log_level) return;
  upstream->log_level = rank;
  struct buf out;
  buf_init(&out, NULL, 1 * KIB);
  buf_append_c(&out, "{\"jsonrpc\":\"2.0\",\"id\":");
  buf_append_u64(&out, ++upstream->last_id); /* its answer is nobody's */
  buf_append_c(&out, ",\"method\":\"logging/setLevel\",\"params\":{\"level\":");
  json_write_str(&out, level);
  buf_append_c(&out, "}}");
  if (!buf_failed(&out)) mcp_wire_post(upstream, buf_str(&out));
  buf_release(&out);
}
