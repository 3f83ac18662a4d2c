/* The authorization endpoint. In this order: is somebody signed in, is the client known, is the address to answer to
 * its own? Until then an error is a page, and nothing is sent anywhere (RFC 6749, 4.1.2.1); from then on errors go to
 * the client, with its state and our iss (RFC 9207). A form that comes back is checked from the beginning. */
#include "signin/authorize.h"

#include "base/clock.h"
#include "base/limits.h"
#include "codec/json.h"
#include "codec/url.h"
#include "identity/token.h"
#include "signin/route.h"
#include "signin/scope.h"

enum { CHALLENGE_LENGTH = 43, STATE_MAX = 2000, CODE_US = 60 * 1000 * 1000 };

static const int64_t unused_us = INT64_C(600) * 1000000; /* of a grant whose code nobody has used */

static struct authorize_flow *flow_of(struct request *request) {
  return request->flow;
}

static void add_parameter(struct buf *out, const char *name, struct str value) {
  buf_append_byte(out, memchr(out->p, '?', out->n) ? '&' : '?');
  buf_append_c(out, name);
  buf_append_byte(out, '=');
  url_write_encoded(out, value);
}

static void answer(struct request *request, const char *name, struct str value, const char *description) {
  struct authorize_flow *flow = flow_of(request);
  struct buf location;
  buf_init(&location, &request->arena, 32 * KIB);
  buf_append_str(&location, flow->redirect_uri);
  if (!buf_failed(&location)) {
    add_parameter(&location, name, value);
    if (description) add_parameter(&location, "error_description", str_of(description));
    if (flow->state.p) add_parameter(&location, "state", flow->state);
    add_parameter(&location, "iss", request->base);
  }
  if (buf_failed(&location)) {
    request->code = err_no_memory(&request->err);
    request_reply_failure(request);
    return;
  }
  request_redirect(request, buf_str(&location));
}

static void answer_error(struct request *request, const char *error, const char *description) {
  answer(request, "error", str_of(error), description);
}

static bool repeats_any(const struct form *asked) {
  static const char *const names[] = {"client_id",      "redirect_uri",          "response_type", "scope", "state",
                                      "code_challenge", "code_challenge_method", "response_mode", "prompt"};
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    if (form_repeats(asked, names[i])) return true;
  return false;
}

static bool is_challenge(struct str text) {
  for (size_t i = 0; i < text.n; i++) {
    char c = text.p[i];
    bool is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!is_fine) return false;
  }
  return text.n == CHALLENGE_LENGTH;
}

/* One of ours, as it is kept: ".../mcp". Clients name it with or without a slash, or its origin alone. */
static bool read_resource(struct request *request, struct str text, struct str *ret_resource) {
  struct str canonical = text;
  if (!text.p) canonical = request->base;
  if (str_ends(canonical, STR("/"))) canonical.n--;
  if (!str_ends(canonical, STR("/mcp"))) canonical = arena_printf(&request->arena, "%.*s/mcp", STR_ARG(canonical));
  *ret_resource = canonical;
  return canonical.p && signin_is_own_audience(request->signin, canonical);
}

/* False: answered. */
static bool check_parameters(struct request *request) {
  struct authorize_flow *flow = flow_of(request);
  const struct form *asked = &flow->asked;
  struct str mode = form_get(asked, "response_mode"), prompt = form_get(asked, "prompt");
  flow->challenge = form_get(asked, "code_challenge");
  flow->scopes = scope_read(form_get(asked, "scope"));
  if (repeats_any(asked) || form_repeats(asked, "resource"))
    answer_error(request, "invalid_request", "a parameter stands twice");
  else if (!str_eq(form_get(asked, "response_type"), STR("code")))
    answer_error(request, "unsupported_response_type", "response_type must be code");
  else if (mode.n && !str_eq(mode, STR("query")))
    answer_error(request, "invalid_request", "response_mode must be query");
  else if (form_get(asked, "request").p || form_get(asked, "request_uri").p)
    answer_error(request, "request_not_supported", "request objects are not supported");
  else if (!str_eq(form_get(asked, "code_challenge_method"), STR("S256")) || !is_challenge(flow->challenge))
    answer_error(request, "invalid_request", "PKCE is needed: code_challenge with code_challenge_method S256");
  else if (!read_resource(request, form_get(asked, "resource"), &flow->resource))
    answer_error(request, "invalid_target", "resource is not this server's MCP endpoint");
  else if (str_eq(prompt, STR("none")))
    answer_error(request, "interaction_required", "a person has to agree, each time");
  else
    return true;
  return false;
}

