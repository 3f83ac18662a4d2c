/* Reads what the definitions of all kinds share. What is read here came from people or from a model: everything is
 * checked, and what is not known is refused rather than passed over. */
#include "connector/definition.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/map.h"
#include "codec/base64.h"
#include "codec/utf8.h"

enum {
  SLUG_MAX = 31,
  TOOL_NAME_MAX = 64,
  TITLE_MAX = 200,
  DESCRIPTION_MAX = 8 * KIB,
  TOOLS_MAX = 2000,
  HASH_DIGITS = 8,
  PLACE_MAX = 64,
};

static const char *const shared_names[] = {"$schema", "manifest", "id", "name", "version", "kind", "source", "tools"};
const struct definition_members definition_shared = {shared_names, sizeof(shared_names) / sizeof(shared_names[0]), NULL,
                                                     0};
static const char *const tool_names[] = {"name", "title", "description", "does", "input"};
const struct definition_members definition_tool_shared = {tool_names, sizeof(tool_names) / sizeof(tool_names[0]), NULL,
                                                          0};

enum err_code definition_fail(struct err *err, const char *place, const char *name, const char *format, ...) {
  char text[ERR_TEXT_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  (void)err_set(err, ERR_INVALID, "%s", text);
  if (name && name[0]) {
    err_place(err, "%s/%s", place, name);
  } else {
    err_place(err, "%s", place);
  }
  return ERR_INVALID;
}

static bool is_in(struct str name, const char *const *names, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (str_eq_c(name, names[i])) return true;
  return false;
}

enum err_code definition_check_members(yyjson_val *object, const struct definition_members *shared,
                                       const struct definition_members *own, const char *place, struct err *err) {
  if (!yyjson_is_obj(object)) return ERR_NONE;
  size_t i, n;
  yyjson_val *key, *value;
  yyjson_obj_foreach(object, i, n, key, value) {
    struct str name = json_str(key);
    if (shared && is_in(name, shared->known, shared->n_known)) continue;
    if (own && is_in(name, own->known, own->n_known)) continue;
    bool is_planned = own && is_in(name, own->planned, own->n_planned);
    (void)err_set(err, ERR_INVALID, is_planned ? "\"%.*s\" is not supported yet" : "there is no member \"%.*s\" here",
                  (int)(name.n < 64 ? name.n : 64), name.p);
    err_place(err, "%s/%.*s", place, (int)(name.n < 64 ? name.n : 64), name.p);
    return ERR_INVALID;
  }
  return ERR_NONE;
}

/* [a-z][a-z0-9_]* */
static bool is_identifier(struct str text, size_t max) {
  if (text.n == 0 || text.n > max || text.p[0] < 'a' || text.p[0] > 'z') return false;
  for (size_t i = 0; i < text.n; i++) {
    char c = text.p[i];
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return true;
}

static bool is_deceiving(uint32_t c) {
  return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069) || c == 0x200B || (c >= 0x2060 && c <= 0x2064) || c == 0xFEFF ||
         (c >= 0xE0000 && c <= 0xE007F) || c == UINT32_MAX;
}

bool definition_is_text(struct str text) {
  for (size_t i = 0; i < text.n;)
    if (is_deceiving(utf8_next(text, &i))) return false;
  return true;
}

static enum err_code read_text(yyjson_val *object, const char *name, bool is_required, size_t max, const char *place,
                               struct str *ret_text, struct err *err) {
  yyjson_val *value = json_get(object, name);
  if (!value && !is_required) {
    *ret_text = STR("");
    return ERR_NONE;
  }
  struct str text = json_str(value);
  if (!value || !yyjson_is_str(value) || text.n == 0)
    return definition_fail(err, place, name, "%s must be a text, not empty", name);
  if (text.n > max) return definition_fail(err, place, name, "%s must be at most %zu bytes", name, max);
  if (!definition_is_text(text))
    return definition_fail(err, place, name, "%s has control or invisible characters", name);
  *ret_text = text;
  return ERR_NONE;
}

struct str connector_public_name(struct arena *arena, struct str slug, struct str tool) {
  struct str full = arena_printf(arena, "%.*s_%.*s", STR_ARG(slug), STR_ARG(tool));
  if (!full.p || full.n <= LIMIT_TOOL_NAME) return full;
  return arena_printf(arena, "%.*s_%08x", LIMIT_TOOL_NAME - HASH_DIGITS - 1, full.p, crc32_of(full));
}

static const char default_input[] = "{\"type\":\"object\",\"properties\":{}}";

static enum err_code read_input(struct arena *arena, yyjson_val *value, const char *place, struct connector_tool *tool,
                                struct err *err) {
  yyjson_val *input = json_get(value, "input");
  if (!input) {
    yyjson_doc *doc;
    enum err_code code = json_read(arena, str_of(default_input), &doc, err);
    if (code != ERR_NONE) return code;
    input = yyjson_doc_get_root(doc);
  }
  if (!str_eq(json_get_str(input, "type"), STR("object")))
    return definition_fail(err, place, "input", "input must be a JSON Schema of type \"object\"");
  struct schema *schema = NULL;
  enum err_code code = schema_compile(arena, input, &schema, err);
  if (code != ERR_NONE) {
    char within[ERR_PLACE_SIZE] = "";
    if (err) snprintf(within, sizeof(within), "%s", err->place);
    err_place(err, "%s/input%s", place, within);
    return code;
  }
  tool->input_schema = input;
  tool->schema = schema;
  return ERR_NONE;
}

static enum err_code read_does(yyjson_val *value, const char *place, enum policy_does *ret_does, struct err *err) {
  yyjson_val *does = json_get(value, "does");
  *ret_does = DOES_DESTROY; /* never guessed; what is not said is the worst */
  if (!does || policy_does_parse(json_str(does), ret_does)) return ERR_NONE;
  return definition_fail(err, place, "does", "does must be \"read\", \"write\" or \"destroy\"");
}

static enum err_code read_tool(struct arena *arena, struct str slug, yyjson_val *value, const char *place,
                               struct connector_tool *tool, struct err *err) {
  if (!yyjson_is_obj(value)) return definition_fail(err, place, "", "a tool must be an object");
  tool->name = json_get_str(value, "name");
  if (!is_identifier(tool->name, TOOL_NAME_MAX))
    return definition_fail(err, place, "name",
                           "a tool's name must be a-z, 0-9 and _, begin with a letter, and have at "
                           "most %d characters",
                           TOOL_NAME_MAX);
  enum err_code code = read_text(value, "title", false, TITLE_MAX, place, &tool->title, err);
  if (code == ERR_NONE) code = read_text(value, "description", true, DESCRIPTION_MAX, place, &tool->description, err);
  if (code == ERR_NONE) code = read_does(value, place, &tool->does, err);
  if (code == ERR_NONE) code = read_input(arena, value, place, tool, err);
  if (code != ERR_NONE) return code;
  tool->public_name = connector_public_name(arena, slug, tool->name);
  return tool->public_name.p ? ERR_NONE : err_no_memory(err);
}

static int by_name(const void *a, const void *b) {
  return str_cmp(((const struct connector_tool *)a)->name, ((const struct connector_tool *)b)->name);
}

/* Names, and the shortened public ones, which could meet though the names differ. */
static enum err_code check_unique(const struct connector_tool *tools, size_t n, struct err *err) {
  struct map seen;
  map_init(&seen);
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < n && code == ERR_NONE; i++) {
    const struct connector_tool *other = map_get(&seen, tools[i].public_name);
    if (other) {
      code = definition_fail(err, "/tools", "", "\"%.*s\" and \"%.*s\" have the same name", STR_ARG(other->name),
                             STR_ARG(tools[i].name));
    } else if (map_put(&seen, tools[i].public_name, (void *)(uintptr_t)&tools[i]) != ERR_NONE) {
      code = err_no_memory(err);
    }
  }
  map_release(&seen);
  return code;
}

