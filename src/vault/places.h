/* Where sealed values live: the one list, so that what one folder seals another opens. */
#ifndef CONNEK_VAULT_PLACES_H
#define CONNEK_VAULT_PLACES_H

#include "vault/vault.h"

/* connection.credential; `connection_id` must outlive the place. */
static inline struct vault_place vault_place_credential(const struct uuid *connection_id) {
  return (struct vault_place){"connection", "credential", uuid_bytes(connection_id)};
}

#endif
