/* Access tokens: personal URLs and keys for the MCP endpoint. Each is shown once, in the answer that made it; of it
 * only a hash is kept. The same handlers serve an admin, of everybody, and a user, of themselves. */
#include "api/answer.h"
#include "api/change.h"
#include "api/handlers.h"
#include "api/page.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/secret.h"
#include "config/token.h"
#include "store/api.h"

enum { OVERLAP_S = 24 * 3600 };

static bool is_own(const struct api_request *request) {
  return request->route->permission == API_SELF;
}

static struct str status_of(const struct access_token_record *token) {
  if (token->revoked_at) return STR("revoked");
  return token->expires_at && token->expires_at <= clock_utc_us() ? STR("expired") : STR("live");
}

static void write_token(struct buf *out, const struct token_view *view) {
  const struct access_token_record *token = &view->token;
  answer_open(out, '{');
  answer_uuid(out, "id", token->id);
  answer_name(out, "user");
  answer_open(out, '{');
  answer_uuid(out, "id", token->user_id);
  answer_text(out, "email", view->email);
  answer_close(out, '}');
  answer_text(out, "kind", token->kind);
  answer_text(out, "name", token->name);
  answer_text(out, "status", status_of(token));
  answer_time(out, "created_at", token->created_at);
  answer_time(out, "expires_at", token->expires_at);
  answer_time(out, "revoked_at", token->revoked_at);
  answer_time(out, "last_call_at", view->last_call_at);
  answer_int_or_null(out, "per_minute", view->per_minute);
  answer_close(out, '}');
}

enum err_code tokens_list(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct api_page page;
  const struct token_view *list = NULL;
  size_t n = 0;
  struct token_filter filter = {
      .organisation_id = request->organisation.id, .status = api_query(request, "status"), .now = clock_utc_us()};
  enum err_code code = api_page_read(request, &page, err);
  if (page.after.n == 16) memcpy(filter.after.b, page.after.p, 16);
  if (is_own(request))
    filter.user_id = request->principal.user_id;
  else
    (void)api_query_id(request, "user", &filter.user_id);
  if (code == ERR_NONE) code = store_token_page(tx, &request->arena, &filter, page.limit + 1, &list, &n, err);
  if (code != ERR_NONE) return code;
  size_t n_shown = n < page.limit ? n : page.limit;
  api_page_open(request);
  for (size_t i = 0; i < n_shown; i++)
    write_token(&request->out, &list[i]);
  api_page_close(request, &page, n, n_shown ? uuid_bytes(&list[n_shown - 1].token.id) : STR_NONE);
  return ERR_NONE;
}

/* The token of the path; to a user, one of their own alone. */
static enum err_code find(struct api_request *request, struct db_tx *tx, struct token_view *ret_view, struct err *err) {
  struct uuid id;
  enum err_code code = api_path_id(request, "token", &id, err);
  if (code == ERR_NONE) code = store_token_get(tx, &request->arena, request->organisation.id, id, ret_view, err);
  if (code == ERR_NONE && is_own(request) && !uuid_eq(ret_view->token.user_id, request->principal.user_id))
    return err_set(err, ERR_NOT_FOUND, "there is no such access token");
  return code;
}

enum err_code tokens_get(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct token_view view;
  enum err_code code = find(request, tx, &view, err);
  if (code == ERR_NONE) write_token(&request->out, &view);
  return code;
}

/* ---- making ---- */

static void write_shown_once(struct api_request *request, bool is_url, const char *text) {
  struct buf *out = &request->out;
  if (!text) {
    answer_null(out, "secret");
    answer_null(out, "url");
    return;
  }
  struct str url = is_url ? arena_printf(&request->arena, "%.*s/mcp/%s", STR_ARG(request->base), text)
                          : arena_printf(&request->arena, "%.*s/mcp", STR_ARG(request->base));
  answer_text(out, "secret", str_of(text));
  answer_text(out, "url", url);
}

/* {"token":...,"secret","url"}: twice, since a repeated answer is without what is shown once. */
static enum err_code answer_new(struct api_request *request, const struct token_view *view, const char *text,
                                struct err *err) {
  bool is_url = str_eq(view->token.kind, STR("url"));
  char id[UUID_TEXT_SIZE];
  for (int is_shown = 0; is_shown < 2; is_shown++) {
    buf_clear(&request->out);
    answer_open(&request->out, '{');
    answer_name(&request->out, "token");
    write_token(&request->out, view);
    write_shown_once(request, is_url, is_shown ? text : NULL);
    answer_close(&request->out, '}');
    if (buf_failed(&request->out)) return err_no_memory(err);
    if (!is_shown) request->repeated = arena_str(&request->arena, buf_str(&request->out));
  }
  uuid_format(view->token.id, id);
  struct str path = request->http->path;
  while (str_ends(path, STR("/rotation")) || (path.n && !str_ends(path, STR("/tokens"))))
    path.n--; /* rotated: its place is beside the old one's */
  request->location = arena_printf(&request->arena, "%.*s/%s", STR_ARG(path), id);
  return request->repeated.p && request->location.p ? ERR_NONE : err_no_memory(err);
}

