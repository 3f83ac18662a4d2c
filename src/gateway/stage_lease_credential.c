/* The connection's credential, opened for this call alone and wiped when it ends (call_dispose). */
#include "gateway/pipeline.h"

enum stage_verdict stage_lease_credential(struct call *call) {
  const struct connector_connection *connection = call->connection;
  struct err err;
  if (!connection) return STAGE_NEXT;
  enum err_code code = org_lease_credential(call->exchange->principal.snapshot, connection, &call->credential, &err);
  if (code == ERR_NONE) return STAGE_NEXT;
  call->outcome = AUDIT_ERROR;
  call->error = code;
  return call_fail(call, 0, JSONRPC_INTERNAL_ERROR,
                   "The credential of %.*s could not be opened. An admin has to replace it",
                   STR_ARG(connection->policy.name));
}
