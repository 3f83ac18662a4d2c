/* A connection's settings and the members of its credential, checked when they are applied and when they are loaded. */
#include "codec/url.h"
#include "connector/definition.h"
#include "connector/http/http.h"
#include "connector/oauth.h"

enum { SETTING_MAX = 2048, BASE_MAX = 64 * 1024, CREDENTIAL_MAX = 8192, NAME_SHOWN = 48, BASE_PARTS = 9 };

/* A name as errors show it. */
struct shown {
  char text[NAME_SHOWN + 1];
};

static struct shown show(struct str name) {
  struct shown shown;
  snprintf(shown.text, sizeof(shown.text), "%.*s", (int)(name.n < NAME_SHOWN ? name.n : NAME_SHOWN), name.p);
  return shown;
}

static const struct http_setting *find_setting(const struct http_definition *http, struct str name) {
  for (size_t i = 0; i < http->n_settings; i++)
    if (str_eq(http->settings[i].name, name)) return &http->settings[i];
  return NULL;
}

/* ---- settings ---- */

static enum err_code check_setting(const struct http_definition *http, struct str name, yyjson_val *value,
                                   struct err *err) {
  struct shown shown = show(name);
  const struct http_setting *setting = find_setting(http, name);
  bool is_base = str_eq(name, STR("base"));
  if (!setting && http_oauth_gives(http, name)) {
    if (!yyjson_is_str(value) || yyjson_get_len(value) > SETTING_MAX)
      return definition_fail(err, "", shown.text, "must be a text of at most %d bytes", SETTING_MAX);
    return ERR_NONE;
  }
  if (!setting && is_base && !http->may_change_base)
    return definition_fail(err, "", "base", "the connector's base is fixed: its manifest has no \"may_change_base\"");
  if (!setting && !is_base)
    return definition_fail(err, "", shown.text, "the connector has no setting \"%s\"", shown.text);
  if (!yyjson_is_str(value) || yyjson_get_len(value) == 0 || yyjson_get_len(value) > SETTING_MAX)
    return definition_fail(err, "", shown.text, "must be a text, not empty, of at most %d bytes", SETTING_MAX);
  if (setting && setting->schema && schema_check(setting->schema, value, err) != ERR_NONE)
    return definition_fail(err, "", shown.text, "\"%s\" is not as the manifest's pattern wants it", shown.text);
  return ERR_NONE;
}

static enum err_code check_settings(const struct http_definition *http, yyjson_val *settings, struct err *err) {
  if (settings && !yyjson_is_obj(settings)) return definition_fail(err, "", "", "settings must be an object");
  size_t i, n;
  yyjson_val *key, *value;
  if (settings) yyjson_obj_foreach(settings, i, n, key, value) {
      enum err_code code = check_setting(http, json_str(key), value, err);
      if (code != ERR_NONE) return code;
    }
  for (size_t k = 0; k < http->n_settings; k++) {
    const struct http_setting *setting = &http->settings[k];
    struct shown shown = show(setting->name);
    if (setting->is_required && !setting->fallback && !yyjson_obj_get(settings, shown.text) &&
        !http_oauth_gives(http, setting->name))
      return definition_fail(err, "", shown.text, "the connector needs the setting \"%s\"", shown.text);
  }
  return ERR_NONE;
}

static bool misses_default(const struct http_definition *http, yyjson_val *settings) {
  for (size_t i = 0; i < http->n_settings; i++) {
    struct str name = http->settings[i].name;
    if (http->settings[i].fallback && !yyjson_obj_getn(settings, name.p, name.n)) return true;
  }
  return false;
}

