/* Clients and what they were let do, for the tests of this folder. */
#ifndef CONNEK_TEST_STORE_OAUTH_H
#define CONNEK_TEST_STORE_OAUTH_H

#include "store/fixture.h"
#include "store/sign_in.h"

static inline struct oauth_client_record client_of(const char *kind, const char *client_id, int64_t created_at) {
  return (struct oauth_client_record){.id = uuid_new(),
                                      .client_id = str_of(client_id),
                                      .kind = str_of(kind),
                                      .name = STR("Claude"),
                                      .redirect_uris = STR("[\"http://127.0.0.1/\"]"),
                                      .may_refresh = true,
                                      .created_at = created_at};
}

static inline struct uuid make_client(struct db_tx *tx, struct store_test *t, const char *client_id,
                                      int64_t created_at) {
  struct oauth_client_record client = client_of("registered", client_id, created_at);
  assert_ok(store_oauth_client_put(ARENA, &client, &test_err));
  return client.id;
}

/* Whose code was not used yet. */
static inline struct oauth_grant_record grant_of(const struct org *org, struct uuid client_id, int64_t created_at) {
  return (struct oauth_grant_record){.id = uuid_new(),
                                     .organisation_id = org->id,
                                     .user_id = org->user,
                                     .oauth_client_id = client_id,
                                     .scopes = 3,
                                     .resource = STR("https://connek.example/mcp"),
                                     .created_at = created_at,
                                     .expires_at = created_at + 100};
}

static inline struct uuid make_access(struct db_tx *tx, const struct org *org, struct uuid grant_id, uint8_t hash,
                                      int64_t expires_at) {
  struct access_token_record token = token_of(org, hash);
  token.kind = STR("oauth");
  token.grant_id = grant_id;
  token.scopes = 3;
  token.audience = STR("https://connek.example/mcp");
  token.expires_at = expires_at;
  assert_ok(store_access_token_insert(tx, &token, &test_err));
  return token.id;
}

#endif
