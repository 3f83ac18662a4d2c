/* "roles": named sets of access rules. */
#include "base/limits.h"
#include "base/map.h"
#include "codec/plain_text.h"
#include "config/reader.h"
#include "config/words.h"
#include "policy/policy.h"

enum { TOOL_NAME_MAX = 128 }; /* what MCP allows */

static enum err_code read_effect(const struct config_reader *reader, yyjson_val *value,
                                 const struct config_place *place, struct str *ret_effect) {
  static const char *const effects[] = {"allow", "deny", "ask"};
  *ret_effect = STR("allow");
  if (!value) return ERR_NONE;
  for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++) {
    if (str_eq_c(json_str(value), effects[i])) {
      *ret_effect = str_of(effects[i]);
      return ERR_NONE;
    }
  }
  return config_fail(reader->err, place, "must be \"allow\", \"deny\" or \"ask\"");
}

static enum err_code check_label_target(const struct config_reader *reader, struct str target,
                                        const struct config_place *place) {
  struct str value = target;
  struct str name = str_cut(&value, '=');
  if (!value.p) return config_fail(reader->err, place, "must be \"name=value\"");
  enum err_code code = config_name_check(name, reader->err);
  if (!code) code = config_name_check(value, reader->err);
  return code ? config_place_mark(reader->err, place, code) : ERR_NONE;
}

static enum err_code read_target(const struct config_reader *reader, yyjson_val *value,
                                 const struct config_place *place, struct config_rule *rule) {
  static const char *const kinds[] = {"connection", "connector", "label"};
  yyjson_val *target = NULL;
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    yyjson_val *found = json_get(value, kinds[i]);
    if (!found) continue;
    if (target) break;
    target = found;
    rule->target_kind = str_of(kinds[i]);
  }
  bool is_one =
      target && !!json_get(value, "connection") + !!json_get(value, "connector") + !!json_get(value, "label") == 1;
  if (!is_one) {
    return config_fail(reader->err, place, "must name exactly one of \"connection\", \"connector\" and \"label\"");
  }
  struct config_place at = PLACE_MEMBER(place, rule->target_kind);
  enum err_code code = read_string(reader, target, &at, &rule->target);
  if (!code && rule->target.n == 0) code = config_fail(reader->err, &at, "must not be empty");
  if (!code && str_eq_c(rule->target_kind, "label")) code = check_label_target(reader, rule->target, &at);
  return code;
}

/* Stored in one order, so that another order in the file is no change. */
static enum err_code read_does(const struct config_reader *reader, yyjson_val *value, const struct config_place *place,
                               struct str *ret_does) {
  size_t count, i, n;
  enum err_code code = read_array(reader, value, place, &count);
  if (code) return code;
  if (count == 0) return config_fail(reader->err, place, "must not be empty");
  unsigned mask = 0;
  yyjson_val *item;
  yyjson_arr_foreach(value, i, n, item) {
    struct config_place at = PLACE_INDEX(place, i);
    enum policy_does does;
    if (!yyjson_is_str(item) || !policy_does_parse(json_str(item), &does)) {
      return config_fail(reader->err, &at, "must be \"read\", \"write\" or \"destroy\"");
    }
    if (mask & does) return config_fail(reader->err, &at, "\"%.*s\" is named twice", STR_ARG(json_str(item)));
    mask |= does;
  }
  struct buf text;
  buf_init(&text, reader->arena, 64);
  static const enum policy_does order[] = {DOES_READ, DOES_WRITE, DOES_DESTROY};
  for (i = 0; i < 3; i++) {
    if (!(mask & order[i])) continue;
    buf_append_byte(&text, text.n ? ',' : '[');
    json_write_str(&text, str_of(policy_does_name(order[i])));
  }
  buf_append_byte(&text, ']');
  if (buf_failed(&text)) return err_no_memory(reader->err);
  *ret_does = buf_str(&text);
  return ERR_NONE;
}

static bool is_tool_name(struct str name) {
  if (str_eq_c(name, "*")) return true;
  if (name.n == 0 || name.n > TOOL_NAME_MAX) return false;
  for (size_t i = 0; i < name.n; i++) {
    char c = name.p[i];
    bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!is_word && c != '_' && c != '-' && c != '.' && c != '/') return false;
  }
  return true;
}

static bool is_any_name(struct str name, size_t max) {
  return name.n > 0 && name.n <= max && plain_text_is(name) && !memchr(name.p, '\n', name.n) &&
         !memchr(name.p, '\t', name.n);
}

static bool is_prompt_name(struct str name) {
  return is_any_name(name, TOOL_NAME_MAX);
}

/* A star stands at the end alone; elsewhere it would match nothing but itself. */
static bool is_uri_pattern(struct str pattern) {
  if (!is_any_name(pattern, LIMIT_CATALOGUE_URI) || memchr(pattern.p, ' ', pattern.n)) return false;
  return !memchr(pattern.p, '*', pattern.n - 1) && !memchr(pattern.p, '{', pattern.n);
}

/* "get_*" would match nothing at all: better refused than believed. */
static const struct name_list {
  const char *member, *what, *text;
  bool (*is_one)(struct str name);
} tool_list = {"tools", "tool", "must be a tool's name without its connector's (\"query\"), or \"*\" alone",
               is_tool_name},
  resource_list = {"resources", "resource", "must be a URI (\"file:///srv/a.txt\"), or its beginning and a \"*\"",
                   is_uri_pattern},
  prompt_list = {"prompts", "prompt", "must be a prompt's name, or \"*\" alone", is_prompt_name};

