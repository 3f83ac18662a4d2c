/* "users": people, and the roles they have. */
#include "base/map.h"
#include "config/reader.h"

static enum err_code read_kind(const struct config_reader *reader, yyjson_val *value, const struct config_place *place,
                               struct str *ret_kind) {
  static const char *const kinds[] = {"owner", "admin", "member", "auditor"};
  *ret_kind = STR("member");
  if (!value) return ERR_NONE;
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    if (str_eq_c(json_str(value), kinds[i])) {
      *ret_kind = str_of(kinds[i]);
      return ERR_NONE;
    }
  }
  return config_fail(reader->err, place, "must be \"owner\", \"admin\", \"member\" or \"auditor\"");
}

static enum err_code read_user_roles(const struct config_reader *reader, yyjson_val *value,
                                     const struct config_place *place, struct config_user *user) {
  size_t count, i, n;
  enum err_code code = read_array(reader, value, place, &count);
  if (code || count == 0) return code;
  user->roles = arena_new_n(reader->arena, struct str, count);
  if (!user->roles) return err_no_memory(reader->err);
  user->n_roles = count;
  struct map seen;
  map_init(&seen);
  yyjson_val *item;
  yyjson_arr_foreach(value, i, n, item) {
    struct config_place at = PLACE_INDEX(place, i);
    code = read_string(reader, item, &at, &user->roles[i]);
    if (!code) code = read_once(reader, &seen, user->roles[i], &at, "role");
    if (code) break;
  }
  map_release(&seen);
  return code;
}

static enum err_code read_user(const struct config_reader *reader, yyjson_val *value, const struct config_place *place,
                               struct map *seen, struct config_user *user) {
  enum err_code code = READ_OBJECT(reader, value, place, "email", "kind", "roles");
  if (!code) code = read_place(reader, place, &user->place);
  struct config_place email = PLACE_MEMBER(place, STR("email")), kind = PLACE_MEMBER(place, STR("kind"));
  struct config_place roles = PLACE_MEMBER(place, STR("roles"));
  if (!code) code = read_email(reader, json_get(value, "email"), &email, &user->email);
  if (!code) code = read_once(reader, seen, user->email, &email, "user");
  if (!code) code = read_kind(reader, json_get(value, "kind"), &kind, &user->kind);
  if (!code) code = read_user_roles(reader, json_get(value, "roles"), &roles, user);
  return code;
}

enum err_code read_users(const struct config_reader *reader, yyjson_val *value, const struct config_place *place) {
  struct config *config = reader->config;
  size_t count, i, n;
  enum err_code code = read_array(reader, value, place, &count);
  if (code || count == 0) return code;
  config->users = arena_new_n(reader->arena, struct config_user, count);
  if (!config->users) return err_no_memory(reader->err);
  config->n_users = count;
  struct map seen;
  map_init(&seen);
  yyjson_val *item;
  yyjson_arr_foreach(value, i, n, item) {
    struct config_place at = PLACE_INDEX(place, i);
    code = read_user(reader, item, &at, &seen, &config->users[i]);
    if (code) break;
  }
  map_release(&seen);
  return code;
}
