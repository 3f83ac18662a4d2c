/* What a request says about itself: its revision, its client, and the headers that must repeat what its body says. */
#ifndef CONNEK_MCP_ENVELOPE_H
#define CONNEK_MCP_ENVELOPE_H

#include "base/arena.h"
#include "codec/jsonrpc.h"
#include "mcp/protocol.h"

/* The request's fields that speak of the message. STR_NONE: absent. A field that appears twice has `is_repeated`. */
struct mcp_headers {
  struct str protocol_version, method, name;
  bool is_repeated;
};

struct mcp_envelope {
  const struct mcp_revision *revision;
  struct str client_name, client_version; /* as the client says; may be empty */
  struct str traceparent;                 /* from _meta; may be empty */
  yyjson_val *client_capabilities;        /* an object, or NULL: modern requests say them, and `initialize` */
  yyjson_val *progress_token;             /* a string or an integer, or NULL: it wants no progress */
  int log_level;                          /* -1: none. Modern requests say it; legacy ones by session */
};

/* Why a message cannot be served: a JSON-RPC code, its text, its data (JSON or empty), and HTTP's status. */
struct mcp_refusal {
  int code;
  int http_status;
  struct str text;
  struct str data;
};

/* Decides the era (2026-07-28, versioning: "a request carrying modern per-request _meta is served statelessly";
 * `initialize` selects legacy) and holds the message against the rules of its revision. False: refused. Text lives in
 * the arena. */
bool mcp_envelope_read(struct arena *arena, const struct jsonrpc_message *message, const struct mcp_headers *headers,
                       struct mcp_envelope *ret_envelope, struct mcp_refusal *ret_refusal) MUST_CHECK;

/* The member of params that Mcp-Name repeats (2026-07-28, transports, Standard Request Headers; the Tasks extension,
 * Routing Headers). NULL: the method has none. */
const char *mcp_named_member(struct str method);

#endif
