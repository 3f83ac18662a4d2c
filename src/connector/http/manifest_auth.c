/* The ways to authenticate, compiled: key and basic. oauth2, jwt and oauth1 are checked here and read by oauth.c for
 * each connection. */
#include "connector/http/manifest.h"

#include "base/clock.h"
#include "codec/url.h"

enum { AUTHS_MAX = 8, SCOPES_MAX = 200, REALM_MAX = 200 };

bool manifest_auth_writes(const struct manifest *manifest, enum http_auth_type type, struct str name) {
  const struct http_definition *http = manifest->http;
  for (size_t i = 0; i < http->n_auths; i++) {
    const struct http_auth *auth = &http->auths[i];
    if (auth->type != type) continue;
    if (type == HTTP_AUTH_KEY_PATH) return true;
    if (type == HTTP_AUTH_KEY_HEADER ? str_eq_fold(auth->name, name) : str_eq(auth->name, name)) return true;
  }
  return false;
}

/* ---- key ---- */

static bool is_plain(struct str text) {
  for (size_t i = 0; i < text.n; i++)
    if (text.p[i] < 0x20 || text.p[i] > 0x7E || text.p[i] == '{' || text.p[i] == '}') return false;
  return text.n > 0 && text.n <= MANIFEST_FIELD_MAX;
}

/* "value": "Bearer {key}" says the same as "prefix": "Bearer ". */
static void read_prefix(struct manifest *manifest, yyjson_val *value, const struct definition_place *place,
                        struct http_auth *auth) {
  yyjson_val *prefix = json_get(value, "prefix"), *whole = json_get(value, "value");
  struct str text = json_str(prefix ? prefix : whole);
  const struct definition_place *at = DEFINITION_MEMBER(place, prefix ? STR("prefix") : STR("value"));
  if (!prefix && !whole) return;
  if (prefix && whole) {
    definition_wrong(manifest->findings, DEFINITION_MEMBER(place, STR("value")), "say prefix or value, not both");
    return;
  }
  if (whole && !str_ends(text, STR("{key}"))) {
    definition_wrong(manifest->findings, at, "value must end in {key}");
    return;
  }
  if (whole) text.n -= 5;
  if (text.n > 0 || prefix) {
    if (!is_plain(text)) definition_wrong(manifest->findings, at, "must be a short, plain text");
  }
  auth->prefix = text;
}

static void read_key(struct manifest *manifest, yyjson_val *value, const struct definition_place *place,
                     struct http_auth *auth) {
  static const char *const names[] = {"type", "in", "name", "prefix", "value", "description"};
  definition_known(manifest->findings, place, value, names, COUNT(names));
  struct str in = json_get_str(value, "in");
  const struct definition_place *at = DEFINITION_MEMBER(place, STR("name"));
  auth->name = json_get_str(value, "name");
  read_prefix(manifest, value, place, auth);
  if (str_eq(in, STR("header"))) {
    auth->type = HTTP_AUTH_KEY_HEADER;
    (void)manifest_field_name(manifest, at, auth->name);
  } else if (str_eq(in, STR("query"))) {
    auth->type = HTTP_AUTH_KEY_QUERY;
    if (auth->name.n == 0) definition_wrong(manifest->findings, at, "name must be a text, not empty");
  } else if (str_eq(in, STR("path"))) {
    auth->type = HTTP_AUTH_KEY_PATH;
    if (json_get(value, "name")) definition_wrong(manifest->findings, at, "in a path there is {key}, no name");
    if (auth->prefix.n > 0)
      definition_wrong(manifest->findings, place, "in a path the prefix stands before {key}, in base or call");
  } else {
    definition_wrong(manifest->findings, DEFINITION_MEMBER(place, STR("in")),
                     "in must be \"header\", \"query\" or \"path\"");
  }
}

/* ---- basic ---- */

