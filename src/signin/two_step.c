/* The second step: turning it on with an authenticator app, its recovery codes, and turning it off. */
#include "base/clock.h"
#include "base/secret.h"
#include "codec/url.h"
#include "identity/token.h"
#include "signin/person.h"
#include "signin/route.h"
#include "web/qr.h"

struct totp_flow {
  struct login_record login;
  uint8_t secret[TOTP_SECRET_SIZE];
  bool has_secret;
  struct str code;
  bool is_right;
  char codes[RECOVERY_CODES][RECOVERY_CODE_SIZE];
};

static enum err_code load(struct request *request, struct db_tx *tx, struct err *err) {
  struct totp_flow *flow = request->flow;
  struct uuid login_id = request->visitor.session.login_id;
  enum err_code code = store_login_get(tx, &request->arena, login_id, &flow->login, err);
  if (code != ERR_NONE || flow->login.totp_confirmed_at) return code;
  if (!flow->login.totp.p) {
    code = person_new_totp(request, tx, login_id, err);
    if (code == ERR_NONE) code = store_login_get(tx, &request->arena, login_id, &flow->login, err);
  }
  return code == ERR_NONE ? person_totp_secret(request, tx, &flow->login, flow->secret, &flow->has_secret, err) : code;
}

static void write_code_field(struct buf *out, const char *label, bool is_digits) {
  page_input(out, &(struct page_input){.name = "code",
                                       .label = label,
                                       .type = "text",
                                       .autocomplete = "one-time-code",
                                       .is_digits = is_digits,
                                       .has_focus = true});
}

static void show_on(struct request *request, int status) {
  const struct totp_flow *flow = request->flow;
  struct str lead = arena_printf(&request->arena, "It is on. You have %lld recovery codes left.",
                                 (long long)flow->login.n_recovery_codes);
  struct buf *out = request_page(request, "Second step", lead);
  request_form(request, "/account/two-step");
  page_hidden(out, "do", STR("off"));
  write_code_field(out, "A code, to turn it off", false); /* a recovery code has letters */
  html_raw(out, "<div class=\"actions\">");
  page_button(out, "Turn off", "danger", NULL, NULL);
  html_raw(out, "</div></form><p class=\"after\"><a href=\"/account\">Back</a></p>");
  request_reply_page(request, status, STR_NONE);
}

static void show_off(struct request *request, int status) {
  struct totp_flow *flow = request->flow;
  struct buf *out = request_page(
      request, "Second step",
      STR("With it, a stolen password is not enough: signing in also asks for a code of an app on your phone."));
  struct buf secret, address;
  buf_init(&secret, &request->arena, 256);
  totp_write_base32(&secret, str_make((const char *)flow->secret, sizeof(flow->secret)));
  buf_init(&address, &request->arena, 4096);
  buf_append_c(&address, "otpauth://totp/Connek:");
  url_write_encoded(&address, flow->login.email);
  buf_append_c(&address, "?secret=");
  buf_append_str(&address, buf_str(&secret));
  buf_append_c(&address, "&issuer=Connek");
  secret_wipe(flow->secret, sizeof(flow->secret));
  bool is_drawn = page_qr(out, buf_str(&address), STR("QR code for an authenticator app"));
  HTML(out,
       "<p>{} this key by hand:</p><p><code>{}</code></p>"
       "<p class=\"dim\">On the phone itself, <a href=\"{}\">open it in the app</a>.</p>",
       is_drawn ? STR("Scan this with your authenticator app, or add") : STR("In your authenticator app, add"),
       buf_str(&secret), buf_str(&address));
  request_form(request, "/account/two-step");
  page_hidden(out, "do", STR("on"));
  write_code_field(out, "The code that the app shows now", true);
  html_raw(out, "<div class=\"actions\">");
  page_button(out, "Turn on", "primary", NULL, NULL);
  html_raw(out, "</div></form><p class=\"after\"><a href=\"/account\">Back</a></p>");
  request_reply_page(request, status, STR_NONE);
}

