/* Reads what servers publish about their authorization, and where that is. Whatever stands in such a document was
 * written by a stranger: addresses are judged before anything is sent there. Must not ask anybody. */
#include "base/limits.h"
#include "codec/json.h"
#include "codec/url.h"
#include "grant/discover.h"

enum { TEXT_MAX = 2048, SCOPES_MAX = 8 * KIB };

/* ---- addresses ---- */

enum err_code grant_check_endpoint(struct arena *arena, struct str url, const char *what, struct err *err) {
  struct url parsed;
  struct err why;
  if (url.n > TEXT_MAX || url_parse(arena, url, &parsed, &why) != ERR_NONE)
    return err_set(err, ERR_UPSTREAM, "its %s is no address that can be used", what);
  if (!str_eq(parsed.scheme, STR("https")) && !url_is_loopback(&parsed))
    return err_set(err, ERR_DENIED, "its %s is not https: what is sent there could be read on the way", what);
  return ERR_NONE;
}

/* `ret_path` without a '/' at its end; empty: none. */
static enum err_code cut(struct arena *arena, struct str url, struct str *ret_origin, struct str *ret_path,
                         struct err *err) {
  struct url parsed;
  enum err_code code = url_parse(arena, url, &parsed, err);
  if (code != ERR_NONE) return code;
  bool is_default = parsed.port == (str_eq(parsed.scheme, STR("https")) ? 443 : 80);
  const char *open = parsed.is_ipv6 ? "[" : "", *close = parsed.is_ipv6 ? "]" : "";
  *ret_origin = is_default
                    ? arena_printf(arena, "%.*s://%s%.*s%s", STR_ARG(parsed.scheme), open, STR_ARG(parsed.host), close)
                    : arena_printf(arena, "%.*s://%s%.*s%s:%u", STR_ARG(parsed.scheme), open, STR_ARG(parsed.host),
                                   close, (unsigned)parsed.port);
  *ret_path = parsed.path;
  while (ret_path->n > 0 && ret_path->p[ret_path->n - 1] == '/')
    ret_path->n--;
  return ret_origin->p ? ERR_NONE : err_no_memory(err);
}

enum err_code grant_origin(struct arena *arena, struct str url, struct str *ret_origin, struct err *err) {
  struct str path;
  return cut(arena, url, ret_origin, &path, err);
}

static enum err_code finish(struct str *urls, size_t n, size_t *ret_n, struct err *err) {
  for (size_t i = 0; i < n; i++)
    if (!urls[i].p) return err_no_memory(err);
  *ret_n = n;
  return ERR_NONE;
}

enum err_code grant_resource_places(struct arena *arena, struct str server, struct str ret_urls[GRANT_WELL_KNOWN_MAX],
                                    size_t *ret_n, struct err *err) {
  static const char *const known = "/.well-known/oauth-protected-resource";
  struct str origin, path;
  enum err_code code = cut(arena, server, &origin, &path, err);
  if (code != ERR_NONE) return code;
  size_t n = 0;
  if (path.n > 0) ret_urls[n++] = arena_printf(arena, "%.*s%s%.*s", STR_ARG(origin), known, STR_ARG(path));
  ret_urls[n++] = arena_printf(arena, "%.*s%s", STR_ARG(origin), known);
  return finish(ret_urls, n, ret_n, err);
}

enum err_code grant_server_places(struct arena *arena, struct str issuer, struct str ret_urls[GRANT_WELL_KNOWN_MAX],
                                  size_t *ret_n, struct err *err) {
  static const char *const oauth = "/.well-known/oauth-authorization-server", *const openid =
                                                                                  "/.well-known/openid-configuration";
  struct str origin, path;
  enum err_code code = cut(arena, issuer, &origin, &path, err);
  if (code != ERR_NONE) return code;
  size_t n = 0;
  ret_urls[n++] = arena_printf(arena, "%.*s%s%.*s", STR_ARG(origin), oauth, STR_ARG(path));
  ret_urls[n++] = arena_printf(arena, "%.*s%s%.*s", STR_ARG(origin), openid, STR_ARG(path));
  if (path.n > 0) ret_urls[n++] = arena_printf(arena, "%.*s%.*s%s", STR_ARG(origin), STR_ARG(path), openid);
  return finish(ret_urls, n, ret_n, err);
}

