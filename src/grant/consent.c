/* A person's way from a link to the service's consent page and back (RFC 6749, 4.1; RFC 7636; RFC 9207).
 *
 *   BEGIN     link -> (who grants?) -> a new state, bound to the browser -> the service's address
 *   CALLBACK  state and code -> used up -> exchanged -> (which account?) -> stored
 *   CHOICES   link -> the accounts that the token sees
 *   CHOOSE    link and one of them -> stored
 *
 * Nothing is changed by a callback whose state is unknown, used, old, or another browser's. */
#include <stdlib.h>

#include "audit/audit.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "codec/url.h"
#include "grant/consent.h"
#include "store/api.h"
#include "vault/places.h"

enum { VERIFIER_BYTES = 32 };
static const int64_t second_us = 1000000;

/* ---- the end ---- */

static void on_home(struct loop_task *task) {
  struct grant_consent *consent = (struct grant_consent *)(void *)((char *)task - offsetof(struct grant_consent, task));
  consent->done(consent);
}

void consent_end(struct consent_run *run) {
  struct grant_keeper *keeper = run->keeper;
  struct grant_consent *consent = run->consent;
  if (run->has_subject) {
    consent->connection = run->subject.record.name;
    grant_subject_release(&run->subject);
  }
  free(run);
  keeper->n_consents--;
  consent->task.run = on_home;
  loop_post(consent->loop, &consent->task);
  keeper_end_when_idle(keeper);
}

void consent_fail(struct consent_run *run, const struct err *err) {
  run->consent->has_failed = true;
  run->consent->err = *err;
  consent_end(run);
}

void consent_fail_with(struct consent_run *run, enum err_code code, const char *format, ...) {
  char text[ERR_TEXT_SIZE];
  struct err err;
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  (void)err_set(&err, code, "%s", text);
  consent_fail(run, &err);
}

static void submit(struct consent_run *run, db_work work, void (*done)(struct db_job *job)) {
  struct grant_keeper *keeper = run->keeper;
  run->db_job = (struct db_job){.work = work, .context = run, .is_write = true, .done = done};
  if (run->has_subject) run->db_job.scope = run->subject.record.organisation_id;
  if (!db_submit(keeper->options.db, &keeper->loop, &run->db_job))
    consent_fail_with(run, ERR_UNAVAILABLE, "The server has too much to do. Try again in a moment.");
}

/* ---- the link ---- */

static enum err_code load_subject(struct db_tx *tx, struct consent_run *run, const struct connect_link_record *link,
                                  struct err *err) {
  struct organisation_record organisation;
  struct grant_consent *consent = run->consent;
  db_scope(tx, link->organisation_id); /* whose it is, is known from here on */
  enum err_code code = grant_subject_load(tx, run->arena, run->keeper->options.vault, link->organisation_id,
                                          link->connection_id, &run->subject, err);
  if (code != ERR_NONE) return code;
  run->has_subject = true;
  code = store_organisation_get(tx, run->arena, link->organisation_id, &organisation, err);
  if (code != ERR_NONE) return code;
  consent->organisation = organisation.name;
  consent->return_path = link->return_path;
  const struct grant_subject *subject = &run->subject;
  if (!connector_oauth_has_consent(subject->oauth))
    return err_set(err, ERR_INVALID, "The connector of %.*s is not connected by a consent.",
                   STR_ARG(subject->record.name));
  if (subject->oauth->is_discovered) return ERR_NONE; /* the rest is found out yet */
  if (subject->client_id.n == 0) {
    *err = subject->client_problem;
    return err->code;
  }
  if (subject->oauth->authorize.n == 0 || subject->oauth->token.n == 0)
    return err_set(err, ERR_INVALID, "A setting of %.*s that the service's address needs is not set.",
                   STR_ARG(subject->record.name));
  return ERR_NONE;
}

