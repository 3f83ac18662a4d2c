/* What Mcp-Name repeats of a message. Must know nothing of where it goes. */
#include "cli/remote_field.h"

#include "codec/json.h"
#include "mcp/envelope.h"

struct str remote_field_name(const struct jsonrpc_message *message) {
  const char *member = mcp_named_member(message->method);
  return member ? json_get_str(message->params, member) : STR_NONE;
}
