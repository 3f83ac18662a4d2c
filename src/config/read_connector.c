/* "connectors": definitions, each inline or in a file of its own. They are compiled at once: a broken one is refused
 * before anything is written. */
#include "base/limits.h"
#include "base/map.h"
#include "config/credential.h"
#include "config/reader.h"
#include "config/reference.h"
#include "vault/vault.h"

static enum err_code hash_definition(yyjson_val *definition, uint8_t ret_hash[32], struct err *err) {
  struct buf canonical;
  buf_init(&canonical, NULL, (size_t)LIMIT_JSON_FILE * 2);
  enum err_code code = json_write_canonical(&canonical, definition, err);
  if (!code && buf_failed(&canonical)) code = err_no_memory(err);
  if (!code) vault_sha256(buf_str(&canonical), ret_hash);
  buf_release(&canonical);
  return code;
}

static enum err_code read_status(const struct config_reader *reader, yyjson_val *definition,
                                 const struct config_place *place, struct str *ret_status) {
  static const char *const statuses[] = {"available", "beta", "coming_soon"};
  yyjson_val *status = json_get(definition, "status");
  *ret_status = STR("available");
  if (!status) return ERR_NONE;
  for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
    if (!str_eq_c(json_str(status), statuses[i])) continue;
    *ret_status = str_of(statuses[i]);
    return ERR_NONE;
  }
  struct config_place at = PLACE_MEMBER(place, STR("status"));
  return config_fail(reader->err, &at, "must be \"available\", \"beta\" or \"coming_soon\"");
}

/* A command is run on this machine: only a file of the operator's may name one. */
static enum err_code read_process(const struct config_reader *reader, yyjson_val *definition,
                                  const struct config_place *place, struct config_connector *ret_connector) {
  struct config_place command = PLACE_MEMBER(place, STR("command"));
  struct config_place environment = PLACE_MEMBER(place, STR("environment"));
  if (!json_get(definition, "command")) return ERR_NONE;
  if (reader->config->base_dir.n == 0) return config_fail(reader->err, &command, "commands cannot be named here");
  yyjson_val *variables = json_get(definition, "environment");
  if (!variables) return ERR_NONE;
  return credential_read_environment(reader, variables, &environment, &ret_connector->environment);
}

/* `place` is the definition's own: within the configuration, or the document of a manifest. */
static enum err_code read_definition(const struct config_reader *reader, yyjson_val *definition,
                                     const struct config_place *place, struct config_connector *ret_connector) {
  struct connector *compiled = arena_new(reader->arena, struct connector);
  if (!compiled) return err_no_memory(reader->err);
  enum err_code code = connector_compile(reader->arena, definition, compiled, reader->err);
  if (code) return config_place_within(reader->err, place, code);
  struct config_place id = PLACE_MEMBER(place, STR("id"));
  if (connector_builtin_find(compiled->id)) {
    return config_fail(reader->err, &id,
                       "\"%.*s\" is a built-in connector: a connection can name it without a file; one of your own "
                       "needs another id",
                       STR_ARG(compiled->id));
  }
  if (!compiled->kind->needs_rule) {
    /* Its tools would need no rule of anybody. */
    struct config_place kind = PLACE_MEMBER(place, STR("kind"));
    return config_fail(reader->err, &kind, "connectors of kind %s are Connek's own", compiled->kind->name);
  }
  if (map_get(reader->connectors, compiled->id)) {
    return config_fail(reader->err, &id, "connector \"%.*s\" is named twice", STR_ARG(compiled->id));
  }
  if (map_put(reader->connectors, compiled->id, compiled)) return err_no_memory(reader->err);
  code = read_status(reader, definition, place, &ret_connector->status);
  if (!code) code = read_process(reader, definition, place, ret_connector);
  if (code) return code;

  struct buf text;
  buf_init(&text, reader->arena, (size_t)LIMIT_JSON_FILE * 2);
  json_write_value(&text, definition);
  if (buf_failed(&text)) return err_no_memory(reader->err);
  ret_connector->id = compiled->id;
  ret_connector->compiled = compiled;
  ret_connector->definition = buf_str(&text);
  code = hash_definition(definition, ret_connector->hash, reader->err);
  return code ? config_place_mark(reader->err, place, code) : ERR_NONE;
}

static enum err_code read_manifest(const struct config_reader *reader, struct str name,
                                   const struct config_place *place, struct config_connector *ret_connector) {
  const char *path = NULL;
  enum err_code code = reference_path(reader, name, place, &path);
  if (code) return code;
  struct buf text;
  buf_init(&text, NULL, (size_t)LIMIT_JSON_FILE + 64 * KIB);
  struct err why = {0};
  code = config_read_file(path, LIMIT_JSON_FILE, &text, &why);
  if (code) {
    (void)err_set(reader->err, code, "the manifest \"%.*s\" %s", STR_ARG(name), why.text);
    code = config_place_mark(reader->err, place, code);
  } else {
    struct config_place document = PLACE_DOCUMENT(name);
    yyjson_doc *doc = NULL;
    code = json_read_file_text(reader->arena, buf_str(&text), &doc, reader->err);
    if (code) code = config_place_within(reader->err, &document, code);
    if (!code) code = read_definition(reader, yyjson_doc_get_root(doc), &document, ret_connector);
  }
  buf_release(&text);
  return code;
}

enum err_code read_connectors(const struct config_reader *reader, yyjson_val *value, const struct config_place *place) {
  struct config *config = reader->config;
  size_t count, i, n;
  enum err_code code = read_array(reader, value, place, &count);
  if (code || count == 0) return code;
  config->connectors = arena_new_n(reader->arena, struct config_connector, count);
  if (!config->connectors) return err_no_memory(reader->err);
  yyjson_val *item;
  yyjson_arr_foreach(value, i, n, item) {
    struct config_connector *connector = &config->connectors[i];
    struct config_place at = PLACE_INDEX(place, i);
    code = read_place(reader, &at, &connector->place);
    if (code) return code;
    if (yyjson_is_str(item)) {
      code = read_manifest(reader, json_str(item), &at, connector);
    } else if (yyjson_is_obj(item)) {
      code = read_definition(reader, item, &at, connector);
    } else {
      code = config_fail(reader->err, &at, "must be a manifest's path or a definition");
    }
    config->n_connectors = i + 1; /* what it holds by then is released even where the rest of it is wrong */
    if (code) return code;
  }
  return ERR_NONE;
}

static enum err_code compile_builtin(const struct config_reader *reader, const struct connector_builtin *builtin,
                                     const struct connector **ret_connector) {
  struct connector *compiled = arena_new(reader->arena, struct connector);
  if (!compiled) return err_no_memory(reader->err);
  yyjson_doc *doc = NULL;
  enum err_code code = json_read_file_text(reader->arena, str_of(builtin->definition), &doc, reader->err);
  if (!code) code = connector_compile(reader->arena, yyjson_doc_get_root(doc), compiled, reader->err);
  if (code) return code;
  if (map_put(reader->connectors, compiled->id, compiled)) return err_no_memory(reader->err);
  *ret_connector = compiled;
  return ERR_NONE;
}

enum err_code read_find_connector(const struct config_reader *reader, struct str id,
                                  const struct connector **ret_connector) {
  *ret_connector = map_get(reader->connectors, id);
  if (*ret_connector) return ERR_NONE;
  const struct connector_builtin *builtin = connector_builtin_find(id);
  return builtin ? compile_builtin(reader, builtin, ret_connector) : ERR_NONE;
}