static enum err_code open_link(struct db_tx *tx, struct consent_run *run, const uint8_t hash[32], struct err *err) {
  struct connect_link_record link;
  enum err_code code = store_connect_link_get(tx, run->arena, hash, &link, err);
  if (code == ERR_NOT_FOUND) return err_set(err, code, "This link is not known here. Ask for a new one.");
  if (code != ERR_NONE) return code;
  if (link.used_at) return err_set(err, ERR_CONFLICT, "This link was used already. Ask for a new one.");
  if (link.expires_at < clock_utc_us())
    return err_set(err, ERR_DENIED, "This link is too old: it was good for a short time. Ask for a new one.");
  memcpy(run->link, hash, 32);
  return load_subject(tx, run, &link, err);
}

static enum err_code open_consents_link(struct db_tx *tx, void *context, struct err *err) {
  struct consent_run *run = context;
  uint8_t hash[32];
  vault_sha256(run->consent->link, hash);
  return open_link(tx, run, hash, err);
}

/* A link of a user's own connection leads nowhere but in their own browser: else they could hand it to a colleague,
 * whose account their assistant would then use (the same demand as MCP has on URL elicitation). */
static enum err_code check_visitor(struct db_tx *tx, struct consent_run *run, struct err *err) {
  const struct connection_record *record = &run->subject.record;
  const struct grant_consent *consent = run->consent;
  struct uuid visitor = {{0}};
  struct user_view owner;
  if (!record->is_made_by_owner) return ERR_NONE;
  enum err_code code =
      store_user_get(tx, run->arena, record->organisation_id, record->owner_user_id, clock_utc_us(), &owner, err);
  if (code == ERR_NONE && consent->session.n > 0)
    code = consent->find_login(tx, run->arena, consent->session, &visitor, err);
  if (code != ERR_NONE || (uuid_eq(visitor, owner.user.login_id) && !owner.user.disabled_at)) return code;
  if (uuid_is_nil(visitor)) return err_set(err, ERR_UNAUTHENTICATED, "Sign in to Connek, and open this link again.");
  return err_set(err, ERR_DENIED,
                 "This link is for the person alone whose connection it is, and you are somebody else.");
}

static enum err_code begin_link(struct db_tx *tx, void *context, struct err *err) {
  enum err_code code = open_consents_link(tx, context, err);
  return code == ERR_NONE ? check_visitor(tx, context, err) : code;
}

/* ---- BEGIN ---- */

static void add_parameter(struct buf *url, struct str name, struct str value) {
  if (value.n == 0) return;
  buf_append_byte(url, memchr(url->p, '?', url->n) ? '&' : '?');
  url_write_encoded(url, name);
  buf_append_byte(url, '=');
  url_write_encoded(url, value);
}

static enum err_code end_location(struct consent_run *run, struct buf *url, struct err *err) {
  const struct connector_oauth *oauth = run->subject.oauth;
  for (size_t i = 0; i < oauth->n_extra; i++)
    add_parameter(url, oauth->extra[i].name, oauth->extra[i].value);
  if (buf_failed(url)) return err_no_memory(err);
  run->consent->location = buf_str(url);
  return ERR_NONE;
}

static enum err_code write_location(struct consent_run *run, struct str state, struct str verifier, struct err *err) {
  const struct connector_oauth *oauth = run->subject.oauth;
  struct buf url, redirect, challenge;
  uint8_t digest[32];
  buf_init(&url, run->arena, 64 * KIB);
  buf_init(&redirect, run->arena, 4 * KIB);
  buf_init(&challenge, run->arena, 128);
  buf_printf(&redirect, "%.*s/oauth/callback", STR_ARG(run->keeper->options.public_url));
  vault_sha256(verifier, digest);
  base64url_write(&challenge, str_make((const char *)digest, sizeof(digest)));
  buf_append_str(&url, oauth->authorize);
  if (oauth->grant == CONNECTOR_GRANT_OAUTH1) {
    add_parameter(&url, STR("oauth_token"), run->token);
    return end_location(run, &url, err);
  }
  add_parameter(&url, STR("response_type"), STR("code"));
  add_parameter(&url, STR("client_id"), run->subject.client_id);
  add_parameter(&url, STR("redirect_uri"), buf_str(&redirect));
  add_parameter(&url, STR("state"), state);
  add_parameter(&url, oauth->scope_parameter, oauth->scopes);
  if (oauth->has_pkce) {
    add_parameter(&url, STR("code_challenge"), buf_str(&challenge));
    add_parameter(&url, STR("code_challenge_method"), STR("S256"));
  }
  add_parameter(&url, STR("resource"), oauth->resource);
  /* OpenID Connect Core, 11: without it the scope is ignored. */
  if (oauth->is_discovered && grant_scopes_within(STR("offline_access"), oauth->scopes))
    add_parameter(&url, STR("prompt"), STR("consent"));
  if (buf_failed(&redirect) || buf_failed(&challenge)) return err_no_memory(err);
  return end_location(run, &url, err);
}

