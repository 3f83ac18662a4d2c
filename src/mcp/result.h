/* Results as each era has them. All take and give JSON text; nothing here knows where it came from. */
#ifndef CONNEK_MCP_RESULT_H
#define CONNEK_MCP_RESULT_H

#include "base/buf.h"
#include "mcp/protocol.h"

/* Opens a result object: modern ones begin with resultType and our serverInfo. Members follow, each beginning with a
 * comma but the first; `mcp_result_comma` writes it where one is due. Close with "}". */
void mcp_result_open(struct buf *out, enum mcp_era era);
void mcp_result_comma(struct buf *out);

/* The member of a modern result's _meta that says who we are. */
void mcp_write_server_info(struct buf *out);

/* What a user's server can: for `initialize` and `server/discover`. Tools there always are. */
struct mcp_capabilities {
  bool has_prompts, has_resources, has_subscriptions, has_completions, has_logging;
  bool has_tasks;          /* as its era has them: an extension, or 2025-11-25's own */
  struct str extensions;   /* a JSON object; empty: none */
  struct str instructions; /* a text that follows ours; empty: none */
};
void mcp_write_initialize(struct buf *out, const struct mcp_revision *revision,
                          const struct mcp_capabilities *capabilities);
void mcp_write_discover(struct buf *out, const struct mcp_capabilities *capabilities);
/* {"ttlMs":...,"cacheScope":"private"} members, for modern lists. */
void mcp_write_cache_hints(struct buf *out);

struct mcp_tool_result {
  struct str text;       /* one text block, where `content` is empty */
  struct str content;    /* a JSON array, verbatim */
  struct str structured; /* a JSON object, or empty */
  bool is_error;
};
void mcp_write_tool_result(struct buf *out, enum mcp_era era, const struct mcp_tool_result *result);

#endif