/* False: a page has been sent. */
static bool check_client(struct request *request) {
  struct authorize_flow *flow = flow_of(request);
  struct str uri = form_get(&flow->asked, "redirect_uri");
  if (!flow->lookup.is_found) {
    request_reply_notice(request, 400, "This program is not known", flow->lookup.problem);
    return false;
  }
  if (!uri.n || form_repeats(&flow->asked, "redirect_uri") || form_repeats(&flow->asked, "client_id") ||
      !client_has_redirect(&request->arena, &flow->lookup.record, uri)) {
    request_reply_notice(request, 400, "This program asks for an answer elsewhere",
                         STR("The address that the answer should go to is not one that the program has named before. "
                             "Nothing was sent."));
    return false;
  }
  flow->redirect_uri = uri;
  flow->state = form_get(&flow->asked, "state");
  return true;
}

static void go_and_sign_in(struct request *request) {
  struct buf location;
  buf_init(&location, &request->arena, 32 * KIB);
  buf_append_c(&location, request->visitor.is_half ? "/sign-in/code?return=" : "/sign-in?return=");
  url_write_encoded(&location, STR("/oauth/authorize?"));
  url_write_encoded(&location, request->http->query);
  request_redirect(request, buf_failed(&location) ? STR("/sign-in") : buf_str(&location));
}

static bool begin(struct request *request, struct str text, request_then then) {
  struct authorize_flow *flow = request->flow = arena_new(&request->arena, struct authorize_flow);
  if (!flow || !form_read(&request->arena, text, &flow->asked)) {
    request_reply_notice(request, 400, "That request cannot be read", STR("Go back to the program that sent you."));
    return false;
  }
  flow->text = text;
  flow->lookup.client_id = form_get(&flow->asked, "client_id");
  if (!flow->lookup.client_id.n || flow->lookup.client_id.n > CLIENT_ID_MAX ||
      form_get(&flow->asked, "state").n > STATE_MAX) {
    request_reply_notice(request, 400, "That request is not complete", STR("Go back to the program that sent you."));
    return false;
  }
  client_find(request, &flow->lookup, then);
  return true;
}

/* --- asking --- */

static void on_consent_loaded(struct request *request) {
  struct authorize_flow *flow = flow_of(request);
  if (request->code != ERR_NONE)
    request_reply_failure(request);
  else if (flow->n_allowances == 0)
    request_reply_notice(request, 403, "You are in no organisation here",
                         STR("Your login is fine, but no organisation has you as a user. Ask your admin for an "
                             "invitation."));
  else
    consent_show(request, 200);
}

static void on_client_to_ask(struct request *request) {
  if (check_client(request) && check_parameters(request)) request_read(request, consent_load, on_consent_loaded);
}

void authorize_get(struct request *request) {
  /* Somebody has to be signed in before we look at, or fetch, anything that a stranger names. */
  if (!request->visitor.is_known)
    go_and_sign_in(request);
  else
    (void)begin(request, request->http->query, on_client_to_ask);
}

/* --- the answer --- */

