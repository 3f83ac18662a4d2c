/* Users, read. */
#include "api/users.h"

#include "api/answer.h"
#include "api/handlers.h"
#include "api/page.h"
#include "base/clock.h"
#include "base/limits.h"

enum err_code api_roles_load(struct api_request *request, struct db_tx *tx, const struct user_view *view,
                             struct api_roles *ret_roles, struct err *err) {
  *ret_roles = (struct api_roles){0};
  enum err_code code =
      store_role_list(tx, &request->arena, request->organisation.id, &ret_roles->roles, &ret_roles->n_roles, err);
  return code == ERR_NONE && view ? api_roles_turn(request, tx, view, 1, ret_roles, err) : code;
}

enum err_code api_roles_turn(struct api_request *request, struct db_tx *tx, const struct user_view *views, size_t n,
                             struct api_roles *roles, struct err *err) {
  struct uuid users[STORE_SOME] = {0};
  for (size_t i = 0; i < n && i < STORE_SOME; i++)
    users[i] = views[i].user.id;
  enum err_code code = store_user_role_list_of(tx, &request->arena, users, &roles->pairs, &roles->n_pairs, err);
  if (code == ERR_NONE)
    code = store_connector_switch_list_of(tx, &request->arena, users, &roles->switches, &roles->n_switches, err);
  return code;
}

const struct role_record *api_roles_find(const struct api_roles *roles, struct uuid id) {
  for (size_t i = 0; i < roles->n_roles; i++)
    if (uuid_eq(roles->roles[i].id, id)) return &roles->roles[i];
  return NULL;
}

bool api_roles_has(const struct api_roles *roles, struct uuid user_id, struct uuid role_id) {
  size_t low = 0, high = roles->n_pairs;
  while (low < high) { /* the first of this user's */
    size_t middle = low + (high - low) / 2;
    if (memcmp(roles->pairs[middle].user_id.b, user_id.b, 16) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  for (; low < roles->n_pairs && uuid_eq(roles->pairs[low].user_id, user_id); low++)
    if (uuid_eq(roles->pairs[low].role_id, role_id)) return true;
  return false;
}

static void write_roles(struct buf *out, const struct user_view *view, const struct api_roles *roles) {
  answer_name(out, "roles");
  answer_open(out, '[');
  for (size_t i = 0; i < roles->n_roles; i++) { /* by name */
    if (!api_roles_has(roles, view->user.id, roles->roles[i].id)) continue;
    answer_open(out, '{');
    answer_uuid(out, "id", roles->roles[i].id);
    answer_text(out, "name", roles->roles[i].name);
    answer_close(out, '}');
  }
  answer_close(out, ']');
}

static void write_switches(struct buf *out, const struct user_view *view, const struct api_roles *roles) {
  answer_name(out, "switched_off");
  answer_open(out, '[');
  for (size_t i = 0; i < roles->n_switches; i++)
    if (uuid_eq(roles->switches[i].user_id, view->user.id)) answer_item(out, roles->switches[i].connector_id);
  answer_close(out, ']');
}

static struct str status_of(const struct user_view *view) {
  if (view->user.disabled_at) return STR("disabled");
  return view->accepted_at ? STR("active") : STR("invited");
}

/* What can be edited. */
static void write_editable(struct buf *out, const struct user_view *view, const struct api_roles *roles) {
  answer_uuid(out, "id", view->user.id);
  answer_text(out, "email", view->user.email);
  answer_text(out, "kind", view->user.kind);
  write_roles(out, view, roles);
  answer_text(out, "status", status_of(view));
}

enum err_code api_user_etag(struct api_request *request, const struct user_view *view, const struct api_roles *roles,
                            struct str *ret_etag, struct err *err) {
  struct buf text;
  struct user_view plain = *view;
  plain.accepted_at = 1; /* that they took the invitation is no edit of an admin's */
  buf_init(&text, &request->arena, 4 * MIB);
  answer_open(&text, '{');
  write_editable(&text, &plain, roles);
  return buf_failed(&text) ? err_no_memory(err) : api_etag(request, buf_str(&text), ret_etag, err);
}

enum err_code api_user_write(struct api_request *request, const struct user_view *view, const struct api_roles *roles,
                             struct err *err) {
  struct buf *out = &request->out;
  struct str etag;
  enum err_code code = api_user_etag(request, view, roles, &etag, err);
  if (code != ERR_NONE) return code;
  answer_open(out, '{');
  write_editable(out, view, roles);
  answer_time(out, "created_at", view->user.created_at);
  answer_time(out, "last_call_at", view->last_call_at);
  answer_int(out, "n_tokens", view->n_tokens);
  answer_int(out, "n_clients", view->n_clients);
  write_switches(out, view, roles);
  answer_text(out, "etag", etag);
  answer_close(out, '}');
  return ERR_NONE;
}

enum err_code api_user_load(struct api_request *request, struct db_tx *tx, struct uuid id, struct user_view *ret_view,
                            struct err *err) {
  return store_user_get(tx, &request->arena, request->organisation.id, id, clock_utc_us(), ret_view, err);
}

enum err_code api_user_answer(struct api_request *request, struct db_tx *tx, struct uuid id, struct err *err) {
  struct user_view view;
  struct api_roles roles;
  enum err_code code = api_user_load(request, tx, id, &view, err);
  if (code == ERR_NONE) code = api_roles_load(request, tx, &view, &roles, err);
  return code == ERR_NONE ? api_user_write(request, &view, &roles, err) : code;
}

enum err_code users_get(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct uuid id;
  enum err_code code = api_path_id(request, "user", &id, err);
  return code == ERR_NONE ? api_user_answer(request, tx, id, err) : code;
}

enum err_code users_list(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct api_page page;
  struct api_roles roles;
  const struct user_view *list = NULL;
  size_t n = 0;
  enum err_code code = api_page_read(request, &page, err);
  struct user_filter filter = {.organisation_id = request->organisation.id,
                               .after = page.after,
                               .part = api_query(request, "query"),
                               .kind = api_query(request, "kind"),
                               .status = api_query(request, "status"),
                               .now = clock_utc_us()};
  (void)api_query_id(request, "role", &filter.role_id);
  if (code == ERR_NONE) code = api_roles_load(request, tx, NULL, &roles, err);
  if (code == ERR_NONE) code = store_user_page(tx, &request->arena, &filter, page.limit + 1, &list, &n, err);
  if (code != ERR_NONE) return code;
  size_t n_shown = n < page.limit ? n : page.limit;
  api_page_open(request);
  for (size_t i = 0; i < n_shown && code == ERR_NONE; i++) {
    if (i % STORE_SOME == 0) code = api_roles_turn(request, tx, &list[i], n_shown - i, &roles, err);
    if (code == ERR_NONE) code = api_user_write(request, &list[i], &roles, err);
  }
  request->etag = STR_NONE; /* the items' own are in them */
  api_page_close(request, &page, n, n_shown ? list[n_shown - 1].user.email : STR_NONE);
  return code;
}
