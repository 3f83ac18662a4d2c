/* Compiles manifests: what a service's tools are, as data (docs/manifest.md). What it does not know it refuses by name,
 * so that no manifest half works. Here: the whole, its base and settings, and what the other files read with. */
#include "connector/http/manifest.h"

#include "base/limits.h"
#include "codec/json_path.h"
#include "codec/url.h"

enum { SETTINGS_MAX = 32, SETTING_NAME_MAX = 64 };

static const char *const member_names[] = {
    "$schema", "//",   "manifest", "id",       "name",       "description",     "categories",  "version", "kind",
    "source",  "base", "query",    "settings", "auth",       "limits",          "headers",     "retry",   "errors",
    "page",    "as",   "lists",    "tools",    "timeout_ms", "may_change_base", "idempotency", "check"};

/* ---- what readers share ---- */

void *manifest_alloc(struct manifest *manifest, size_t count, size_t size) {
  void *p = arena_zalloc_n(manifest->arena, count > 0 ? count : 1, size);
  if (!p) manifest->findings->has_no_memory = true;
  return p;
}

bool manifest_names_have(const struct manifest_names *names, struct str name) {
  for (size_t i = 0; i < names->n; i++)
    if (str_eq(names->items[i], name)) return true;
  return false;
}

static void names_add(struct manifest *manifest, struct manifest_names *names, struct str name) {
  if (manifest_names_have(names, name)) return;
  if (names->n == names->capacity) {
    size_t capacity = names->capacity * 2 + 8;
    struct str *items =
        arena_realloc(manifest->arena, names->items, names->capacity * sizeof(*items), capacity * sizeof(*items));
    if (!items) {
      manifest->findings->has_no_memory = true;
      return;
    }
    names->items = items;
    names->capacity = capacity;
  }
  names->items[names->n++] = name;
}

bool manifest_text(struct manifest *manifest, yyjson_val *object, const struct definition_place *place,
                   const char *name, size_t max, struct str *ret_text) {
  yyjson_val *value = json_get(object, name);
  if (!value) return false;
  const struct definition_place *at = DEFINITION_MEMBER(place, str_of(name));
  struct str text = json_str(value);
  if (!yyjson_is_str(value) || text.n == 0 || text.n > max || !definition_is_text(text)) {
    definition_wrong(manifest->findings, at, "%s must be a text, not empty, of at most %zu bytes", name, max);
    return false;
  }
  *ret_text = text;
  return true;
}

bool manifest_bool(struct manifest *manifest, yyjson_val *object, const struct definition_place *place,
                   const char *name) {
  yyjson_val *value = json_get(object, name);
  if (value && !yyjson_is_bool(value))
    definition_wrong(manifest->findings, DEFINITION_MEMBER(place, str_of(name)), "%s is true or false", name);
  return yyjson_is_true(value);
}

uint64_t manifest_number(struct manifest *manifest, yyjson_val *object, const struct definition_place *place,
                         const char *name, uint64_t min, uint64_t max) {
  yyjson_val *value = json_get(object, name);
  if (!value) return 0;
  if (yyjson_is_uint(value) && yyjson_get_uint(value) >= min && yyjson_get_uint(value) <= max)
    return yyjson_get_uint(value);
  definition_wrong(manifest->findings, DEFINITION_MEMBER(place, str_of(name)),
                   "%s must be a whole number from %llu to %llu", name, (unsigned long long)min,
                   (unsigned long long)max);
  return 0;
}

const struct json_path *manifest_path(struct manifest *manifest, yyjson_val *value,
                                      const struct definition_place *place) {
  if (!value) return NULL;
  struct json_path *path = manifest_alloc(manifest, 1, sizeof(*path));
  struct err err = {0};
  if (!path) return NULL;
  if (!yyjson_is_str(value)) {
    definition_wrong(manifest->findings, place,
                     "must be a path: names and indices with dots between, \"data.items.0\"");
    return NULL;
  }
  if (json_path_compile(json_str(value), path, &err) == ERR_NONE) return path;
  definition_found(manifest->findings, place, &err);
  return NULL;
}

