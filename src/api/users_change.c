/* Users, changed: invited, given roles, disabled, removed. Only an owner makes owners or touches one, and the last one
 * who can sign in stays. */
#include "api/answer.h"
#include "api/change.h"
#include "api/handlers.h"
#include "api/users.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/secret.h"
#include "config/words.h"
#include "signin/people.h"

static const int64_t hour_us = INT64_C(3600) * 1000000;

static bool is_owner(struct str kind) {
  return str_eq(kind, STR("owner"));
}

enum err_code api_user_check_rank(const struct api_request *request, struct str kind, struct err *err) {
  if (!is_owner(kind) || is_owner(request->principal.kind)) return ERR_NONE;
  return err_set(err, ERR_DENIED, "only an owner makes owners, or changes one");
}

/* `view` stops being an owner who can sign in. */
static enum err_code check_last_owner(struct api_request *request, struct db_tx *tx, const struct user_view *view,
                                      struct err *err) {
  int64_t n = 0;
  if (!is_owner(view->user.kind) || view->user.disabled_at || !view->accepted_at) return ERR_NONE;
  enum err_code code = store_owner_count(tx, request->organisation.id, &n, err);
  if (code != ERR_NONE || n > 1) return code;
  return err_set(err, ERR_CONFLICT, "this is the last owner who can sign in: make another owner first");
}

/* "roles": ids in the body, or those the user has; names in the file. */
static enum err_code write_role_names(struct buf *out, const struct api_roles *roles, yyjson_val *ids,
                                      const struct user_view *view, struct err *err) {
  size_t i, n;
  yyjson_val *item;
  answer_name(out, "roles");
  answer_open(out, '[');
  for (size_t k = 0; !ids && view && k < roles->n_roles; k++)
    if (api_roles_has(roles, view->user.id, roles->roles[k].id)) answer_item(out, roles->roles[k].name);
  yyjson_arr_foreach(ids, i, n, item) {
    struct uuid id;
    const struct role_record *role = uuid_parse(json_str(item), &id) ? api_roles_find(roles, id) : NULL;
    char pointer[32];
    (void)snprintf(pointer, sizeof(pointer), "/roles/%zu", i);
    if (!role) return api_wrong(err, pointer, "there is no such role");
    answer_item(out, role->name);
  }
  answer_close(out, ']');
  return ERR_NONE;
}

/* The user as the file has one. */
static enum err_code apply_user(struct api_request *request, struct db_tx *tx, struct str email, struct str kind,
                                const struct user_view *view, struct err *err) {
  struct api_roles roles;
  struct buf text;
  enum err_code code = api_roles_load(request, tx, view, &roles, err);
  if (code != ERR_NONE) return code;
  api_change_open(request, &text);
  answer_name(&text, "users");
  answer_open(&text, '[');
  answer_open(&text, '{');
  answer_text(&text, "email", email);
  answer_text(&text, "kind", kind);
  code = write_role_names(&text, &roles, json_get(request->body, "roles"), view, err);
  answer_close(&text, '}');
  answer_close(&text, ']');
  return code == ERR_NONE ? api_change_apply(request, tx, &text, API_EDIT, err) : code;
}

/* A link for the person, into `out` as "url" and "expires_at". */
static enum err_code invite(struct api_request *request, struct db_tx *tx, const struct user_record *user,
                            struct buf *out, struct err *err) {
  char text[TOKEN_TEXT_SIZE];
  enum err_code code = people_link(tx, "invitation", user->id, user->login_id, INVITATION_HOURS, text, err);
  if (code == ERR_NONE) code = api_record_one(request, tx, "user.invite", "user", user->email, err);
  if (code == ERR_NONE) {
    struct str url = arena_printf(&request->arena, "%.*s/link/%s", STR_ARG(request->base), text);
    answer_text(out, "url", url);
    answer_time(out, "expires_at", clock_utc_us() + INVITATION_HOURS * hour_us);
    if (!url.p) code = err_no_memory(err);
  }
  secret_wipe(text, sizeof(text));
  return code;
}

static enum err_code write_invited(struct api_request *request, struct db_tx *tx, const struct user_record *user,
                                   struct err *err) {
  struct buf *out = &request->out;
  answer_open(out, '{');
  answer_name(out, "user");
  enum err_code code = api_user_answer(request, tx, user->id, err);
  if (code != ERR_NONE) return code;
  request->repeated =
      arena_printf(&request->arena, "%.*s,\"invitation\":null}", STR_ARG(buf_str(out))); /* the link is shown once */
  request->etag = STR_NONE;
  answer_name(out, "invitation");
  answer_open(out, '{');
  code = invite(request, tx, user, out, err);
  answer_close(out, '}');
  answer_close(out, '}');
  return code == ERR_NONE && !request->repeated.p ? err_no_memory(err) : code;
}

static enum err_code set_location(struct api_request *request, struct uuid id, struct err *err) {
  char text[UUID_TEXT_SIZE];
  uuid_format(id, text);
  request->location = arena_printf(&request->arena, "%.*s/%s", STR_ARG(request->http->path), text);
  return request->location.p ? ERR_NONE : err_no_memory(err);
}