/* What only the callback needs: whom the code is for, and with what it is exchanged. */
static enum err_code seal_state(struct consent_run *run, struct oauth_state_record *record, struct str verifier,
                                struct err *err) {
  struct buf json;
  buf_init(&json, run->arena, 128 * KIB);
  buf_append_c(&json, "{\"verifier\":");
  json_write_str(&json, verifier);
  if (run->authorization.n > 0) {
    buf_append_c(&json, ",\"authorization\":");
    buf_append_str(&json, run->authorization);
  }
  if (run->token.n > 0) {
    buf_append_c(&json, ",\"token\":");
    json_write_str(&json, run->token);
    buf_append_c(&json, ",\"token_secret\":");
    json_write_str(&json, run->token_secret);
  }
  buf_append_byte(&json, '}');
  if (buf_failed(&json)) return err_no_memory(err);
  return vault_seal(run->subject.keys, run->arena, vault_place_verifier(record->hash), buf_str(&json),
                    &record->verifier, err);
}

void consent_make_state(struct consent_run *run) {
  uint8_t bytes[(GRANT_TOKEN_SIZE - 1) / 2];
  random_bytes(bytes, sizeof(bytes));
  hex_format(bytes, sizeof(bytes), run->state);
}

static enum err_code send_work(struct db_tx *tx, void *context, struct err *err) {
  struct consent_run *run = context;
  uint8_t secret[VERIFIER_BYTES];
  struct buf verifier;
  if (!run->state[0]) consent_make_state(run);
  random_bytes(secret, sizeof(secret));
  buf_init(&verifier, run->arena, 128);
  base64url_write(&verifier, str_make((const char *)secret, sizeof(secret)));
  if (buf_failed(&verifier)) return err_no_memory(err);
  struct oauth_state_record record = {.expires_at = clock_utc_us() + GRANT_STATE_S * second_us};
  vault_sha256(str_of(run->state), record.hash);
  memcpy(record.link, run->link, sizeof(record.link));
  vault_sha256(run->consent->browser, record.browser);
  enum err_code code = seal_state(run, &record, buf_str(&verifier), err);
  if (code == ERR_NONE) code = store_oauth_state_insert(tx, &record, err);
  return code == ERR_NONE ? write_location(run, str_of(run->state), buf_str(&verifier), err) : code;
}

static void on_sent(struct db_job *job) {
  struct consent_run *run = (struct consent_run *)(void *)job;
  if (job->code != ERR_NONE)
    consent_fail(run, &job->err);
  else
    consent_end(run);
}

void consent_send(struct consent_run *run) {
  submit(run, send_work, on_sent);
}

static void on_begun(struct db_job *job) {
  struct consent_run *run = (struct consent_run *)(void *)job;
  if (job->code != ERR_NONE)
    consent_fail(run, &job->err);
  else if (run->subject.oauth->is_discovered)
    consent_find(run);
  else if (run->subject.oauth->grant == CONNECTOR_GRANT_OAUTH1)
    consent_request_token(run);
  else
    consent_send(run);
}

/* ---- CALLBACK: what came ---- */

