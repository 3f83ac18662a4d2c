/* Era, revision and header rules of one message. Knows the protocol alone: no principal, no tools, no sockets. */
#include "mcp/envelope.h"

#include "codec/mirror.h"
#include "codec/utf8.h"
#include "mcp/log_level.h"

static bool refuse(struct mcp_refusal *refusal, int code, int http_status, struct str text) {
  *refusal = (struct mcp_refusal){.code = code, .http_status = http_status, .text = text};
  return false;
}

static bool refuse_version(struct arena *arena, struct mcp_refusal *refusal, struct str requested) {
  struct buf data;
  buf_init(&data, arena, 4096);
  buf_append_c(&data, "{\"supported\":");
  buf_append_str(&data, mcp_revisions_json());
  buf_append_c(&data, ",\"requested\":");
  json_write_str(&data, utf8_cut(requested, 64));
  buf_append_c(&data, "}");
  refuse(refusal, MCP_UNSUPPORTED_VERSION, 400, STR("Unsupported protocol version"));
  if (!buf_failed(&data)) refusal->data = buf_str(&data);
  return false;
}

const char *mcp_named_member(struct str method) {
  static const struct {
    struct str method;
    const char *member;
  } named[] = {
      {STR("tools/call"), "name"},  {STR("prompts/get"), "name"},    {STR("resources/read"), "uri"},
      {STR("tasks/get"), "taskId"}, {STR("tasks/update"), "taskId"}, {STR("tasks/cancel"), "taskId"},
  };
  for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
    if (str_eq(method, named[i].method)) return named[i].member;
  }
  return NULL;
}

static bool headers_match(struct arena *arena, const struct jsonrpc_message *message, const struct mcp_headers *headers,
                          struct str version, struct mcp_refusal *refusal) {
  if (headers->is_repeated)
    return refuse(refusal, MCP_HEADER_MISMATCH, 400, STR("Header mismatch: a request metadata header appears twice"));
  if (!headers->protocol_version.p)
    return refuse(refusal, MCP_HEADER_MISMATCH, 400, STR("Header mismatch: MCP-Protocol-Version is missing"));
  if (!str_eq(headers->protocol_version, version))
    return refuse(refusal, MCP_HEADER_MISMATCH, 400,
                  STR("Header mismatch: MCP-Protocol-Version differs from the protocol version in _meta"));
  /* "Header requirements for notification POSTs are not defined by this revision." */
  if (message->kind != JSONRPC_REQUEST) return true;
  if (!headers->method.p)
    return refuse(refusal, MCP_HEADER_MISMATCH, 400, STR("Header mismatch: Mcp-Method is missing"));
  if (!str_eq(headers->method, message->method))
    return refuse(refusal, MCP_HEADER_MISMATCH, 400, STR("Header mismatch: Mcp-Method differs from the body's method"));
  const char *member = mcp_named_member(message->method);
  if (!member) return true;
  struct str in_body = json_get_str(message->params, member);
  if (!in_body.p) return true; /* the method itself will say that its params are wrong */
  if (!headers->name.p) return refuse(refusal, MCP_HEADER_MISMATCH, 400, STR("Header mismatch: Mcp-Name is missing"));
  struct str in_header;
  if (!mirror_decode(arena, headers->name, &in_header))
    return refuse(refusal, MCP_HEADER_MISMATCH, 400,
                  STR("Header mismatch: Mcp-Name is neither plain ASCII nor valid base64"));
  if (!str_eq(in_header, in_body))
    return refuse(refusal, MCP_HEADER_MISMATCH, 400, STR("Header mismatch: Mcp-Name differs from the body's name"));
  return true;
}

static void read_client(yyjson_val *info, struct mcp_envelope *envelope) {
  envelope->client_name = json_get_str(info, "name");
  envelope->client_version = json_get_str(info, "version");
}

static bool read_modern(struct arena *arena, const struct jsonrpc_message *message, const struct mcp_headers *headers,
                        yyjson_val *meta, struct mcp_envelope *envelope, struct mcp_refusal *refusal) {
  yyjson_val *named = json_get(meta, MCP_META_VERSION);
  struct str version = json_str(named);
  /* What every request must carry, a notification may: without it the header alone names its revision. */
  if (!named && message->kind == JSONRPC_NOTIFICATION) version = headers->protocol_version;
  if (!version.p)
    return refuse(refusal, JSONRPC_INVALID_PARAMS, 400, STR("Invalid params: _meta lacks " MCP_META_VERSION));
  if (!headers_match(arena, message, headers, version, refusal)) return false;
  envelope->revision = mcp_revision_find(version);
  if (!envelope->revision || envelope->revision->era != MCP_MODERN) return refuse_version(arena, refusal, version);
  if (message->kind == JSONRPC_REQUEST && !yyjson_is_obj(json_get(meta, MCP_META_CLIENT_CAPABILITIES)))
    return refuse(refusal, JSONRPC_INVALID_PARAMS, 400,
                  STR("Invalid params: _meta lacks " MCP_META_CLIENT_CAPABILITIES));
  read_client(json_get(meta, MCP_META_CLIENT_INFO), envelope);
  envelope->client_capabilities = json_get(meta, MCP_META_CLIENT_CAPABILITIES);
  yyjson_val *level = json_get(meta, MCP_META_LOG_LEVEL);
  if (level) envelope->log_level = mcp_log_level(json_str(level));
  if (level && envelope->log_level < 0)
    return refuse(refusal, JSONRPC_INVALID_PARAMS, 400, STR("Invalid params: _meta has an unknown log level"));
  return true;
}

static bool read_legacy(struct arena *arena, const struct jsonrpc_message *message, const struct mcp_headers *headers,
                        struct mcp_envelope *envelope, struct mcp_refusal *refusal) {
  if (headers->is_repeated)
    return refuse(refusal, JSONRPC_INVALID_REQUEST, 400, STR("A request metadata header appears twice"));
  if (str_eq(message->method, STR("initialize"))) {
    envelope->revision = mcp_negotiate(json_get_str(message->params, "protocolVersion"));
    read_client(json_get(message->params, "clientInfo"), envelope);
    envelope->client_capabilities = json_get(message->params, "capabilities");
    return true;
  }
  if (!headers->protocol_version.p) {
    envelope->revision = mcp_revision_unnamed();
    return true;
  }
  envelope->revision = mcp_revision_find(headers->protocol_version);
  if (!envelope->revision) return refuse_version(arena, refusal, headers->protocol_version);
  return true;
}

bool mcp_envelope_read(struct arena *arena, const struct jsonrpc_message *message, const struct mcp_headers *headers,
                       struct mcp_envelope *ret_envelope, struct mcp_refusal *ret_refusal) {
  struct mcp_envelope envelope = {.log_level = -1};
  yyjson_val *meta = json_get(message->params, "_meta"), *token = json_get(meta, "progressToken");
  if (yyjson_is_str(token) || yyjson_is_int(token)) envelope.progress_token = token;
  envelope.traceparent = json_get_str(meta, "traceparent");
  const struct mcp_revision *named = headers->protocol_version.p ? mcp_revision_find(headers->protocol_version) : NULL;
  bool is_modern = json_get(meta, MCP_META_VERSION) != NULL || str_eq(message->method, STR("server/discover")) ||
                   (named && named->era == MCP_MODERN && !str_eq(message->method, STR("initialize")));
  if (!(is_modern ? read_modern(arena, message, headers, meta, &envelope, ret_refusal)
                  : read_legacy(arena, message, headers, &envelope, ret_refusal)))
    return false;
  *ret_envelope = envelope;
  return true;
}