/* Fields that the client or Connek writes, and those that frame a message or steer the way of it. */
static bool is_ours(struct str name) {
  static const char *const names[] = {"host",
                                      "content-length",
                                      "transfer-encoding",
                                      "connection",
                                      "keep-alive",
                                      "te",
                                      "trailer",
                                      "upgrade",
                                      "expect",
                                      "proxy-connection",
                                      "traceparent",
                                      "accept-encoding",
                                      "cookie",
                                      "proxy-authorization"};
  for (size_t i = 0; i < COUNT(names); i++)
    if (str_eq_fold(name, str_of(names[i]))) return true;
  return false;
}

bool manifest_field_name(struct manifest *manifest, const struct definition_place *place, struct str name) {
  if (!str_is_token(name)) {
    definition_wrong(manifest->findings, place, "not the name of an HTTP field");
  } else if (is_ours(name)) {
    definition_wrong(manifest->findings, place, "this field is Connek's own to write");
  } else {
    return true;
  }
  return false;
}

/* ---- templates ---- */

static bool is_declared(yyjson_val *settings, struct str name) {
  return yyjson_obj_getn(settings, name.p, name.n) || str_eq(name, STR("base"));
}

static void check_piece(struct manifest *manifest, struct manifest_tool *tool, const struct definition_place *place,
                        const struct template_piece *piece, bool may_have_credential) {
  struct connector_findings *findings = manifest->findings;
  yyjson_val *settings = json_get(manifest->root, "settings");
  switch (piece->source) {
    case TEMPLATE_ARGUMENT: {
      struct str name = piece->steps[0].name;
      if (!tool) {
        definition_wrong(findings, place,
                         "{%.*s}: outside of tools there are no arguments; a connection's setting is {conn.NAME}",
                         STR_ARG(piece->text));
      } else if (yyjson_obj_getn(json_get(tool->input, "properties"), name.p, name.n)) {
        names_add(manifest, &tool->arguments, name);
      } else {
        definition_wrong(findings, place, "{%.*s} is no property of input", STR_ARG(name));
      }
      break;
    }
    case TEMPLATE_SETTING:
      names_add(manifest, &manifest->settings, piece->text);
      if (settings && !is_declared(settings, piece->text))
        definition_wrong(findings, place, "{conn.%.*s} is not declared: add it to \"settings\"", STR_ARG(piece->text));
      break;
    case TEMPLATE_CREDENTIAL:
      if (!may_have_credential) definition_wrong(findings, place, "a credential is put in by \"auth\" alone");
      break;
    case TEMPLATE_PAGE_CURSOR:
    case TEMPLATE_PAGE_SIZE:
      if (tool && piece->source == TEMPLATE_PAGE_CURSOR) tool->uses_cursor = true;
      if (!tool || !json_get(tool->value, "page"))
        definition_wrong(findings, place, "{%.*s} stands only in a tool that has \"page\"", STR_ARG(piece->text));
      break;
    case TEMPLATE_LITERAL:
      break;
  }
}

bool manifest_check_template(struct manifest *manifest, struct manifest_tool *tool,
                             const struct definition_place *place, const struct template *template,
                             bool may_have_credential) {
  size_t before = manifest->findings->n_errors;
  for (size_t i = 0; i < template->n_pieces; i++)
    check_piece(manifest, tool, place, &template->pieces[i], may_have_credential);
  return manifest->findings->n_errors == before;
}

bool manifest_template(struct manifest *manifest, struct manifest_tool *tool, const struct definition_place *place,
                       struct str text, enum template_place where, struct template *ret_template) {
  struct err err = {0};
  if (template_compile(manifest->arena, text, where, ret_template, &err) != ERR_NONE) {
    definition_found(manifest->findings, place, &err);
    return false;
  }
  return manifest_check_template(manifest, tool, place, ret_template, false);
}