static enum err_code read_names(const struct config_reader *reader, yyjson_val *value, const struct config_place *place,
                                const struct name_list *list, struct str *ret_names) {
  size_t count, i, n;
  enum err_code code = read_array(reader, value, place, &count);
  if (code) return code;
  if (count == 0) return config_fail(reader->err, place, "must not be empty");
  struct map seen;
  map_init(&seen);
  struct buf text;
  buf_init(&text, reader->arena, LIMIT_JSON_FILE);
  yyjson_val *item;
  yyjson_arr_foreach(value, i, n, item) {
    struct config_place at = PLACE_INDEX(place, i);
    if (!yyjson_is_str(item) || !list->is_one(json_str(item))) {
      code = config_fail(reader->err, &at, "%s", list->text);
    } else {
      code = read_once(reader, &seen, json_str(item), &at, list->what);
    }
    if (code) break;
    buf_append_byte(&text, i ? ',' : '[');
    json_write_str(&text, json_str(item));
  }
  map_release(&seen);
  if (code) return code;
  buf_append_byte(&text, ']');
  if (buf_failed(&text)) return err_no_memory(reader->err);
  *ret_names = buf_str(&text);
  return ERR_NONE;
}

/* Absent: not limited by it. */
static enum err_code read_name_list(const struct config_reader *reader, yyjson_val *rule,
                                    const struct config_place *place, const struct name_list *list,
                                    struct str *ret_names) {
  yyjson_val *value = json_get(rule, list->member);
  struct config_place at = PLACE_MEMBER(place, str_of(list->member));
  return value ? read_names(reader, value, &at, list, ret_names) : ERR_NONE;
}

static enum err_code read_rule(const struct config_reader *reader, yyjson_val *value, const struct config_place *place,
                               struct config_rule *rule) {
  enum err_code code = READ_OBJECT(reader, value, place, "connection", "connector", "label", "does", "tools",
                                   "resources", "prompts", "effect");
  if (!code) code = read_place(reader, place, &rule->place);
  if (!code) code = read_target(reader, value, place, rule);
  if (code) return code;
  yyjson_val *does = json_get(value, "does");
  bool has_names = json_get(value, "tools") || json_get(value, "resources") || json_get(value, "prompts");
  if (!does && !has_names) {
    return config_fail(reader->err, place, "must say what: \"does\": [\"read\"], or \"tools\": [\"*\"], or both");
  }
  struct config_place at_does = PLACE_MEMBER(place, STR("does"));
  struct config_place at_effect = PLACE_MEMBER(place, STR("effect"));
  if (does) code = read_does(reader, does, &at_does, &rule->does);
  if (!code) code = read_name_list(reader, value, place, &tool_list, &rule->tools);
  if (!code) code = read_name_list(reader, value, place, &resource_list, &rule->resources);
  if (!code) code = read_name_list(reader, value, place, &prompt_list, &rule->prompts);
  if (!code) code = read_effect(reader, json_get(value, "effect"), &at_effect, &rule->effect);
  return code;
}

static enum err_code read_max_result(const struct config_reader *reader, yyjson_val *value,
                                     const struct config_place *place, int64_t *ret_max) {
  if (!value) return ERR_NONE;
  if (!yyjson_is_uint(value) || yyjson_get_uint(value) < KIB || yyjson_get_uint(value) > LIMIT_RESULT)
    return config_fail(reader->err, place, "must be a number of bytes, from %d to %d", KIB, LIMIT_RESULT);
  *ret_max = (int64_t)yyjson_get_uint(value);
  return ERR_NONE;
}

static enum err_code read_role(const struct config_reader *reader, yyjson_val *value, const struct config_place *place,
                               struct map *seen, struct config_role *role) {
  enum err_code code = READ_OBJECT(reader, value, place, "name", "max_result", "rules");
  if (!code) code = read_place(reader, place, &role->place);
  struct config_place max_result = PLACE_MEMBER(place, STR("max_result"));
  if (!code) code = read_max_result(reader, json_get(value, "max_result"), &max_result, &role->max_result);
  struct config_place name = PLACE_MEMBER(place, STR("name")), rules = PLACE_MEMBER(place, STR("rules"));
  if (!code) code = read_name(reader, json_get(value, "name"), &name, &role->name);
  if (!code) code = read_once(reader, seen, role->name, &name, "role");
  size_t count = 0, i, n;
  if (!code) code = read_array(reader, json_get(value, "rules"), &rules, &count);
  if (code || count == 0) return code;
  if (count > LIMIT_RULES) return config_fail(reader->err, &rules, "a role has at most %d rules", LIMIT_RULES);
  role->rules = arena_new_n(reader->arena, struct config_rule, count);
  if (!role->rules) return err_no_memory(reader->err);
  role->n_rules = count;
  yyjson_val *item;
  yyjson_arr_foreach(json_get(value, "rules"), i, n, item) {
    struct config_place at = PLACE_INDEX(&rules, i);
    code = read_rule(reader, item, &at, &role->rules[i]);
    if (code) return code;
  }
  return ERR_NONE;
}

enum err_code read_roles(const struct config_reader *reader, yyjson_val *value, const struct config_place *place) {
  struct config *config = reader->config;
  size_t count, i, n;
  enum err_code code = read_array(reader, value, place, &count);
  if (code || count == 0) return code;
  config->roles = arena_new_n(reader->arena, struct config_role, count);
  if (!config->roles) return err_no_memory(reader->err);
  config->n_roles = count;
  struct map seen;
  map_init(&seen);
  yyjson_val *item;
  yyjson_arr_foreach(value, i, n, item) {
    struct config_place at = PLACE_INDEX(place, i);
    code = read_role(reader, item, &at, &seen, &config->roles[i]);
    if (code) break;
  }
  map_release(&seen);
  return code;
}
