/* Where sealed values live: the one list, so that what one folder seals another opens. */
#ifndef CONNEK_VAULT_PLACES_H
#define CONNEK_VAULT_PLACES_H

#include "vault/vault.h"

/* connection.credential; `connection_id` must outlive the place. */
static inline struct vault_place vault_place_credential(const struct uuid *connection_id) {
  return (struct vault_place){"connection", "credential", uuid_bytes(connection_id)};
}

/* connection_grant.secret; the same. */
static inline struct vault_place vault_place_grant(const struct uuid *connection_id) {
  return (struct vault_place){"connection_grant", "secret", uuid_bytes(connection_id)};
}

/* client_app.secret */
static inline struct vault_place vault_place_client_app(struct str connector_id) {
  return (struct vault_place){"client_app", "secret", connector_id};
}

/* login_totp.secret; `login_id` must outlive the place. */
static inline struct vault_place vault_place_totp(const struct uuid *login_id) {
  return (struct vault_place){"login_totp", "secret", uuid_bytes(login_id)};
}

/* oauth_state.verifier; `hash`: the row's 32 bytes */
static inline struct vault_place vault_place_verifier(const uint8_t *hash) {
  return (struct vault_place){"oauth_state", "verifier", str_make((const char *)hash, 32)};
}

/* connector.environment; the id must outlive the place. */
static inline struct vault_place vault_place_environment(struct str connector_id) {
  return (struct vault_place){"connector", "environment", connector_id};
}

/* webhook_secret.secret; the id must outlive the place. */
static inline struct vault_place vault_place_webhook(const struct uuid *secret_id) {
  return (struct vault_place){"webhook_secret", "secret", uuid_bytes(secret_id)};
}

/* Where a tool's pages go on, in the hands of a client; `row`: whose, and of which tool. */
static inline struct vault_place vault_place_page(struct str row) {
  return (struct vault_place){"page", "cursor", row};
}

/* What goes on with a request that had something to ask, in the hands of a client; `row`: whose. */
static inline struct vault_place vault_place_request(struct str row) {
  return (struct vault_place){"request", "state", row};
}

/* A task of an MCP server, as its client knows it; `row`: whose. */
static inline struct vault_place vault_place_task(struct str row) {
  return (struct vault_place){"task", "id", row};
}

#endif