enum err_code users_invite(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct str email, kind = json_get_str(request->body, "kind");
  struct user_record user;
  if (!kind.p) kind = STR("member");
  enum err_code code = config_email_read(&request->arena, json_get_str(request->body, "email"), &email, err);
  if (code != ERR_NONE) return api_wrong(err, "/email", "%s", err->text);
  code = api_user_check_rank(request, kind, err);
  if (code != ERR_NONE) return code;
  code = store_user_find(tx, &request->arena, request->organisation.id, email, &user, err);
  if (code == ERR_NONE) return err_set(err, ERR_CONFLICT, "%.*s is a user already", STR_ARG(email));
  if (code == ERR_NOT_FOUND) code = apply_user(request, tx, email, kind, NULL, err);
  if (code == ERR_NONE) code = store_user_find(tx, &request->arena, request->organisation.id, email, &user, err);
  if (code == ERR_NONE) code = set_location(request, user.id, err);
  return code == ERR_NONE ? write_invited(request, tx, &user, err) : code;
}

enum err_code users_reinvite(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct user_view view;
  struct uuid id;
  enum err_code code = api_path_id(request, "user", &id, err);
  if (code == ERR_NONE) code = api_user_load(request, tx, id, &view, err);
  if (code == ERR_NONE) code = api_user_check_rank(request, view.user.kind, err);
  if (code != ERR_NONE) return code;
  if (view.accepted_at) return err_set(err, ERR_CONFLICT, "this person has joined already");
  if (view.user.disabled_at) return err_set(err, ERR_CONFLICT, "this user is disabled");
  request->repeated = STR("{\"url\":null,\"expires_at\":null}");
  answer_open(&request->out, '{');
  code = invite(request, tx, &view.user, &request->out, err);
  answer_close(&request->out, '}');
  return code;
}

static enum err_code set_disabled(struct api_request *request, struct db_tx *tx, const struct user_view *view,
                                  bool is_disabled, struct err *err) {
  if (is_disabled == (view->user.disabled_at != 0)) return ERR_NONE;
  enum err_code code =
      store_user_disable(tx, request->organisation.id, view->user.id, is_disabled ? clock_utc_us() : 0, err);
  if (code == ERR_NONE)
    code = api_record_one(request, tx, is_disabled ? "user.disable" : "user.enable", "user", view->user.email, err);
  return code == ERR_NONE ? api_changed(request, tx, err) : code;
}

enum err_code users_update(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct user_view view;
  struct api_roles roles;
  struct uuid id;
  struct str etag, kind = json_get_str(request->body, "kind");
  yyjson_val *disabled = json_get(request->body, "is_disabled");
  enum err_code code = api_path_id(request, "user", &id, err);
  if (code == ERR_NONE) code = api_user_load(request, tx, id, &view, err);
  if (code == ERR_NONE) code = api_roles_load(request, tx, &view, &roles, err);
  if (code == ERR_NONE) code = api_user_etag(request, &view, &roles, &etag, err);
  if (code == ERR_NONE) code = api_check_match(request, etag, err);
  if (code != ERR_NONE) return code;
  if (!kind.p) kind = view.user.kind;
  bool stops = !is_owner(kind) || yyjson_is_true(disabled);
  code = api_user_check_rank(request, view.user.kind, err);
  if (code == ERR_NONE) code = api_user_check_rank(request, kind, err);
  if (code == ERR_NONE && stops) code = check_last_owner(request, tx, &view, err);
  if (code == ERR_NONE && (json_get(request->body, "roles") || !str_eq(kind, view.user.kind)))
    code = apply_user(request, tx, view.user.email, kind, &view, err);
  if (code == ERR_NONE && disabled) code = set_disabled(request, tx, &view, yyjson_is_true(disabled), err);
  return code == ERR_NONE ? api_user_answer(request, tx, id, err) : code;
}

enum err_code users_delete(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct user_view view;
  struct uuid id;
  enum err_code code = api_path_id(request, "user", &id, err);
  if (code == ERR_NONE) code = api_user_load(request, tx, id, &view, err);
  if (code == ERR_NONE) code = api_user_check_rank(request, view.user.kind, err);
  if (code == ERR_NONE) code = check_last_owner(request, tx, &view, err);
  return code == ERR_NONE ? api_change_remove(request, tx, CONFIG_USER, view.user.email, err) : code;
}

enum err_code api_owners_load(struct api_request *request, struct db_tx *tx, struct api_owners *ret_owners,
                              struct err *err) {
  const struct user_record *users = NULL;
  size_t n = 0;
  *ret_owners = (struct api_owners){0};
  enum err_code code = store_user_list(tx, &request->arena, request->organisation.id, &users, &n, err);
  if (code == ERR_NONE) code = store_owner_count(tx, request->organisation.id, &ret_owners->n_able, err);
  if (code != ERR_NONE) return code;
  ret_owners->ids = arena_new_n(&request->arena, struct uuid, n + 1);
  if (!ret_owners->ids) return err_no_memory(err);
  for (size_t i = 0; i < n; i++) /* by e-mail */
    if (is_owner(users[i].kind)) ret_owners->ids[ret_owners->n++] = users[i].id;
  return ERR_NONE;
}
