/* What of a message stands in HTTP fields as well (2026-07-28, basic/transports/streamable-http, request metadata). */
#ifndef CONNEK_CLI_REMOTE_FIELD_H
#define CONNEK_CLI_REMOTE_FIELD_H

#include "codec/jsonrpc.h"

/* What Mcp-Name repeats of a message; STR_NONE where its method has none. */
struct str remote_field_name(const struct jsonrpc_message *message);

#endif