/* ---- what both have ---- */

static enum err_code read_object(struct arena *arena, struct str body, yyjson_val **ret_root, struct err *err) {
  yyjson_doc *doc;
  struct err why;
  if (json_read(arena, body, &doc, &why) != ERR_NONE || !yyjson_is_obj(yyjson_doc_get_root(doc)))
    return err_set(err, ERR_UPSTREAM, "its metadata is no JSON object");
  *ret_root = yyjson_doc_get_root(doc);
  return ERR_NONE;
}

/* RFC 6749, 3.3: printable ASCII without spaces, quotes and backslashes. */
static bool is_scope(struct str scope) {
  for (size_t i = 0; i < scope.n; i++) {
    char c = scope.p[i];
    if (c < 0x21 || c > 0x7E || c == '"' || c == '\\') return false;
  }
  return scope.n > 0;
}

static enum err_code read_scopes(struct arena *arena, yyjson_val *list, struct str *ret_scopes, struct err *err) {
  struct buf out;
  size_t i, n;
  yyjson_val *item;
  *ret_scopes = STR("");
  if (!yyjson_is_arr(list)) return ERR_NONE;
  buf_init(&out, arena, SCOPES_MAX);
  yyjson_arr_foreach(list, i, n, item) {
    if (!is_scope(json_str(item))) continue;
    if (out.n > 0) buf_append_byte(&out, ' ');
    buf_append_str(&out, json_str(item));
  }
  if (buf_failed(&out)) return err_set(err, ERR_UPSTREAM, "its metadata lists more scopes than can be asked for");
  if (out.n > 0) *ret_scopes = buf_str(&out);
  return ERR_NONE;
}

static bool has_word(yyjson_val *list, const char *word) {
  size_t i, n;
  yyjson_val *item;
  if (!yyjson_is_arr(list)) return false;
  yyjson_arr_foreach(list, i, n, item) {
    if (str_eq_c(json_str(item), word)) return true;
  }
  return false;
}

/* ---- a resource ---- */

/* RFC 9728, 3.3: it has to be the one that was asked for. A document at the root may speak of all below it. */
static enum err_code check_resource(struct arena *arena, struct str resource, struct str server, struct err *err) {
  struct str own_origin, own_path, origin, path;
  struct err why;
  enum err_code code = cut(arena, server, &own_origin, &own_path, err);
  if (code != ERR_NONE) return code;
  bool is_url = cut(arena, resource, &origin, &path, &why) == ERR_NONE;
  bool is_within = is_url && str_eq(origin, own_origin) && str_starts(own_path, path) &&
                   (own_path.n == path.n || own_path.p[path.n] == '/');
  if (is_within) return ERR_NONE;
  return err_set(err, ERR_DENIED, "its metadata is about another server (%.*s): nothing is asked for in its name",
                 (int)(resource.n < 200 ? resource.n : 200), resource.p ? resource.p : "");
}

