/* Single-use links: setting up, accepting an invitation, choosing a new password. Looking at one does not use it up:
 * mail scanners and chats look at links. */
#include "base/clock.h"
#include "config/words.h"
#include "identity/password.h"
#include "signin/people.h"
#include "signin/person.h"
#include "signin/route.h"

enum link_kind { LINK_SETUP, LINK_INVITATION, LINK_RESET };

struct link_flow {
  struct single_use_link_record link;
  enum link_kind kind;
  struct login_record login;    /* of an invitation and a reset */
  struct str organisation_name; /* what is joined, or the one there is */
  struct uuid organisation_id;  /* nil: it has to be made */
  bool is_good;
  bool has_password; /* an invitation of somebody who has one: it is asked for, not chosen */

  /* typed */
  struct str name, email, password;
  char hash[PASSWORD_HASH_SIZE];
  bool is_right;
};

static enum err_code load_invitation(struct request *request, struct db_tx *tx, struct link_flow *flow,
                                     struct err *err) {
  const struct membership_record *list = NULL;
  size_t n = 0;
  enum err_code code = store_membership_list(tx, &request->arena, flow->link.login_id, &list, &n, err);
  for (size_t i = 0; i < n && code == ERR_NONE; i++) {
    if (!uuid_eq(list[i].user_id, flow->link.user_id)) continue;
    flow->organisation_id = list[i].organisation_id;
    flow->organisation_name = list[i].organisation;
    flow->is_good = flow->is_good && !list[i].disabled_at;
    return ERR_NONE;
  }
  flow->is_good = false;
  return code;
}

static enum err_code load_setup(struct request *request, struct db_tx *tx, struct link_flow *flow, struct err *err) {
  const struct organisation_record *list = NULL;
  size_t n = 0;
  bool has_owner = false;
  enum err_code code = store_owner_exists(tx, &has_owner, err);
  if (code == ERR_NONE) code = store_organisation_list(tx, &request->arena, &list, &n, err);
  if (code != ERR_NONE) return code;
  flow->is_good = flow->is_good && !has_owner && n <= 1;
  if (n != 1) return ERR_NONE;
  flow->organisation_id = list[0].id;
  flow->organisation_name = list[0].name;
  return ERR_NONE;
}

static enum err_code load(struct request *request, struct db_tx *tx, struct err *err) {
  struct link_flow *flow = request->flow;
  uint8_t hash[TOKEN_HASH_SIZE];
  token_hash(request->rest, hash);
  enum err_code code = store_link_find(tx, &request->arena, hash, &flow->link, err);
  if (code == ERR_NOT_FOUND) return ERR_NONE;
  if (code != ERR_NONE) return code;
  flow->is_good = !flow->link.used_at && flow->link.expires_at > clock_utc_us();
  if (str_eq(flow->link.kind, STR("setup"))) {
    flow->kind = LINK_SETUP;
    return load_setup(request, tx, flow, err);
  }
  code = store_login_get(tx, &request->arena, flow->link.login_id, &flow->login, err);
  if (code != ERR_NONE) return code;
  flow->email = flow->login.email;
  flow->kind = str_eq(flow->link.kind, STR("invitation")) ? LINK_INVITATION : LINK_RESET;
  flow->has_password = flow->kind == LINK_INVITATION && flow->login.password.p;
  return flow->kind == LINK_INVITATION ? load_invitation(request, tx, flow, err) : ERR_NONE;
}

static void write_setup(struct request *request, const struct link_flow *flow, struct buf *out) {
  if (uuid_is_nil(flow->organisation_id))
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
                                       .value = form_get(&request->form, "email"),
                                       .has_focus = !uuid_is_nil(flow->organisation_id)});
  page_new_password(out, false);
}

static void write_fields(struct request *request, const struct link_flow *flow, struct buf *out) {
  if (flow->kind == LINK_SETUP) {
    write_setup(request, flow, out);
    return;
  }
  /* For password keepers: whose password it is. */
  HTML(out, "<input type=\"text\" name=\"username\" autocomplete=\"username\" value=\"{}\" readonly hidden>",
       flow->email);
  if (!flow->has_password)
    page_new_password(out, true);
  else
    page_input(out, &(struct page_input){.name = "password",
                                         .label = "Your password",
                                         .type = "password",
                                         .autocomplete = "current-password",
                                         .has_focus = true});
}

