/* Who asks? An access token in the path (the personal URL), in Authorization: Bearer, or in X-API-Key. Whatever is
 * presented must be valid, and where more than one is presented all must name the same user: nothing falls through to
 * anybody else. */
#include <string.h>

#include "base/clock.h"
#include "gateway/pipeline.h"
#include "gateway/worker.h"
#include "identity/token.h"

static bool find_token(struct worker *worker, enum token_kind kind, struct str text, struct token_entry **ret_entry) {
  uint8_t hash[TOKEN_HASH_SIZE];
  if (!token_is_well_formed(kind, text)) return false;
  token_hash(text, hash);
  struct token_entry *entry = token_index_find(worker->server->tokens, hash);
  if (!entry || (entry->expires_at && entry->expires_at <= clock_utc_us())) return false;
  *ret_entry = entry;
  return true;
}

/* A header may carry an API key, the personal URL's token, or (Authorization alone: RFC 6750, 2) what a client got when
 * it signed in. Anything else, a JWT among it, is well formed as none of them. */
static bool find_header_token(struct worker *worker, struct str text, bool is_bearer, struct token_entry **ret_entry) {
  if (is_bearer && str_starts(text, STR("cka_"))) return find_token(worker, TOKEN_ACCESS, text, ret_entry);
  return find_token(worker, str_starts(text, STR("ck_")) ? TOKEN_KEY : TOKEN_URL, text, ret_entry);
}

static bool bearer_of(struct str authorization, struct str *ret_token) {
  const struct str scheme = STR("Bearer "); /* RFC 6750, 2.1; the scheme's case is free (RFC 9110, 11.1) */
  if (authorization.n <= scheme.n || !str_eq_fold(str_make(authorization.p, scheme.n), scheme)) return false;
  *ret_token = str_trim(str_make(authorization.p + scheme.n, authorization.n - scheme.n));
  return true;
}

/* Adds one credential to those presented: the first names the principal, the others must agree. */
static bool agree(struct token_entry *entry, struct token_entry **principal) {
  if (!*principal) *principal = entry;
  return uuid_eq(entry->user_id, (*principal)->user_id) &&
         uuid_eq(entry->organisation_id, (*principal)->organisation_id);
}

static bool identify(struct exchange *exchange, struct token_entry **ret_entry) {
  struct worker *worker = exchange->worker;
  struct token_entry *principal = NULL, *entry;
  struct str authorization, api_key, bearer;
  if (!http_field_once(exchange->http, "Authorization", &authorization)) return false;
  if (!http_field_once(exchange->http, "X-API-Key", &api_key)) return false;
  if (exchange->path_token.p &&
      !(find_token(worker, TOKEN_URL, exchange->path_token, &entry) && agree(entry, &principal)))
    return false;
  if (authorization.p && !(bearer_of(authorization, &bearer) && find_header_token(worker, bearer, true, &entry) &&
                           agree(entry, &principal)))
    return false;
  if (api_key.p && !(find_header_token(worker, api_key, false, &entry) && agree(entry, &principal))) return false;
  if (!principal) return false;
  *ret_entry = principal;
  return true;
}

enum stage_verdict stage_authenticate(struct exchange *exchange) {
  struct worker *worker = exchange->worker;
  struct token_entry *token;
  struct org_snapshot *snapshot = NULL;
  if (identify(exchange, &token)) {
    snapshot = org_slot_take(token->organisation);
    struct org_user *user = snapshot ? org_snapshot_user(snapshot, token->user_id) : NULL;
    if (user && !user->is_disabled) {
      exchange->principal = (struct principal){.snapshot = snapshot,
                                               .user = user,
                                               .token_id = token->id,
                                               .organisation = token->organisation,
                                               .expires_at = token->expires_at,
                                               .scopes = token->scopes,
                                               .token = token};
      memcpy(exchange->principal.token_hash, token->hash, sizeof(token->hash));
      return STAGE_NEXT;
    }
    org_snapshot_unref(snapshot);
  }
  int64_t retry_us;
  limit_take(worker_peer_bucket(worker, exchange->http->peer), worker->server->peer_rate, 1, loop_now_us(&worker->loop),
             &retry_us);
  return exchange_refuse(
      exchange, 401, 401,
      "No valid access token: it is missing, wrong, expired or revoked. Ask your admin for a new personal URL");
}
