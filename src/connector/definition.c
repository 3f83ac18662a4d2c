/* Reads what the definitions of all kinds share. What is read here came from people or from a model: everything is
 * checked, and what is not known is refused rather than passed over. */
#include "connector/definition.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/map.h"
#include "codec/utf8.h"

enum {
  TOOL_NAME_MAX = 64,
  TITLE_MAX = 200,
  DESCRIPTION_MAX = 8 * KIB,
  TOOLS_MAX = 2000,
  SHELF_TEXT_MAX = 2 * KIB,
  CATEGORIES_MAX = 8,
  CATEGORY_MAX = 32,
  FINDINGS_MAX = 1000,
  POINTER_MAX = 4096,
};

static const char *const shared_names[] = {"$schema", "manifest", "id",     "name",  "description", "categories",
                                           "version", "kind",     "source", "tools", "check"};
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

/* ---- findings ---- */

/* RFC 6901, section 3. */
static void write_place(struct buf *out, const struct definition_place *place) {
  if (!place) return;
  write_place(out, place->parent);
  buf_append_byte(out, '/');
  if (!place->name.p) {
    buf_append_u64(out, place->index);
    return;
  }
  for (size_t i = 0; i < place->name.n; i++) {
    char c = place->name.p[i];
    if (c == '~' || c == '/') {
      buf_append_c(out, c == '~' ? "~0" : "~1");
    } else {
      buf_append_byte(out, c);
    }
  }
}

/* What several tools inherit is said once. */
static bool is_said(const struct connector_findings *findings, struct str place, struct str text) {
  for (const struct connector_finding *finding = findings->first; finding; finding = finding->next)
    if (str_eq(finding->place, place) && str_eq(finding->text, text)) return true;
  return false;
}

static void record(struct connector_findings *findings, const struct definition_place *place, bool is_warning,
                   struct str text, struct str within) {
  if (is_warning && !findings->wants_all) return;
  size_t *counter = is_warning ? &findings->n_warnings : &findings->n_errors;
  bool is_over =
      (!findings->wants_all && findings->n_errors > 0) || findings->n_errors + findings->n_warnings >= FINDINGS_MAX;
  if (is_over) {
    (*counter)++;
    return;
  }
  struct buf pointer;
  buf_init(&pointer, findings->arena, POINTER_MAX);
  write_place(&pointer, place);
  buf_append_str(&pointer, within);
  if (is_said(findings, buf_str(&pointer), text)) return;
  (*counter)++;
  struct connector_finding *finding = arena_new(findings->arena, struct connector_finding);
  struct str copy = arena_str(findings->arena, text);
  if (!finding || !copy.p || buf_failed(&pointer)) {
    findings->has_no_memory = true;
    return;
  }
  *finding = (struct connector_finding){NULL, is_warning, pointer.p ? buf_str(&pointer) : STR(""), copy};
  if (findings->last) {
    findings->last->next = finding;
  } else {
    findings->first = finding;
  }
  findings->last = finding;
}

PRINTF_LIKE(4, 0)
static void record_format(struct connector_findings *findings, const struct definition_place *place, bool is_warning,
                          const char *format, va_list arguments) {
  char text[ERR_TEXT_SIZE];
  vsnprintf(text, sizeof(text), format, arguments);
  record(findings, place, is_warning, str_of(text), STR_NONE);
}

void definition_wrong(struct connector_findings *findings, const struct definition_place *place, const char *format,
                      ...) {
  va_list arguments;
  va_start(arguments, format);
  record_format(findings, place, false, format, arguments);
  va_end(arguments);
}

void definition_doubt(struct connector_findings *findings, const struct definition_place *place, const char *format,
                      ...) {
  if (!findings->wants_all) return;
  va_list arguments;
  va_start(arguments, format);
  record_format(findings, place, true, format, arguments);
  va_end(arguments);
}

void definition_found(struct connector_findings *findings, const struct definition_place *place,
                      const struct err *err) {
  if (err->code == ERR_NO_MEMORY) {
    findings->has_no_memory = true;
    return;
  }
  record(findings, place, false, str_of(err->text), err->place[0] == '/' ? str_of(err->place) : STR_NONE);
}

