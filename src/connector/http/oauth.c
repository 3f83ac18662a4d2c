/* A manifest's oauth2 or jwt way, for one connection: its settings stand in the URLs. What is wrong with a manifest was
 * found when it was compiled (manifest_auth.c); here only settings can be. */
#include "connector/oauth.h"
#include "base/clock.h"
#include "codec/url.h"
#include "connector/definition.h"
#include "connector/http/http.h"

enum { OAUTH_TEXT_MAX = 16 * 1024, JWT_LIFETIME_S = 300 };

struct reading {
  struct arena *arena;
  yyjson_val *way, *settings;
  struct connector_oauth *oauth;
  struct err *err;
};

const struct http_auth *http_oauth_find(const struct http_definition *http) {
  for (size_t i = 0; i < http->n_auths; i++)
    if (http->auths[i].type == HTTP_AUTH_OAUTH2 || http->auths[i].type == HTTP_AUTH_JWT ||
        (http->auths[i].type == HTTP_AUTH_OAUTH1 && json_get(http->auths[i].definition, "request")))
      return &http->auths[i];
  return NULL;
}

bool http_oauth_gives(const struct http_definition *http, struct str name) {
  for (size_t i = 0; i < http->n_auths; i++) {
    yyjson_val *way = http->auths[i].definition;
    yyjson_val *maps[] = {json_get(way, "capture"), json_get(json_get(way, "discover"), "set")};
    for (size_t k = 0; k < 2; k++)
      if (maps[k] && yyjson_obj_getn(maps[k], name.p, name.n)) return true;
  }
  return false;
}

static bool names_credential(struct str text, struct str name) {
  static const struct str mark = STR("{credential.");
  const char *at = text.n > 0 ? memmem(text.p, text.n, mark.p, mark.n) : NULL;
  while (at) {
    struct str rest = str_make(at + mark.n, (size_t)(text.p + text.n - at) - mark.n);
    if (str_eq(str_cut(&rest, '}'), name)) return true;
    at = rest.n > 0 ? memmem(rest.p, rest.n, mark.p, mark.n) : NULL;
  }
  return false;
}

bool http_jwt_uses(const struct http_auth *auth, struct str name) {
  static const char *const members[] = {"issuer", "subject", "audience", "key_id"};
  for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
    if (names_credential(json_get_str(auth->definition, members[i]), name)) return true;
  size_t i, n;
  yyjson_val *key, *value;
  yyjson_val *claims = json_get(auth->definition, "claims");
  if (claims) yyjson_obj_foreach(claims, i, n, key, value) {
      if (names_credential(json_str(value), name)) return true;
    }
  return false;
}

/* ---- URLs ---- */

/* `is_first`: it may name scheme and host ("{conn.base}/oauth/token"). False: it could become another URL's part. */
static bool may_stand(struct str value, bool is_first) {
  for (size_t i = 0; i < value.n; i++) {
    char c = value.p[i];
    bool is_plain =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
    if (!is_plain && !(is_first && (c == ':' || c == '/' || c == '[' || c == ']'))) return false;
  }
  return value.n > 0;
}

static enum err_code write_template(const struct reading *reading, const struct template *template, struct buf *out,
                                    bool *ret_is_whole) {
  for (size_t i = 0; i < template->n_pieces; i++) {
    const struct template_piece *piece = &template->pieces[i];
    if (piece->source == TEMPLATE_LITERAL) {
      buf_append_str(out, piece->text);
      continue;
    }
    reading->oauth->is_fixed = false;
    yyjson_val *value = yyjson_obj_getn(reading->settings, piece->text.p, piece->text.n);
    struct str text = value ? json_str(value) : piece->fallback;
    if (!text.p) {
      *ret_is_whole = false; /* connecting is refused until it is set */
      return ERR_NONE;
    }
    while (i == 0 && str_ends(text, STR("/")))
      text.n--;
    if (!may_stand(text, i == 0))
      return err_set(reading->err, ERR_INVALID, "the setting %.*s cannot stand in a URL", STR_ARG(piece->text));
    buf_append_str(out, text);
  }
  return ERR_NONE;
}

static enum err_code read_url(const struct reading *reading, yyjson_val *value, struct str *ret_url) {
  struct template template;
  struct url url;
  struct buf out;
  bool is_whole = true;
  if (!yyjson_is_str(value)) return ERR_NONE;
  buf_init(&out, reading->arena, OAUTH_TEXT_MAX);
  enum err_code code = template_compile(reading->arena, json_str(value), TEMPLATE_IN_PATH, &template, reading->err);
  if (code == ERR_NONE) code = write_template(reading, &template, &out, &is_whole);
  if (code != ERR_NONE || !is_whole) return code;
  if (buf_failed(&out)) return err_no_memory(reading->err);
  code = url_parse(reading->arena, buf_str(&out), &url, reading->err);
  if (code == ERR_NONE) *ret_url = buf_str(&out);
  return code;
}

