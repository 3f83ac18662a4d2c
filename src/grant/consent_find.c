/* The part of a consent that is for servers which say themselves who grants access to them: finding that out, and being
 * known there, before the browser is sent there.
 *
 *   asking the server and whom it names -> (registered by hand | a document | registering) -> sent
 *
 * What was found is sealed with the state, so that the code goes to whom it was asked of (RFC 9700, 4.4: mix-up). */
#include "base/limits.h"
#include "codec/json.h"
#include "grant/consent.h"
#include "grant/register.h"

enum { REGISTER_MS = 20 * 1000, SCOPES_MAX = 8 * KIB };

/* ---- scopes ---- */

static void add_scopes(struct buf *out, struct str scopes) {
  for (struct str rest = scopes; rest.p && rest.n > 0;) {
    struct str scope = str_cut(&rest, ' ');
    if (scope.n == 0 || (out->n > 0 && grant_scopes_within(scope, buf_str(out)))) continue;
    if (out->n > 0) buf_append_byte(out, ' ');
    buf_append_str(out, scope);
  }
}

/* MCP, scope selection: what the definition says, else what the server asked for when it refused, else all that it
 * lists, else none. Where more is wanted of what is there, that stays (step-up). */
static enum err_code choose_scopes(struct consent_run *run, yyjson_val *challenge, struct err *err) {
  const struct grant_subject *subject = &run->subject;
  struct str challenged = json_get_str(challenge, "scope");
  bool is_more = subject->has_authorization && str_eq(subject->grant.status, STR("active")) &&
                 str_eq(subject->authorization.issuer, run->discovery.about.issuer);
  struct buf out;
  buf_init(&out, run->arena, SCOPES_MAX);
  if (is_more) add_scopes(&out, subject->authorization.scopes);
  if (subject->fixed->scopes.n > 0)
    add_scopes(&out, subject->fixed->scopes);
  else
    add_scopes(&out, challenged.n > 0 ? challenged : run->discovery.resource.scopes);
  /* Without it some give nothing to renew with. Alone it would stand in the place of whatever is given by default. */
  if (out.n > 0 && grant_scopes_within(STR("offline_access"), run->discovery.about.scopes))
    add_scopes(&out, STR("offline_access"));
  if (buf_failed(&out)) return err_set(err, ERR_UPSTREAM, "The server asks for more scopes than can be asked for.");
  run->found.scopes = out.n > 0 ? buf_str(&out) : STR("");
  return ERR_NONE;
}

/* ---- known there ---- */

static void go_on(struct consent_run *run) {
  struct err err = {0};
  enum err_code code = grant_authorization_write(run->arena, &run->found, &run->authorization, &err);
  if (code == ERR_NONE) code = grant_subject_authorize(run->arena, &run->subject, &run->found, &err);
  if (code == ERR_NONE)
    consent_send(run);
  else
    consent_fail(run, &err);
}

static void on_registered(void *context, const struct http_client_response *response, const struct err *failure) {
  struct consent_run *run = context;
  struct str host = grant_host(run->discovery.about.registration);
  struct err err = {0};
  run->transfer = NULL;
  if (!response)
    consent_fail_with(run, ERR_UPSTREAM, "%.*s could not be asked to register Connek: %s", STR_ARG(host),
                      failure->text);
  else if (grant_registration_read(run->arena, &run->discovery.about, response, &run->found, &err) != ERR_NONE)
    consent_fail(run, &err);
  else
    go_on(run);
}

static enum err_code register_there(struct consent_run *run, struct err *err) {
  static const struct http_field fields[] = {{STR("Accept"), STR("application/json")},
                                             {STR("Content-Type"), STR("application/json")}};
  const struct grant_server *about = &run->discovery.about;
  struct http_client_request request = {.method = STR("POST"),
                                        .url = about->registration,
                                        .organisation = run->subject.organisation,
                                        .fields = fields,
                                        .n_fields = 2,
                                        .has_body = true,
                                        .timeout_ms = REGISTER_MS,
                                        .max_body = 64 * KIB};
  enum err_code code = grant_registration_write(run->arena, about, run->keeper->options.public_url, &request.body, err);
  if (code != ERR_NONE) return code;
  return http_client_send(run->keeper->http, run->arena, &request, on_registered, run, &run->transfer, err);
}

/* A registration is used as long as what it got is. */
static bool is_registered(const struct consent_run *run) {
  const struct grant_subject *subject = &run->subject;
  return subject->has_authorization && subject->authorization.known_by == GRANT_CLIENT_REGISTERED &&
         str_eq(subject->authorization.issuer, run->found.issuer) && str_eq(subject->grant.status, STR("active"));
}

/* What was registered by hand is for the authorization server that it was registered with: it is withheld from any
 * other, which the server may have been made to name. */
static enum err_code use_own_client(struct consent_run *run, struct str id, bool has_secret, struct str issuer,
                                    struct err *err) {
  struct grant_authorization *found = &run->found;
  if (!str_eq(issuer, found->issuer))
    return err_set(err, ERR_DENIED,
                   "%.*s names %.*s as its authorization server, and the client id that is set is for another one "
                   "(%.*s): it is withheld. An admin can set another one with connek client-app set --issuer.",
                   STR_ARG(run->subject.record.name), (int)(found->issuer.n < 120 ? found->issuer.n : 120),
                   found->issuer.p, (int)(issuer.n < 120 ? issuer.n : 120), issuer.p ? issuer.p : "");
  found->known_by = GRANT_CLIENT_APP;
  found->client_id = id;
  return grant_client_method(&run->discovery.about, has_secret, &found->client, err);
}