static struct str parameter(const struct consent_run *run, const char *name) {
  for (size_t i = 0; i < run->callback.n; i++)
    if (str_eq_c(run->callback.items[i].name, name)) return run->callback.items[i].value;
  return STR_NONE;
}

static enum err_code read_query(struct consent_run *run, struct err *err) {
  for (struct str rest = run->consent->query; rest.p && rest.n > 0;) {
    struct str value = str_cut(&rest, '&'), name, raw;
    struct str key = str_cut(&value, '=');
    if (run->callback.n == GRANT_PARAMETERS || !grant_form_decode(run->arena, key, &name) ||
        !grant_form_decode(run->arena, value, &raw))
      return err_set(err, ERR_INVALID, "The service sent the browser back with an address that cannot be read.");
    for (size_t i = 0; i < run->callback.n; i++)
      if (str_eq(run->callback.items[i].name, name))
        return err_set(err, ERR_INVALID, "The service sent the browser back with a parameter twice.");
    run->callback.items[run->callback.n++] = (struct connector_parameter){name, raw};
  }
  return ERR_NONE;
}

static struct str origin_of(struct str url) {
  const char *at = url.n > 0 ? memmem(url.p, url.n, "://", 3) : NULL;
  if (!at) return STR_NONE;
  struct str rest = str_make(at + 3, (size_t)(url.p + url.n - at) - 3);
  struct str host = str_cut(&rest, '/');
  return str_make(url.p, (size_t)(host.p + host.n - url.p));
}

/* RFC 9207, 2.4: whoever sent the code must be whom we asked. Manifests rarely name the issuer; its origin is then that
 * of its pages. */
static bool is_issuer(const struct connector_oauth *oauth, struct str iss) {
  if (iss.p == NULL) return !oauth->requires_iss;
  if (oauth->issuer.n > 0) return str_eq(oauth->issuer, iss);
  struct str origin = origin_of(iss);
  return origin.n > 0 && (str_eq(origin, origin_of(oauth->authorize)) || str_eq(origin, origin_of(oauth->token)));
}

static enum err_code check_state(const struct consent_run *run, const struct oauth_state_record *state,
                                 struct err *err) {
  uint8_t browser[32];
  vault_sha256(run->consent->browser, browser);
  if (state->used_at)
    return err_set(err, ERR_CONFLICT,
                   "This consent was brought back before. Nothing was changed; begin again with the "
                   "link.");
  if (state->expires_at < clock_utc_us())
    return err_set(err, ERR_DENIED,
                   "This consent took longer than ten minutes. Nothing was changed; begin again with "
                   "the link.");
  if (run->consent->browser.n == 0 ||
      !str_eq_constant_time(str_make((const char *)browser, 32), str_make((const char *)state->browser, 32)))
    return err_set(err, ERR_DENIED,
                   "This consent was begun in another browser. Nothing was changed; open the link "
                   "again, and stay in one browser.");
  return ERR_NONE;
}

static enum err_code open_verifier(struct consent_run *run, const struct oauth_state_record *state, struct err *err) {
  struct grant_subject *subject = &run->subject;
  yyjson_val *kept;
  struct buf json;
  enum err_code code =
      grant_open(run->arena, subject->keys, vault_place_verifier(state->hash), state->verifier, &kept, err);
  if (code == ERR_INVALID)
    return err_set(err, code,
                   "What this consent was begun with does not open any more. Nothing was changed; ask for a new link.");
  if (code != ERR_NONE) return code;
  run->verifier = json_get_str(kept, "verifier");
  run->token = json_get_str(kept, "token");
  run->token_secret = json_get_str(kept, "token_secret");
  bool is_found = grant_authorization_read(json_get(kept, "authorization"), &run->found);
  if (is_found != subject->oauth->is_discovered)
    return err_set(err, ERR_CONFLICT, "The connector was changed meanwhile. Nothing was changed; ask for a new link.");
  if (!is_found) return ERR_NONE;
  buf_init(&json, run->arena, 128 * KIB);
  json_write_value(&json, json_get(kept, "authorization"));
  if (buf_failed(&json)) return err_no_memory(err);
  run->authorization = buf_str(&json);
  code = grant_subject_authorize(run->arena, subject, &run->found, err);
  if (code == ERR_NONE && subject->client_id.n == 0) {
    *err = subject->client_problem;
    return err->code;
  }
  return code;
}