/* ---- lists and maps ---- */

static enum err_code read_parameters(const struct reading *reading, yyjson_val *map,
                                     const struct connector_parameter **ret_list, size_t *ret_n) {
  size_t i, n = yyjson_obj_size(map);
  struct connector_parameter *list = arena_new_n(reading->arena, struct connector_parameter, n + 1);
  if (!list) return err_no_memory(reading->err);
  yyjson_val *key, *value;
  if (map) yyjson_obj_foreach(map, i, n, key, value) {
      list[i] = (struct connector_parameter){json_str(key), json_str(value)};
    }
  *ret_list = list;
  *ret_n = n;
  return ERR_NONE;
}

static enum err_code read_captures(const struct reading *reading, yyjson_val *map,
                                   const struct connector_capture **ret_list, size_t *ret_n) {
  size_t i, n = yyjson_obj_size(map);
  struct connector_capture *list = arena_new_n(reading->arena, struct connector_capture, n + 1);
  if (!list) return err_no_memory(reading->err);
  yyjson_val *key, *value;
  enum err_code code = ERR_NONE;
  if (map) yyjson_obj_foreach(map, i, n, key, value) {
      list[i].name = json_str(key);
      list[i].text = json_str(value);
      if (code == ERR_NONE) code = json_path_compile(list[i].text, &list[i].path, reading->err);
    }
  *ret_list = list;
  *ret_n = n;
  return code;
}

static void add_scopes(struct buf *out, yyjson_val *list, char separator) {
  size_t i, n;
  yyjson_val *value;
  if (list) yyjson_arr_foreach(list, i, n, value) {
      struct str scope = json_str(value), rest = buf_str(out);
      bool is_known = false;
      while (rest.n > 0 && !is_known)
        is_known = str_eq(str_cut(&rest, separator), scope);
      if (is_known) continue;
      if (out->n > 0) buf_append_byte(out, separator);
      buf_append_str(out, scope);
    }
}

static enum err_code read_scopes(const struct reading *reading) {
  static const char *const parts[] = {"always", "read", "write", "destroy"};
  struct connector_oauth *oauth = reading->oauth;
  struct str separator = json_get_str(reading->way, "scope_separator");
  yyjson_val *scopes = json_get(reading->way, "scopes");
  struct buf out;
  oauth->scope_separator = separator.n == 1 ? separator.p[0] : ' ';
  oauth->scope_parameter = json_get_str(reading->way, "scope_parameter");
  if (!oauth->scope_parameter.n) oauth->scope_parameter = STR("scope");
  buf_init(&out, reading->arena, OAUTH_TEXT_MAX);
  if (yyjson_is_arr(scopes)) add_scopes(&out, scopes, oauth->scope_separator);
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
    add_scopes(&out, json_get(scopes, parts[i]), oauth->scope_separator);
  if (buf_failed(&out)) return err_no_memory(reading->err);
  oauth->scopes = out.n > 0 ? buf_str(&out) : STR("");
  return ERR_NONE;
}

static enum err_code read_discover(const struct reading *reading) {
  struct connector_discover *discover = &reading->oauth->discover;
  yyjson_val *value = json_get(reading->way, "discover");
  if (!value) return ERR_NONE;
  struct str call = json_get_str(value, "call");
  (void)str_cut(&call, ' '); /* "GET " */
  yyjson_alc alc = json_alc(reading->arena);
  yyjson_mut_doc *doc = yyjson_mut_doc_new(&alc);
  yyjson_mut_val *text = doc ? yyjson_mut_strn(doc, call.p, call.n) : NULL;
  yyjson_doc *copy = text ? yyjson_mut_val_imut_copy(text, &alc) : NULL;
  if (!copy) return err_no_memory(reading->err);
  enum err_code code = read_url(reading, yyjson_doc_get_root(copy), &discover->url);
  if (code == ERR_NONE)
    code = read_parameters(reading, json_get(value, "headers"), &discover->fields, &discover->n_fields);
  if (code == ERR_NONE) code = json_path_compile(json_get_str(value, "items"), &discover->items, reading->err);
  if (code == ERR_NONE) code = json_path_compile(json_get_str(value, "label"), &discover->label, reading->err);
  if (code == ERR_NONE) code = read_captures(reading, json_get(value, "set"), &discover->set, &discover->n_set);
  return code;
}

/* ---- the rest ---- */