static void become_known(struct consent_run *run) {
  const struct grant_subject *subject = &run->subject;
  const struct grant_server *about = &run->discovery.about;
  struct grant_authorization *found = &run->found;
  struct str own = json_get_str(subject->credential, "client_id"), public_url = run->keeper->options.public_url;
  struct err err = {0};
  enum err_code code = ERR_NONE;
  if (own.n > 0) {
    code = use_own_client(run, own, json_get(subject->credential, "client_secret"), subject->fixed->issuer, &err);
  } else if (subject->app.client_id.n > 0) {
    code = use_own_client(run, subject->app.client_id, subject->app_secret.n > 0, subject->app.issuer, &err);
  } else if (about->has_documents && about->has_none && grant_has_client_document(run->arena, public_url)) {
    found->known_by = GRANT_CLIENT_DOCUMENT;
    found->client = CONNECTOR_CLIENT_NONE;
    found->client_id = arena_printf(run->arena, "%.*s" GRANT_CLIENT_DOCUMENT_PATH, STR_ARG(public_url));
    if (!found->client_id.p) code = err_no_memory(&err);
  } else if (is_registered(run)) {
    found->known_by = GRANT_CLIENT_REGISTERED;
    found->client = subject->authorization.client;
    found->client_id = subject->authorization.client_id;
    found->client_secret = subject->authorization.client_secret;
  } else if (about->registration.n > 0) {
    code = register_there(run, &err);
    if (code == ERR_NONE) return; /* on_registered */
  } else {
    code = err_set(&err, ERR_UNAVAILABLE,
                   "%.*s registers no clients by itself. An admin can register Connek there (the redirect address is "
                   "%.*s/oauth/callback), and then set the client id with connek client-app set --issuer %.*s.",
                   STR_ARG(grant_host(about->issuer)), STR_ARG(public_url), STR_ARG(about->issuer));
  }
  if (code == ERR_NONE)
    go_on(run);
  else
    consent_fail(run, &err);
}

/* ---- found ---- */

static void on_found(struct grant_discovery *discovery, const struct err *failure) {
  struct consent_run *run = discovery->context;
  const struct grant_server *about = &discovery->about;
  struct str fixed = run->subject.fixed->issuer;
  struct err err = {0};
  yyjson_doc *challenge = NULL;
  if (failure) {
    consent_fail_with(run, ERR_UPSTREAM, "Who grants access to %.*s could not be found out: %s. Nothing was changed.",
                      STR_ARG(run->subject.record.name), failure->text);
    return;
  }
  if (fixed.n > 0 && !str_eq(fixed, about->issuer)) {
    consent_fail_with(run, ERR_DENIED,
                      "%.*s names %.*s as its authorization server, and its connector says %.*s. "
                      "Nothing was sent there.",
                      STR_ARG(run->subject.record.name), STR_ARG(about->issuer), STR_ARG(fixed));
    return;
  }
  if (about->authorize.n == 0) {
    consent_fail_with(run, ERR_UPSTREAM, "%.*s has no page where a person could consent.",
                      STR_ARG(grant_host(about->issuer)));
    return;
  }
  run->found = (struct grant_authorization){.server = run->subject.fixed->server,
                                            .issuer = about->issuer,
                                            .authorize = about->authorize,
                                            .token = about->token,
                                            .revoke = about->revoke,
                                            .resource = discovery->resource.resource,
                                            .requires_iss = about->requires_iss};
  enum err_code code = json_read(run->arena, run->subject.grant.challenge.n ? run->subject.grant.challenge : STR("{}"),
                                 &challenge, &err);
  if (code == ERR_NONE) code = choose_scopes(run, yyjson_doc_get_root(challenge), &err);
  if (code == ERR_NONE)
    become_known(run);
  else
    consent_fail(run, &err);
}

void consent_find(struct consent_run *run) {
  const struct grant_subject *subject = &run->subject;
  struct grant_discovery *discovery = &run->discovery;
  yyjson_doc *challenge = NULL;
  struct err err = {0};
  *discovery = (struct grant_discovery){.http = run->keeper->http,
                                        .arena = run->arena,
                                        .organisation = subject->organisation,
                                        .server = subject->oauth->server,
                                        .issuer = subject->fixed->issuer,
                                        .done = on_found,
                                        .context = run};
  if (discovery->issuer.n == 0 && subject->app.client_id.n > 0) discovery->issuer = subject->app.issuer;
  if (discovery->issuer.n == 0 && subject->has_authorization) discovery->issuer = subject->authorization.issuer;
  enum err_code code = ERR_NONE;
  if (subject->grant.challenge.n > 0) {
    code = json_read(run->arena, subject->grant.challenge, &challenge, &err);
    discovery->metadata_url = json_get_str(yyjson_doc_get_root(challenge), "resource_metadata");
  }
  if (code == ERR_NONE) code = grant_discover(discovery, &err);
  if (code != ERR_NONE)
    consent_fail_with(run, code, "Who grants access to %.*s could not be found out: %s.", STR_ARG(subject->record.name),
                      err.text);
}