/* Uses the state up, whatever comes afterwards: that stays committed. */
static enum err_code callback_work(struct db_tx *tx, void *context, struct err *err) {
  struct consent_run *run = context;
  struct oauth_state_record state;
  uint8_t hash[32];
  struct str text = parameter(run, "state");
  vault_sha256(text, hash);
  enum err_code code = store_oauth_state_get(tx, run->arena, hash, &state, err);
  if (code == ERR_NOT_FOUND)
    return err_set(err, code,
                   "This consent is not known here: it was not begun on this server, or was ended long ago. "
                   "Nothing was changed.");
  if (code == ERR_NONE) code = check_state(run, &state, err);
  if (code == ERR_NONE) code = store_oauth_state_use(tx, hash, clock_utc_us(), err);
  if (code == ERR_NONE) code = open_link(tx, run, state.link, err);
  if (code == ERR_NONE) code = open_verifier(run, &state, err);
  return code;
}

/* ---- CALLBACK: stored ---- */

/* What the service gave must fit the manifest's settings, or the connection would be hidden as broken. */
static enum err_code check_captured(struct consent_run *run, struct err *err) {
  const struct grant_subject *subject = &run->subject;
  yyjson_doc *own, *captured;
  const void *state = NULL;
  struct err why = {0};
  enum err_code code = json_read(run->arena, subject->record.settings, &own, err);
  if (code == ERR_NONE) code = json_read(run->arena, run->captured, &captured, err);
  if (code != ERR_NONE) return code;
  yyjson_val *all = connector_settings_with(run->arena, yyjson_doc_get_root(own), yyjson_doc_get_root(captured));
  if (!all) return err_no_memory(err);
  code = subject->connector.kind->connect(run->arena, &subject->connector, all, &state, &why);
  if (code == ERR_NONE) return code;
  return err_set(err, ERR_UPSTREAM, "What the service gave does not fit the connector: %s", why.text);
}

static enum err_code store_change(struct db_tx *tx, struct consent_run *run, int64_t now, const char *word,
                                  struct err *err) {
  static const struct audit_author whoever = {.reason = "connect_link"};
  const struct connection_record *record = &run->subject.record;
  enum err_code code = store_connection_touch(tx, record->organisation_id, record->id, now, err);
  if (code == ERR_NONE) code = grant_record_change(tx, run->arena, &run->subject, word, &whoever, err);
  if (code == ERR_NONE) code = store_change_log(tx, record->organisation_id, CHANGE_ORGANISATION, record->id, err);
  return code;
}

static enum err_code put_grant(struct db_tx *tx, struct consent_run *run, int64_t now, struct err *err) {
  const struct grant_subject *subject = &run->subject;
  const struct connection_record *record = &subject->record;
  struct vault_keys *keys = NULL;
  struct str json;
  int64_t life = run->answer.expires_in_us ? run->answer.expires_in_us : subject->oauth->lifetime_us;
  struct grant_record grant = {.connection_id = record->id,
                               .organisation_id = record->organisation_id,
                               .status = STR("active"),
                               .scopes = run->answer.scopes.n ? run->answer.scopes : subject->oauth->scopes,
                               .captured = run->captured,
                               .has_refresh = grant_renews(subject->oauth, run->answer.refresh_token),
                               .obtained_at = now,
                               .expires_at = life ? now + life : 0,
                               .last_success_at = now};
  enum err_code code =
      subject->oauth->grant == CONNECTOR_GRANT_OAUTH1
          ? grant_oauth1_tokens_write(run->arena, run->answer.access_token, run->token_secret, &json, err)
          : grant_tokens_write(run->arena, run->answer.access_token, run->answer.refresh_token, run->authorization,
                               &json, err);
  if (code == ERR_NONE)
    code = grant_keys(tx, run->arena, run->keeper->options.vault, record->organisation_id, &keys, err);
  if (code == ERR_NONE) code = vault_seal(keys, run->arena, vault_place_grant(&record->id), json, &grant.secret, err);
  vault_keys_free(keys);
  if (code == ERR_NONE) code = store_grant_put(tx, &grant, err);
  if (code == ERR_NONE)
    code = store_grant_event_insert(tx, &(struct grant_event_record){record->id, now, STR("connected"), STR_NONE}, err);
  if (code == ERR_NONE) code = grant_schedule(tx, subject->oauth, &grant, now, err);
  return code;
}

