/* The token endpoint (OAuth 2.1, 3.2): codes and refresh tokens into access tokens. What is given is known to every
 * worker before the answer leaves, so that the client's first call is not refused.
 *
 * A refresh token works once. Clients do refresh twice at a time (two tabs, a lost answer): for GRACE_US the old one
 * still gives another. After that, whoever shows it has a copy of what somebody else used: the grant ends, for both
 * (RFC 9700, 4.14.2). The same holds for a code. */
#include "signin/client.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/secret.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "identity/token.h"
#include "signin/route.h"
#include "signin/scope.h"

static const int64_t grace_us = INT64_C(30) * 1000000;

struct token_flow {
  struct client_credentials credentials;
  bool is_refresh;
  struct str shown; /* the code or the refresh token */
  struct str redirect_uri, verifier, resource, scope;

  struct oauth_client_record client;
  struct oauth_grant_record grant;
  unsigned scopes;
  int64_t life_us;
  char access[TOKEN_TEXT_SIZE], refresh[TOKEN_TEXT_SIZE];
  const char *error, *description; /* of RFC 6749, 5.2; the transaction stands all the same */
};

static void refuse(struct request *request, const char *error, const char *description) {
  int status = str_eq_c(str_of(error), "invalid_client")            ? 401
               : str_eq_c(str_of(error), "temporarily_unavailable") ? 503
                                                                    : 400;
  struct buf body;
  buf_init(&body, &request->arena, 4 * KIB);
  buf_printf(&body, "{\"error\":\"%s\",\"error_description\":", error);
  json_write_str(&body, str_of(description));
  buf_append_byte(&body, '}');
  request_reply_json(request, status, buf_failed(&body) ? STR_NONE : buf_str(&body));
}

static enum err_code deny(struct token_flow *flow, const char *error, const char *description) {
  flow->error = error;
  flow->description = description;
  return ERR_NONE;
}

/* Commits: what ends here has ended, whatever the client is told. */
static enum err_code end_grant(struct request *request, struct db_tx *tx, struct uuid id, const char *description,
                               struct err *err) {
  enum err_code code = store_oauth_grant_revoke(tx, &request->arena, id, clock_utc_us(), err);
  return code == ERR_NONE ? deny(request->flow, "invalid_grant", description) : code;
}

/* RFC 7636, 4.6. */
static bool fits_challenge(struct request *request, struct str verifier, struct str challenge) {
  uint8_t hash[TOKEN_HASH_SIZE];
  struct buf encoded;
  if (verifier.n < 43 || verifier.n > 128) return false;
  token_hash(verifier, hash);
  buf_init(&encoded, &request->arena, 64);
  base64url_write(&encoded, str_make((const char *)hash, sizeof(hash)));
  return !buf_failed(&encoded) && str_eq_constant_time(buf_str(&encoded), challenge);
}

static enum err_code load_grant(struct request *request, struct db_tx *tx, struct uuid id, int64_t now,
                                struct err *err) {
  struct token_flow *flow = request->flow;
  enum err_code code = store_oauth_grant_get(tx, &request->arena, id, &flow->grant, err);
  if (code == ERR_NOT_FOUND) return deny(flow, "invalid_grant", "it was withdrawn");
  if (code != ERR_NONE) return code;
  const struct oauth_grant_record *grant = &flow->grant;
  if (!uuid_eq(grant->oauth_client_id, flow->client.id))
    return deny(flow, "invalid_grant", "it was given to another client");
  if (grant->revoked_at || grant->expires_at <= now || grant->user_disabled_at)
    return deny(flow, "invalid_grant", "it was withdrawn, or has expired: sign in again");
  return ERR_NONE;
}

