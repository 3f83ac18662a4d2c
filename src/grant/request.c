/* Writes a request to a token endpoint (RFC 6749, 2.3 and 4). Must not know when one is due. */
#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "codec/url.h"
#include "grant/exchange.h"

enum { REQUEST_MAX = 64 * KIB, TOKENS_MAX = 192 * KIB };
static const int64_t assertion_us = INT64_C(120) * 1000000;

void grant_add(struct grant_parameters *parameters, const char *name, struct str value) {
  if (value.n == 0 || parameters->n == GRANT_PARAMETERS) return;
  parameters->items[parameters->n++] = (struct connector_parameter){str_of(name), value};
}

enum err_code grant_tokens_write(struct arena *arena, struct str access_token, struct str refresh_token,
                                 struct str authorization, struct str *ret_json, struct err *err) {
  struct buf json;
  buf_init(&json, arena, TOKENS_MAX);
  buf_append_c(&json, "{\"access_token\":");
  json_write_str(&json, access_token);
  if (refresh_token.n > 0) {
    buf_append_c(&json, ",\"refresh_token\":");
    json_write_str(&json, refresh_token);
  }
  if (authorization.n > 0) {
    buf_append_c(&json, ",\"authorization\":");
    buf_append_str(&json, authorization);
  }
  buf_append_byte(&json, '}');
  if (buf_failed(&json)) return err_no_memory(err);
  *ret_json = buf_str(&json);
  return ERR_NONE;
}

static void write_form(struct buf *out, const struct grant_parameters *parameters) {
  for (size_t i = 0; i < parameters->n; i++) {
    if (i > 0) buf_append_byte(out, '&');
    url_write_encoded(out, parameters->items[i].name);
    buf_append_byte(out, '=');
    url_write_encoded(out, parameters->items[i].value);
  }
}

static void write_object(struct buf *out, const struct grant_parameters *parameters) {
  buf_append_byte(out, '{');
  for (size_t i = 0; i < parameters->n; i++) {
    if (i > 0) buf_append_byte(out, ',');
    json_write_str(out, parameters->items[i].name);
    buf_append_byte(out, ':');
    json_write_str(out, parameters->items[i].value);
  }
  buf_append_byte(out, '}');
}

/* Both parts are form-encoded first. */
struct str grant_basic(struct arena *arena, const struct grant_subject *subject) {
  struct buf plain, coded;
  if (subject->client_secret.n == 0) return STR_NONE;
  buf_init(&plain, arena, REQUEST_MAX);
  buf_init(&coded, arena, REQUEST_MAX);
  url_write_encoded(&plain, subject->client_id);
  buf_append_byte(&plain, ':');
  url_write_encoded(&plain, subject->client_secret);
  base64_write(&coded, buf_str(&plain));
  return buf_failed(&plain) || buf_failed(&coded) ? STR_NONE : buf_str(&coded);
}

/* RFC 7523, 2.2: a client that signs says who it is with a JWT for the authorization server alone, good once. */
static enum err_code add_assertion(struct arena *arena, const struct grant_subject *subject,
                                   struct grant_parameters *all, struct err *err) {
  uint8_t bytes[16];
  char *id = arena_alloc(arena, 2 * sizeof(bytes) + 1);
  struct connector_claim *claim = arena_new(arena, struct connector_claim);
  struct connector_oauth *oauth = arena_new(arena, struct connector_oauth);
  struct str jwt;
  if (!id || !claim || !oauth) return err_no_memory(err);
  random_bytes(bytes, sizeof(bytes));
  hex_format(bytes, sizeof(bytes), id);
  *claim = (struct connector_claim){STR("jti"), str_of(id)};
  *oauth = (struct connector_oauth){.grant = CONNECTOR_GRANT_JWT,
                                    .algorithm = subject->oauth->algorithm,
                                    .issuer_claim = subject->client_id,
                                    .subject_claim = subject->client_id,
                                    .audience = subject->oauth->issuer,
                                    .claims = claim,
                                    .n_claims = 1,
                                    .jwt_lifetime_us = assertion_us};
  struct grant_subject signer = *subject;
  signer.oauth = oauth;
  enum err_code code = grant_assertion(arena, &signer, clock_utc_us(), &jwt, err);
  if (code != ERR_NONE) return code;
  grant_add(all, "client_assertion_type", STR("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
  grant_add(all, "client_assertion", jwt);
  return ERR_NONE;
}

enum err_code grant_request(struct arena *arena, const struct grant_subject *subject,
                            const struct grant_parameters *parameters, struct http_client_request *ret_request,
                            struct err *err) {
  const struct connector_oauth *oauth = subject->oauth;
  struct grant_parameters all = *parameters;
  struct http_client_request request = {.method = STR("POST"),
                                        .url = oauth->token,
                                        .organisation = subject->organisation,
                                        .has_body = true,
                                        .needs_new_connection = true};
  bool has_secret = subject->client_secret.n > 0 &&
                    (oauth->client == CONNECTOR_CLIENT_BASIC || oauth->client == CONNECTOR_CLIENT_BODY);
  enum err_code code = ERR_NONE;
  if (oauth->token.n == 0)
    return err_set(err, ERR_UNAVAILABLE, "a setting that its token endpoint's address needs is not set");
  if (has_secret && oauth->client == CONNECTOR_CLIENT_BASIC) {
    request.secret_field = STR("Authorization");
    request.secret_prefix = STR("Basic ");
    request.secret_value = grant_basic(arena, subject);
    if (!request.secret_value.p) code = err_no_memory(err);
  } else {
    grant_add(&all, "client_id", subject->client_id);
    if (has_secret) grant_add(&all, "client_secret", subject->client_secret);
    if (oauth->client == CONNECTOR_CLIENT_JWT) code = add_assertion(arena, subject, &all, err);
  }
  struct buf body;
  buf_init(&body, arena, REQUEST_MAX);
  if (oauth->is_json)
    write_object(&body, &all);
  else
    write_form(&body, &all);
  struct http_field *fields = arena_new_n(arena, struct http_field, 2);
  if (buf_failed(&body) || !fields) return err_no_memory(err);
  fields[0] = (struct http_field){STR("Accept"), STR("application/json")};
  fields[1] = (struct http_field){STR("Content-Type"),
                                  oauth->is_json ? STR("application/json") : STR("application/x-www-form-urlencoded")};
  request.fields = fields;
  request.n_fields = 2;
  request.body = buf_str(&body);
  request.max_body = MIB;
  if (code == ERR_NONE) *ret_request = request;
  return code;
}
