/* The connection's credential, opened for this call alone and wiped when it ends (call_dispose). */
#include "gateway/pipeline.h"
#include "vault/places.h"

enum stage_verdict stage_lease_credential(struct call *call) {
  const struct connector_connection *connection = call->connection;
  struct err err;
  if (!connection || !connection->sealed_credential.n) return STAGE_NEXT;
  enum err_code code =
      vault_unseal(call->exchange->principal.snapshot->keys, vault_place_credential(&connection->policy.id),
                   connection->sealed_credential, &call->credential, &err);
  if (code == ERR_NONE) return STAGE_NEXT;
  call->outcome = AUDIT_ERROR;
  call->error = code;
  return call_fail(call, 0, JSONRPC_INTERNAL_ERROR,
                   "The credential of %.*s could not be opened. An admin has to replace it",
                   STR_ARG(connection->policy.name));
}