static enum err_code take_code(struct request *request, struct db_tx *tx, int64_t now, struct err *err) {
  struct token_flow *flow = request->flow;
  struct oauth_code_record record;
  uint8_t hash[TOKEN_HASH_SIZE];
  token_hash(flow->shown, hash);
  enum err_code code = store_oauth_code_find(tx, &request->arena, hash, &record, err);
  if (code == ERR_NOT_FOUND) return deny(flow, "invalid_grant", "there is no such code");
  if (code == ERR_NONE) code = load_grant(request, tx, record.grant_id, now, err);
  if (code != ERR_NONE || flow->error) return code;
  if (record.used_at)
    return end_grant(request, tx, record.grant_id, "this code was used already: all that it gave has ended", err);
  if (record.expires_at <= now) return deny(flow, "invalid_grant", "this code has expired");
  if (!str_eq(flow->redirect_uri, record.redirect_uri))
    return deny(flow, "invalid_grant", "redirect_uri is not the one the code was sent to");
  if (!fits_challenge(request, flow->verifier, record.challenge))
    return deny(flow, "invalid_grant", "code_verifier does not fit");
  flow->scopes = (unsigned)flow->grant.scopes;
  return store_oauth_code_use(tx, hash, now, err);
}

static enum err_code take_refresh(struct request *request, struct db_tx *tx, int64_t now, struct err *err) {
  struct token_flow *flow = request->flow;
  struct oauth_refresh_record record;
  uint8_t hash[TOKEN_HASH_SIZE];
  token_hash(flow->shown, hash);
  enum err_code code = store_oauth_refresh_find(tx, &request->arena, hash, &record, err);
  if (code == ERR_NOT_FOUND) return deny(flow, "invalid_grant", "there is no such refresh token");
  if (code == ERR_NONE) code = load_grant(request, tx, record.grant_id, now, err);
  if (code != ERR_NONE || flow->error) return code;
  if (record.replaced_at && record.replaced_at + grace_us < now)
    return end_grant(request, tx, record.grant_id, "this refresh token was used before: all that it gave has ended",
                     err);
  unsigned asked = flow->scope.n ? scope_read(flow->scope) : (unsigned)flow->grant.scopes;
  flow->scopes = asked & (unsigned)flow->grant.scopes;
  if (!flow->scopes) return deny(flow, "invalid_scope", "more than was given: ask the person again");
  return store_oauth_refresh_replace(tx, hash, now, err);
}

static enum err_code give(struct request *request, struct db_tx *tx, int64_t now, struct err *err) {
  struct token_flow *flow = request->flow;
  const struct signin_options *options = &request->signin->options;
  const struct oauth_grant_record *grant = &flow->grant;
  struct oauth_refresh_record refresh = {.grant_id = grant->id, .created_at = now};
  /* A client that cannot refresh is signed in for as long as one that does. */
  flow->life_us = grant->may_refresh ? options->token_us : options->client_us;
  struct access_token_record access = {.id = uuid_new(),
                                       .organisation_id = grant->organisation_id,
                                       .user_id = grant->user_id,
                                       .kind = STR("oauth"),
                                       .name = grant->client_name,
                                       .expires_at = now + flow->life_us,
                                       .created_at = now,
                                       .grant_id = grant->id,
                                       .scopes = flow->scopes,
                                       .audience = grant->resource};
  token_new(TOKEN_ACCESS, flow->access);
  token_hash(str_of(flow->access), access.hash);
  enum err_code code = store_access_token_insert(tx, &access, err);
  if (code == ERR_NONE) code = store_change_log(tx, access.organisation_id, CHANGE_ACCESS_TOKEN, access.id, err);
  if (code == ERR_NONE && grant->may_refresh) {
    token_new(TOKEN_REFRESH, flow->refresh);
    token_hash(str_of(flow->refresh), refresh.hash);
    code = store_oauth_refresh_insert(tx, &refresh, err);
  }
  return code == ERR_NONE ? store_oauth_grant_used(tx, grant->id, now, now + options->client_us, err) : code;
}

