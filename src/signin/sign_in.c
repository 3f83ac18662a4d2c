/* Signing in by e-mail and password, the second step, and signing out. An address that nobody has takes as long, and is
 * told the same, as a wrong password. */
#include "base/clock.h"
#include "codec/url.h"
#include "config/words.h"
#include "identity/password.h"
#include "identity/token.h"
#include "identity/totp.h"
#include "signin/person.h"
#include "signin/route.h"

struct sign_in_flow {
  struct str email, password, back, code;
  struct login_record login;
  bool is_somebody, is_right;
};

static struct str back_of(struct request *request) {
  struct str named = form_get(&request->form, "return");
  if (!named.p) named = form_get(&request->query, "return");
  return return_path(named, STR(DASHBOARD_PATH));
}

static void show_sign_in(struct request *request, struct str email, int status) {
  struct buf *out = request_page(request, "Sign in", STR_NONE);
  request_form(request, "/sign-in");
  page_hidden(out, "return", back_of(request));
  page_input(out, &(struct page_input){.name = "email",
                                       .label = "E-mail",
                                       .type = "email",
                                       .autocomplete = "username",
                                       .value = email,
                                       .has_focus = !email.n});
  page_input(out, &(struct page_input){.name = "password",
                                       .label = "Password",
                                       .type = "password",
                                       .autocomplete = "current-password",
                                       .has_focus = email.n > 0});
  html_raw(out, "<div class=\"actions\">");
  page_button(out, "Sign in", "primary", NULL, NULL);
  html_raw(out, "</div></form>");
  html_raw(out, "<p class=\"after dim\">Forgotten your password, or never had one? Ask your admin for a link.");
  if (request->signin->options.may_sign_up) html_raw(out, " New here? <a href=\"/sign-up\">Make an organisation</a>.");
  html_raw(out, "</p>");
  request_reply_page(request, status, STR_NONE);
}

void sign_in_get(struct request *request) {
  if (request->visitor.is_known) {
    request_redirect(request, back_of(request));
    return;
  }
  show_sign_in(request, STR_NONE, 200);
}

static enum err_code find_login(struct request *request, struct db_tx *tx, struct err *err) {
  struct sign_in_flow *flow = request->flow;
  enum err_code code = store_login_find(tx, &request->arena, flow->email, &flow->login, err);
  flow->is_somebody = code == ERR_NONE;
  return code == ERR_NOT_FOUND ? ERR_NONE : code;
}

static void verify(struct request *request) {
  struct sign_in_flow *flow = request->flow;
  flow->is_right = password_verify(flow->password, flow->is_somebody ? flow->login.password : STR_NONE);
}

static enum err_code open_session(struct request *request, struct db_tx *tx, struct err *err) {
  struct sign_in_flow *flow = request->flow;
  bool has_second_step = flow->login.totp_confirmed_at != 0;
  return visitor_sign_in(request, tx, flow->login.id, has_second_step, err);
}

static void on_session(struct request *request) {
  struct sign_in_flow *flow = request->flow;
  if (request->code != ERR_NONE) {
    request_reply_failure(request);
    return;
  }
  if (!flow->login.totp_confirmed_at) {
    request_redirect(request, flow->back);
    return;
  }
  struct buf location;
  buf_init(&location, &request->arena, 32 * 1024);
  buf_append_c(&location, "/sign-in/code?return=");
  url_write_encoded(&location, flow->back);
  request_redirect(request, buf_failed(&location) ? STR("/sign-in/code") : buf_str(&location));
}

static void on_verified(struct request *request) {
  struct sign_in_flow *flow = request->flow;
  if (!flow->is_right) {
    request->problem = STR("That e-mail and password do not belong together.");
    show_sign_in(request, flow->email, 401);
    return;
  }
  request_write(request, open_session, on_session);
}

static void on_login(struct request *request) {
  if (request->code != ERR_NONE)
    request_reply_failure(request);
  else
    (void)request_compute(request, verify, on_verified);
}

void sign_in_post(struct request *request) {
  struct sign_in_flow *flow = request->flow = arena_new(&request->arena, struct sign_in_flow);
  struct str typed = str_trim(form_get(&request->form, "email"));
  if (!flow) {
    request->code = err_no_memory(&request->err);
    request_reply_failure(request);
    return;
  }
  flow->back = back_of(request);
  flow->password = form_get(&request->form, "password");
  if (config_email_read(&request->arena, typed, &flow->email, &request->err) != ERR_NONE || !flow->password.n) {
    request->problem = STR("Type your e-mail address and your password.");
    show_sign_in(request, typed, 400);
    return;
  }
  if (!request_throttle(request, flow->email)) return;
  request_read(request, find_login, on_login);
}

/* --- the second step --- */

static void show_code(struct request *request, int status) {
  struct buf *out = request_page(request, "Second step", STR("Type the code that your authenticator app shows now."));
  request_form(request, "/sign-in/code");
  page_hidden(out, "return", back_of(request));
  page_input(out, &(struct page_input){.name = "code",
                                       .label = "Code",
                                       .type = "text",
                                       .autocomplete = "one-time-code",
                                       .has_focus = true,
                                       .hint = STR("Lost the app? Type one of your recovery codes instead.")});
  html_raw(out, "<div class=\"actions\">");
  page_button(out, "Go on", "primary", NULL, NULL);
  html_raw(out, "</div></form>");
  request_reply_page(request, status, STR_NONE);
}

void code_get(struct request *request) {
  if (request->visitor.is_known)
    request_redirect(request, back_of(request));
  else if (!request->visitor.is_half)
    request_redirect(request, STR("/sign-in"));
  else
    show_code(request, 200);
}

static enum err_code check_code(struct request *request, struct db_tx *tx, struct err *err) {
  struct sign_in_flow *flow = request->flow;
  struct uuid login_id = request->visitor.session.login_id;
  enum err_code code = store_login_get(tx, &request->arena, login_id, &flow->login, err);
  if (code == ERR_NONE) code = person_take_code(request, tx, &flow->login, flow->code, &flow->is_right, err);
  if (code == ERR_NONE && flow->is_right) code = visitor_sign_in(request, tx, login_id, false, err);
  return code;
}

static void on_code(struct request *request) {
  struct sign_in_flow *flow = request->flow;
  if (request->code != ERR_NONE) {
    request_reply_failure(request);
  } else if (!flow->is_right) {
    if (!request->problem.n) request->problem = person_wrong_code;
    show_code(request, 401);
  } else {
    request_redirect(request, flow->back);
  }
}

void code_post(struct request *request) {
  struct sign_in_flow *flow = request->flow = arena_new(&request->arena, struct sign_in_flow);
  if (!request->visitor.is_half || !flow) {
    request_redirect(request, STR("/sign-in"));
    return;
  }
  flow->back = back_of(request);
  flow->code = str_trim(form_get(&request->form, "code"));
  if (!request_throttle(request, request->visitor.session.email)) return;
  request_write(request, check_code, on_code);
}

/* --- and out --- */

static enum err_code close_session(struct request *request, struct db_tx *tx, struct err *err) {
  enum err_code code = store_browser_session_delete(tx, request->visitor.session.id, err);
  return code == ERR_NOT_FOUND ? ERR_NONE : code;
}

static void on_closed(struct request *request) {
  if (request->code != ERR_NONE) {
    request_reply_failure(request);
    return;
  }
  visitor_forget(request);
  request_redirect(request, STR("/sign-in"));
}

void sign_out_post(struct request *request) {
  if (!request->visitor.is_known && !request->visitor.is_half)
    request_redirect(request, STR("/sign-in"));
  else
    request_write(request, close_session, on_closed);
}
