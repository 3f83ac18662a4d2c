/* {"env"} and {"file"}: read once, when the configuration is read. Knows nothing of what the values are for; never puts
 * one into an error. */
#include "config/reference.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/secret.h"
#include "codec/utf8.h"

enum { REFERENCE_MAX = 64 * KIB };

enum err_code reference_path(const struct config_reader *reader, struct str path, const struct config_place *place,
                             const char **ret_path) {
  const struct config *config = reader->config;
  if (config->base_dir.n == 0) return config_fail(reader->err, place, "files cannot be named here");
  if (path.n == 0) return config_fail(reader->err, place, "a file's name must not be empty");
  struct str joined = path.p[0] == '/'
                          ? arena_str(reader->arena, path)
                          : arena_printf(reader->arena, "%.*s/%.*s", STR_ARG(config->base_dir), STR_ARG(path));
  if (!joined.p) return err_no_memory(reader->err);
  *ret_path = joined.p;
  return ERR_NONE;
}

enum err_code config_read_file(const char *path, size_t max, struct buf *out, struct err *err) {
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (file < 0) return err_set(err, ERR_INVALID, "cannot be read: %s", strerror(errno));
  enum err_code code = ERR_NONE;
  size_t start = out->n;
  for (;;) {
    char *room = buf_reserve(out, 16 * KIB);
    if (!room) {
      code = out->n - start > max ? err_set(err, ERR_TOO_LARGE, "is larger than %zu bytes", max) : err_no_memory(err);
      break;
    }
    ssize_t n = read(file, room, 16 * KIB);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) code = err_set(err, ERR_INVALID, "cannot be read: %s", strerror(errno));
    if (n <= 0) break;
    out->n += (size_t)n;
    if (out->n - start > max) {
      code = err_set(err, ERR_TOO_LARGE, "is larger than %zu bytes", max);
      break;
    }
  }
  (void)close(file);
  return code;
}

bool reference_is_one(yyjson_val *value) {
  if (!yyjson_is_obj(value) || yyjson_obj_size(value) != 1) return false;
  return yyjson_is_str(json_get(value, "env")) || yyjson_is_str(json_get(value, "file"));
}

static enum err_code resolve_env(const struct config_reader *reader, struct str name, const struct config_place *place,
                                 struct buf *out) {
  if (reader->config->base_dir.n == 0) return config_fail(reader->err, place, "variables cannot be named here");
  struct str terminated = arena_str(reader->arena, name);
  if (!terminated.p) return err_no_memory(reader->err);
  const char *value = name.n && !memchr(name.p, '=', name.n) ? getenv(terminated.p) : NULL;
  if (!value) {
    return config_fail(reader->err, place, "the environment variable %.*s is not set", STR_ARG(name));
  }
  if (!*value) return config_fail(reader->err, place, "the environment variable %.*s is empty", STR_ARG(name));
  if (!utf8_is_valid(str_of(value))) {
    return config_fail(reader->err, place, "the environment variable %.*s does not hold UTF-8", STR_ARG(name));
  }
  buf_append_c(out, value);
  return ERR_NONE;
}

static enum err_code resolve_file(const struct config_reader *reader, struct str name, const struct config_place *place,
                                  struct buf *out) {
  const char *path = NULL;
  enum err_code code = reference_path(reader, name, place, &path);
  if (code) return code;
  size_t start = out->n;
  struct err why = {0};
  code = config_read_file(path, REFERENCE_MAX, out, &why);
  if (code) {
    (void)err_set(reader->err, code, "the file \"%.*s\" %s", STR_ARG(name), why.text);
    return config_place_mark(reader->err, place, code);
  }
  if (out->n > start && out->p[out->n - 1] == '\n') out->n--;
  if (out->n > start && out->p[out->n - 1] == '\r') out->n--;
  struct str text = str_make(out->p ? out->p + start : "", out->n - start);
  if (text.n == 0) return config_fail(reader->err, place, "the file \"%.*s\" is empty", STR_ARG(name));
  if (!utf8_is_valid(text) || memchr(text.p, '\0', text.n)) {
    return config_fail(reader->err, place, "the file \"%.*s\" does not hold text (UTF-8)", STR_ARG(name));
  }
  return ERR_NONE;
}

enum err_code reference_resolve(const struct config_reader *reader, yyjson_val *value, const struct config_place *place,
                                struct buf *out) {
  yyjson_val *env = json_get(value, "env");
  if (env) return resolve_env(reader, json_str(env), place, out);
  return resolve_file(reader, json_get_str(value, "file"), place, out);
}

static enum err_code write_reference(const struct config_reader *reader, yyjson_val *value,
                                     const struct config_place *place, struct buf *out) {
  struct buf text;
  buf_init(&text, NULL, 2 * REFERENCE_MAX);
  /* All its room at once: growing would leave a copy behind that nobody wipes. */
  enum err_code code = buf_reserve(&text, 2 * REFERENCE_MAX) ? ERR_NONE : err_no_memory(reader->err);
  if (!code) code = reference_resolve(reader, value, place, &text);
  if (!code) json_write_str(out, buf_str(&text));
  if (text.p) secret_wipe(text.p, text.capacity);
  buf_release(&text);
  return code;
}

enum err_code reference_write_resolved(const struct config_reader *reader, yyjson_val *value,
                                       const struct config_place *place, struct buf *out) {
  if (reference_is_one(value)) return write_reference(reader, value, place, out);
  size_t i, n;
  enum err_code code = ERR_NONE;
  if (yyjson_is_obj(value)) {
    yyjson_val *key, *member;
    buf_append_byte(out, '{');
    yyjson_obj_foreach(value, i, n, key, member) {
      if (i) buf_append_byte(out, ',');
      json_write_str(out, json_str(key));
      buf_append_byte(out, ':');
      struct config_place at = PLACE_MEMBER(place, json_str(key));
      if ((code = reference_write_resolved(reader, member, &at, out))) return code;
    }
    buf_append_byte(out, '}');
  } else if (yyjson_is_arr(value)) {
    yyjson_val *item;
    buf_append_byte(out, '[');
    yyjson_arr_foreach(value, i, n, item) {
      if (i) buf_append_byte(out, ',');
      struct config_place at = PLACE_INDEX(place, i);
      if ((code = reference_write_resolved(reader, item, &at, out))) return code;
    }
    buf_append_byte(out, ']');
  } else {
    json_write_value(out, value);
  }
  return ERR_NONE;
}