static enum err_code store_work(struct db_tx *tx, void *context, struct err *err) {
  struct consent_run *run = context;
  const struct connection_record *record = &run->subject.record;
  int64_t now = clock_utc_us();
  enum err_code code = store_connect_link_use(tx, run->link, now, err);
  if (code == ERR_CONFLICT) return err_set(err, ERR_DENIED, "This link was used already. Nothing was changed.");
  if (code == ERR_NONE) code = check_captured(run, err);
  if (code == ERR_NONE && run->consent->step == GRANT_CONSENT_CHOOSE) {
    code = store_grant_capture(tx, record->organisation_id, record->id, run->captured, err);
    if (code == ERR_NONE) code = store_change(tx, run, now, "connection.choose", err);
    return code;
  }
  if (code == ERR_NONE) code = put_grant(tx, run, now, err);
  if (code == ERR_NONE) code = store_change(tx, run, now, "connection.connect", err);
  if (code == ERR_NONE && run->consent->n_choices > 0)
    code = grant_link_new(tx, record->organisation_id, record->id, run->consent->return_path,
                          now + GRANT_LINK_S * second_us, run->choice_link, err);
  return code;
}

static void on_stored(struct db_job *job) {
  struct consent_run *run = (struct consent_run *)(void *)job;
  struct grant_keeper *keeper = run->keeper;
  if (job->code != ERR_NONE) {
    consent_fail(run, &job->err);
    return;
  }
  if (run->choice_link[0]) run->consent->choice_link = arena_str(run->arena, str_of(run->choice_link));
  keeper_note(keeper, "grant_connected", &run->subject, STR_NONE);
  if (keeper->options.changed) keeper->options.changed(keeper->options.context);
  consent_end(run);
}

void consent_store(struct consent_run *run) {
  submit(run, store_work, on_stored);
}

/* ---- CALLBACK: exchanged ---- */

static void on_exchanged(void *context, const struct http_client_response *response, const struct err *failure) {
  struct consent_run *run = context;
  const struct connector_oauth *oauth = run->subject.oauth;
  struct err err = {0};
  yyjson_doc *known = NULL;
  run->transfer = NULL;
  grant_read_answer(run->arena, &run->subject, &run->sent, response, failure, run->was_sent, &run->answer);
  if (run->answer.verdict != GRANT_RENEWED) {
    consent_fail_with(run, ERR_UPSTREAM, "The consent could not be turned into access: %.*s. Nothing was changed.",
                      STR_ARG(run->answer.text));
    return;
  }
  enum err_code code = json_read(run->arena, STR("{}"), &known, &err);
  if (code == ERR_NONE)
    code = grant_capture(run->arena, oauth, yyjson_doc_get_root(known), &run->callback, &run->answer, &run->captured,
                         &err);
  if (code != ERR_NONE) {
    consent_fail(run, &err);
  } else if (oauth->discover.url.n > 0 && oauth->discover.n_set > 0) {
    consent_discover(run, run->answer.access_token);
  } else {
    consent_store(run);
  }
}

