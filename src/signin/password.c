/* Choosing another password while one is signed in. The one there is has to be typed: an open browser is not enough. */
#include "identity/password.h"

#include "base/clock.h"
#include "signin/person.h"
#include "signin/route.h"

struct password_flow {
  struct login_record login;
  struct str current, password;
  char hash[PASSWORD_HASH_SIZE];
  bool is_right;
};

static void show(struct request *request, int status) {
  struct buf *out = request_page(request, "Change your password",
                                 STR("Other browsers in which you are signed in will be signed out."));
  request_form(request, "/account/password");
  /* For password keepers: whose password it is. */
  HTML(out, "<input type=\"text\" name=\"username\" autocomplete=\"username\" value=\"{}\" readonly hidden>",
       request->visitor.session.email);
  page_input(out, &(struct page_input){.name = "current",
                                       .label = "Your password now",
                                       .type = "password",
                                       .autocomplete = "current-password",
                                       .has_focus = true});
  page_new_password(out, false);
  html_raw(out, "<div class=\"actions\">");
  page_button(out, "Change password", "primary", NULL, NULL);
  html_raw(out, "</div></form><p class=\"after\"><a href=\"/account\">Back</a></p>");
  request_reply_page(request, status, STR_NONE);
}

/* False: the visitor is on the way to signing in. */
static bool begin(struct request *request) {
  request->flow = arena_new(&request->arena, struct password_flow);
  if (request->visitor.is_known && request->flow) return true;
  request_redirect(request, STR("/sign-in?return=%2Faccount%2Fpassword"));
  return false;
}

void password_get(struct request *request) {
  if (begin(request)) show(request, 200);
}

static enum err_code load(struct request *request, struct db_tx *tx, struct err *err) {
  struct password_flow *flow = request->flow;
  return store_login_get(tx, &request->arena, request->visitor.session.login_id, &flow->login, err);
}

static void compute(struct request *request) {
  struct password_flow *flow = request->flow;
  flow->is_right = password_verify(flow->current, flow->login.password);
  if (flow->is_right) request->code = password_hash(flow->password, flow->hash, &request->err);
}

static enum err_code change(struct request *request, struct db_tx *tx, struct err *err) {
  struct password_flow *flow = request->flow;
  const struct browser_session_record *session = &request->visitor.session;
  struct person_memberships memberships;
  enum err_code code = store_password_put(tx, session->login_id, str_of(flow->hash), clock_utc_us(), err);
  if (code == ERR_NONE) code = store_browser_session_delete_all(tx, session->login_id, session->id, err);
  if (code == ERR_NONE) code = person_memberships(request, tx, session->login_id, &memberships, err);
  for (size_t i = 0; code == ERR_NONE && i < memberships.n; i++)
    code = person_record(request, tx, memberships.items[i].organisation_id, memberships.items[i].user_id,
                         session->email, "user.password", STR("{}"), err);
  return code;
}

static void on_changed(struct request *request) {
  if (request->code == ERR_NONE)
    request_redirect(request, STR("/account"));
  else
    request_reply_failure(request);
}

static void on_computed(struct request *request) {
  const struct password_flow *flow = request->flow;
  if (!flow->is_right) {
    request->problem = STR("That is not your password now.");
    show(request, 401);
  } else if (request->code != ERR_NONE) {
    request_reply_failure(request);
  } else {
    request_write(request, change, on_changed);
  }
}

static void on_loaded(struct request *request) {
  if (request->code != ERR_NONE)
    request_reply_failure(request);
  else
    (void)request_compute(request, compute, on_computed);
}

void password_post(struct request *request) {
  if (!begin(request)) return;
  struct password_flow *flow = request->flow;
  struct str email = request->visitor.session.email;
  flow->current = form_get(&request->form, "current");
  flow->password = form_get(&request->form, "password");
  enum err_code code = ERR_NONE;
  if (!str_eq(flow->password, form_get(&request->form, "again")))
    code = err_set(&request->err, ERR_INVALID, "The two passwords differ.");
  if (code == ERR_NONE) code = password_check(flow->password, email, &request->err);
  if (code != ERR_NONE) {
    request->problem = str_of(request->err.text);
    show(request, 400);
  } else if (request_throttle(request, email)) {
    request_read(request, load, on_loaded);
  }
}