static struct str lead_of(struct request *request, const struct link_flow *flow) {
  struct arena *arena = &request->arena;
  switch (flow->kind) {
    case LINK_SETUP:
      if (!flow->organisation_name.n)
        return STR("You will be its owner: the one who connects tools and says who may use what.");
      return arena_printf(arena, "You will be the owner of %.*s: the one who connects tools and says who may use what.",
                          STR_ARG(flow->organisation_name));
    case LINK_INVITATION:
      return arena_printf(arena,
                          flow->has_password ? "%.*s invites %.*s. Sign in to accept."
                                             : "%.*s invites %.*s. Choose a password to accept.",
                          STR_ARG(flow->organisation_name), STR_ARG(flow->email));
    default:
      return arena_printf(arena, "For %.*s. Wherever you are signed in, you will be signed out.", STR_ARG(flow->email));
  }
}

static void show(struct request *request, int status) {
  static const char *const titles[] = {"Set up Connek", "Join your organisation", "Choose a new password"};
  static const char *const verbs[] = {"Set up", "Accept", "Save password"};
  const struct link_flow *flow = request->flow;
  struct buf *out = request_page(request, titles[flow->kind], lead_of(request, flow));
  struct str path = arena_printf(&request->arena, "/link/%.*s", STR_ARG(request->rest));
  request_form(request, path.p ? path.p : "/link");
  write_fields(request, flow, out);
  html_raw(out, "<div class=\"actions\">");
  page_button(out, verbs[flow->kind], "primary", NULL, NULL);
  html_raw(out, "</div></form>");
  request_reply_page(request, status, STR_NONE);
}

/* False: a page has been sent. */
static bool is_usable(struct request *request) {
  const struct link_flow *flow = request->flow;
  if (request->code != ERR_NONE) {
    request_reply_failure(request);
    return false;
  }
  if (flow->is_good) return true;
  request_reply_notice(request, 404, "This link does not work",
                       STR("It was used already, has expired, or was replaced by a newer one. Ask for another."));
  return false;
}

static void on_loaded_to_show(struct request *request) {
  if (is_usable(request)) show(request, 200);
}

/* Guesses at links are no better than guesses at passwords. */
static bool begin(struct request *request, request_then then) {
  request->flow = arena_new(&request->arena, struct link_flow);
  if (!request->flow || !token_is_well_formed(TOKEN_URL, request->rest)) {
    request_reply_notice(request, 404, "This link does not work", STR("It is not complete. Copy the whole of it."));
    return false;
  }
  request_read(request, load, then);
  return true;
}

void link_get(struct request *request) {
  (void)begin(request, on_loaded_to_show);
}

/* --- using it --- */

static enum err_code set_up(struct request *request, struct db_tx *tx, struct link_flow *flow, struct err *err) {
  struct user_record user;
  enum err_code code = ERR_NONE;
  if (uuid_is_nil(flow->organisation_id))
    code = people_found(tx, &request->arena, request->signin->options.vault, flow->name, &flow->organisation_id, err);
  if (code == ERR_NONE)
    code = people_ensure(tx, &request->arena, flow->organisation_id, flow->email, STR("owner"), &user, err);
  if (code != ERR_NONE) return code;
  flow->link.user_id = user.id;
  flow->link.login_id = user.login_id;
  return ERR_NONE;
}

