/* A configuration file, checked whole before anything is written: the document and its top-level members. Does not know
 * the database: whether what is named exists there is asked by apply. */
#include <stdlib.h>

#include "audit/retention.h"
#include "base/limits.h"
#include "base/map.h"
#include "config/config.h"
#include "config/reader.h"
#include "config/reference.h"

enum { PER_MINUTE_MAX = 1000000 };

static enum err_code read_limits(const struct config_reader *reader, yyjson_val *value,
                                 const struct config_place *place) {
  if (!value) return ERR_NONE;
  enum err_code code = READ_OBJECT(reader, value, place, "per_minute");
  if (code) return code;
  yyjson_val *per_minute = json_get(value, "per_minute");
  if (!per_minute) return ERR_NONE;
  struct config_place at = PLACE_MEMBER(place, STR("per_minute"));
  if (!yyjson_is_int(per_minute)) return config_fail(reader->err, &at, "must be a whole number");
  if (!yyjson_is_uint(per_minute) || yyjson_get_uint(per_minute) < 1 || yyjson_get_uint(per_minute) > PER_MINUTE_MAX) {
    return config_fail(reader->err, &at, "must be from 1 to %d", PER_MINUTE_MAX);
  }
  reader->config->per_minute = (int64_t)yyjson_get_uint(per_minute);
  return ERR_NONE;
}

static enum err_code read_audit(const struct config_reader *reader, yyjson_val *value,
                                const struct config_place *place) {
  reader->config->retention_days = -1;
  if (!value) return ERR_NONE;
  enum err_code code = READ_OBJECT(reader, value, place, "retention_days");
  if (code) return code;
  yyjson_val *days = json_get(value, "retention_days");
  if (!days) return ERR_NONE;
  struct config_place at = PLACE_MEMBER(place, STR("retention_days"));
  int64_t n = yyjson_is_uint(days) ? (int64_t)yyjson_get_uint(days) : -1;
  if (n != 0 && (n < RETENTION_DAYS_MIN || n > RETENTION_DAYS_MAX))
    return config_fail(reader->err, &at, "must be from %d to %d, or 0: for ever", RETENTION_DAYS_MIN,
                       RETENTION_DAYS_MAX);
  reader->config->retention_days = n;
  return ERR_NONE;
}

static enum err_code read_personal(const struct config_reader *reader, yyjson_val *value,
                                   const struct config_place *place) {
  struct config *config = reader->config;
  size_t count, i, n;
  yyjson_val *item;
  struct map seen;
  enum err_code code = read_array(reader, value, place, &count);
  if (code || !value) return code;
  config->personal = arena_new_n(reader->arena, struct config_personal, count + 1);
  if (!config->personal) return err_no_memory(reader->err);
  config->has_personal = true;
  map_init(&seen);
  yyjson_arr_foreach(value, i, n, item) {
    struct config_place at = PLACE_INDEX(place, i);
    struct config_personal *personal = &config->personal[i];
    code = read_place(reader, &at, &personal->place);
    if (!code) code = read_string(reader, item, &at, &personal->connector_id);
    if (!code) code = read_once(reader, &seen, personal->connector_id, &at, "connector");
    if (code) break;
    config->n_personal = i + 1;
  }
  map_release(&seen);
  return code;
}

static enum err_code read_document(const struct config_reader *reader, yyjson_val *root) {
  struct config *config = reader->config;
  struct config_place document = PLACE_DOCUMENT(config->file);
  enum err_code code = READ_OBJECT(reader, root, &document, "$schema", "organisation", "limits", "audit", "connectors",
                                   "personal", "connections", "roles", "users");
  if (code) return code;
  struct config_place organisation = PLACE_MEMBER(&document, STR("organisation"));
  code = read_name(reader, json_get(root, "organisation"), &organisation, &config->organisation);
  if (!code) code = read_place(reader, &organisation, &config->place);
  if (code) return code;

