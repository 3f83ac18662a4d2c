/* Who asks, and may they: sessions of people, who come by a browser and so can be made to ask by other web pages, and
 * API keys, which no browser sends by itself. Knows no resource. */
#include "api/request.h"
#include "base/clock.h"
#include "identity/token.h"
#include "signin/session.h"
#include "store/api.h"

#define FOR_THE_OPERATOR "this is for the operator's key (connek operator key)"

static bool refuse(struct api_request *request, enum err_code code, const char *text) {
  request->code = err_set(&request->err, code, "%s", text);
  return false;
}

static bool is_method(const struct api_request *request, const char *method) {
  return str_eq_c(request->http->method, method);
}

/* What a form or an image of another page can send never has these: a browser asks us first (Fetch, CORS-preflight),
 * and is answered 401. */
static bool has_own_mark(const struct api_request *request) {
  struct str mark, type;
  if (http_field_once(request->http, "X-Connek", &mark) && mark.p) return true;
  if (!http_field_once(request->http, "Content-Type", &type)) return false;
  struct str kind = str_cut(&type, ';');
  return str_eq_fold(str_trim(kind), STR("application/json"));
}

static bool read_cookie(struct api_request *request) {
  request->cookie = signin_cookie(request->http, request->base);
  if (!request->cookie.p) return refuse(request, ERR_UNAUTHENTICATED, "sign in, or show an API key");
  if (!signin_base_is_safe(request->base))
    return refuse(request, ERR_DENIED, "sessions are for https, or for this machine alone");
  if (!signin_is_own_page(request->http, request->base))
    return refuse(request, ERR_DENIED, "this request was sent by another web page");
  if (!is_method(request, "GET") && !has_own_mark(request))
    return refuse(request, ERR_DENIED,
                  "with a session, what changes something needs Content-Type: application/json or X-Connek: 1");
  return true;
}

bool api_read_credentials(struct api_request *request) {
  struct str shown;
  if (request->route->permission == API_ANYONE) return true;
  if (!http_field_once(request->http, "Authorization", &shown))
    return refuse(request, ERR_UNAUTHENTICATED, "show one API key");
  if (!shown.p) return read_cookie(request);
  struct str scheme = str_cut(&shown, ' ');
  if (!str_eq_fold(scheme, STR("Bearer")) || !token_is_well_formed(TOKEN_API, str_trim(shown)))
    return refuse(request, ERR_UNAUTHENTICATED, "that is no API key: it begins with cap_");
  request->key = str_trim(shown);
  return true;
}

bool api_may(const struct api_request *request, enum api_permission permission) {
  const struct api_permission_row *row = api_permission_row(permission);
  const struct api_principal *principal = &request->principal;
  if (!(row->kinds & principal->kinds)) return false;
  return uuid_is_nil(principal->key_id) || (row->is_scope && (principal->scopes >> permission & 1));
}

static enum err_code find_person(struct api_request *request, struct db_tx *tx, struct err *err) {
  bool is_live = false;
  struct browser_session_record *session = &request->principal.session;
  enum err_code code = signin_session_find(tx, &request->arena, request->cookie, session, &is_live, err);
  if (code != ERR_NONE) return code;
  request->client = STR("dashboard");
  if (is_live && !session->needs_code) return ERR_NONE;
  session->id = (struct uuid){{0}};
  return err_set(err, ERR_UNAUTHENTICATED, "the session is over: sign in again");
}

/* The person as a user of the organisation. To somebody of another one there is no such organisation. */
static enum err_code find_user(struct api_request *request, struct db_tx *tx, struct uuid login_id, struct err *err) {
  const struct membership_record *list;
  size_t n;
  enum err_code code = store_membership_list(tx, &request->arena, login_id, &list, &n, err);
  for (size_t i = 0; i < n && code == ERR_NONE; i++) {
    if (!uuid_eq(list[i].organisation_id, request->organisation.id)) continue;
    if (!list[i].accepted_at || list[i].disabled_at) break;
    request->principal.user_id = list[i].user_id;
    request->principal.kind = list[i].kind;
    request->principal.kinds = api_kind_of(list[i].kind);
    return ERR_NONE;
  }
  return code ? code : err_set(err, ERR_NOT_FOUND, "there is no such organisation");
}

/* Words that nobody knows any more are no scopes. */
static uint64_t scopes_of(struct str words) {
  uint64_t scopes = 0;
  while (words.p) {
    enum api_permission permission;
    if (api_permission_find(str_cut(&words, ' '), &permission)) scopes |= UINT64_C(1) << permission;
  }
  return scopes;
}

