/* "connections": connected accounts, with their labels, settings and credentials. */
#include "base/limits.h"
#include "base/map.h"
#include "config/bind.h"
#include "config/credential.h"
#include "config/reader.h"
#include "config/reference.h"
#include "config/words.h"

static enum err_code check_label(const struct config_reader *reader, yyjson_val *key, yyjson_val *value,
                                 const struct config_place *place) {
  struct str name;
  enum err_code code = config_name_check(json_str(key), reader->err);
  if (code) return config_place_mark(reader->err, place, code);
  if (memchr(json_str(key).p, '=', json_str(key).n)) {
    return config_fail(reader->err, place, "a label's name must not hold \"=\"");
  }
  return read_name(reader, value, place, &name);
}

static enum err_code read_labels(const struct config_reader *reader, yyjson_val *value,
                                 const struct config_place *place, struct str *ret_labels) {
  *ret_labels = STR("{}");
  if (!value) return ERR_NONE;
  if (!yyjson_is_obj(value)) return config_fail(reader->err, place, "must be an object of strings");
  if (yyjson_obj_size(value) > LIMIT_LABELS) {
    return config_fail(reader->err, place, "a connection has at most %d labels", LIMIT_LABELS);
  }
  size_t i, n;
  yyjson_val *key, *member;
  yyjson_obj_foreach(value, i, n, key, member) {
    struct config_place at = PLACE_MEMBER(place, json_str(key));
    enum err_code code = check_label(reader, key, member, &at);
    if (code) return code;
  }
  struct buf text;
  buf_init(&text, reader->arena, LIMIT_JSON_FILE);
  enum err_code code = json_write_canonical(&text, value, reader->err);
  if (code) return config_place_mark(reader->err, place, code);
  if (buf_failed(&text)) return err_no_memory(reader->err);
  *ret_labels = buf_str(&text);
  return ERR_NONE;
}

static enum err_code read_settings(const struct config_reader *reader, yyjson_val *value,
                                   const struct config_place *place, yyjson_val **ret_settings) {
  if (!value) {
    yyjson_doc *empty = NULL;
    enum err_code code = json_read(reader->arena, STR("{}"), &empty, reader->err);
    if (!code) *ret_settings = yyjson_doc_get_root(empty);
    return code;
  }
  if (!yyjson_is_obj(value)) return config_fail(reader->err, place, "must be an object");
  struct buf text;
  buf_init(&text, reader->arena, LIMIT_JSON_FILE);
  enum err_code code = ERR_NONE;
  size_t i, n;
  yyjson_val *key, *member;
  buf_append_byte(&text, '{');
  /* Member by member: {"file": "ledger.db"} as a whole is a setting, not a reference. */
  yyjson_obj_foreach(value, i, n, key, member) {
    if (i) buf_append_byte(&text, ',');
    json_write_str(&text, json_str(key));
    buf_append_byte(&text, ':');
    struct config_place at = PLACE_MEMBER(place, json_str(key));
    code = reference_write_resolved(reader, member, &at, &text);
    if (code) return code;
  }
  buf_append_byte(&text, '}');
  if (buf_failed(&text)) return err_no_memory(reader->err);
  yyjson_doc *doc = NULL;
  code = json_read(reader->arena, buf_str(&text), &doc, reader->err);
  if (code) return config_place_within(reader->err, place, code);
  *ret_settings = yyjson_doc_get_root(doc);
  return ERR_NONE;
}

static enum err_code read_credential(const struct config_reader *reader, yyjson_val *value,
                                     const struct config_place *place, struct config_connection *connection) {
  if (!value) return ERR_NONE;
  if (yyjson_is_null(value)) {
    connection->credential_state = CONFIG_CREDENTIAL_REMOVED;
    return ERR_NONE;
  }
  connection->credential_state = CONFIG_CREDENTIAL_SET;
  return credential_read(reader, value, place, &connection->credential);
}