/* ---- base ---- */

void manifest_claim_key(struct manifest *manifest, struct template *template) {
  if (!manifest_auth_writes(manifest, HTTP_AUTH_KEY_PATH, STR_NONE)) return;
  struct template_piece *pieces = arena_memdup(manifest->arena, template->pieces, template->n_pieces * sizeof(*pieces));
  if (!pieces) {
    manifest->findings->has_no_memory = true;
    return;
  }
  for (size_t i = 0; i < template->n_pieces; i++)
    if (pieces[i].source == TEMPLATE_ARGUMENT && str_eq(pieces[i].text, STR("key")))
      pieces[i].source = TEMPLATE_CREDENTIAL;
  template->pieces = pieces;
}

static void read_base(struct manifest *manifest) {
  struct http_definition *http = manifest->http;
  struct connector_findings *findings = manifest->findings;
  const struct definition_place *place = DEFINITION_MEMBER(NULL, STR("base"));
  yyjson_val *base = json_get(manifest->root, "base");
  http->may_change_base = manifest_bool(manifest, manifest->root, NULL, "may_change_base") || !base;
  if (!base) return; /* each connection's settings give one */
  struct err err = {0};
  http->has_base = true;
  if (!yyjson_is_str(base)) {
    definition_wrong(findings, place, "base must be a URL");
    return;
  }
  if (template_compile(manifest->arena, json_str(base), TEMPLATE_IN_PATH, &http->base, &err) != ERR_NONE) {
    definition_found(findings, place, &err);
    return;
  }
  manifest_claim_key(manifest, &http->base);
  bool is_constant = true;
  for (size_t i = 0; i < http->base.n_pieces; i++) {
    const struct template_piece *piece = &http->base.pieces[i];
    if (piece->source == TEMPLATE_SETTING) {
      check_piece(manifest, NULL, place, piece, false);
      if (piece->filter != TEMPLATE_PLAIN) definition_wrong(findings, place, "base has no filters but or:TEXT");
    } else if (piece->source != TEMPLATE_LITERAL && piece->source != TEMPLATE_CREDENTIAL) {
      definition_wrong(findings, place, "base may use {conn.NAME} alone: no argument decides where a call goes");
    }
    is_constant = is_constant && piece->source == TEMPLATE_LITERAL;
  }
  if (http->base.n_pieces == 1 && http->base.pieces[0].source == TEMPLATE_SETTING &&
      str_eq(http->base.pieces[0].text, STR("base")))
    http->may_change_base = true;
  struct url url;
  if (!is_constant) return;
  if (url_parse(manifest->arena, json_str(base), &url, &err) != ERR_NONE) {
    definition_found(findings, place, &err);
  } else if (url.query.n > 0) {
    definition_wrong(findings, place, "base has no query");
  }
}

/* ---- settings ---- */

static bool is_setting_name(struct str name) {
  for (size_t i = 0; i < name.n; i++) {
    char c = name.p[i];
    bool is_alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!is_alphanumeric && c != '_' && c != '-') return false;
  }
  return name.n > 0 && name.n <= SETTING_NAME_MAX;
}

/* {"type": "string", "pattern": ...}: the schema's own compiler knows patterns. */
static const struct schema *pattern_compile(struct manifest *manifest, yyjson_val *pattern,
                                            const struct definition_place *place) {
  struct buf text;
  buf_init(&text, NULL, 16 * KIB);
  buf_append_c(&text, "{\"type\":\"string\",\"pattern\":");
  json_write_value(&text, pattern);
  buf_append_byte(&text, '}');
  struct err err = {0};
  yyjson_doc *doc;
  struct schema *schema = NULL;
  if (buf_failed(&text) || !yyjson_is_str(pattern)) {
    definition_wrong(manifest->findings, place, "pattern must be a regular expression, as a text");
  } else if (json_read(manifest->arena, buf_str(&text), &doc, &err) != ERR_NONE ||
             schema_compile(manifest->arena, yyjson_doc_get_root(doc), &schema, &err) != ERR_NONE) {
    err.place[0] = '\0';
    definition_found(manifest->findings, place, &err);
  }
  buf_release(&text);
  return schema;
}