static enum err_code exchange(struct request *request, struct db_tx *tx, struct err *err) {
  struct token_flow *flow = request->flow;
  int64_t now = clock_utc_us();
  enum err_code code = client_authenticate(request, tx, &flow->credentials, &flow->client, err);
  if (code == ERR_UNAUTHENTICATED)
    return deny(flow, "invalid_client", "the client is not known, or its secret is wrong");
  if (code == ERR_NONE)
    code = flow->is_refresh ? take_refresh(request, tx, now, err) : take_code(request, tx, now, err);
  return code != ERR_NONE || flow->error ? code : give(request, tx, now, err);
}

static void reply(struct request *request) {
  struct token_flow *flow = request->flow;
  struct buf body;
  if (request->code != ERR_NONE) {
    request_tell(request, "token_failed");
    refuse(request, "temporarily_unavailable", "the server could not do this now; try again");
    return;
  }
  if (flow->error) {
    refuse(request, flow->error, flow->description);
    return;
  }
  buf_init(&body, &request->arena, 4 * KIB);
  buf_printf(&body, "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%lld", flow->access,
             (long long)(flow->life_us / 1000000));
  if (flow->refresh[0]) buf_printf(&body, ",\"refresh_token\":\"%s\"", flow->refresh);
  buf_append_c(&body, ",\"scope\":\"");
  scope_write(&body, flow->scopes);
  buf_append_c(&body, "\"}");
  secret_wipe(flow->access, sizeof(flow->access));
  secret_wipe(flow->refresh, sizeof(flow->refresh));
  request_reply_json(request, 200, buf_failed(&body) ? STR_NONE : buf_str(&body));
}

static void on_exchanged(struct request *request) {
  if (request->code == ERR_NONE)
    request_sync(request, reply);
  else
    reply(request);
}

static bool is_own_resource(const struct request *request, struct str resource) {
  if (!resource.p) return true;
  if (str_ends(resource, STR("/"))) resource.n--;
  if (signin_is_own_audience(request->signin, resource)) return true;
  struct str whole = arena_printf((struct arena *)(uintptr_t)&request->arena, "%.*s/mcp", STR_ARG(resource));
  return whole.p && signin_is_own_audience(request->signin, whole);
}

static bool read_form(struct request *request) {
  struct str type;
  if (!http_field_once(request->http, "Content-Type", &type) || !type.p) return false;
  struct str kind = str_trim(str_cut(&type, ';'));
  return str_eq_fold(kind, STR("application/x-www-form-urlencoded")) &&
         form_read(&request->arena, request->http->body, &request->form);
}

static bool repeats_any(const struct form *form) {
  for (size_t i = 0; i < form->n; i++) {
    for (size_t k = i + 1; k < form->n; k++)
      if (str_eq(form->fields[i].name, form->fields[k].name)) return true;
  }
  return false;
}

void token_post(struct request *request) {
  struct token_flow *flow = request->flow = arena_new(&request->arena, struct token_flow);
  const struct form *form = &request->form;
  if (!flow || !read_form(request) || repeats_any(form)) {
    refuse(request, "invalid_request", "a form is needed (application/x-www-form-urlencoded), each parameter once");
    return;
  }
  struct str grant = form_get(form, "grant_type");
  flow->is_refresh = str_eq(grant, STR("refresh_token"));
  flow->shown = form_get(form, flow->is_refresh ? "refresh_token" : "code");
  flow->redirect_uri = form_get(form, "redirect_uri");
  flow->verifier = form_get(form, "code_verifier");
  flow->scope = form_get(form, "scope");
  if (!client_credentials_read(request, &flow->credentials))
    refuse(request, "invalid_client", "client_id is missing, or the client's credentials cannot be read");
  else if (!flow->is_refresh && !str_eq(grant, STR("authorization_code")))
    refuse(request, grant.n ? "unsupported_grant_type" : "invalid_request",
           "grant_type must be authorization_code or refresh_token");
  else if (!is_own_resource(request, form_get(form, "resource")))
    refuse(request, "invalid_target", "resource is not this server's MCP endpoint");
  else if (!token_is_well_formed(flow->is_refresh ? TOKEN_REFRESH : TOKEN_CODE, flow->shown))
    refuse(request, "invalid_grant", flow->is_refresh ? "that is no refresh token" : "that is no code");
  else
    request_write(request, exchange, on_exchanged);
}

