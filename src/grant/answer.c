/* Reads what a token endpoint answered (RFC 6749, 5), in all the ways in which services depart from it. Whatever it is,
 * a person gets a sentence; and only what says that the grant is gone makes it so. */
#include "base/clock.h"
#include "base/limits.h"
#include "codec/blot.h"
#include "codec/json.h"
#include "codec/plain_text.h"
#include "codec/retry_after.h"
#include "codec/url.h"
#include "codec/utf8.h"
#include "grant/exchange.h"

enum { TOKEN_MAX = 16 * KIB, SHOWN_MAX = 200 };
static const int64_t second_us = 1000000, expires_max_s = INT64_C(10) * 365 * 86400;

/* invalid_grant (RFC 6749, 5.2) and what services say in its place. */
static const char *const dead[] = {
    "invalid_grant",
    "bad_refresh_token",
    "invalid_refresh_token",
    "token_revoked",
    "token_expired",
    "refresh_expired",
    "expired_refresh_token",
    "revoked",
    "account_inactive",
    "interaction_required",
    "login_required",
    "consent_required",
    "invalid_token",
    "org_login_required",
    "not_authed",
};
/* The client itself is not accepted, or may not do this. */
static const char *const wrong[] = {
    "invalid_client",        "unauthorized_client",    "invalid_client_id",
    "bad_client_secret",     "invalid_request",        "invalid_scope",
    "access_denied",         "unsupported_grant_type", "incorrect_client_credentials",
    "redirect_uri_mismatch",
};

static bool is_among(struct str word, const char *const *list, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (str_eq_fold(word, str_of(list[i]))) return true;
  return false;
}
#define AMONG(word, list) is_among((word), (list), sizeof(list) / sizeof((list)[0]))

struct str grant_clean(struct arena *arena, struct str text, size_t max) {
  struct buf out;
  if (text.n == 0 || !utf8_is_valid(text)) return STR("");
  buf_init(&out, arena, 64 * KIB);
  (void)plain_text_write(&out, text);
  if (buf_failed(&out) || out.n == 0) return STR("");
  for (size_t i = 0; i < out.n; i++)
    if (out.p[i] == '\n' || out.p[i] == '\r' || out.p[i] == '\t') out.p[i] = ' ';
  return str_trim(utf8_cut(buf_str(&out), max));
}

struct str grant_host(struct str url) {
  const char *at = url.n > 0 ? memmem(url.p, url.n, "://", 3) : NULL;
  if (!at) return STR("the service");
  struct str rest = str_make(at + 3, (size_t)(url.p + url.n - at) - 3);
  return str_cut(&rest, '/');
}

/* An answer on its way to a verdict. */
struct reading {
  struct arena *arena;
  const struct grant_subject *subject;
  const struct grant_parameters *sent;
  struct str host;
  const struct http_client_response *response;
  struct grant_answer *answer;
};

/* ---- what was found ---- */

static void say(const struct reading *reading, enum grant_verdict verdict, bool is_known, const char *format, ...)
    PRINTF_LIKE(4, 5);

static void say(const struct reading *reading, enum grant_verdict verdict, bool is_known, const char *format, ...) {
  struct grant_answer *answer = reading->answer;
  char text[ERR_TEXT_SIZE];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  struct str copy = arena_str(reading->arena, str_of(text));
  answer->verdict = verdict;
  answer->is_known = is_known;
  answer->text = copy.p ? copy : STR("Out of memory");
}

static struct str blot_out_members(struct arena *arena, struct str text, yyjson_val *object) {
  size_t i, n;
  yyjson_val *key, *value;
  if (object) yyjson_obj_foreach(object, i, n, key, value) text = blot_out(arena, text, json_str(value));
  return text;
}

/* What the service says, for people: services are known to repeat the very token that they do not like. */
static struct str shown(const struct reading *reading, struct str text, size_t max) {
  static const char *const secret[] = {"refresh_token", "code", "code_verifier", "assertion", "client_assertion"};
  struct arena *arena = reading->arena;
  text = blot_out(arena, text, grant_basic(arena, reading->subject)); /* before its parts */
  text = blot_out(arena, text, reading->subject->client_secret);
  text = blot_out_members(arena, text, reading->subject->tokens);
  text = blot_out_members(arena, text, reading->subject->credential);
  for (size_t i = 0; i < reading->sent->n; i++)
    if (AMONG(reading->sent->items[i].name, secret)) text = blot_out(arena, text, reading->sent->items[i].value);
  return grant_clean(arena, text, max);
}

static struct str field_of(const struct http_client_response *response, const char *name) {
  for (size_t i = 0; i < response->n_fields; i++)
    if (str_eq_fold(response->fields[i].name, str_of(name))) return response->fields[i].value;
  return STR_NONE;
}