/* The settings, and the manifest's defaults for those that are not there. NULL: no memory. */
static yyjson_val *with_defaults(struct arena *arena, const struct http_definition *http, yyjson_val *settings) {
  if (settings && !misses_default(http, settings)) return settings;
  yyjson_alc alc = json_alc(arena);
  yyjson_mut_doc *doc = yyjson_mut_doc_new(&alc);
  yyjson_mut_val *root = !doc ? NULL : settings ? yyjson_val_mut_copy(doc, settings) : yyjson_mut_obj(doc);
  if (!root) return NULL;
  yyjson_mut_doc_set_root(doc, root);
  for (size_t i = 0; i < http->n_settings; i++) {
    struct str name = http->settings[i].name;
    if (!http->settings[i].fallback || yyjson_obj_getn(settings, name.p, name.n)) continue;
    struct str text = json_str(http->settings[i].fallback);
    yyjson_mut_val *key = yyjson_mut_strncpy(doc, name.p, name.n), *value = yyjson_mut_strncpy(doc, text.p, text.n);
    if (!key || !value || !yyjson_mut_obj_add(root, key, value)) return NULL;
  }
  yyjson_doc *copy = yyjson_mut_doc_imut_copy(doc, &alc);
  return copy ? yyjson_doc_get_root(copy) : NULL;
}

/* ---- the base ---- */

/* A part of a host's name or of a path: it must not be able to name another host. */
static bool is_plain(struct str value) {
  for (size_t i = 0; i < value.n; i++) {
    char c = value.p[i];
    bool is_alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!is_alphanumeric && c != '-' && c != '_' && c != '.') return false;
  }
  return true;
}

/* One text; where the key goes, a part ends. */
struct base_text {
  struct buf text;
  size_t ends[BASE_PARTS];
  size_t n;
};

static enum err_code write_base(struct base_text *out, const struct template *base, yyjson_val *settings,
                                struct err *err) {
  for (size_t i = 0; i < base->n_pieces; i++) {
    const struct template_piece *piece = &base->pieces[i];
    if (piece->source == TEMPLATE_LITERAL) {
      buf_append_str(&out->text, piece->text);
      continue;
    }
    if (piece->source == TEMPLATE_CREDENTIAL) {
      if (out->n + 1 == BASE_PARTS) return err_set(err, ERR_INVALID, "base has too many {key}");
      out->ends[out->n++] = out->text.n;
      continue;
    }
    struct shown name = show(piece->text);
    yyjson_val *value = yyjson_obj_getn(settings, piece->text.p, piece->text.n);
    struct str text = value ? json_str(value) : piece->fallback;
    if (!value && !piece->has_default)
      return definition_fail(err, "", name.text, "the connector needs the setting \"%s\"", name.text);
    bool is_whole = i == 0 && str_eq(piece->text, STR("base")); /* {conn.base}/v1, or a URL that the service gave */
    is_whole = is_whole || base->n_pieces == 1 || (i == 0 && memmem(text.p, text.n, "://", 3));
    if (!is_whole && !is_plain(text))
      return definition_fail(err, "", name.text, "only letters, digits, \"-\", \"_\" and \".\"");
    while (is_whole && str_ends(text, STR("/")))
      text.n--;
    buf_append_str(&out->text, text);
  }
  return ERR_NONE;
}

static enum err_code check_base(struct arena *arena, struct str text, struct err *err) {
  struct url url;
  enum err_code code = url_parse(arena, text, &url, err);
  if (code == ERR_NONE && memchr(text.p, '?', text.n)) code = err_set(err, ERR_INVALID, "base has no query");
  if (code == ERR_NONE && http_path_has_dot_segment(url.path))
    code = err_set(err, ERR_INVALID, "base has no \".\" or \"..\" in its path");
  if (code != ERR_NONE) err_place(err, "/base");
  return code;
}

/* The text as slices between the keys. */
static enum err_code cut_base(struct arena *arena, const struct base_text *base, struct http_connection *connection,
                              struct err *err) {
  struct str *parts = arena_new_n(arena, struct str, base->n + 1);
  if (!parts) return err_no_memory(err);
  size_t from = 0;
  for (size_t i = 0; i <= base->n; i++) {
    size_t to = i < base->n ? base->ends[i] : base->text.n;
    parts[i] = str_make(base->text.p + from, to - from);
    from = to;
  }
  struct str *last = &parts[base->n];
  while (str_ends(*last, STR("/")))
    last->n--;
  connection->base = parts[0];
  connection->base_parts = parts;
  connection->n_base = base->n + 1;
  return ERR_NONE;
}

