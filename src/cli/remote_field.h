/* What of a message stands in HTTP fields as well (2026-07-28, basic/transports/streamable-http, request metadata). */
#ifndef CONNEK_CLI_REMOTE_FIELD_H
#define CONNEK_CLI_REMOTE_FIELD_H

#include "base/arena.h"
#include "codec/json.h"
#include "codec/jsonrpc.h"
#include "net/http_server.h"

/* The value itself, or =?base64?...?= of what no field can hold. STR_NONE: no memory. */
struct str remote_field_value(struct arena *arena, struct str value);
/* What Mcp-Name repeats of a message; STR_NONE where its method has none. */
struct str remote_field_name(const struct jsonrpc_message *message);
/* Mcp-Param-... of every argument that the tool's schema marks (x-mcp-header). False: no memory. */
bool remote_param_fields(struct arena *arena, yyjson_val *input_schema, yyjson_val *arguments,
                         const struct http_field **ret_fields, size_t *ret_n) MUST_CHECK;

#endif