static enum err_code begin_exchange(struct consent_run *run, struct err *err) {
  struct http_client_request request;
  struct str redirect = arena_printf(run->arena, "%.*s/oauth/callback", STR_ARG(run->keeper->options.public_url));
  if (!redirect.p) return err_no_memory(err);
  grant_add(&run->sent, "grant_type", STR("authorization_code"));
  grant_add(&run->sent, "code", run->code);
  grant_add(&run->sent, "redirect_uri", redirect);
  if (run->subject.oauth->has_pkce) grant_add(&run->sent, "code_verifier", run->verifier);
  grant_add(&run->sent, "resource", run->subject.oauth->resource);
  enum err_code code = grant_request(run->arena, &run->subject, &run->sent, &request, err);
  if (code != ERR_NONE) return code;
  request.timeout_ms = GRANT_EXCHANGE_MS;
  request.ret_was_sent = &run->was_sent;
  return http_client_send(run->keeper->http, run->arena, &request, on_exchanged, run, &run->transfer, err);
}

static void on_called_back(struct db_job *job) {
  struct consent_run *run = (struct consent_run *)(void *)job;
  struct str error = parameter(run, "error"), text = parameter(run, "error_description"), host;
  struct err err = {0};
  if (job->code != ERR_NONE) {
    consent_fail(run, &job->err);
    return;
  }
  if (run->subject.oauth->grant == CONNECTOR_GRANT_OAUTH1) {
    consent_exchange_token(run, parameter(run, "oauth_token"), parameter(run, "oauth_verifier"));
    return;
  }
  host = grant_host(run->subject.oauth->authorize);
  run->code = parameter(run, "code");
  error = grant_clean(run->arena, error, 64);
  text = grant_clean(run->arena, text, 160);
  if (!is_issuer(run->subject.oauth, parameter(run, "iss"))) {
    consent_fail_with(run, ERR_DENIED, "The answer came from another server than %.*s. Nothing was changed.",
                      STR_ARG(host));
  } else if (error.n > 0) {
    consent_fail_with(run, ERR_DENIED, "%.*s did not give access (%.*s%s%.*s). Nothing was changed.", STR_ARG(host),
                      STR_ARG(error), text.n > 0 ? ": " : "", STR_ARG(text));
  } else if (run->code.n == 0) {
    consent_fail_with(run, ERR_UPSTREAM, "%.*s sent the browser back without a code. Nothing was changed.",
                      STR_ARG(host));
  } else if (begin_exchange(run, &err) != ERR_NONE) {
    consent_fail(run, &err);
  }
}

/* ---- CHOICES, CHOOSE ---- */

static void on_choice_read(struct db_job *job) {
  struct consent_run *run = (struct consent_run *)(void *)job;
  if (job->code != ERR_NONE) {
    consent_fail(run, &job->err);
    return;
  }
  struct str token = json_get_str(run->subject.tokens, "access_token");
  run->captured = run->subject.grant.captured.n ? run->subject.grant.captured : STR("{}");
  if (token.n == 0 || run->subject.oauth->discover.url.n == 0)
    consent_fail_with(run, ERR_INVALID, "There is nothing to choose: %.*s has to be connected first.",
                      STR_ARG(run->subject.record.name));
  else
    consent_discover(run, token);
}

/* ---- asked ---- */

void consent_ask(struct grant_keeper *keeper, struct grant_consent *consent) {
  struct consent_run *run = keeper->is_stopping ? NULL : calloc(1, sizeof(*run));
  if (!run) {
    consent->has_failed = true;
    (void)err_set(&consent->err, ERR_UNAVAILABLE, "The server cannot do this now. Try again in a moment.");
    consent->task.run = on_home;
    loop_post(consent->loop, &consent->task);
    return;
  }
  run->keeper = keeper;
  run->consent = consent;
  run->arena = &consent->arena;
  keeper->n_consents++;
  struct err err = {0};
  if (consent->step == GRANT_CONSENT_BEGIN) {
    submit(run, begin_link, on_begun);
  } else if (consent->step != GRANT_CONSENT_CALLBACK) {
    submit(run, open_consents_link, on_choice_read);
  } else if (read_query(run, &err) != ERR_NONE) {
    consent_fail(run, &err);
  } else {
    submit(run, callback_work, on_called_back);
  }
}