/* A setting that connecting is still to give. */
static struct str missing_setting(const struct http_definition *http, yyjson_val *settings) {
  for (size_t i = 0; i < http->n_settings; i++) {
    struct str name = http->settings[i].name;
    if (http->settings[i].is_required && !yyjson_obj_getn(settings, name.p, name.n)) return name;
  }
  for (size_t i = 0; i < http->base.n_pieces; i++) {
    const struct template_piece *piece = &http->base.pieces[i];
    bool is_wanted = piece->source == TEMPLATE_SETTING && !piece->has_default &&
                     !yyjson_obj_getn(settings, piece->text.p, piece->text.n);
    if (is_wanted && http_oauth_gives(http, piece->text)) return piece->text;
  }
  return STR_NONE;
}

const struct connector_oauth *http_oauth(const void *state) {
  return ((const struct http_connection *)state)->oauth;
}

enum err_code http_connect(struct arena *arena, const struct connector *connector, yyjson_val *settings,
                           const void **ret_state, struct err *err) {
  const struct http_definition *http = connector->state;
  enum err_code code = check_settings(http, settings, err);
  if (code != ERR_NONE) return code;
  struct http_connection *connection = arena_new(arena, struct http_connection);
  if (!connection) return err_no_memory(err);
  connection->settings = with_defaults(arena, http, settings);
  if (!connection->settings) return err_no_memory(err);
  connection->missing = missing_setting(http, connection->settings);
  code = http_oauth_read(arena, http, connection->settings, &connection->oauth, err);
  if (code != ERR_NONE) return code;
  if (connection->missing.n > 0) {
    *ret_state = connection;
    return ERR_NONE;
  }
  struct base_text base = {.n = 0};
  buf_init(&base.text, arena, BASE_MAX);
  yyjson_val *own = json_get(connection->settings, "base");
  if (own && http->may_change_base && !template_uses(&http->base, TEMPLATE_SETTING)) {
    buf_append_str(&base.text, json_str(own));
  } else if (http->has_base) {
    code = write_base(&base, &http->base, connection->settings, err);
  } else {
    code = definition_fail(err, "", "base", "the connector needs the setting \"base\": the URL of the service");
  }
  if (code != ERR_NONE) return code;
  if (buf_failed(&base.text)) return err_no_memory(err);
  code = check_base(arena, buf_str(&base.text), err);
  if (code == ERR_NONE) code = cut_base(arena, &base, connection, err);
  if (code == ERR_NONE) *ret_state = connection;
  return code;
}

/* Scheme, host and port. */
static void write_origin(struct buf *out, struct str url) {
  const char *at = url.n > 0 ? memmem(url.p, url.n, "://", 3) : NULL;
  size_t n = at ? (size_t)(at - url.p) + 3 : 0;
  while (n < url.n && url.p[n] != '/' && url.p[n] != '?')
    n++;
  buf_append(out, url.p ? url.p : "", n);
  buf_append_byte(out, ' ');
}

void http_destination(const struct connector *connector, const void *state, struct buf *out) {
  const struct http_connection *connection = state;
  const struct connector_oauth *oauth = connection->oauth;
  write_origin(out, connection->base);
  if (!oauth) return;
  write_origin(out, oauth->token);
  write_origin(out, oauth->revoke);
  write_origin(out, oauth->discover.url);
}

/* ---- the credential ---- */

/* A key that signs is never sent, and is a file of lines (RFC 7468). */
static bool is_good(struct str text, bool may_have_lines) {
  for (size_t i = 0; i < text.n; i++) {
    unsigned char c = (unsigned char)text.p[i];
    if (may_have_lines && (c == '\n' || c == '\r')) continue;
    if (c < 0x20 || c == 0x7F) return false;
  }
  return text.n > 0 && text.n <= CREDENTIAL_MAX;
}