static enum err_code record_grant(struct request *request, struct db_tx *tx, const struct oauth_grant_record *grant,
                                  struct err *err) {
  struct authorize_flow *flow = flow_of(request);
  struct buf detail;
  buf_init(&detail, &request->arena, 16 * KIB);
  buf_append_c(&detail, "{\"client\":"); /* members in the order of RFC 8785 */
  json_write_str(&detail, flow->lookup.record.name);
  buf_append_c(&detail, ",\"client_id\":");
  json_write_str(&detail, flow->lookup.record.client_id);
  buf_append_c(&detail, ",\"redirect_uri\":");
  json_write_str(&detail, flow->redirect_uri);
  buf_append_c(&detail, ",\"scope\":\"");
  scope_write(&detail, flow->given);
  buf_append_c(&detail, "\"}");
  if (buf_failed(&detail)) return err_no_memory(err);
  return person_record(request, tx, grant->organisation_id, grant->user_id, request->visitor.session.email,
                       "client.allow", buf_str(&detail), err);
}

static enum err_code find_membership(struct request *request, struct db_tx *tx, struct uuid *ret_organisation,
                                     struct err *err) {
  struct authorize_flow *flow = flow_of(request);
  struct person_memberships memberships;
  enum err_code code = person_memberships(request, tx, request->visitor.session.login_id, &memberships, err);
  for (size_t i = 0; i < memberships.n && code == ERR_NONE; i++) {
    if (!uuid_eq(memberships.items[i].user_id, flow->user_id)) continue;
    *ret_organisation = memberships.items[i].organisation_id;
    return ERR_NONE;
  }
  return code != ERR_NONE ? code : err_set(err, ERR_DENIED, "You are not a user of that organisation any more.");
}

static enum err_code give_code(struct request *request, struct db_tx *tx, struct err *err) {
  struct authorize_flow *flow = flow_of(request);
  int64_t now = clock_utc_us();
  struct oauth_grant_record grant = {.id = uuid_new(),
                                     .user_id = flow->user_id,
                                     .oauth_client_id = flow->lookup.record.id,
                                     .scopes = flow->given,
                                     .resource = flow->resource,
                                     .created_at = now,
                                     .expires_at = now + unused_us};
  struct oauth_code_record code = {.grant_id = grant.id,
                                   .redirect_uri = flow->redirect_uri,
                                   .challenge = flow->challenge,
                                   .expires_at = now + CODE_US};
  enum err_code failure = find_membership(request, tx, &grant.organisation_id, err);
  token_new(TOKEN_CODE, flow->code);
  token_hash(str_of(flow->code), code.hash);
  if (failure == ERR_NONE) failure = store_oauth_grant_insert(tx, &grant, err);
  if (failure == ERR_NONE) failure = store_oauth_code_insert(tx, &code, err);
  if (failure == ERR_NONE) failure = store_oauth_client_used(tx, grant.oauth_client_id, now, err);
  return failure == ERR_NONE ? record_grant(request, tx, &grant, err) : failure;
}

static void on_code_given(struct request *request) {
  if (request->code == ERR_NONE)
    answer(request, "code", str_of(flow_of(request)->code), NULL);
  else
    request_reply_failure(request);
}

static unsigned given_scopes(const struct request *request) {
  return (form_get(&request->form, "read").n ? DOES_READ : 0u) |
         (form_get(&request->form, "write").n ? DOES_WRITE : 0u) |
         (form_get(&request->form, "destroy").n ? DOES_DESTROY : 0u);
}

static void on_client_to_answer(struct request *request) {
  struct authorize_flow *flow = flow_of(request);
  if (!check_client(request) || !check_parameters(request)) return;
  flow->given = given_scopes(request) & flow->scopes;
  if (!str_eq(form_get(&request->form, "decision"), STR("allow"))) {
    answer_error(request, "access_denied", "the person said no");
  } else if (!flow->given) {
    request->problem = STR("Choose at least one thing that it may do, or do not allow it.");
    request_read(request, consent_load, on_consent_loaded);
  } else if (!uuid_parse(form_get(&request->form, "user"), &flow->user_id)) {
    request->problem = STR("Choose for which organisation.");
    request_read(request, consent_load, on_consent_loaded);
  } else {
    request_write(request, give_code, on_code_given);
  }
}

void authorize_post(struct request *request) {
  if (!request->visitor.is_known)
    request_redirect(request, STR("/sign-in"));
  else
    (void)begin(request, form_get(&request->form, "request"), on_client_to_answer);
}