static int64_t duration(yyjson_val *object, const char *name) {
  int64_t us = 0;
  return clock_parse_duration(json_get_str(object, name), &us) ? us : 0;
}

static void read_words(const struct reading *reading) {
  struct connector_oauth *oauth = reading->oauth;
  yyjson_val *way = reading->way, *refresh = json_get(way, "refresh"), *pkce = json_get(way, "pkce");
  struct str client = json_get_str(way, "client");
  oauth->has_pkce = !yyjson_is_false(pkce);
  oauth->is_json = str_eq(json_get_str(way, "token_format"), STR("json"));
  oauth->client = str_eq(client, STR("body"))   ? CONNECTOR_CLIENT_BODY
                  : str_eq(client, STR("none")) ? CONNECTOR_CLIENT_NONE
                                                : CONNECTOR_CLIENT_BASIC;
  oauth->may_refresh = !yyjson_is_false(refresh);
  oauth->before_us = duration(refresh, "before");
  oauth->idle_us = duration(refresh, "idle");
  oauth->lifetime_us = duration(refresh, "lifetime");
  oauth->issuer = json_get_str(way, "issuer");
  if (str_eq(json_get_str(way, "grant"), STR("client_credentials"))) oauth->grant = CONNECTOR_GRANT_CLIENT;
}

static enum err_code read_jwt(const struct reading *reading) {
  struct connector_oauth *oauth = reading->oauth;
  yyjson_val *way = reading->way, *claims = json_get(way, "claims"), *key, *value;
  oauth->grant = CONNECTOR_GRANT_JWT;
  oauth->issuer = STR_NONE;
  oauth->algorithm = json_get_str(way, "algorithm");
  if (!oauth->algorithm.n) oauth->algorithm = STR("RS256");
  oauth->issuer_claim = json_get_str(way, "issuer");
  oauth->subject_claim = json_get_str(way, "subject");
  oauth->audience = json_get_str(way, "audience");
  oauth->key_id = json_get_str(way, "key_id");
  oauth->grant_type = json_get_str(way, "grant");
  oauth->jwt_lifetime_us = duration(way, "lifetime");
  if (oauth->jwt_lifetime_us <= 0) oauth->jwt_lifetime_us = JWT_LIFETIME_S * INT64_C(1000000);
  size_t i, n = yyjson_obj_size(claims);
  struct connector_claim *list = arena_new_n(reading->arena, struct connector_claim, n + 1);
  if (!list) return err_no_memory(reading->err);
  if (claims) yyjson_obj_foreach(claims, i, n, key, value) {
      list[i] = (struct connector_claim){json_str(key), json_str(value)};
    }
  oauth->claims = list;
  oauth->n_claims = n;
  return ERR_NONE;
}

enum err_code http_oauth_read(struct arena *arena, const struct http_definition *http, yyjson_val *settings,
                              const struct connector_oauth **ret_oauth, struct err *err) {
  const struct http_auth *auth = http_oauth_find(http);
  if (!auth) return ERR_NONE;
  struct connector_oauth *oauth = arena_new(arena, struct connector_oauth);
  if (!oauth) return err_no_memory(err);
  const struct reading reading = {arena, auth->definition, settings, oauth, err};
  yyjson_val *way = auth->definition;
  oauth->is_fixed = true;
  read_words(&reading);
  enum err_code code = read_url(&reading, json_get(way, "authorize"), &oauth->authorize);
  if (code == ERR_NONE) code = read_url(&reading, json_get(way, "token"), &oauth->token);
  if (code == ERR_NONE) code = read_url(&reading, json_get(way, "revoke"), &oauth->revoke);
  if (code == ERR_NONE) code = read_scopes(&reading);
  if (code == ERR_NONE) code = read_parameters(&reading, json_get(way, "extra"), &oauth->extra, &oauth->n_extra);
  if (code == ERR_NONE) code = json_path_compile(json_get_str(way, "token_path"), &oauth->token_path, err);
  if (code == ERR_NONE) code = read_captures(&reading, json_get(way, "capture"), &oauth->captures, &oauth->n_captures);
  if (code == ERR_NONE) code = read_discover(&reading);
  if (code == ERR_NONE && auth->type == HTTP_AUTH_JWT) code = read_jwt(&reading);
  if (code == ERR_NONE && auth->type == HTTP_AUTH_OAUTH1) {
    oauth->grant = CONNECTOR_GRANT_OAUTH1;
    oauth->signature = auth->signature;
    oauth->realm = auth->realm;
    oauth->may_refresh = false;
    code = read_url(&reading, json_get(way, "request"), &oauth->request);
  }
  if (code == ERR_NONE) *ret_oauth = oauth;
  return code;
}