static bool is_html(const struct http_client_response *response) {
  struct str type = response->content_type, start = str_trim(response->body);
  while (start.n > 0 && (start.p[0] == '\r' || start.p[0] == '\n'))
    start = str_trim(str_make(start.p + 1, start.n - 1));
  return str_eq_fold(str_trim(str_cut(&type, ';')), STR("text/html")) || (start.n > 0 && start.p[0] == '<');
}

/* ---- reading ---- */

bool grant_form_decode(struct arena *arena, struct str encoded, struct str *ret_raw) {
  char *copy = arena_alloc(arena, encoded.n + 1);
  if (!copy) return false;
  for (size_t i = 0; i < encoded.n; i++)
    copy[i] = encoded.p[i] == '+' ? ' ' : encoded.p[i];
  return url_decode(arena, str_make(copy, encoded.n), ret_raw);
}

yyjson_val *grant_read_form(struct arena *arena, struct str body) {
  struct buf json;
  buf_init(&json, arena, MIB);
  buf_append_byte(&json, '{');
  for (struct str rest = body; rest.p && rest.n > 0;) {
    struct str value = str_cut(&rest, '&'), name, raw;
    struct str key = str_cut(&value, '=');
    if (!grant_form_decode(arena, key, &name) || !grant_form_decode(arena, value, &raw)) return NULL;
    if (json.n > 1) buf_append_byte(&json, ',');
    json_write_str(&json, name);
    buf_append_byte(&json, ':');
    json_write_str(&json, raw);
  }
  buf_append_byte(&json, '}');
  yyjson_doc *doc;
  if (buf_failed(&json) || json_read(arena, buf_str(&json), &doc, NULL) != ERR_NONE) return NULL;
  return yyjson_doc_get_root(doc);
}

static int64_t read_seconds(yyjson_val *value) {
  uint64_t number = 0;
  if (yyjson_is_int(value)) {
    number = yyjson_is_uint(value) || yyjson_get_sint(value) > 0 ? yyjson_get_uint(value) : 0;
  } else if (yyjson_is_real(value)) {
    number = yyjson_get_real(value) > 0 && yyjson_get_real(value) < 1e15 ? (uint64_t)yyjson_get_real(value) : 0;
  } else if (!str_to_u64(json_str(value), &number)) {
    return 0;
  }
  if (number == 0) return 0;
  return (number > (uint64_t)expires_max_s ? expires_max_s : (int64_t)number) * second_us;
}

/* "a b", "a,b" or ["a", "b"]. */
static struct str read_scopes(struct arena *arena, yyjson_val *value) {
  struct buf out;
  buf_init(&out, arena, 16 * KIB);
  size_t i, n;
  yyjson_val *item;
  if (value) yyjson_arr_foreach(value, i, n, item) {
      if (out.n > 0) buf_append_byte(&out, ' ');
      buf_append_str(&out, json_str(item));
    }
  struct str text = json_str(value);
  for (size_t k = 0; k < text.n; k++)
    buf_append_byte(&out, text.p[k] == ',' ? ' ' : text.p[k]);
  return buf_failed(&out) || out.n == 0 ? STR("") : buf_str(&out);
}

static bool is_sendable(struct str token) {
  for (size_t i = 0; i < token.n; i++)
    if ((unsigned char)token.p[i] <= 0x20 || (unsigned char)token.p[i] >= 0x7F) return false;
  return token.n > 0 && token.n <= TOKEN_MAX;
}

/* The error's word: "error" as RFC 6749 has it, an object's "code" or "type", or Slack's {"ok": false, "error"}. */
static struct str error_word(const struct reading *reading) {
  yyjson_val *root = reading->answer->root;
  yyjson_val *error = json_get(root, "error");
  if (yyjson_is_obj(error)) {
    yyjson_val *code = json_get(error, "code"), *type = json_get(error, "type");
    return yyjson_is_str(code) ? json_str(code) : json_str(type);
  }
  if (yyjson_is_str(error)) return json_str(error);
  struct str code = json_get_str(root, "error_code");
  return code.n > 0 || reading->response->status < 400 ? code : json_get_str(root, "status"); /* as HubSpot has it */
}

static struct str error_text(yyjson_val *root) {
  static const char *const names[] = {"error_description", "message", "error_message", "detail"};
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    struct str text = json_get_str(root, names[i]);
    if (text.n == 0) text = json_get_str(json_get(root, "error"), names[i]);
    if (text.n > 0) return text;
  }
  return STR_NONE;
}

/* ---- verdicts ---- */

/* Where no person consented there is nobody to ask again: what ended is what an admin gave. */
static bool has_consent(const struct reading *reading) {
  return connector_oauth_has_consent(reading->subject->oauth);
}

