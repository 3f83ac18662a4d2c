/* Browsers in which people are signed in: one's own, where one is somebody, and signing out; and a user's, for who
 * looks after users. */
#include "signin/session.h"
#include "api/answer.h"
#include "api/document.h"
#include "api/handlers.h"
#include "api/page.h"
#include "api/users.h"
#include "base/clock.h"

enum err_code document_get(struct api_request *request, struct db_tx *tx, struct err *err) {
  buf_append_str(&request->out, api_document_text());
  return ERR_NONE;
}

static void write_permissions(struct buf *out, unsigned kinds) {
  answer_name(out, "permissions");
  answer_open(out, '[');
  for (unsigned i = 0; i < API_PERMISSIONS; i++) {
    const struct api_permission_row *row = api_permission_row((enum api_permission)i);
    if (row->kinds & kinds) answer_item(out, str_of(row->word));
  }
  answer_close(out, ']');
}

static void write_membership(struct buf *out, const struct membership_record *membership) {
  answer_open(out, '{');
  answer_uuid(out, "id", membership->organisation_id);
  answer_text(out, "name", membership->organisation);
  answer_uuid(out, "user_id", membership->user_id);
  answer_text(out, "kind", membership->kind);
  write_permissions(out, api_kind_of(membership->kind));
  answer_close(out, '}');
}

enum err_code session_get(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct browser_session_record *session = &request->principal.session;
  const struct membership_record *list = NULL;
  struct login_record login;
  struct buf *out = &request->out;
  size_t n = 0;
  enum err_code code = store_login_get(tx, &request->arena, session->login_id, &login, err);
  if (code == ERR_NONE) code = store_membership_list(tx, &request->arena, session->login_id, &list, &n, err);
  if (code != ERR_NONE) return code;
  answer_open(out, '{');
  answer_text(out, "email", session->email);
  answer_bool(out, "has_second_factor", login.totp_confirmed_at != 0);
  answer_time(out, "expires_at", session->expires_at);
  answer_name(out, "organisations");
  answer_open(out, '[');
  for (size_t i = 0; i < n; i++)
    if (list[i].accepted_at && !list[i].disabled_at) write_membership(out, &list[i]);
  answer_close(out, ']');
  answer_text(out, "url", request->base);
  struct str mcp = arena_printf(&request->arena, "%.*s/mcp", STR_ARG(request->base));
  answer_text(out, "mcp_url", mcp);
  answer_text(out, "version", STR(CONNEK_VERSION));
  answer_bool(out, "may_found", request->api->options.signin->options.may_sign_up);
  answer_close(out, '}');
  return mcp.p ? ERR_NONE : err_no_memory(err);
}

enum err_code session_end(struct api_request *request, struct db_tx *tx, struct err *err) {
  bool is_https = str_starts(request->base, STR("https://"));
  request->cookie_to_set = arena_printf(&request->arena, "%s=; Path=/; HttpOnly; SameSite=Lax%s; Max-Age=0",
                                        signin_cookie_name(request->base), is_https ? "; Secure" : "");
  if (!request->cookie_to_set.p) return err_no_memory(err);
  return store_browser_session_delete(tx, request->principal.session.id, err);
}

static void write_session(struct buf *out, const struct browser_session_record *session, struct uuid own) {
  answer_open(out, '{');
  answer_uuid(out, "id", session->id);
  answer_text(out, "agent", session->agent);
  answer_bool(out, "is_this", uuid_eq(session->id, own));
  answer_time(out, "created_at", session->created_at);
  answer_time(out, "seen_at", session->seen_at);
  answer_time(out, "expires_at", session->expires_at);
  answer_close(out, '}');
}

static bool is_live(const struct browser_session_record *session, int64_t now) {
  return !session->needs_code && session->expires_at > now;
}

static enum err_code list_of(struct api_request *request, struct db_tx *tx, struct uuid login_id, struct err *err) {
  const struct browser_session_record *list = NULL;
  struct api_page page;
  size_t n = 0;
  enum err_code code = api_page_read(request, &page, err);
  if (code == ERR_NONE) code = store_browser_session_list(tx, &request->arena, login_id, &list, &n, err);
  if (code != ERR_NONE) return code;
  int64_t now = clock_utc_us();
  api_page_open(request);
  for (size_t i = 0; i < n && i < page.limit; i++)
    if (is_live(&list[i], now)) write_session(&request->out, &list[i], request->principal.session.id);
  api_page_close(request, &page, 0, STR_NONE);
  return ERR_NONE;
}

static enum err_code end_of(struct api_request *request, struct db_tx *tx, struct uuid login_id, struct err *err) {
  const struct browser_session_record *list = NULL;
  struct uuid id;
  size_t n = 0;
  enum err_code code = api_path_id(request, "session", &id, err);
  if (code == ERR_NONE) code = store_browser_session_list(tx, &request->arena, login_id, &list, &n, err);
  for (size_t i = 0; i < n && code == ERR_NONE; i++)
    if (uuid_eq(list[i].id, id)) return store_browser_session_delete(tx, id, err);
  return code ? code : err_set(err, ERR_NOT_FOUND, "there is no such session");
}

enum err_code sessions_list(struct api_request *request, struct db_tx *tx, struct err *err) {
  return list_of(request, tx, request->principal.session.login_id, err);
}

enum err_code sessions_end(struct api_request *request, struct db_tx *tx, struct err *err) {
  return end_of(request, tx, request->principal.session.login_id, err);
}

/* A session is a person's, in every organisation where they are somebody: what they do elsewhere is nobody's to see
 * here, or to end. */
static enum err_code check_is_ours_alone(struct api_request *request, struct db_tx *tx, struct uuid login_id,
                                         struct err *err) {
  static const struct uuid all = {{0}};
  const struct membership_record *list = NULL;
  size_t n = 0;
  db_scope(tx, all);
  enum err_code code = store_membership_list(tx, &request->arena, login_id, &list, &n, err);
  db_scope(tx, request->organisation.id);
  for (size_t i = 0; i < n && code == ERR_NONE; i++)
    if (list[i].accepted_at && !uuid_eq(list[i].organisation_id, request->organisation.id))
      return err_set(err, ERR_CONFLICT,
                     "this person is somebody in another organisation as well: their sessions are their own, and the "
                     "operator's to end (connek session revoke). Disabling them here ends what they can do here");
  return code;
}

static enum err_code load_user(struct api_request *request, struct db_tx *tx, struct user_view *ret_view,
                               struct err *err) {
  struct uuid id;
  enum err_code code = api_path_id(request, "user", &id, err);
  if (code == ERR_NONE) code = api_user_load(request, tx, id, ret_view, err);
  return code == ERR_NONE ? check_is_ours_alone(request, tx, ret_view->user.login_id, err) : code;
}

/* Whoever has not taken the invitation has not come here yet, wherever else they are. */
static struct uuid login_of(const struct user_view *view) {
  static const struct uuid nobody = {{0xff}};
  return view->accepted_at ? view->user.login_id : nobody;
}

enum err_code users_sessions(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct user_view view;
  enum err_code code = load_user(request, tx, &view, err);
  return code == ERR_NONE ? list_of(request, tx, login_of(&view), err) : code;
}

enum err_code users_end_session(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct user_view view;
  enum err_code code = load_user(request, tx, &view, err);
  if (code == ERR_NONE) code = api_user_check_rank(request, view.user.kind, err);
  if (code == ERR_NONE) code = end_of(request, tx, login_of(&view), err);
  return code == ERR_NONE ? api_record_one(request, tx, "session.revoke", "user", view.user.email, err) : code;
}