/* What MCP servers' connections alone have; which connector it is, is seen when it is bound. */
static enum err_code read_word(const struct config_reader *reader, yyjson_val *connection,
                               const struct config_place *place, const char *member, struct str *ret_word) {
  static const struct {
    const char *member, *words[4], *text;
  } known[] = {
      {"names", {"prefixed", "plain"}, "must be \"prefixed\" or \"plain\""},
      {"trust", {"review", "accept", "accept-read"}, "must be \"review\", \"accept\" or \"accept-read\""},
  };
  yyjson_val *value = json_get(connection, member);
  if (!value) return ERR_NONE;
  struct config_place at = PLACE_MEMBER(place, str_of(member));
  for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
    if (strcmp(known[i].member, member) != 0) continue;
    for (size_t k = 0; known[i].words[k]; k++) {
      if (!str_eq_c(json_str(value), known[i].words[k])) continue;
      *ret_word = str_of(known[i].words[k]);
      return ERR_NONE;
    }
    return config_fail(reader->err, &at, "%s", known[i].text);
  }
  return ERR_NONE;
}

static enum err_code bind_now(const struct config_reader *reader, struct config_connection *connection) {
  const struct connector *connector = NULL;
  enum err_code code = read_find_connector(reader, connection->connector_id, &connector);
  if (code || !connector) return code; /* apply looks in the database */
  return config_bind(reader->arena, reader->config, connection, connector, &connection->bound, reader->err);
}

static enum err_code read_connection(const struct config_reader *reader, yyjson_val *value,
                                     const struct config_place *place, struct map *seen,
                                     struct config_connection *connection) {
  enum err_code code = READ_OBJECT(reader, value, place, "name", "connector", "labels", "owner", "names", "trust",
                                   "settings", "credential");
  if (!code) code = read_place(reader, place, &connection->place);
  struct config_place name = PLACE_MEMBER(place, STR("name")), connector = PLACE_MEMBER(place, STR("connector"));
  struct config_place labels = PLACE_MEMBER(place, STR("labels")), owner = PLACE_MEMBER(place, STR("owner"));
  struct config_place settings = PLACE_MEMBER(place, STR("settings"));
  struct config_place credential = PLACE_MEMBER(place, STR("credential"));
  if (!code) code = read_name(reader, json_get(value, "name"), &name, &connection->name);
  if (!code) code = read_once(reader, seen, connection->name, &name, "connection");
  if (!code) code = read_string(reader, json_get(value, "connector"), &connector, &connection->connector_id);
  if (!code) code = read_labels(reader, json_get(value, "labels"), &labels, &connection->labels);
  if (!code && json_get(value, "owner")) {
    code = read_email(reader, json_get(value, "owner"), &owner, &connection->owner_email);
  }
  if (!code) code = read_word(reader, value, place, "names", &connection->names);
  if (!code) code = read_word(reader, value, place, "trust", &connection->trust);
  if (!code) code = read_settings(reader, json_get(value, "settings"), &settings, &connection->settings);
  connection->is_settings_kept = !json_get(value, "settings") && reader->config->kept_settings.p;
  if (!code) code = read_credential(reader, json_get(value, "credential"), &credential, connection);
  return code ? code : bind_now(reader, connection);
}

enum err_code read_connections(const struct config_reader *reader, yyjson_val *value,
                               const struct config_place *place) {
  struct config *config = reader->config;
  size_t count, i, n;
  enum err_code code = read_array(reader, value, place, &count);
  if (code || count == 0) return code;
  config->connections = arena_new_n(reader->arena, struct config_connection, count);
  if (!config->connections) return err_no_memory(reader->err);
  struct map seen;
  map_init(&seen);
  yyjson_val *item;
  yyjson_arr_foreach(value, i, n, item) {
    struct config_place at = PLACE_INDEX(place, i);
    config->n_connections = i + 1; /* what it holds by then is released even where the rest of it is wrong */
    code = read_connection(reader, item, &at, &seen, &config->connections[i]);
    if (code) break;
  }
  map_release(&seen);
  return code;
}