static void read_setting(struct manifest *manifest, struct str name, yyjson_val *value,
                         const struct definition_place *place, struct http_setting *setting) {
  static const char *const names[] = {"description", "required", "default", "pattern"};
  struct connector_findings *findings = manifest->findings;
  setting->name = name;
  if (!is_setting_name(name))
    definition_wrong(findings, place, "a setting's name has letters, digits, \"_\" and \"-\", at most %d",
                     SETTING_NAME_MAX);
  if (!yyjson_is_obj(value)) {
    definition_wrong(findings, place,
                     "a setting is an object: {\"description\", \"required\", \"default\", \"pattern\"}");
    return;
  }
  definition_known(findings, place, value, names, COUNT(names));
  struct str unused;
  if (!manifest_text(manifest, value, place, "description", MANIFEST_TEXT_MAX, &unused))
    definition_doubt(findings, place, "say in \"description\" what it is and where a person finds it");
  setting->is_required = manifest_bool(manifest, value, place, "required");
  if (manifest_text(manifest, value, place, "default", MANIFEST_TEXT_MAX, &unused))
    setting->fallback = json_get(value, "default");
  yyjson_val *pattern = json_get(value, "pattern");
  if (pattern) setting->schema = pattern_compile(manifest, pattern, DEFINITION_MEMBER(place, STR("pattern")));
  if (setting->is_required && setting->fallback)
    definition_doubt(findings, place, "a setting with a default need not be required");
}

static void read_settings(struct manifest *manifest) {
  const struct definition_place *place = DEFINITION_MEMBER(NULL, STR("settings"));
  yyjson_val *list = json_get(manifest->root, "settings");
  if (!list) return;
  if (!yyjson_is_obj(list) || yyjson_obj_size(list) > SETTINGS_MAX) {
    definition_wrong(manifest->findings, place, "settings must be an object of at most %d", SETTINGS_MAX);
    return;
  }
  struct http_setting *settings = manifest_alloc(manifest, yyjson_obj_size(list), sizeof(*settings));
  if (!settings) return;
  size_t i, n;
  yyjson_val *key, *value;
  yyjson_obj_foreach(list, i, n, key, value) {
    read_setting(manifest, json_str(key), value, DEFINITION_MEMBER(place, json_str(key)), &settings[i]);
  }
  manifest->http->has_settings = true;
  manifest->http->settings = settings;
  manifest->http->n_settings = yyjson_obj_size(list);
}

/* Where settings are not declared, those that templates use are, and nothing more. */
static void declare_settings(struct manifest *manifest) {
  struct http_definition *http = manifest->http;
  if (http->has_settings) return;
  struct http_setting *settings = manifest_alloc(manifest, manifest->settings.n, sizeof(*settings));
  if (!settings) return;
  for (size_t i = 0; i < manifest->settings.n; i++)
    settings[i].name = manifest->settings.items[i];
  http->settings = settings;
  http->n_settings = manifest->settings.n;
}

/* ---- the whole ---- */

static void read_source(struct manifest *manifest) {
  static const char *const names[] = {"from", "date"};
  const struct definition_place *place = DEFINITION_MEMBER(NULL, STR("source"));
  yyjson_val *source = json_get(manifest->root, "source");
  struct str unused;
  if (!source) return;
  if (!yyjson_is_obj(source)) {
    definition_wrong(manifest->findings, place,
                     "source is {\"from\": \"where the facts are from\", \"date\": \"2026-11-20\"}");
    return;
  }
  definition_known(manifest->findings, place, source, names, COUNT(names));
  (void)manifest_text(manifest, source, place, "from", MANIFEST_TEXT_MAX, &unused);
  (void)manifest_text(manifest, source, place, "date", 32, &unused);
}