/* --- revocation (RFC 7009) --- */

struct revoke_flow {
  struct client_credentials credentials;
  struct str shown;
  struct oauth_client_record client;
  bool is_known_client;
};

/* Of a refresh token all that came of it ends; of an access token it alone. Of another client's token, nothing. */
static enum err_code revoke_shown(struct request *request, struct db_tx *tx, struct err *err) {
  struct revoke_flow *flow = request->flow;
  struct oauth_refresh_record refresh;
  struct access_token_record access;
  struct oauth_grant_record grant;
  uint8_t hash[TOKEN_HASH_SIZE];
  int64_t now = clock_utc_us();
  enum err_code code = client_authenticate(request, tx, &flow->credentials, &flow->client, err);
  if (code == ERR_UNAUTHENTICATED) return ERR_NONE;
  if (code != ERR_NONE) return code;
  flow->is_known_client = true;
  bool is_refresh = token_is_well_formed(TOKEN_REFRESH, flow->shown);
  token_hash(flow->shown, hash);
  code = is_refresh ? store_oauth_refresh_find(tx, &request->arena, hash, &refresh, err)
                    : store_access_token_find(tx, &request->arena, hash, &access, err);
  if (code == ERR_NONE && !is_refresh && uuid_is_nil(access.grant_id)) code = ERR_NOT_FOUND;
  if (code == ERR_NONE)
    code = store_oauth_grant_get(tx, &request->arena, is_refresh ? refresh.grant_id : access.grant_id, &grant, err);
  if (code == ERR_NOT_FOUND) return ERR_NONE;
  if (code != ERR_NONE || !uuid_eq(grant.oauth_client_id, flow->client.id)) return code;
  if (is_refresh) return store_oauth_grant_revoke(tx, &request->arena, grant.id, now, err);
  code = store_access_token_revoke(tx, access.organisation_id, access.id, now, err);
  return code == ERR_NONE ? store_change_log(tx, access.organisation_id, CHANGE_ACCESS_TOKEN, access.id, err) : code;
}

static void on_revoke_synced(struct request *request) {
  if (request->code == ERR_NONE) {
    request_reply_json(request, 200, STR("{}"));
    return;
  }
  request_tell(request, "revocation_failed");
  refuse(request, "temporarily_unavailable", "the server could not do this now; try again");
}

static void on_revoked(struct request *request) {
  struct revoke_flow *flow = request->flow;
  if (request->code != ERR_NONE)
    on_revoke_synced(request);
  else if (!flow->is_known_client)
    refuse(request, "invalid_client", "the client is not known, or its secret is wrong");
  else
    request_sync(request, on_revoke_synced);
}

void revoke_post(struct request *request) {
  struct revoke_flow *flow = request->flow = arena_new(&request->arena, struct revoke_flow);
  if (!flow || !read_form(request) || repeats_any(&request->form)) {
    refuse(request, "invalid_request", "a form is needed (application/x-www-form-urlencoded), each parameter once");
    return;
  }
  flow->shown = form_get(&request->form, "token");
  if (!client_credentials_read(request, &flow->credentials))
    refuse(request, "invalid_client", "client_id is missing, or the client's credentials cannot be read");
  else if (!token_is_well_formed(TOKEN_REFRESH, flow->shown) && !token_is_well_formed(TOKEN_ACCESS, flow->shown))
    request_reply_json(request, 200, STR("{}")); /* RFC 7009, 2.2: an unknown token is revoked as it is */
  else
    request_write(request, revoke_shown, on_revoked);
}
