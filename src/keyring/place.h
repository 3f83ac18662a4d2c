/* Of a value in the table. Private to this folder. */
#ifndef CONNEK_KEYRING_PLACE_H
#define CONNEK_KEYRING_PLACE_H

#include "keyring/keyring.h"

enum { KEYRING_BATCH = 200 };

/* What the value is bound to: the table of sealed values names places as vault/places.h does. */
static inline struct vault_place keyring_place(const struct store_sealed *sealed, struct str row) {
  return (struct vault_place){sealed->table, sealed->column, row};
}

/* Was a change of the ring's keys begun, and not ended? */
bool keyring_is_rotating(STORE_TX, const struct keyring *ring, struct key_rotation_record *ret_record);

#endif
