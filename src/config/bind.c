/* Settings and credential against the connector's kind. A database named by a path is looked at here and nowhere else:
 * it must exist, and must not be Connek's own. */
#include "config/bind.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "codec/json.h"
#include "config/credential.h"

static enum err_code fail_at(struct err *err, const struct config_connection *connection, const char *member,
                             enum err_code code) {
  if (!err) return code;
  /* The connection's own place is text by now; the pointer within it follows. */
  char within[ERR_PLACE_SIZE];
  memcpy(within, err->place, sizeof(within));
  err_place(err, "%.*s%s%s", STR_ARG(connection->place), member, within[0] == '/' ? within : "");
  return code;
}

/* Walks up from the file: a folder reached by another name (a bind mount) is still the same folder. */
static bool lies_under(const char *path, const struct stat *folder) {
  char at[PATH_MAX];
  size_t n = strlen(path);
  if (n >= sizeof(at)) return true;
  memcpy(at, path, n + 1);
  for (;;) {
    char *slash = strrchr(at, '/');
    if (!slash) return false;
    slash[slash == at ? 1 : 0] = '\0';
    struct stat status;
    if (stat(at, &status) == 0 && status.st_dev == folder->st_dev && status.st_ino == folder->st_ino) return true;
    if (at[1] == '\0') return false;
  }
}

static enum err_code database_path(struct arena *arena, const struct config *config, struct str file,
                                   struct str *ret_path, struct err *err) {
  if (config->base_dir.n == 0) return err_set(err, ERR_INVALID, "database files cannot be named here");
  if (file.n == 0) return err_set(err, ERR_INVALID, "a file's name must not be empty");
  struct str joined = file.p[0] == '/' ? arena_str(arena, file)
                                       : arena_printf(arena, "%.*s/%.*s", STR_ARG(config->base_dir), STR_ARG(file));
  if (!joined.p) return err_no_memory(err);
  char path[PATH_MAX];
  struct stat status;
  if (!realpath(joined.p, path) || stat(path, &status) != 0) {
    return err_set(err, ERR_INVALID, "the database \"%.*s\" cannot be opened: %s", STR_ARG(file), strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    return err_set(err, ERR_INVALID, "the database \"%.*s\" is not a file", STR_ARG(file));
  }
  struct stat folder;
  if (config->data_dir.n > 0) {
    if (stat(config->data_dir.p, &folder) == 0) {
      if (lies_under(path, &folder)) {
        return err_set(err, ERR_DENIED,
                       "the database \"%.*s\" lies in Connek's own data folder; nothing there may be connected",
                       STR_ARG(file));
      }
    } else if (errno != ENOENT) {
      return err_set(err, ERR_INVALID, "the data folder cannot be looked at: %s", strerror(errno));
    }
  }
  *ret_path = arena_str(arena, str_of(path));
  return ret_path->p ? ERR_NONE : err_no_memory(err);
}

/* Where a kind's settings name a file of this machine. */
static const struct {
  const char *kind, *member;
} path_settings[] = {{"sqlite", "file"}};

static bool is_path_setting(const struct connector *connector, struct str member) {
  for (size_t i = 0; i < sizeof(path_settings) / sizeof(path_settings[0]); i++) {
    if (str_eq_c(member, path_settings[i].member) && strcmp(connector->kind->name, path_settings[i].kind) == 0) {
      return true;
    }
  }
  return false;
}

static enum err_code write_settings(struct arena *arena, const struct config *config,
                                    const struct config_connection *connection, const struct connector *connector,
                                    struct buf *out, struct err *err) {
  size_t i, n;
  yyjson_val *key, *value;
  buf_append_byte(out, '{');
  yyjson_obj_foreach(connection->settings, i, n, key, value) {
    if (i) buf_append_byte(out, ',');
    json_write_str(out, json_str(key));
    buf_append_byte(out, ':');
    if (is_path_setting(connector, json_str(key)) && yyjson_is_str(value)) {
      struct str path;
      enum err_code code = database_path(arena, config, json_str(value), &path, err);
      if (code) {
        err_place(err, "/%.*s", STR_ARG(json_str(key)));
        return code;
      }
      json_write_str(out, path);
    } else {
      json_write_value(out, value);
    }
  }
  buf_append_byte(out, '}');
  return buf_failed(out) ? err_no_memory(err) : ERR_NONE;
}

static enum err_code bind_settings(struct arena *arena, const struct config *config,
                                   const struct config_connection *connection, const struct connector *connector,
                                   struct str *ret_settings, struct err *err) {
  struct buf text, canonical;
  buf_init(&text, arena, LIMIT_JSON_FILE);
  buf_init(&canonical, arena, LIMIT_JSON_FILE);
  yyjson_doc *doc = NULL;
  const void *state = NULL;
  enum err_code code = write_settings(arena, config, connection, connector, &text, err);
  if (!code) code = json_read(arena, buf_str(&text), &doc, err);
  if (!code) code = connector->kind->connect(arena, connector, yyjson_doc_get_root(doc), &state, err);
  if (!code) code = json_write_canonical(&canonical, yyjson_doc_get_root(doc), err);
  if (!code && buf_failed(&canonical)) code = err_no_memory(err);
  if (!code) *ret_settings = buf_str(&canonical);
  return code;
}

enum err_code config_bind(struct arena *arena, const struct config *config, const struct config_connection *connection,
                          const struct connector *connector, struct str *ret_settings, struct err *err) {
  if (!connector->kind->needs_rule || !connector->kind->connect) {
    (void)err_set(err, ERR_INVALID, "the connector \"%.*s\" takes no connections", STR_ARG(connector->id));
    return fail_at(err, connection, "/connector", ERR_INVALID);
  }
  if (!connector->kind->has_catalogue && (connection->names.p || connection->trust.p)) {
    (void)err_set(err, ERR_INVALID, "connections of MCP servers alone have \"names\" and \"trust\"");
    return fail_at(err, connection, connection->names.p ? "/names" : "/trust", ERR_INVALID);
  }
  struct str settings = config->kept_settings;
  if (err) err->place[0] = '\0';
  enum err_code code =
      connection->is_settings_kept ? ERR_NONE : bind_settings(arena, config, connection, connector, &settings, err);
  if (code) return fail_at(err, connection, "/settings", code);
  if (connection->credential) {
    code = credential_check(connector, connection->credential, err);
    if (code) return fail_at(err, connection, "/credential", code);
  }
  *ret_settings = settings;
  return ERR_NONE;
}
