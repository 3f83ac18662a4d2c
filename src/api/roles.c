/* Roles and their access rules. A role is changed as one: its name and all of its rules. */
#include "api/roles.h"
#include "api/answer.h"
#include "api/change.h"
#include "api/handlers.h"
#include "api/page.h"
#include "api/users.h"
#include "base/limits.h"

/* All that roles are shown with. */
struct loaded {
  struct api_roles roles;
  const struct access_rule_record *rules; /* by role, position */
  size_t n_rules;
  const struct user_record *users;
  size_t n_users;
};

static enum err_code load(struct api_request *request, struct db_tx *tx, struct loaded *ret_loaded, struct err *err) {
  struct uuid id = request->organisation.id;
  *ret_loaded = (struct loaded){0};
  struct api_roles *roles = &ret_loaded->roles;
  enum err_code code = api_roles_load(request, tx, NULL, roles, err);
  if (code == ERR_NONE) code = store_user_role_list(tx, &request->arena, id, &roles->pairs, &roles->n_pairs, err);
  if (code == ERR_NONE)
    code = store_access_rule_list(tx, &request->arena, id, &ret_loaded->rules, &ret_loaded->n_rules, err);
  if (code == ERR_NONE) code = store_user_list(tx, &request->arena, id, &ret_loaded->users, &ret_loaded->n_users, err);
  return code;
}

static void write_list(struct buf *out, const char *name, struct str json) {
  if (json.p) answer_json(out, name, json);
}

static void write_rule(struct buf *out, const struct access_rule_record *rule) {
  answer_open(out, '{');
  answer_uuid(out, "id", rule->id);
  answer_text(out,
              str_eq(rule->target_kind, STR("connection"))  ? "connection"
              : str_eq(rule->target_kind, STR("connector")) ? "connector"
                                                            : "label",
              rule->target);
  write_list(out, "does", rule->does);
  write_list(out, "tools", rule->tools);
  write_list(out, "resources", rule->resources);
  write_list(out, "prompts", rule->prompts);
  answer_text(out, "effect", rule->effect);
  answer_close(out, '}');
}

static void write_editable(struct buf *out, const struct role_record *role, const struct loaded *loaded) {
  answer_uuid(out, "id", role->id);
  answer_text(out, "name", role->name);
  answer_name(out, "rules");
  answer_open(out, '[');
  for (size_t i = 0; i < loaded->n_rules; i++)
    if (uuid_eq(loaded->rules[i].role_id, role->id)) write_rule(out, &loaded->rules[i]);
  answer_close(out, ']');
  answer_int_or_null(out, "max_result", role->max_result);
}

static enum err_code etag_of(struct api_request *request, const struct role_record *role, const struct loaded *loaded,
                             struct str *ret_etag, struct err *err) {
  struct buf text;
  buf_init(&text, &request->arena, 16 * MIB);
  answer_open(&text, '{');
  write_editable(&text, role, loaded);
  return buf_failed(&text) ? err_no_memory(err) : api_etag(request, buf_str(&text), ret_etag, err);
}

static enum err_code write_role(struct api_request *request, const struct role_record *role,
                                const struct loaded *loaded, struct err *err) {
  struct buf *out = &request->out;
  struct str etag;
  enum err_code code = etag_of(request, role, loaded, &etag, err);
  if (code != ERR_NONE) return code;
  answer_open(out, '{');
  write_editable(out, role, loaded);
  answer_name(out, "users");
  answer_open(out, '[');
  for (size_t i = 0; i < loaded->n_users; i++) { /* by e-mail */
    if (!api_roles_has(&loaded->roles, loaded->users[i].id, role->id)) continue;
    answer_open(out, '{');
    answer_uuid(out, "id", loaded->users[i].id);
    answer_text(out, "email", loaded->users[i].email);
    answer_close(out, '}');
  }
  answer_close(out, ']');
  answer_text(out, "etag", etag);
  answer_close(out, '}');
  return ERR_NONE;
}

enum err_code roles_list(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct loaded loaded;
  struct api_page page;
  size_t n_shown = 0, i = 0;
  enum err_code code = api_page_read(request, &page, err);
  if (code == ERR_NONE) code = load(request, tx, &loaded, err);
  if (code != ERR_NONE) return code;
  while (i < loaded.roles.n_roles && page.after.n && str_cmp(loaded.roles.roles[i].name, page.after) <= 0)
    i++;
  size_t n_left = loaded.roles.n_roles - i;
  api_page_open(request);
  for (; i < loaded.roles.n_roles && n_shown < page.limit && code == ERR_NONE; i++, n_shown++)
    code = write_role(request, &loaded.roles.roles[i], &loaded, err);
  request->etag = STR_NONE;
  api_page_close(request, &page, n_left, n_shown ? loaded.roles.roles[i - 1].name : STR_NONE);
  return code;
}

