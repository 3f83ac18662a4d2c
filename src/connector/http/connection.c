/* A connection's settings and the members of its credential, checked when they are applied and when they are loaded. */
#include "codec/url.h"
#include "connector/definition.h"
#include "connector/http/http.h"

enum { SETTING_MAX = 2048, BASE_MAX = 64 * 1024, CREDENTIAL_MAX = 8192 };

static bool is_used(const struct template *template, struct str name) {
  for (size_t i = 0; i < template->n_pieces; i++)
    if (template->pieces[i].source == TEMPLATE_SETTING && str_eq(template->pieces[i].text, name)) return true;
  return false;
}

static enum err_code check_settings(const struct http_definition *http, yyjson_val *settings, struct err *err) {
  if (!settings) return ERR_NONE;
  if (!yyjson_is_obj(settings)) return definition_fail(err, "", "", "settings must be an object");
  size_t i, n;
  yyjson_val *key, *value;
  yyjson_obj_foreach(settings, i, n, key, value) {
    struct str name = json_str(key);
    char member[64];
    snprintf(member, sizeof(member), "%.*s", (int)(name.n < 48 ? name.n : 48), name.p);
    if (!str_eq(name, STR("base")) && !is_used(&http->base, name))
      return definition_fail(err, "", member, "the connector has no setting \"%s\"", member);
    if (!yyjson_is_str(value) || yyjson_get_len(value) == 0 || yyjson_get_len(value) > SETTING_MAX)
      return definition_fail(err, "", member, "must be a text, not empty, of at most %d bytes", SETTING_MAX);
  }
  return ERR_NONE;
}

/* A part of a host's name or of a path: it must not be able to name another host. */
static bool is_plain(struct str value) {
  for (size_t i = 0; i < value.n; i++) {
    char c = value.p[i];
    bool is_alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!is_alphanumeric && c != '-' && c != '_' && c != '.') return false;
  }
  return true;
}

static enum err_code write_base(struct buf *out, const struct template *base, yyjson_val *settings, struct err *err) {
  for (size_t i = 0; i < base->n_pieces; i++) {
    const struct template_piece *piece = &base->pieces[i];
    if (piece->source == TEMPLATE_LITERAL) {
      buf_append_str(out, piece->text);
      continue;
    }
    char name[64];
    snprintf(name, sizeof(name), "%.*s", (int)(piece->text.n < 48 ? piece->text.n : 48), piece->text.p);
    yyjson_val *value = yyjson_obj_getn(settings, piece->text.p, piece->text.n);
    if (!value) return definition_fail(err, "", name, "the connector needs the setting \"%s\"", name);
    if (base->n_pieces > 1 && !is_plain(json_str(value)))
      return definition_fail(err, "", name, "only letters, digits, \"-\", \"_\" and \".\"");
    buf_append_str(out, json_str(value));
  }
  return ERR_NONE;
}

enum err_code http_connect(struct arena *arena, const struct connector *connector, yyjson_val *settings,
                           const void **ret_state, struct err *err) {
  const struct http_definition *http = connector->state;
  enum err_code code = check_settings(http, settings, err);
  if (code != ERR_NONE) return code;
  struct buf text;
  buf_init(&text, arena, BASE_MAX);
  yyjson_val *base = json_get(settings, "base");
  if (base) {
    buf_append_str(&text, json_str(base));
  } else if (http->has_base) {
    code = write_base(&text, &http->base, settings, err);
  } else {
    code = definition_fail(err, "", "base", "the connector needs the setting \"base\": the URL of the service");
  }
  if (code != ERR_NONE) return code;
  if (buf_failed(&text)) return err_no_memory(err);
  struct url url;
  code = url_parse(arena, buf_str(&text), &url, err);
  if (code == ERR_NONE && memchr(text.p, '?', text.n)) code = err_set(err, ERR_INVALID, "base has no query");
  if (code == ERR_NONE && http_path_has_dot_segment(url.path))
    code = err_set(err, ERR_INVALID, "base has no \".\" or \"..\" in its path");
  if (code != ERR_NONE) {
    err_place(err, "/base");
    return code;
  }
  struct http_connection *connection = arena_new(arena, struct http_connection);
  if (!connection) return err_no_memory(err);
  connection->base = buf_str(&text);
  while (str_ends(connection->base, STR("/")))
    connection->base.n--;
  *ret_state = connection;
  return ERR_NONE;
}

static bool is_sendable(struct str key) {
  for (size_t i = 0; i < key.n; i++) {
    unsigned char c = (unsigned char)key.p[i];
    if (c < 0x20 || c == 0x7F) return false;
  }
  return key.n > 0 && key.n <= CREDENTIAL_MAX;
}

enum err_code http_check_credential(const struct connector *connector, yyjson_val *credential, struct err *err) {
  static const char *const names[] = {"key"};
  static const struct definition_members known = {names, 1, NULL, 0};
  const struct http_definition *http = connector->state;
  if (http->auth.place == HTTP_AUTH_NONE)
    return definition_fail(err, "", "", "the connector takes no credential: its manifest has no auth");
  if (!yyjson_is_obj(credential)) return definition_fail(err, "", "", "a credential must be an object");
  enum err_code code = definition_check_members(credential, NULL, &known, "", err);
  if (code != ERR_NONE) return code;
  yyjson_val *key = json_get(credential, "key");
  if (!key) return definition_fail(err, "", "key", "the credential needs the member \"key\"");
  if (!yyjson_is_str(key) || !is_sendable(json_str(key)))
    return definition_fail(err, "", "key", "key must be a text without line ends, not empty, at most %d bytes",
                           CREDENTIAL_MAX);
  return ERR_NONE;
}