static void read_part(struct manifest *manifest, yyjson_val *value, const struct definition_place *place,
                      const char *name, struct str fallback, struct template *ret_template) {
  yyjson_val *member = json_get(value, name);
  const struct definition_place *at = DEFINITION_MEMBER(place, str_of(name));
  struct err err = {0};
  if (member && !yyjson_is_str(member)) {
    definition_wrong(manifest->findings, at, "%s is a template: \"{credential.%s}\"", name, name);
    return;
  }
  enum err_code code =
      template_compile(manifest->arena, member ? json_str(member) : fallback, TEMPLATE_IN_HEADER, ret_template, &err);
  if (code != ERR_NONE) {
    definition_found(manifest->findings, at, &err);
    return;
  }
  for (size_t i = 0; i < ret_template->n_pieces; i++) {
    enum template_source source = ret_template->pieces[i].source;
    if (source != TEMPLATE_LITERAL && source != TEMPLATE_CREDENTIAL)
      definition_wrong(manifest->findings, at, "only {credential.NAME} can stand here");
  }
}

static void read_basic(struct manifest *manifest, yyjson_val *value, const struct definition_place *place,
                       struct http_auth *auth) {
  static const char *const names[] = {"type", "user", "password", "description"};
  definition_known(manifest->findings, place, value, names, COUNT(names));
  auth->type = HTTP_AUTH_BASIC;
  read_part(manifest, value, place, "user", STR("{credential.user}"), &auth->user);
  read_part(manifest, value, place, "password", STR("{credential.password}"), &auth->password);
  if (!template_uses(&auth->user, TEMPLATE_CREDENTIAL) && !template_uses(&auth->password, TEMPLATE_CREDENTIAL))
    definition_wrong(manifest->findings, place, "neither user nor password has a {credential.NAME}");
}

/* ---- what is checked alone ---- */

/* A URL, which may have {conn.NAME} in it. */
static void check_url(struct manifest *manifest, yyjson_val *object, const struct definition_place *place,
                      const char *name, bool is_required) {
  yyjson_val *value = json_get(object, name);
  const struct definition_place *at = DEFINITION_MEMBER(place, str_of(name));
  if (!value) {
    if (is_required) definition_wrong(manifest->findings, place, "\"%s\" is missing: a URL", name);
    return;
  }
  struct template template;
  struct err err = {0};
  if (!yyjson_is_str(value)) {
    definition_wrong(manifest->findings, at, "%s must be a URL", name);
    return;
  }
  if (!manifest_template(manifest, NULL, at, json_str(value), TEMPLATE_IN_PATH, &template)) return;
  struct buf sample;
  buf_init(&sample, manifest->arena, MANIFEST_TEXT_MAX);
  for (size_t i = 0; i < template.n_pieces; i++)
    buf_append_str(&sample, template.pieces[i].source == TEMPLATE_LITERAL ? template.pieces[i].text : STR("x"));
  struct url url;
  if (template.n_pieces > 0 && template.pieces[0].source != TEMPLATE_LITERAL) return; /* {conn.base}/oauth/token */
  if (buf_failed(&sample) || url_parse(manifest->arena, buf_str(&sample), &url, &err) != ERR_NONE)
    definition_wrong(manifest->findings, at, "%s must be a URL: %s", name, err.text);
}

static void check_texts(struct manifest *manifest, yyjson_val *list, const struct definition_place *place) {
  size_t i, n;
  yyjson_val *value;
  if (!yyjson_is_arr(list) || yyjson_arr_size(list) > SCOPES_MAX) {
    definition_wrong(manifest->findings, place, "must be a list of texts, at most %d", SCOPES_MAX);
    return;
  }
  yyjson_arr_foreach(list, i, n, value) {
    if (!yyjson_is_str(value) || yyjson_get_len(value) == 0)
      definition_wrong(manifest->findings, DEFINITION_INDEX(place, i), "must be a text, not empty");
  }
}