enum err_code definition_result(const struct connector_findings *findings, struct err *err) {
  if (findings->has_no_memory) return err_no_memory(err);
  const struct connector_finding *finding = findings->first;
  while (finding && finding->is_warning)
    finding = finding->next;
  if (!finding) return ERR_NONE;
  (void)err_set(err, ERR_INVALID, "%.*s", STR_ARG(finding->text));
  err_place(err, "%.*s", STR_ARG(finding->place));
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

void definition_known(struct connector_findings *findings, const struct definition_place *place, yyjson_val *object,
                      const char *const *names, size_t n_names) {
  size_t i, n;
  yyjson_val *key, *value;
  yyjson_obj_foreach(object, i, n, key, value) {
    struct str name = json_str(key);
    if (is_in(name, names, n_names)) continue;
    definition_wrong(findings, DEFINITION_MEMBER(place, name), "there is no member \"%.*s\" here",
                     (int)(name.n < 64 ? name.n : 64), name.p);
  }
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

bool definition_is_id(struct str text) {
  return is_identifier(text, DEFINITION_ID_MAX);
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

static void read_text(yyjson_val *object, const char *name, bool is_required, size_t max,
                      const struct definition_place *parent, struct str *ret_text,
                      struct connector_findings *findings) {
  yyjson_val *value = json_get(object, name);
  *ret_text = STR("");
  if (!value && !is_required) return;
  const struct definition_place *place = DEFINITION_MEMBER(parent, str_of(name));
  struct str text = json_str(value);
  if (!value || !yyjson_is_str(value) || text.n == 0) {
    definition_wrong(findings, place, "%s must be a text, not empty", name);
  } else if (text.n > max) {
    definition_wrong(findings, place, "%s must be at most %zu bytes", name, max);
  } else if (!definition_is_text(text)) {
    definition_wrong(findings, place, "%s has control or invisible characters", name);
  } else {
    *ret_text = text;
  }
}

static const char default_input[] = "{\"type\":\"object\",\"properties\":{}}";

static void read_input(struct arena *arena, yyjson_val *value, const struct definition_place *parent,
                       struct connector_tool *tool, struct connector_findings *findings) {
  const struct definition_place *place = DEFINITION_MEMBER(parent, STR("input"));
  yyjson_val *input = json_get(value, "input");
  struct err err = {0};
  enum err_code code = ERR_NONE;
  if (!input) {
    yyjson_doc *doc;
    code = json_read(arena, str_of(default_input), &doc, &err);
    if (code == ERR_NONE) input = yyjson_doc_get_root(doc);
  }
  if (code == ERR_NONE && !str_eq(json_get_str(input, "type"), STR("object"))) {
    definition_wrong(findings, place, "input must be a JSON Schema of type \"object\"");
    return;
  }
  struct schema *schema = NULL;
  if (code == ERR_NONE) code = schema_compile(arena, input, &schema, &err);
  if (code != ERR_NONE) {
    definition_found(findings, place, &err);
    return;
  }
  tool->input_schema = input;
  tool->schema = schema;
}

static void read_does(yyjson_val *value, const struct definition_place *parent, enum policy_does *ret_does,
                      struct connector_findings *findings) {
  yyjson_val *does = json_get(value, "does");
  *ret_does = DOES_DESTROY; /* never guessed; what is not said is the worst */
  if (!does || policy_does_parse(json_str(does), ret_does)) return;
  definition_wrong(findings, DEFINITION_MEMBER(parent, STR("does")), "does must be \"read\", \"write\" or \"destroy\"");
}

static void read_tool(struct arena *arena, struct str slug, yyjson_val *value, const struct definition_place *place,
                      struct connector_tool *tool, struct connector_findings *findings) {
  if (!yyjson_is_obj(value)) {
    definition_wrong(findings, place, "a tool must be an object");
    return;
  }
  struct str name = json_get_str(value, "name");
  if (is_identifier(name, TOOL_NAME_MAX)) {
    tool->name = name;
  } else {
    definition_wrong(findings, DEFINITION_MEMBER(place, STR("name")),
                     "a tool's name must be a-z, 0-9 and _, begin with a letter, and have at most %d characters",
                     TOOL_NAME_MAX);
  }
  read_text(value, "title", false, TITLE_MAX, place, &tool->title, findings);
  read_text(value, "description", true, DESCRIPTION_MAX, place, &tool->description, findings);
  read_does(value, place, &tool->does, findings);
  read_input(arena, value, place, tool, findings);
  if (tool->name.n == 0) return;
  tool->public_name = connector_public_name(arena, slug, tool->name);
  if (!tool->public_name.p) findings->has_no_memory = true;
}

static int by_name(const void *a, const void *b) {
  return str_cmp(((const struct connector_tool *)a)->name, ((const struct connector_tool *)b)->name);
}

/* Names, and the shortened public ones, which could meet though the names differ. */
static void check_unique(const struct connector_tool *tools, size_t n, struct connector_findings *findings) {
  struct map seen;
  map_init(&seen);
  for (size_t i = 0; i < n; i++) {
    if (tools[i].public_name.n == 0) continue;
    const struct connector_tool *other = map_get(&seen, tools[i].public_name);
    if (other) {
      definition_wrong(findings, DEFINITION_MEMBER(NULL, STR("tools")), "\"%.*s\" and \"%.*s\" have the same name",
                       STR_ARG(other->name), STR_ARG(tools[i].name));
    } else if (map_put(&seen, tools[i].public_name, (void *)(uintptr_t)&tools[i]) != ERR_NONE) {
      findings->has_no_memory = true;
    }
  }
  map_release(&seen);
}

void definition_finish(struct connector *connector, struct connector_tool *tools) {
  qsort(tools, connector->n_tools, sizeof(*tools), by_name);
  connector->tools = tools;
}

static struct connector_tool *read_tools(struct arena *arena, yyjson_val *definition, struct connector *connector,
                                         struct connector_findings *findings) {
  const struct definition_place *place = DEFINITION_MEMBER(NULL, STR("tools"));
  yyjson_val *list = json_get(definition, "tools");
  size_t count = yyjson_arr_size(list);
  if (!yyjson_is_arr(list) || count == 0) {
    definition_wrong(findings, place, "tools must be a list, not empty");
    return NULL;
  }
  if (count > TOOLS_MAX) {
    definition_wrong(findings, place, "at most %d tools", TOOLS_MAX);
    return NULL;
  }
  struct connector_tool *tools = arena_new_n(arena, struct connector_tool, count);
  if (!tools) {
    findings->has_no_memory = true;
    return NULL;
  }
  size_t i, n;
  yyjson_val *value;
  yyjson_arr_foreach(list, i, n, value) {
    read_tool(arena, connector->id, value, DEFINITION_INDEX(place, i), &tools[i], findings);
  }
  connector->n_tools = count;
  check_unique(tools, count, findings);
  return tools;
}

static void read_version(yyjson_val *definition, int64_t *ret_version, struct connector_findings *findings) {
  yyjson_val *version = json_get(definition, "version");
  *ret_version = 1;
  if (!version) return;
  if (!yyjson_is_uint(version) || yyjson_get_uint(version) < 1 || yyjson_get_uint(version) > INT32_MAX) {
    definition_wrong(findings, DEFINITION_MEMBER(NULL, STR("version")), "version must be a whole number, 1 or more");
    return;
  }
  *ret_version = (int64_t)yyjson_get_uint(version);
}

/* {"tool", "arguments"}: one that reads, with arguments that it takes. */
static void read_check(struct arena *arena, yyjson_val *definition, const struct connector_tool *tools,
                       struct connector *connector, struct connector_findings *findings) {
  static const char *const names[] = {"tool", "arguments"};
  const struct definition_place *place = DEFINITION_MEMBER(NULL, STR("check"));
  yyjson_val *check = json_get(definition, "check"), *arguments = json_get(check, "arguments");
  struct err err = {0};
  yyjson_doc *none = NULL;
  if (!check) return;
  definition_known(findings, place, check, names, sizeof(names) / sizeof(names[0]));
  struct str name = json_get_str(check, "tool");
  const struct connector_tool *tool = NULL;
  for (size_t i = 0; tools && i < connector->n_tools; i++)
    if (name.n > 0 && str_eq(tools[i].name, name)) tool = &tools[i];
  if (!tool || tool->does != DOES_READ) {
    definition_wrong(findings, DEFINITION_MEMBER(place, STR("tool")),
                     "check names a tool of this connector that reads");
  } else if (arguments && !yyjson_is_obj(arguments)) {
    definition_wrong(findings, DEFINITION_MEMBER(place, STR("arguments")), "arguments is an object");
  } else if (!arguments && json_read(arena, STR("{}"), &none, &err) != ERR_NONE) {
    findings->has_no_memory = true;
  } else if (tool->schema) {
    if (!arguments) arguments = yyjson_doc_get_root(none);
    if (schema_check(tool->schema, arguments, &err) != ERR_NONE)
      definition_found(findings, DEFINITION_MEMBER(place, STR("arguments")), &err);
  }
  connector->probe = name;
  connector->probe_arguments = arguments;
}

static bool takes(const struct connector_tool *tool, yyjson_val *arguments) {
  struct err err;
  return !tool->schema || schema_check(tool->schema, arguments, &err) == ERR_NONE;
}

const struct connector_tool *connector_probe(struct arena *arena, const struct connector *connector,
                                             yyjson_val **ret_arguments) {
  yyjson_doc *none;
  if (json_read(arena, STR("{}"), &none, NULL) != ERR_NONE) return NULL;
  *ret_arguments = connector->probe_arguments ? connector->probe_arguments : yyjson_doc_get_root(none);
  for (size_t i = 0; i < connector->n_tools; i++) {
    const struct connector_tool *tool = &connector->tools[i];
    bool is_named = connector->probe.n > 0 && str_eq(tool->name, connector->probe);
    bool may_serve = connector->probe.n == 0 && tool->does == DOES_READ && takes(tool, *ret_arguments);
    if (is_named || may_serve) return tool;
  }
  return NULL;
}

void definition_read_shelf(yyjson_val *definition, struct connector_findings *findings) {
  const struct definition_place *place = DEFINITION_MEMBER(NULL, STR("categories"));
  yyjson_val *categories = json_get(definition, "categories"), *value;
  struct str unused;
  size_t i, n;
  read_text(definition, "description", false, SHELF_TEXT_MAX, NULL, &unused, findings);
  if (categories && (!yyjson_is_arr(categories) || yyjson_arr_size(categories) > CATEGORIES_MAX))
    definition_wrong(findings, place, "categories must be a list of at most %d words", CATEGORIES_MAX);
  yyjson_arr_foreach(categories, i, n, value) {
    if (is_identifier(json_str(value), CATEGORY_MAX)) continue;
    definition_wrong(findings, DEFINITION_INDEX(place, i),
                     "a category must be a-z, 0-9 and _, begin with a letter, and have at most %d characters",
                     CATEGORY_MAX);
  }
}

void definition_read(struct arena *arena, yyjson_val *definition, struct connector *connector,
                     struct connector_tool **ret_tools, struct connector_findings *findings) {
  *connector = (struct connector){.id = STR("")};
  *ret_tools = NULL;
  if (!yyjson_is_obj(definition)) {
    definition_wrong(findings, NULL, "a connector's definition must be an object");
    return;
  }
  yyjson_val *format = json_get(definition, "manifest");
  if (!yyjson_is_uint(format) || yyjson_get_uint(format) != 1) {
    definition_wrong(findings, DEFINITION_MEMBER(NULL, STR("manifest")),
                     "\"manifest\": 1 names the format, and must be there");
    return; /* another format's members would all be called wrong */
  }
  struct str id = json_get_str(definition, "id");
  if (definition_is_id(id)) {
    connector->id = id;
  } else {
    definition_wrong(findings, DEFINITION_MEMBER(NULL, STR("id")),
                     "id must be a-z, 0-9 and _, begin with a letter, and have at most %d characters",
                     DEFINITION_ID_MAX);
  }
  read_text(definition, "name", true, LIMIT_NAME, NULL, &connector->name, findings);
  definition_read_shelf(definition, findings);
  read_version(definition, &connector->version, findings);
  *ret_tools = read_tools(arena, definition, connector, findings);
  read_check(arena, definition, *ret_tools, connector, findings);
}

enum err_code connector_definition_read(struct arena *arena, yyjson_val *definition, struct connector *ret_connector,
                                        struct err *err) {
  struct connector_findings findings = {.arena = arena};
  struct connector connector;
  struct connector_tool *tools;
  definition_read(arena, definition, &connector, &tools, &findings);
  if (tools) definition_finish(&connector, tools);
  enum err_code code = definition_result(&findings, err);
  if (code == ERR_NONE) *ret_connector = connector;
  return code;
}

size_t definition_tool_index(const struct connector *connector, yyjson_val *tool) {
  struct connector_tool wanted = {.name = json_get_str(tool, "name")};
  const struct connector_tool *found =
      bsearch(&wanted, connector->tools, connector->n_tools, sizeof(*connector->tools), by_name);
  return (size_t)(found - connector->tools);
}