static void judge_error(const struct reading *reading) {
  yyjson_val *root = reading->answer->root;
  struct str host = reading->host;
  struct str word = shown(reading, error_word(reading), 64), text = shown(reading, error_text(root), SHOWN_MAX);
  const char *open = text.n > 0 ? ": " : "";
  reading->answer->word = word;
  if (AMONG(word, dead) && has_consent(reading)) {
    say(reading, GRANT_DEAD, true, "%.*s no longer accepts the authorization (%.*s%s%.*s)", STR_ARG(host),
        STR_ARG(word), open, STR_ARG(text));
  } else if (AMONG(word, dead)) {
    say(reading, GRANT_WRONG, true,
        "%.*s does not accept the connection's own key or client (%.*s%s%.*s): an admin has to look at its credential",
        STR_ARG(host), STR_ARG(word), open, STR_ARG(text));
  } else if (AMONG(word, wrong)) {
    say(reading, GRANT_WRONG, true,
        "%.*s refused Connek's own registration or request (%.*s%s%.*s): an admin has to look at the client id and "
        "secret",
        STR_ARG(host), STR_ARG(word), open, STR_ARG(text));
  } else if (str_eq(word, STR("temporarily_unavailable")) || str_eq(word, STR("server_error")) ||
             reading->response->status >= 500) {
    say(reading, GRANT_LATER, true, "%.*s is temporarily unavailable (%.*s%s%.*s)", STR_ARG(host), STR_ARG(word), open,
        STR_ARG(text));
  } else {
    say(reading, GRANT_LATER, true, "%.*s answered with the error \"%.*s\"%s%.*s", STR_ARG(host), STR_ARG(word), open,
        STR_ARG(text));
  }
}

static void judge_nonsense(const struct reading *reading) {
  struct str host = reading->host;
  int status = reading->response->status;
  bool is_known = status < 200 || status >= 300; /* a 2xx may have renewed what its body does not tell */
  if (status >= 300 && status < 400) {
    say(reading, GRANT_WRONG, true,
        "%.*s answered with a redirect (%d) where a token was expected: redirects are not followed, the connector's "
        "token address has to be corrected",
        STR_ARG(host), status);
  } else if (status == 429) {
    say(reading, GRANT_LATER, true, "%.*s wants fewer requests (429)", STR_ARG(host));
  } else if (status >= 500) {
    say(reading, GRANT_LATER, true, "%.*s has a problem of its own (%d)", STR_ARG(host), status);
  } else if (is_html(reading->response)) {
    say(reading, GRANT_LATER, is_known, "%.*s answered with a web page (%d) where a token was expected", STR_ARG(host),
        status);
  } else if (status == 401 || status == 403) {
    say(reading, GRANT_WRONG, true, "%.*s does not accept Connek's client id and secret (%d)", STR_ARG(host), status);
  } else if (is_known) {
    say(reading, GRANT_LATER, true, "%.*s answered %d, and not why", STR_ARG(host), status);
  } else {
    say(reading, GRANT_LATER, false, "%.*s answered what is no token", STR_ARG(host));
  }
}

static void judge_failure(const struct reading *reading, const struct err *failure, bool was_sent) {
  if (failure->code == ERR_TIMEOUT) {
    say(reading, GRANT_LATER, !was_sent, "%.*s did not answer in time", STR_ARG(reading->host));
  } else {
    say(reading, GRANT_LATER, !was_sent, "%.*s could not be asked: %s", STR_ARG(reading->host), failure->text);
  }
}

static void take_token(const struct reading *reading, yyjson_val *place) {
  struct grant_answer *answer = reading->answer;
  answer->access_token = yyjson_is_str(place) ? json_str(place) : json_get_str(place, "access_token");
  yyjson_val *refresh = json_get(place, "refresh_token"), *expires = json_get(place, "expires_in");
  if (!refresh) refresh = json_get(answer->root, "refresh_token");
  if (!expires) expires = json_get(answer->root, "expires_in");
  yyjson_val *scope = json_get(place, "scope");
  if (!scope) scope = json_get(answer->root, "scope");
  if (!scope) scope = json_get(answer->root, "scopes");
  answer->refresh_token = json_str(refresh);
  answer->expires_in_us = read_seconds(expires);
  answer->scopes = read_scopes(reading->arena, scope);
  struct str type = json_get_str(answer->root, "token_type");
  if (reading->subject->oauth->is_discovered && type.n > 0 && !str_eq_fold(type, STR("Bearer"))) {
    say(reading, GRANT_WRONG, false, "%.*s gives tokens of a kind that cannot be used here (%.*s)",
        STR_ARG(reading->host), STR_ARG(shown(reading, type, 32)));
    return;
  }
  if (is_sendable(answer->access_token) && answer->refresh_token.n <= TOKEN_MAX) {
    answer->verdict = GRANT_RENEWED;
    return;
  }
  say(reading, GRANT_LATER, false, "%.*s answered with a token that cannot be used", STR_ARG(reading->host));
}