static void check_scopes(struct manifest *manifest, yyjson_val *object, const struct definition_place *parent) {
  static const char *const names[] = {"always", "read", "write", "destroy"};
  yyjson_val *scopes = json_get(object, "scopes");
  const struct definition_place *place = DEFINITION_MEMBER(parent, STR("scopes"));
  if (!scopes) return;
  if (!yyjson_is_obj(scopes)) {
    check_texts(manifest, scopes, place);
    return;
  }
  definition_known(manifest->findings, place, scopes, names, COUNT(names));
  size_t i, n;
  yyjson_val *key, *value;
  yyjson_obj_foreach(scopes, i, n, key, value) {
    check_texts(manifest, value, DEFINITION_MEMBER(place, json_str(key)));
  }
}

static void check_word(struct manifest *manifest, yyjson_val *object, const struct definition_place *place,
                       const char *name, const char *const *words, size_t n_words, const char *all) {
  yyjson_val *value = json_get(object, name);
  if (!value) return;
  for (size_t i = 0; i < n_words; i++)
    if (str_eq_c(json_str(value), words[i])) return;
  definition_wrong(manifest->findings, DEFINITION_MEMBER(place, str_of(name)), "%s must be %s", name, all);
}

/* An object of names to texts, or to paths. */
static void check_map(struct manifest *manifest, yyjson_val *object, const struct definition_place *parent,
                      const char *name, bool are_paths) {
  yyjson_val *map = json_get(object, name);
  const struct definition_place *place = DEFINITION_MEMBER(parent, str_of(name));
  if (!map) return;
  if (!yyjson_is_obj(map)) {
    definition_wrong(manifest->findings, place, "%s must be an object", name);
    return;
  }
  size_t i, n;
  yyjson_val *key, *value;
  yyjson_obj_foreach(map, i, n, key, value) {
    const struct definition_place *at = DEFINITION_MEMBER(place, json_str(key));
    if (are_paths) {
      (void)manifest_path(manifest, value, at);
    } else if (!yyjson_is_str(value)) {
      definition_wrong(manifest->findings, at, "must be a text");
    }
  }
}

static void check_duration(struct manifest *manifest, yyjson_val *object, const struct definition_place *place,
                           const char *name) {
  yyjson_val *value = json_get(object, name);
  int64_t us;
  if (value && !clock_parse_duration(json_str(value), &us))
    definition_wrong(manifest->findings, DEFINITION_MEMBER(place, str_of(name)),
                     "%s must be a duration: \"90s\", \"30m\", \"12h\", \"60d\"", name);
}

static void check_refresh(struct manifest *manifest, yyjson_val *object, const struct definition_place *parent) {
  static const char *const names[] = {"rotates", "idle", "grace", "lifetime", "before"};
  yyjson_val *refresh = json_get(object, "refresh");
  const struct definition_place *place = DEFINITION_MEMBER(parent, STR("refresh"));
  if (!refresh || yyjson_is_false(refresh)) return; /* false: the service has none */
  if (!yyjson_is_obj(refresh)) {
    definition_wrong(manifest->findings, place, "refresh is an object, or false where the service has none");
    return;
  }
  definition_known(manifest->findings, place, refresh, names, COUNT(names));
  (void)manifest_bool(manifest, refresh, place, "rotates");
  check_duration(manifest, refresh, place, "idle");
  check_duration(manifest, refresh, place, "grace");
  check_duration(manifest, refresh, place, "lifetime");
  check_duration(manifest, refresh, place, "before");
}