static enum err_code find(struct api_request *request, struct db_tx *tx, struct loaded *ret_loaded,
                          const struct role_record **ret_role, struct err *err) {
  struct uuid id;
  enum err_code code = api_path_id(request, "role", &id, err);
  if (code == ERR_NONE) code = load(request, tx, ret_loaded, err);
  if (code != ERR_NONE) return code;
  *ret_role = api_roles_find(&ret_loaded->roles, id);
  return *ret_role ? ERR_NONE : err_set(err, ERR_NOT_FOUND, "there is no such role");
}

enum err_code roles_get(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct loaded loaded;
  const struct role_record *role;
  enum err_code code = find(request, tx, &loaded, &role, err);
  return code == ERR_NONE ? write_role(request, role, &loaded, err) : code;
}

/* ---- changing ---- */

void roles_write_draft(struct buf *out, struct str name, yyjson_val *draft) {
  size_t i, n, k, m;
  yyjson_val *rule, *key, *value, *max_result = json_get(draft, "max_result");
  answer_name(out, "roles");
  answer_open(out, '[');
  answer_open(out, '{');
  answer_text(out, "name", name);
  if (max_result && !yyjson_is_null(max_result)) answer_int(out, "max_result", yyjson_get_sint(max_result));
  answer_name(out, "rules");
  answer_open(out, '[');
  yyjson_arr_foreach(json_get(draft, "rules"), i, n, rule) {
    answer_open(out, '{');
    yyjson_obj_foreach(rule, k, m, key, value) {
      if (str_eq(json_str(key), STR("id"))) continue;
      answer_name(out, json_str(key).p);
      json_write_value(out, value);
    }
    answer_close(out, '}');
  }
  answer_close(out, ']');
  answer_close(out, '}');
  answer_close(out, ']');
}

static const struct role_record *named(const struct loaded *loaded, struct str name) {
  for (size_t i = 0; i < loaded->roles.n_roles; i++)
    if (str_eq(loaded->roles.roles[i].name, name)) return &loaded->roles.roles[i];
  return NULL;
}

/* The role as it is after the change, read anew. */
static enum err_code answer_named(struct api_request *request, struct db_tx *tx, struct str name, struct err *err) {
  struct loaded loaded;
  char id[UUID_TEXT_SIZE];
  enum err_code code = load(request, tx, &loaded, err);
  const struct role_record *role = code == ERR_NONE ? named(&loaded, name) : NULL;
  if (!role) return code ? code : err_set(err, ERR_INTERNAL, "the role is not there");
  uuid_format(role->id, id);
  if (request->route->status == 201)
    request->location = arena_printf(&request->arena, "%.*s/%s", STR_ARG(request->http->path), id);
  return write_role(request, role, &loaded, err);
}

static enum err_code apply(struct api_request *request, struct db_tx *tx, struct str name, struct err *err) {
  struct buf text;
  api_change_open(request, &text);
  roles_write_draft(&text, name, request->body);
  return api_change_apply(request, tx, &text, API_EDIT, err);
}

enum err_code roles_create(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct loaded loaded;
  struct str name = json_get_str(request->body, "name");
  enum err_code code = load(request, tx, &loaded, err);
  if (code == ERR_NONE && named(&loaded, name))
    return err_set(err, ERR_CONFLICT, "there is a role \"%.*s\" already", STR_ARG(name));
  if (code == ERR_NONE) code = apply(request, tx, name, err);
  return code == ERR_NONE ? answer_named(request, tx, name, err) : code;
}

enum err_code roles_update(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct loaded loaded;
  const struct role_record *role;
  struct str etag, name = json_get_str(request->body, "name");
  enum err_code code = find(request, tx, &loaded, &role, err);
  if (code == ERR_NONE) code = etag_of(request, role, &loaded, &etag, err);
  if (code == ERR_NONE) code = api_check_match(request, etag, err);
  if (code == ERR_NONE && !str_eq(name, role->name))
    code = api_change_rename(request, tx, CONFIG_ROLE, role->name, name, err);
  if (code == ERR_NONE) code = apply(request, tx, name, err);
  return code == ERR_NONE ? answer_named(request, tx, name, err) : code;
}

enum err_code roles_delete(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct loaded loaded;
  const struct role_record *role;
  enum err_code code = find(request, tx, &loaded, &role, err);
  return code == ERR_NONE ? api_change_remove(request, tx, CONFIG_ROLE, role->name, err) : code;
}