static enum err_code read_tools(struct arena *arena, yyjson_val *definition, struct connector *connector,
                                struct err *err) {
  yyjson_val *list = json_get(definition, "tools");
  size_t count = yyjson_arr_size(list);
  if (!yyjson_is_arr(list) || count == 0) return definition_fail(err, "", "tools", "tools must be a list, not empty");
  if (count > TOOLS_MAX) return definition_fail(err, "", "tools", "at most %d tools", TOOLS_MAX);
  struct connector_tool *tools = arena_new_n(arena, struct connector_tool, count);
  if (!tools) return err_no_memory(err);
  size_t i, n;
  yyjson_val *value;
  yyjson_arr_foreach(list, i, n, value) {
    char place[PLACE_MAX];
    snprintf(place, sizeof(place), "/tools/%zu", i);
    enum err_code code = read_tool(arena, connector->id, value, place, &tools[i], err);
    if (code != ERR_NONE) return code;
  }
  qsort(tools, count, sizeof(*tools), by_name);
  connector->tools = tools;
  connector->n_tools = count;
  return check_unique(tools, count, err);
}

static enum err_code read_version(yyjson_val *definition, int64_t *ret_version, struct err *err) {
  yyjson_val *version = json_get(definition, "version");
  *ret_version = 1;
  if (!version) return ERR_NONE;
  if (!yyjson_is_uint(version) || yyjson_get_uint(version) < 1 || yyjson_get_uint(version) > INT32_MAX)
    return definition_fail(err, "", "version", "version must be a whole number, 1 or more");
  *ret_version = (int64_t)yyjson_get_uint(version);
  return ERR_NONE;
}

enum err_code connector_definition_read(struct arena *arena, yyjson_val *definition, struct connector *ret_connector,
                                        struct err *err) {
  if (!yyjson_is_obj(definition)) return definition_fail(err, "", "", "a connector's definition must be an object");
  yyjson_val *format = json_get(definition, "manifest");
  if (!yyjson_is_uint(format) || yyjson_get_uint(format) != 1)
    return definition_fail(err, "", "manifest", "\"manifest\": 1 names the format, and must be there");
  struct connector connector = {.id = json_get_str(definition, "id")};
  if (!is_identifier(connector.id, SLUG_MAX))
    return definition_fail(err, "", "id",
                           "id must be a-z, 0-9 and _, begin with a letter, and have at most %d "
                           "characters",
                           SLUG_MAX);
  enum err_code code = read_text(definition, "name", true, LIMIT_NAME, "", &connector.name, err);
  if (code == ERR_NONE) code = read_version(definition, &connector.version, err);
  if (code == ERR_NONE) code = read_tools(arena, definition, &connector, err);
  if (code == ERR_NONE) *ret_connector = connector;
  return code;
}

size_t definition_tool_index(const struct connector *connector, yyjson_val *tool) {
  struct connector_tool wanted = {.name = json_get_str(tool, "name")};
  const struct connector_tool *found =
      bsearch(&wanted, connector->tools, connector->n_tools, sizeof(*connector->tools), by_name);
  return (size_t)(found - connector->tools);
}
