/* Users and the roles they have. Removing a user removes their tokens, of which a running server is told one by one. */
#include "base/limits.h"
#include "codec/json.h"
#include "config/apply.h"

/* One user's roles as the database has them. */
struct held {
  struct uuid role_id;
  struct held *next;
};

static enum err_code index_held(struct apply *apply, struct map *ret_by_user) {
  const struct user_role_record *pairs;
  size_t n;
  enum err_code code = store_user_role_list(apply->tx, apply->arena, apply->organisation.id, &pairs, &n, apply->err);
  for (size_t i = 0; i < n && !code; i++) {
    struct held *held = arena_new(apply->arena, struct held);
    if (!held) return err_no_memory(apply->err);
    held->role_id = pairs[i].role_id;
    held->next = map_get(ret_by_user, uuid_bytes(&pairs[i].user_id));
    code = apply_put(apply, ret_by_user, uuid_bytes(&pairs[i].user_id), held);
  }
  return code;
}

static bool is_held(const struct held *held, struct uuid role_id) {
  for (; held; held = held->next) {
    if (uuid_eq(held->role_id, role_id)) return true;
  }
  return false;
}

static bool is_wanted(struct apply *apply, const struct config_user *user, struct uuid role_id) {
  for (size_t i = 0; i < user->n_roles; i++) {
    const struct role_record *role = map_get(&apply->roles.stored, user->roles[i]);
    if (role && uuid_eq(role->id, role_id)) return true;
  }
  return false;
}

static enum err_code equal_roles(struct apply *apply, const struct config_user *user, struct uuid user_id,
                                 const struct held *held, bool *ret_is_changed) {
  struct uuid organisation = apply->organisation.id;
  enum err_code code = ERR_NONE;
  *ret_is_changed = false;
  for (size_t i = 0; i < user->n_roles && !code; i++) {
    const struct role_record *role = map_get(&apply->roles.stored, user->roles[i]);
    if (is_held(held, role->id)) continue; /* check_references saw that it is there */
    *ret_is_changed = true;
    code = store_user_role_insert(apply->tx, organisation, user_id, role->id, apply->err);
  }
  for (const struct held *old = held; old && !code; old = old->next) {
    if (is_wanted(apply, user, old->role_id)) continue;
    *ret_is_changed = true;
    code = store_user_role_delete(apply->tx, organisation, user_id, old->role_id, apply->err);
  }
  return code;
}

static enum err_code describe(struct apply *apply, const struct config_user *user, struct str *ret_arguments) {
  struct buf text;
  buf_init(&text, apply->arena, LIMIT_JSON_FILE);
  buf_append_c(&text, "{\"user\":");
  json_write_str(&text, user->email);
  buf_append_c(&text, ",\"kind\":");
  json_write_str(&text, user->kind);
  buf_append_c(&text, ",\"roles\":[");
  for (size_t i = 0; i < user->n_roles; i++) {
    if (i) buf_append_byte(&text, ',');
    json_write_str(&text, user->roles[i]);
  }
  buf_append_c(&text, "]}");
  if (buf_failed(&text)) return err_no_memory(apply->err);
  *ret_arguments = buf_str(&text);
  return ERR_NONE;
}

static enum err_code user_new(struct apply *apply, const struct config_user *user, struct user_record **ret_record) {
  struct user_record *record = arena_new(apply->arena, struct user_record);
  if (!record) return err_no_memory(apply->err);
  *record = (struct user_record){.id = uuid_new(),
                                 .organisation_id = apply->organisation.id,
                                 .email = user->email,
                                 .kind = user->kind,
                                 .created_at = apply->now};
  enum err_code code = store_login_ensure(apply->tx, apply->arena, user->email, &record->login_id, apply->err);
  if (!code) code = store_user_insert(apply->tx, record, apply->err);
  if (!code) code = apply_put(apply, &apply->users.stored, record->email, record);
  if (!code) *ret_record = record;
  return code;
}

static enum err_code apply_user(struct apply *apply, const struct config_user *user, const struct map *held_by_user) {
  const struct user_record *old = map_get(&apply->users.stored, user->email);
  struct uuid id;
  bool is_kind_changed = false, are_roles_changed = false;
  enum err_code code = ERR_NONE;
  if (old) {
    id = old->id;
    is_kind_changed = !str_eq(old->kind, user->kind);
    if (is_kind_changed) code = store_user_set_kind(apply->tx, apply->organisation.id, id, user->kind, apply->err);
  } else {
    struct user_record *record = NULL;
    code = user_new(apply, user, &record);
    if (code) return code;
    id = record->id;
  }
  const struct held *held = old ? map_get(held_by_user, uuid_bytes(&id)) : NULL;
  if (!code) code = equal_roles(apply, user, id, held, &are_roles_changed);
  if (code || (old && !is_kind_changed && !are_roles_changed)) return code;
  struct apply_change change = {
      .sign = old ? '~' : '+', .what = "user", .name = user->email, .word = old ? "user.update" : "user.create"};
  if (old && is_kind_changed && are_roles_changed) {
    change.detail = STR("kind, roles");
  } else if (old) {
    change.detail = is_kind_changed ? STR("kind") : STR("roles");
  }
  code = describe(apply, user, &change.arguments);
  return code ? code : apply_change(apply, &change);
}

enum err_code apply_users(struct apply *apply) {
  struct map held_by_user;
  map_init(&held_by_user);
  enum err_code code = index_held(apply, &held_by_user);
  for (size_t i = 0; i < apply->config->n_users && !code; i++) {
    code = apply_user(apply, &apply->config->users[i], &held_by_user);
  }
  map_release(&held_by_user);
  return code;
}

enum err_code remove_user(struct apply *apply, const struct user_record *old, const struct access_token_record *tokens,
                          size_t n_tokens) {
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < n_tokens && !code; i++) {
    if (!uuid_eq(tokens[i].user_id, old->id) || tokens[i].revoked_at) continue;
    code = store_access_token_revoke(apply->tx, apply->organisation.id, tokens[i].id, apply->now, apply->err);
    if (!code) {
      code = store_change_log(apply->tx, apply->organisation.id, CHANGE_ACCESS_TOKEN, tokens[i].id, apply->err);
    }
  }
  if (!code) code = store_user_delete(apply->tx, apply->organisation.id, old->id, apply->err);
  return code ? code
              : apply_change(apply, &(struct apply_change){
                                        .sign = '-', .what = "user", .name = old->email, .word = "user.delete"});
}

enum err_code prune_users(struct apply *apply) {
  const struct access_token_record *tokens = NULL;
  size_t n_tokens = 0;
  enum err_code code = ERR_NONE;
  bool is_loaded = false;
  for (size_t i = 0; i < apply->n_old_users && !code; i++) {
    const struct user_record *old = &apply->old_users[i];
    if (map_get(&apply->users.file, old->email)) continue;
    if (!apply->may_prune) {
      apply_kept(apply, "user", old->email);
      continue;
    }
    if (!is_loaded) {
      code = store_access_token_list(apply->tx, apply->arena, apply->organisation.id, &tokens, &n_tokens, apply->err);
      is_loaded = true;
    }
    if (!code) code = remove_user(apply, old, tokens, n_tokens);
  }
  return code;
}