static enum err_code make(struct api_request *request, struct db_tx *tx, const struct config_token *order,
                          struct err *err) {
  struct audit_author author = api_author(request);
  struct token_view view = {.email = order->user->email, .per_minute = order->per_minute};
  char text[TOKEN_TEXT_SIZE];
  enum err_code code =
      config_token_make(tx, &request->arena, request->api->options.vault, order, &author, &view.token, text, err);
  if (code == ERR_NONE) code = answer_new(request, &view, text, err);
  secret_wipe(text, sizeof(text));
  request->has_changed = true;
  return code;
}

static enum err_code read_expiry(struct api_request *request, int64_t *ret_at, struct err *err) {
  struct str text = json_get_str(request->body, "expires_at");
  *ret_at = 0;
  if (!text.p) return ERR_NONE;
  if (!clock_parse(text, ret_at))
    return api_wrong(err, "/expires_at", "must be a time in UTC, such as 2026-12-31T00:00:00Z");
  return *ret_at > clock_utc_us() ? ERR_NONE : api_wrong(err, "/expires_at", "must lie ahead");
}

enum err_code tokens_create(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct user_view user;
  struct uuid id = request->principal.user_id;
  struct str kind = json_get_str(request->body, "kind");
  struct config_token order = {.organisation = &request->organisation,
                               .user = &user.user,
                               .kind = str_eq(kind, STR("url")) ? TOKEN_URL : TOKEN_KEY,
                               .name = json_get_str(request->body, "name"),
                               .per_minute = yyjson_get_sint(json_get(request->body, "per_minute"))};
  if (!is_own(request) && !uuid_parse(json_get_str(request->body, "user"), &id))
    return api_wrong(err, "/user", "must be a user's id");
  enum err_code code = read_expiry(request, &order.expires_at, err);
  if (code == ERR_NONE)
    code = store_user_get(tx, &request->arena, request->organisation.id, id, clock_utc_us(), &user, err);
  if (code == ERR_NOT_FOUND) return api_wrong(err, "/user", "there is no such user");
  return code == ERR_NONE ? make(request, tx, &order, err) : code;
}

/* The old one works until the overlap ends, so that nobody is cut off while they change it. */
enum err_code tokens_rotate(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct token_view old;
  struct user_view user;
  struct audit_author author = api_author(request);
  yyjson_val *overlap = json_get(request->body, "overlap_s");
  int64_t overlap_s = overlap ? yyjson_get_sint(overlap) : OVERLAP_S;
  enum err_code code = find(request, tx, &old, err);
  if (code == ERR_NONE && !str_eq(status_of(&old.token), STR("live")))
    return err_set(err, ERR_CONFLICT, "this access token has ended: make another");
  if (code == ERR_NONE)
    code = store_user_get(tx, &request->arena, request->organisation.id, old.token.user_id, clock_utc_us(), &user, err);
  if (code != ERR_NONE) return code;
  const struct config_token order = {.organisation = &request->organisation,
                                     .user = &user.user,
                                     .kind = str_eq(old.token.kind, STR("url")) ? TOKEN_URL : TOKEN_KEY,
                                     .name = old.token.name,
                                     .expires_at = old.token.expires_at,
                                     .per_minute = old.per_minute};
  if ((code = make(request, tx, &order, err)) != ERR_NONE) return code;
  int64_t ends_at = overlap_s ? clock_utc_us() + overlap_s * 1000000 : 0;
  return config_token_end(tx, &request->arena, request->api->options.vault, &request->organisation, &old.token,
                          old.email, ends_at, &author, err);
}

enum err_code tokens_revoke(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct token_view view;
  struct audit_author author = api_author(request);
  enum err_code code = find(request, tx, &view, err);
  request->has_changed = true;
  return code == ERR_NONE ? config_token_end(tx, &request->arena, request->api->options.vault, &request->organisation,
                                             &view.token, view.email, 0, &author, err)
                          : code;
}
