/* The connection's credential, leased for this call alone and wiped when it ends (call_dispose). */
#include "gateway/credential.h"
#include "gateway/pipeline.h"

enum stage_verdict stage_lease_credential(struct call *call) {
  return credential_lease(call);
}
