/* What was found out about a server's authorization, as text and back. Must not know how it was found. */
#include "grant/authorization.h"
#include "base/limits.h"
#include "codec/json.h"

enum { AUTHORIZATION_MAX = 64 * KIB };

static const char *const clients[] = {
    [GRANT_CLIENT_APP] = "app", [GRANT_CLIENT_DOCUMENT] = "document", [GRANT_CLIENT_REGISTERED] = "registered"};
static const char *const methods[] = {[CONNECTOR_CLIENT_BASIC] = "basic",
                                      [CONNECTOR_CLIENT_BODY] = "body",
                                      [CONNECTOR_CLIENT_NONE] = "none",
                                      [CONNECTOR_CLIENT_JWT] = "jwt"};

static void text_write(struct buf *out, const char *name, struct str text) {
  if (text.n == 0) return;
  if (out->n > 1) buf_append_byte(out, ',');
  json_write_str(out, str_of(name));
  buf_append_byte(out, ':');
  json_write_str(out, text);
}

enum err_code grant_authorization_write(struct arena *arena, const struct grant_authorization *authorization,
                                        struct str *ret_json, struct err *err) {
  struct buf out;
  buf_init(&out, arena, AUTHORIZATION_MAX);
  buf_append_byte(&out, '{');
  text_write(&out, "server", authorization->server);
  text_write(&out, "issuer", authorization->issuer);
  text_write(&out, "authorize", authorization->authorize);
  text_write(&out, "token", authorization->token);
  text_write(&out, "revoke", authorization->revoke);
  text_write(&out, "resource", authorization->resource);
  text_write(&out, "scopes", authorization->scopes);
  text_write(&out, "known_by", str_of(clients[authorization->known_by]));
  text_write(&out, "client_id", authorization->client_id);
  if (authorization->known_by != GRANT_CLIENT_APP) text_write(&out, "client_secret", authorization->client_secret);
  text_write(&out, "client", str_of(methods[authorization->client]));
  if (authorization->requires_iss) buf_append_c(&out, ",\"requires_iss\":true");
  buf_append_byte(&out, '}');
  if (buf_failed(&out)) return err_no_memory(err);
  *ret_json = buf_str(&out);
  return ERR_NONE;
}

static unsigned index_of(struct str word, const char *const *words, unsigned n) {
  unsigned i = 0;
  while (i < n && !str_eq_c(word, words[i]))
    i++;
  return i;
}

bool grant_authorization_read(yyjson_val *object, struct grant_authorization *ret_authorization) {
  enum { CLIENTS = sizeof(clients) / sizeof(clients[0]), METHODS = sizeof(methods) / sizeof(methods[0]) };
  unsigned known_by = index_of(json_get_str(object, "known_by"), clients, CLIENTS);
  unsigned client = index_of(json_get_str(object, "client"), methods, METHODS);
  if (known_by == CLIENTS || client == METHODS || json_get_str(object, "issuer").n == 0) return false;
  *ret_authorization = (struct grant_authorization){.server = json_get_str(object, "server"),
                                                    .issuer = json_get_str(object, "issuer"),
                                                    .authorize = json_get_str(object, "authorize"),
                                                    .token = json_get_str(object, "token"),
                                                    .revoke = json_get_str(object, "revoke"),
                                                    .resource = json_get_str(object, "resource"),
                                                    .scopes = json_get_str(object, "scopes"),
                                                    .known_by = (enum grant_client)known_by,
                                                    .client_id = json_get_str(object, "client_id"),
                                                    .client_secret = json_get_str(object, "client_secret"),
                                                    .client = (enum connector_client_auth)client,
                                                    .requires_iss = yyjson_is_true(json_get(object, "requires_iss"))};
  return true;
}

const struct connector_oauth *grant_authorization_oauth(struct arena *arena, const struct connector_oauth *fixed,
                                                        const struct grant_authorization *authorization) {
  struct connector_oauth *oauth = arena_new(arena, struct connector_oauth);
  if (!oauth) return NULL;
  *oauth = *fixed;
  oauth->authorize = authorization->authorize;
  oauth->token = authorization->token;
  oauth->revoke = authorization->revoke;
  oauth->issuer = authorization->issuer;
  oauth->resource = authorization->resource;
  oauth->scopes = authorization->scopes;
  oauth->client = authorization->client;
  oauth->requires_iss = authorization->requires_iss;
  return oauth;
}

bool grant_scopes_within(struct str scopes, struct str known) {
  for (struct str rest = scopes; rest.p && rest.n > 0;) {
    struct str scope = str_cut(&rest, ' ');
    bool is_known = scope.n == 0;
    for (struct str all = known; all.p && all.n > 0 && !is_known;)
      is_known = str_eq(str_cut(&all, ' '), scope);
    if (!is_known) return false;
  }
  return true;
}