  typedef enum err_code (*read_part)(const struct config_reader *reader, yyjson_val *value,
                                     const struct config_place *place);
  /* Connectors first: connections are checked against them. */
  static const struct {
    const char *name;
    read_part read;
  } parts[] = {{"limits", read_limits},
               {"audit", read_audit},
               {"connectors", read_connectors},
               {"personal", read_personal},
               {"connections", read_connections},
               {"roles", read_roles},
               {"users", read_users}};
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !code; i++) {
    struct config_place at = PLACE_MEMBER(&document, str_of(parts[i].name));
    code = parts[i].read(reader, json_get(root, parts[i].name), &at);
  }
  return code;
}

static enum err_code read_text(const struct config_reader *reader, struct str text) {
  struct config_place document = PLACE_DOCUMENT(reader->config->file);
  if (text.n > LIMIT_JSON_FILE) {
    return config_place_mark(reader->err, &document,
                             err_set(reader->err, ERR_TOO_LARGE, "is larger than %d bytes", LIMIT_JSON_FILE));
  }
  yyjson_doc *doc = NULL;
  enum err_code code = json_read_file_text(reader->arena, text, &doc, reader->err);
  if (code) return config_place_within(reader->err, &document, code);
  return read_document(reader, yyjson_doc_get_root(doc));
}

static enum err_code read_in(struct arena *arena, struct str text, struct str file, struct str base_dir,
                             struct str data_dir, const struct config_edit *edit, struct config **ret_config,
                             struct err *err) {
  struct config *config = arena_new(arena, struct config);
  if (!config) return err_no_memory(err);
  config->kept_settings = edit->kept_settings;
  config->is_owners = edit->is_owners;
  config->file = arena_str(arena, file);
  config->base_dir = arena_str(arena, base_dir);
  config->data_dir = arena_str(arena, data_dir);
  if (!config->file.p || !config->base_dir.p || !config->data_dir.p) return err_no_memory(err);
  struct map connectors;
  map_init(&connectors);
  struct config_reader reader = {config, arena, &connectors, err};
  enum err_code code = read_text(&reader, text);
  map_release(&connectors);
  if (code) {
    config_release(config);
    return code;
  }
  *ret_config = config;
  return ERR_NONE;
}

enum err_code config_read_text(struct arena *arena, struct str text, struct str file, struct str base_dir,
                               struct str data_dir, struct config **ret_config, struct err *err) {
  static const struct config_edit whole = {0};
  return read_in(arena, text, file, base_dir, data_dir, &whole, ret_config, err);
}

enum err_code config_read_edit(struct arena *arena, struct str text, const struct config_edit *edit,
                               struct config **ret_config, struct err *err) {
  return read_in(arena, text, STR(""), STR(""), STR(""), edit, ret_config, err);
}

static struct str folder_of(const char *path) {
  const char *slash = strrchr(path, '/');
  if (!slash) return STR(".");
  return slash == path ? STR("/") : str_make(path, (size_t)(slash - path));
}

enum err_code config_read(struct arena *arena, const char *path, const char *data_dir, struct config **ret_config,
                          struct err *err) {
  struct buf text;
  buf_init(&text, NULL, (size_t)LIMIT_JSON_FILE + 64 * KIB);
  struct config_place document = PLACE_DOCUMENT(str_of(path));
  enum err_code code = config_read_file(path, LIMIT_JSON_FILE, &text, err);
  if (code) {
    code = config_place_mark(err, &document, code);
  } else {
    code = config_read_text(arena, buf_str(&text), str_of(path), folder_of(path), str_of(data_dir), ret_config, err);
  }
  if (text.p) secret_wipe(text.p, text.capacity);
  buf_release(&text);
  return code;
}

void config_release(struct config *config) {
  if (!config) return;
  for (size_t i = 0; i < config->n_connectors; i++) {
    secret_free(config->connectors[i].environment);
    config->connectors[i].environment = NULL;
  }
  for (size_t i = 0; i < config->n_connections; i++) {
    secret_free(config->connections[i].credential);
    config->connections[i].credential = NULL;
  }
}