static enum err_code use(struct request *request, struct db_tx *tx, struct err *err) {
  struct link_flow *flow = request->flow;
  int64_t now = clock_utc_us();
  /* Loaded once more: between then and now somebody else may have used it. */
  flow->organisation_id = (struct uuid){{0}};
  struct str email = flow->email;
  enum err_code code = load(request, tx, err);
  flow->email = email;
  if (code == ERR_NONE && !flow->is_good) code = err_set(err, ERR_CONFLICT, "this link was used already");
  /* By another invitation, meanwhile: theirs is not replaced by whoever has this one. */
  if (code == ERR_NONE && flow->has_password && flow->hash[0])
    code = err_set(err, ERR_CONFLICT, "This person has a password by now. Open the link again, and sign in by it.");
  if (code == ERR_NONE) code = store_link_use(tx, flow->link.id, now, err);
  if (code == ERR_NONE && flow->kind == LINK_SETUP) code = set_up(request, tx, flow, err);
  if (code == ERR_NONE && flow->hash[0])
    code = store_password_put(tx, flow->link.login_id, str_of(flow->hash), now, err);
  /* Who knew the old password, or was in, is out. */
  if (code == ERR_NONE && flow->hash[0])
    code = store_browser_session_delete_all(tx, flow->link.login_id, (struct uuid){{0}}, err);
  if (code == ERR_NONE && flow->kind != LINK_RESET) code = store_membership_accept(tx, flow->link.user_id, now, err);
  if (code == ERR_NONE && flow->kind != LINK_RESET)
    code = person_record(request, tx, flow->organisation_id, flow->link.user_id, flow->email,
                         flow->kind == LINK_SETUP ? "owner.setup" : "user.accept", STR("{}"), err);
  return code == ERR_NONE ? visitor_sign_in(request, tx, flow->link.login_id, flow->login.totp_confirmed_at != 0, err)
                          : code;
}

static void on_synced(struct request *request) {
  const struct link_flow *flow = request->flow;
  request_redirect(request, flow->login.totp_confirmed_at ? STR("/sign-in/code") : STR(DASHBOARD_PATH));
}

static void on_used(struct request *request) {
  if (request->code != ERR_NONE)
    request_reply_failure(request);
  else
    request_sync(request, on_synced);
}

static void compute(struct request *request) {
  struct link_flow *flow = request->flow;
  if (flow->has_password) {
    flow->is_right = password_verify(flow->password, flow->login.password);
    return;
  }
  request->code = password_hash(flow->password, flow->hash, &request->err);
  flow->is_right = request->code == ERR_NONE;
}

static void on_computed(struct request *request) {
  struct link_flow *flow = request->flow;
  if (flow->is_right) {
    request_write(request, use, on_used);
  } else if (flow->has_password) {
    request->problem = STR("That is not your password.");
    show(request, 401);
  } else {
    request_reply_failure(request);
  }
}

static enum err_code read_setup(struct request *request, struct link_flow *flow) {
  struct err *err = &request->err;
  flow->name = str_trim(form_get(&request->form, "name"));
  struct str typed = str_trim(form_get(&request->form, "email"));
  enum err_code code = ERR_NONE;
  if (uuid_is_nil(flow->organisation_id)) {
    code = config_name_check(flow->name, err);
    if (code != ERR_NONE) return err_set(err, code, "Give your organisation another name: %s", "1 to 64 characters");
  }
  return config_email_read(&request->arena, typed, &flow->email, err);
}

static enum err_code read_typed(struct request *request, struct link_flow *flow) {
  struct err *err = &request->err;
  enum err_code code = flow->kind == LINK_SETUP ? read_setup(request, flow) : ERR_NONE;
  flow->password = form_get(&request->form, "password");
  if (code != ERR_NONE || flow->has_password) return code;
  if (!str_eq(flow->password, form_get(&request->form, "again")))
    return err_set(err, ERR_INVALID, "The two passwords differ.");
  return password_check(flow->password, flow->email, err);
}

static void on_loaded_to_use(struct request *request) {
  struct link_flow *flow = request->flow;
  if (!is_usable(request)) return;
  enum err_code code = read_typed(request, flow);
  if (code != ERR_NONE) {
    request->problem = str_of(request->err.text);
    show(request, 400);
    return;
  }
  if (!request_throttle(request, flow->email)) return;
  (void)request_compute(request, compute, on_computed);
}

void link_post(struct request *request) {
  (void)begin(request, on_loaded_to_use);
}