static void show(struct request *request) {
  const struct totp_flow *flow = request->flow;
  int status = request->problem.n ? 401 : 200;
  if (request->code != ERR_NONE)
    request_reply_failure(request);
  else if (flow->login.totp_confirmed_at)
    show_on(request, status);
  else
    show_off(request, status);
}

static bool begin(struct request *request) {
  request->flow = arena_new(&request->arena, struct totp_flow);
  if (request->visitor.is_known && request->flow) return true;
  request_redirect(request, STR("/sign-in?return=%2Faccount%2Ftwo-step"));
  return false;
}

void totp_get(struct request *request) {
  if (begin(request)) request_write(request, load, show);
}

static enum err_code turn_on(struct request *request, struct db_tx *tx, struct err *err) {
  struct totp_flow *flow = request->flow;
  struct uuid login_id = request->visitor.session.login_id;
  enum err_code code = load(request, tx, err);
  if (code == ERR_NONE && flow->login.totp_confirmed_at) code = err_set(err, ERR_CONFLICT, "It is on already.");
  if (code == ERR_NONE && flow->has_secret)
    code = person_take_code(request, tx, &flow->login, flow->code, &flow->is_right, err);
  if (code != ERR_NONE || !flow->is_right) return code;
  for (size_t i = 0; i < RECOVERY_CODES && code == ERR_NONE; i++) {
    uint8_t hash[TOKEN_HASH_SIZE];
    recovery_code_new(flow->codes[i]);
    token_hash(str_of(flow->codes[i]), hash);
    code = store_recovery_code_insert(tx, login_id, hash, err);
  }
  return code == ERR_NONE ? store_totp_confirm(tx, login_id, clock_utc_us(), err) : code;
}

static enum err_code turn_off(struct request *request, struct db_tx *tx, struct err *err) {
  struct totp_flow *flow = request->flow;
  struct uuid login_id = request->visitor.session.login_id;
  enum err_code code = store_login_get(tx, &request->arena, login_id, &flow->login, err);
  if (code == ERR_NONE) code = person_take_code(request, tx, &flow->login, flow->code, &flow->is_right, err);
  return code == ERR_NONE && flow->is_right ? store_totp_delete(tx, login_id, err) : code;
}

static void on_wrong(struct request *request) {
  if (!request->problem.n) request->problem = person_wrong_code;
  request_write(request, load, show);
}

static void on_turned_on(struct request *request) {
  struct totp_flow *flow = request->flow;
  if (request->code != ERR_NONE) {
    request_reply_failure(request);
    return;
  }
  if (!flow->is_right) {
    on_wrong(request);
    return;
  }
  struct buf *out = request_page(request, "Keep your recovery codes",
                                 STR("The second step is on. Each of these lets you in once when the app is lost. They "
                                     "are shown this once: print them, or put them in your password keeper."));
  html_raw(out, "<ul class=\"codes\">");
  for (size_t i = 0; i < RECOVERY_CODES; i++)
    HTML(out, "<li><code>{}</code></li>", str_of(flow->codes[i]));
  html_raw(out, "</ul><p class=\"after\"><a href=\"/account\">I have kept them</a></p>");
  secret_wipe(flow->codes, sizeof(flow->codes));
  request_reply_page(request, 200, STR_NONE);
}

static void on_turned_off(struct request *request) {
  struct totp_flow *flow = request->flow;
  if (request->code != ERR_NONE)
    request_reply_failure(request);
  else if (!flow->is_right)
    on_wrong(request);
  else
    request_redirect(request, STR("/account"));
}

void totp_post(struct request *request) {
  if (!begin(request)) return;
  struct totp_flow *flow = request->flow;
  bool is_off = str_eq(form_get(&request->form, "do"), STR("off"));
  flow->code = str_trim(form_get(&request->form, "code"));
  if (!request_throttle(request, request->visitor.session.email)) return;
  request_write(request, is_off ? turn_off : turn_on, is_off ? on_turned_off : on_turned_on);
}
