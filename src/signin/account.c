/* A person's own page: where they are somebody, which programs they let in, where they are signed in; and how each of
 * these ends. */
#include "base/clock.h"
#include "signin/person.h"
#include "signin/route.h"
#include "signin/scope.h"
#include "web/browser_name.h"

struct account_flow {
  const struct membership_record *memberships;
  size_t n_memberships;
  const struct oauth_grant_record *grants;
  size_t n_grants;
  const struct browser_session_record *sessions;
  size_t n_sessions;
  struct login_record login;
  struct uuid id; /* of what is ended */
  bool is_client;
};

static enum err_code load(struct request *request, struct db_tx *tx, struct err *err) {
  struct account_flow *flow = request->flow;
  struct uuid login_id = request->visitor.session.login_id;
  struct arena *arena = &request->arena;
  struct person_memberships memberships;
  enum err_code code = store_login_get(tx, arena, login_id, &flow->login, err);
  if (code == ERR_NONE) code = person_memberships(request, tx, login_id, &memberships, err);
  if (code != ERR_NONE) return code;
  flow->memberships = memberships.items;
  flow->n_memberships = memberships.n;
  code = store_oauth_grant_list_of_login(tx, arena, login_id, clock_utc_us(), &flow->grants, &flow->n_grants, err);
  if (code == ERR_NONE) code = store_browser_session_list(tx, arena, login_id, &flow->sessions, &flow->n_sessions, err);
  return code;
}

/* The last cell of a row: what ends it. `of` for those who hear the button alone. */
static void write_end(struct request *request, const char *name, struct uuid id, struct str of) {
  struct buf *out = &request->page;
  char text[UUID_TEXT_SIZE];
  uuid_format(id, text);
  html_raw(out, "<td>");
  request_form(request, "/account");
  page_hidden(out, name, str_of(text));
  HTML(out, "<button class=\"danger\" aria-label=\"End {}\">End</button></form></td></tr>", of);
}

static void write_head(struct buf *out, const char *const heads[3]) {
  html_raw(out, "<table><thead><tr>");
  for (size_t i = 0; i < 3; i++)
    HTML(out, "<th scope=\"col\">{}</th>", str_of(heads[i]));
  html_raw(out, "<th scope=\"col\">End</th></tr></thead><tbody>");
}

/* On a small screen each row is a card, whose cells say what they are. */
static void begin_cell(struct buf *out, const char *head) {
  HTML(out, "<td data-head=\"{}\">", str_of(head));
}

static void write_time_cell(struct buf *out, const char *head, int64_t utc_us) {
  begin_cell(out, head);
  page_time(out, utc_us, clock_utc_us());
  html_raw(out, "</td>");
}

static struct str deeds(struct arena *arena, int64_t scopes) {
  static const struct {
    unsigned bit;
    const char *word;
  } kinds[] = {{DOES_READ, "read"}, {DOES_WRITE, "change"}, {DOES_DESTROY, "delete"}};
  struct buf words;
  buf_init(&words, arena, 256);
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
    if ((unsigned)scopes & kinds[i].bit) buf_printf(&words, "%s%s", words.n ? ", " : "", kinds[i].word);
  return buf_failed(&words) ? STR_NONE : buf_str(&words);
}

static void write_clients(struct request *request, struct buf *out) {
  static const char *const heads[] = {"Program", "May", "Last used"};
  const struct account_flow *flow = request->flow;
  html_raw(out, "<h2>Programs you let in</h2>");
  if (flow->n_grants == 0) {
    html_raw(out, "<p class=\"dim\">None. Give your assistant the address ");
    HTML(out, "<code>{}/mcp</code>; it will ask you here.</p>", request->base);
    return;
  }
  write_head(out, heads);
  for (size_t i = 0; i < flow->n_grants; i++) {
    const struct oauth_grant_record *grant = &flow->grants[i];
    HTML(out, "<tr><td>{}</td>", grant->client_name);
    begin_cell(out, heads[1]);
    HTML(out, "{}</td>", deeds(&request->arena, grant->scopes));
    write_time_cell(out, heads[2], grant->used_at);
    write_end(request, "client", grant->id, grant->client_name);
  }
  html_raw(out, "</tbody></table>");
}

