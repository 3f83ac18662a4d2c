/* A person's consent by OAuth 1.0a (RFC 5849, 2): a request token is got before the browser is sent away, and exchanged
 * with what it brings back. What comes of it signs every request, and does not end by itself. Must not know links and
 * states (consent.c). */
#include "base/clock.h"
#include "base/limits.h"
#include "codec/json.h"
#include "grant/consent.h"

enum { SIGNED_MAX = 32 * KIB, SHOWN = 160 };

static enum err_code send_signed(struct consent_run *run, const struct oauth1_request *asked, http_client_done done,
                                 struct err *err) {
  const struct grant_subject *subject = &run->subject;
  char nonce[OAUTH1_NONCE_SIZE];
  struct buf value;
  struct oauth1_request signing = *asked;
  oauth1_nonce(nonce);
  signing.signature = subject->oauth->signature;
  signing.realm = subject->oauth->realm;
  signing.method = STR("POST");
  signing.consumer_key = subject->client_id;
  signing.consumer_secret = subject->client_secret;
  signing.nonce = str_of(nonce);
  signing.time_s = clock_utc_us() / 1000000;
  buf_init(&value, run->arena, SIGNED_MAX);
  enum err_code code = oauth1_write(run->arena, &signing, &value, err);
  if (code != ERR_NONE) return code;
  const struct http_client_request request = {.method = signing.method,
                                              .url = signing.url,
                                              .secret_field = STR("Authorization"),
                                              .secret_prefix = STR("OAuth "),
                                              .secret_value = buf_str(&value),
                                              .has_body = true,
                                              .needs_new_connection = true,
                                              .timeout_ms = GRANT_EXCHANGE_MS,
                                              .max_body = MIB,
                                              .ret_was_sent = &run->was_sent};
  return http_client_send(run->keeper->http, run->arena, &request, done, run, &run->transfer, err);
}

/* Ends the run where there is no token in it. */
static yyjson_val *read_token(struct consent_run *run, struct str url, const struct http_client_response *response,
                              const struct err *failure) {
  struct str host = grant_host(url);
  run->transfer = NULL;
  if (!response) {
    consent_fail_with(run, ERR_UPSTREAM, "%.*s could not be asked: %s. Nothing was changed.", STR_ARG(host),
                      failure->text);
    return NULL;
  }
  bool is_success = response->status >= 200 && response->status < 300;
  yyjson_val *form = grant_read_form(run->arena, response->body);
  if (is_success && json_get_str(form, "oauth_token").n > 0 && json_get(form, "oauth_token_secret")) return form;
  struct str problem = grant_clean(run->arena, json_get_str(form, "oauth_problem"), SHOWN);
  consent_fail_with(run, ERR_UPSTREAM,
                    "%.*s answered %d and gave no token%s%.*s%s: an admin has to look at the client id and secret. "
                    "Nothing was changed.",
                    STR_ARG(host), response->status, problem.n ? " (" : "", STR_ARG(problem), problem.n ? ")" : "");
  return NULL;
}

/* ---- before the browser is sent away ---- */

static void on_begun(void *context, const struct http_client_response *response, const struct err *failure) {
  struct consent_run *run = context;
  yyjson_val *form = read_token(run, run->subject.oauth->request, response, failure);
  if (!form) return;
  run->token = json_get_str(form, "oauth_token");
  run->token_secret = json_get_str(form, "oauth_token_secret");
  consent_send(run);
}

void consent_request_token(struct consent_run *run) {
  struct err err = {0};
  consent_make_state(run);
  /* There is no state in this protocol: the address that the browser comes back to has it. */
  struct str callback =
      arena_printf(run->arena, "%.*s/oauth/callback?state=%s", STR_ARG(run->keeper->options.public_url), run->state);
  struct oauth1_request signing = {.url = run->subject.oauth->request, .callback = callback};
  if (!callback.p)
    consent_fail_with(run, ERR_NO_MEMORY, "Out of memory.");
  else if (send_signed(run, &signing, on_begun, &err) != ERR_NONE)
    consent_fail(run, &err);
}

/* ---- when it has come back ---- */

static void on_exchanged(void *context, const struct http_client_response *response, const struct err *failure) {
  struct consent_run *run = context;
  yyjson_val *form = read_token(run, run->subject.oauth->token, response, failure);
  struct err err = {0};
  yyjson_doc *known;
  if (!form) return;
  run->answer =
      (struct grant_answer){.verdict = GRANT_RENEWED, .access_token = json_get_str(form, "oauth_token"), .root = form};
  run->token_secret = json_get_str(form, "oauth_token_secret");
  enum err_code code = json_read(run->arena, STR("{}"), &known, &err);
  if (code == ERR_NONE)
    code = grant_capture(run->arena, run->subject.oauth, yyjson_doc_get_root(known), &run->callback, &run->answer,
                         &run->captured, &err);
  if (code == ERR_NONE)
    consent_store(run);
  else
    consent_fail(run, &err);
}

/* RFC 5849, 2.2: the token that comes back is the one that went; who refuses brings no verifier. */
void consent_exchange_token(struct consent_run *run, struct str token, struct str verifier) {
  struct str host = grant_host(run->subject.oauth->authorize);
  struct err err = {0};
  struct oauth1_request signing = {
      .url = run->subject.oauth->token, .token = run->token, .token_secret = run->token_secret, .verifier = verifier};
  if (verifier.n == 0) {
    consent_fail_with(run, ERR_DENIED, "%.*s did not give access. Nothing was changed.", STR_ARG(host));
  } else if (run->token.n == 0 || !str_eq_constant_time(token, run->token)) {
    consent_fail_with(run, ERR_DENIED, "The answer is not of the consent that was asked for. Nothing was changed.");
  } else if (send_signed(run, &signing, on_exchanged, &err) != ERR_NONE) {
    consent_fail(run, &err);
  }
}

enum err_code grant_oauth1_tokens_write(struct arena *arena, struct str token, struct str token_secret,
                                        struct str *ret_json, struct err *err) {
  struct buf json;
  buf_init(&json, arena, 128 * KIB);
  buf_append_c(&json, "{\"access_token\":");
  json_write_str(&json, token);
  buf_append_c(&json, ",\"token_secret\":");
  json_write_str(&json, token_secret);
  buf_append_byte(&json, '}');
  if (buf_failed(&json)) return err_no_memory(err);
  *ret_json = buf_str(&json);
  return ERR_NONE;
}

void grant_oauth1_write_credential(struct buf *out, const struct grant_subject *subject) {
  const struct connector_parameter members[] = {{STR("consumer_key"), subject->client_id},
                                                {STR("consumer_secret"), subject->client_secret},
                                                {STR("token"), json_get_str(subject->tokens, "access_token")},
                                                {STR("token_secret"), json_get_str(subject->tokens, "token_secret")}};
  for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
    buf_append_byte(out, i == 0 ? '{' : ',');
    json_write_str(out, members[i].name);
    buf_append_byte(out, ':');
    json_write_str(out, members[i].value);
  }
  buf_append_byte(out, '}');
}