/* A key acts for whoever made it, and never may more than they may now. */
static enum err_code find_key(struct api_request *request, struct db_tx *tx, struct uuid *ret_organisation_id,
                              struct err *err) {
  struct api_key_record key;
  uint8_t hash[TOKEN_HASH_SIZE];
  int64_t now = clock_utc_us();
  token_hash(request->key, hash);
  enum err_code code = store_api_key_find(tx, &request->arena, hash, &key, err);
  bool is_dead =
      code == ERR_NOT_FOUND ||
      (code == ERR_NONE && (key.revoked_at || key.user_disabled_at || (key.expires_at && key.expires_at <= now)));
  if (is_dead) return err_set(err, ERR_UNAUTHENTICATED, "this API key is not valid, or no longer");
  if (code != ERR_NONE) return code;
  request->client = STR("API key");
  request->principal.key_id = key.id;
  request->principal.key_used_at = key.last_used_at;
  request->principal.scopes = scopes_of(key.scopes);
  request->principal.user_id = key.user_id;
  request->principal.email = key.email;
  request->principal.kind = key.kind;
  request->principal.kinds = api_kind_of(key.kind);
  *ret_organisation_id = key.organisation_id;
  return ERR_NONE;
}

/* `connek operator key` makes it; of it only a hash is kept. */
static enum err_code is_operator(struct api_request *request, struct db_tx *tx, bool *ret_is, struct err *err) {
  uint8_t hash[TOKEN_HASH_SIZE];
  struct str kept;
  token_hash(request->key, hash);
  enum err_code code = store_installation_get(tx, &request->arena, "operator_key", &kept, err);
  *ret_is = code == ERR_NONE && str_eq_constant_time(kept, str_make((const char *)hash, sizeof(hash)));
  return code == ERR_NOT_FOUND ? ERR_NONE : code;
}

static enum err_code find_organisation(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct uuid id;
  enum err_code code = api_path_id(request, "organisation", &id, err);
  if (code == ERR_NONE) code = store_organisation_get(tx, &request->arena, id, &request->organisation, err);
  return code == ERR_NOT_FOUND ? err_set(err, ERR_NOT_FOUND, "there is no such organisation") : code;
}

static enum err_code check_person(struct api_request *request, struct db_tx *tx, struct err *err) {
  enum api_permission permission = request->route->permission;
  enum err_code code = find_person(request, tx, err);
  if (code != ERR_NONE) return code;
  request->principal.email = request->principal.session.email;
  if (permission == API_PERSON) return ERR_NONE;
  if (permission == API_OPERATOR) return err_set(err, ERR_DENIED, FOR_THE_OPERATOR);
  code = find_organisation(request, tx, err);
  if (code == ERR_NONE) code = find_user(request, tx, request->principal.session.login_id, err);
  if (code != ERR_NONE || api_may(request, permission)) return code;
  return err_set(err, ERR_DENIED, "as %.*s of this organisation you may not do this (%s): ask an admin",
                 STR_ARG(request->principal.kind), api_permission_row(permission)->word);
}

/* A key is looked for first, whatever is asked: an unknown one learns nothing of permissions, nor of organisations. */
static enum err_code check_key(struct api_request *request, struct db_tx *tx, struct err *err) {
  enum api_permission permission = request->route->permission;
  struct uuid organisation_id;
  bool is_theirs = false;
  enum err_code code = permission == API_OPERATOR ? is_operator(request, tx, &is_theirs, err) : ERR_NONE;
  if (code != ERR_NONE || is_theirs) return code;
  code = find_key(request, tx, &organisation_id, err);
  if (code != ERR_NONE) return code;
  if (permission == API_OPERATOR) return err_set(err, ERR_DENIED, FOR_THE_OPERATOR);
  if (permission == API_PERSON) return err_set(err, ERR_DENIED, "this is for a person who is signed in, not for a key");
  code = find_organisation(request, tx, err);
  if (code != ERR_NONE) return code;
  if (!uuid_eq(organisation_id, request->organisation.id))
    return err_set(err, ERR_NOT_FOUND, "there is no such organisation");
  if (api_may(request, permission)) return ERR_NONE;
  return err_set(err, ERR_DENIED, "this API key has not the scope %s", api_permission_row(permission)->word);
}

/* A call's own user, known by an access token: they may what they may here, as they are now. */
static enum err_code check_caller(struct api_request *request, struct db_tx *tx, struct err *err) {
  enum api_permission permission = request->route->permission;
  struct user_view view;
  enum err_code code = find_organisation(request, tx, err);
  if (code == ERR_NONE)
    code = store_user_get(tx, &request->arena, request->organisation.id, request->operation->caller->user_id,
                          clock_utc_us(), &view, err);
  if (code != ERR_NONE) return code;
  request->client = STR("assistant");
  request->principal.user_id = view.user.id;
  request->principal.email = view.user.email;
  request->principal.kind = view.user.kind;
  request->principal.kinds = api_kind_of(view.user.kind);
  if (!view.user.disabled_at && api_may(request, permission)) return ERR_NONE;
  return err_set(err, ERR_DENIED, "as %.*s of this organisation you may not do this (%s): ask an admin",
                 STR_ARG(view.user.kind), api_permission_row(permission)->word);
}

enum err_code api_authenticate(struct api_request *request, struct db_tx *tx, struct err *err) {
  if (request->operation) return check_caller(request, tx, err);
  if (request->route->permission == API_ANYONE) return ERR_NONE;
  enum err_code code = request->key.p ? check_key(request, tx, err) : check_person(request, tx, err);
  if (code == ERR_NONE) db_scope(tx, request->organisation.id);
  return code;
}
