/* A new organisation by somebody whom nobody invited, where the operator allows it. */
#include "base/clock.h"
#include "config/words.h"
#include "identity/password.h"
#include "signin/people.h"
#include "signin/person.h"
#include "signin/route.h"

struct sign_up_flow {
  struct str name, email, password;
  char hash[PASSWORD_HASH_SIZE];
};

static void show(struct request *request, int status) {
  struct buf *out = request_page(request, "Make an organisation", STR("You will be its owner."));
  request_form(request, "/sign-up");
  page_input(out, &(struct page_input){.name = "name",
                                       .label = "Organisation",
                                       .type = "text",
                                       .autocomplete = "organization",
                                       .value = form_get(&request->form, "name"),
                                       .has_focus = true});
  page_input(out, &(struct page_input){.name = "email",
                                       .label = "Your e-mail",
                                       .type = "email",
                                       .autocomplete = "username",
                                       .value = form_get(&request->form, "email")});
  page_new_password(out, false);
  html_raw(out, "<div class=\"actions\">");
  page_button(out, "Make it", "primary", NULL, NULL);
  html_raw(out, "</div></form><p class=\"after dim\"><a href=\"/sign-in\">Sign in instead</a></p>");
  request_reply_page(request, status, STR_NONE);
}

/* False: a page has been sent. */
static bool is_allowed(struct request *request) {
  if (request->signin->options.may_sign_up) return true;
  request_reply_notice(request, 404, "Not open to everybody",
                       STR("On this server organisations are made by its operator. Ask for an invitation."));
  return false;
}

void sign_up_get(struct request *request) {
  if (is_allowed(request)) show(request, 200);
}

static void compute(struct request *request) {
  struct sign_up_flow *flow = request->flow;
  request->code = password_hash(flow->password, flow->hash, &request->err);
}

/* Whose address it is was not proven (mail comes later): so it may be no login that exists, and what others invite that
 * address to needs their own link (org_user.accepted_at). */
static enum err_code make(struct request *request, struct db_tx *tx, struct err *err) {
  struct sign_up_flow *flow = request->flow;
  struct login_record login;
  struct user_record user;
  struct uuid organisation_id;
  int64_t now = clock_utc_us();
  enum err_code code = store_login_find(tx, &request->arena, flow->email, &login, err);
  if (code == ERR_NONE)
    return err_set(err, ERR_CONFLICT,
                   "Somebody with this address is known here already. Sign in, or ask your admin for a link.");
  if (code != ERR_NOT_FOUND) return code;
  code = people_found(tx, &request->arena, request->signin->options.vault, flow->name, &organisation_id, err);
  if (code == ERR_NONE)
    code = people_ensure(tx, &request->arena, organisation_id, flow->email, STR("owner"), &user, err);
  if (code == ERR_NONE) code = store_password_put(tx, user.login_id, str_of(flow->hash), now, err);
  if (code == ERR_NONE) code = store_membership_accept(tx, user.id, now, err);
  if (code == ERR_NONE)
    code = person_record(request, tx, organisation_id, user.id, flow->email, "organisation.create", STR("{}"), err);
  return code == ERR_NONE ? visitor_sign_in(request, tx, user.login_id, false, err) : code;
}

static void on_synced(struct request *request) {
  request_redirect(request, STR(DASHBOARD_PATH));
}

static void on_made(struct request *request) {
  if (request->code == ERR_NONE) {
    request_sync(request, on_synced);
  } else if (request->code == ERR_CONFLICT) {
    request->problem = str_of(request->err.text);
    show(request, 409);
  } else {
    request_reply_failure(request);
  }
}

static void on_computed(struct request *request) {
  if (request->code != ERR_NONE)
    request_reply_failure(request);
  else
    request_write(request, make, on_made);
}

void sign_up_post(struct request *request) {
  if (!is_allowed(request)) return;
  struct err *err = &request->err;
  struct sign_up_flow *flow = request->flow = arena_new(&request->arena, struct sign_up_flow);
  if (!flow) {
    request->code = err_no_memory(err);
    request_reply_failure(request);
    return;
  }
  flow->name = str_trim(form_get(&request->form, "name"));
  flow->password = form_get(&request->form, "password");
  enum err_code code = config_name_check(flow->name, err);
  if (code == ERR_NONE)
    code = config_email_read(&request->arena, str_trim(form_get(&request->form, "email")), &flow->email, err);
  if (code == ERR_NONE && !str_eq(flow->password, form_get(&request->form, "again")))
    code = err_set(err, ERR_INVALID, "The two passwords differ.");
  if (code == ERR_NONE) code = password_check(flow->password, flow->email, err);
  if (code != ERR_NONE) {
    request->problem = str_of(err->text);
    show(request, 400);
  } else if (request_throttle(request, flow->email)) {
    (void)request_compute(request, compute, on_computed);
  }
}
