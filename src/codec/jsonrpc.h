/* JSON-RPC 2.0 messages: what kind each is, and how replies are written. Knows nothing of MCP. */
#ifndef CONNEK_CODEC_JSONRPC_H
#define CONNEK_CODEC_JSONRPC_H

#include "base/buf.h"
#include "base/err.h"
#include "codec/json.h"

enum jsonrpc_kind { JSONRPC_REQUEST, JSONRPC_NOTIFICATION, JSONRPC_RESPONSE };

enum jsonrpc_code {
  JSONRPC_PARSE_ERROR = -32700,
  JSONRPC_INVALID_REQUEST = -32600,
  JSONRPC_METHOD_NOT_FOUND = -32601,
  JSONRPC_INVALID_PARAMS = -32602,
  JSONRPC_INTERNAL_ERROR = -32603,
};

struct jsonrpc_message {
  enum jsonrpc_kind kind;
  yyjson_val *id;     /* a string or an integer; NULL for notifications, and for an error whose id is null or absent */
  struct str method;  /* requests and notifications */
  yyjson_val *params; /* an object, or NULL where absent */
  yyjson_val *result; /* a response's: this or `error` */
  yyjson_val *error;
};

/* Classifies one object, read either way (json.h). `ret_message->id` is set where the id could be read even when the
 * rest is wrong (JSON-RPC 5.1), so that the error can carry it. Refused: no "jsonrpc":"2.0"; ids that are null,
 * fractional, over LIMIT_JSONRPC_ID; params that are no object (MCP has none by position); members of the envelope
 * whose name differs from a known one only by case. */
enum err_code jsonrpc_classify(yyjson_val *value, struct jsonrpc_message *ret_message, struct err *err) MUST_CHECK;

/* {"jsonrpc":"2.0","id":...,"result":RESULT} ; `result` is JSON already. */
void jsonrpc_write_result(struct buf *out, yyjson_val *id, struct str result);
/* The same in two calls, with RESULT written straight into `out` between them. */
void jsonrpc_open_result(struct buf *out, yyjson_val *id);
void jsonrpc_close_result(struct buf *out);
/* `id` NULL writes "id":null; has_id false leaves the member out (MCP since 2025-11-25). `data` is JSON already, or
 * empty. */
void jsonrpc_write_error(struct buf *out, bool has_id, yyjson_val *id, int code, struct str message, struct str data);
/* The id alone, as it came. */
void jsonrpc_write_id(struct buf *out, yyjson_val *id);

#endif
