/* A result of an MCP server behind us, as our client gets it: everything that it holds, but for what is ours to say. */
#ifndef CONNEK_MCP_PASSED_H
#define CONNEK_MCP_PASSED_H

#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "mcp/protocol.h"

struct mcp_passing {
  struct arena *arena;
  enum mcp_era era;
  bool is_cacheable; /* modern ones of this kind say how long they may be kept (2026-07-28, caching) */
  /* What the server calls otherwise than our client does. NULL: nothing of the kind. STR_NONE: no memory. */
  struct str (*public_uri)(void *context, struct str uri);
  struct str (*public_task)(void *context, struct str task_id);
  void *context;
};

/* The value of a _meta: the task that it says it belongs to (2025-11-25) is the public one. Our own members of a
 * result's are not looked at. */
void mcp_write_meta_value(struct buf *out, struct str name, yyjson_val *value, const struct mcp_passing *passing);

/* `whole`: a JSON object that json_read took: what our client gets otherwise alone is looked for in it. Modern clients
 * get resultType and our serverInfo, legacy ones neither; URIs of resources in contents, content blocks and messages,
 * and ids of tasks become the public ones. */
enum err_code mcp_write_passed(struct buf *out, struct str whole, const struct mcp_passing *passing,
                               struct err *err) MUST_CHECK;

/* The same for the params of a notification: our client's own progress token, level, URI or subscription in place of
 * what the server said. */
struct mcp_notification {
  struct str method;
  struct str progress_token; /* JSON; empty: none */
  struct str subscription;   /* JSON: goes into _meta; empty: none */
  const struct mcp_passing *passing;
};
/* Appends {"jsonrpc","method","params"}. */
enum err_code mcp_write_notification(struct buf *out, struct str params, const struct mcp_notification *notification,
                                     struct err *err) MUST_CHECK;

#endif