static void write_sessions(struct request *request, struct buf *out) {
  static const char *const heads[] = {"Browser", "Signed in", "Last seen"};
  const struct account_flow *flow = request->flow;
  html_raw(out, "<h2>Where you are signed in</h2>");
  write_head(out, heads);
  for (size_t i = 0; i < flow->n_sessions; i++) {
    const struct browser_session_record *session = &flow->sessions[i];
    struct str browser = browser_name(&request->arena, session->agent);
    HTML(out, "<tr><td title=\"{}\">{}</td>", session->agent, browser);
    write_time_cell(out, heads[1], session->created_at);
    write_time_cell(out, heads[2], session->seen_at);
    if (uuid_eq(session->id, request->visitor.session.id))
      html_raw(out, "<td class=\"dim\">this one</td></tr>");
    else
      write_end(request, "session", session->id, browser);
  }
  html_raw(out, "</tbody></table>");
}

static void write_person(struct request *request, struct buf *out) {
  const struct account_flow *flow = request->flow;
  HTML(out, "<dl><dt>E-mail</dt><dd>{}</dd><dt>Organisations</dt><dd>", flow->login.email);
  if (flow->n_memberships == 0) html_raw(out, "<span class=\"dim\">none yet: ask your admin for an invitation</span>");
  for (size_t i = 0; i < flow->n_memberships; i++)
    HTML(out, i ? ", {} ({})" : "{} ({})", flow->memberships[i].organisation, flow->memberships[i].kind);
  html_raw(out, "</dd><dt>Password</dt><dd><a href=\"/account/password\">change</a></dd><dt>Second step</dt><dd>");
  html_raw(out, flow->login.totp_confirmed_at ? "on" : "off");
  html_raw(out, " \xc2\xb7 <a href=\"/account/two-step\">change</a></dd></dl>");
}

static void show(struct request *request) {
  if (request->code != ERR_NONE) {
    request_reply_failure(request);
    return;
  }
  struct buf *out = request_page(request, "Your account", STR_NONE);
  html_raw(out, "<p><a href=\"" DASHBOARD_PATH "\">To the dashboard</a></p>");
  write_person(request, out);
  write_clients(request, out);
  write_sessions(request, out);
  request_form(request, "/sign-out");
  html_raw(out, "<div class=\"actions\">");
  page_button(out, "Sign out", "quiet", NULL, NULL);
  html_raw(out, "</div></form>");
  request_reply_page(request, 200, STR_NONE);
}

/* False: the visitor is on the way to signing in. */
static bool begin(struct request *request) {
  request->flow = arena_new(&request->arena, struct account_flow);
  if (request->visitor.is_known && request->flow) return true;
  request_redirect(
      request, request->visitor.is_half ? STR("/sign-in/code?return=%2Faccount") : STR("/sign-in?return=%2Faccount"));
  return false;
}

void account_get(struct request *request) {
  if (begin(request)) request_read(request, load, show);
}

/* --- ending something: one's own alone --- */

static enum err_code end_session(struct request *request, struct db_tx *tx, struct err *err) {
  struct account_flow *flow = request->flow;
  enum err_code code = load(request, tx, err);
  for (size_t i = 0; i < flow->n_sessions && code == ERR_NONE; i++)
    if (uuid_eq(flow->sessions[i].id, flow->id)) return store_browser_session_delete(tx, flow->id, err);
  return code;
}

static enum err_code end_client(struct request *request, struct db_tx *tx, struct err *err) {
  struct account_flow *flow = request->flow;
  enum err_code code = load(request, tx, err);
  for (size_t i = 0; i < flow->n_grants && code == ERR_NONE; i++) {
    const struct oauth_grant_record *grant = &flow->grants[i];
    if (!uuid_eq(grant->id, flow->id)) continue;
    code = store_oauth_grant_revoke(tx, &request->arena, grant->id, clock_utc_us(), err);
    return code == ERR_NONE ? person_record(request, tx, grant->organisation_id, grant->user_id, grant->email,
                                            "client.revoke", STR("{}"), err)
                            : code;
  }
  return code;
}

static void on_synced(struct request *request) {
  if (request->code == ERR_NONE)
    request_redirect(request, STR("/account"));
  else
    request_reply_failure(request);
}

static void on_ended(struct request *request) {
  if (request->code == ERR_NONE)
    request_sync(request, on_synced);
  else
    request_reply_failure(request);
}

void account_post(struct request *request) {
  if (!begin(request)) return;
  struct account_flow *flow = request->flow;
  struct str client = form_get(&request->form, "client"), session = form_get(&request->form, "session");
  flow->is_client = client.n > 0;
  if (!uuid_parse(flow->is_client ? client : session, &flow->id))
    request_redirect(request, STR("/account"));
  else
    request_write(request, flow->is_client ? end_client : end_session, on_ended);
}