static void read_inherited(struct manifest *manifest) {
  yyjson_val *root = manifest->root;
  struct str unused;
  (void)manifest_text(manifest, root, NULL, "$schema", MANIFEST_TEXT_MAX, &unused);
  read_source(manifest);
  manifest_read_as(manifest, root, NULL, &manifest->as, &manifest->lists);
  manifest->timeout_ms = (int64_t)manifest_number(manifest, root, NULL, "timeout_ms", 1, LIMIT_CALL_MS);
  yyjson_val *idempotency = json_get(root, "idempotency");
  if (idempotency && !yyjson_is_false(idempotency) &&
      manifest_text(manifest, root, NULL, "idempotency", MANIFEST_FIELD_MAX, &unused))
    (void)manifest_field_name(manifest, DEFINITION_MEMBER(NULL, STR("idempotency")), unused);
  manifest_read_limits(manifest);
  manifest_check_page(manifest);
  manifest_read_retry(manifest, json_get(root, "retry"), DEFINITION_MEMBER(NULL, STR("retry")), &manifest->retry);
  manifest_read_errors(manifest, json_get(root, "errors"), DEFINITION_MEMBER(NULL, STR("errors")), &manifest->errors);
  manifest_read_headers(manifest, NULL, json_get(root, "headers"));
  manifest_read_query(manifest, NULL, json_get(root, "query"));
}

static void read_tools(struct manifest *manifest, struct connector_tool *tools, size_t n_tools) {
  struct http_tool *states = manifest_alloc(manifest, n_tools, sizeof(*states));
  if (!states) return;
  const struct definition_place *place = DEFINITION_MEMBER(NULL, STR("tools"));
  size_t i, n;
  yyjson_val *value;
  yyjson_arr_foreach(json_get(manifest->root, "tools"), i, n, value) {
    if (i >= n_tools || !yyjson_is_obj(value)) continue;
    const struct definition_place *at = DEFINITION_INDEX(place, i);
    struct manifest_tool tool = {.place = at, .value = value, .input = json_get(value, "input"), .http = &states[i]};
    manifest_read_tool(manifest, &tool, &tools[i]);
    tools[i].state = &states[i];
    if (manifest->findings->wants_all) manifest_advise(manifest, &tool, &tools[i]);
  }
}

static void compile(struct arena *arena, yyjson_val *definition, struct connector *connector,
                    struct connector_findings *findings) {
  struct connector_tool *tools;
  struct manifest manifest = {.arena = arena, .root = definition, .findings = findings};
  manifest.http = arena_new(arena, struct http_definition);
  if (!manifest.http) {
    findings->has_no_memory = true;
    return;
  }
  definition_read(arena, definition, connector, &tools, findings);
  yyjson_val *format = json_get(definition, "manifest");
  if (!yyjson_is_uint(format) || yyjson_get_uint(format) != 1) return;
  definition_known(findings, NULL, definition, member_names, COUNT(member_names));
  manifest_read_auth(&manifest);
  read_settings(&manifest);
  read_base(&manifest);
  read_inherited(&manifest);
  if (tools) {
    read_tools(&manifest, tools, connector->n_tools);
    definition_finish(connector, tools);
  }
  declare_settings(&manifest);
  if (findings->wants_all) manifest_advise_all(&manifest);
  connector->state = manifest.http;
}

enum err_code http_compile(struct arena *arena, yyjson_val *definition, struct connector *ret_connector,
                           struct err *err) {
  struct connector_findings findings = {.arena = arena};
  struct connector connector = {.id = STR("")};
  compile(arena, definition, &connector, &findings);
  enum err_code code = definition_result(&findings, err);
  if (code == ERR_NONE) *ret_connector = connector;
  return code;
}

void http_check(struct arena *arena, yyjson_val *definition, struct connector *ret_connector,
                struct connector_findings *findings) {
  compile(arena, definition, ret_connector, findings);
}
