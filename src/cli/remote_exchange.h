/* One request of MCP, sent and waited for. */
#ifndef CONNEK_CLI_REMOTE_EXCHANGE_H
#define CONNEK_CLI_REMOTE_EXCHANGE_H

#include "cli/remote.h"
#include "codec/json.h"

struct remote_reply {
  int status;
  struct str content_type;
  struct str session;         /* Mcp-Session-Id; or empty */
  struct str text;            /* the answer as it came: JSON; empty where there was none that MCP knows */
  yyjson_val *result, *error; /* of the answer: one of them, or neither */
};

/* Sends `body` (STR_NONE: none) and waits for the answer whose id is `id`, be it JSON or in an event stream. Everything
 * lives in the arena. A reply that is no answer is no failure: see `result` and `error`. */
enum err_code remote_exchange(const struct remote *remote, struct arena *arena, const struct remote_head *head,
                              struct str body, int64_t id, int64_t timeout_ms, struct remote_reply *ret_reply,
                              struct err *err) MUST_CHECK;

#endif