static void read_body(const struct reading *reading) {
  const struct http_client_response *response = reading->response;
  yyjson_doc *doc = NULL;
  if (json_read(reading->arena, response->body, &doc, NULL) == ERR_NONE) {
    reading->answer->root = yyjson_doc_get_root(doc);
  } else if (!is_html(response)) {
    yyjson_val *form = grant_read_form(reading->arena, response->body); /* as some still answer */
    if (json_get(form, "access_token") || json_get(form, "error")) reading->answer->root = form;
  }
}

static void judge(const struct reading *reading) {
  const struct connector_oauth *oauth = reading->subject->oauth;
  yyjson_val *root = reading->answer->root;
  bool is_success = reading->response->status >= 200 && reading->response->status < 300;
  yyjson_val *place = is_success ? json_path_get(&oauth->token_path, root) : NULL;
  bool may_be_text = oauth->token_path.n_steps > 0; /* a text that is the whole answer is no token */
  bool has_token = place && ((yyjson_is_str(place) && may_be_text) || json_get(place, "access_token"));
  bool is_refused = yyjson_is_false(json_get(root, "ok")) || (!has_token && error_word(reading).n > 0);
  if (is_refused) {
    judge_error(reading);
  } else if (has_token) {
    take_token(reading, place);
  } else {
    judge_nonsense(reading);
  }
}

void grant_read_answer(struct arena *arena, const struct grant_subject *subject, const struct grant_parameters *sent,
                       const struct http_client_response *response, const struct err *failure, bool was_sent,
                       struct grant_answer *ret_answer) {
  const struct reading reading = {arena, subject, sent, grant_host(subject->oauth->token), response, ret_answer};
  *ret_answer = (struct grant_answer){0};
  if (!response) {
    judge_failure(&reading, failure, was_sent);
    return;
  }
  struct str after = field_of(response, "Retry-After");
  if (after.n > 0 && !retry_after_read(after, clock_utc_us(), &ret_answer->after_us)) ret_answer->after_us = 0;
  read_body(&reading);
  judge(&reading);
}

/* ---- settings that it gives ---- */

static void write_scalar(struct buf *out, yyjson_val *value) {
  struct buf text;
  char space[64];
  text = (struct buf){.p = space, .capacity = sizeof(space), .max = sizeof(space)};
  if (yyjson_is_str(value)) {
    json_write_str(out, json_str(value));
  } else {
    json_write_value(&text, value); /* ids that come as numbers are texts from here on */
    json_write_str(out, buf_failed(&text) ? STR("") : buf_str(&text));
  }
}

static struct str parameter_of(const struct grant_parameters *parameters, struct str name) {
  for (size_t i = 0; parameters && i < parameters->n; i++)
    if (str_eq(parameters->items[i].name, name)) return parameters->items[i].value;
  return STR_NONE;
}

enum err_code grant_capture(struct arena *arena, const struct connector_oauth *oauth, yyjson_val *known,
                            const struct grant_parameters *callback, const struct grant_answer *answer,
                            struct str *ret_captured, struct err *err) {
  struct buf out;
  buf_init(&out, arena, 64 * KIB);
  buf_append_byte(&out, '{');
  for (size_t i = 0; i < oauth->n_captures; i++) {
    const struct connector_capture *capture = &oauth->captures[i];
    yyjson_val *value = answer ? json_path_get(&capture->path, answer->root) : NULL;
    struct str text = parameter_of(callback, capture->text);
    yyjson_val *old = yyjson_obj_getn(known, capture->name.p, capture->name.n);
    bool is_scalar = yyjson_is_str(value) || yyjson_is_num(value);
    if (!is_scalar && text.n == 0 && !old) continue;
    if (out.n > 1) buf_append_byte(&out, ',');
    json_write_str(&out, capture->name);
    buf_append_byte(&out, ':');
    if (is_scalar)
      write_scalar(&out, value);
    else if (text.n > 0)
      json_write_str(&out, text);
    else
      write_scalar(&out, old);
  }
  for (size_t i = 0; i < oauth->discover.n_set; i++) {
    struct str name = oauth->discover.set[i].name;
    yyjson_val *old = yyjson_obj_getn(known, name.p, name.n);
    if (!old) continue;
    if (out.n > 1) buf_append_byte(&out, ',');
    json_write_str(&out, name);
    buf_append_byte(&out, ':');
    write_scalar(&out, old);
  }
  buf_append_byte(&out, '}');
  if (buf_failed(&out)) return err_no_memory(err);
  *ret_captured = buf_str(&out);
  return ERR_NONE;
}