static void check_discover(struct manifest *manifest, yyjson_val *object, const struct definition_place *parent) {
  static const char *const names[] = {"call", "items", "label", "set", "headers", "query"};
  yyjson_val *discover = json_get(object, "discover");
  const struct definition_place *place = DEFINITION_MEMBER(parent, STR("discover"));
  if (!discover) return;
  if (!yyjson_is_obj(discover)) {
    definition_wrong(manifest->findings, place, "discover is {\"call\", \"items\", \"label\", \"set\"}");
    return;
  }
  definition_known(manifest->findings, place, discover, names, COUNT(names));
  if (!str_starts(json_get_str(discover, "call"), STR("GET ")))
    definition_wrong(manifest->findings, DEFINITION_MEMBER(place, STR("call")), "call must be GET and a path or a URL");
  (void)manifest_path(manifest, json_get(discover, "items"), DEFINITION_MEMBER(place, STR("items")));
  (void)manifest_path(manifest, json_get(discover, "label"), DEFINITION_MEMBER(place, STR("label")));
  if (!json_get(discover, "set"))
    definition_wrong(manifest->findings, place, "\"set\" is missing: which settings it fills, {\"tenant_id\": \"id\"}");
  check_map(manifest, discover, place, "set", true);
  check_map(manifest, discover, place, "headers", false);
  check_map(manifest, discover, place, "query", false);
}

static void check_oauth2(struct manifest *manifest, yyjson_val *value, const struct definition_place *place) {
  static const char *const names[] = {
      "type",         "authorize",   "token",  "scopes", "pkce",       "client",          "refresh",
      "capture",      "discover",    "extra",  "revoke", "token_path", "scope_separator", "scope_parameter",
      "token_format", "description", "issuer", "grant"};
  static const char *const grants[] = {"authorization_code", "client_credentials"};
  static const char *const clients[] = {"basic", "body", "none"};
  static const char *const formats[] = {"form", "json"};
  struct str unused;
  definition_known(manifest->findings, place, value, names, COUNT(names));
  bool has_consent = !str_eq(json_get_str(value, "grant"), STR("client_credentials"));
  check_word(manifest, value, place, "grant", grants, COUNT(grants),
             "\"authorization_code\" or \"client_credentials\"");
  check_url(manifest, value, place, "authorize", has_consent);
  check_url(manifest, value, place, "token", true);
  check_url(manifest, value, place, "revoke", false);
  check_url(manifest, value, place, "issuer", false);
  check_scopes(manifest, value, place);
  (void)manifest_bool(manifest, value, place, "pkce");
  check_word(manifest, value, place, "client", clients, COUNT(clients), "\"basic\", \"body\" or \"none\"");
  check_word(manifest, value, place, "token_format", formats, COUNT(formats), "\"form\" or \"json\"");
  check_refresh(manifest, value, place);
  check_map(manifest, value, place, "capture", true);
  check_map(manifest, value, place, "extra", false);
  check_discover(manifest, value, place);
  (void)manifest_text(manifest, value, place, "scope_parameter", 64, &unused);
  (void)manifest_path(manifest, json_get(value, "token_path"), DEFINITION_MEMBER(place, STR("token_path")));
  yyjson_val *separator = json_get(value, "scope_separator");
  if (separator && (!yyjson_is_str(separator) || yyjson_get_len(separator) != 1))
    definition_wrong(manifest->findings, DEFINITION_MEMBER(place, STR("scope_separator")),
                     "scope_separator is one character: \" \" or \",\"");
}

static void check_oauth1(struct manifest *manifest, yyjson_val *value, const struct definition_place *place,
                         struct http_auth *auth) {
  static const char *const names[] = {"type",      "request", "authorize", "token",
                                      "signature", "realm",   "extra",     "description"};
  static const char *const signatures[] = {"HMAC-SHA1", "HMAC-SHA256", "PLAINTEXT"};
  definition_known(manifest->findings, place, value, names, COUNT(names));
  check_url(manifest, value, place, "request", false); /* absent: tokens are made by hand */
  check_url(manifest, value, place, "authorize", false);
  check_url(manifest, value, place, "token", false);
  check_word(manifest, value, place, "signature", signatures, COUNT(signatures),
             "\"HMAC-SHA1\", \"HMAC-SHA256\" or \"PLAINTEXT\"");
  if (!oauth1_signature_read(json_get_str(value, "signature"), &auth->signature)) auth->signature = OAUTH1_HMAC_SHA1;
  yyjson_val *realm = json_get(value, "realm");
  auth->realm = json_str(realm);
  if (realm && (!is_plain(auth->realm) || memchr(auth->realm.p, '"', auth->realm.n) || auth->realm.n > REALM_MAX))
    definition_wrong(manifest->findings, DEFINITION_MEMBER(place, STR("realm")),
                     "realm must be a short, plain text without quotes");
  bool has_way = json_get(value, "request") || json_get(value, "authorize") || json_get(value, "token");
  bool has_all = json_get(value, "request") && json_get(value, "authorize") && json_get(value, "token");
  if (has_way && !has_all)
    definition_wrong(manifest->findings, place, "request, authorize and token are said together, or none of them");
  check_map(manifest, value, place, "extra", false);
}