static bool is_used(const struct template *template, struct str name) {
  for (size_t i = 0; i < template->n_pieces; i++)
    if (template->pieces[i].source == TEMPLATE_CREDENTIAL && str_eq(template->pieces[i].text, name)) return true;
  return false;
}

static bool takes(const struct http_auth *auth, struct str name) {
  if (auth->type == HTTP_AUTH_OAUTH2)
    return str_eq(name, STR("access_token")) || str_eq(name, STR("client_id")) || str_eq(name, STR("client_secret"));
  if (auth->type == HTTP_AUTH_JWT)
    return str_eq(name, STR("access_token")) || str_eq(name, STR("private_key")) || http_jwt_uses(auth, name);
  if (auth->type == HTTP_AUTH_OAUTH1) return http_oauth1_takes(name);
  if (auth->type != HTTP_AUTH_BASIC) return str_eq(name, STR("key"));
  return is_used(&auth->user, name) || is_used(&auth->password, name);
}

static bool any_takes(const struct http_definition *http, struct str name) {
  for (size_t i = 0; i < http->n_auths; i++)
    if (takes(&http->auths[i], name)) return true;
  return false;
}

static enum err_code check_member(const struct http_definition *http, struct str name, yyjson_val *value,
                                  struct err *err) {
  struct shown shown = show(name);
  if (!any_takes(http, name)) return definition_fail(err, "", shown.text, "there is no member \"%s\" here", shown.text);
  if (!yyjson_is_str(value) || !is_good(json_str(value), str_eq(name, STR("private_key"))))
    return definition_fail(err, "", shown.text, "%s must be a text without line ends, not empty, at most %d bytes",
                           shown.text, CREDENTIAL_MAX);
  return ERR_NONE;
}

/* What the first way would need. */
static enum err_code refuse(const struct http_definition *http, yyjson_val *credential, struct err *err) {
  for (size_t i = 0; i < http->n_auths; i++) {
    const struct http_auth *auth = &http->auths[i];
    if (auth->type == HTTP_AUTH_OAUTH1)
      return definition_fail(err, "", "token",
                             "the credential needs the members \"consumer_key\", \"consumer_secret\", \"token\" and "
                             "\"token_secret\"");
    if (auth->type == HTTP_AUTH_OAUTH2)
      return definition_fail(err, "", "client_id", "the credential needs the member \"client_id\" or \"access_token\"");
    if (auth->type == HTTP_AUTH_JWT)
      return definition_fail(err, "", "private_key", "the credential needs the member \"private_key\"");
    if (auth->type != HTTP_AUTH_BASIC)
      return definition_fail(err, "", "key", "the credential needs the member \"key\"");
    const struct template *parts[] = {&auth->user, &auth->password};
    for (size_t k = 0; k < 2; k++)
      for (size_t p = 0; p < parts[k]->n_pieces; p++) {
        const struct template_piece *piece = &parts[k]->pieces[p];
        if (piece->source != TEMPLATE_CREDENTIAL || yyjson_obj_getn(credential, piece->text.p, piece->text.n)) continue;
        struct shown shown = show(piece->text);
        return definition_fail(err, "", shown.text, "the credential needs the member \"%s\"", shown.text);
      }
  }
  return definition_fail(err, "", "", "a member of the credential is missing");
}

enum err_code http_check_credential(const struct connector *connector, yyjson_val *credential, struct err *err) {
  const struct http_definition *http = connector->state;
  if (http->n_auths == 0)
    return definition_fail(err, "", "", "the connector takes no credential: its manifest has no auth");
  if (!yyjson_is_obj(credential)) return definition_fail(err, "", "", "a credential must be an object");
  size_t i, n;
  yyjson_val *key, *value;
  yyjson_obj_foreach(credential, i, n, key, value) {
    enum err_code code = check_member(http, json_str(key), value, err);
    if (code != ERR_NONE) return code;
  }
  bool is_enough = http_auth_find(http, credential) || http_auth_gets_token(http, credential);
  return is_enough ? ERR_NONE : refuse(http, credential, err);
}