enum err_code grant_resource_read(struct arena *arena, struct str body, struct str server,
                                  struct grant_resource *ret_resource, struct err *err) {
  struct grant_resource resource = {.n_issuers = 0};
  yyjson_val *root, *item;
  size_t i, n;
  enum err_code code = read_object(arena, body, &root, err);
  if (code != ERR_NONE) return code;
  resource.resource = json_get_str(root, "resource");
  if (resource.resource.n == 0) return err_set(err, ERR_UPSTREAM, "its metadata does not say of which server it is");
  code = check_resource(arena, resource.resource, server, err);
  yyjson_val *servers = json_get(root, "authorization_servers");
  if (code == ERR_NONE && yyjson_is_arr(servers)) {
    yyjson_arr_foreach(servers, i, n, item) {
      struct str issuer = json_str(item);
      if (issuer.n > 0 && issuer.n <= TEXT_MAX && resource.n_issuers < GRANT_ISSUERS_MAX)
        resource.issuers[resource.n_issuers++] = issuer;
    }
  }
  if (code == ERR_NONE && resource.n_issuers == 0)
    code = err_set(err, ERR_UPSTREAM, "its metadata names no authorization server");
  if (code == ERR_NONE) code = read_scopes(arena, json_get(root, "scopes_supported"), &resource.scopes, err);
  if (code == ERR_NONE) *ret_resource = resource;
  return code;
}

/* ---- an authorization server ---- */

static enum err_code read_endpoint(struct arena *arena, yyjson_val *root, const char *name, bool is_needed,
                                   struct str *ret_url, struct err *err) {
  struct str url = json_get_str(root, name);
  *ret_url = STR("");
  if (url.n == 0 && !is_needed) return ERR_NONE;
  if (url.n == 0) return err_set(err, ERR_UPSTREAM, "its metadata has no %s", name);
  enum err_code code = grant_check_endpoint(arena, url, name, err);
  if (code == ERR_NONE) *ret_url = url;
  return code;
}

static void read_methods(yyjson_val *root, struct grant_server *server) {
  yyjson_val *methods = json_get(root, "token_endpoint_auth_methods_supported");
  server->has_basic = !methods || has_word(methods, "client_secret_basic"); /* RFC 8414, 2: the default */
  server->has_post = has_word(methods, "client_secret_post");
  server->has_none = has_word(methods, "none");
  server->has_jwt = has_word(methods, "private_key_jwt");
}

enum err_code grant_server_read(struct arena *arena, struct str body, struct str issuer,
                                struct grant_server *ret_server, struct err *err) {
  struct grant_server server = {.issuer = issuer};
  yyjson_val *root;
  enum err_code code = read_object(arena, body, &root, err);
  if (code != ERR_NONE) return code;
  /* RFC 8414, 3.3: else whoever can name an issuer could answer in another's name. Compared as texts. */
  if (!str_eq(json_get_str(root, "issuer"), issuer))
    return err_set(err, ERR_DENIED, "its metadata is of another issuer, and is not used");
  bool has_code = !json_get(root, "grant_types_supported") ||
                  has_word(json_get(root, "grant_types_supported"), "authorization_code");
  code = read_endpoint(arena, root, "authorization_endpoint", has_code, &server.authorize, err);
  if (code == ERR_NONE) code = read_endpoint(arena, root, "token_endpoint", true, &server.token, err);
  if (code == ERR_NONE) code = read_endpoint(arena, root, "registration_endpoint", false, &server.registration, err);
  if (code == ERR_NONE) code = read_endpoint(arena, root, "revocation_endpoint", false, &server.revoke, err);
  if (code == ERR_NONE) code = read_scopes(arena, json_get(root, "scopes_supported"), &server.scopes, err);
  if (code != ERR_NONE) return code;
  /* "MCP clients MUST refuse to proceed" where it does not say S256. */
  if (has_code && !has_word(json_get(root, "code_challenge_methods_supported"), "S256"))
    return err_set(err, ERR_UPSTREAM, "it does not support PKCE with S256, without which no code is asked for");
  server.has_documents = yyjson_is_true(json_get(root, "client_id_metadata_document_supported"));
  server.requires_iss = yyjson_is_true(json_get(root, "authorization_response_iss_parameter_supported"));
  /* One that does not give codes is asked for none, whatever address stands there: S256 was not looked for. */
  if (!has_code) server.authorize = STR("");
  read_methods(root, &server);
  *ret_server = server;
  return ERR_NONE;
}