static void check_jwt(struct manifest *manifest, yyjson_val *value, const struct definition_place *place) {
  static const char *const names[] = {"type",     "token",  "algorithm", "issuer", "subject", "audience",   "scopes",
                                      "lifetime", "claims", "grant",     "key_id", "capture", "description"};
  static const char *const algorithms[] = {"RS256", "PS256", "ES256", "EdDSA", "HS256"};
  definition_known(manifest->findings, place, value, names, COUNT(names));
  check_url(manifest, value, place, "token", false); /* absent: the JWT itself is what is sent */
  check_word(manifest, value, place, "algorithm", algorithms, COUNT(algorithms),
             "\"RS256\", \"PS256\", \"ES256\", \"EdDSA\" or \"HS256\"");
  check_scopes(manifest, value, place);
  check_duration(manifest, value, place, "lifetime");
  check_map(manifest, value, place, "claims", false);
  check_map(manifest, value, place, "capture", true);
}

/* ---- the list ---- */

static void read_way(struct manifest *manifest, yyjson_val *value, const struct definition_place *place,
                     struct http_auth *auth) {
  struct str type = json_get_str(value, "type"), unused;
  if (!yyjson_is_obj(value)) {
    definition_wrong(manifest->findings, place, "must be an object");
    return;
  }
  (void)manifest_text(manifest, value, place, "description", MANIFEST_TEXT_MAX, &unused);
  if (str_eq(type, STR("key"))) {
    read_key(manifest, value, place, auth);
  } else if (str_eq(type, STR("basic"))) {
    read_basic(manifest, value, place, auth);
  } else if (str_eq(type, STR("oauth2"))) {
    auth->type = HTTP_AUTH_OAUTH2;
    auth->definition = value;
    check_oauth2(manifest, value, place);
  } else if (str_eq(type, STR("oauth1"))) {
    auth->type = HTTP_AUTH_OAUTH1;
    auth->definition = value;
    check_oauth1(manifest, value, place, auth);
  } else if (str_eq(type, STR("jwt"))) {
    auth->type = HTTP_AUTH_JWT;
    auth->definition = value;
    check_jwt(manifest, value, place);
  } else {
    definition_wrong(manifest->findings, DEFINITION_MEMBER(place, STR("type")),
                     "type must be \"key\", \"basic\", \"oauth2\", \"oauth1\" or \"jwt\"");
  }
}

void manifest_read_auth(struct manifest *manifest) {
  const struct definition_place *place = DEFINITION_MEMBER(NULL, STR("auth"));
  yyjson_val *list = json_get(manifest->root, "auth");
  if (!list) return;
  if (!yyjson_is_arr(list) || yyjson_arr_size(list) > AUTHS_MAX) {
    definition_wrong(manifest->findings, place, "auth must be a list of at most %d ways", AUTHS_MAX);
    return;
  }
  struct http_auth *auths = manifest_alloc(manifest, yyjson_arr_size(list), sizeof(*auths));
  if (!auths) return;
  manifest->http->auths = auths;
  manifest->http->n_auths = yyjson_arr_size(list);
  size_t i, n;
  yyjson_val *value;
  yyjson_arr_foreach(list, i, n, value) {
    read_way(manifest, value, DEFINITION_INDEX(place, i), &auths[i]);
  }
}
