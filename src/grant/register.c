/* What Connek says of itself to authorization servers, and what they answer. Must not know when it is said. */
#include "grant/register.h"

#include "base/limits.h"
#include "codec/json.h"
#include "codec/url.h"
#include "grant/exchange.h"

enum { REGISTRATION_MAX = 16 * KIB, CLIENT_MAX = 4 * KIB };

static void text_write(struct buf *out, const char *name, struct str text) {
  if (out->n > 1) buf_append_byte(out, ',');
  json_write_str(out, str_of(name));
  buf_append_byte(out, ':');
  json_write_str(out, text);
}

static bool is_https(struct str url) {
  return str_starts(url, STR("https://"));
}

/* What stands in both: of the document and of a registration. */
static void about_us_write(struct buf *out, struct str public_url) {
  text_write(out, "client_name", STR("Connek"));
  text_write(out, "client_uri", public_url);
  buf_append_c(out, ",\"redirect_uris\":[\"");
  buf_append_str(out, public_url);
  /* Loopback alone may be plain http, and is a native application's (RFC 8252, 7.3; OpenID Connect Registration, 2). */
  buf_printf(
      out,
      "/oauth/callback\"],\"application_type\":\"%s\",\"grant_types\":[\"authorization_code\",\"refresh_token\"],"
      "\"response_types\":[\"code\"]",
      is_https(public_url) ? "web" : "native");
}

enum err_code grant_client_document(struct arena *arena, struct str public_url, struct str *ret_json, struct err *err) {
  struct buf out;
  buf_init(&out, arena, REGISTRATION_MAX);
  buf_append_c(&out, "{\"client_id\":\"");
  buf_append_str(&out, public_url);
  buf_append_c(&out, GRANT_CLIENT_DOCUMENT_PATH "\"");
  about_us_write(&out, public_url);
  text_write(&out, "token_endpoint_auth_method", STR("none"));
  buf_append_byte(&out, '}');
  if (buf_failed(&out)) return err_no_memory(err);
  *ret_json = buf_str(&out);
  return ERR_NONE;
}

bool grant_has_client_document(struct arena *arena, struct str public_url) {
  struct url url;
  if (!is_https(public_url) || url_parse(arena, public_url, &url, NULL) != ERR_NONE) return false;
  return !str_eq(url.host, STR("localhost")) && !str_starts(url.host, STR("127.")) && !url.is_ipv6;
}

/* A secret is better than none: what was registered is then of no use to who knows the id alone. */
static struct str wanted_method(const struct grant_server *about) {
  if (about->has_basic) return STR("client_secret_basic");
  if (about->has_post) return STR("client_secret_post");
  return STR("none");
}

enum err_code grant_registration_write(struct arena *arena, const struct grant_server *about, struct str public_url,
                                       struct str *ret_json, struct err *err) {
  struct buf out;
  buf_init(&out, arena, REGISTRATION_MAX);
  buf_append_byte(&out, '{');
  about_us_write(&out, public_url);
  text_write(&out, "token_endpoint_auth_method", wanted_method(about));
  buf_append_byte(&out, '}');
  if (buf_failed(&out)) return err_no_memory(err);
  *ret_json = buf_str(&out);
  return ERR_NONE;
}

enum err_code grant_client_method(const struct grant_server *about, bool has_secret,
                                  enum connector_client_auth *ret_client, struct err *err) {
  if (has_secret && about->has_basic)
    *ret_client = CONNECTOR_CLIENT_BASIC;
  else if (has_secret && about->has_post)
    *ret_client = CONNECTOR_CLIENT_BODY;
  else if (about->has_none)
    *ret_client = CONNECTOR_CLIENT_NONE;
  else
    return err_set(err, ERR_UPSTREAM, "%.*s accepts clients in no way that is known here",
                   STR_ARG(grant_host(about->issuer)));
  return ERR_NONE;
}

static enum err_code read_method(const struct grant_server *about, struct str word, bool has_secret,
                                 enum connector_client_auth *ret_client, struct err *err) {
  if (word.n == 0) return grant_client_method(about, has_secret, ret_client, err);
  if (str_eq(word, STR("client_secret_basic")) && has_secret)
    *ret_client = CONNECTOR_CLIENT_BASIC;
  else if (str_eq(word, STR("client_secret_post")) && has_secret)
    *ret_client = CONNECTOR_CLIENT_BODY;
  else if (str_eq(word, STR("none")))
    *ret_client = CONNECTOR_CLIENT_NONE;
  else
    return err_set(err, ERR_UPSTREAM, "%.*s has registered Connek in a way that was not asked for",
                   STR_ARG(grant_host(about->registration)));
  return ERR_NONE;
}

enum err_code grant_registration_read(struct arena *arena, const struct grant_server *about,
                                      const struct http_client_response *response,
                                      struct grant_authorization *authorization, struct err *err) {
  struct str host = grant_host(about->registration);
  yyjson_doc *doc = NULL;
  yyjson_val *root = NULL;
  if (json_read(arena, response->body, &doc, NULL) == ERR_NONE) root = yyjson_doc_get_root(doc);
  bool is_success = response->status == 200 || response->status == 201;
  struct str id = json_get_str(root, "client_id"), secret = json_get_str(root, "client_secret");
  struct str error = grant_clean(arena, json_get_str(root, "error"), 64);
  struct str text = grant_clean(arena, json_get_str(root, "error_description"), 160);
  if (!is_success)
    return err_set(err, ERR_UPSTREAM,
                   "%.*s does not register Connek (%d%s%.*s%s%.*s): an admin can do that there, and "
                   "then set the client id with connek client-app set",
                   STR_ARG(host), response->status, error.n > 0 ? ", " : "", STR_ARG(error), text.n > 0 ? ": " : "",
                   STR_ARG(text));
  if (id.n == 0 || id.n > CLIENT_MAX || secret.n > CLIENT_MAX)
    return err_set(err, ERR_UPSTREAM, "%.*s has registered Connek without a client id that can be used", STR_ARG(host));
  enum connector_client_auth client;
  enum err_code code = read_method(about, json_get_str(root, "token_endpoint_auth_method"), secret.n > 0, &client, err);
  if (code != ERR_NONE) return code;
  authorization->known_by = GRANT_CLIENT_REGISTERED;
  authorization->client_id = id;
  authorization->client_secret = client == CONNECTOR_CLIENT_NONE ? STR("") : secret;
  authorization->client = client;
  return ERR_NONE;
}
